/* SPDX-License-Identifier: Apache-2.0
 *
 * propose: the door to the log, and what happens when an entry comes back: apply, publish, wake.
 * Callers of one batch of the journal end together, wait on one word (futex) and wake each other in turn.  A caller
 * that gave up is no one's concern: a waiter is freed by whoever of the two comes last.
 * Threads: any propose; the journal's apply thread runs propose_apply and propose_abandoned.
 */
#include "meta/meta_parts.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

#include <linux/futex.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define FAN 2 /* callers that each one wakes */
#define ID_RANGE 4096u
#define ID_WAIT_MS 10000
#define ID_RETRY_MS 2000
#define ROOM_RETRY_MS 100
#define PART_BYTES (96u << 10) /* of entries, then their callers are told */

struct waiter {
    _Atomic int refs;
    atomic_bool is_done;
    enum err_code code;
    bool is_replay;
    uint64_t index;
    struct err why;
};

static void waiter_put(struct waiter *w)
{
    if (atomic_fetch_sub(&w->refs, 1) == 1)
        free(w);
}

static _Atomic uint32_t *futex_of(struct meta *m, uint64_t batch)
{
    return &m->futexes[batch % META_FUTEXES];
}

/* Whoever was woken wakes the next before anything else: the apply thread does not pay for all. */
static void wake_some(struct meta *m, uint64_t batch)
{
    syscall(SYS_futex, futex_of(m, batch), FUTEX_WAKE_PRIVATE, FAN, NULL, NULL, 0);
}

/* After is_done of its waiters was set. */
static void wake_batch(struct meta *m, uint64_t batch)
{
    atomic_fetch_add(futex_of(m, batch), 1);
    wake_some(m, batch);
}

static bool waiter_wait(struct meta *m, struct waiter *w, uint64_t batch, int64_t deadline_ms)
{
    for (;;) {
        uint32_t was = atomic_load(futex_of(m, batch)); /* before is_done: an end after this changes it */
        if (atomic_load(&w->is_done))
            return true;
        int64_t left = clock_left_ms(deadline_ms);
        if (left <= 0)
            return false;
        struct timespec t = {.tv_sec = left / 1000, .tv_nsec = left % 1000 * 1000000};
        if (!syscall(SYS_futex, futex_of(m, batch), FUTEX_WAIT_PRIVATE, was, &t, NULL, 0))
            wake_some(m, batch);
    }
}

static int outcome_of(const struct waiter *w, struct err *err)
{
    if (w->code == ERR_OK)
        return 0;
    if (w->why.code != ERR_OK)
        return err_set(err, w->code, "%s", w->why.text);
    if (w->code == ERR_OUTCOME_UNKNOWN)
        return err_set(err, w->code, "the operation is older than what is remembered of its client");
    return err_set(err, w->code, "%s", err_sentence(w->code));
}

static int may_propose(struct meta *m, const struct entry *e, struct err *err)
{
    TRY(buf_check(&e->bytes, "journal entry", err));
    TRY(entry_check(e->bytes.data, e->bytes.len, err));
    if (!checkpoint_has_room(m->checkpoint))
        return err_set(err, ERR_NO_SPACE, "the disk of the metadata '%s' is nearly full", m->dir);
    return 0;
}

int meta_propose(struct meta *m, const struct call *call, const struct entry *e, struct err *err)
{
    TRY(may_propose(m, e, err));
    struct waiter *w = xnew(struct waiter);
    atomic_store(&w->refs, 2);
    uint64_t batch;
    int rc = journal_propose(m->journal, e->bytes.data, e->bytes.len, w, &batch, err);
    if (rc < 0) {
        free(w);
        return rc;
    }
    if (!waiter_wait(m, w, batch, call->deadline_ms)) {
        waiter_put(w);
        return err_set(err, ERR_TIMEOUT, "the change was not made in time; it may still happen");
    }
    rc = outcome_of(w, err);
    if (call->result && w->index) {
        call->result->index = w->index;
        call->result->is_replay = w->is_replay;
    }
    waiter_put(w);
    return rc;
}

/* ---- reservation of ids ---- */

static void ids_reserved_locked(struct meta *m, uint64_t limit)
{
    if (!m->wanted_limit || limit < m->wanted_limit)
        return;
    uint64_t from = m->wanted_limit - ID_RANGE;
    if (m->next_id == m->id_limit) {
        m->next_id = from;
        m->id_limit = m->wanted_limit;
    } else {
        m->spare_id = from;
        m->spare_limit = m->wanted_limit;
    }
    m->wanted_limit = 0;
    cond_wake_all(&m->ids_came);
}

