/* SPDX-License-Identifier: Apache-2.0
 *
 * worker: birth and end, the smaller functions of the table, the chores.
 * Threads: chores, one: compares the adopted contents with the namespace once, then gives back idle
 * memory from time to time.
 */
#include "worker/worker.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "worker/parts.h"

#include <string.h>

enum { LIVE_BATCH = 512, CHORES_MS = 10000, LIVE_RETRY_MS = 500, TRIM_MS = 60000, FULL_MS = 200 };

#define MEMORY_DEFAULT ((uint64_t)256 << 20) /* of pages on their way to readers */
#define FILL_MEMORY_LEAST ((uint64_t)256 << 20) /* of pages that wait for the cache */
#define FILL_MEMORY_MOST ((uint64_t)4 << 30)

int parts_check(const struct content_ref *c, struct err *err)
{
    if (!c->cid || !c->block_size || c->block_size > 2u << 30)
        return err_set(err, ERR_INVALID_ARGUMENT, "content %llu has a block size of %u", (unsigned long long)c->cid, c->block_size);
    if (c->length / c->block_size >= 1u << 24)
        return err_set(err, ERR_TOO_LARGE, "a content has at most 2^24 blocks");
    return 0;
}

static void api_committed(void *impl, const struct content_ref *c)
{
    block_set_clean(((struct worker *)impl)->block, c->cid);
}

static uint64_t api_drop(void *impl, content_id cid, bool also_dirty)
{
    struct worker *w = impl;
    filler_forget(w->filler, cid); /* or it would come back */
    return block_drop(w->block, cid, also_dirty);
}

static void api_pin(void *impl, content_id cid, bool is_pinned)
{
    struct worker *w = impl;
    filler_pin(w->filler, cid, is_pinned);
    block_set_pinned(w->block, cid, is_pinned);
}

static void api_cached(void *impl, const struct content_ref *c, struct content_cached *ret)
{
    struct worker *w = impl;
    uint64_t waiting = filler_bytes_of(w->filler, c->cid); /* these are served from memory meanwhile */
    block_cached(w->block, c->cid, ret);
    uint64_t missing = c->length - (ret->mem_bytes + ret->disk_bytes); /* some may have been written since */
    ret->mem_bytes += waiting < missing ? waiting : missing;
}

static void fill_put(void *arg, struct fill_page *p)
{
    struct worker *w = arg;
    const struct flight *f = p->flight;
    int rc = block_put(w->block, &p->key, p->off, f->mem->data, f->len, NULL);
    if (rc == -ERR_NO_SPACE)
        __atomic_store_n(&w->full_until_ms, clock_mono_ms() + FULL_MS, __ATOMIC_RELAXED);
    if (rc < 0)
        parts_count(w, cache_failed, 1);
    else
        parts_count(w, cached, 1);
    flight_put(&w->flights, p->flight);
    free(p);
}

static void fill_skip(void *arg, struct fill_page *p)
{
    struct worker *w = arg;
    parts_count(w, cache_failed, 1);
    flight_put(&w->flights, p->flight);
    free(p);
}

static bool is_full(struct worker *w, size_t len)
{
    return !clock_is_past(__atomic_load_n(&w->full_until_ms, __ATOMIC_RELAXED)) || !block_may_have_room(w->block, len);
}

void parts_fill(struct worker *w, const struct block_key *key, uint64_t off, struct flight *take_flight, enum flight_want want)
{
    struct fill_page *p = xnew(struct fill_page);
    *p = (struct fill_page){.key = *key, .off = off, .flight = take_flight};
    if (want != FLIGHT_KEPT && is_full(w, take_flight->len))
        fill_skip(w, p);
    else
        filler_add(w->filler, p, want == FLIGHT_KEPT);
}

static uint64_t count_of(struct worker *w, enum parts_metric m)
{
    return (uint64_t)metric_value(&w->metrics[m]);
}

