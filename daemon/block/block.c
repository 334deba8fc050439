/* SPDX-License-Identifier: Apache-2.0
 *
 * block: birth and end of the store, and what is said or done about whole contents.  Threads: any.
 */
#include "block/block.h"

#include "base/file_util.h"
#include "base/log.h"
#include "base/mem.h"
#include "block/adopt.h"
#include "block/move.h"
#include "block/room.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

static size_t open_max_of(size_t asked)
{
    struct rlimit r = {.rlim_cur = 1024};
    getrlimit(RLIMIT_NOFILE, &r);
    size_t max = r.rlim_cur / 4 < 1024 ? (size_t)r.rlim_cur / 4 : 1024;
    max = asked && asked < max ? asked : max;
    return max / INDEX_SHARDS ? max / INDEX_SHARDS : 1;
}

static int check_options(const struct block_options *o, struct err *err)
{
    if (!evict_find(o->evictor))
        return err_set(err, ERR_CONFIG, "evictor '%s': allowed are lru and sieve", o->evictor);
    if (o->page_size < PAGE_FILE_PAGE_MIN || o->page_size > PAGE_FILE_PAGE_MAX)
        return err_set(err, ERR_CONFIG, "page size %u: allowed are %u to %u", o->page_size, PAGE_FILE_PAGE_MIN, PAGE_FILE_PAGE_MAX);
    if (o->tier_count > INDEX_TIERS)
        return err_set(err, ERR_CONFIG, "at most %d tiers", INDEX_TIERS);
    return 0;
}

int block_store_new(const struct block_options *o, struct block_store **ret, struct err *err)
{
    TRY(check_options(o, err));
    struct block_store *s = xnew(struct block_store);
    s->page_size = o->page_size;
    s->incarnation = o->incarnation;
    s->first_id = o->first_id;
    s->open_max = open_max_of(o->open_max);
    snprintf(s->cluster, sizeof s->cluster, "%s", o->cluster ? o->cluster : "");
    for (size_t i = 0; i < INDEX_SHARDS; i++)
        lock_init(&s->shards[i].lock, RANK_BLOCK);
    for (size_t i = 0; i < o->tier_count; i++)
        if (o->tiers[i].quota)
            tier_init(&s->tiers[s->tier_count++], &o->tiers[i], evict_find(o->evictor));
    for (unsigned i = 0; i < s->tier_count; i++)
        adopt_tier(s, i);
    lock_init(&s->lock, RANK_BLOCK_INNER);
    cond_init(&s->wake);
    s->has_work = true;
    thread_start(&s->thread, "block-move", move_thread, s);
    *ret = s;
    return 0;
}

void block_store_free(struct block_store *s)
{
    if (!s)
        return;
    lock_take(&s->lock);
    s->is_ending = true;
    cond_wake_all(&s->wake);
    lock_drop(&s->lock);
    thread_join(&s->thread);
    index_done(s);
    for (size_t i = 0; i < s->tier_count; i++)
        tier_done(&s->tiers[i]);
    cond_done(&s->wake);
    lock_done(&s->lock);
    free(s);
}

/* The content's block with the next sequence from *seq on, with a reference; NULL at the end. */
static struct block *next_block(struct block_store *s, content_id cid, uint32_t *seq)
{
    struct shard *h = index_shard(s, cid);
    LOCK_SCOPE(&h->lock);
    struct content *c = index_content_locked(h, cid);
    for (; c && *seq < c->slots; ++*seq) {
        struct block *b = index_block_locked(c, *seq);
        if (b) {
            __atomic_add_fetch(&b->owner.refs, 1, __ATOMIC_RELAXED);
            ++*seq;
            return b;
        }
    }
    return NULL;
}

uint64_t block_drop(struct block_store *s, content_id cid, bool also_dirty)
{
    uint64_t freed = 0;
    uint32_t seq = 0;
    for (struct block *b; (b = next_block(s, cid, &seq)); index_put(b)) {
        struct shard *h = index_shard(s, cid);
        lock_take(&h->lock);
        uint64_t bytes = index_present_bytes_locked(b);
        bool can = also_dirty || !b->is_dirty;
        lock_drop(&h->lock);
        if (can && index_remove(b, false))
            freed += bytes;
    }
    if (also_dirty)
        index_set_pinned(s, cid, false);
    return freed;
}

/* Only the flag on disk: if a crash loses it, the block is adopted as dirty and becomes clean when it
 * is read as part of a persisted content. */
static void write_clean_head(struct block *b)
{
    struct page_file f = index_layout(b);
    uint8_t header[PAGE_FILE_HEADER];
    if (index_open(b, NULL) < 0)
        return;
    f.incarnation = b->store->incarnation;
    memcpy(f.cluster, b->store->cluster, sizeof f.cluster);
    page_file_encode(&f, header);
    if (file_pwrite_all(b->fd, header, sizeof header, 0, NULL) < 0)
        log_warn(block, "cannot mark a block as persisted, continuing tier=%s", index_tier(b)->alias);
}

