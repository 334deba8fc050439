/* SPDX-License-Identifier: Apache-2.0
 *
 * engine_raft: engine.h over libraft's uv backend; the only file that knows libraft and libuv.
 * Builds with libraft 0.15 and 0.22.  The loop thread owns everything in struct engine but the
 * three numbers under "any thread".
 *
 * Invariants
 *  1. A marker for X reaches the disk only when the state is durable up to the last group <= X.
 *     (put_marker holds it, release_marker lets it go.)  It never fails upward but with
 *     RAFT_CANCELED while closing, which is all that 0.22 allows.
 *  2. At most FLIGHTS_MAX appends are under way, so that groups grow while the disk works.
 *  3. A group goes to `committed` from fsm_apply alone, in the order of the log; its index is
 *     base + last applied + 1.  The waiters are found by (proposer, sequence), not by an index that
 *     the library might assign differently.
 *  4. No log that belongs to another state is ever delivered: head, marker and every group name it.
 *  5. libraft sees no full disk (space.h), and is never closed with appends or a marker under way.
 *     After any error of its disk the loop thread ends inside the callback (die): 0.15 would touch
 *     freed memory on the way back.  The memory stays, reachable from `given_up`.
 *
 *   opening ── open_log ──▶ loading ── check_load, fsm_restore, fsm_apply ──▶ running ── drain ──▶ closing ── on_closed ──▶ closed
 *      └────────────── start_failed ──────────────▶ closing          └── die ──▶ given up
 */
#include "journal/engine.h"

#include "base/clock.h"
#include "base/crypto.h"
#include "base/fault.h"
#include "base/lock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/thread.h"
#include "journal/segment.h"
#include "journal/space.h"

#include <raft.h>
#include <raft/uv.h>
#include <stdio.h>
#include <string.h>

#define FLIGHTS_MAX 2
#define TRAILING 8              /* records kept in memory behind a cut; must not be 0 (that means: install) */
#define CUT_BYTES (12u << 20)   /* a marker is taken when the log has grown by so much */
#define CUT_RECORDS 16384
#define WATCH_MS 200
#define BURST_BYTES (4u << 20)  /* the disk is looked at again after so many bytes */

struct flight {
    struct raft_apply req;
    struct engine *engine;
    struct flight *next;
    uint64_t sequence;
    void *ticket; /* NULL once it was delivered, and for the head */
    bool is_flying; /* not delivered yet */
};

struct held_marker {
    bool is_held;      /* waits for the state */
    bool is_under_way; /* libraft writes it */
    unsigned trailing;
    struct raft_io_snapshot_put *req;
    const struct raft_snapshot *snapshot;
    struct raft_io_snapshot_put inner;
    struct group_marker marker;
    uint64_t bytes, entries; /* delivered before it */
};

struct engine {
    /* fixed after start */
    struct engine_client client;
    struct group_id id;
    uint32_t tag;
    uint64_t applied; /* of the state when it was opened */
    uint64_t proposer;
    char *dir, *address;
    uint64_t node_id;
    struct thread thread;
    /* any thread, atomic */
    uint64_t durable, want_cut;
    int64_t stop_by_ms; /* 0: run */
    /* start: loop thread before, starter after `started` */
    struct lock lock;
    struct cond cond;
    bool has_started;
    struct err start_err; /* ERR_OK: runs */
    /* loop thread only */
    uv_loop_t loop;
    uv_async_t door;
    uv_check_t check;
    uv_timer_t watch;
    struct raft_uv_transport transport;
    struct raft_io io;
    int (*io_load)(struct raft_io *, raft_term *, raft_id *, struct raft_snapshot **, raft_index *,
                   struct raft_entry **, size_t *);
    int (*io_append)(struct raft_io *, struct raft_io_append *, const struct raft_entry[], unsigned,
                     raft_io_append_cb);
    int (*io_snapshot_put)(struct raft_io *, unsigned, struct raft_io_snapshot_put *,
                           const struct raft_snapshot *, raft_io_snapshot_put_cb);
    void (*io_close)(struct raft_io *, raft_io_close_cb);
    struct raft_fsm fsm;
    struct raft raft;
    struct raft_barrier barrier;
    bool has_barrier; /* under way */
    bool is_open, is_closing, is_closed;
    bool has_head;        /* a head or a marker was seen */
    bool wants_head;      /* the log is empty: this engine writes it */
    struct err refusal;   /* the log does not belong to the state */
    uint64_t load_last;   /* last record on disk at the start */
    struct flight *flights, **flights_end;
    unsigned flying; /* not delivered yet */
    uint64_t sequence;
    uint64_t bytes_appended, bytes_delivered, bytes_cut, bytes_watched;
    uint64_t entries_delivered, entries_cut;
    struct held_marker held;
    struct space space;
    struct engine_status status, told;
    struct engine *next_given_up;
};

