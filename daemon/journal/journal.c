/* SPDX-License-Identifier: Apache-2.0
 *
 * journal: callers queue entries, the engine makes groups of them durable in one order, one apply
 * thread hands what is committed to the client.  The consensus library is engine_raft.c's, bytes on
 * disk are group.c's and segment.c's.  Threads: any calls in; the engine's loop calls the on_*
 * functions; the apply thread calls the client and nobody else does.
 *
 * Invariants
 *  1. Every entry that journal_propose took ends once: client->apply with its waiter, or
 *     client->abandoned.  A batch owns its waiters until one of the two has them.
 *  2. client->apply sees whole groups in the order of the log, each index once per start, none that
 *     is <= options.applied.
 *  3. Bytes that wait (queued, under way, committed) stay below WAITING_MAX, the log in memory below
 *     LOG_MAX: beyond that journal_propose refuses and the loop goes on beating.  What a restart
 *     finds in the log may pass WAITING_MAX; it is bounded by LOG_MAX.
 *  4. make_durable runs between two batches and only when the wanted index is applied.
 *  5. Under `lock` nothing blocks; engine_wake is a write to an eventfd.
 *
 *   STARTING ── on_changed: ready, all delivered and applied ──▶ LEADER ◀── on_changed: space ──▶ NO_SPACE
 *      └─────────────┬──────────────────────────────────────────────┘ (FOLLOWER: with more voters)
 *                    ├── on_failed, apply_batch: the client refused ──▶ FAILED
 *                    └── journal_stop ──▶ STOPPED
 */
#include "journal/journal.h"

#include "base/clock.h"
#include "base/fault.h"
#include "base/file_util.h"
#include "base/lock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/thread.h"
#include "journal/engine.h"
#include "journal/segment.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define WAITING_MAX (16u << 20)
#define LOG_MAX (28u << 20)         /* the engine cuts at 12 MiB; what is under way and trails fits in 32 */
#define APPLY_BYTES_MAX (4u << 20)  /* of one call of client->apply; at least one group */
#define APPLY_ENTRIES_MAX 4096u
#define DURABLE_RETRY_MS 200
#define STOP_MS 10000
#define RESERVE_MIN (32u << 20)     /* the engine prepares its files in steps of 8 MiB */

/* Entries on their way to the engine: one group. */
struct batch {
    struct batch *next;
    char *data;
    size_t len, cap;
    uint32_t count, room;
    uint32_t *lengths;
    void **waiters;
};

/* A committed group on its way to the client. */
struct commit {
    struct commit *next;
    uint64_t index;
    void *bytes; /* owned; view points into it */
    struct group_view view;
    size_t len;
    struct batch *batch; /* its waiters, or NULL */
};

/* Waiters that will not see their entry applied. */
struct orphans {
    struct orphans *next;
    struct batch *batch;
    struct err why;
};

struct journal {
    /* fixed after start */
    struct journal_client client;
    char *dir;
    struct engine *engine;
    struct thread apply_thread;
    struct lock lock;
    struct cond work;    /* the apply thread waits */
    struct cond changed; /* callers of start and checkpoint wait */
    /* under lock */
    struct batch *first, **last, *spare;
    struct commit *commits, **commits_last;
    struct orphans *orphans, **orphans_last;
    size_t bytes_queued; /* proposed and not committed yet */
    size_t bytes_committed;
    bool is_refusing; /* stopping */
    bool is_ending;   /* the engine is gone: the apply thread ends when its queues are empty */
    bool is_started;
    uint64_t need_durable;
    uint64_t delivered; /* index of the last commit that was queued */
    struct engine_status engine_status;
    struct journal_info info;
    struct err failure;
    /* apply thread only */
    struct journal_entry *entries;
    size_t entries_cap;
    int64_t durable_again_ms;
};
/* ── batches ───────────────────────────────────────────────────────────────────────────────── */

static void batch_free(struct batch *b)
{
    if (!b)
        return;
    free(b->data);
    free(b->lengths);
    free(b->waiters);
    free(b);
}

