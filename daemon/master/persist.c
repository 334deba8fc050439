/* SPDX-License-Identifier: Apache-2.0
 *
 * persist: one thread looks which files wait (MARK_PERSIST, oldest first), a few work on them.
 *
 *   marked ──due──▶ running ──intent, bytes, entry──▶ persisted
 *     ▲                └─failed─▶ waiting with back-off ─┘ (in memory: after a restart it is tried at once)
 *
 * The mark stays until the entry that says PERSISTED removes it, so a crash anywhere repeats the work.  The content id
 * is guarded: a file replaced meanwhile keeps its newer content unpersisted, and what was written is put right by a later check.
 */
#include "master/persist.h"

#include "base/clock.h"
#include "base/crypto.h"
#include "base/fault.h"
#include "base/lock.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "base/thread.h"

#include <stdio.h>
#include <string.h>

enum { LOOK_MS = 5000, PAGE = 256, PAUSE_FIRST_MS = 200, ITEM_MS = 3600000, FAILED_MAX = 10000, ENTRY_BYTES = 32 * 1024 };

struct item { /* a file that is being worked on or waits after a failure */
    struct item *next;
    struct persist *owner;
    inode_id ino;
    int64_t marked_ms; /* when of its mark */
    bool is_running;
    unsigned attempts;
    int64_t next_ms, started_ms;
    char error[200];
};
struct persist {
    struct persist_options options;
    struct pool *pool;
    struct thread thread;
    struct lock lock;
    struct cond changed;
    /* under lock */
    struct item *items;
    size_t item_count, running;
    uint64_t rounds; /* something ended */
    bool is_marked, is_stopping;
};

static struct metric metrics[] = {
    {.name = "Master.AsyncPersistSuccess", .kind = METRIC_COUNTER, .help = "Files written to their store after they were acknowledged."},
    {.name = "Master.AsyncPersistFail", .kind = METRIC_COUNTER, .help = "Attempts to persist a file that failed; they are repeated."},
};
enum { M_DONE, M_FAIL };

void persist_mark(struct entry *e, const struct inode *file, int64_t now_ms)
{
    struct inode v = {.persistence = PERSIST_TODO};
    entry_set_inode(e, file->ino, FIELD_PERSISTENCE, &v, 0);
    entry_put_mark(e, MARK_PERSIST, now_ms, file->ino);
}

/* ---- one file ---- */
static int drop_mark(struct persist *p, const struct call *call, const struct item *it, struct err *err)
{
    AUTO(entry) e = {0};
    entry_init(&e, ENTRY_PERSIST, call->now_ms);
    entry_remove_mark(&e, MARK_PERSIST, it->marked_ms, it->ino);
    return meta_propose(p->options.meta, call, &e, err);
}

/* The directories that were made in the store on the way to the file. */
static void add_parents(struct entry *e, struct meta *m, inode_id parent)
{
    struct inode dir, v = {.persistence = PERSIST_DONE};
    for (int i = 0; i < PATH_MAX_DEPTH && parent && meta_inode(m, parent, &dir, NULL) == 0; i++) {
        if (dir.persistence == PERSIST_DONE || dir.ino == INODE_ROOT || (dir.flags & (INODE_MOUNT_POINT | INODE_DETACHED)))
            return;
        entry_guard_inode(e, dir.ino, dir.attr_ver, 0);
        entry_set_inode(e, dir.ino, FIELD_PERSISTENCE, &v, 0);
        parent = dir.parent;
    }
}

static void add_outcome(struct entry *e, const struct item *it, const struct inode *file, const struct write_outcome *out)
{
    struct inode v = {.persistence = PERSIST_DONE, .store_mtime_ms = out->store_mtime_ms};
    memcpy(v.etag, out->etag, sizeof v.etag);
    entry_guard_content(e, file->ino, file->cid);
    entry_set_inode(e, file->ino, FIELD_PERSISTENCE | FIELD_STORE | FIELD_FLAGS_CLEAR, &v, INODE_DIRTY_DURABLE);
    entry_remove_mark(e, MARK_PERSIST, it->marked_ms, file->ino);
}

struct work {
    struct persist *p;
    const struct call *call;
    const struct item *it;
    struct inode file;
    struct content_ref content;
    struct intent_claim *claim;
};

