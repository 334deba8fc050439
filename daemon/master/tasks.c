/* SPDX-License-Identifier: Apache-2.0
 *
 * tasks: see the header.  A step walks on from where the record says, adds what it changes to one entry of at most
 * 40 KiB, and that entry moves the record on: a crash repeats at most the step.
 * Threads: any; `busy` says which tasks somebody works on.
 */
#include "master/tasks_record.h"

#include "base/clock.h"
#include "base/fault.h"
#include "base/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define STEP_BYTES (40u << 10)
#define STEP_NODES 500
#define INLINE_MS 200
#define BUSY_MAX 64

struct tasks {
    struct master *m;
    struct lock lock;
    uint64_t busy[BUSY_MAX]; /* under lock; 0 free */
};

struct tasks *tasks_new(struct master *m)
{
    struct tasks *t = xnew(struct tasks);
    t->m = m;
    lock_init(&t->lock, RANK_MASTER_INNER);
    return t;
}

void tasks_free(struct tasks *t)
{
    if (!t)
        return;
    lock_done(&t->lock);
    free(t);
}

static bool busy_take(struct tasks *t, uint64_t id)
{
    LOCK_SCOPE(&t->lock);
    uint64_t *room = NULL;
    for (size_t i = 0; i < BUSY_MAX; i++) {
        if (t->busy[i] == id)
            return false;
        if (!t->busy[i])
            room = &t->busy[i];
    }
    if (room)
        *room = id;
    return room != NULL;
}

static void busy_drop(struct tasks *t, uint64_t id)
{
    LOCK_SCOPE(&t->lock);
    for (size_t i = 0; i < BUSY_MAX; i++)
        if (t->busy[i] == id)
            t->busy[i] = 0;
}

static void put_record(struct entry *e, const struct task *t)
{
    char key[32];
    AUTO(buf) value;
    buf_init(&value, 60u << 10);
    task_key(t->id, key);
    task_encode(t, &value);
    entry_put_record(e, RECORD_TASK, key, value.data, value.len);
}

uint64_t tasks_put(struct master *m, const struct call *call, struct entry *e, inode_id top, const char *path, const struct subtree_change *c)
{
    struct task t = {.id = meta_new_id(m->meta), .top = top, .kind = c->kind, .started_ms = call->now_ms, .who = *call->who};
    t.who.is_super = ops_is_super(m, call);
    t.path = (char *)path; /* borrowed: this one is only encoded */
    t.after = "";
    t.attr.mode = -1;
    if (c->kind == SUBTREE_ATTR) {
        t.owner = (char *)c->attr->owner;
        t.group = (char *)c->attr->group;
        t.attr.mode = c->attr->mode;
    }
    t.action = c->action;
    t.n = c->n < ACL_MAX ? c->n : ACL_MAX;
    if (t.n)
        memcpy(t.entries, c->entries, t.n * sizeof *t.entries);
    put_record(e, &t);
    return t.id;
}

/* ---- a step ---- */

struct stepping {
    struct master *m;
    const struct call *call;
    struct task *t;
    struct entry *e;
    uint64_t nodes, skipped;
    char last[PATH_MAX_BYTES + 1];
};

static int change_node(struct stepping *s, const struct tree_node *n, struct err *err)
{
    bool is_changed = false;
    const struct task *t = s->t;
    if (t->kind == SUBTREE_ATTR)
        return op_attr_put(s->m, s->call, n->inode, n->path, &t->attr, s->e, &is_changed, err);
    if (n->inode->type == INODE_SYMLINK)
        return 0;
    struct acl_entry fit[ACL_MAX]; /* files have no default entries */
    size_t k = 0;
    for (size_t i = 0; i < t->n; i++)
        if (n->inode->type == INODE_DIRECTORY || !t->entries[i].is_default)
            fit[k++] = t->entries[i];
    if (!k && t->action != ACL_REMOVE_ALL && t->action != ACL_REMOVE_DEFAULT)
        return 0;
    return op_acl_put(s->m, s->call, n->inode, n->path, t->action, fit, k, s->e, &is_changed, err);
}

static int on_node(void *arg, const struct tree_node *n, struct err *err)
{
    struct stepping *s = arg;
    if (s->nodes == STEP_NODES || entry_len(s->e) > STEP_BYTES || __atomic_load_n(&s->m->is_stopping, __ATOMIC_ACQUIRE))
        return TREE_STOP;
    struct err why;
    int rc = change_node(s, n, &why);
    if (rc == -ERR_PERMISSION_DENIED)
        s->skipped++;
    else if (rc)
        return err_set(err, why.code, "%s", why.text);
    s->nodes++;
    snprintf(s->last, sizeof s->last, "%s", n->relative);
    return TREE_ON;
}

static int forget(struct master *m, const struct call *call, uint64_t id, struct err *err)
{
    char key[32];
    AUTO(entry) e;
    task_key(id, key);
    entry_init(&e, ENTRY_TASK, call->now_ms);
    entry_remove_record(&e, RECORD_TASK, key);
    return meta_propose(m->meta, call, &e, err);
}

/* 1: there is more. 0: all done and the record is gone. */
static int step_entry(struct stepping *s, const char *path, const struct inode *top, struct err *err)
{
    struct tree_options o = {.after = s->t->after, .deadline_ms = CLOCK_NEVER, .visit = on_node, .arg = s};
    int more = tree_walk(s->m, path, top, &o, err);
    TRY(more);
    char key[32];
    task_key(s->t->id, key);
    struct task next = *s->t;
    next.done += s->nodes;
    next.skipped += s->skipped;
    if (s->nodes)
        next.after = s->last;
    if (more == TREE_STOP)
        put_record(s->e, &next);
    else
        entry_remove_record(s->e, RECORD_TASK, key);
    FAULT("master.subtree_step");
    TRY(meta_propose(s->m->meta, s->call, s->e, err));
    s->t->done = next.done;
    s->t->skipped = next.skipped;
    if (s->nodes) {
        free(s->t->after);
        s->t->after = xstrdup(s->last);
    }
    return more == TREE_STOP;
}

