/* SPDX-License-Identifier: Apache-2.0
 *
 * range: one request to a store, whose bytes become pages as they come: each is handed to those who
 * wait for it first and to the cache then (fill.h).
 * Threads: made by a reader, run by one fetch thread.
 */
#include "base/clock.h"
#include "base/mem.h"
#include "worker/parts.h"

#include <string.h>

/* Pages of a range of so many bytes are read long after they came: behind those of the ranges before it. */
#define LONG_BYTES ((uint64_t)4 << 20)

struct range {
    struct fetch_job job;
    struct worker *worker;
    struct block_key key;
    char *store_key, etag[72];
    struct sink sink;
    size_t count, max, at; /* pages; the one being filled */
    uint64_t off, len;     /* of all */
    uint64_t page_off;     /* of the one being filled */
    struct page_mem *mem;  /* the same */
    uint32_t fill;
    struct {
        struct flight *flight;
        uint32_t len;
    } pages[];
};

struct range *range_new(struct worker *w, const struct content_ref *c, size_t max_pages)
{
    struct range *r = xcalloc(1, sizeof *r + max_pages * sizeof r->pages[0]);
    r->worker = w;
    r->key = parts_key(c);
    r->store_key = xstrdup(c->key ? c->key : "");
    memcpy(r->etag, c->etag, sizeof r->etag);
    r->max = max_pages;
    r->job.mount = c->mount;
    return r;
}

void range_add(struct range *r, struct flight *f, uint64_t off, uint32_t len)
{
    if (!r->count)
        r->off = r->page_off = off;
    r->pages[r->count].flight = f;
    r->pages[r->count++].len = len;
    r->len += len;
}

bool range_is_full(const struct range *r)
{
    return r->count == r->max;
}

static void range_free(struct range *r)
{
    page_mem_put(r->mem);
    free(r->store_key);
    free(r);
}

/* A page is whole: its readers go on, the cache gets it behind them. The flight stays joinable until it is there. */
static void page_done(struct range *r)
{
    struct worker *w = r->worker;
    struct flight *f = r->pages[r->at].flight;
    uint32_t len = r->pages[r->at].len;
    flight_done(&w->flights, f, steal(&r->mem), len);
    enum flight_want want = flight_wanted(&w->flights, f);
    if (want == FLIGHT_PASSES)
        flight_put(&w->flights, f);
    else
        parts_fill(w, &r->key, r->page_off, f, want);
    r->page_off += len;
    r->fill = 0;
    r->at++;
}

static int take(struct sink *sink, const struct slice *s, struct err *err)
{
    struct range *r = (struct range *)((char *)sink - offsetof(struct range, sink));
    for (size_t done = 0; done < s->len;) {
        if (r->at == r->count)
            return err_set(err, ERR_STORE_ERROR, "the store sent more than it was asked for");
        if (!r->mem)
            r->mem = page_pool_take(&r->worker->pool, r->pages[r->at].len);
        size_t room = r->pages[r->at].len - r->fill;
        struct slice part = *s;
        part.len = s->len - done < room ? s->len - done : room;
        part.mem = s->mem ? (const char *)s->mem + done : NULL;
        part.off = s->off + done;
        if (part.mem && r->len >= LONG_BYTES)
            mem_copy_uncached(r->mem->data + r->fill, part.mem, part.len);
        else
            TRY(slice_copy(&part, r->mem->data + r->fill, err));
        r->fill += (uint32_t)part.len;
        done += part.len;
        if (r->fill == r->pages[r->at].len)
            page_done(r);
    }
    parts_count(r->worker, bytes_store, s->len);
    return 0;
}

static int read_store(struct range *r, struct err *err)
{
    struct worker *w = r->worker;
    struct mount_store store = {0};
    struct ufs_call call = {.deadline_ms = clock_mono_ms() + w->store_timeout_ms};
    TRY(w->stores.get(w->stores.impl, r->job.mount, false, &store, err));
    parts_count(w, blocks_ufs, 1);
    int rc = ufs_read(store.ufs, &call, r->store_key, r->off, r->len, r->etag[0] ? r->etag : NULL, &r->sink, err);
    w->stores.put(w->stores.impl, &store);
    if (rc == 0 && r->at < r->count)
        return err_set(err, ERR_PRECONDITION_FAILED, "'%s' is shorter in the store than it was", r->store_key);
    return rc;
}

static void range_run(struct fetch_job *j)
{
    struct range *r = (struct range *)j;
    struct err err = {0};
    int rc = read_store(r, &err);
    if (rc < 0 && err.code == ERR_OK)
        err_set(&err, (enum err_code)-rc, "reading '%s' failed", r->store_key);
    for (; r->at < r->count; r->at++) {
        flight_failed(&r->worker->flights, r->pages[r->at].flight, &err);
        flight_put(&r->worker->flights, r->pages[r->at].flight);
    }
    range_free(r);
}

void range_start(struct range *take_range)
{
    struct range *r = take_range;
    if (!r->count) {
        range_free(r);
        return;
    }
    r->sink.push = take;
    r->job.run = range_run;
    fetcher_add(r->worker->fetcher, &r->job);
}