static int propose_intent(struct work *w, struct err *err)
{
    AUTO(entry) e = {0};
    entry_init(&e, ENTRY_INTENT, w->call->now_ms);
    entry_guard_content(&e, w->file.ino, w->file.cid);
    intents_put(w->claim, &e);
    TRY(meta_propose(w->p->options.meta, w->call, &e, err));
    FAULT("intent.after_put");
    return 0;
}

static int end_intent(struct work *w, const struct write_outcome *out, struct err *err)
{
    AUTO(entry) e = {0};
    entry_init(&e, ENTRY_PERSIST, w->call->now_ms);
    if (out) {
        add_outcome(&e, w->it, &w->file, out);
        add_parents(&e, w->p->options.meta, w->file.parent);
    }
    intents_end(w->claim, &e);
    return meta_propose(w->p->options.meta, w->call, &e, err);
}

/* The key may have changed while the claim was waited for: who holds the claim is the only one who may use the key. */
static int claim_key(struct work *w, struct err *err)
{
    const struct persist_options *o = &w->p->options;
    struct intent i = {.kind = INTENT_PERSIST, .mount = w->content.mount, .key = w->content.key, .ino = w->file.ino, .cid = w->file.cid};
    TRY(intents_claim(o->intents, w->call, &i, &w->claim, err));
    mount_id mount;
    AUTO_FREE char *key = NULL;
    int rc = o->key_of(o->key_arg, w->file.ino, &mount, &key, err);
    if (rc == 0 && (mount != w->content.mount || strcmp(key, w->content.key)))
        rc = err_set(err, ERR_STALE, "the file was renamed while it waited");
    if (rc < 0)
        intents_release(o->intents, steal(&w->claim), true);
    return rc;
}

static int write_bytes(struct work *w, struct err *err)
{
    const struct data_api *data = w->p->options.data;
    struct write_outcome out = {0};
    TRY(propose_intent(w, err));
    int rc = data->persist(data->impl, w->call, &w->content, &out, err);
    FAULT("persist.after_store");
    if (rc < 0)
        return rc;
    TRY(end_intent(w, &out, err));
    memcpy(w->content.etag, out.etag, sizeof w->content.etag);
    w->content.is_persisted = true;
    data->committed(data->impl, &w->content);
    return 0;
}

static bool is_gone(struct work *w)
{
    struct inode now;
    int rc = meta_inode(w->p->options.meta, w->file.ino, &now, NULL);
    return rc == -ERR_NOT_FOUND || (rc == 0 && (now.flags & INODE_DETACHED));
}

/* After a failure the store may hold anything at the key.  Ending the intent leaves the file as it was: unpersisted, marked, and tried
 * again.  A file that is gone must not come back through its store: recovery removes what was written. */
static int write_claimed(struct work *w, struct err *err)
{
    struct err ignored;
    int rc = write_bytes(w, err);
    bool is_ended = rc == 0 || rc == -ERR_BUSY;
    if (!is_ended && !is_gone(w)) {
        int ended = end_intent(w, NULL, &ignored);
        is_ended = ended == 0 || ended == -ERR_STALE; /* stale: it was never put, or is gone */
    }
    intents_release(w->p->options.intents, steal(&w->claim), is_ended);
    return rc;
}

static bool has_nothing_to_do(const struct inode *f)
{
    return f->type != INODE_FILE || f->persistence != PERSIST_TODO || (f->flags & INODE_DETACHED);
}

static int write_file(struct work *w, struct err *err)
{
    const struct persist_options *o = &w->p->options;
    int rc = o->key_of(o->key_arg, w->file.ino, &w->content.mount, &w->content.key, err);
    TRY(rc);
    w->content.ino = w->file.ino;
    w->content.cid = w->file.cid;
    w->content.length = w->file.length;
    w->content.block_size = w->file.block_size;
    TRY(claim_key(w, err));
    return write_claimed(w, err);
}

static int persist_one(struct persist *p, const struct call *call, const struct item *it, struct err *err)
{
    struct work w = {.p = p, .call = call, .it = it};
    int rc = meta_inode(p->options.meta, it->ino, &w.file, err);
    if (rc == -ERR_NOT_FOUND || (rc == 0 && has_nothing_to_do(&w.file)))
        return drop_mark(p, call, it, err);
    TRY(rc);
    if (!(w.file.flags & INODE_COMPLETED))
        return err_set(err, ERR_INCOMPLETE, "the file is still being written");
    rc = write_file(&w, err);
    free(w.content.key);
    /* Not found may also mean: renamed between two looks. Only what is gone needs no persist. */
    return rc == -ERR_NOT_FOUND && is_gone(&w) ? drop_mark(p, call, it, err) : rc;
}

