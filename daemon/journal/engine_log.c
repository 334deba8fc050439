/* SPDX-License-Identifier: Apache-2.0
 *
 * engine_log: groups into libraft's log and out of it, and the marker at which the log is cut.  The
 * invariants stand in engine_raft.c.  Threads: the loop only.
 *
 *   marker:  fsm_snapshot ──▶ put_marker ──▶ held ── release_marker (durable) ──▶ on_marker_written ──▶ cut
 *                                             └── io_close ──▶ cancelled
 *   flight:  append ──▶ under way ── fsm_apply ──▶ delivered ── on_applied ──▶ freed
 *                          └── on_applied, end_flights: lost ──▶ ended
 */
#include "journal/engine_raft.h"

#include "base/fault.h"
#include "base/mem.h"

#include <string.h>

#define FLIGHTS_MAX 1 /* 2 made smaller groups and no more of them; a network between voters may want it */
#define CUT_BYTES (12u << 20)
#define BURST_BYTES (4u << 20) /* the disk is looked at again after so many bytes */

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
    uint64_t index = engine_raft_index(e, raft_last_applied(&e->raft) + 1);
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
        .id = e->id, .index = engine_raft_index(e, raft_last_applied(&e->raft)), .last = e->status.last_entries};
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
    uint64_t last_index = last ? engine_raft_index(e, last) : m.last;
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

/* ── the marker ────────────────────────────────────────────────────────────────────────────── */

static void on_marker_written(struct raft_io_snapshot_put *inner, int status)
{
    struct engine *e = inner->data;
    e->held.is_under_way = false;
    if (status != 0 && !e->is_closing)
        engine_raft_die(e, status, "write the marker");
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
        engine_raft_die(e, rv, "begin the marker");
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

void engine_raft_wrap(struct engine *e)
{
    e->io_load = e->io.load;
    e->io_append = e->io.append;
    e->io_snapshot_put = e->io.snapshot_put;
    e->io_close = e->io.close;
    e->io.load = io_load;
    e->io.append = io_append;
    e->io.snapshot_put = put_marker;
    e->io.close = io_close;
    e->fsm = (struct raft_fsm){
        .version = 1, .data = e, .apply = fsm_apply, .snapshot = fsm_snapshot, .restore = fsm_restore};
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
        engine_raft_die(e, status, "append to the log");
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
        engine_raft_die(e, rv, "append to the log");
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

void engine_raft_watch_space(struct engine *e)
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
        engine_raft_watch_space(e);
    if (e->status.is_low_on_space)
        refuse_waiting(e);
    while (e->flying < FLIGHTS_MAX && e->client.next(e->client.arg, &g))
        append(e, &g, GROUP_ENTRIES);
}

void engine_raft_end_flights(struct engine *e, const struct err *why)
{
    for (struct flight *f = e->flights; f; f = f->next)
        if (f->ticket)
            e->client.ended(e->client.arg, steal(&f->ticket), why);
}

/* ── cutting ───────────────────────────────────────────────────────────────────────────────── */

static void on_barrier(struct raft_barrier *req, int status)
{
    struct engine *e = req->data;
    e->has_barrier = false;
    if (status != 0 && status != RAFT_LEADERSHIPLOST && !e->is_closing)
        engine_raft_die(e, status, "append to the log");
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

void engine_raft_turn(struct engine *e)
{
    pump(e);
    release_marker(e);
    cut_if_wanted(e);
}