static struct engine *given_up; /* atomic */

static uint64_t index_of(const struct engine *e, raft_index i)
{
    return e->id.base + i;
}

/* ── failure ───────────────────────────────────────────────────────────────────────────────── */

static void start_is_over(struct engine *e, const struct err *why)
{
    LOCK_SCOPE(&e->lock);
    if (why && !e->has_started)
        e->start_err = *why;
    e->has_started = true;
    cond_wake_all(&e->cond);
}

static void end_flights(struct engine *e, const struct err *why)
{
    for (struct flight *f = e->flights; f; f = f->next)
        if (f->ticket)
            e->client.ended(e->client.arg, steal(&f->ticket), why);
}

/* Invariant 5. Does not return. */
__attribute__((noreturn)) static void die(struct engine *e, int rv, const char *what)
{
    struct err why, unknown;
    const char *detail = e->raft.errmsg[0] ? e->raft.errmsg : e->io.errmsg;
    err_set(&why, ERR_IO, "the journal's engine failed to %s: %s (%s)", what, raft_strerror(rv), detail);
    err_set(&unknown, ERR_OUTCOME_UNKNOWN, "%s", why.text);
    end_flights(e, &unknown);
    e->client.failed(e->client.arg, &why);
    e->next_given_up = __atomic_load_n(&given_up, __ATOMIC_ACQUIRE);
    while (!__atomic_compare_exchange_n(&given_up, &e->next_given_up, e, false, __ATOMIC_ACQ_REL,
                                        __ATOMIC_ACQUIRE))
        ;
    start_is_over(e, &why);
    pthread_exit(NULL);
}

static void refuse(struct engine *e, const char *what)
{
    if (e->refusal.code == ERR_OK)
        err_set(&e->refusal, ERR_CONFLICT, "the log in '%s' %s: restore the state or let this node rejoin", e->dir,
                what);
}

/* ── what the library calls: state machine ─────────────────────────────────────────────────── */

static struct flight *flight_of(struct engine *e, const struct group_view *v)
{
    if (v->proposer != e->proposer)
        return NULL;
    for (struct flight *f = e->flights; f; f = f->next)
        if (f->sequence == v->sequence)
            return f;
    return NULL;
}

static void take_head(struct engine *e, const struct group_view *v)
{
    struct group_id id;
    if (group_id_decode(v, &id, NULL) < 0 || !group_id_is_equal(&id, &e->id))
        refuse(e, "belongs to another state (log id, base or incarnation differ)");
    e->has_head = true;
}

static void deliver(struct engine *e, uint64_t index, const void *bytes, size_t len, void *ticket)
{
    struct group_view v;
    void *copy = xmemdup(bytes, len);
    if (group_decode(copy, len, &v, NULL) < 0)
        abort(); /* the same bytes were decoded before */
    FAULT("journal.after_commit");
    e->client.committed(e->client.arg, index, copy, &v, ticket);
}

static int fsm_apply(struct raft_fsm *fsm, const struct raft_buffer *buf, void **result)
{
    struct engine *e = fsm->data;
    struct group_view v;
    uint64_t index = index_of(e, raft_last_applied(&e->raft) + 1);
    *result = NULL;
    e->bytes_delivered += buf->len;
    if (e->refusal.code != ERR_OK)
        return 0;
    if (group_decode(buf->base, buf->len, &v, &e->refusal) < 0)
        return 0;
    struct flight *f = flight_of(e, &v);
    if (f) {
        e->flying--;
        f->is_flying = false;
    }
    if (v.kind == GROUP_HEAD)
        take_head(e, &v);
    else if (!e->has_head || v.tag != e->tag)
        refuse(e, "holds a record of another log");
    else {
        e->status.last_entries = index;
        e->entries_delivered += v.count;
        if (index > e->applied)
            deliver(e, index, buf->base, buf->len, f ? steal(&f->ticket) : NULL);
    }
    return 0;
}