static int step(struct master *m, struct task *t, struct err *err)
{
    struct call call = call_system("subtree", clock_mono_ms() + 60000, NULL);
    call.who = &t->who;
    struct inode top;
    AUTO(buf) path;
    buf_init(&path, PATH_MAX_BYTES + 1);
    if (meta_inode(m->meta, t->top, &top, NULL) || meta_path(m->meta, t->top, &path, NULL) || top.flags & INODE_DETACHED)
        return forget(m, &call, t->id, err); /* removed meanwhile */
    AUTO_FREE struct stepping *s = xnew(struct stepping);
    *s = (struct stepping){.m = m, .call = &call, .t = t};
    AUTO(entry) e;
    entry_init(&e, t->kind == SUBTREE_ACL ? ENTRY_SET_ACL : ENTRY_SET_ATTR, call.now_ms);
    s->e = &e;
    return step_entry(s, buf_str(&path), &top, err);
}

/* 0: done, or somebody else is at it; 1: the time is over and there is more. */
static int work(struct tasks *ts, uint64_t id, int64_t until_ms, uint64_t *ret_skipped, struct err *err)
{
    if (!busy_take(ts, id))
        return 0;
    char key[32];
    AUTO(buf) value;
    buf_init(&value, 64u << 10);
    task_key(id, key);
    AUTO_FREE struct task *t = xnew(struct task);
    int rc = meta_record(ts->m->meta, RECORD_TASK, key, &value, err);
    bool is_gone = rc == -ERR_NOT_FOUND;
    if (!rc)
        rc = task_decode(id, value.data, value.len, t, err);
    int more = rc ? 0 : 1;
    while (more > 0 && !clock_is_past(until_ms) && !__atomic_load_n(&ts->m->is_stopping, __ATOMIC_ACQUIRE)) {
        rc = step(ts->m, t, err);
        more = rc == -ERR_STALE ? 1 : rc; /* something below changed: walk again */
    }
    *ret_skipped = t->skipped;
    task_done(t);
    busy_drop(ts, id);
    if (is_gone)
        return 0;
    return more < 0 ? more : rc < 0 && rc != -ERR_STALE ? rc : more;
}

int tasks_work(struct master *m, const struct call *call, uint64_t id, struct err *err)
{
    uint64_t skipped = 0;
    int64_t until = clock_mono_ms() + INLINE_MS;
    if (until > call->deadline_ms)
        until = call->deadline_ms;
    int more = work(m->tasks, id, until, &skipped, err);
    if (skipped)
        call_effect(call, "warn", "not_permitted", skipped, 0);
    if (more <= 0)
        return more;
    if (call->result)
        call->result->task_id = id;
    if (pool_submit(m->pool, tasks_run_waiting, m->tasks, NULL))
        log_debug(master, "task %" PRIu64 " goes on within a minute", id);
    return 0;
}

/* ---- all that wait ---- */

struct ids {
    size_t n;
    uint64_t items[BUSY_MAX];
};

static bool is_ours(const char *key)
{
    return !strncmp(key, TASK_PREFIX, sizeof TASK_PREFIX - 1);
}

static int collect(void *arg, const char *key, const void *value, size_t len)
{
    (void)value;
    (void)len;
    struct ids *ids = arg;
    if (is_ours(key) && ids->n < BUSY_MAX)
        ids->items[ids->n++] = strtoull(key + sizeof TASK_PREFIX - 1, NULL, 16);
    return 0;
}

void tasks_run_waiting(void *tasks)
{
    struct tasks *ts = tasks;
    struct ids ids = {0};
    struct err err;
    uint64_t skipped;
    if (meta_records(ts->m->meta, RECORD_TASK, NULL, collect, &ids, &err))
        ids.n = 0;
    for (size_t i = 0; i < ids.n; i++)
        if (work(ts, ids.items[i], CLOCK_NEVER, &skipped, &err) < 0)
            log_warn(master, "a change below a directory is not finished, trying again in a minute: %s", err.text);
}

int tasks_resume(struct tasks *t, struct err *err)
{
    return pool_submit(t->m->pool, tasks_run_waiting, t, err);
}

struct showing {
    int (*each)(void *arg, const struct task_info *);
    void *arg;
};

static int show(void *arg, const char *key, const void *value, size_t len)
{
    struct showing *s = arg;
    AUTO_FREE struct task *t = xnew(struct task);
    if (!is_ours(key) || task_decode(strtoull(key + sizeof TASK_PREFIX - 1, NULL, 16), value, len, t, NULL))
        return 0;
    struct task_info info = {.id = t->id,
                             .kind = t->kind == SUBTREE_ACL ? "setfacl" : "set_attr",
                             .path = t->path,
                             .state = "running",
                             .done = t->done,
                             .error = "",
                             .started_ms = t->started_ms};
    int rc = s->each(s->arg, &info);
    task_done(t);
    return rc;
}

int tasks_list(struct tasks *t, int (*each)(void *arg, const struct task_info *), void *arg)
{
    struct showing s = {each, arg};
    return meta_records(t->m->meta, RECORD_TASK, NULL, show, &s, NULL);
}
