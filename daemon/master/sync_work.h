/* SPDX-License-Identifier: Apache-2.0
 *
 * sync_work: one comparison with a store, and what follows from it: of one name, or of one directory.  Knows no contract and
 * remembers nothing but what sync_memory is for.  Blocks on the store and on the journal.  Threads: any.
 */
#pragma once
#include "api/meta_api.h"
#include "master/intents.h"
#include "master/mounts.h"
#include "master/sync.h"
#include "master/sync_memory.h"
#include "master/sync_plan.h"

struct sync_env { /* fixed */
    struct meta *meta;
    struct mounts *mounts;
    struct intents *intents;
    struct sync_memory *memory;
    uint32_t block_size;
    const bool *is_ending; /* atomic */
};
int sync_check_ending(const struct sync_env *env, struct err *err) must_use; /* ERR_CANCELLED: the node stops; a long comparison ends between two steps */
struct sync_tally { /* what one comparison did */
    uint64_t created, changed, removed, skipped_names, left; /* left: changed meanwhile, for the next check */
};
/* Where a path's bytes are: its mount, its key, the inodes on the way. */
struct sync_spot {
    char path[PATH_MAX_BYTES + 1];
    struct mount_at at; /* relative points into path: the key */
    struct walk walk;
    bool is_found;
    bool is_moving;     /* the mover is at work here: a comparison would see half a move */
};
int sync_spot_find(const struct sync_env *env, const char *path, struct sync_spot *ret, struct err *err) must_use;
void sync_spot_done(struct sync_spot *s);

/* One store, one directory of it, as one comparison sees them. */
struct sync_dir {
    const struct sync_env *env;
    const struct call *call;
    struct mount_use use;
    mount_id mount;
    const char *path, *key; /* of the directory */
    struct inode inode;
    unsigned mode_file, mode_directory;
    uint64_t base; /* index at which the store call began */
    const struct sync_mine *mine; /* recovery of the very intent; else NULL */
    bool is_last;                 /* its key is in this directory, not further down */
    struct sync_tally tally;
    char owner_name[64], group_name[64]; /* the last ones asked for */
    principal_id owner, group;
};
int sync_dir_open(struct sync_dir *d, const struct sync_env *env, const struct call *call, const struct sync_spot *spot,
                  const struct inode *dir, const char *path, const char *key, struct err *err) must_use;
void sync_dir_close(struct sync_dir *d);
char *sync_key_join(const char *dir_key, const char *name); /* owned by the caller */
/* The child as the namespace knows it; 1 found, 0 not. */
int sync_child(struct sync_dir *d, const char *name, struct inode *ret, struct err *err) must_use;
enum sync_action sync_action_for(struct sync_dir *d, const char *name, const struct ufs_stat *st, const struct inode *known);
/* Adds guards and effects. Directories are not removed by it: sync_remove_tree. */
int sync_add(struct sync_dir *d, struct entry *e, enum sync_action a, const char *name, const struct ufs_stat *st,
             const struct inode *known, struct err *err) must_use;
int sync_propose(struct sync_dir *d, const struct entry *e, struct call_result *result, struct err *err) must_use;
/* A directory that is not in the store: what is in it and was persisted goes, step by step; what was not stays, and its parents too. */
int sync_remove_tree(struct sync_dir *d, const char *name, const struct inode *dir, struct err *err) must_use;

/* One name now, by a single stat. 1 there, 0 not in the store. */
int sync_work_name(struct sync_dir *d, const char *name, struct err *err) must_use;
/* A path: makes what is missing on the way, when the store has it. ERR_NOT_FOUND: neither here nor there. */
int sync_work_path(const struct sync_env *env, const struct call *call, const char *path, const struct sync_mine *mine, struct sync_tally *tally,
                   struct err *err) must_use;

/* Compares one path without changing anything: NULL when both say the same, else as in struct inconsistency. */
int sync_work_check(const struct sync_env *env, const struct call *call, const char *path, const char **ret_what, struct err *err) must_use;

struct sync_hooks {
    void *arg;
    void (*through)(void *arg, const char *name); /* children up to this name are in the namespace; NULL after an unordered name */
    inconsistency_fn report;                      /* not NULL: nothing is changed, differences are told */
    void *report_arg;
};
/* A whole directory; marks it loaded. ERR_NOT_FOUND when the namespace has none. */
int sync_work_directory(const struct sync_env *env, const struct call *call, const char *path, const struct sync_hooks *h,
                        struct sync_tally *tally, struct err *err) must_use;
