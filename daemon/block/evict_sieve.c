/* SPDX-License-Identifier: Apache-2.0
 *
 * evict_sieve: SIEVE (Zhang et al., NSDI 2024).  Nodes stay where they came in; a hit sets a flag; a
 * hand goes from old to new, takes the flag off those that have it and picks the first without.  A
 * scan of things read once passes through without moving what is read again.
 */
#include "block/evict.h"

static void sieve_add(struct evict_queue *q, struct evict_node *n)
{
    __atomic_store_n(&n->is_visited, 0, __ATOMIC_RELAXED);
    evict_link(q, n);
}

static void sieve_hit(struct evict_queue *q, struct evict_node *n)
{
    (void)q;
    if (!__atomic_load_n(&n->is_visited, __ATOMIC_RELAXED))
        __atomic_store_n(&n->is_visited, 1, __ATOMIC_RELAXED);
}

static void sieve_remove(struct evict_queue *q, struct evict_node *n)
{
    if (q->hand == n)
        q->hand = n->newer;
    evict_unlink(q, n);
}

static struct evict_node *sieve_pick(struct evict_queue *q, size_t max, bool (*may)(const struct evict_node *n, void *arg), void *arg)
{
    for (size_t left = 2 * q->count; left; left--) { /* the second round finds no flag */
        struct evict_node *n = q->hand ? q->hand : q->oldest;
        if (!n)
            return NULL;
        q->hand = n->newer;
        if (__atomic_exchange_n(&n->is_visited, 0, __ATOMIC_RELAXED))
            continue;
        if (may(n, arg)) {
            q->hand = n;
            return n;
        }
        if (max-- == 0)
            return NULL;
    }
    return NULL;
}

const struct evict_policy evict_sieve = {.name = "sieve", .is_hit_free = true, .add = sieve_add, .hit = sieve_hit,
                                         .remove = sieve_remove, .pick = sieve_pick};