void block_set_clean(struct block_store *s, content_id cid)
{
    uint32_t seq = 0;
    for (struct block *b; (b = next_block(s, cid, &seq)); index_put(b)) {
        struct shard *h = index_shard(s, cid);
        lock_take(&h->lock);
        bool was_dirty = b->is_dirty, was_bad = b->is_bad;
        b->is_dirty = false;
        index_requeue_locked(b);
        lock_drop(&h->lock);
        if (was_dirty && was_bad)
            index_remove(b, false); /* the store has a whole copy */
        else if (was_dirty)
            write_clean_head(b);
    }
    room_check(s);
}

void block_set_pinned(struct block_store *s, content_id cid, bool is_pinned)
{
    index_set_pinned(s, cid, is_pinned);
}

void block_cached(struct block_store *s, content_id cid, struct content_cached *ret)
{
    *ret = (struct content_cached){0};
    struct shard *h = index_shard(s, cid);
    LOCK_SCOPE(&h->lock);
    struct content *c = index_content_locked(h, cid);
    for (uint32_t i = 0; c && i < c->slots; i++) {
        struct block *b = index_block_locked(c, i);
        if (!b)
            continue;
        *(index_tier(b)->is_durable ? &ret->disk_bytes : &ret->mem_bytes) += index_present_bytes_locked(b);
        ret->is_dirty |= b->is_dirty;
    }
}

static void count_locked(struct content *c, struct data_status *ret)
{
    for (uint32_t i = 0; i < c->slots; i++) {
        struct block *b = index_block_locked(c, i);
        if (!b)
            continue;
        ret->blocks++;
        ret->tiers[b->tier].pinned_bytes += b->is_pinned ? b->charged : 0;
        ret->tiers[b->tier].dirty_bytes += b->is_dirty ? b->charged : 0;
        for (uint32_t p = 0; p < index_page_count(b); p++)
            ret->pages += index_bit(b, false, p);
    }
}

static void tier_status_of(struct tier *t, struct tier_status *ret)
{
    memcpy(ret->alias, t->alias, sizeof ret->alias);
    memcpy(ret->path, t->path, sizeof ret->path);
    ret->quota_bytes = t->quota;
    ret->used_bytes = tier_used(t);
    ret->is_ok = tier_is_ok(t);
    LOCK_SCOPE(&t->lock);
    memcpy(ret->failure, t->failure, sizeof ret->failure);
}

void block_status(struct block_store *s, struct data_status *ret)
{
    ret->tier_count = s->tier_count;
    for (size_t i = 0; i < s->tier_count; i++)
        tier_status_of(&s->tiers[i], &ret->tiers[i]);
    for (size_t i = 0; i < INDEX_SHARDS; i++) {
        struct shard *h = &s->shards[i];
        LOCK_SCOPE(&h->lock);
        for (size_t k = 0; k < h->chain_count; k++)
            for (struct content *c = h->chains[k]; c; c = c->next)
                count_locked(c, ret);
    }
    ret->evicted_pages = __atomic_load_n(&s->evicted_pages, __ATOMIC_RELAXED);
    ret->bad_pages = __atomic_load_n(&s->bad_pages, __ATOMIC_RELAXED);
}

void block_totals(struct block_store *s, uint64_t *ret_quota, uint64_t *ret_used, uint64_t *ret_blocks)
{
    *ret_quota = *ret_used = *ret_blocks = 0;
    for (size_t i = 0; i < s->tier_count; i++) {
        *ret_quota += s->tiers[i].quota;
        *ret_used += tier_used(&s->tiers[i]);
    }
    for (size_t i = 0; i < INDEX_SHARDS; i++) {
        LOCK_SCOPE(&s->shards[i].lock);
        *ret_blocks += s->shards[i].blocks;
    }
}

/* The cursor is shard and position in it. */
size_t block_contents(struct block_store *s, uint64_t *cursor, inode_id *inos, content_id *cids, size_t max)
{
    size_t n = 0;
    for (; *cursor >> 40 < INDEX_SHARDS && n < max; *cursor = ((*cursor >> 40) + 1) << 40) {
        struct shard *h = &s->shards[*cursor >> 40];
        LOCK_SCOPE(&h->lock);
        for (size_t skip = *cursor & 0xffffffffff, at = 0, k = 0; k < h->chain_count; k++)
            for (struct content *c = h->chains[k]; c; c = c->next, at++) {
                if (at < skip)
                    continue;
                if (n == max) {
                    *cursor = (*cursor & ~(uint64_t)0xffffffffff) | at;
                    return n;
                }
                inos[n] = c->ino;
                cids[n++] = c->cid;
            }
    }
    return n;
}
