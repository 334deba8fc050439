/* SPDX-License-Identifier: Apache-2.0
 *
 * mounts: which store stands behind which path.  An immutable table in memory made from
 * RECORD_MOUNT and RECORD_UFS_MODE, made again when a record changed; and the open stores, counted,
 * each behind a circuit that fails fast while its store is dead.  Leaves what is in a store to sync,
 * and changes of the namespace to the op_ files.  Threads: any; one pool of its own for live tests and sizes.
 */
#pragma once
#include "api/mount_api.h"
#include "base/crypto.h"
#include "meta/meta.h"
#include "ufs/ufs.h"

struct mounts;

struct mounts_options {
    struct meta *meta;
    const struct crypto_key *key; /* seals secret options; copied */
    int64_t store_timeout_ms;     /* of one store call; 0: 30 s */
    /* Adds to `e` what takes the directory `dir` (child `name` of its parent) with all below it out of the namespace
     * for later reclaim, leaving every store alone.  NULL: unmount answers ERR_NOT_SUPPORTED. */
    void (*detach)(void *arg, struct entry *e, const struct inode *dir, const char *name);
    void *detach_arg;
    /* Unmount is no change of a store, but ends those that are on their way: `hold` waits for them and keeps new ones out until `let_go`.
     * ERR_BUSY.  Both get detach_arg; set when detach is. */
    int (*hold)(void *arg, const struct call *call, mount_id id, struct err *err);
    void (*let_go)(void *arg, mount_id id);
};
/* Reads the table. Blocks on the database. */
int mounts_open(const struct mounts_options *o, struct mounts **ret, struct err *err) must_use;
void mounts_close(struct mounts *m); /* no store may be in use; accepts NULL */
/* On the apply thread (meta_listener.record_changed, any kind): marks only. */
void mounts_on_record_changed(struct mounts *m, enum record_kind kind, const char *key, uint64_t index);
void mounts_fill_api(struct mounts *m, struct mount_api *ret, struct store_api *ret_store);
/* For format: adds the record of mount 1 at "/" to `e`. `options` as "k=v;k=v" or NULL. Checks the uri and options, reaches nothing. */
int mounts_root_record(struct entry *e, const char *uri, const char *options, const struct crypto_key *key, struct err *err) must_use;

/* ---- which mount ---- */
struct mount_at { /* a copy; `relative` points into the path that was asked for */
    mount_id id;
    size_t root_len;      /* bytes of the path that are the mount point; 1 for "/" */
    const char *relative; /* rest without leading slash; "" for the mount point itself */
    bool is_read_only, is_shared;
    enum mount_mode mode;
    enum freshness freshness;
    int64_t interval_ms;
    uint64_t generation;  /* of the table */
};
/* Longest prefix of a clean path. Sees every change whose meta_propose has returned. Fails only when the database does. */
int mounts_resolve(struct mounts *m, const char *path, struct mount_at *ret, struct err *err) must_use;
/* `what` is the operation's name for the message. ERR_READ_ONLY; ERR_MAINTENANCE. */
int mounts_check(struct mounts *m, const struct mount_at *at, const char *path, bool for_write, const char *what, struct err *err) must_use;
/* Appends the mount point's path, or "URI/key" of an object. ERR_NOT_FOUND: no such mount. */
int mounts_path_of(struct mounts *m, mount_id id, struct buf *to, struct err *err) must_use;
int mounts_uri_of(struct mounts *m, mount_id id, const char *key, struct buf *to, struct err *err) must_use;
bool mounts_has_below(struct mounts *m, const char *path); /* a mount point strictly below (rename, remove) */
uint64_t mounts_generation(struct mounts *m);

/* ---- its store ---- */
struct mount_use {
    struct ufs *ufs;       /* valid until mounts_store_put */
    unsigned capabilities; /* enum ufs_capability */
    struct mount_slot *slot;
};
/* Opens it lazily; reaches nothing. ERR_NOT_FOUND, ERR_READ_ONLY, ERR_MAINTENANCE. While the circuit is open, calls of
 * `ufs` answer ERR_STORE_UNREACHABLE at once. */
int mounts_store_get(struct mounts *m, mount_id id, bool for_write, struct mount_use *ret, struct err *err) must_use;
void mounts_store_put(struct mounts *m, struct mount_use *u); /* accepts a zeroed one */
/* Deadline of one store call: the caller's, at most the store time-out. */
struct ufs_call mounts_call(const struct mounts *m, const struct call *call);
/* What a loaded object's owner is when its store has none: the mount point's. Mode bits: option or 0644 / 0755. */
void mounts_default_modes(struct mounts *m, mount_id id, unsigned *ret_file, unsigned *ret_directory);