static int fsm_snapshot(struct raft_fsm *fsm, struct raft_buffer *bufs[], unsigned *n_bufs)
{
    struct engine *e = fsm->data;
    e->held.marker = (struct group_marker){
        .id = e->id, .index = index_of(e, raft_last_applied(&e->raft)), .last = e->status.last_entries};
    e->held.bytes = e->bytes_delivered;
    e->held.entries = e->entries_delivered;
    *bufs = raft_malloc(sizeof **bufs);
    void *bytes = raft_malloc(GROUP_MARKER_LEN);
    if (!*bufs || !bytes)
        return RAFT_NOMEM;
    group_marker_encode(&e->held.marker, bytes);
    (*bufs)[0] = (struct raft_buffer){.base = bytes, .len = GROUP_MARKER_LEN};
    *n_bufs = 1;
    raft_set_snapshot_threshold(&e->raft, CUT_RECORDS);
    return 0;
}

static int fsm_restore(struct raft_fsm *fsm, struct raft_buffer *buf)
{
    struct engine *e = fsm->data;
    struct group_marker m;
    if (group_marker_decode(buf->base, buf->len, &m, &e->refusal) < 0)
        return RAFT_CORRUPT;
    if (!group_id_is_equal(&m.id, &e->id))
        refuse(e, "belongs to another state (log id, base or incarnation differ)");
    else if (m.last > e->applied)
        refuse(e, "was cut at a newer change than the state holds");
    if (e->refusal.code != ERR_OK)
        return RAFT_INVALID;
    e->has_head = true;
    e->status.cut_index = m.index;
    e->status.cut_last = e->status.last_entries = m.last;
    raft_free(buf->base);
    return 0;
}

/* ── what the library calls: its disk ──────────────────────────────────────────────────────── */

/* The state must not be ahead of the log, or its next changes would be taken for old ones. */
static void check_load(struct engine *e, const struct raft_snapshot *s, raft_index start,
                       const struct raft_entry *entries, size_t n)
{
    struct group_marker m = {0};
    raft_index last = 0;
    if (s && group_marker_decode(s->bufs[0].base, s->bufs[0].len, &m, NULL) < 0)
        return; /* fsm_restore says it */
    for (size_t i = n; i-- > 0 && !last;)
        if (entries[i].type == RAFT_COMMAND)
            last = start + i;
    uint64_t last_index = last ? index_of(e, last) : m.last;
    e->wants_head = !last && !s;
    e->load_last = n ? start + n - 1 : s ? s->index : 0;
    for (size_t i = 0; i < n; i++)
        if (entries[i].type == RAFT_COMMAND && (!s || start + i > s->index))
            e->bytes_appended += entries[i].buf.len;
    if (!n && !s)
        refuse(e, "is empty");
    else if (e->applied > e->id.base && e->applied > last_index)
        refuse(e, "ends before the last change that the state holds");
}

static int io_load(struct raft_io *io, raft_term *term, raft_id *voted_for, struct raft_snapshot **snapshot,
                   raft_index *start, struct raft_entry **entries, size_t *n)
{
    struct engine *e = ((struct raft *)io->data)->data;
    int rv = e->io_load(io, term, voted_for, snapshot, start, entries, n);
    if (rv == 0)
        check_load(e, *snapshot, *start, *entries, *n);
    return rv;
}

static int io_append(struct raft_io *io, struct raft_io_append *req, const struct raft_entry entries[],
                     unsigned n, raft_io_append_cb cb)
{
    struct engine *e = ((struct raft *)io->data)->data;
    for (unsigned i = 0; i < n; i++)
        e->bytes_appended += entries[i].type == RAFT_COMMAND ? entries[i].buf.len : 0;
    FAULT("journal.before_append");
    return e->io_append(io, req, entries, n, cb);
}

static void on_marker_written(struct raft_io_snapshot_put *inner, int status)
{
    struct engine *e = inner->data;
    e->held.is_under_way = false;
    if (status != 0 && !e->is_closing)
        die(e, status, "write the marker");
    if (status == 0) {
        FAULT("journal.after_marker");
        e->status.cut_index = e->held.marker.index;
        e->status.cut_last = e->held.marker.last;
        e->bytes_cut = e->held.bytes;
        e->entries_cut = e->held.entries;
    }
    e->held.req->cb(e->held.req, status);
}

