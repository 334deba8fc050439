/* SPDX-License-Identifier: Apache-2.0
 *
 * engine_raft: engine.h over libraft's uv backend: opening, the loop, closing.  engine_log.c has the
 * log itself; no third file knows libraft or libuv.  Builds with libraft 0.15 and 0.22.  The loop
 * thread owns everything in struct engine but the three numbers under "any thread".
 *
 * Invariants
 *  1. A marker for X reaches the disk only when the state is durable up to the last group <= X.
 *     (put_marker holds it, release_marker lets it go.)  It never fails upward but with
 *     RAFT_CANCELED while closing, which is all that 0.22 allows.
 *  2. At most FLIGHTS_MAX appends (engine_log.c) are under way, so that groups grow while the disk works.
 *  3. A group goes to `committed` from fsm_apply alone, in the order of the log; its index is
 *     base + last applied + 1.  The waiters are found by (proposer, sequence), not by an index that
 *     the library might assign differently.
 *  4. No log that belongs to another state is ever delivered: head, marker and every group name it.
 *  5. libraft sees no full disk (space.h), and is never closed with appends or a marker under way.
 *     After any error of its disk the loop thread ends inside the callback (engine_raft_die): 0.15 would touch
 *     freed memory on the way back.  The memory stays, reachable from `given_up`.  (0.22.1 never
 *     reports a failed write: it retries, with a timer that holds something else, and aborts.)
 *  6. raft_uv_set_auto_recovery stays off: it would set acknowledged records aside in silence.
 *
 *   opening ── open_log ──▶ running ── drain ──▶ closing ── on_closed, free_loop ──▶ closed
 *      └── open_failed ──▶ closing  └── engine_raft_die ──▶ given up
 */
#include "journal/engine_raft.h"

#include "base/clock.h"
#include "base/crypto.h"
#include "base/log.h"
#include "base/mem.h"
#include "journal/preallocate.h"
#include "journal/segment.h"

#include <stdio.h>
#include <string.h>

#define TRAILING 8   /* records kept in memory behind a cut; must not be 0 (that means: install) */
#define WATCH_MS 200

static struct engine *given_up; /* atomic */

/* ── failure ───────────────────────────────────────────────────────────────────────────────── */

static void start_is_over(struct engine *e, const struct err *why)
{
    LOCK_SCOPE(&e->lock);
    if (why && !e->has_started)
        e->start_err = *why;
    e->has_started = true;
    cond_wake_all(&e->cond);
}

/* Invariant 5. Does not return. */
void engine_raft_die(struct engine *e, int rv, const char *what)
{
    struct err why, unknown;
    const char *detail = e->raft.errmsg[0] ? e->raft.errmsg : e->io.errmsg;
    err_set(&why, ERR_IO, "the journal's engine failed to %s: %s (%s)", what, raft_strerror(rv), detail);
    err_set(&unknown, ERR_OUTCOME_UNKNOWN, "%s", why.text);
    engine_raft_end_flights(e, &unknown);
    e->client.failed(e->client.arg, &why);
    e->next_given_up = __atomic_load_n(&given_up, __ATOMIC_ACQUIRE);
    while (!__atomic_compare_exchange_n(&given_up, &e->next_given_up, e, false, __ATOMIC_ACQ_REL,
                                        __ATOMIC_ACQUIRE))
        ;
    start_is_over(e, &why);
    pthread_exit(NULL);
}

/* ── a transport without a network: one voter talks to nobody ──────────────────────────────── */

static int transport_init(struct raft_uv_transport *t, raft_id id, const char *address)
{
    (void)t, (void)id, (void)address;
    return 0;
}

static int transport_listen(struct raft_uv_transport *t, raft_uv_accept_cb cb)
{
    (void)t, (void)cb;
    return 0;
}

static int transport_connect(struct raft_uv_transport *t, struct raft_uv_connect *req, raft_id id,
                             const char *address, raft_uv_connect_cb cb)
{
    (void)t, (void)req, (void)id, (void)address, (void)cb;
    return RAFT_NOCONNECTION;
}

static void transport_close(struct raft_uv_transport *t, raft_uv_transport_close_cb cb)
{
    cb(t);
}

/* ── the loop ──────────────────────────────────────────────────────────────────────────────── */

static void tell(struct engine *e)
{
    struct engine_status *s = &e->status;
    s->is_leader = raft_state(&e->raft) == RAFT_LEADER;
    s->term = e->raft.current_term;
    s->last_index = engine_raft_index(e, raft_last_index(&e->raft));
    s->log_bytes = e->bytes_appended - e->bytes_cut;
    s->entries_since_cut = e->entries_delivered - e->entries_cut;
    s->is_ready |= s->is_leader && e->has_head && raft_last_applied(&e->raft) >= e->load_last;
    if (!memcmp(s, &e->told, sizeof *s))
        return;
    e->told = *s;
    e->client.changed(e->client.arg, s);
}

