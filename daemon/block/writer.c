/* SPDX-License-Identifier: Apache-2.0
 *
 * writer: a whole content into block files (block_writer_* of block.h).
 *
 * Invariants
 * 1. A block is written under a temporary name; it is renamed when all of the content is written,
 *    and enters the index after that.
 * 2. Dirty on a durable tier: data and head are on disk before the rename, the folders after it,
 *    and only then does the commit return.
 * 3. Clean blocks are not synced: what a power cut tears, the checksums show.
 *
 *   writing --block_writer_add--> written --commit: seal, publish--> indexed
 *      \______________________________\_______ block_writer_free: files removed
 *
 * Threads: one at a time for a writer.
 */
#include "block/room.h"

#include "base/fault.h"
#include "base/file_util.h"
#include "base/mem.h"
#include "block/move.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

struct block_writer {
    struct block_store *store;
    struct block_key key;
    enum block_write kind;
    uint64_t length; /* so far */
    uint32_t page_size, page_len;
    char *page; /* being filled */
    size_t count, published;
    struct block **blocks; /* not in the index yet */
};

struct block_writer *block_writer_new(struct block_store *s, const struct block_key *k, enum block_write kind)
{
    struct block_writer *w = xnew(struct block_writer);
    *w = (struct block_writer){.store = s, .key = *k, .kind = kind, .page_size = block_page_size(s, k->block_size)};
    return w;
}

static struct page_file layout(struct block_writer *w)
{
    uint32_t seq = (uint32_t)w->count;
    uint64_t at = (uint64_t)seq * w->key.block_size;
    uint64_t left = w->key.length > at ? w->key.length - at : w->key.block_size;
    struct page_file f = {.ino = w->key.ino, .cid = w->key.cid, .seq = seq, .block_size = w->key.block_size,
                          .page_size = w->page_size, .incarnation = w->store->incarnation,
                          .flags = w->kind == BLOCK_CLEAN ? 0 : PAGE_FILE_DIRTY};
    f.capacity = f.length = (uint32_t)(left < w->key.block_size ? left : w->key.block_size);
    memcpy(f.cluster, w->store->cluster, sizeof f.cluster);
    return f;
}

static int next_block(struct block_writer *w, struct err *err)
{
    struct page_file f = layout(w);
    uint64_t head = page_file_data_off(&f);
    unsigned tier;
    TRY(room_find(w->store, head + w->page_size, w->key.length, w->kind == BLOCK_DIRTY_DURABLE, &tier, err));
    struct tier *t = &w->store->tiers[tier];
    tier_release(t, w->page_size);
    uint32_t serial = tier_serial(t);
    struct tier_name name = tier_name(f.cid, f.seq, serial);
    int fd = tier_create(t, &name, false, err);
    if (fd < 0) {
        tier_release(t, head);
        return fd;
    }
    w->blocks = xrealloc(w->blocks, (w->count + 1) * sizeof(struct block *));
    w->blocks[w->count++] = index_block_new(w->store, &f, tier, serial, fd, head);
    return 0;
}

static int pwrite_to(struct block *b, const void *data, size_t len, uint64_t off, struct err *err)
{
    errno = 0;
    if (file_pwrite_all(b->fd, data, len, off, NULL) < 0)
        return tier_failed(index_tier(b), errno ? errno : EIO, "write a block", err);
    return 0;
}

/* The last block goes on in another tier, with a copy of what it has. */
static int spill_to(struct block_writer *w, unsigned tier, uint64_t filled, struct err *err)
{
    struct block *b = w->blocks[w->count - 1];
    struct tier *t = &w->store->tiers[tier];
    struct page_file f = layout(w);
    f.seq = b->seq;
    f.capacity = b->capacity;
    f.length = b->length;
    uint32_t serial = tier_serial(t);
    struct tier_name name = tier_name(f.cid, f.seq, serial), old = index_name(b);
    int fd = tier_create(t, &name, false, err);
    if (fd < 0) {
        tier_release(t, b->charged);
        return fd;
    }
    struct block *nb = index_block_new(w->store, &f, tier, serial, fd, b->charged);
    for (uint32_t i = 0; i < index_page_count(b); i++)
        if (index_bit(b, false, i)) {
            index_set_bit_locked(nb, false, i); /* nobody else knows either */
            index_set_bit_locked(nb, true, i);
        }
    w->blocks[w->count - 1] = nb; /* from here on what is left over is removed with the writer */
    int rc = move_bytes(b->fd, fd, 0, filled, err);
    tier_unlink(index_tier(b), &old, true);
    index_put(b);
    return rc;
}

/* Its tier has no room left for a content whose length nobody told: a later one may. */
static int spill(struct block_writer *w, uint64_t filled, uint64_t more, struct err *err)
{
    struct block *b = w->blocks[w->count - 1];
    for (unsigned i = b->tier + 1u; i < w->store->tier_count; i++)
        if (room_reserve(w->store, i, b->charged + more, NULL) == 0) {
            int rc = spill_to(w, i, filled, err);
            if (rc < 0)
                tier_release(&w->store->tiers[i], more);
            return rc;
        }
    return err_set(err, ERR_NO_SPACE, "the cache has no room for the rest of content %llu", (unsigned long long)w->key.cid);
}

