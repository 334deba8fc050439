/* SPDX-License-Identifier: Apache-2.0
 *
 * read: a range, page by page: from the cache, from a page on its way, or from the store.  The first
 * miss opens a window; from then on ranges are asked for ahead of the reader, several at a time, so
 * that the store's latency is paid once.  A request that is cached whole never gets there.
 * Threads: any; a reader's own state is on its stack.
 */
#include "base/clock.h"
#include "base/mem.h"
#include "worker/parts.h"

#include <string.h>

enum { HELD_MAX = 320, WINDOW_PAGES = 256 };
enum { RANGES = 4, RANGES_SAME_HOST = 2 }; /* of a window, on their way together */
#define WINDOW_MAX ((uint64_t)64 << 20) /* of one request: ranges of 16 MiB cost a store less than shorter ones */

struct held {
    uint64_t page;
    struct flight *flight;
    bool was_in_memory;
};
struct reader {
    struct worker *w;
    const struct call *call;
    const struct content_ref *c;
    struct block_key key;
    enum read_type type;
    enum flight_want want;
    struct sink *to;
    struct read_result result;
    uint32_t page_size, per_block;
    unsigned ranges;        /* of the window; 0 before the first miss */
    uint64_t window, limit; /* bytes ahead of the reader; where they end */
    uint64_t asked;         /* bytes before this were looked at */
    struct held *held;      /* a ring, made at the first miss */
    size_t held_first, held_count;
};

static uint64_t page_of(const struct reader *r, uint64_t off)
{
    return off / r->c->block_size * r->per_block + off % r->c->block_size / r->page_size;
}

static uint64_t page_off(const struct reader *r, uint64_t page)
{
    return page / r->per_block * r->c->block_size + page % r->per_block * r->page_size;
}

static uint64_t page_end(const struct reader *r, uint64_t page)
{
    uint64_t end = page_off(r, page) + r->page_size;
    uint64_t block_end = (page / r->per_block + 1) * (uint64_t)r->c->block_size;
    end = end < block_end ? end : block_end;
    return end < r->c->length ? end : r->c->length;
}

static void hold(struct reader *r, uint64_t page, struct flight *f, bool was_in_memory)
{
    if (!r->held)
        r->held = xcalloc(HELD_MAX, sizeof *r->held);
    r->held[(r->held_first + r->held_count++) % HELD_MAX] = (struct held){page, f, was_in_memory};
}

/* This page if it is held; older ones are let go. Valid until the next call. */
static const struct held *held_at(struct reader *r, uint64_t page)
{
    while (r->held_count && r->held[r->held_first].page < page) {
        flight_put(&r->w->flights, r->held[r->held_first].flight);
        r->held_first = (r->held_first + 1) % HELD_MAX;
        r->held_count--;
    }
    return r->held_count && r->held[r->held_first].page == page ? &r->held[r->held_first] : NULL;
}

static bool can_fetch(const struct reader *r)
{
    return r->c->is_persisted && r->c->mount;
}

struct cached_at {
    const struct reader *r;
    uint64_t off;
};

static bool is_cached(void *arg)
{
    const struct cached_at *at = arg;
    return block_has(at->r->w->block, &at->r->key, at->off);
}

/* One page further: cached, on its way, or added to the range; true when the range ends there. */
static bool ask_page(struct reader *r, struct range *range)
{
    uint64_t page = page_of(r, r->asked), off = page_off(r, page), end = page_end(r, page);
    enum flight_joined how;
    r->asked = end;
    struct cached_at at = {r, off};
    if (is_cached(&at))
        return true;
    struct flight *f = flight_join(&r->w->flights, r->c->cid, page, r->want, is_cached, &at, &how);
    if (how == FLIGHT_NEEDLESS)
        return true;
    hold(r, page, f, how == FLIGHT_IN_MEMORY);
    if (how == FLIGHT_NEW)
        range_add(range, f, off, (uint32_t)(end - off));
    return how != FLIGHT_NEW || range_is_full(range);
}

/* Less ahead when pages on their way use up their memory: half of what is left. */
static uint64_t window_now(const struct reader *r)
{
    uint64_t used = page_pool_used(&r->w->pool), most = r->w->fetch_memory + filler_bytes(r->w->filler);
    uint64_t share = used < most ? (most - used) / 2 : 0;
    uint64_t window = share < r->window ? share : r->window;
    return window > r->page_size ? window : r->page_size;
}

/* Ranges share the store's speed, so those that began together would end together, and the store would idle while the
 * next ones begin: the first ones grow, and later ones begin one by one. */
static uint64_t range_max(const struct reader *r, uint64_t step, unsigned number)
{
    uint64_t bytes = number < r->ranges ? step * (number + 1) / r->ranges : step;
    return bytes > r->page_size ? (bytes + r->page_size - 1) / r->page_size : 1;
}

