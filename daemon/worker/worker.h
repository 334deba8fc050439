/* SPDX-License-Identifier: Apache-2.0
 *
 * worker: the bytes of this node behind api/data_api.h: cache first, then the under-store.
 * Threads: any may call the table; the worker owns fetch threads and one for chores.
 */
#pragma once
#include "api/mount_api.h"
#include "block/block.h"

struct worker_options {
    struct block_options block;
    unsigned fetch_threads;      /* isthmus.worker.ufs.fetch.threads */
    int64_t store_timeout_ms;    /* isthmus.ufs.timeout: of one range; 0: 30 s */
    uint64_t fetch_memory_bytes; /* of pages on their way to readers; 0: 256 MiB */
    uint64_t fill_memory_bytes;  /* isthmus.worker.fill.memory: of pages on their way to the cache; 0: an eighth of the machine's memory, 256 MiB to 4 GiB */
    struct store_api stores;
    /* Which of these are still the contents of their inodes? May be NULL. Asked again until it answers. */
    int (*contents_live)(void *arg, const inode_id *inos, const content_id *cids, size_t n, bool *ret_live, struct err *err);
    void *contents_live_arg;
};
struct worker;
/* Makes and adopts the cache folders. ERR_CONFIG. */
int worker_new(const struct worker_options *o, struct worker **ret, struct err *err) must_use;
/* Valid until worker_free. */
const struct data_api *worker_api(struct worker *w);
/* From now on the namespace may be asked which contents live (contents_live). Call when it can answer. */
void worker_start(struct worker *w);
/* No call may be running. Accepts NULL. */
void worker_free(struct worker *w);
