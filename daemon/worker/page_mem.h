/* SPDX-License-Identifier: Apache-2.0
 *
 * page_mem: memory for pages on their way from a store, counted and used again.
 */
#pragma once
#include "base/lock.h"
#include "base/slice.h"

struct page_mem {
    struct slice_owner owner;
    struct page_pool *pool;
    struct page_mem *next;
    char *data; /* page_bytes of the pool */
};
struct page_pool {
    size_t page_bytes; /* fixed after init */
    uint64_t used;     /* bytes; atomic */
    struct lock lock;
    /* under lock */
    struct page_mem *idle;
    size_t idle_count;
    bool was_used; /* since the last trim */
};
void page_pool_init(struct page_pool *p, size_t page_bytes);
void page_pool_done(struct page_pool *p);
struct page_mem *page_pool_take(struct page_pool *p); /* with one reference */
void page_mem_put(struct page_mem *m);                /* accepts NULL */
uint64_t page_pool_used(const struct page_pool *p);
void page_pool_trim(struct page_pool *p); /* frees idle pages when none was taken since the last trim */
