/* SPDX-License-Identifier: Apache-2.0
 *
 * intents: ownership in memory, records in the journal, and recovery.
 *
 *   free ──intents_claim──▶ claimed ──entry with intents_put──▶ open ──entry with intents_end──▶ free
 *                                                                 └─intents_release(false), restart──▶ waiting ──recover──▶ free
 *
 * 1. A claim's keys are in the map from intents_claim until it is free; recovery holds them as well.
 * 2. A record without a claim exists only while the process is down: intents_open makes a claim of each.
 * 3. Of a held mount nothing is claimed.
 * Threads: any; "intents" waits for what is due, a small pool works on it.
 */
#include "master/intents.h"

#include "base/clock.h"
#include "base/fault.h"
#include "base/json.h"
#include "base/lock.h"
#include "base/mem.h"
#include "base/text.h"
#include "base/thread.h"
#include "master/intents_map.h"
#include "master/intents_store.h"

#include <stdio.h>
#include <string.h>

enum { WAIT_MS = 10000, ATTEMPT_MS = 30000, MOVE_MS = 3600000, PAUSE_FIRST_MS = 250, PAUSE_MAX_MS = 60000, RECORD_MAX = 16 * 1024 };

struct intent_claim {
    struct intents *owner;
    struct intent intent; /* strings are ours */
    char record_key[48];
    struct buf raw; /* the record's value */
    /* under owner->lock, once recovery has it */
    struct intent_claim *next; /* waiting */
    bool is_running;
    bool owns_keys;
    unsigned attempts;
    int64_t next_ms;
    char error[200];
};
struct intents {
    struct intents_options options;
    struct pool *pool;
    struct thread thread;
    int (*move)(void *arg, const struct call *call, const struct intent *i, struct err *err); /* fixed after start */
    void *move_arg;
    struct lock lock;
    struct cond changed;
    /* under lock */
    struct intents_map *map;
    struct intent_claim *waiting;
    mount_id *held; /* by unmounts; one may be there twice */
    size_t held_n;
    bool is_stopping;
};

static const char *const kind_names[INTENT_KIND_COUNT] = {"write", "rename", "remove", "mkdir", "persist", "move"};

const char *intent_kind_name(enum intent_kind k)
{
    return k < INTENT_KIND_COUNT ? kind_names[k] : "unknown";
}

/* ---- the record ---- */
static void make_record_key(const struct intent *i, char to[48])
{
    uint8_t digest[SHA256_LEN];
    int n = snprintf(to, 48, "%u:", i->mount);
    crypto_sha256(i->key, strlen(i->key), digest);
    text_hex(digest, 16, to + n);
}

static void write_birth(const struct intent_birth *b, struct json_out *o)
{
    if (!b->is_known)
        return;
    json_begin_object(o, "birth");
    json_put_i64(o, "mode", b->mode);
    json_put_i64(o, "owner", b->owner);
    json_put_i64(o, "group", b->group);
    json_end_object(o);
}

static void read_birth(const struct json *j, struct intent_birth *ret)
{
    *ret = (struct intent_birth){.is_known = j && json_kind_of(j) == JSON_OBJECT};
    if (!ret->is_known)
        return;
    ret->mode = (int)json_i64(json_get(j, "mode"), -1);
    ret->owner = (principal_id)json_i64(json_get(j, "owner"), 0);
    ret->group = (principal_id)json_i64(json_get(j, "group"), 0);
}

/* Fields are only ever added: what an older record does not have reads as its default. */
static void write_record(const struct intent *i, struct buf *to)
{
    struct json_out o;
    json_out_init(&o, to);
    json_begin_object(&o, NULL);
    json_put_string(&o, "kind", intent_kind_name(i->kind));
    json_put_i64(&o, "mount", i->mount);
    json_put_string(&o, "key", i->key);
    if (i->target)
        json_put_string(&o, "target", i->target);
    json_put_id(&o, "ino", i->ino);
    json_put_id(&o, "cid", i->cid);
    json_put_bool(&o, "directory", i->is_directory);
    json_put_i64(&o, "mode", i->mode);
    write_birth(&i->birth, &o);
    json_put_i64(&o, "started", i->started_ms);
    json_end_object(&o);
}

static struct intent_claim *claim_new(struct intents *in, const struct intent *i)
{
    struct intent_claim *c = xnew(struct intent_claim);
    c->owner = in;
    c->intent = *i;
    c->intent.key = xstrdup(i->key);
    c->intent.target = i->target ? xstrdup(i->target) : NULL;
    make_record_key(i, c->record_key);
    buf_init(&c->raw, RECORD_MAX);
    return c;
}

