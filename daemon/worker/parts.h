/* SPDX-License-Identifier: Apache-2.0
 *
 * parts: the worker's own struct and the functions of its table, for the files of this folder.
 */
#pragma once
#include "base/metrics.h"
#include "base/thread.h"
#include "ufs/ufs.h"
#include "worker/ahead.h"
#include "worker/fetch.h"
#include "worker/fill.h"
#include "worker/flight.h"
#include "worker/worker.h"

enum { PARTS_STREAMS = 256, PARTS_STREAM_LOCKS = 16 };

#define PARTS_METRICS(X)                                                                           \
    X(hits, COUNTER, "Worker.CacheHits", "Pages served from the cache.")                           \
    X(misses, COUNTER, "Worker.CacheMisses", "Pages that had to come from a store.")               \
    X(bytes_mem, COUNTER, "Worker.BytesReadMemory", "Bytes served from tier MEM.")                 \
    X(bytes_disk, COUNTER, "Worker.BytesReadDisk", "Bytes served from cache tiers on disk.")       \
    X(bytes_direct, COUNTER, "Worker.BytesReadDirect", "Bytes served to local callers.")           \
    X(bytes_store, COUNTER, "Worker.BytesReadUfs", "Bytes read from under-stores.")                \
    X(blocks_ufs, COUNTER, "Worker.RangesReadUfs", "Range requests to under-stores.")              \
    X(bytes_written, COUNTER, "Worker.BytesWrittenDirect", "Bytes written by local callers.")      \
    X(bytes_written_ufs, COUNTER, "Worker.BytesWrittenUfs", "Bytes written to under-stores.")      \
    X(cache_failed, COUNTER, "Worker.CacheFailedPages", "Pages that found no place in the cache, or whose disk was slower than the store.") \
    X(cached, COUNTER, "Worker.CacheUfsPages", "Pages of stores put into the cache.")              \
    X(promoted, COUNTER, "Worker.PromotionsAsked", "Reads that asked for a block in the top tier.") \
    X(writes_failed, COUNTER, "Worker.CacheFailedWrites", "Writes that reached the store but not the cache.")

enum parts_metric {
#define X(id, kind, name, help) METRIC_ID_##id,
    PARTS_METRICS(X)
#undef X
    PARTS_COUNTERS,
    METRIC_ID_blocks_cached = PARTS_COUNTERS,
    METRIC_ID_capacity_total,
    METRIC_ID_capacity_used,
    METRIC_ID_capacity_free,
    METRIC_ID_hit_rate,
    METRIC_ID_waiting,
    PARTS_METRIC_COUNT
};

struct worker {
    /* fixed after init */
    struct data_api api;
    struct block_store *block;
    struct store_api stores;
    int64_t store_timeout_ms;
    uint64_t fetch_memory;
    int (*contents_live)(void *arg, const inode_id *inos, const content_id *cids, size_t n, bool *ret_live, struct err *err);
    void *contents_live_arg;
    int64_t started_ms;
    struct fetcher *fetcher;
    struct filler *filler;
    int64_t full_until_ms; /* atomic: the cache had no room lately, pages are not even offered */
    struct flights flights;
    struct page_pool pool;
    struct metric metrics[PARTS_METRIC_COUNT];
    struct lock stream_locks[PARTS_STREAM_LOCKS];
    struct ahead streams[PARTS_STREAMS]; /* under stream_locks[i % PARTS_STREAM_LOCKS] */
    struct thread chores;
    struct lock lock; /* of the chores thread */
    struct cond wake;
    bool is_ending; /* under lock */
    /* chores thread only, once it runs: what was adopted and is to be compared with the namespace */
    inode_id *inos;
    content_id *cids;
    size_t adopted, checked;
};

#define parts_count(w, id, n) metric_add(&(w)->metrics[METRIC_ID_##id], (int64_t)(n))

static inline struct block_key parts_key(const struct content_ref *c)
{
    return (struct block_key){.ino = c->ino, .cid = c->cid, .block_size = c->block_size, .length = c->length,
                              .is_pinned = c->is_pinned};
}
int parts_check(const struct content_ref *c, struct err *err) must_use;

/* worker.c: hands a page of a store to the cache; takes over the reference to its flight. */
void parts_fill(struct worker *w, const struct block_key *key, uint64_t off, struct flight *take_flight, enum flight_want want);

/* range.c: a range of pages to be fetched. */
struct range;
struct range *range_new(struct worker *w, const struct content_ref *c, size_t max_pages);
/* `f`: with the fetcher's reference. In order and without gaps. */
void range_add(struct range *r, struct flight *f, uint64_t off, uint32_t len);
bool range_is_full(const struct range *r);
void range_start(struct range *take); /* frees an empty one */

/* The table. */
int parts_read(void *impl, const struct call *call, const struct read_request *q, struct sink *to, struct read_result *ret, struct err *err);
int parts_load(void *impl, const struct call *call, const struct content_ref *c, uint64_t off, uint64_t len, struct err *err);
int parts_write(void *impl, const struct call *call, const struct content_ref *c, enum write_type type, struct source *from,
                bool if_absent, struct write_outcome *ret, struct err *err);
int parts_persist(void *impl, const struct call *call, const struct content_ref *c, struct write_outcome *ret, struct err *err);
