/* SPDX-License-Identifier: Apache-2.0
 *
 * index: contents and blocks in hash chains, sharded by content.  Threads: any.
 */
#include "block/index.h"

#include "base/mem.h"

#include <string.h>

static size_t chain_of(const struct shard *h, content_id cid)
{
    return (cid * 0x9E3779B97F4A7C15u >> 20) % h->chain_count;
}

struct shard *index_shard(struct block_store *s, content_id cid)
{
    return &s->shards[(cid * 0x9E3779B97F4A7C15u >> 60) % INDEX_SHARDS];
}

struct content *index_content_locked(struct shard *h, content_id cid)
{
    if (!h->chain_count)
        return NULL;
    struct content *c = h->chains[chain_of(h, cid)];
    while (c && c->cid != cid)
        c = c->next;
    return c;
}

struct block *index_block_locked(const struct content *c, uint32_t seq)
{
    if (seq >= c->slots)
        return NULL;
    return c->slots == 1 ? c->blocks.one : c->blocks.many[seq];
}

struct block *index_get(struct block_store *s, content_id cid, uint32_t block_size, uint32_t seq)
{
    struct shard *h = index_shard(s, cid);
    LOCK_SCOPE(&h->lock);
    struct content *c = index_content_locked(h, cid);
    struct block *b = c && c->block_size == block_size ? index_block_locked(c, seq) : NULL;
    if (b)
        __atomic_add_fetch(&b->owner.refs, 1, __ATOMIC_RELAXED);
    return b;
}

static void grow_locked(struct shard *h)
{
    if (h->contents < 2 * h->chain_count)
        return;
    struct shard old = *h;
    h->chain_count = old.chain_count ? 2 * old.chain_count : 64;
    h->chains = xcalloc(h->chain_count, sizeof *h->chains);
    for (size_t i = 0; i < old.chain_count; i++)
        for (struct content *c = old.chains[i], *next; c; c = next) {
            next = c->next;
            struct content **at = &h->chains[chain_of(h, c->cid)];
            c->next = *at;
            *at = c;
        }
    free(old.chains);
}

static struct content *content_new_locked(struct shard *h, const struct block *b)
{
    grow_locked(h);
    struct content *c = xnew(struct content);
    *c = (struct content){.cid = b->cid, .ino = b->ino, .block_size = b->block_size};
    struct content **at = &h->chains[chain_of(h, b->cid)];
    c->next = *at;
    *at = c;
    h->contents++;
    return c;
}

static void content_free_locked(struct shard *h, struct content *c)
{
    struct content **at = &h->chains[chain_of(h, c->cid)];
    while (*at != c)
        at = &(*at)->next;
    *at = c->next;
    if (c->slots > 1)
        free(c->blocks.many);
    free(c);
    h->contents--;
}

static struct block **slot_locked(struct content *c, uint32_t seq)
{
    if (c->slots == 0 && seq == 0)
        c->slots = 1;
    if (seq >= c->slots) {
        uint32_t slots = c->slots * 2 > seq + 1 ? c->slots * 2 : seq + 1;
        slots = slots < 2 ? 2 : slots;
        struct block **many = xcalloc(slots, sizeof(struct block *));
        if (c->slots == 1)
            many[0] = c->blocks.one;
        else if (c->slots)
            memcpy(many, c->blocks.many, c->slots * sizeof *many);
        if (c->slots > 1)
            free(c->blocks.many);
        c->blocks.many = many;
        c->slots = slots;
    }
    return c->slots == 1 ? &c->blocks.one : &c->blocks.many[seq];
}

static void open_link_locked(struct shard *h, struct block *b)
{
    b->open_older = h->open_newest;
    b->open_newer = NULL;
    *(h->open_newest ? &h->open_newest->open_newer : &h->open_oldest) = b;
    h->open_newest = b;
    h->open_count++;
}

static void open_unlink_locked(struct shard *h, struct block *b)
{
    *(b->open_newer ? &b->open_newer->open_older : &h->open_newest) = b->open_older;
    *(b->open_older ? &b->open_older->open_newer : &h->open_oldest) = b->open_newer;
    b->open_newer = b->open_older = NULL;
    h->open_count--;
}

void index_opened_locked(struct block *b)
{
    struct shard *h = index_shard(b->store, b->cid);
    if (b->is_gone || h->open_newest == b)
        return;
    if (b->open_newer)
        open_unlink_locked(h, b);
    open_link_locked(h, b);
}

