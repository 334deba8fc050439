/* SPDX-License-Identifier: Apache-2.0
 *
 * room: see the header.  Threads: any.
 */
#include "block/room.h"

enum { LOOK_AT = 256, ATTEMPTS = 1024 };

static bool is_idle(const struct evict_node *n, void *arg)
{
    (void)arg;
    const struct block *b = (const struct block *)((const char *)n - offsetof(struct block, node));
    return __atomic_load_n(&b->owner.refs, __ATOMIC_ACQUIRE) == 1;
}

struct block *room_victim(struct tier *t)
{
    LOCK_SCOPE(&t->lock);
    struct evict_node *n = t->policy->pick(&t->queue, LOOK_AT, is_idle, NULL);
    if (!n)
        return NULL;
    struct block *b = (struct block *)((char *)n - offsetof(struct block, node));
    __atomic_add_fetch(&b->owner.refs, 1, __ATOMIC_RELAXED); /* in the queue: the index has one, and cannot drop it before this lock */
    return b;
}

static uint64_t pages_of(struct block *b)
{
    uint64_t n = 0;
    struct shard *h = index_shard(b->store, b->cid);
    LOCK_SCOPE(&h->lock);
    for (uint32_t i = 0; i < index_page_count(b); i++)
        n += index_bit(b, false, i);
    return n;
}

void room_evict(struct block *victim)
{
    uint64_t pages = pages_of(victim);
    if (index_remove(victim, true))
        __atomic_add_fetch(&victim->store->evicted_pages, pages, __ATOMIC_RELAXED);
    index_put(victim);
}

int room_reserve(struct block_store *s, unsigned tier, uint64_t bytes, struct err *err)
{
    struct tier *t = &s->tiers[tier];
    for (int i = 0; i < ATTEMPTS && tier_is_ok(t) && bytes <= t->quota; i++) {
        if (tier_reserve(t, bytes, t->quota))
            return 0;
        struct block *victim = room_victim(t);
        if (!victim)
            break;
        room_evict(victim);
    }
    return err_set(err, ERR_NO_SPACE, "tier %s has no room for %llu bytes", t->alias, (unsigned long long)bytes);
}

int room_find(struct block_store *s, uint64_t bytes, uint64_t whole, bool durable_only, unsigned *ret_tier, struct err *err)
{
    for (unsigned i = 0; i < s->tier_count; i++) {
        struct tier *t = &s->tiers[i];
        bool is_too_large = i + 1 < s->tier_count && whole > t->quota / 2;
        if (tier_is_ok(t) && !is_too_large && (t->is_durable || !durable_only) && tier_reserve(t, bytes, t->high)) {
            *ret_tier = i;
            return 0;
        }
    }
    for (unsigned i = (unsigned)s->tier_count; i-- > 0;)
        if ((s->tiers[i].is_durable || !durable_only) && room_reserve(s, i, bytes, NULL) == 0) {
            *ret_tier = i;
            return 0;
        }
    return err_set(err, ERR_NO_SPACE, "the cache has no %sroom for %llu bytes", durable_only ? "durable " : "",
                   (unsigned long long)bytes);
}

static bool may_evict(struct tier *t)
{
    LOCK_SCOPE(&t->lock);
    return t->queue.count > 0;
}

bool block_may_have_room(struct block_store *s, size_t len)
{
    for (size_t i = 0; i < s->tier_count; i++) {
        struct tier *t = &s->tiers[i];
        if (tier_is_ok(t) && (tier_used(t) + len <= t->quota || may_evict(t)))
            return true;
    }
    return false;
}

void room_check(struct block_store *s)
{
    bool has_work = false;
    for (size_t i = 0; i < s->tier_count; i++)
        has_work |= tier_used(&s->tiers[i]) > s->tiers[i].high;
    if (!has_work)
        return;
    LOCK_SCOPE(&s->lock);
    if (!s->has_work) {
        s->has_work = true;
        cond_wake_one(&s->wake);
    }
}