static void claim_free(struct intent_claim *c)
{
    if (!c)
        return;
    free((char *)c->intent.key);
    free((char *)c->intent.target);
    buf_done(&c->raw);
    free(c);
}

static int read_record(const struct json *j, struct intent *ret)
{
    const char *kind = json_text(json_get(j, "kind"), "");
    unsigned k = 0;
    while (k < INTENT_KIND_COUNT && strcmp(kind, kind_names[k]))
        k++;
    *ret = (struct intent){.kind = (enum intent_kind)k,
                           .mount = (mount_id)json_i64(json_get(j, "mount"), 0),
                           .key = json_text(json_get(j, "key"), NULL),
                           .target = json_text(json_get(j, "target"), NULL),
                           .ino = (inode_id)json_i64(json_get(j, "ino"), 0),
                           .cid = (content_id)json_i64(json_get(j, "cid"), 0),
                           .is_directory = json_bool(json_get(j, "directory"), false),
                           .mode = (unsigned)json_i64(json_get(j, "mode"), 0755),
                           .started_ms = json_i64(json_get(j, "started"), 0)};
    read_birth(json_get(j, "birth"), &ret->birth);
    bool needs_target = k == INTENT_RENAME || k == INTENT_MOVE;
    return k < INTENT_KIND_COUNT && ret->key && (ret->target || !needs_target) ? 0 : -ERR_CORRUPT;
}

/* ---- ownership ---- */
static bool is_held_locked(const struct intents *in, mount_id mount)
{
    for (size_t i = 0; i < in->held_n; i++)
        if (in->held[i] == mount)
            return true;
    return false;
}

static bool take_locked(struct intents *in, struct intent_claim *c)
{
    const struct intent *i = &c->intent;
    if (is_held_locked(in, i->mount) || !intents_map_take(in->map, i->mount, i->key))
        return false;
    if (i->target && !intents_map_take(in->map, i->mount, i->target)) {
        intents_map_drop(in->map, i->mount, i->key);
        return false;
    }
    return c->owns_keys = true;
}

static void drop_locked(struct intents *in, struct intent_claim *c)
{
    if (c->owns_keys) {
        intents_map_drop(in->map, c->intent.mount, c->intent.key);
        if (c->intent.target)
            intents_map_drop(in->map, c->intent.mount, c->intent.target);
    }
    c->owns_keys = false;
    cond_wake_all(&in->changed);
}

int intents_claim(struct intents *in, const struct call *call, const struct intent *i, struct intent_claim **ret, struct err *err)
{
    int64_t until = clock_mono_ms() + WAIT_MS;
    if (until > call->deadline_ms)
        until = call->deadline_ms;
    struct intent_claim *c = claim_new(in, i);
    c->intent.started_ms = call->now_ms;
    write_record(&c->intent, &c->raw);
    int rc = buf_check(&c->raw, "the record of an intent", err);
    lock_take(&in->lock);
    while (rc == 0 && !take_locked(in, c))
        if (in->is_stopping || clock_is_past(until))
            rc = err_set(err, ERR_BUSY, "another change of '/%.100s' in its store is not finished", i->key);
        else
            cond_wait(&in->changed, &in->lock, until);
    lock_drop(&in->lock);
    if (rc < 0) {
        claim_free(c);
        return rc;
    }
    *ret = c;
    return 0;
}

void intents_put(const struct intent_claim *c, struct entry *e)
{
    entry_guard_record(e, RECORD_INTENT, c->record_key, NULL, 0, ERR_BUSY);
    entry_put_record(e, RECORD_INTENT, c->record_key, c->raw.data, c->raw.len);
}

void intents_end(const struct intent_claim *c, struct entry *e)
{
    FAULT("intent.before_end");
    entry_guard_record(e, RECORD_INTENT, c->record_key, c->raw.data, c->raw.len, ERR_STALE);
    entry_remove_record(e, RECORD_INTENT, c->record_key);
}

/* ---- unmount ---- */
static void let_go_locked(struct intents *in, mount_id mount)
{
    size_t i = 0;
    while (in->held[i] != mount)
        i++;
    in->held[i] = in->held[--in->held_n];
    cond_wake_all(&in->changed);
}

/* Owned keys whose change may still end well. */
static size_t count_hopeful_locked(const struct intents *in, mount_id mount)
{
    size_t n = intents_map_count(in->map, mount);
    for (const struct intent_claim *c = in->waiting; c; c = c->next)
        if (c->owns_keys && c->attempts && c->intent.mount == mount)
            n -= c->intent.target ? 2 : 1;
    return n;
}

