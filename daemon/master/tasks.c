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
#define REPORTS_MAX 64
#define REPORT_MS 3600000

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

static void put_value(struct entry *e, const struct task *t, const char *key)
{
    AUTO(buf) value;
    buf_init(&value, 60u << 10);
    task_encode(t, &value);
    entry_put_record(e, RECORD_TASK, key, value.data, value.len);
}

static void put_record(struct entry *e, const struct task *t)
{
    char key[32];
    task_key(t->id, key);
    put_value(e, t, key);
}

static void put_report(struct entry *e, struct task *t, int64_t now_ms)
{
    char key[32];
    task_report_key(t->id, key);
    t->ended_ms = now_ms;
    put_value(e, t, key);
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
    char *first;   /* why the first one was skipped, by this step */
    bool is_alone; /* nobody waits for the end: what was skipped is kept as a report */
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
    if (rc == -ERR_PERMISSION_DENIED) {
        if (!s->t->skipped && !s->skipped)
            s->first = xstrdup(why.text);
        s->skipped++;
    } else if (rc)
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
    next.first = s->first ? s->first : s->t->first;
    if (s->nodes)
        next.after = s->last;
    if (more == TREE_STOP)
        put_record(s->e, &next);
    else
        entry_remove_record(s->e, RECORD_TASK, key);
    if (more != TREE_STOP && s->is_alone && next.skipped)
        put_report(s->e, &next, s->call->now_ms);
    FAULT("master.subtree_step");
    TRY(meta_propose(s->m->meta, s->call, s->e, err));
    s->t->done = next.done;
    s->t->skipped = next.skipped;
    if (s->first) {
        free(s->t->first);
        s->t->first = steal(&s->first);
    }
    if (s->nodes) {
        free(s->t->after);
        s->t->after = xstrdup(s->last);
    }
    return more == TREE_STOP;
}

static int step(struct master *m, struct task *t, bool is_alone, struct err *err)
{
    struct call call = call_system("subtree", clock_mono_ms() + 60000, NULL);
    call.who = &t->who;
    struct inode top;
    AUTO(buf) path;
    buf_init(&path, PATH_MAX_BYTES + 1);
    if (meta_inode(m->meta, t->top, &top, NULL) || meta_path(m->meta, t->top, &path, NULL) || top.flags & INODE_DETACHED)
        return forget(m, &call, t->id, err); /* removed meanwhile */
    AUTO_FREE struct stepping *s = xnew(struct stepping);
    *s = (struct stepping){.m = m, .call = &call, .t = t, .is_alone = is_alone};
    AUTO(entry) e;
    entry_init(&e, t->kind == SUBTREE_ACL ? ENTRY_SET_ACL : ENTRY_SET_ATTR, call.now_ms);
    s->e = &e;
    int rc = step_entry(s, buf_str(&path), &top, err);
    free(s->first);
    return rc;
}

struct told { /* of what was not changed */
    uint64_t skipped;
    char text[TASK_TEXT];
};

/* 0: done; 1: the time is over and there is more, or somebody else is at it. */
static int work(struct tasks *ts, uint64_t id, int64_t until_ms, struct told *ret, struct err *err)
{
    if (!busy_take(ts, id))
        return 1;
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
        rc = step(ts->m, t, until_ms == CLOCK_NEVER, err);
        more = rc == -ERR_STALE ? 1 : rc; /* something below changed: walk again */
    }
    ret->skipped = t->skipped;
    task_tell(t, ret->text);
    task_done(t);
    busy_drop(ts, id);
    if (is_gone)
        return 0;
    return more < 0 ? more : rc < 0 && rc != -ERR_STALE ? rc : more;
}

int tasks_work(struct master *m, const struct call *call, uint64_t id, struct err *err)
{
    struct told told = {0};
    int64_t until = clock_mono_ms() + INLINE_MS;
    if (until > call->deadline_ms)
        until = call->deadline_ms;
    int more = work(m->tasks, id, until, &told, err);
    if (told.skipped)
        call_effect(call, "warn", "not_permitted", told.skipped, 0);
    if (more == 0 && told.skipped)
        return err_set(err, ERR_PERMISSION_DENIED, "%.239s", told.text);
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

_Static_assert(sizeof TASK_PREFIX == sizeof REPORT_PREFIX, "an id begins at the same place");

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

struct trimming {
    int64_t before_ms;
    size_t n, total;
    char keys[REPORTS_MAX][32];
};

/* The oldest come first. */
static int collect_old(void *arg, const char *key, const void *value, size_t len)
{
    struct trimming *t = arg;
    AUTO_FREE struct task *r = xnew(struct task);
    if (strncmp(key, REPORT_PREFIX, sizeof REPORT_PREFIX - 1))
        return 0;
    bool is_read = !task_decode(0, value, len, r, NULL);
    bool is_old = !is_read || r->ended_ms < t->before_ms || t->total > REPORTS_MAX + t->n;
    if (is_read)
        task_done(r);
    if (is_old && t->n < REPORTS_MAX)
        snprintf(t->keys[t->n++], sizeof t->keys[0], "%s", key);
    return 0;
}

static int count_reports(void *arg, const char *key, const void *value, size_t len)
{
    (void)value;
    (void)len;
    *(size_t *)arg += !strncmp(key, REPORT_PREFIX, sizeof REPORT_PREFIX - 1);
    return 0;
}

static void trim_reports(struct master *m)
{
    struct trimming t = {.before_ms = clock_wall_ms() - REPORT_MS};
    struct call call = call_system("subtree", clock_mono_ms() + 10000, NULL);
    if (meta_records(m->meta, RECORD_TASK, NULL, count_reports, &t.total, NULL) || !t.total)
        return;
    if (meta_records(m->meta, RECORD_TASK, NULL, collect_old, &t, NULL) || !t.n)
        return;
    AUTO(entry) e;
    entry_init(&e, ENTRY_TASK, call.now_ms);
    for (size_t i = 0; i < t.n; i++)
        entry_remove_record(&e, RECORD_TASK, t.keys[i]);
    (void)!meta_propose(m->meta, &call, &e, NULL); /* else by the next tick */
}

void tasks_run_waiting(void *tasks)
{
    struct tasks *ts = tasks;
    struct ids ids = {0};
    struct err err;
    trim_reports(ts->m);
    if (meta_records(ts->m->meta, RECORD_TASK, NULL, collect, &ids, &err))
        ids.n = 0;
    for (size_t i = 0; i < ids.n; i++) {
        struct told told = {0};
        int rc = work(ts, ids.items[i], CLOCK_NEVER, &told, &err);
        if (rc == 0 && told.skipped)
            log_warn(master, "a change below a directory has ended: %s", told.text);
        if (rc < 0)
            log_warn(master, "a change below a directory is not finished, trying again in a minute: %s", err.text);
    }
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
    bool is_report = !strncmp(key, REPORT_PREFIX, sizeof REPORT_PREFIX - 1);
    char text[TASK_TEXT];
    if ((!is_ours(key) && !is_report) || task_decode(strtoull(key + sizeof TASK_PREFIX - 1, NULL, 16), value, len, t, NULL))
        return 0;
    task_tell(t, text);
    struct task_info info = {.id = t->id,
                             .kind = t->kind == SUBTREE_ACL ? "setfacl" : "set_attr",
                             .path = t->path,
                             .state = is_report ? "failed" : "running",
                             .done = t->done,
                             .error = text,
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