static void on_handle_closed(uv_handle_t *h)
{
    (void)h;
}

static void close_handles(struct engine *e)
{
    uv_close((uv_handle_t *)&e->door, on_handle_closed);
    uv_close((uv_handle_t *)&e->check, on_handle_closed);
    uv_close((uv_handle_t *)&e->watch, on_handle_closed);
}

static void on_closed(struct raft *r)
{
    struct engine *e = r->data;
    close_handles(e);
}

static void close_engine(struct engine *e)
{
    e->is_closing = true;
    raft_close(&e->raft, on_closed);
}

/* Closes once nothing is under way (invariant 5). */
static void drain(struct engine *e)
{
    int64_t by = __atomic_load_n(&e->stop_by_ms, __ATOMIC_ACQUIRE);
    if (!by || e->is_closing)
        return;
    if (!e->flights && !e->held.is_under_way && !e->has_barrier)
        close_engine(e);
    else if (clock_is_past(by))
        engine_raft_die(e, RAFT_SHUTDOWN, "finish its writes before the deadline of the stop");
}

static void on_check(uv_check_t *check)
{
    struct engine *e = check->data;
    if (e->is_closing)
        return;
    if (e->refusal.code != ERR_OK) /* a follower's log turned out to be foreign */
        engine_raft_die(e, RAFT_CORRUPT, "use its log");
    engine_raft_turn(e);
    tell(e);
    drain(e);
}

static void on_door(uv_async_t *door)
{
    (void)door; /* on_check comes next */
}

static void on_watch(uv_timer_t *timer)
{
    struct engine *e = timer->data;
    engine_raft_watch_space(e);
    uv_async_send(&e->door);
}

static void init_handles(struct engine *e)
{
    if (uv_loop_init(&e->loop) || uv_async_init(&e->loop, &e->door, on_door) ||
        uv_check_init(&e->loop, &e->check) || uv_timer_init(&e->loop, &e->watch))
        abort(); /* out of descriptors or memory */
    e->check.data = e->watch.data = e;
    uv_check_start(&e->check, on_check);
    uv_timer_start(&e->watch, on_watch, WATCH_MS, WATCH_MS);
}

static int open_engine(struct engine *e)
{
    e->transport.init = transport_init;
    e->transport.listen = transport_listen;
    e->transport.connect = transport_connect;
    e->transport.close = transport_close;
#ifdef RAFT_VERSION_NUMBER
    e->transport.version = 1;
#endif
    int rv = raft_uv_init(&e->io, &e->loop, e->dir, &e->transport);
    if (rv != 0)
        return rv;
    preallocate_link();
    (void)raft_uv_set_snapshot_compression(&e->io, false);
    raft_uv_set_auto_recovery(&e->io, false); /* invariant 6 */
    engine_raft_wrap(e);
    e->raft.data = e;
    rv = raft_init(&e->raft, &e->io, &e->fsm, e->node_id, e->address);
    if (rv != 0)
        return rv;
    e->is_open = true;
    raft_set_snapshot_threshold(&e->raft, CUT_RECORDS);
    raft_set_snapshot_trailing(&e->raft, TRAILING);
    raft_set_pre_vote(&e->raft, true);
    return 0;
}

static void run_to_close(struct engine *e)
{
    if (e->is_open)
        close_engine(e);
    else
        close_handles(e);
    uv_run(&e->loop, UV_RUN_DEFAULT);
}

/* False: the library kept something in the loop after it failed to open, so the memory must stay. */
static bool free_loop(struct engine *e)
{
    if (uv_loop_close(&e->loop) != 0)
        return false;
    if (e->io.impl)
        raft_uv_close(&e->io);
    return true;
}

static int open_failed(struct engine *e, int rv, const char *what, struct err *err)
{
    const char *detail = e->raft.errmsg[0] ? e->raft.errmsg : e->io.errmsg;
    enum err_code code = rv == RAFT_CORRUPT ? ERR_CORRUPT : rv == RAFT_CANTBOOTSTRAP ? ERR_ALREADY_EXISTS : ERR_IO;
    if (e->refusal.code != ERR_OK)
        *err = e->refusal;
    else
        err_set(err, code, "cannot %s the journal in '%s': %s (%s)", what, e->dir, raft_strerror(rv), detail);
    run_to_close(e);
    return -(int)err->code;
}

