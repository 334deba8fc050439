/* SPDX-License-Identifier: Apache-2.0
 *
 * ops: what the operations of the namespace share: the master's parts, a path with its walk and mount,
 * permission on it, guards for an entry, and the loop that runs a stale operation again.
 * The operations themselves are in op_*.c, one file for each family.
 */
#pragma once
#include "base/buf.h"
#include "base/lock.h"
#include "base/mem.h"
#include "api/path.h"
#include "master/access.h"
#include "master/intents.h"
#include "master/master.h"
#include "master/mounts.h"
#include "master/mover.h"
#include "master/persist.h"
#include "master/sync.h"
#include "meta/replay.h"

struct path_conf;
struct tasks;

struct master {
    /* fixed after master_start */
    struct master_options options;
    char *supergroup;
    struct crypto_key key;
    const struct data_api *data;
    struct meta *meta;
    struct mounts *mounts;
    struct intents *intents;
    struct sync *sync;
    struct persist *persist;
    struct mover *mover;
    struct path_conf *path_conf;
    struct tasks *tasks;
    struct lock gate;  /* held by a listener or tick while it works: they are over when master_stop took it */
    struct pool *pool; /* reclaim, TTL, trimming, dropped bytes, tasks */
    struct meta_api meta_api;
    struct mount_api mount_api;
    struct store_api store_api;
    /* atomic */
    bool is_started;
    bool is_stopping;
    bool reclaim_queued, ttl_queued, drop_queued, trim_queued;
    /* the slow lane: one at a time; under lane */
    struct lock lane;
    struct cond lane_free;
    bool is_lane_taken;
    /* contents that are gone and whose bytes wait to be dropped; under gone_lock */
    struct lock gone_lock;
    content_id *gone;
    size_t gone_n, gone_cap;
};

/* ---- a path of a call ---- */
struct place {
    char path[PATH_MAX_BYTES + 1]; /* clean */
    struct walk walk;
    struct mount_at at; /* `relative` points into path */
};
void place_done(struct place *p);
/* Checks path and scope, waits for call->min_index, walks, finds the mount. Finding less than all is success.
 * `ret` is zeroed or was opened before: then it is walked again. ERR_INVALID_PATH, ERR_PERMISSION_DENIED. */
int place_open(struct master *m, const struct call *call, const char *path, struct place *ret, struct err *err) must_use;
int place_again(struct master *m, struct place *p, struct err *err) must_use; /* walks again */
/* Lets the store's contract decide whether the store is asked before going on; walks again when something came.
 * `state` may be NULL. */
int place_sync(struct master *m, const struct call *call, struct place *p, const struct sync_wish *wish, struct sync_state *state,
               struct err *err) must_use;
/* The call for steps that are not the caller's change (loading what a store has): never a dry run, without its key. */
struct call ops_real(const struct call *call);
bool place_is_found(const struct place *p);
bool place_is_root(const struct place *p);
bool place_is_mount_point(const struct place *p);
/* ERR_NOT_FOUND: Path "{0}" does not exist. */
int place_need(const struct place *p, struct err *err) must_use;
/* The node a new or removed child hangs on: that of the last component's parent. ERR_NOT_FOUND when it is not there. */
int place_parent(const struct place *p, const struct walk_node **ret, struct err *err) must_use;
const struct walk_node *place_last(const struct place *p);
/* Path of nodes[i]; "/" for 0. */
void place_node_path(const struct place *p, size_t i, char ret[PATH_MAX_BYTES + 1]);
/* Pinned itself or by a directory above. */
bool place_is_pinned(const struct place *p);

/* ---- permission ---- */
/* ERR_PERMISSION_DENIED for tokens that only read. First line of every change. */
int ops_may_change(const struct call *call, struct err *err) must_use;
/* x on all directories of the walk above nodes[i], and `rwx` on nodes[i] itself (0: only traversal). */
int ops_check(struct master *m, const struct call *call, const struct place *p, size_t i, unsigned rwx, struct err *err) must_use;
int ops_check_last(struct master *m, const struct call *call, const struct place *p, unsigned rwx, struct err *err) must_use;
/* w+x on the parent, and its sticky bit, for removing or renaming the last component. */
int ops_check_unlink(struct master *m, const struct call *call, const struct place *p, struct err *err) must_use;
bool ops_is_super(struct master *m, const struct call *call);
/* One inode without its path: for subtrees. */
int ops_check_inode(struct master *m, const struct call *call, const char *path, const struct inode *i, unsigned rwx, struct err *err) must_use;
/* The whole list of an inode: base entries of its mode, extended and default ones. */
int ops_acl(struct master *m, inode_id ino, uint32_t mode, uint32_t flags, struct acl *ret, struct err *err) must_use;

/* ---- entries ---- */
/* The directories of the walk and its epoch. */
void ops_guard(struct entry *e, const struct place *p);
/* Proposes, unless the call is a dry run. */
int ops_propose(struct master *m, const struct call *call, const struct entry *e, struct err *err) must_use;
/* Runs `attempt` until it is not stale: 8 times with jitter, then alone, until the deadline. */
typedef int (*ops_attempt)(struct master *m, const struct call *call, void *arg, struct err *err);
int ops_run(struct master *m, const struct call *call, ops_attempt attempt, void *arg, struct err *err) must_use;
/* ERR_PRECONDITION_FAILED when `tag` is not NULL and not the inode's (NULL inode: absent). "*" is any. */
int ops_if_match(const char *tag, const struct inode *i, const char *path, struct err *err) must_use;
/* Interned user and first group of the caller; the group of `parent` for callers without groups. */
int ops_owner(struct master *m, const struct call *call, principal_id parent_group, principal_id *ret_owner, principal_id *ret_group,
              struct err *err) must_use;
const char *ops_name(struct master *m, principal_id id);