int intents_hold(struct intents *in, const struct call *call, mount_id mount, struct err *err)
{
    int64_t until = clock_mono_ms() + WAIT_MS;
    if (until > call->deadline_ms)
        until = call->deadline_ms;
    LOCK_SCOPE(&in->lock);
    in->held = xrealloc(in->held, (in->held_n + 1) * sizeof *in->held);
    in->held[in->held_n++] = mount;
    size_t n;
    while ((n = count_hopeful_locked(in, mount)) > 0) {
        if (!in->is_stopping && !clock_is_past(until)) {
            cond_wait(&in->changed, &in->lock, until);
            continue;
        }
        let_go_locked(in, mount);
        return err_set(err, ERR_BUSY, "uploads, moves or removals in its store are not finished (%zu names); try again when they are", n);
    }
    return 0;
}

void intents_let_go(struct intents *in, mount_id mount)
{
    LOCK_SCOPE(&in->lock);
    let_go_locked(in, mount);
}

bool intents_covers(struct intents *in, mount_id mount, const char *key)
{
    LOCK_SCOPE(&in->lock);
    return intents_map_covers(in->map, mount, key);
}

static void free_claim(struct intents *in, struct intent_claim *c)
{
    lock_take(&in->lock);
    drop_locked(in, c);
    lock_drop(&in->lock);
    claim_free(c);
}

void intents_release(struct intents *in, struct intent_claim *c, bool is_ended)
{
    if (!c)
        return;
    if (is_ended) {
        free_claim(in, c);
        return;
    }
    LOCK_SCOPE(&in->lock);
    c->next = in->waiting;
    c->next_ms = clock_mono_ms();
    in->waiting = c;
    cond_wake_all(&in->changed);
}

/* ---- finishing ---- */
static int end_record(struct intents *in, const struct call *call, struct intent_claim *c, struct err *err)
{
    AUTO(entry) e = {0};
    entry_init(&e, ENTRY_OUTCOME, call->now_ms);
    intents_end(c, &e);
    int rc = meta_propose(in->options.meta, call, &e, err);
    return rc == -ERR_STALE ? 0 : rc; /* its own entry had ended it */
}

static int resync(struct intents *in, const struct call *call, struct intent_claim *c, struct err *err)
{
    const struct intent *i = &c->intent;
    if (!in->options.resync)
        return err_set(err, ERR_UNAVAILABLE, "the namespace cannot be compared with the store yet");
    int rc = in->options.resync(in->options.resync_arg, call, i, i->key, err);
    if (rc == 0 && i->target)
        rc = in->options.resync(in->options.resync_arg, call, i, i->target, err);
    return rc;
}

static int remove_object(struct intents *in, const struct call *call, const struct intent *i, struct err *err)
{
    struct intent removal = *i;
    removal.kind = INTENT_REMOVE;
    removal.is_directory = false;
    return intents_store_do(in->options.mounts, call, &removal, err);
}

/* The file of a persist was removed meanwhile: what was written must not bring it back. */
static int remove_orphan(struct intents *in, const struct call *call, const struct intent *i, struct err *err)
{
    struct inode now;
    int rc = meta_inode(in->options.meta, i->ino, &now, err);
    if (rc == 0 && !(now.flags & INODE_DETACHED))
        return 0;
    if (rc < 0 && rc != -ERR_NOT_FOUND)
        return rc;
    return remove_object(in, call, i, err);
}

/* A write over a file that stays out of the store ended between store and commit: the file is what it was, so the object
 * is nobody's.  Any other object is compared with the namespace. */
static int remove_unpublished(struct intents *in, const struct call *call, const struct intent *i, struct err *err)
{
    struct inode now;
    int rc = meta_inode(in->options.meta, i->ino, &now, err);
    if (rc == -ERR_NOT_FOUND)
        return 0;
    TRY(rc);
    bool stays_out = now.persistence == PERSIST_NOT && (now.flags & INODE_COMPLETED) && !(now.flags & INODE_DETACHED);
    return stays_out ? remove_object(in, call, i, err) : 0;
}

static int store_part(struct intents *in, const struct call *call, const struct intent *i, struct err *err)
{
    if (i->kind == INTENT_PERSIST)
        return remove_orphan(in, call, i, err);
    if (i->kind == INTENT_WRITE)
        return remove_unpublished(in, call, i, err);
    if (i->kind != INTENT_MOVE)
        return intents_store_do(in->options.mounts, call, i, err);
    return in->move ? in->move(in->move_arg, call, i, err) : err_set(err, ERR_UNAVAILABLE, "nothing moves directories yet");
}