static struct batch *batch_get_locked(struct journal *j)
{
    struct batch *b = j->spare ? steal(&j->spare) : xnew(struct batch);
    *j->last = b;
    j->last = &b->next;
    return b;
}

/* Keeps one for the next group. */
static void batch_put_locked(struct journal *j, struct batch *b)
{
    if (j->spare) {
        batch_free(b);
        return;
    }
    b->next = NULL;
    b->len = b->count = 0;
    j->spare = b;
}

static bool batch_has_room(const struct batch *b, size_t len)
{
    return b->count < GROUP_ENTRIES_MAX && group_size(b->count + 1, b->len + len) <= JOURNAL_GROUP_MAX;
}

static void batch_add(struct batch *b, const void *data, size_t len, void *waiter)
{
    if (b->count == b->room) {
        b->room = b->room ? b->room * 2 : 16;
        b->lengths = xrealloc(b->lengths, b->room * sizeof *b->lengths);
        b->waiters = xrealloc(b->waiters, b->room * sizeof *b->waiters);
    }
    if (b->len + len > b->cap) {
        b->cap = (b->len + len) * 2;
        b->data = xrealloc(b->data, b->cap);
    }
    memcpy(b->data + b->len, data, len);
    b->len += len;
    b->lengths[b->count] = (uint32_t)len;
    b->waiters[b->count++] = waiter;
}

static struct batch *last_batch_locked(struct journal *j)
{
    return j->first ? (struct batch *)((char *)j->last - offsetof(struct batch, next)) : NULL;
}

static struct batch *take_batch_locked(struct journal *j)
{
    struct batch *b = j->first;
    if (b && !(j->first = b->next))
        j->last = &j->first;
    return b;
}

static void orphan_locked(struct journal *j, struct batch *b, const struct err *why)
{
    struct orphans *o = xnew(struct orphans);
    *o = (struct orphans){.batch = b, .why = *why};
    *j->orphans_last = o;
    j->orphans_last = &o->next;
    j->bytes_queued -= b->len;
    cond_wake_one(&j->work);
}

static void orphan_queued_locked(struct journal *j, enum err_code code, const char *text)
{
    struct err why;
    err_set(&why, code, "%s", text);
    for (struct batch *b; (b = take_batch_locked(j));)
        orphan_locked(j, b, &why);
}

static void fail_locked(struct journal *j, const struct err *why)
{
    if (j->failure.code == ERR_OK)
        j->failure = *why;
    snprintf(j->info.failure, sizeof j->info.failure, "%s", j->failure.text);
    cond_wake_all(&j->changed);
    cond_wake_all(&j->work);
}

/* ── what the engine calls ─────────────────────────────────────────────────────────────────── */

static bool on_next(void *arg, struct engine_group *ret)
{
    struct journal *j = arg;
    LOCK_SCOPE(&j->lock);
    if (j->failure.code != ERR_OK)
        orphan_queued_locked(j, ERR_UNAVAILABLE, j->failure.text);
    struct batch *b = take_batch_locked(j);
    if (b)
        *ret = (struct engine_group){
            .ticket = b, .count = b->count, .lengths = b->lengths, .data = b->data, .data_len = b->len};
    return b != NULL;
}

static size_t view_bytes(const struct group_view *v)
{
    size_t n = 0;
    for (uint32_t i = 0; i < v->count; i++)
        n += group_length(v, i);
    return n;
}

static void on_committed(void *arg, uint64_t index, void *data, const struct group_view *v, void *ticket)
{
    struct journal *j = arg;
    struct commit *c = xnew(struct commit);
    *c = (struct commit){.index = index, .bytes = data, .view = *v, .len = view_bytes(v), .batch = ticket};
    LOCK_SCOPE(&j->lock);
    *j->commits_last = c;
    j->commits_last = &c->next;
    j->bytes_committed += c->len;
    if (c->batch)
        j->bytes_queued -= c->len;
    j->delivered = index;
    cond_wake_one(&j->work);
}

static void on_ended(void *arg, void *ticket, const struct err *why)
{
    struct journal *j = arg;
    LOCK_SCOPE(&j->lock);
    orphan_locked(j, ticket, why);
}