/* ---- the queue ---- */
static void unlink_locked(struct persist *p, struct item *it)
{
    struct item **at = &p->items;
    while (*at != it)
        at = &(*at)->next;
    *at = it->next;
    p->item_count--;
}

static int64_t pause_for(const struct persist *p, unsigned attempts)
{
    int64_t most = p->options.retry_max_ms > 0 ? p->options.retry_max_ms : 60000;
    int64_t pause = attempts < 16 ? (int64_t)PAUSE_FIRST_MS << attempts : most;
    uint16_t dice;
    crypto_random(&dice, sizeof dice);
    pause = pause < most ? pause : most;
    return pause / 2 + pause / 2 * dice / 65536;
}

static void item_run(void *arg)
{
    struct item *it = arg;
    struct persist *p = it->owner;
    struct call call = call_system("persist", clock_mono_ms() + ITEM_MS, NULL);
    struct err err = {0};
    lock_take(&p->lock);
    bool is_stopping = p->is_stopping;
    lock_drop(&p->lock);
    int rc = is_stopping ? -ERR_CANCELLED : persist_one(p, &call, it, &err);
    metric_add(&metrics[rc == 0 ? M_DONE : M_FAIL], 1);
    lock_take(&p->lock);
    p->running--;
    p->rounds++;
    it->is_running = false;
    if (rc == 0) {
        unlink_locked(p, it);
    } else {
        it->next_ms = clock_mono_ms() + (rc == -ERR_STALE ? 10 : pause_for(p, it->attempts));
        it->attempts++;
        snprintf(it->error, sizeof it->error, "%.199s", err.text);
        it = NULL;
    }
    cond_wake_all(&p->changed);
    lock_drop(&p->lock);
    free(it);
}

static struct item *find_locked(struct persist *p, inode_id ino)
{
    for (struct item *it = p->items; it; it = it->next)
        if (it->ino == ino)
            return it;
    return NULL;
}

static bool submit(struct persist *p, struct item *it)
{
    lock_take(&p->lock);
    it->is_running = true;
    p->running++;
    lock_drop(&p->lock);
    if (pool_submit(p->pool, item_run, it, NULL) == 0)
        return true;
    LOCK_SCOPE(&p->lock);
    it->is_running = false;
    p->running--;
    return false;
}

/* New marks become items; a failed one that is due again is taken as well. */
static struct item *take_mark(struct persist *p, const struct mark *m)
{
    LOCK_SCOPE(&p->lock);
    struct item *it = find_locked(p, m->ino);
    if (it) {
        if (!it->is_running)
            it->marked_ms = m->when_ms;
        return !it->is_running && it->next_ms <= clock_mono_ms() ? it : NULL;
    }
    it = xnew(struct item);
    *it = (struct item){.next = p->items, .owner = p, .ino = m->ino, .marked_ms = m->when_ms, .started_ms = clock_wall_ms()};
    p->items = it;
    p->item_count++;
    return it;
}

static bool has_room(struct persist *p)
{
    LOCK_SCOPE(&p->lock);
    return !p->is_stopping && p->running < 2 * p->options.threads;
}

static struct item *take_due(struct persist *p)
{
    LOCK_SCOPE(&p->lock);
    int64_t now = clock_mono_ms();
    for (struct item *it = p->items; it; it = it->next)
        if (!it->is_running && it->attempts && it->next_ms <= now)
            return it;
    return NULL;
}

/* Marks beyond those already known: failed ones stay at the head, so the page grows with them. */
static void look(struct persist *p)
{
    lock_take(&p->lock);
    size_t max = p->item_count + PAGE;
    lock_drop(&p->lock);
    if (max > FAILED_MAX)
        max = FAILED_MAX;
    struct mark *marks = xcalloc(max, sizeof *marks);
    int n = meta_marks(p->options.meta, MARK_PERSIST, clock_wall_ms() + 1000, marks, max, NULL);
    for (int i = 0; i < n && has_room(p); i++) {
        struct item *it = take_mark(p, &marks[i]);
        if (it && !submit(p, it))
            break;
    }
    free(marks);
    for (struct item *it; has_room(p) && (it = take_due(p));)
        if (!submit(p, it))
            break;
}