/* Asks for the range after the last one; the answer comes through apply. */
static void ask_for_ids(struct meta *m, uint64_t up_to)
{
    AUTO(entry) e;
    struct err err = {0};
    entry_init(&e, ENTRY_RESERVE_IDS, clock_wall_ms());
    entry_reserve_ids(&e, up_to);
    if (journal_propose(m->journal, e.bytes.data, e.bytes.len, NULL, NULL, &err) < 0)
        log_debug(meta, "no ids could be reserved, trying again: %s", err.text);
}

/* The limit to ask for, or 0 when it is not time. */
static uint64_t want_ids_locked(struct meta *m)
{
    int64_t now = clock_mono_ms();
    bool is_low = m->id_limit - m->next_id <= ID_RANGE / 2 && m->spare_id == m->spare_limit;
    if (!is_low || (m->wanted_limit && now - m->wanted_since_ms < ID_RETRY_MS))
        return 0;
    uint64_t reserved = (uint64_t)m->published.next_id;
    m->wanted_limit = reserved + ID_RANGE;
    m->wanted_since_ms = now;
    return m->wanted_limit;
}

static uint64_t take_id_locked(struct meta *m)
{
    if (m->next_id == m->id_limit && m->spare_id != m->spare_limit) {
        m->next_id = m->spare_id;
        m->id_limit = m->spare_limit;
        m->spare_id = m->spare_limit;
    }
    return m->next_id == m->id_limit ? 0 : m->next_id++;
}

uint64_t meta_new_id(struct meta *m)
{
    int64_t deadline = clock_mono_ms() + ID_WAIT_MS;
    for (;;) {
        lock_take(&m->lock);
        uint64_t id = take_id_locked(m), want = want_ids_locked(m);
        if (!id && !want)
            cond_wait(&m->ids_came, &m->lock, deadline < m->wanted_since_ms + ID_RETRY_MS ? deadline : m->wanted_since_ms + ID_RETRY_MS);
        lock_drop(&m->lock);
        if (want)
            ask_for_ids(m, want);
        if (id || clock_is_past(deadline))
            return id;
    }
}

int meta_reserve_ids(struct meta *m, int64_t deadline_ms, struct err *err)
{
    lock_take(&m->lock);
    uint64_t want = want_ids_locked(m);
    lock_drop(&m->lock);
    ask_for_ids(m, want);
    LOCK_SCOPE(&m->lock);
    while (m->next_id == m->id_limit)
        if (!cond_wait(&m->ids_came, &m->lock, deadline_ms) && clock_is_past(deadline_ms))
            return err_set(err, ERR_TIMEOUT, "no ids could be reserved in time");
    return 0;
}

/* ---- waiting for an index ---- */

struct index_waiter {
    struct index_waiter *next;
    uint64_t index;
    struct cond reached;
};

static void wake_index_locked(struct meta *m, uint64_t applied)
{
    for (struct index_waiter *w = m->index_waiters; w; w = w->next)
        if (w->index <= applied)
            cond_wake_one(&w->reached);
}

static void forget_locked(struct meta *m, struct index_waiter *w)
{
    struct index_waiter **at = &m->index_waiters;
    while (*at != w)
        at = &(*at)->next;
    *at = w->next;
}

int meta_wait_index(struct meta *m, uint64_t index, int64_t deadline_ms, struct err *err)
{
    if (atomic_load(&m->applied) >= index)
        return 0;
    struct index_waiter w = {.index = index};
    cond_init(&w.reached);
    lock_take(&m->lock);
    w.next = m->index_waiters;
    m->index_waiters = &w;
    bool is_in_time = true;
    while (atomic_load(&m->applied) < index && is_in_time)
        is_in_time = cond_wait(&w.reached, &m->lock, deadline_ms) || !clock_is_past(deadline_ms);
    forget_locked(m, &w);
    lock_drop(&m->lock);
    cond_done(&w.reached);
    if (atomic_load(&m->applied) < index)
        return err_set(err, ERR_TIMEOUT, "index %llu was not applied in time", (unsigned long long)index);
    return 0;
}

/* ---- what the journal calls ---- */

void propose_publish(struct meta *m)
{
    LOCK_SCOPE(&m->lock);
    m->published = m->apply.state;
    atomic_store(&m->applied, (uint64_t)m->apply.state.applied);
    atomic_store(&m->epoch, (uint64_t)m->apply.state.epoch); /* after the index: see meta_walk */
    ids_reserved_locked(m, (uint64_t)m->published.next_id);
    wake_index_locked(m, (uint64_t)m->apply.state.applied);
}

static void add_principals(struct meta *m)
{
    for (size_t i = 0; i < m->apply.event_count; i++)
        if (m->apply.events[i].kind == EVENT_PRINCIPAL)
            principals_add(m->principals, (principal_id)m->apply.events[i].id, m->apply.events[i].text);
}

