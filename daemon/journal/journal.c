/* SPDX-License-Identifier: Apache-2.0
 *
 * journal: callers queue entries, the engine makes groups of them durable in one order, one apply
 * thread hands what is committed to the client.  Here: starting, stopping, proposing.  The way from
 * the engine to the client is journal_apply.c's, the consensus library engine_raft.c's, bytes on disk
 * are group.c's and segment.c's.  Threads: any calls in; only the apply thread calls the client.
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
 *   STARTING ── wait_until_ready ──▶ LEADER ◀── on_changed: space ──▶ NO_SPACE   (FOLLOWER: more voters)
 *      └───────────────┬───────────────┴──────────────────────────────────┘
 *                      ├── on_failed; apply_commits: the client refused ──▶ FAILED
 *                      └── journal_stop ──▶ STOPPED
 */
#include "journal/journal.h"

#include "base/clock.h"
#include "base/file_util.h"
#include "base/mem.h"
#include "journal/journal_inner.h"
#include "journal/segment.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define WAITING_MAX (16u << 20)
#define LOG_MAX (28u << 20)     /* the engine cuts at 12 MiB; what is under way and trails fits in 32 */
#define STOP_MS 10000
#define RESERVE_MIN (32u << 20) /* the engine prepares its files in steps of 8 MiB */

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
    j->settle_ms = CLOCK_NEVER;
    lock_init(&j->lock, RANK_JOURNAL);
    cond_init(&j->work);
    cond_init(&j->changed);
    return j;
}

static void journal_free(struct journal *j)
{
    for (struct batch *b = j->spare, *next; b; b = next) {
        next = b->next;
        batch_free(b);
    }
    free(j->entries);
    cond_done(&j->changed);
    cond_done(&j->work);
    lock_done(&j->lock);
    free(j->dir);
    free(j);
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
    struct engine_client ec = journal_inner_engine_client(j);
    engine_options_of(o, &eo);
    int rc = engine_start(&eo, &ec, &j->engine, err);
    if (rc < 0) {
        journal_inner_drop_commits(j);
        journal_free(j);
        return rc;
    }
    thread_start(&j->apply_thread, "journal-apply", journal_inner_apply_run, j);
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
    journal_inner_abandon_queued_locked(j, ERR_UNAVAILABLE, "the journal has stopped");
    j->is_ending = true;
    cond_wake_all(&j->work);
    lock_drop(&j->lock);
    thread_join(&j->apply_thread);
    journal_free(j);
}

/* ── proposing ─────────────────────────────────────────────────────────────────────────────── */

static struct batch *last_batch_locked(struct journal *j)
{
    return j->first ? (struct batch *)((char *)j->last - offsetof(struct batch, next)) : NULL;
}

static struct batch *new_batch_locked(struct journal *j)
{
    struct batch *b = j->spare;
    if (b) {
        j->spare = b->next;
        j->spares--;
        b->next = NULL;
    } else {
        b = xnew(struct batch);
    }
    b->number = ++j->batches;
    *j->last = b;
    j->last = &b->next;
    return b;
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

int journal_propose(struct journal *j, const void *data, size_t len, void *waiter, uint64_t *ret_batch, struct err *err)
{
    if (len > JOURNAL_ENTRY_MAX)
        return err_set(err, ERR_TOO_LARGE, "a change of %zu bytes is larger than a journal entry may be", len);
    LOCK_SCOPE(&j->lock);
    TRY(may_propose_locked(j, len, err));
    struct batch *b = last_batch_locked(j);
    bool was_empty = !b;
    if (!b || !batch_has_room(b, len))
        b = new_batch_locked(j);
    batch_add(b, data, len, waiter);
    j->bytes_queued += len;
    if (ret_batch)
        *ret_batch = b->number;
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