static void on_need_durable(void *arg, uint64_t index)
{
    struct journal *j = arg;
    LOCK_SCOPE(&j->lock);
    if (index > j->need_durable)
        j->need_durable = index;
    cond_wake_one(&j->work);
}

static void on_changed(void *arg, const struct engine_status *s)
{
    struct journal *j = arg;
    LOCK_SCOPE(&j->lock);
    if (s->cut_index != j->engine_status.cut_index && j->is_started)
        j->info.last_checkpoint_ms = clock_wall_ms();
    j->engine_status = *s;
    cond_wake_all(&j->changed);
}

static void on_failed(void *arg, const struct err *why)
{
    struct journal *j = arg;
    log_error(journal, "%s", why->text);
    LOCK_SCOPE(&j->lock);
    fail_locked(j, why);
    orphan_queued_locked(j, ERR_UNAVAILABLE, why->text);
}

/* ── apply thread ──────────────────────────────────────────────────────────────────────────── */

struct work {
    struct orphans *orphans;
    struct commit *commits;
    size_t entries, bytes; /* in commits */
    uint64_t last_index;
    bool make_durable;
};

static void take_commits_locked(struct journal *j, struct work *w)
{
    struct commit **at = &j->commits;
    while (*at && (!w->entries || (w->bytes + (*at)->len <= APPLY_BYTES_MAX &&
                                   w->entries + (*at)->view.count <= APPLY_ENTRIES_MAX))) {
        w->entries += (*at)->view.count;
        w->bytes += (*at)->len;
        w->last_index = (*at)->index;
        at = &(*at)->next;
    }
    if (at == &j->commits)
        return;
    w->commits = j->commits;
    j->commits = *at;
    *at = NULL;
    if (!j->commits)
        j->commits_last = &j->commits;
}

static void take_orphans_locked(struct journal *j, struct work *w)
{
    w->orphans = steal(&j->orphans);
    j->orphans_last = &j->orphans;
}

static bool wants_durable_locked(const struct journal *j)
{
    return j->failure.code == ERR_OK && !j->is_refusing && j->need_durable > j->info.durable_index &&
           j->info.applied_index >= j->need_durable;
}

/* Waits for something to do; false when nothing will come any more. */
static bool next_work(struct journal *j, struct work *w)
{
    LOCK_SCOPE(&j->lock);
    for (;;) {
        *w = (struct work){0};
        take_orphans_locked(j, w);
        take_commits_locked(j, w);
        bool wants = wants_durable_locked(j);
        w->make_durable = wants && clock_is_past(j->durable_again_ms);
        if (w->orphans || w->commits || w->make_durable)
            return true;
        if (j->is_ending)
            return false;
        cond_wait(&j->work, &j->lock, wants ? j->durable_again_ms : CLOCK_NEVER);
    }
}

static void abandon_batch(struct journal *j, struct batch *b, const struct err *why)
{
    for (uint32_t i = 0; i < b->count; i++)
        if (b->waiters[i])
            j->client.abandoned(j->client.arg, b->waiters[i], why);
    batch_free(b);
}

static void abandon_orphans(struct journal *j, struct orphans *list)
{
    for (struct orphans *o = list, *next; o; o = next) {
        next = o->next;
        abandon_batch(j, o->batch, &o->why);
        free(o);
    }
}

static void list_entries(struct journal *j, const struct commit *c, size_t at)
{
    const uint8_t *data = c->view.data;
    for (uint32_t i = 0; i < c->view.count; i++) {
        size_t len = group_length(&c->view, i);
        j->entries[at + i] = (struct journal_entry){.index = c->index,
                                                    .position = i,
                                                    .is_last = i + 1 == c->view.count,
                                                    .data = data,
                                                    .len = len,
                                                    .waiter = c->batch ? c->batch->waiters[i] : NULL};
        data += len;
    }
}

static void list_all(struct journal *j, const struct work *w)
{
    size_t at = 0;
    if (w->entries > j->entries_cap) {
        j->entries_cap = w->entries;
        j->entries = xrealloc(j->entries, w->entries * sizeof *j->entries);
    }
    for (struct commit *c = w->commits; c; c = c->next) {
        list_entries(j, c, at);
        at += c->view.count;
    }
}

