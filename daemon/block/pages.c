/* SPDX-License-Identifier: Apache-2.0
 *
 * pages: clean pages in, slices out (block_pin, block_has, block_put of block.h).  What is served
 * was checked: a page written by this process is trusted while its file stays open (in memory: for
 * good), an adopted one or one of a reopened disk file is compared with its checksum at first touch.
 * Threads: any.  No lock is held across I/O.
 */
#include "block/room.h"

#include "base/fault.h"
#include "base/file_util.h"
#include "base/log.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static uint32_t seq_of(const struct block_key *k, uint64_t off)
{
    return (uint32_t)(off / k->block_size);
}

static bool is_usable_locked(const struct block *b, uint32_t in)
{
    return in < b->length && index_bit(b, false, in / b->page_size) && (b->is_dirty || tier_is_ok(index_tier(b)));
}

enum found { FOUND_NOTHING, FOUND_UNCHECKED, FOUND_SLICE };

/* One passage under the shard's lock; with a reference to *ret_block unless nothing was found. */
static enum found look(struct block_store *s, const struct block_key *k, uint64_t off, size_t max, struct block_pinned *ret,
                       struct block **ret_block)
{
    struct shard *h = index_shard(s, k->cid);
    uint32_t in = (uint32_t)(off % k->block_size);
    LOCK_SCOPE(&h->lock);
    struct content *c = index_content_locked(h, k->cid);
    struct block *b = c && c->block_size == k->block_size ? index_block_locked(c, seq_of(k, off)) : NULL;
    if (!b || !is_usable_locked(b, in))
        return FOUND_NOTHING;
    __atomic_add_fetch(&b->owner.refs, 1, __ATOMIC_RELAXED);
    *ret_block = b;
    bool is_mem = !index_tier(b)->is_durable;
    if (b->fd < 0 || (is_mem && !b->map) || !index_bit(b, true, in / b->page_size))
        return FOUND_UNCHECKED;
    index_opened_locked(b);
    index_slice_locked(b, in, max, &ret->slice);
    ret->is_dirty = b->is_dirty;
    ret->is_mem = is_mem;
    ret->is_pinned = b->is_pinned;
    return FOUND_SLICE;
}

static int matches(struct block *b, const struct page_file *f, uint32_t page, struct err *err)
{
    AUTO_FREE uint8_t *record = xmalloc(page_file_record_bytes(f->page_size));
    AUTO_FREE char *copy = NULL;
    uint32_t len = page_file_page_len(f, page);
    TRY(file_pread_all(b->fd, record, page_file_record_bytes(f->page_size), page_file_record_off(f, page), err));
    const char *data = b->map ? b->map + page_file_page_off(f, page) : NULL;
    if (!data) {
        data = copy = xmalloc(len);
        TRY(file_pread_all(b->fd, copy, len, page_file_page_off(f, page), err));
    }
    if (!page_file_matches(f, page, record, data))
        return err_set(err, ERR_CORRUPT, "page %u of block %u of content %llu is damaged", page, f->seq, (unsigned long long)f->cid);
    return 0;
}

/* A damaged clean block goes, to be fetched again; a dirty one stays where it is, out of reach of
 * eviction, because the rest of it is the only copy: it is only reported. */
static int damaged(struct block *b, struct err *why, struct err *err)
{
    struct shard *h = index_shard(b->store, b->cid);
    __atomic_add_fetch(&b->store->bad_pages, 1, __ATOMIC_RELAXED);
    lock_take(&h->lock);
    bool is_dirty = b->is_dirty, is_news = !b->is_bad;
    b->is_bad = true;
    lock_drop(&h->lock);
    if (!is_dirty) {
        log_warn(block, "%s, continuing with the store's copy tier=%s", why->text, index_tier(b)->alias);
        index_remove(b, false);
        return -ERR_NOT_FOUND;
    }
    if (is_news)
        log_error(block, "%s and was not persisted: quarantined tier=%s", why->text, index_tier(b)->alias);
    return err_set(err, ERR_CORRUPT, "%s", why->text);
}

