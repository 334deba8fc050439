/* SPDX-License-Identifier: Apache-2.0
 *
 * index_file: one block in memory: its pages, its open file, its end.  Threads: any.  Files are
 * opened and closed without a lock; a bounded number stays open, the longest unused is closed first.
 */
#include "block/index.h"

#include "base/mem.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

struct tier *index_tier(const struct block *b)
{
    return &b->store->tiers[b->tier];
}

struct tier_name index_name(const struct block *b)
{
    return tier_name(b->cid, b->seq, b->serial);
}

uint32_t index_page_count(const struct block *b)
{
    return (uint32_t)(((uint64_t)b->capacity + b->page_size - 1) / b->page_size);
}

struct page_file index_layout(const struct block *b)
{
    return (struct page_file){.ino = b->ino, .cid = b->cid, .seq = b->seq, .block_size = b->block_size,
                              .page_size = b->page_size, .capacity = b->capacity, .length = b->length};
}

static void close_file(int fd, char *map, size_t map_len)
{
    if (map)
        munmap(map, map_len);
    if (fd >= 0)
        close(fd);
}

static size_t map_len(const struct block *b)
{
    struct page_file f = index_layout(b);
    return (size_t)(page_file_data_off(&f) + b->capacity);
}

static void block_release(struct slice_owner *o)
{
    struct block *b = (struct block *)o;
    close_file(b->fd, b->map, map_len(b));
    if (b->is_gone) /* not when the store ends */
        tier_release(index_tier(b), b->charged);
    if (index_page_count(b) > 64) {
        free(b->present.more);
        free(b->checked.more);
    }
    free(b);
}

struct block *index_block_new(struct block_store *s, const struct page_file *f, unsigned tier, uint32_t serial, int fd, uint64_t charged)
{
    struct block *b = xnew(struct block);
    *b = (struct block){.owner = {.release = block_release, .refs = 1}, .store = s, .cid = f->cid, .ino = f->ino,
                        .seq = f->seq, .capacity = f->capacity, .serial = serial, .length = f->length,
                        .block_size = f->block_size, .page_size = f->page_size, .tier = (uint8_t)tier,
                        .is_gone = true, .fd = -1, .charged = charged};
    b->is_dirty = f->flags & PAGE_FILE_DIRTY;
    size_t words = ((size_t)index_page_count(b) + 63) / 64;
    if (words > 1) {
        b->present.more = xcalloc(words, 8);
        b->checked.more = xcalloc(words, 8);
    }
    b->fd = fd;
    return b;
}

void index_put(struct block *b)
{
    slice_unref(&(struct slice){.owner = &b->owner});
}

bool index_bit(const struct block *b, bool checked, uint32_t page)
{
    const uint64_t *bits = index_page_count(b) > 64 ? (checked ? b->checked.more : b->present.more)
                                                    : (checked ? &b->checked.bits : &b->present.bits);
    return bits[page / 64] >> (page % 64) & 1;
}

void index_set_bit_locked(struct block *b, bool checked, uint32_t page)
{
    uint64_t *bits = index_page_count(b) > 64 ? (checked ? b->checked.more : b->present.more)
                                              : (checked ? &b->checked.bits : &b->present.bits);
    bits[page / 64] |= (uint64_t)1 << (page % 64);
}

uint64_t index_present_bytes_locked(const struct block *b)
{
    uint64_t sum = 0;
    struct page_file f = index_layout(b);
    for (uint32_t i = 0; i < index_page_count(b); i++)
        sum += index_bit(b, false, i) ? page_file_page_len(&f, i) : 0;
    return sum;
}

void index_requeue_locked(struct block *b)
{
    struct tier *t = index_tier(b);
    bool should = !b->is_gone && !b->is_dirty && !b->is_pinned;
    LOCK_SCOPE(&t->lock);
    if (should && !b->node.is_in)
        t->policy->add(&t->queue, &b->node);
    else if (!should && b->node.is_in)
        t->policy->remove(&t->queue, &b->node);
}

void index_hit(struct block *b)
{
    struct tier *t = index_tier(b);
    if (t->policy->is_hit_free) {
        t->policy->hit(&t->queue, &b->node);
        return;
    }
    LOCK_SCOPE(&t->lock);
    if (b->node.is_in)
        t->policy->hit(&t->queue, &b->node);
}

/* A file of a disk tier that is opened again is checked again; one in memory once after adoption. */
static void forget_checks_locked(struct block *b)
{
    if (!index_tier(b)->is_durable)
        return;
    if (index_page_count(b) <= 64)
        b->checked.bits = 0;
    else
        for (size_t i = 0; i < ((size_t)index_page_count(b) + 63) / 64; i++)
            b->checked.more[i] = 0;
}

static void close_idle(struct shard *h, size_t max)
{
    for (;;) {
        lock_take(&h->lock);
        struct block *b = h->open_count > max ? index_idle_open_locked(h) : NULL;
        int fd = b ? b->fd : -1;
        char *map = b ? b->map : NULL;
        size_t len = b ? map_len(b) : 0;
        if (b) {
            b->fd = -1;
            b->map = NULL;
            forget_checks_locked(b);
        }
        lock_drop(&h->lock);
        if (!b)
            return;
        close_file(fd, map, len);
    }
}

static bool is_open(struct block *b)
{
    struct shard *h = index_shard(b->store, b->cid);
    LOCK_SCOPE(&h->lock);
    return b->fd >= 0 && (b->map || index_tier(b)->is_durable);
}

/* Installs what was opened unless another thread was first; gives back what is left to close. */
static void install(struct block *b, int *fd, char **map)
{
    struct shard *h = index_shard(b->store, b->cid);
    LOCK_SCOPE(&h->lock);
    if (b->fd < 0) {
        b->fd = *fd;
        *fd = -1;
        index_opened_locked(b);
    }
    if (!b->map) {
        b->map = *map;
        *map = NULL;
    }
}

int index_open(struct block *b, struct err *err)
{
    struct tier *t = index_tier(b);
    if (is_open(b))
        return 0;
    struct tier_name name = index_name(b);
    int fd = tier_open(t, &name, err);
    TRY(fd);
    char *map = NULL;
    if (!t->is_durable) {
        map = mmap(NULL, map_len(b), PROT_READ, MAP_SHARED, fd, 0);
        if (map == MAP_FAILED) {
            close(fd);
            return err_set_errno(err, ERR_IO, errno, "cannot map a block of tier %s", t->alias);
        }
    }
    install(b, &fd, &map);
    close_file(fd, map, map_len(b));
    close_idle(index_shard(b->store, b->cid), b->store->open_max);
    return 0;
}

void index_slice_locked(struct block *b, uint32_t in, size_t max, struct slice *ret)
{
    uint64_t end = in;
    for (uint32_t i = in / b->page_size; i < index_page_count(b) && end < b->length && end - in < max; i++) {
        if (!index_bit(b, false, i) || !index_bit(b, true, i))
            break;
        end = ((uint64_t)i + 1) * b->page_size;
    }
    end = end < b->length ? end : b->length;
    struct page_file f = index_layout(b);
    uint64_t at = page_file_data_off(&f) + in;
    size_t len = (size_t)(end - in);
    *ret = (struct slice){.mem = b->map ? b->map + at : NULL, .fd = b->fd, .is_mapped = b->map, .off = at,
                          .len = len < max ? len : max, .owner = &b->owner};
}
