/* SPDX-License-Identifier: Apache-2.0
 *
 * journal_inner: what journal.c (callers) and journal_apply.c (the engine's results, the apply
 * thread) share.  The invariants stand in journal.c.
 */
#pragma once
#include "base/lock.h"
#include "base/thread.h"
#include "journal/batch.h"
#include "journal/engine.h"

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
    struct batch *first, **last; /* wait for the engine */
    struct batch *spare;
    unsigned spares;
    uint64_t batches; /* made since the start */
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
    int64_t settle_ms; /* when to settle; CLOCK_NEVER: it is settled */
    unsigned durable_failures; /* in a row */
};

/* journal_apply.c */
void journal_inner_apply_run(void *arg);                         /* the apply thread; arg: the journal */
struct engine_client journal_inner_engine_client(struct journal *j); /* what the engine calls */
void journal_inner_drop_commits(struct journal *j);              /* of a start that was refused */
/* Ends what still waits for the engine. Caller holds the lock. */
void journal_inner_abandon_queued_locked(struct journal *j, enum err_code code, const char *text);
