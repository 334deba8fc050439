/* SPDX-License-Identifier: Apache-2.0
 *
 * master: the rules of the namespace.  Makes the mount table, sync, intents, persist queue, mover and
 * background tasks over one open meta, and fills the tables of functions that the layers above call.
 *
 *   master_new → meta_open with master_on_* as listeners (arg: the master) → master_start … master_stop → meta_close → master_free
 *
 * The listeners may be called from meta_open on; until master_start they keep quiet.
 */
#pragma once
#include "api/admin_api.h"
#include "api/data_api.h"
#include "api/mount_api.h"
#include "base/crypto.h"
#include "base/thread.h"
#include "meta/meta.h"

struct master;
struct master_options {
    const struct data_api *data;  /* NULL: no bytes here; stays valid; may be filled until master_start */
    const struct crypto_key *key; /* seals secret options of mounts; copied */
    unsigned umask;               /* 022 */
    const char *supergroup;       /* "" none; copied */
    uint32_t block_size;          /* 0: 64 MiB */
    enum write_type write_type;   /* 0: CACHE_THROUGH */
    enum read_type read_type;     /* 0: CACHE */
    int64_t store_timeout_ms;     /* 0: 30 s */
    unsigned sync_threads, persist_threads; /* 0: 4 */
    int64_t persist_retry_max_ms; /* 0: 5 min */
};
struct master *master_new(const struct master_options *o);
/* Loads the tables and starts threads and pools. `meta` stays valid until master_stop returned. */
int master_start(struct master *m, struct meta *meta, struct err *err) must_use;
void master_stop(struct master *m); /* no call of the tables may run or come any more */
void master_free(struct master *m); /* after meta_close; accepts NULL */

const struct meta_api *master_meta_api(struct master *m);
const struct mount_api *master_mount_api(struct master *m);
const struct store_api *master_store_api(struct master *m);
/* For admin: background work, and the parts behind it. Valid between master_start and master_stop. */
struct meta *master_meta(struct master *m);
struct mounts *master_mounts(struct master *m);
struct intents *master_intents(struct master *m);
struct sync *master_sync(struct master *m);
int master_tasks(struct master *m, int (*each)(void *arg, const struct task_info *), void *arg);

/* Listener functions for meta_open; on the apply thread, they only note and wake. */
void master_on_record_changed(void *master, enum record_kind kind, const char *key, uint64_t index);
void master_on_content_gone(void *master, content_id cid);
void master_on_marked(void *master, enum mark_kind kind);

/* Ticker callbacks: they hand the work to a pool. */
void master_tick_ttl(void *master);   /* isthmus.master.ttl.checker.interval */
void master_tick_chores(void *master); /* every minute: trims what is bounded, wakes what waits */