/* A clean block whose file went by another hand is forgotten; one that cannot be opened now stays. */
static int not_opened(struct block *b, struct err *why, struct err *err)
{
    struct shard *h = index_shard(b->store, b->cid);
    struct tier_name name = index_name(b);
    lock_take(&h->lock);
    bool is_dirty = b->is_dirty;
    lock_drop(&h->lock);
    if (is_dirty)
        return err_set(err, why->code, "%s", why->text);
    if (faccessat(index_tier(b)->root, name.text, F_OK, 0) < 0 && errno == ENOENT)
        index_remove(b, false);
    return -ERR_NOT_FOUND;
}

/* Opens and checks one page. The reader has a reference, so nobody closes the file meanwhile. */
static int check(struct block *b, uint32_t page, struct err *err)
{
    struct err why = {0};
    struct page_file f = index_layout(b);
    if (index_open(b, &why) < 0)
        return not_opened(b, &why, err);
    int rc = matches(b, &f, page, &why);
    if (rc == -ERR_IO)
        tier_failed(index_tier(b), EIO, "read a block", NULL);
    if (rc < 0)
        return damaged(b, &why, err);
    struct shard *h = index_shard(b->store, b->cid);
    LOCK_SCOPE(&h->lock);
    index_set_bit_locked(b, true, page);
    return 0;
}

int block_pin(struct block_store *s, const struct block_key *k, uint64_t off, size_t max, struct block_pinned *ret, struct err *err)
{
    struct block *b = NULL;
    for (int tries = 0; tries < 4; tries++) { /* between check and look the file may be closed again */
        enum found found = look(s, k, off, max, ret, &b);
        if (found == FOUND_NOTHING)
            return -ERR_NOT_FOUND;
        if (found == FOUND_SLICE) {
            index_hit(b);
            return 0;
        }
        int rc = check(b, (uint32_t)(off % k->block_size) / b->page_size, err);
        index_put(b);
        TRY(rc);
    }
    return -ERR_NOT_FOUND;
}

bool block_has(struct block_store *s, const struct block_key *k, uint64_t off)
{
    struct shard *h = index_shard(s, k->cid);
    LOCK_SCOPE(&h->lock);
    struct content *c = index_content_locked(h, k->cid);
    struct block *b = c && c->block_size == k->block_size ? index_block_locked(c, seq_of(k, off)) : NULL;
    return b && is_usable_locked(b, (uint32_t)(off % k->block_size));
}

uint32_t block_page_size(const struct block_store *s, uint32_t block_size)
{
    return s->page_size < block_size ? s->page_size : block_size;
}

static struct page_file layout(struct block_store *s, const struct block_key *k, uint32_t seq)
{
    uint64_t left = k->length - (uint64_t)seq * k->block_size;
    struct page_file f = {.ino = k->ino, .cid = k->cid, .seq = seq, .block_size = k->block_size,
                          .page_size = block_page_size(s, k->block_size), .incarnation = s->incarnation};
    f.capacity = f.length = (uint32_t)(left < k->block_size ? left : k->block_size);
    memcpy(f.cluster, s->cluster, sizeof f.cluster);
    return f;
}

static int write_head(struct tier *t, int fd, const struct page_file *f, struct err *err)
{
    uint8_t header[PAGE_FILE_HEADER];
    page_file_encode(f, header);
    if (ftruncate(fd, (off_t)(page_file_data_off(f) + f->capacity)) < 0)
        return tier_failed(t, errno, "size a block file", err);
    if (pwrite(fd, header, sizeof header, 0) != (ssize_t)sizeof header)
        return tier_failed(t, errno, "write a block file", err);
    return 0;
}

