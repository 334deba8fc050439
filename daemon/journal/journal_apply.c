/* SPDX-License-Identifier: Apache-2.0
 *
 * journal_apply: from the engine to the client.  The engine's loop queues what is committed or
 * ended; the apply thread takes all of it and calls the client.  The invariants stand in journal.c.
 */
#include "journal/journal_inner.h"

#include "base/clock.h"
#include "base/fault.h"
#include "base/log.h"
#include "base/mem.h"

#include <stdio.h>
#include <string.h>

#define APPLY_BYTES_MAX (4u << 20) /* of one call of client->apply; at least one group */
#define APPLY_ENTRIES_MAX 4096u
#define DURABLE_RETRY_MS 200
#define SETTLE_MS 50
#define SPARES_MAX 4

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

void journal_inner_abandon_queued_locked(struct journal *j, enum err_code code, const char *text)
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
        journal_inner_abandon_queued_locked(j, ERR_UNAVAILABLE, j->failure.text);
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
    journal_inner_abandon_queued_locked(j, ERR_UNAVAILABLE, why->text);
}

struct engine_client journal_inner_engine_client(struct journal *j)
{
    return (struct engine_client){j, on_next, on_committed, on_ended, on_need_durable, on_changed, on_failed};
}

/* ── apply thread ──────────────────────────────────────────────────────────────────────────── */

struct work {
    struct orphans *orphans;
    struct commit *commits;
    size_t entries, bytes; /* in commits */
    uint64_t last_index;
    bool make_durable, settle;
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
        w->settle = !w->commits && clock_is_past(j->settle_ms);
        if (w->orphans || w->commits || w->make_durable || w->settle)
            return true;
        if (j->is_ending)
            return false;
        cond_wait(&j->work, &j->lock, wants && j->durable_again_ms < j->settle_ms ? j->durable_again_ms : j->settle_ms);
    }
}

static void abandon_batch(struct journal *j, struct batch *b, const struct err *why)
{
    for (uint32_t i = 0; i < b->count; i++)
        if (b->waiters[i])
            j->client.abandoned(j->client.arg, b->waiters[i], b->number, why);
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
                                                    .waiter = c->batch ? c->batch->waiters[i] : NULL,
                                                    .batch = c->batch ? c->batch->number : 0};
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

/* Keeps a few for the next groups. */
static void put_batch_locked(struct journal *j, struct batch *b)
{
    if (j->spares >= SPARES_MAX) {
        batch_free(b);
        return;
    }
    batch_reset(b);
    b->next = j->spare;
    j->spare = b;
    j->spares++;
}

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
            put_batch_locked(j, c->batch);
            lock_drop(&j->lock);
        }
        free(c->bytes);
        free(c);
    }
}

static void apply_commits(struct journal *j, const struct work *w)
{
    struct err err = {0};
    bool is_applied = call_apply(j, w, &err) == 0, is_first = false;
    if (j->client.settle && j->settle_ms == CLOCK_NEVER)
        j->settle_ms = clock_mono_ms() + SETTLE_MS;
    lock_take(&j->lock);
    j->bytes_committed -= w->bytes;
    if (is_applied) {
        j->info.applied_index = w->last_index;
        j->info.entries += w->entries;
        for (struct commit *c = w->commits; c; c = c->next)
            j->info.groups++;
    } else {
        is_first = j->failure.code == ERR_OK;
        fail_locked(j, &err);
    }
    cond_wake_all(&j->changed);
    lock_drop(&j->lock);
    if (is_first)
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
        if (!j->durable_failures++)
            log_warn(journal, "the state does not become durable, the log grows meanwhile: %s", err.text);
        return;
    }
    j->durable_failures = 0;
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

static void settle(struct journal *j)
{
    struct err err = {0};
    j->settle_ms = CLOCK_NEVER;
    if (j->client.settle(j->client.arg, &err) == 0)
        return;
    log_error(journal, "the state could not be kept, the journal stops: %s", err.text);
    LOCK_SCOPE(&j->lock);
    fail_locked(j, &err);
}

void journal_inner_apply_run(void *arg)
{
    struct journal *j = arg;
    struct work w;
    while (next_work(j, &w)) {
        abandon_orphans(j, w.orphans);
        if (w.commits)
            apply_commits(j, &w);
        if (w.make_durable)
            make_durable(j);
        if (w.settle)
            settle(j);
    }
}

void journal_inner_drop_commits(struct journal *j)
{
    struct err none = {0};
    release_commits(j, steal(&j->commits), false, &none);
}