static void api_status(void *impl, struct data_status *ret)
{
    struct worker *w = impl;
    *ret = (struct data_status){.started_ms = w->started_ms};
    block_status(w->block, ret);
    ret->hits = count_of(w, METRIC_ID_hits);
    ret->misses = count_of(w, METRIC_ID_misses);
    ret->bytes_from_cache = count_of(w, METRIC_ID_bytes_mem) + count_of(w, METRIC_ID_bytes_disk);
    ret->bytes_from_store = count_of(w, METRIC_ID_bytes_store);
    ret->bytes_written = count_of(w, METRIC_ID_bytes_written);
}

struct totals {
    uint64_t quota, used, blocks;
};

static struct totals totals_of(void *worker)
{
    struct totals t;
    block_totals(((struct worker *)worker)->block, &t.quota, &t.used, &t.blocks);
    return t;
}

static int64_t blocks_cached(void *arg)
{
    return (int64_t)totals_of(arg).blocks;
}

static int64_t capacity_total(void *arg)
{
    return (int64_t)totals_of(arg).quota;
}

static int64_t capacity_used(void *arg)
{
    return (int64_t)totals_of(arg).used;
}

static int64_t capacity_free(void *arg)
{
    struct totals t = totals_of(arg);
    return (int64_t)(t.quota - t.used);
}

static int64_t hit_rate(void *arg)
{
    int64_t hits = (int64_t)count_of(arg, METRIC_ID_hits), all = hits + (int64_t)count_of(arg, METRIC_ID_misses);
    return all ? hits * 100 / all : 0;
}

static int64_t bytes_waiting(void *arg)
{
    return (int64_t)filler_bytes(((struct worker *)arg)->filler);
}

static void metrics_init(struct worker *w)
{
    const struct metric all[PARTS_METRIC_COUNT] = {
#define X(id, kind_, name_, help_) [METRIC_ID_##id] = {.name = name_, .kind = METRIC_##kind_, .help = help_},
        PARTS_METRICS(X)
#undef X
#define FN(id, name_, fn, help_) [METRIC_ID_##id] = {.name = name_, .kind = METRIC_GAUGE_FN, .help = help_, .read = fn, .arg = w}
        FN(blocks_cached, "Worker.BlocksCached", blocks_cached, "Blocks in the cache."),
        FN(capacity_total, "Worker.CapacityTotal", capacity_total, "Bytes that the cache may hold."),
        FN(capacity_used, "Worker.CapacityUsed", capacity_used, "Bytes that the cache holds."),
        FN(capacity_free, "Worker.CapacityFree", capacity_free, "Bytes that the cache may still take."),
        FN(waiting, "Worker.CacheWaitingBytes", bytes_waiting, "Bytes that were read from stores and wait to be cached."),
        FN(hit_rate, "Worker.CacheHitRate", hit_rate, "Percent of pages served from the cache since the start."),
#undef FN
    };
    memcpy(w->metrics, all, sizeof all);
    metrics_register(w->metrics, PARTS_METRIC_COUNT);
}

/* What the folders held before anything new came: only that may be dropped for not being known, because
 * a new content is in the cache before it is in the namespace. */
static void remember_adopted(struct worker *w)
{
    uint64_t cursor = 0;
    size_t n = 0, room = 0;
    do {
        room += LIVE_BATCH;
        w->inos = xrealloc(w->inos, room * sizeof *w->inos);
        w->cids = xrealloc(w->cids, room * sizeof *w->cids);
        n = block_contents(w->block, &cursor, w->inos + w->adopted, w->cids + w->adopted, LIVE_BATCH);
        w->adopted += n;
    } while (n == LIVE_BATCH);
}

/* False: to be asked again. */
static bool check_batch(struct worker *w)
{
    bool live[LIVE_BATCH] = {0};
    struct err err;
    size_t left = w->adopted - w->checked, n = left < LIVE_BATCH ? left : LIVE_BATCH, dropped = 0;
    if (w->contents_live(w->contents_live_arg, w->inos + w->checked, w->cids + w->checked, n, live, &err) < 0)
        return false;
    for (size_t i = 0; i < n; i++)
        if (!live[i]) {
            block_drop(w->block, w->cids[w->checked + i], true);
            dropped++;
        }
    w->checked += n;
    if (dropped)
        log_info(worker, "dropped cached contents that no file has any more contents=%zu", dropped);
    return true;
}