/* The page in hand goes to the last block; its record with it, of the length that the block has so far. */
static int flush_page(struct block_writer *w, struct err *err)
{
    if (!w->page_len)
        return 0;
    struct block *b = w->blocks[w->count - 1];
    uint64_t in = w->length - w->page_len - (uint64_t)b->seq * w->key.block_size;
    uint32_t page = (uint32_t)(in / w->page_size);
    uint64_t charged = ((uint64_t)w->page_len + 8191) / 4096 * 4096;
    b->length = (uint32_t)in + w->page_len;
    struct page_file f = index_layout(b);
    if (room_reserve(w->store, b->tier, charged, NULL) < 0) {
        TRY(spill(w, page_file_page_off(&f, page), charged, err));
        b = w->blocks[w->count - 1];
    }
    b->charged += charged;
    TRY(pwrite_to(b, w->page, w->page_len, page_file_page_off(&f, page), err));
    AUTO_FREE uint8_t *record = xmalloc(page_file_record_bytes(f.page_size));
    page_file_record(&f, page, w->page, w->page_len, record);
    TRY(pwrite_to(b, record, page_file_record_bytes(f.page_size), page_file_record_off(&f, page), err));
    index_set_bit_locked(b, false, page); /* nobody else knows the block */
    index_set_bit_locked(b, true, page);
    w->page_len = 0;
    return 0;
}

/* The block's file is whole: header with its true length; on disk when that is promised; closed, so
 * that a large content does not hold a descriptor for each block. */
static int seal(struct block_writer *w, struct err *err)
{
    if (!w->count || w->blocks[w->count - 1]->fd < 0)
        return 0;
    struct block *b = w->blocks[w->count - 1];
    TRY(flush_page(w, err));
    FAULT("block.after_data");
    struct page_file f = index_layout(b);
    f.flags = b->is_dirty ? PAGE_FILE_DIRTY : 0;
    f.incarnation = w->store->incarnation;
    memcpy(f.cluster, w->store->cluster, sizeof f.cluster);
    uint8_t header[PAGE_FILE_HEADER];
    page_file_encode(&f, header);
    TRY(pwrite_to(b, header, sizeof header, 0, err));
    if (ftruncate(b->fd, (off_t)(page_file_data_off(&f) + f.capacity)) < 0)
        return tier_failed(index_tier(b), errno, "size a block", err);
    if (b->is_dirty && index_tier(b)->is_durable && fsync(b->fd) < 0)
        return tier_failed(index_tier(b), errno, "sync a block", err);
    FAULT("block.after_meta");
    close(b->fd);
    b->fd = -1;
    return 0;
}

static int add_some(struct block_writer *w, const char *data, size_t len, size_t *ret_taken, struct err *err)
{
    uint64_t in = w->length % w->key.block_size;
    if (in == 0) {
        TRY(seal(w, err));
        TRY(next_block(w, err));
    }
    uint64_t in_page = in % w->page_size;
    uint64_t room = w->page_size - in_page;
    uint64_t left = w->blocks[w->count - 1]->capacity - in; /* less than the block's size when the length was told */
    if (in >= w->blocks[w->count - 1]->capacity)
        return err_set(err, ERR_INVALID_ARGUMENT, "more bytes came than the %llu that were told", (unsigned long long)w->key.length);
    room = room < left ? room : left;
    size_t n = len < room ? len : (size_t)room;
    if (!w->page)
        w->page = xmalloc(w->page_size);
    memcpy(w->page + w->page_len, data, n);
    w->page_len += (uint32_t)n;
    w->length += n;
    *ret_taken = n;
    return n == room ? flush_page(w, err) : 0;
}

int block_writer_add(struct block_writer *w, const void *data, size_t len, struct err *err)
{
    for (size_t done = 0, n = 0; done < len; done += n)
        TRY(add_some(w, (const char *)data + done, len - done, &n, err));
    return 0;
}

static int publish(struct block_writer *w, struct block *b, bool *is_durable, struct err *err)
{
    struct tier *t = index_tier(b);
    struct tier_name name = index_name(b);
    FAULT("block.before_rename");
    TRY(tier_publish(t, &name, err));
    w->published++;
    if (!t->is_durable)
        *is_durable = false;
    else if (b->is_dirty)
        TRY(tier_sync_folder(t, &name, err));
    return 0;
}

static void give_up(struct block_writer *w)
{
    for (size_t i = 0; i < w->count; i++) {
        struct tier_name name = index_name(w->blocks[i]);
        if (!index_remove(w->blocks[i], false)) /* not in the index: only a file */
            tier_unlink(index_tier(w->blocks[i]), &name, i >= w->published);
        index_put(w->blocks[i]);
    }
    w->count = 0;
}

int block_writer_commit(struct block_writer *w, bool *ret_is_durable, struct err *err)
{
    bool is_durable = w->kind != BLOCK_CLEAN;
    TRY(seal(w, err));
    for (size_t i = 0; i < w->count; i++)
        TRY(publish(w, w->blocks[i], &is_durable, err));
    for (size_t i = 0; i < w->count; i++)
        if (!index_add(w->blocks[i]))
            return err_set(err, ERR_CONFLICT, "content %llu is cached already", (unsigned long long)w->key.cid);
    for (size_t i = 0; i < w->count; i++)
        index_put(w->blocks[i]);
    w->count = 0;
    room_check(w->store);
    *ret_is_durable = is_durable;
    return 0;
}

void block_writer_free(struct block_writer *w)
{
    if (!w)
        return;
    give_up(w);
    free(w->blocks);
    free(w->page);
    free(w);
}
