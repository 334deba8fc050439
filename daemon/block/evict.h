/* SPDX-License-Identifier: Apache-2.0
 *
 * evict: which block leaves a tier first.  A policy is a table of pure functions over a queue of
 * nodes that the caller owns; it knows no files and no sizes.  Threads: the caller holds the queue's
 * lock, except for `hit` of a policy with `is_hit_free`, which only sets the node's flag.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct evict_node {
    struct evict_node *newer, *older;
    uint8_t is_visited; /* atomic */
    bool is_in;
};
struct evict_queue {
    struct evict_node *newest, *oldest, *hand;
    size_t count;
};
struct evict_policy {
    const char *name;
    bool is_hit_free; /* `hit` needs no lock */
    void (*add)(struct evict_queue *q, struct evict_node *n);
    void (*hit)(struct evict_queue *q, struct evict_node *n);
    void (*remove)(struct evict_queue *q, struct evict_node *n);
    /* The node to leave first among those that `may` go, looking at `max` refused ones at most; NULL: none. It stays in the queue. */
    struct evict_node *(*pick)(struct evict_queue *q, size_t max, bool (*may)(const struct evict_node *n, void *arg), void *arg);
};
extern const struct evict_policy evict_lru, evict_sieve;
const struct evict_policy *evict_find(const char *name); /* NULL when unknown */
/* What the policies share. */
void evict_link(struct evict_queue *q, struct evict_node *n);
void evict_unlink(struct evict_queue *q, struct evict_node *n);