/* Invariant 1. */
static void release_marker(struct engine *e)
{
    if (!e->held.is_held || e->is_closing ||
        __atomic_load_n(&e->durable, __ATOMIC_ACQUIRE) < e->held.marker.last)
        return;
    FAULT("journal.before_marker");
    e->held.is_held = false;
    e->held.is_under_way = true;
    e->held.inner.data = e;
    int rv = e->io_snapshot_put(&e->io, e->held.trailing, &e->held.inner, e->held.snapshot, on_marker_written);
    if (rv != 0)
        die(e, rv, "begin the marker");
}

static int put_marker(struct raft_io *io, unsigned trailing, struct raft_io_snapshot_put *req,
                      const struct raft_snapshot *snapshot, raft_io_snapshot_put_cb cb)
{
    struct engine *e = ((struct raft *)io->data)->data;
    if (e->is_closing)
        return RAFT_CANCELED;
    req->cb = cb;
    e->held.req = req;
    e->held.trailing = trailing;
    e->held.snapshot = snapshot;
    e->held.is_held = true; /* on_check releases it, never this call: 0.22 counts on that */
    if (__atomic_load_n(&e->durable, __ATOMIC_ACQUIRE) < e->held.marker.last)
        e->client.need_durable(e->client.arg, e->held.marker.last);
    uv_async_send(&e->door);
    return 0;
}