static void watch(void *arg)
{
    struct persist *p = arg;
    lock_take(&p->lock);
    while (!p->is_stopping) {
        uint64_t rounds = p->rounds;
        p->is_marked = false;
        lock_drop(&p->lock);
        look(p);
        lock_take(&p->lock);
        int64_t until = clock_mono_ms() + LOOK_MS;
        for (struct item *it = p->items; it; it = it->next)
            if (!it->is_running && it->next_ms < until)
                until = it->next_ms;
        while (!p->is_stopping && !p->is_marked && rounds == p->rounds && !clock_is_past(until))
            cond_wait(&p->changed, &p->lock, until);
    }
    lock_drop(&p->lock);
}

void persist_on_marked(struct persist *p, enum mark_kind kind)
{
    if (kind != MARK_PERSIST)
        return;
    LOCK_SCOPE(&p->lock);
    p->is_marked = true;
    cond_wake_all(&p->changed);
}

/* ---- persist a path ---- */
struct level {
    inode_id ino;
    char after[NAME_MAX_BYTES + 1];
};
struct marking {
    struct persist *p;
    const struct call *call;
    struct entry e;
    size_t in_entry;
    struct level *levels;
    size_t depth;
    inode_id into;
    bool only_counts;
    uint64_t files, open;
};

static int flush(struct marking *k, struct err *err)
{
    int rc = 0;
    if (k->in_entry) {
        rc = k->call->is_dry_run ? 0 : meta_propose(k->p->options.meta, k->call, &k->e, err);
        entry_done(&k->e);
    }
    k->in_entry = 0;
    return rc;
}

static int mark_file(struct marking *k, const struct inode *f, struct err *err)
{
    if (f->type != INODE_FILE || f->persistence == PERSIST_DONE)
        return 0;
    if (f->persistence == PERSIST_LOST)
        return err_set(err, ERR_LOST, "no copy of the bytes of file %llu is left", (unsigned long long)f->ino);
    if (f->persistence == PERSIST_TODO || !(f->flags & INODE_COMPLETED)) {
        k->open += f->persistence == PERSIST_TODO;
        return 0;
    }
    if (k->only_counts)
        return 0;
    if (!k->in_entry)
        entry_init(&k->e, ENTRY_PERSIST, k->call->now_ms);
    entry_guard_content(&k->e, f->ino, f->cid);
    persist_mark(&k->e, f, k->call->now_ms);
    k->in_entry++;
    k->files++;
    return entry_len(&k->e) > ENTRY_BYTES || k->in_entry >= 500 ? flush(k, err) : 0;
}

static int on_child(void *arg, const struct meta_child *c, struct err *err)
{
    struct marking *k = arg;
    snprintf(k->levels[k->depth - 1].after, NAME_MAX_BYTES + 1, "%s", c->name);
    if (c->type == INODE_DIRECTORY) {
        k->into = c->ino;
        return -ERR_CANCELLED; /* stops the listing */
    }
    return mark_file(k, c->inode, err);
}

static void push(struct marking *k, inode_id ino)
{
    k->levels = xrealloc(k->levels, (k->depth + 1) * sizeof *k->levels);
    k->levels[k->depth++] = (struct level){.ino = ino};
}

/* Marks what is below, and counts what waits already. Bounded by the deadline. */
static int mark_tree(struct marking *k, const struct inode *top, struct err *err)
{
    int rc = 0;
    if (top->type != INODE_DIRECTORY)
        rc = mark_file(k, top, err);
    else
        push(k, top->ino);
    while (rc >= 0 && k->depth) {
        struct level *l = &k->levels[k->depth - 1];
        rc = meta_list(k->p->options.meta, l->ino, l->after[0] ? l->after : NULL, -1, 0, true, on_child, k, err);
        if (rc == -ERR_CANCELLED) {
            push(k, k->into);
            rc = 0;
        } else {
            k->depth--;
        }
        if (clock_is_past(k->call->deadline_ms))
            rc = err_set(err, ERR_TIMEOUT, "no time was left to mark all files");
    }
    free(steal(&k->levels));
    k->depth = 0;
    if (rc >= 0)
        rc = flush(k, err);
    if (k->in_entry)
        entry_done(&k->e);
    k->in_entry = 0;
    return rc < 0 ? rc : 0;
}