/* A distant store gives each connection a part of its speed.  One on this machine shares the processors with the reader, and
 * fewer, longer ranges cost both less.  A store that cannot be had says so when the range is read. */
static unsigned choose_ranges(struct worker *w, mount_id mount)
{
    struct mount_store store = {0};
    if (w->stores.get(w->stores.impl, mount, false, &store, NULL) < 0)
        return RANGES;
    unsigned can = ufs_capabilities(store.ufs);
    w->stores.put(w->stores.impl, &store);
    return can & UFS_CAP_SAME_HOST ? RANGES_SAME_HOST : RANGES;
}

/* Asks for what the window covers from `pos`, in ranges of an equal share of it. */
static void ask_ahead(struct reader *r, uint64_t pos)
{
    uint64_t window = window_now(r), start = page_off(r, page_of(r, pos));
    r->ranges = r->ranges ? r->ranges : choose_ranges(r->w, r->c->mount);
    uint64_t step = window / r->ranges > r->page_size ? window / r->ranges : r->page_size;
    r->asked = r->asked > start ? r->asked : start;
    uint64_t until = r->limit - pos > window ? pos + window : r->limit;
    if (r->asked >= until || (r->asked > start && until - r->asked < step && until < r->limit))
        return;
    unsigned number = r->held_count ? r->ranges : 0;
    struct range *range = range_new(r->w, r->c, range_max(r, step, number));
    while (r->asked < until && r->held_count < HELD_MAX)
        if (ask_page(r, range)) {
            range_start(range);
            range = range_new(r->w, r->c, range_max(r, step, ++number));
        }
    range_start(range);
}

static int push(struct reader *r, struct slice *s, uint64_t *from, uint64_t *pos, struct err *err)
{
    *from += s->len;
    *pos += s->len;
    return r->to->push(r->to, s, err);
}

static int push_held(struct reader *r, const struct held *h, uint64_t *pos, uint64_t end, struct err *err)
{
    struct flight *f = h->flight;
    TRY(flight_wait(&r->w->flights, f, r->call->deadline_ms, err));
    uint64_t in = *pos - page_off(r, h->page);
    uint64_t len = f->len - in < end - *pos ? f->len - in : end - *pos;
    struct slice s = {.mem = f->mem->data + in, .fd = -1, .len = (size_t)len, .owner = &f->mem->owner};
    if (h->was_in_memory)
        parts_count(r->w, hits, 1);
    else
        parts_count(r->w, misses, 1);
    return push(r, &s, h->was_in_memory ? &r->result.from_mem : &r->result.from_store, pos, err);
}

static int push_cached(struct reader *r, struct block_pinned *p, uint64_t *pos, struct err *err)
{
    uint64_t at = *pos;
    bool is_mem = p->is_mem;
    parts_count(r->w, hits, (p->slice.len + r->page_size - 1) / r->page_size);
    int rc = push(r, &p->slice, is_mem ? &r->result.from_mem : &r->result.from_disk, pos, err);
    slice_unref(&p->slice);
    if (p->is_dirty && r->c->is_persisted) /* a crash came between the journal and the block's header */
        block_set_clean(r->w->block, r->c->cid);
    if (r->c->is_pinned && !p->is_pinned) /* adopted: pins are the namespace's to remember */
        block_set_pinned(r->w->block, r->c->cid, true);
    if (!is_mem && r->type == READ_CACHE_PROMOTE) {
        parts_count(r->w, promoted, 1);
        block_promote(r->w->block, &r->key, at);
    }
    return rc;
}

static int pin(struct reader *r, uint64_t pos, uint64_t end, struct block_pinned *ret, struct err *err)
{
    int rc = block_pin(r->w->block, &r->key, pos, (size_t)(end - pos), ret, err);
    if (rc != -ERR_CORRUPT || !r->c->is_persisted)
        return rc;
    block_set_clean(r->w->block, r->c->cid); /* the store has a good copy: the damaged one goes */
    return -ERR_NOT_FOUND;
}

static int read_some(struct reader *r, uint64_t *pos, uint64_t end, struct err *err)
{
    struct block_pinned pinned;
    uint64_t page = page_of(r, *pos);
    if (r->held_count)
        ask_ahead(r, *pos);
    const struct held *h = held_at(r, page);
    if (h)
        return push_held(r, h, pos, end, err);
    if (r->held_count && end > page_end(r, page))
        end = page_end(r, page); /* not past pages that are held */
    int rc = pin(r, *pos, end, &pinned, err);
    if (rc == 0)
        return push_cached(r, &pinned, pos, err);
    if (rc != -ERR_NOT_FOUND)
        return rc;
    if (!can_fetch(r))
        return err_set(err, ERR_LOST, "bytes from %llu of content %llu are in no cache and were not persisted",
                       (unsigned long long)*pos, (unsigned long long)r->c->cid);
    r->asked = 0;
    while (r->held_count) /* looked at before, and gone from the cache since */
        held_at(r, UINT64_MAX);
    ask_ahead(r, *pos);
    h = held_at(r, page);
    return h ? push_held(r, h, pos, end, err) : 0; /* 0: came into the cache meanwhile */
}