static int call_apply(struct journal *j, const struct work *w, struct err *err)
{
    lock_take(&j->lock);
    *err = j->failure;
    lock_drop(&j->lock);
    if (err->code != ERR_OK)
        return -(int)err->code;
    list_all(j, w);
    FAULT("journal.before_apply");
    int rc = j->client.apply(j->client.arg, j->entries, w->entries, err);
    FAULT("journal.after_apply");
    return rc;
}

/* With the lock taken once for all. */
static void release_commits(struct journal *j, struct commit *list, bool is_applied, const struct err *why)
{
    struct err unknown;
    if (!is_applied)
        err_set(&unknown, ERR_OUTCOME_UNKNOWN, "%s", why->text);
    for (struct commit *c = list, *next; c; c = next) {
        next = c->next;
        if (c->batch && !is_applied) {
            abandon_batch(j, c->batch, &unknown);
        } else if (c->batch) {
            lock_take(&j->lock);
            batch_put_locked(j, c->batch);
            lock_drop(&j->lock);
        }
        free(c->bytes);
        free(c);
    }
}

static void apply_commits(struct journal *j, const struct work *w)
{
    struct err err = {0};
    bool is_applied = call_apply(j, w, &err) == 0;
    lock_take(&j->lock);
    j->bytes_committed -= w->bytes;
    if (is_applied) {
        j->info.applied_index = w->last_index;
        j->info.entries += w->entries;
        for (struct commit *c = w->commits; c; c = c->next)
            j->info.groups++;
    } else {
        fail_locked(j, &err);
    }
    cond_wake_all(&j->changed);
    lock_drop(&j->lock);
    if (!is_applied)
        log_error(journal, "a change could not be applied, the journal stops: %s", err.text);
    release_commits(j, w->commits, is_applied, &err);
}

/* Invariant 4.  A refusal is tried again: until then the log grows to its limit and proposals wait. */
static void make_durable(struct journal *j)
{
    struct err err = {0};
    uint64_t index = 0;
    j->durable_again_ms = clock_mono_ms() + DURABLE_RETRY_MS;
    if (j->client.make_durable(j->client.arg, &index, &err) != 0) {
        log_warn(journal, "the state did not become durable, trying again: %s", err.text);
        return;
    }
    lock_take(&j->lock);
    bool is_more = index > j->info.durable_index;
    if (is_more)
        j->info.durable_index = index;
    if (is_more && index >= j->need_durable)
        j->durable_again_ms = 0;
    if (is_more && !j->is_refusing) /* after that the engine may be gone */
        engine_durable(j->engine, index);
    cond_wake_all(&j->changed);
    lock_drop(&j->lock);
}

static void apply_run(void *arg)
{
    struct journal *j = arg;
    struct work w;
    while (next_work(j, &w)) {
        abandon_orphans(j, w.orphans);
        if (w.commits)
            apply_commits(j, &w);
        if (w.make_durable)
            make_durable(j);
    }
}

/* ── public ────────────────────────────────────────────────────────────────────────────────── */

static void engine_options_of(const struct journal_options *o, struct engine_options *to)
{
    *to = (struct engine_options){
        .dir = o->dir,
        .node_id = o->node_id,
        .address = o->address,
        .id = {.base = o->base, .incarnation = o->incarnation},
        .applied = o->applied,
        .durable = o->durable,
        .reserve_bytes = o->reserve_bytes > RESERVE_MIN ? o->reserve_bytes : RESERVE_MIN,
    };
    memcpy(to->id.log_id, o->log_id, sizeof to->id.log_id);
}

static struct journal *journal_new(const struct journal_options *o, const struct journal_client *client)
{
    struct journal *j = xnew(struct journal);
    j->client = *client;
    j->dir = xstrdup(o->dir);
    j->last = &j->first;
    j->commits_last = &j->commits;
    j->orphans_last = &j->orphans;
    j->info.applied_index = j->delivered = o->applied;
    j->info.durable_index = o->durable;
    lock_init(&j->lock, RANK_JOURNAL);
    cond_init(&j->work);
    cond_init(&j->changed);
    return j;
}