/* Was the entry with the record applied?  Its own guard asks, in order with what is still queued. */
static int is_journaled(struct intents *in, const struct call *call, struct intent_claim *c, struct err *err)
{
    AUTO(entry) e = {0};
    entry_init(&e, ENTRY_BARRIER, call->now_ms);
    entry_guard_record(&e, RECORD_INTENT, c->record_key, c->raw.data, c->raw.len, ERR_STALE);
    int rc = meta_propose(in->options.meta, call, &e, err);
    return rc == -ERR_STALE ? 0 : rc < 0 ? rc : 1;
}

/* Not there, or a key that this store cannot have: then it is not there either. */
static bool is_absent(int rc)
{
    return rc == -ERR_NOT_FOUND || rc == -ERR_NAME_TOO_LONG || rc == -ERR_INVALID_PATH;
}

/* One attempt of the whole rest. 0: ended. `ret_store` is what the store said when it refused for good, else 0. */
static int finish(struct intents *in, const struct call *call, struct intent_claim *c, int *ret_store, struct err *err)
{
    int rc = store_part(in, call, &c->intent, err);
    *ret_store = 0;
    if (rc < 0 && (c->intent.kind == INTENT_MOVE || !intents_store_is_final(rc)))
        return rc;
    *ret_store = rc;
    if (rc < 0 || c->intent.kind == INTENT_WRITE) {
        struct err why = {0};
        int again = resync(in, call, c, &why);
        if (again < 0 && !is_absent(again)) {
            if (rc == 0 && err)
                *err = why;
            return rc < 0 ? rc : again;
        }
    }
    struct err why = {0};
    int ended = end_record(in, call, c, rc < 0 ? &why : err);
    return ended;
}

int intents_run(struct intents *in, const struct call *call, struct intent_claim *c, struct err *err)
{
    int store = 0;
    FAULT("intent.after_put");
    if (c->intent.kind == INTENT_MOVE) {
        if (call->result)
            call->result->task_id = c->intent.ino;
        intents_release(in, c, false);
        return 0;
    }
    int rc = finish(in, call, c, &store, err);
    if (rc == 0) {
        intents_release(in, c, true);
        return store;
    }
    bool goes_on = rc == -ERR_TIMEOUT && c->intent.kind == INTENT_REMOVE && c->intent.is_directory;
    if (goes_on && call->result)
        call->result->task_id = c->intent.ino;
    intents_release(in, c, false);
    if (goes_on)
        call_effect(call, "info", "store_removal_goes_on", 1, 0);
    return goes_on ? 0 : rc;
}

/* ---- recovery ---- */
static void unlink_locked(struct intents *in, struct intent_claim *c)
{
    struct intent_claim **p = &in->waiting;
    while (*p != c)
        p = &(*p)->next;
    *p = c->next;
}

static int recover_once(struct intents *in, struct intent_claim *c, struct err *err)
{
    int64_t time = c->intent.kind == INTENT_MOVE ? MOVE_MS : ATTEMPT_MS;
    struct call call = call_system("intent", clock_mono_ms() + time, NULL);
    int store = 0;
    int open = is_journaled(in, &call, c, err);
    return open <= 0 ? open : finish(in, &call, c, &store, err);
}

static int64_t pause_after(const struct intent_claim *c, int rc)
{
    uint16_t dice;
    if (rc == -ERR_TIMEOUT && c->intent.is_directory)
        return 50; /* a large tree: it gets on */
    int64_t pause = c->attempts < 8 ? (int64_t)PAUSE_FIRST_MS << c->attempts : PAUSE_MAX_MS;
    crypto_random(&dice, sizeof dice);
    return pause * 3 / 4 + pause / 2 * dice / 65536;
}

static void recover(void *arg)
{
    struct intent_claim *c = arg;
    struct intents *in = c->owner;
    struct err err = {0};
    lock_take(&in->lock);
    bool is_stopping = in->is_stopping;
    lock_drop(&in->lock);
    int rc = is_stopping ? err_set(&err, ERR_CANCELLED, "the node stops") : recover_once(in, c, &err);
    lock_take(&in->lock);
    c->is_running = false;
    if (rc == 0) {
        unlink_locked(in, c);
        drop_locked(in, c);
    } else {
        c->next_ms = clock_mono_ms() + pause_after(c, rc);
        c->attempts++;
        snprintf(c->error, sizeof c->error, "%.199s", err.text);
        c = NULL;
    }
    cond_wake_all(&in->changed);
    lock_drop(&in->lock);
    claim_free(c);
}