/* The oldest open file that nobody uses, out of the list. */
struct block *index_idle_open_locked(struct shard *h)
{
    struct block *b = h->open_oldest;
    for (int tries = 8; b && tries; b = b->open_newer, tries--)
        if (__atomic_load_n(&b->owner.refs, __ATOMIC_ACQUIRE) == 1) {
            open_unlink_locked(h, b);
            return b;
        }
    return NULL;
}

static void take_place_locked(struct shard *h, struct content *c, struct block *b)
{
    *slot_locked(c, b->seq) = b;
    __atomic_add_fetch(&b->owner.refs, 1, __ATOMIC_RELAXED);
    b->is_gone = false;
    b->is_pinned = c->is_pinned;
    if (b->fd >= 0)
        open_link_locked(h, b);
    index_requeue_locked(b);
}

static void lose_place_locked(struct shard *h, struct block *b)
{
    if (b->fd >= 0)
        open_unlink_locked(h, b);
    b->is_gone = true;
    index_requeue_locked(b);
}

bool index_add(struct block *b)
{
    struct shard *h = index_shard(b->store, b->cid);
    LOCK_SCOPE(&h->lock);
    struct content *c = index_content_locked(h, b->cid);
    if (c && (c->block_size != b->block_size || index_block_locked(c, b->seq)))
        return false;
    if (!c)
        c = content_new_locked(h, b);
    take_place_locked(h, c, b);
    c->count++;
    h->blocks++;
    return true;
}

static bool is_idle_locked(const struct block *b)
{
    return __atomic_load_n(&b->owner.refs, __ATOMIC_ACQUIRE) == 2 && !b->is_dirty && !b->is_pinned;
}

static bool remove_locked(struct shard *h, struct block *b, bool only_if_idle)
{
    if (b->is_gone || (only_if_idle && !is_idle_locked(b)))
        return false;
    struct content *c = index_content_locked(h, b->cid);
    *slot_locked(c, b->seq) = NULL;
    h->blocks--;
    lose_place_locked(h, b);
    if (--c->count == 0 && !c->is_pinned)
        content_free_locked(h, c);
    return true;
}

static void unlink_file(struct block *b)
{
    struct tier_name name = index_name(b);
    tier_unlink(index_tier(b), &name, false);
}

bool index_remove(struct block *b, bool only_if_idle)
{
    struct shard *h = index_shard(b->store, b->cid);
    lock_take(&h->lock);
    bool is_removed = remove_locked(h, b, only_if_idle);
    lock_drop(&h->lock);
    if (!is_removed)
        return false;
    unlink_file(b);
    index_put(b);
    return true;
}

bool index_swap(struct block *b, struct block *by)
{
    struct shard *h = index_shard(b->store, b->cid);
    lock_take(&h->lock);
    bool can = !b->is_gone && !b->is_dirty && __atomic_load_n(&b->owner.refs, __ATOMIC_ACQUIRE) == 2;
    if (can) {
        lose_place_locked(h, b);
        take_place_locked(h, index_content_locked(h, b->cid), by);
    }
    lock_drop(&h->lock);
    if (!can)
        return false;
    unlink_file(b);
    index_put(b);
    return true;
}

void index_set_pinned(struct block_store *s, content_id cid, bool is_pinned)
{
    struct shard *h = index_shard(s, cid);
    LOCK_SCOPE(&h->lock);
    struct content *c = index_content_locked(h, cid);
    if (!c)
        return;
    c->is_pinned = is_pinned;
    for (uint32_t i = 0; i < c->slots; i++) {
        struct block *b = index_block_locked(c, i);
        if (b) {
            b->is_pinned = is_pinned;
            index_requeue_locked(b);
        }
    }
    if (!c->count && !is_pinned)
        content_free_locked(h, c);
}

void index_done(struct block_store *s)
{
    for (size_t i = 0; i < INDEX_SHARDS; i++) {
        struct shard *h = &s->shards[i];
        for (size_t k = 0; k < h->chain_count; k++)
            while (h->chains[k]) {
                struct content *c = h->chains[k];
                for (uint32_t n = 0; n < c->slots; n++)
                    if (index_block_locked(c, n))
                        index_put(index_block_locked(c, n));
                content_free_locked(h, c);
            }
        free(h->chains);
        lock_done(&h->lock);
    }
}