static int open_log(struct engine *e, struct err *err)
{
    init_handles(e);
    engine_raft_watch_space(e);
    TRY(segment_repair(e->dir, err));
    int rv = open_engine(e);
    if (rv == 0)
        rv = raft_start(&e->raft);
    if (rv == 0 && e->refusal.code != ERR_OK)
        rv = RAFT_CORRUPT;
    return rv == 0 ? 0 : open_failed(e, rv, "open", err);
}

static void engine_run(void *arg)
{
    struct engine *e = arg;
    struct err err = {0};
    bool runs = open_log(e, &err) == 0;
    start_is_over(e, runs ? NULL : &err);
    if (runs)
        uv_run(&e->loop, UV_RUN_DEFAULT);
    e->is_freed = free_loop(e);
}

/* ── public ────────────────────────────────────────────────────────────────────────────────── */

static struct engine *engine_new(const struct engine_options *o, const struct engine_client *c)
{
    struct engine *e = xnew(struct engine);
    e->client = *c;
    e->id = o->id;
    e->tag = group_tag(&o->id);
    e->applied = o->applied;
    e->durable = o->durable;
    e->dir = xstrdup(o->dir);
    e->address = xstrdup(o->address);
    e->node_id = o->node_id;
    e->flights_end = &e->flights;
    crypto_random(&e->proposer, sizeof e->proposer);
    lock_init(&e->lock, RANK_JOURNAL_INNER);
    cond_init(&e->cond);
    space_init(&e->space, o->dir, o->reserve_bytes);
    return e;
}

static void engine_free(struct engine *e)
{
    space_done(&e->space);
    cond_done(&e->cond);
    lock_done(&e->lock);
    free(e->dir);
    free(e->address);
    free(e);
}

static int bootstrap(struct engine *e)
{
    struct raft_configuration conf;
    raft_configuration_init(&conf);
    int rv = raft_configuration_add(&conf, e->node_id, e->address, RAFT_VOTER);
    if (rv == 0)
        rv = raft_bootstrap(&e->raft, &conf);
    raft_configuration_close(&conf);
    return rv;
}

static int bootstrap_in(struct engine *e, struct err *err)
{
    if (space_is_low(&e->space))
        return err_set(err, ERR_NO_SPACE, "the disk of the journal '%s' has less than its reserve free", e->dir);
    init_handles(e);
    int rv = open_engine(e);
    if (rv == 0)
        rv = bootstrap(e);
    if (rv == 0)
        run_to_close(e);
    else
        open_failed(e, rv, "format", err);
    e->is_freed = free_loop(e);
    return rv == 0 ? 0 : -(int)err->code;
}

int engine_bootstrap(const struct engine_options *o, struct err *err)
{
    static const struct engine_client none;
    struct engine *e = engine_new(o, &none);
    struct err why = {0};
    e->is_freed = true; /* until a loop was made */
    bootstrap_in(e, &why);
    if (e->is_freed)
        engine_free(e);
    if (err && why.code != ERR_OK)
        *err = why;
    return -(int)why.code;
}

int engine_start(const struct engine_options *o, const struct engine_client *c, struct engine **ret,
                 struct err *err)
{
    struct engine *e = engine_new(o, c);
    struct err why;
    thread_start(&e->thread, "journal-loop", engine_run, e);
    lock_take(&e->lock);
    while (!e->has_started)
        cond_wait(&e->cond, &e->lock, CLOCK_NEVER);
    why = e->start_err;
    lock_drop(&e->lock);
    if (why.code == ERR_OK) {
        *ret = e;
        return 0;
    }
    thread_join(&e->thread);
    if (e->is_freed)
        engine_free(e);
    if (err)
        *err = why;
    return -(int)why.code;
}

void engine_stop(struct engine *e, int64_t deadline_ms)
{
    if (!e)
        return;
    __atomic_store_n(&e->stop_by_ms, deadline_ms, __ATOMIC_RELEASE);
    uv_async_send(&e->door);
    thread_join(&e->thread);
    if (e->is_freed)
        engine_free(e);
}

void engine_wake(struct engine *e)
{
    uv_async_send(&e->door);
}

void engine_durable(struct engine *e, uint64_t index)
{
    __atomic_store_n(&e->durable, index, __ATOMIC_RELEASE);
    uv_async_send(&e->door);
}

void engine_cut(struct engine *e, uint64_t up_to)
{
    __atomic_store_n(&e->want_cut, up_to, __ATOMIC_RELEASE);
    uv_async_send(&e->door);
}
