/* SPDX-License-Identifier: Apache-2.0
 *
 * tasks_record: a subtree change as its record says it: what, below which inode, on whose behalf, and how far it is.
 */
#pragma once
#include "master/tasks.h"

#define TASK_PREFIX "attr:"
#define REPORT_PREFIX "done:" /* ended in the background, and something was not changed: kept for a while, for who asks */

enum { TASK_TEXT = 300 };

struct task {
    uint64_t id;
    inode_id top;
    enum subtree_kind kind;
    int64_t started_ms;
    uint64_t done, skipped; /* done includes skipped */
    char *first;            /* why the first one was skipped; NULL none was */
    int64_t ended_ms;       /* of a report */
    char *path;  /* at its start, for people */
    char *after; /* relative path that was done last; "" none */
    struct identity who;
    char *user, *owner, *group; /* owner, group: NULL leave */
    char **groups;
    struct attr_change attr;
    enum acl_action action;
    size_t n;
    struct acl_entry entries[ACL_MAX];
};
void task_done(struct task *t);
void task_key(uint64_t id, char to[32]);
void task_report_key(uint64_t id, char to[32]);
/* What was not changed and why, for people; "" when all was. */
void task_tell(const struct task *t, char to[TASK_TEXT]);
void task_encode(const struct task *t, struct buf *to);
int task_decode(uint64_t id, const void *data, size_t len, struct task *ret, struct err *err) must_use; /* ERR_CORRUPT */
