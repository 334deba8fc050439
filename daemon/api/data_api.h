/* SPDX-License-Identifier: Apache-2.0
 *
 * data_api: the hinge between the file service and the bytes.  worker/ fills it for this process; a
 * remote worker is filled by rpc/ later.  The namespace is not known here: a content_ref says all.
 */
#pragma once
#include "api/meta_api.h"
#include "base/slice.h"

struct read_request {
    const struct content_ref *content;
    uint64_t off, len;     /* inside content->length */
    enum read_type type;
    bool is_sequential;    /* a hint: the reader goes on */
};
struct read_result {
    uint64_t from_mem, from_disk, from_store; /* bytes by source */
};

struct tier_status {
    char alias[8]; /* MEM SSD HDD */
    char path[512];
    uint64_t quota_bytes, used_bytes, pinned_bytes, dirty_bytes;
    bool is_ok;
    char failure[160];
};
struct data_status {
    size_t tier_count;
    struct tier_status tiers[8];
    uint64_t blocks, pages, hits, misses, evicted_pages, bad_pages;
    uint64_t bytes_from_cache, bytes_from_store, bytes_written;
    int64_t started_ms;
};
/* Cached part of a content. */
struct content_cached {
    uint64_t mem_bytes, disk_bytes;
    bool is_dirty;
};

struct data_api {
    void *impl;
    /* Pushes [off, off+len). Bytes come from cache pages, or from the store (one request per missing range however many ask).
     * ERR_PRECONDITION_FAILED: the store has another version than content->etag. ERR_LOST: unpersisted and no copy here. */
    int (*read)(void *impl, const struct call *, const struct read_request *, struct sink *to, struct read_result *ret, struct err *);
    /* A whole content by the rules of its write type. On failure nothing stays. Writes to the store happen to content->key. */
    int (*write)(void *impl, const struct call *, const struct content_ref *, enum write_type, struct source *from,
                 bool if_absent, struct write_outcome *ret, struct err *);
    /* Clean from now on: the write was committed as persisted (after CACHE_THROUGH or persist). */
    void (*committed)(void *impl, const struct content_ref *);
    /* Writes dirty cached content to its store. */
    int (*persist)(void *impl, const struct call *, const struct content_ref *, struct write_outcome *ret, struct err *);
    /* Brings [off, off+len) into the cache. */
    int (*load)(void *impl, const struct call *, const struct content_ref *, uint64_t off, uint64_t len, struct err *);
    /* Drops clean cached bytes; dirty ones too when `also_dirty` (the inode is gone). Returns bytes freed. */
    uint64_t (*drop)(void *impl, content_id cid, bool also_dirty);
    void (*pin)(void *impl, content_id cid, bool is_pinned);
    void (*cached)(void *impl, const struct content_ref *, struct content_cached *ret);
    void (*status)(void *impl, struct data_status *ret);
};
