/* SPDX-License-Identifier: Apache-2.0
 *
 * mover: the bytes of a renamed directory follow it on stores that cannot rename directories (rule 12).  The rename is one entry: dentry,
 * and mover_add.  From then on the directory's key is its side attribute "store_key" (flag INODE_HAS_STORE_KEY) and keys below
 * follow from the nearest ancestor that has one; a file that has moved carries its own until all are done.  The mover copies object
 * by object (intent MOVE → copy → entry → remove), at the end claims the old prefix, and removes "store_key" again.
 * So: resolve keys through store_key, and guard the chain in every entry that has intents_put.  Threads: one of its own.
 */
#pragma once
#include "api/admin_api.h"
#include "master/intents.h"

struct mover;
struct mover_options {
    struct meta *meta;
    struct mounts *mounts;
    struct intents *intents;
};
struct mover *mover_new(const struct mover_options *o);
void mover_start(struct mover *m);
void mover_stop(struct mover *m);
void mover_free(struct mover *m); /* accepts NULL */
/* Adds attribute, flag and RECORD_TASK "move:INO" to the entry of the rename. `old_key` is the key in force. Harmless when it moves already. */
void mover_add(struct entry *e, const struct inode *dir, mount_id mount, const char *old_key, int64_t now_ms);
void mover_on_record_changed(struct mover *m, enum record_kind kind, const char *key); /* apply thread: wakes only */
int mover_tasks(struct mover *m, int (*each)(void *arg, const struct task_info *), void *arg);
