/* SPDX-License-Identifier: Apache-2.0
 *
 * reclaim: the rows of removed directories go step by step.  A removed directory loses its dentry, is flagged DETACHED
 * and stands in the queue MARK_RECLAIM; a step removes up to 2,000 of its children (or what fits an entry), hanging sub-directories
 * into the same queue, and an empty one goes itself.  The queue is the state: a restart goes on where it was.
 */
#pragma once
#include "master/ops.h"

/* Adds to `e` what detaches the directory; its dentry is removed by the caller. */
void reclaim_detach(struct entry *e, inode_id dir, int64_t now_ms);
/* Works until nothing is queued or the master stops. On a pool thread. */
void reclaim_run(void *master);
int reclaim_tasks(struct master *m, int (*each)(void *arg, const struct task_info *), void *arg);
