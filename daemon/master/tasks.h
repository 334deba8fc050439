/* SPDX-License-Identifier: Apache-2.0
 *
 * tasks: a change of everything below a directory, in small entries that block nobody: attributes or ACL, top-down.
 * The task is a record ("attr:ID") made by the entry that changed the top, with the place it has come to; a restart goes on.
 * The caller's thread works for a moment, so small trees are done when it answers; the rest goes on in the pool.
 * What the caller may not change is left and told, as chmod -R does: in the error of the answer, or when the pool ended it, by a task that
 * shows as failed for an hour.
 */
#pragma once
#include "master/op.h"

struct tasks;
struct tasks *tasks_new(struct master *m);
void tasks_free(struct tasks *t); /* accepts NULL; the pool has ended */
/* Puts those of the journal to work. */
int tasks_resume(struct tasks *t, struct err *err) must_use;
void tasks_run_waiting(void *tasks); /* on a pool thread */
int tasks_list(struct tasks *t, int (*each)(void *arg, const struct task_info *), void *arg);

enum subtree_kind { SUBTREE_ATTR, SUBTREE_ACL };
struct subtree_change { /* borrowed */
    enum subtree_kind kind;
    const struct attr_change *attr;
    enum acl_action action;
    const struct acl_entry *entries;
    size_t n;
};
/* Adds the record to the entry that changes the top; its id. */
uint64_t tasks_put(struct master *m, const struct call *call, struct entry *e, inode_id top, const char *path, const struct subtree_change *c);
/* After that entry was applied. Works up to ~200 ms, then leaves the rest to the pool: call->result->task_id.
 * ERR_PERMISSION_DENIED: all is done but for what the caller may not change. */
int tasks_work(struct master *m, const struct call *call, uint64_t id, struct err *err) must_use;

/* What a step does to one inode; adds to `e`. Skips (returns 0) what the identity may not change. */
int op_attr_put(struct master *m, const struct call *call, const struct inode *i, const char *path, const struct attr_change *c,
                struct entry *e, bool *ret_changed, struct err *err) must_use;
int op_acl_put(struct master *m, const struct call *call, const struct inode *i, const char *path, enum acl_action action,
               const struct acl_entry *entries, size_t n, struct entry *e, bool *ret_changed, struct err *err) must_use;
