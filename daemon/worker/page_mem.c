/* SPDX-License-Identifier: Apache-2.0
 *
 * page_mem: see the header.  Fresh memory costs more than the bytes that are put there (a page fault for each 4 KiB, zeros), so it
 * is made in one call a page, and kept; pages are mapped one by one, because the heap would not give memory back that lies
 * between other things.
 * Threads: any.
 */
#include "worker/page_mem.h"

#include "base/mem.h"

#include <sys/mman.h>

void page_pool_init(struct page_pool *p, size_t page_bytes, uint64_t idle_bytes_max)
{
    *p = (struct page_pool){.page_bytes = page_bytes, .idle_max = (size_t)(idle_bytes_max / page_bytes)};
    lock_init(&p->lock, RANK_LEAF);
}

static bool is_pooled(const struct page_mem *m)
{
    return m->bytes == m->pool->page_bytes;
}

static void mem_free(struct page_mem *m)
{
    if (is_pooled(m))
        munmap(m->data, m->bytes);
    else
        free(m->data);
    free(m);
}

static struct page_mem *mem_new(struct page_pool *p, size_t bytes)
{
    struct page_mem *m = xnew(struct page_mem);
    m->pool = p;
    m->bytes = bytes;
    m->data = is_pooled(m) ? xmap(bytes) : xmalloc(bytes);
    return m;
}

static void release(struct slice_owner *o)
{
    struct page_mem *m = (struct page_mem *)o;
    struct page_pool *p = m->pool;
    __atomic_sub_fetch(&p->used, m->bytes, __ATOMIC_RELAXED);
    lock_take(&p->lock);
    bool keep = is_pooled(m) && p->idle_count < p->idle_max;
    if (keep) {
        m->next = p->idle;
        p->idle = m;
        p->idle_count++;
    }
    lock_drop(&p->lock);
    if (!keep)
        mem_free(m);
}

static struct page_mem *take_idle(struct page_pool *p)
{
    LOCK_SCOPE(&p->lock);
    struct page_mem *m = p->idle;
    if (!m)
        return NULL;
    p->idle = m->next;
    p->idle_count--;
    p->idle_least = p->idle_count < p->idle_least ? p->idle_count : p->idle_least;
    return m;
}

struct page_mem *page_pool_take(struct page_pool *p, size_t bytes)
{
    struct page_mem *m = bytes == p->page_bytes ? take_idle(p) : NULL;
    if (!m)
        m = mem_new(p, bytes);
    m->owner = (struct slice_owner){.release = release, .refs = 1};
    __atomic_add_fetch(&p->used, m->bytes, __ATOMIC_RELAXED);
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

static void free_idle(struct page_pool *p, size_t count)
{
    for (struct page_mem *m; count && (m = take_idle(p)); count--)
        mem_free(m);
}

void page_pool_trim(struct page_pool *p)
{
    lock_take(&p->lock);
    size_t unused = p->idle_least;
    lock_drop(&p->lock);
    free_idle(p, (unused + 1) / 2);
    lock_take(&p->lock);
    p->idle_least = p->idle_count;
    lock_drop(&p->lock);
}

void page_pool_done(struct page_pool *p)
{
    free_idle(p, SIZE_MAX);
    lock_done(&p->lock);
}