static void tell_listener(const struct meta_listener *l, const struct apply_event *e)
{
    if (e->kind == EVENT_RECORD && l->record_changed)
        l->record_changed(l->arg, (enum record_kind)e->what, e->text, e->index);
    else if (e->kind == EVENT_CONTENT_GONE && l->content_gone)
        l->content_gone(l->arg, e->id);
    else if (e->kind == EVENT_MARKED && l->marked)
        l->marked(l->arg, (enum mark_kind)e->what);
}

/* The waiter stays referenced until the whole batch is done: the journal abandons all of a batch that fails. */
static void finish_waiters(struct meta *m, const struct journal_entry *entries, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct waiter *w = entries[i].waiter;
        if (!w)
            continue;
        w->code = m->outcomes[i].code;
        w->is_replay = m->outcomes[i].is_replay;
        w->index = entries[i].index;
        atomic_store(&w->is_done, true);
    }
    for (size_t i = 0; i < n; i++)
        if (entries[i].is_last && entries[i].batch)
            wake_batch(m, entries[i].batch);
}

static bool is_worth_waiting(struct meta *m, int rc)
{
    if (rc != -ERR_NO_SPACE)
        return false;
    turn_give(m);
    lock_take(&m->lock);
    if (!m->is_closing)
        cond_wait(&m->ids_came, &m->lock, clock_mono_ms() + ROOM_RETRY_MS);
    bool is_closing = m->is_closing;
    lock_drop(&m->lock);
    turn_take(m);
    return !is_closing;
}

/* What is in the log must be applied. A full disk is waited for: the journal refuses meanwhile and gives up its ballast. */
static int apply_when_there_is_room(struct meta *m, const struct journal_entry *entries, size_t n, struct err *err)
{
    int rc = apply_batch(&m->apply, entries, n, m->outcomes, err);
    if (rc == -ERR_NO_SPACE)
        log_warn(meta, "the disk is full, applying waits for room dir=%s", m->dir);
    while (is_worth_waiting(m, rc))
        rc = apply_batch(&m->apply, entries, n, m->outcomes, err);
    return rc;
}

static int commit_when_there_is_room(struct meta *m, struct err *err)
{
    int rc = turn_commit(m, err);
    while (is_worth_waiting(m, rc))
        rc = turn_commit(m, err);
    return rc;
}

/* Callers first, then what makes others wait. */
static int apply_part(struct meta *m, const struct journal_entry *entries, size_t n, struct err *err)
{
    TRY(apply_when_there_is_room(m, entries, n, err));
    add_principals(m);
    propose_publish(m);
    for (size_t i = 0; i < m->apply.event_count; i++)
        tell_listener(&m->listener, &m->apply.events[i]);
    finish_waiters(m, entries, n);
    feed_add(m->feed, m->apply.changes, m->apply.change_count);
    return apply_is_due(&m->apply) || turn_is_commit_wanted(m) ? commit_when_there_is_room(m, err) : 0;
}

/* Entries of whole groups whose callers are told together. */
static size_t part_of(const struct journal_entry *entries, size_t n)
{
    size_t bytes = 0, i = 0;
    do {
        bytes += entries[i].len;
    } while (!(entries[i++].is_last && bytes > PART_BYTES) && i < n);
    return i;
}

int propose_apply(void *arg, const struct journal_entry *entries, size_t n, struct err *err)
{
    struct meta *m = arg;
    if (n > m->outcome_cap) {
        m->outcome_cap = n;
        m->outcomes = xrealloc(m->outcomes, n * sizeof *m->outcomes);
    }
    for (size_t at = 0, part; at < n; at += part) {
        part = part_of(entries + at, n - at);
        turn_take(m);
        int rc = apply_part(m, entries + at, part, err);
        turn_give(m);
        TRY(rc);
    }
    for (size_t i = 0; i < n; i++)
        if (entries[i].waiter)
            waiter_put(entries[i].waiter);
    return 0;
}

int propose_settle(void *arg, struct err *err)
{
    struct meta *m = arg;
    turn_take(m);
    int rc = turn_commit(m, err);
    turn_give(m);
    return rc == -ERR_NO_SPACE ? 0 : rc; /* the next one tries again */
}

void propose_abandoned(void *arg, void *waiter, uint64_t batch, const struct err *why)
{
    struct waiter *w = waiter;
    if (!atomic_load(&w->is_done)) {
        w->code = why->code == ERR_OK ? ERR_OUTCOME_UNKNOWN : why->code;
        w->why = *why;
        atomic_store(&w->is_done, true);
        wake_batch(arg, batch);
    }
    waiter_put(w);
}