static bool pause_until(struct worker *w, int64_t when_ms)
{
    LOCK_SCOPE(&w->lock);
    while (!w->is_ending && !clock_is_past(when_ms))
        cond_wait(&w->wake, &w->lock, when_ms);
    return !w->is_ending;
}

static void chores_run(void *arg)
{
    struct worker *w = arg;
    int64_t next_ms = 0, trim_ms = clock_mono_ms() + TRIM_MS;
    while (pause_until(w, next_ms)) {
        bool has_answer = !w->contents_live || w->checked == w->adopted || check_batch(w);
        bool has_more = w->contents_live && w->checked < w->adopted;
        if (clock_is_past(trim_ms)) {
            page_pool_trim(&w->pool);
            trim_ms = clock_mono_ms() + TRIM_MS;
        }
        next_ms = clock_mono_ms() + (!has_answer ? LIVE_RETRY_MS : has_more ? 0 : CHORES_MS);
    }
}

void worker_start(struct worker *w)
{
    thread_start(&w->chores, "worker-chores", chores_run, w);
}

static uint64_t fill_memory(uint64_t asked)
{
    uint64_t bytes = mem_machine() / 8;
    bytes = bytes > FILL_MEMORY_MOST ? FILL_MEMORY_MOST : bytes < FILL_MEMORY_LEAST ? FILL_MEMORY_LEAST : bytes;
    return asked ? asked : bytes;
}

int worker_new(const struct worker_options *o, struct worker **ret, struct err *err)
{
    struct block_store *block;
    TRY(block_store_new(&o->block, &block, err));
    struct worker *w = xnew(struct worker);
    w->block = block;
    w->stores = o->stores;
    w->store_timeout_ms = o->store_timeout_ms > 0 ? o->store_timeout_ms : 30000;
    w->fetch_memory = o->fetch_memory_bytes ? o->fetch_memory_bytes : MEMORY_DEFAULT;
    w->contents_live = o->contents_live;
    w->contents_live_arg = o->contents_live_arg;
    w->started_ms = clock_wall_ms();
    w->api = (struct data_api){.impl = w, .read = parts_read, .write = parts_write, .committed = api_committed,
                               .persist = parts_persist, .load = parts_load, .drop = api_drop, .pin = api_pin,
                               .cached = api_cached, .status = api_status};
    flights_init(&w->flights);
    uint64_t fill = fill_memory(o->fill_memory_bytes);
    page_pool_init(&w->pool, o->block.page_size, w->fetch_memory + fill);
    lock_init(&w->lock, RANK_WORKER);
    cond_init(&w->wake);
    for (size_t i = 0; i < PARTS_STREAM_LOCKS; i++)
        lock_init(&w->stream_locks[i], RANK_WORKER_INNER);
    remember_adopted(w);
    w->filler = filler_new(fill, fill_put, fill_skip, w);
    metrics_init(w);
    w->fetcher = fetcher_new(o->fetch_threads);
    *ret = w;
    return 0;
}

const struct data_api *worker_api(struct worker *w)
{
    return &w->api;
}

void worker_free(struct worker *w)
{
    if (!w)
        return;
    lock_take(&w->lock);
    w->is_ending = true;
    cond_wake_all(&w->wake);
    lock_drop(&w->lock);
    thread_join(&w->chores);
    fetcher_free(w->fetcher);
    filler_stop(w->filler);
    metrics_unregister(w->metrics, PARTS_METRIC_COUNT);
    filler_free(w->filler);
    block_store_free(w->block);
    flights_done(&w->flights);
    page_pool_done(&w->pool);
    for (size_t i = 0; i < PARTS_STREAM_LOCKS; i++)
        lock_done(&w->stream_locks[i]);
    cond_done(&w->wake);
    lock_done(&w->lock);
    free(w->inos);
    free(w->cids);
    free(w);
}