static void io_close(struct raft_io *io, raft_io_close_cb cb)
{
    struct engine *e = ((struct raft *)io->data)->data;
    if (e->held.is_held) {
        e->held.is_held = false;
        e->held.req->cb(e->held.req, RAFT_CANCELED);
    }
    e->io_close(io, cb);
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

/* ── appending ─────────────────────────────────────────────────────────────────────────────── */

static void unlink_flight(struct engine *e, struct flight *f)
{
    struct flight **at = &e->flights;
    while (*at != f)
        at = &(*at)->next;
    *at = f->next;
    if (!*at)
        e->flights_end = at;
}

static enum err_code code_of(int rv)
{
    return rv == RAFT_NOTLEADER ? ERR_NOT_LEADER : rv == RAFT_NOSPACE ? ERR_NO_SPACE : ERR_OUTCOME_UNKNOWN;
}

/* Gives the ticket back, if it was not delivered, and frees. */
static void end_flight(struct engine *e, struct flight *f, enum err_code code, int rv)
{
    struct err why;
    unlink_flight(e, f);
    e->flying -= f->is_flying;
    if (f->ticket) {
        err_set(&why, code, "the journal's engine did not take the change: %s", raft_strerror(rv));
        e->client.ended(e->client.arg, f->ticket, &why);
    }
    free(f);
}

static void on_applied(struct raft_apply *req, int status, void *result)
{
    struct flight *f = req->data;
    struct engine *e = f->engine;
    (void)result;
    if (status != 0 && status != RAFT_LEADERSHIPLOST && !e->is_closing)
        die(e, status, "append to the log");
    end_flight(e, f, ERR_OUTCOME_UNKNOWN, status);
}

static struct flight *new_flight(struct engine *e, void *ticket)
{
    struct flight *f = xnew(struct flight);
    f->req.data = f;
    f->engine = e;
    f->ticket = ticket;
    f->is_flying = true;
    f->sequence = ++e->sequence;
    *e->flights_end = f;
    e->flights_end = &f->next;
    e->flying++;
    return f;
}

static void append(struct engine *e, const struct engine_group *g, enum group_kind kind)
{
    struct flight *f = new_flight(e, g->ticket);
    struct group_view v = {.kind = kind, .count = g->count, .tag = e->tag, .proposer = e->proposer,
                           .sequence = f->sequence};
    struct raft_buffer buf = {.len = group_size(g->count, g->data_len)};
    buf.base = raft_malloc(buf.len);
    if (!buf.base)
        abort();
    group_encode(&v, g->lengths, g->data, g->data_len, buf.base);
    int rv = raft_apply(&e->raft, &f->req, &buf, 1, on_applied);
    if (rv == 0)
        return;
    if (rv != RAFT_NOTLEADER && rv != RAFT_NOSPACE)
        die(e, rv, "append to the log");
    raft_free(buf.base);
    end_flight(e, f, code_of(rv), rv);
}

static void append_head(struct engine *e)
{
    uint8_t id[GROUP_ID_LEN];
    uint32_t len = sizeof id;
    group_id_encode(&e->id, id);
    e->wants_head = false;
    append(e, &(struct engine_group){.count = 1, .lengths = &len, .data = id, .data_len = len}, GROUP_HEAD);
}

static void refuse_waiting(struct engine *e)
{
    struct engine_group g;
    struct err why;
    err_set(&why, ERR_NO_SPACE, "the disk of the journal '%s' is nearly full", e->dir);
    while (e->client.next(e->client.arg, &g))
        e->client.ended(e->client.arg, g.ticket, &why);
}

static void watch_space(struct engine *e)
{
    e->bytes_watched = e->bytes_appended;
    e->status.is_low_on_space = space_is_low(&e->space);
}

static void pump(struct engine *e)
{
    struct engine_group g;
    if (raft_state(&e->raft) == RAFT_LEADER && e->wants_head)
        append_head(e);
    if (e->bytes_appended - e->bytes_watched >= BURST_BYTES)
        watch_space(e);
    if (e->status.is_low_on_space)
        refuse_waiting(e);
    while (e->flying < FLIGHTS_MAX && e->client.next(e->client.arg, &g))
        append(e, &g, GROUP_ENTRIES);
}

/* ── cutting ───────────────────────────────────────────────────────────────────────────────── */

static void on_barrier(struct raft_barrier *req, int status)
{
    struct engine *e = req->data;
    e->has_barrier = false;
    if (status != 0 && status != RAFT_LEADERSHIPLOST && !e->is_closing)
        die(e, status, "append to the log");
}

/* libraft looks at its threshold when it applies something: a barrier makes it look. */
static void cut_if_wanted(struct engine *e)
{
    bool is_busy = e->held.is_held || e->held.is_under_way || e->has_barrier;
    uint64_t want = __atomic_load_n(&e->want_cut, __ATOMIC_ACQUIRE);
    if (is_busy || raft_state(&e->raft) != RAFT_LEADER || e->status.is_low_on_space)
        return;
    if (e->bytes_delivered - e->bytes_cut >= CUT_BYTES) {
        raft_set_snapshot_threshold(&e->raft, 1);
    } else if (want > e->status.cut_last && want <= e->status.last_entries) {
        raft_set_snapshot_threshold(&e->raft, 1);
        e->barrier.data = e;
        e->has_barrier = raft_barrier(&e->raft, &e->barrier, on_barrier) == 0;
    }
}

/* ── the loop ──────────────────────────────────────────────────────────────────────────────── */

static void tell(struct engine *e)
{
    struct engine_status *s = &e->status;
    s->is_leader = raft_state(&e->raft) == RAFT_LEADER;
    s->term = e->raft.current_term;
    s->last_index = index_of(e, raft_last_index(&e->raft));
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
    e->is_closed = true;
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
        die(e, RAFT_SHUTDOWN, "finish its writes before the deadline of the stop");
}

static void on_check(uv_check_t *check)
{
    struct engine *e = check->data;
    if (e->is_closing)
        return;
    if (e->refusal.code != ERR_OK) /* a follower's log turned out to be foreign */
        die(e, RAFT_CORRUPT, "use its log");
    pump(e);
    release_marker(e);
    cut_if_wanted(e);
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
    watch_space(e);
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

static void wrap_io(struct engine *e)
{
    e->io_load = e->io.load;
    e->io_append = e->io.append;
    e->io_snapshot_put = e->io.snapshot_put;
    e->io_close = e->io.close;
    e->io.load = io_load;
    e->io.append = io_append;
    e->io.snapshot_put = put_marker;
    e->io.close = io_close;
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
    (void)raft_uv_set_snapshot_compression(&e->io, false);
    raft_uv_set_auto_recovery(&e->io, false); /* it would drop acknowledged records in silence */
    wrap_io(e);
    e->fsm = (struct raft_fsm){
        .version = 1, .data = e, .apply = fsm_apply, .snapshot = fsm_snapshot, .restore = fsm_restore};
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

static void free_loop(struct engine *e)
{
    if (e->io.impl)
        raft_uv_close(&e->io);
    if (uv_loop_close(&e->loop) != 0)
        abort(); /* a handle was forgotten */
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
    watch_space(e);
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
    free_loop(e);
    e->is_closed = true;
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
    free_loop(e);
    return rv == 0 ? 0 : -(int)err->code;
}

int engine_bootstrap(const struct engine_options *o, struct err *err)
{
    static const struct engine_client none;
    struct engine *e = engine_new(o, &none);
    struct err why = {0};
    bootstrap_in(e, &why);
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
    if (e->is_closed)
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
    if (e->is_closed)
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
