/* SPDX-License-Identifier: Apache-2.0
 *
 * page_mem: see the header.  A fresh mebibyte costs 256 page faults; so a few are kept.
 * Threads: any.
 */
#include "worker/page_mem.h"

#include "base/mem.h"

enum { IDLE_MAX = 64 };

void page_pool_init(struct page_pool *p, size_t page_bytes)
{
    *p = (struct page_pool){.page_bytes = page_bytes};
    lock_init(&p->lock, RANK_LEAF);
}

static void mem_free(struct page_mem *m)
{
    free(m->data);
    free(m);
}

static void release(struct slice_owner *o)
{
    struct page_mem *m = (struct page_mem *)o;
    struct page_pool *p = m->pool;
    __atomic_sub_fetch(&p->used, p->page_bytes, __ATOMIC_RELAXED);
    lock_take(&p->lock);
    bool keep = p->idle_count < IDLE_MAX;
    if (keep) {
        m->next = p->idle;
        p->idle = m;
        p->idle_count++;
    }
    lock_drop(&p->lock);
    if (!keep)
        mem_free(m);
}

struct page_mem *page_pool_take(struct page_pool *p)
{
    __atomic_add_fetch(&p->used, p->page_bytes, __ATOMIC_RELAXED);
    lock_take(&p->lock);
    struct page_mem *m = p->idle;
    if (m) {
        p->idle = m->next;
        p->idle_count--;
    }
    p->was_used = true;
    lock_drop(&p->lock);
    if (!m) {
        m = xnew(struct page_mem);
        m->data = xmalloc(p->page_bytes);
    }
    m->owner = (struct slice_owner){.release = release, .refs = 1};
    m->pool = p;
    return m;
}

void page_mem_put(struct page_mem *m)
{
    if (m)
        slice_unref(&(struct slice){.owner = &m->owner});
}

uint64_t page_pool_used(const struct page_pool *p)
{
    return __atomic_load_n(&p->used, __ATOMIC_RELAXED);
}

void page_pool_trim(struct page_pool *p)
{
    lock_take(&p->lock);
    struct page_mem *m = p->was_used ? NULL : p->idle;
    if (m) {
        p->idle = NULL;
        p->idle_count = 0;
    }
    p->was_used = false;
    lock_drop(&p->lock);
    for (struct page_mem *next; m; m = next) {
        next = m->next;
        mem_free(m);
    }
}

void page_pool_done(struct page_pool *p)
{
    p->was_used = false;
    page_pool_trim(p);
    lock_done(&p->lock);
}