static void journal_free(struct journal *j)
{
    batch_free(j->spare);
    free(j->entries);
    cond_done(&j->changed);
    cond_done(&j->work);
    lock_done(&j->lock);
    free(j->dir);
    free(j);
}

/* Of a start that was refused: nothing was proposed yet. */
static void drop_commits(struct journal *j)
{
    struct err none = {0};
    release_commits(j, steal(&j->commits), false, &none);
}

static int wait_until_ready(struct journal *j, int64_t deadline_ms, struct err *err)
{
    LOCK_SCOPE(&j->lock);
    for (;;) {
        if (j->failure.code != ERR_OK)
            return err_set(err, j->failure.code, "%s", j->failure.text);
        if (j->engine_status.is_ready && j->info.applied_index >= j->delivered)
            break;
        if (!cond_wait(&j->changed, &j->lock, deadline_ms) && clock_is_past(deadline_ms))
            return err_set(err, ERR_TIMEOUT, "the journal in '%s' did not become ready in time", j->dir);
    }
    j->is_started = true;
    return 0;
}

int journal_start(const struct journal_options *o, const struct journal_client *client, int64_t deadline_ms,
                  struct journal **ret, struct err *err)
{
    assert(o->node_id != 0 && o->address && o->dir);
    struct journal *j = journal_new(o, client);
    struct engine_options eo;
    struct engine_client ec = {j, on_next, on_committed, on_ended, on_need_durable, on_changed, on_failed};
    engine_options_of(o, &eo);
    int rc = engine_start(&eo, &ec, &j->engine, err);
    if (rc < 0) {
        drop_commits(j);
        journal_free(j);
        return rc;
    }
    thread_start(&j->apply_thread, "journal-apply", apply_run, j);
    rc = wait_until_ready(j, deadline_ms, err);
    if (rc < 0)
        journal_stop(j);
    else
        *ret = j;
    return rc;
}

void journal_stop(struct journal *j)
{
    if (!j)
        return;
    lock_take(&j->lock);
    j->is_refusing = true;
    lock_drop(&j->lock);
    engine_stop(j->engine, clock_mono_ms() + STOP_MS);
    lock_take(&j->lock);
    orphan_queued_locked(j, ERR_UNAVAILABLE, "the journal has stopped");
    j->is_ending = true;
    cond_wake_all(&j->work);
    lock_drop(&j->lock);
    thread_join(&j->apply_thread);
    journal_free(j);
}

static int may_propose_locked(const struct journal *j, size_t len, struct err *err)
{
    const struct engine_status *s = &j->engine_status;
    if (j->failure.code != ERR_OK)
        return err_set(err, ERR_UNAVAILABLE, "%s", j->failure.text);
    if (j->is_refusing || !j->is_started)
        return err_set(err, ERR_UNAVAILABLE, "the journal is %s", j->is_refusing ? "stopping" : "starting");
    if (!s->is_leader)
        return err_set(err, ERR_NOT_LEADER, "this node does not lead the journal");
    if (s->is_low_on_space)
        return err_set(err, ERR_NO_SPACE, "the disk of the journal '%s' is nearly full", j->dir);
    if (j->bytes_queued + j->bytes_committed + len > WAITING_MAX)
        return err_set(err, ERR_UNAVAILABLE, "too many changes wait for the journal");
    if (s->log_bytes + j->bytes_queued + len > LOG_MAX)
        return err_set(err, ERR_UNAVAILABLE, "the journal is full until the state has reached its disk");
    return 0;
}

int journal_propose(struct journal *j, const void *data, size_t len, void *waiter, struct err *err)
{
    if (len > JOURNAL_ENTRY_MAX)
        return err_set(err, ERR_TOO_LARGE, "a change of %zu bytes is larger than a journal entry may be", len);
    LOCK_SCOPE(&j->lock);
    TRY(may_propose_locked(j, len, err));
    struct batch *b = last_batch_locked(j);
    bool was_empty = !b;
    if (!b || !batch_has_room(b, len))
        b = batch_get_locked(j);
    batch_add(b, data, len, waiter);
    j->bytes_queued += len;
    if (was_empty)
        engine_wake(j->engine);
    return 0;
}

