/* SPDX-License-Identifier: Apache-2.0
 *
 * mover: the bytes of a renamed directory follow it on stores that cannot rename directories (rule 12).  The rename is one entry: dentry,
 * mover_add, and intents_put of an INTENT_MOVE (key: the old one, target: the new one), then intents_run, which hands it over.
 * From then on the directory's key is its side attribute "store_key" (flag INODE_HAS_STORE_KEY) and keys below follow from the
 * nearest ancestor that has one; a file that has moved carries its own until all are done.  The intent owns both prefixes until
 * the end: what is below can be read, changes there wait and then answer ERR_BUSY.  Each step may be repeated: copy, entry
 * (store_key), remove.  Threads: those of intents.
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
struct mover *mover_new(const struct mover_options *o); /* before intents_start */
void mover_start(struct mover *m);
void mover_stop(struct mover *m); /* before intents_stop: what runs ends after its batch */
void mover_free(struct mover *m); /* after intents_stop; accepts NULL */
/* Adds attribute and flag to the entry of the rename. `old_key` is the key in force. */
void mover_add(struct entry *e, const struct inode *dir, mount_id mount, const char *old_key, int64_t now_ms);
void mover_on_record_changed(struct mover *m, enum record_kind kind, const char *key); /* nothing to note: the intent says all */
int mover_tasks(struct mover *m, int (*each)(void *arg, const struct task_info *), void *arg);