static int count_open(struct persist *p, const struct call *call, const char *path, uint64_t *ret, struct err *err)
{
    AUTO(walk) w = {0};
    struct marking k = {.p = p, .call = call, .only_counts = true};
    TRY(meta_walk(p->options.meta, path, &w, err));
    *ret = 0;
    if (w.count < w.depth)
        return 0; /* removed meanwhile */
    TRY(mark_tree(&k, &w.last, err));
    *ret = k.open;
    return 0;
}

static int wait_for(struct persist *p, const struct call *call, const char *path, struct err *err)
{
    for (;;) {
        lock_take(&p->lock);
        uint64_t rounds = p->rounds;
        lock_drop(&p->lock);
        uint64_t open;
        TRY(count_open(p, call, path, &open, err));
        if (!open)
            return 0;
        if (clock_is_past(call->deadline_ms))
            return err_set(err, ERR_TIMEOUT, "%llu files below %.120s are not persisted yet; they go on", (unsigned long long)open, path);
        LOCK_SCOPE(&p->lock);
        int64_t until = clock_mono_ms() + 1000;
        until = until < call->deadline_ms ? until : call->deadline_ms;
        while (rounds == p->rounds && !clock_is_past(until))
            cond_wait(&p->changed, &p->lock, until);
    }
}

int persist_path(struct persist *p, const struct call *call, const char *path, bool wait, struct err *err)
{
    AUTO(walk) w = {0};
    struct marking k = {.p = p, .call = call};
    TRY(meta_walk(p->options.meta, path, &w, err));
    if (w.count < w.depth)
        return err_set(err, ERR_NOT_FOUND, "Path \"%.200s\" does not exist.", path);
    TRY(mark_tree(&k, &w.last, err));
    call_effect(call, "info", "files_to_persist", k.files, 0);
    return wait && !call->is_dry_run ? wait_for(p, call, path, err) : 0;
}

/* ---- shown ---- */
int persist_tasks(struct persist *p, int (*each)(void *arg, const struct task_info *), void *arg)
{
    enum { MAX = 200 };
    struct shown {
        struct task_info info;
        char path[32], error[200];
    } *shown = xcalloc(MAX, sizeof *shown);
    size_t n = 0;
    int rc = 0;
    lock_take(&p->lock);
    for (struct item *it = p->items; it && n < MAX; it = it->next) {
        if (!it->attempts)
            continue;
        struct shown *s = &shown[n++];
        memcpy(s->error, it->error, sizeof s->error);
        s->info = (struct task_info){.id = it->ino, .kind = "persist", .state = it->is_running ? "running" : "waiting", .started_ms = it->started_ms};
    }
    lock_drop(&p->lock);
    for (size_t i = 0; i < n && rc == 0; i++) {
        AUTO(buf) path = {0};
        buf_init(&path, PATH_MAX_BYTES);
        if (meta_path(p->options.meta, shown[i].info.id, &path, NULL) < 0)
            buf_reset(&path);
        shown[i].info.path = buf_str(&path);
        shown[i].info.error = shown[i].error;
        rc = each(arg, &shown[i].info);
    }
    free(shown);
    return rc;
}

/* ---- life ---- */
struct persist *persist_new(const struct persist_options *o)
{
    struct persist *p = xnew(struct persist);
    p->options = *o;
    if (!p->options.threads)
        p->options.threads = 4;
    lock_init(&p->lock, RANK_MASTER_INNER);
    cond_init(&p->changed);
    p->pool = pool_new("persist", p->options.threads, 4 * p->options.threads);
    metrics_register(metrics, array_len(metrics));
    return p;
}

void persist_start(struct persist *p)
{
    thread_start(&p->thread, "persist-queue", watch, p);
}

void persist_stop(struct persist *p)
{
    lock_take(&p->lock);
    p->is_stopping = true;
    cond_wake_all(&p->changed);
    lock_drop(&p->lock);
    thread_join(&p->thread);
    if (p->pool)
        pool_free(steal(&p->pool));
}

void persist_free(struct persist *p)
{
    if (!p)
        return;
    if (p->pool)
        pool_free(p->pool);
    metrics_unregister(metrics, array_len(metrics));
    while (p->items) {
        struct item *it = p->items;
        p->items = it->next;
        free(it);
    }
    cond_done(&p->changed);
    lock_done(&p->lock);
    free(p);
}
