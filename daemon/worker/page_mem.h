/* SPDX-License-Identifier: Apache-2.0
 *
 * page_mem: memory for pages on their way from a store, counted and used again.  What was not used
 * for a while goes back by halves, so that bursts that follow each other find it.
 */
#pragma once
#include "base/lock.h"
#include "base/slice.h"

struct page_mem {
    struct slice_owner owner;
    struct page_pool *pool;
    struct page_mem *next;
    char *data;
    size_t bytes; /* of data */
};
struct page_pool {
    size_t page_bytes, idle_max; /* fixed after init */
    uint64_t used;               /* bytes; atomic */
    struct lock lock;
    /* under lock */
    struct page_mem *idle;
    size_t idle_count, idle_least; /* the least since the last trim */
};
void page_pool_init(struct page_pool *p, size_t page_bytes, uint64_t idle_bytes_max);
void page_pool_done(struct page_pool *p);
struct page_mem *page_pool_take(struct page_pool *p, size_t bytes); /* with one reference; only whole pages are kept */
void page_mem_put(struct page_mem *m);                /* accepts NULL */
uint64_t page_pool_used(const struct page_pool *p);
void page_pool_trim(struct page_pool *p); /* frees half of the pages that stayed idle since the last trim */
