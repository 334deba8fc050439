/* SPDX-License-Identifier: Apache-2.0
 *
 * sync: what is in the stores becomes what the namespace shows: loading once, checking by the mount's contract, and checks
 * that were asked for.  Never resurrects (rule 13): entries are guarded by the index at which the store call began; rows under an open
 * intent and unpersisted files are left alone.  No permission is checked here: callers have done it.
 * Threads: any; a pool of its own for checks beside answers.
 */
#pragma once
#include "api/meta_api.h"
#include "master/intents.h"
#include "master/mounts.h"

struct sync;
struct sync_options {
    struct meta *meta;
    struct mounts *mounts;
    struct intents *intents;
    unsigned threads;         /* 0: 4 */
    uint32_t block_size;      /* of loaded files; 0: 64 MiB */
};
struct sync *sync_new(const struct sync_options *o);
void sync_free(struct sync *s); /* waits for running checks (bounded by their deadlines) */

enum sync_kind { SYNC_STAT, SYNC_LIST };
struct sync_wish {
    enum sync_kind kind;
    struct read_options read;
    const char *after; /* LIST: as in list_options; NULL: the beginning */
    size_t limit;      /* LIST: 0 all */
};
struct sync_state {
    bool must_walk;     /* the namespace may have changed: walk again */
    bool is_checking;   /* a check runs beside the answer */
    int64_t verified_ms; /* wall; of the directory (LIST) or the parent (STAT); 0 never */
    /* LIST of a directory that is being loaded: children up to and including this name are there, more come. "" : all are. Stop behind
     * it with has_more, or call again with after = through. Only given for lists in name order that are not recursive. */
    char through[NAME_MAX_BYTES + 1];
};
/* Before a stat or list answers.  `walk` is the walk of `path` (possibly not all found).  Decides by mount, options and what is known
 * whether the answer must wait for the store.  A failing store fails the answer only when nothing is known (missing path, directory
 * never loaded): else 0 with an effect "store_check_failed".  Absence already known inside the contract costs no store call. */
int sync_before(struct sync *s, const struct call *call, const char *path, const struct walk *walk, const struct sync_wish *wish,
                struct sync_state *ret, struct err *err) must_use;
/* When the directory was last compared with its store in this process; wall ms, 0 never. */
int64_t sync_verified_ms(struct sync *s, inode_id dir);

/* meta_api.load_metadata: now, with all below when recursive; forced: even when inside the interval. ERR_NOT_FOUND neither here nor there. */
int sync_load_metadata(struct sync *s, const struct call *call, const char *path, bool is_recursive, bool is_forced, struct err *err) must_use;
/* meta_api.content_changed: that file now. */
int sync_content_changed(struct sync *s, const struct call *call, const char *path, struct err *err) must_use;
/* For the recovery of an intent: its own ownership of the key does not hide it. */
struct sync_mine {
    /* Sets owner, group, mode and flags of a file that is new at this very key; `ret_acl`: its list when INODE_HAS_ACL is set. NULL: as others. */
    int (*born)(void *arg, const struct inode *dir, struct inode *i, struct buf *ret_acl, struct err *err);
    void *arg;
};
/* The same by key; for intents_options.resync. */
int sync_key(struct sync *s, const struct call *call, mount_id mount, const char *key, const struct sync_mine *mine, struct err *err) must_use;
/* meta_api.check_consistency */
int sync_check_consistency(struct sync *s, const struct call *call, const char *path, bool repair, inconsistency_fn each, void *arg,
                           struct err *err) must_use;
/* Before a recursive remove without `unchecked`: ERR_CONFLICT when the store has something below that was not known here, which
 * nobody can have meant to remove. All of it is loaded then, so that it can be looked at. */
int sync_refuse_unknown(struct sync *s, const struct call *call, const char *path, struct err *err) must_use;