static struct ahead *stream_lock(struct worker *w, content_id cid, struct lock **ret)
{
    size_t i = (cid * 0x9E3779B97F4A7C15u >> 32) % PARTS_STREAMS;
    *ret = &w->stream_locks[i % PARTS_STREAM_LOCKS];
    lock_take(*ret);
    return &w->streams[i];
}

/* What a sequential reader will want next, if it is time; nobody waits for it. */
static void read_beyond(struct reader *r, uint64_t off, uint64_t len, bool is_hinted)
{
    struct lock *lock;
    struct ahead *a = stream_lock(r->w, r->c->cid, &lock);
    uint64_t end = off + len, window = ahead_step(a, r->c->cid, off, len, is_hinted), from = 0;
    bool is_due = end < r->c->length && ahead_is_due(a, end);
    if (is_due) {
        from = a->until > end ? a->until : end;
        a->until = r->c->length - end > window ? end + window : r->c->length;
    }
    lock_drop(lock);
    if (!is_due)
        return;
    r->window = window;
    r->limit = r->c->length - end > window ? end + window : r->c->length;
    if (from < r->limit)
        ask_ahead(r, from);
}

static int check_range(const struct content_ref *c, uint64_t off, uint64_t len, struct err *err)
{
    TRY(parts_check(c, err));
    if (len > c->length || off > c->length - len)
        return err_set(err, ERR_RANGE, "bytes %llu+%llu lie outside of a content of %llu bytes", (unsigned long long)off,
                       (unsigned long long)len, (unsigned long long)c->length);
    return 0;
}

static void reader_init(struct reader *r, const struct read_request *q)
{
    uint64_t len = q->len;
    r->page_size = block_page_size(r->w->block, r->c->block_size);
    r->per_block = (r->c->block_size + r->page_size - 1) / r->page_size;
    uint64_t most = (uint64_t)WINDOW_PAGES * r->page_size;
    r->window = len < WINDOW_MAX ? len : WINDOW_MAX;
    r->window = r->window < most ? r->window : most;
    r->window = r->window > r->page_size ? r->window : r->page_size;
    r->limit = page_end(r, page_of(r, q->off + len - 1));
}

static int read_range(struct worker *w, const struct call *call, const struct read_request *q, enum flight_want want, struct sink *to,
                      struct read_result *ret, struct err *err)
{
    struct reader r = {.w = w, .call = call, .c = q->content, .key = parts_key(q->content), .type = q->type, .want = want, .to = to};
    uint64_t pos = q->off, end = q->off + q->len;
    TRY(check_range(q->content, q->off, q->len, err));
    if (ret)
        *ret = r.result;
    if (!q->len)
        return 0;
    reader_init(&r, q);
    int rc = 0;
    while (rc == 0 && pos < end)
        rc = clock_is_past(call->deadline_ms) && r.result.from_store ? err_set(err, ERR_TIMEOUT, "the deadline passed while reading")
                                                                    : read_some(&r, &pos, end, err);
    if (rc == 0 && q->type != READ_NO_CACHE && can_fetch(&r))
        read_beyond(&r, q->off, q->len, q->is_sequential);
    if (r.held_count)
        held_at(&r, UINT64_MAX);
    free(r.held);
    parts_count(r.w, bytes_mem, r.result.from_mem);
    parts_count(r.w, bytes_disk, r.result.from_disk);
    parts_count(r.w, bytes_direct, pos - q->off);
    if (ret)
        *ret = r.result;
    return rc;
}

int parts_read(void *impl, const struct call *call, const struct read_request *q, struct sink *to, struct read_result *ret, struct err *err)
{
    return read_range(impl, call, q, q->type == READ_NO_CACHE ? FLIGHT_PASSES : FLIGHT_CACHED, to, ret, err);
}

static int forget(struct sink *sink, const struct slice *s, struct err *err)
{
    (void)sink;
    (void)s;
    (void)err;
    return 0;
}

int parts_load(void *impl, const struct call *call, const struct content_ref *c, uint64_t off, uint64_t len, struct err *err)
{
    struct sink sink = {.push = forget};
    struct read_request q = {.content = c, .off = off, .len = len, .type = READ_CACHE};
    struct worker *w = impl;
    TRY(read_range(w, call, &q, FLIGHT_KEPT, &sink, NULL, err));
    if (!filler_wait(w->filler, c->cid, call->deadline_ms))
        return err_set(err, ERR_TIMEOUT, "the cache's disk did not take all of it before the deadline");
    return 0;
}
