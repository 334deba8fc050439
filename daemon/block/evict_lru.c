/* SPDX-License-Identifier: Apache-2.0
 *
 * evict_lru: least recently used.  A hit moves the node to the new end.
 */
#include "block/evict.h"

static void lru_hit(struct evict_queue *q, struct evict_node *n)
{
    if (q->newest == n)
        return;
    evict_unlink(q, n);
    evict_link(q, n);
}

static struct evict_node *lru_pick(struct evict_queue *q, size_t max, bool (*may)(const struct evict_node *n, void *arg), void *arg)
{
    struct evict_node *n = q->oldest;
    for (; n && !may(n, arg); n = n->newer)
        if (max-- == 0)
            return NULL;
    return n;
}

const struct evict_policy evict_lru = {
    .name = "lru", .add = evict_link, .hit = lru_hit, .remove = evict_unlink, .pick = lru_pick};