static bool is_cut_locked(const struct journal *j, uint64_t target)
{
    return j->engine_status.cut_last >= target && j->info.durable_index >= target;
}

static int may_cut_locked(const struct journal *j, struct err *err)
{
    if (j->failure.code != ERR_OK)
        return err_set(err, ERR_UNAVAILABLE, "%s", j->failure.text);
    if (j->is_refusing)
        return err_set(err, ERR_UNAVAILABLE, "the journal is stopping");
    if (j->engine_status.is_low_on_space)
        return err_set(err, ERR_NO_SPACE, "the disk of the journal '%s' is nearly full", j->dir);
    return 0;
}

int journal_checkpoint(struct journal *j, int64_t deadline_ms, struct err *err)
{
    LOCK_SCOPE(&j->lock);
    uint64_t target = j->delivered > j->engine_status.cut_last ? j->delivered : j->engine_status.cut_last;
    TRY(may_cut_locked(j, err));
    if (target > j->need_durable)
        j->need_durable = target;
    cond_wake_one(&j->work);
    engine_cut(j->engine, target);
    while (!is_cut_locked(j, target)) {
        TRY(may_cut_locked(j, err));
        if (!cond_wait(&j->changed, &j->lock, deadline_ms) && clock_is_past(deadline_ms))
            return err_set(err, ERR_TIMEOUT, "the journal was not cut in time");
    }
    return 0;
}

static enum journal_state state_locked(const struct journal *j)
{
    if (j->failure.code != ERR_OK)
        return JOURNAL_FAILED;
    if (j->is_refusing)
        return JOURNAL_STOPPED;
    if (!j->is_started)
        return JOURNAL_STARTING;
    if (j->engine_status.is_low_on_space)
        return JOURNAL_NO_SPACE;
    return j->engine_status.is_leader ? JOURNAL_LEADER : JOURNAL_FOLLOWER;
}

void journal_info(const struct journal *cj, struct journal_info *ret)
{
    struct journal *j = (struct journal *)cj; /* the lock is not part of what is constant */
    lock_take(&j->lock);
    const struct engine_status *s = &j->engine_status;
    *ret = j->info;
    ret->state = state_locked(j);
    ret->term = s->term;
    ret->last_index = s->last_index;
    ret->snapshot_index = s->cut_index;
    ret->log_bytes = s->log_bytes;
    ret->entries_since_checkpoint = s->entries_since_cut;
    lock_drop(&j->lock);
    ret->disk_bytes = segment_disk_bytes(j->dir);
}

/* ── format ────────────────────────────────────────────────────────────────────────────────── */

static int never_applied(void *arg, const struct journal_entry *entries, size_t n, struct err *err)
{
    (void)arg, (void)entries, (void)n;
    return err_set(err, ERR_INTERNAL, "a new journal is not empty");
}

/* A log that lost its first record before it was ever started is not a log. */
static int clear_remains(const char *dir, struct err *err)
{
    AUTO(segment_list) l = {0};
    TRY(segment_list(dir, &l, err));
    for (int i = 1; i <= 2 && !l.count && !l.snapshot; i++) {
        AUTO_FREE char *path = xasprintf("%s/metadata%d", dir, i);
        unlink(path);
    }
    return 0;
}

int journal_format(const struct journal_options *o, struct err *err)
{
    struct journal_client none = {.apply = never_applied};
    struct engine_options eo;
    struct journal *j;
    engine_options_of(o, &eo);
    TRY(file_mkdirs(o->dir, 0700, err));
    TRY(clear_remains(o->dir, err));
    TRY(engine_bootstrap(&eo, err));
    /* the first start of an empty log writes its head */
    TRY(journal_start(o, &none, clock_mono_ms() + STOP_MS, &j, err));
    journal_stop(j);
    return 0;
}
