/* SPDX-License-Identifier: Apache-2.0
 *
 * engine_raft: what engine_raft.c (the loop) and engine_log.c (the log) share.  No other file
 * includes this, libraft or libuv.
 */
#pragma once
#include "base/lock.h"
#include "base/thread.h"
#include "journal/engine.h"
#include "journal/space.h"

#include <raft.h>
#include <raft/uv.h>

#define CUT_RECORDS 16384 /* a marker is taken after so many records, or CUT_BYTES */

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
    bool is_open, is_closing;
    bool is_freed; /* the loop and the library; read after the thread has ended */
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

/* engine_raft.c.  The library failed: gives the engine up (invariant 5) and ends the calling thread, the loop. */
__attribute__((noreturn)) void engine_raft_die(struct engine *e, int rv, const char *what);

/* engine_log.c, loop thread. */
void engine_raft_wrap(struct engine *e); /* the state machine, and between libraft and its disk */
void engine_raft_end_flights(struct engine *e, const struct err *why);
void engine_raft_watch_space(struct engine *e);
/* Appends what waits, lets a marker go or takes one: after each turn of the loop. */
void engine_raft_turn(struct engine *e);
static inline uint64_t engine_raft_index(const struct engine *e, raft_index i)
{
    return e->id.base + i;
}