/* A new empty block with room for its head; in the index when it returns, unless another was faster: then that one. */
static int make(struct block_store *s, const struct block_key *k, uint32_t seq, uint64_t first_page, struct block **ret, struct err *err)
{
    struct page_file f = layout(s, k, seq);
    uint64_t head = page_file_data_off(&f);
    unsigned tier;
    TRY(room_find(s, head + first_page, k->length, false, &tier, err));
    struct tier *t = &s->tiers[tier];
    tier_release(t, first_page); /* the page reserves for itself */
    uint32_t serial = tier_serial(t);
    struct tier_name name = tier_name(k->cid, seq, serial);
    int fd = tier_create(t, &name, true, err);
    if (fd < 0) {
        tier_release(t, head);
        return fd;
    }
    struct block *b = index_block_new(s, &f, tier, serial, fd, head);
    int rc = write_head(t, fd, &f, err);
    if (rc == 0 && index_add(b)) {
        if (k->is_pinned)
            index_set_pinned(s, k->cid, true);
        *ret = b;
        return 0;
    }
    tier_unlink(t, &name, false);
    index_put(b);
    if (rc == 0)
        *ret = index_get(s, k->cid, k->block_size, seq);
    return rc < 0 ? rc : *ret ? 0 : err_set(err, ERR_CONFLICT, "the content changed its shape");
}

static int write_page(struct block *b, uint32_t page, const void *data, size_t len, struct err *err)
{
    struct page_file f = index_layout(b);
    struct tier *t = index_tier(b);
    size_t bytes = page_file_record_bytes(f.page_size);
    AUTO_FREE uint8_t *record = xmalloc(bytes);
    page_file_record(&f, page, data, len, record);
    errno = 0;
    if (file_pwrite_all(b->fd, data, len, page_file_page_off(&f, page), NULL) < 0)
        return tier_failed(t, errno ? errno : EIO, "write a page", err);
    FAULT("block.after_data");
    if (file_pwrite_all(b->fd, record, bytes, page_file_record_off(&f, page), NULL) < 0)
        return tier_failed(t, errno ? errno : EIO, "write a page", err);
    FAULT("block.after_meta");
    return 0;
}

/* Counts the page once, however many wrote it. */
static void add_page(struct block *b, uint32_t page, uint64_t charged)
{
    struct shard *h = index_shard(b->store, b->cid);
    lock_take(&h->lock);
    bool is_new = !index_bit(b, false, page);
    if (is_new) {
        b->charged += charged;
        index_set_bit_locked(b, false, page);
        index_set_bit_locked(b, true, page);
    }
    lock_drop(&h->lock);
    if (!is_new)
        tier_release(index_tier(b), charged);
}

static int put_page(struct block *b, uint32_t page, const void *data, size_t len, struct err *err)
{
    uint64_t charged = ((uint64_t)len + 4095) / 4096 * 4096 + 4096; /* a page may share its first and last 4 KiB */
    charged -= b->page_size % 4096 ? 0 : 4096;
    TRY(room_reserve(b->store, b->tier, charged, err));
    int rc = index_open(b, err);
    if (rc == 0)
        rc = write_page(b, page, data, len, err);
    if (rc < 0)
        tier_release(index_tier(b), charged);
    else
        add_page(b, page, charged);
    return rc;
}

int block_put(struct block_store *s, const struct block_key *k, uint64_t off, const void *data, size_t len, struct err *err)
{
    uint32_t seq = seq_of(k, off), in = (uint32_t)(off % k->block_size);
    struct block *b = index_get(s, k->cid, k->block_size, seq);
    if (!b)
        TRY(make(s, k, seq, (len + 4095) / 4096 * 4096, &b, err));
    struct page_file f = index_layout(b);
    int rc;
    if (b->is_dirty || in % b->page_size || len != page_file_page_len(&f, in / b->page_size))
        rc = err_set(err, ERR_INVALID_ARGUMENT, "not a page of this content");
    else
        rc = put_page(b, in / b->page_size, data, len, err);
    index_put(b);
    room_check(s);
    return rc;
}
