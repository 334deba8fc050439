/* SPDX-License-Identifier: Apache-2.0
 *
 * persist: files that wait to be written to their store (MARK_PERSIST), and the few threads that do it: intent → bytes → entry →
 * data->committed.  Never gives up; failures wait with back-off and are shown, not logged again and again.
 * The key is found when the work is done, so renamed and removed files are right.  Threads: any; a pool of its own.
 */
#pragma once
#include "api/admin_api.h"
#include "api/data_api.h"
#include "master/intents.h"

struct persist;
struct persist_options {
    struct meta *meta;
    struct mounts *mounts;
    struct intents *intents;
    const struct data_api *data; /* stays valid */
    unsigned threads;            /* 0: 4 */
    int64_t retry_max_ms;        /* isthmus.master.persistence.max.interval */
    /* Mount and key of an inode now, through store_key; owned by the caller. ERR_NOT_FOUND when it is gone or detached. (keys.c). */
    int (*key_of)(void *arg, inode_id ino, mount_id *ret_mount, char **ret_key, struct err *err);
    void *key_arg;
};
struct persist *persist_new(const struct persist_options *o);
void persist_start(struct persist *p);
void persist_stop(struct persist *p);
void persist_free(struct persist *p); /* accepts NULL */
/* meta_listener.marked (any kind), on the apply thread: wakes only. */
void persist_on_marked(struct persist *p, enum mark_kind kind);
/* Adds what makes a complete, unpersisted file wait for persisting: PERSIST_TODO and the mark. */
void persist_mark(struct entry *e, const struct inode *file, int64_t now_ms);
/* meta_api.persist, after its permission checks: marks all unpersisted files at or below; waits for them when asked. ERR_TIMEOUT: they go on. */
int persist_path(struct persist *p, const struct call *call, const char *path, bool wait, struct err *err) must_use;
int persist_tasks(struct persist *p, int (*each)(void *arg, const struct task_info *), void *arg); /* those that failed and wait */