/* The next one that is due, or NULL and how long nothing will be. */
static struct intent_claim *due_locked(struct intents *in, int64_t *ret_until)
{
    int64_t now = clock_mono_ms();
    *ret_until = now + 60000;
    for (struct intent_claim *c = in->waiting; c; c = c->next) {
        if (c->is_running)
            continue;
        if (c->next_ms <= now)
            return c;
        if (c->next_ms < *ret_until)
            *ret_until = c->next_ms;
    }
    return NULL;
}

static void watch(void *arg)
{
    struct intents *in = arg;
    lock_take(&in->lock);
    while (!in->is_stopping) {
        int64_t until;
        struct intent_claim *c = due_locked(in, &until);
        if (!c) {
            cond_wait(&in->changed, &in->lock, until);
            continue;
        }
        c->is_running = true;
        lock_drop(&in->lock);
        int rc = pool_submit(in->pool, recover, c, NULL);
        lock_take(&in->lock);
        if (rc < 0) { /* the pool is full: it will wake us when one is done */
            c->is_running = false;
            c->next_ms = clock_mono_ms() + 1000;
        }
    }
    lock_drop(&in->lock);
}

/* ---- life ---- */
struct loading {
    struct intents *in;
    struct err err;
};

static int load_one(void *arg, const char *key, const void *value, size_t len)
{
    struct loading *l = arg;
    struct intents *in = l->in;
    struct intent i = {0};
    struct json *j = json_parse(value, len, NULL);
    if (!j || read_record(j, &i) < 0) {
        json_free(j);
        return err_set(&l->err, ERR_CORRUPT, "the intent '%.40s' cannot be read", key);
    }
    struct intent_claim *c = claim_new(in, &i);
    json_free(j);
    snprintf(c->record_key, sizeof c->record_key, "%s", key);
    buf_add(&c->raw, value, len);
    (void)take_locked(in, c); /* before anyone can ask; records never overlap */
    c->next = in->waiting;
    in->waiting = c;
    return 0;
}

int intents_open(const struct intents_options *o, struct intents **ret, struct err *err)
{
    struct intents *in = xnew(struct intents);
    struct loading l = {.in = in};
    in->options = *o;
    in->map = intents_map_new();
    lock_init(&in->lock, RANK_MASTER_INNER);
    cond_init(&in->changed);
    in->pool = pool_new("intent", 4, 64);
    int rc = meta_records(o->meta, RECORD_INTENT, NULL, load_one, &l, &l.err);
    if (rc < 0) {
        if (err)
            *err = l.err;
        intents_close(in);
        return rc;
    }
    *ret = in;
    return 0;
}

void intents_on_move(struct intents *in, int (*move)(void *arg, const struct call *call, const struct intent *i, struct err *err), void *arg)
{
    in->move = move;
    in->move_arg = arg;
}

void intents_start(struct intents *in)
{
    thread_start(&in->thread, "intents", watch, in);
}

void intents_stop(struct intents *in)
{
    lock_take(&in->lock);
    in->is_stopping = true;
    cond_wake_all(&in->changed);
    lock_drop(&in->lock);
    thread_join(&in->thread);
    pool_free(steal(&in->pool));
}

void intents_close(struct intents *in)
{
    if (!in)
        return;
    if (in->pool)
        pool_free(in->pool);
    while (in->waiting) {
        struct intent_claim *c = in->waiting;
        in->waiting = c->next;
        claim_free(c);
    }
    intents_map_free(in->map);
    free(in->held);
    cond_done(&in->changed);
    lock_done(&in->lock);
    free(in);
}

int intents_list(struct intents *in, int64_t older_ms, int (*each)(void *arg, const struct intent_info *), void *arg)
{
    enum { MAX = 1000 };
    struct copy {
        struct intent_info info;
        char *key, *target, error[200];
    } *copies = xcalloc(MAX, sizeof *copies);
    size_t n = 0;
    int rc = 0;
    int64_t before = clock_wall_ms() - older_ms;
    lock_take(&in->lock);
    for (struct intent_claim *c = in->waiting; c && n < MAX; c = c->next) {
        if (c->intent.started_ms > before)
            continue;
        struct copy *k = &copies[n++];
        k->info = (struct intent_info){.intent = c->intent, .attempts = c->attempts};
        k->info.intent.key = k->key = xstrdup(c->intent.key);
        k->info.intent.target = k->target = c->intent.target ? xstrdup(c->intent.target) : NULL;
        memcpy(k->error, c->error, sizeof k->error);
    }
    lock_drop(&in->lock);
    for (size_t i = 0; i < n; i++) {
        copies[i].info.error = copies[i].error;
        if (rc == 0)
            rc = each(arg, &copies[i].info);
        free(copies[i].key);
        free(copies[i].target);
    }
    free(copies);
    return rc;
}
