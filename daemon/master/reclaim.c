/* SPDX-License-Identifier: Apache-2.0
 *
 * reclaim: see the header.  Threads: one pool thread at a time runs it.
 */
#include "master/reclaim.h"

#include "base/clock.h"
#include "base/fault.h"
#include "base/log.h"

#include <stdio.h>

#define STEP_ROWS 2000
#define STEP_BYTES (40u << 10)
#define MARKS 64

void reclaim_detach(struct entry *e, inode_id dir, int64_t now_ms)
{
    struct inode value = {.flags = INODE_DETACHED};
    entry_set_inode(e, dir, FIELD_FLAGS_SET | FIELD_PLACE, &value, 0);
    entry_put_mark(e, MARK_RECLAIM, now_ms, dir);
    entry_raise_epoch(e);
}

struct stepping {
    struct entry *e;
    inode_id dir;
    int64_t now_ms;
    size_t rows;
};

static int on_child(void *arg, const struct meta_child *c, struct err *err)
{
    (void)err;
    struct stepping *s = arg;
    if (s->rows == STEP_ROWS || entry_len(s->e) > STEP_BYTES)
        return 1;
    s->rows++;
    entry_guard_dentry(s->e, s->dir, c->name, c->ino, ERR_STALE);
    entry_remove_dentry(s->e, s->dir, c->name);
    if (c->type == INODE_DIRECTORY) {
        struct inode value = {.flags = INODE_DETACHED};
        entry_set_inode(s->e, c->ino, FIELD_FLAGS_SET | FIELD_PLACE, &value, 0);
        entry_put_mark(s->e, MARK_RECLAIM, s->now_ms, c->ino);
    } else if (c->inode->nlink > 1) {
        struct inode value = {.nlink = c->inode->nlink - 1};
        entry_set_inode(s->e, c->ino, FIELD_NLINK, &value, 0);
    } else {
        entry_remove_inode(s->e, c->ino);
    }
    return 0;
}

static int step(struct master *m, const struct mark *mark, struct err *err)
{
    struct call call = call_system("reclaim", clock_mono_ms() + 60000, NULL);
    AUTO(entry) e;
    entry_init(&e, ENTRY_RECLAIM, call.now_ms);
    struct inode dir;
    int rc = meta_inode(m->meta, mark->ino, &dir, NULL);
    if (rc == -ERR_NOT_FOUND || (!rc && !(dir.flags & INODE_DETACHED))) {
        entry_remove_mark(&e, MARK_RECLAIM, mark->when_ms, mark->ino);
        return meta_propose(m->meta, &call, &e, err);
    }
    if (rc)
        return err_set(err, ERR_IO, "a removed directory cannot be read");
    struct stepping s = {&e, mark->ino, call.now_ms, 0};
    rc = meta_list(m->meta, mark->ino, NULL, -1, STEP_ROWS, true, on_child, &s, err);
    if (rc < 0)
        return rc;
    if (!s.rows) {
        entry_guard_empty(&e, mark->ino, ERR_STALE);
        entry_remove_inode(&e, mark->ino);
        entry_remove_mark(&e, MARK_RECLAIM, mark->when_ms, mark->ino);
    }
    FAULT("master.reclaim_step");
    return meta_propose(m->meta, &call, &e, err);
}

static bool is_over(const struct master *m)
{
    return __atomic_load_n(&m->is_stopping, __ATOMIC_ACQUIRE);
}

/* All that stands in the queue now; the number of steps done, or an error. */
static int round_of(struct master *m, struct err *err)
{
    struct mark marks[MARKS];
    int n = meta_marks(m->meta, MARK_RECLAIM, INT64_MAX, marks, MARKS, err);
    int failed = 0;
    for (int i = 0; i < n && !is_over(m); i++) {
        int rc = step(m, &marks[i], err);
        if (rc && rc != -ERR_STALE)
            failed = rc;
    }
    return failed ? failed : n;
}

void reclaim_run(void *master)
{
    struct master *m = master;
    struct err err;
    __atomic_store_n(&m->reclaim_queued, false, __ATOMIC_RELEASE);
    int n;
    do
        n = round_of(m, &err);
    while (n > 0 && !is_over(m));
    if (n < 0 && !is_over(m))
        log_warn(master, "removed directories are not reclaimed yet, trying again in a minute: %s", err.text);
}

int reclaim_tasks(struct master *m, int (*each)(void *arg, const struct task_info *), void *arg)
{
    struct mark marks[MARKS];
    int n = meta_marks(m->meta, MARK_RECLAIM, INT64_MAX, marks, MARKS, NULL);
    for (int i = 0; i < n; i++) {
        char path[48];
        snprintf(path, sizeof path, "(removed %llu)", (unsigned long long)marks[i].ino);
        struct task_info t = {.id = marks[i].ino, .kind = "reclaim", .path = path, .state = "running", .error = "", .started_ms = marks[i].when_ms};
        int rc = each(arg, &t);
        if (rc)
            return rc;
    }
    return 0;
}
