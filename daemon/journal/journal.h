/* SPDX-License-Identifier: Apache-2.0
 *
 * journal: the replicated log.  propose → committed (durable) → apply, in order, exactly once per start.
 * Nothing above knows which engine or how many nodes there are.  Only bytes travel here.
 *
 * Index = base + engine index; it never goes backwards over restore, format or change of engine.
 */
#pragma once
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JOURNAL_ENTRY_MAX (64u << 10)  /* bytes of one entry */
#define JOURNAL_GROUP_MAX (256u << 10) /* bytes of one group: many entries in one log record */

struct journal;

/* One committed entry as it reaches the apply thread. */
struct journal_entry {
    uint64_t index;    /* of the group; entries of one group share it */
    uint32_t position; /* within the group */
    bool is_last;      /* of the group: after it `index` is applied */
    const void *data;
    size_t len;
    void *waiter;   /* what the local caller gave to journal_propose, or NULL (restart, standby) */
    uint64_t batch; /* what journal_propose told that caller */
};

/* Callbacks, all on the journal's one apply thread. */
struct journal_client {
    void *arg;
    /* A batch of committed entries in order, whole groups only; apply all or none, then return 0.
     * Anything else stops the journal (state JOURNAL_FAILED): the state could not be kept.  The batch's waiters
     * then get `abandoned` with ERR_OUTCOME_UNKNOWN; after a start the batch comes again. */
    int (*apply)(void *arg, const struct journal_entry *entries, size_t n, struct err *err);
    /* A proposal ended without being applied here (refused, engine stopped): tell the waiter. */
    void (*abandoned)(void *arg, void *waiter, uint64_t batch, const struct err *why);
    /* Makes everything applied so far durable in the state and returns the index it covers. */
    int (*make_durable)(void *arg, uint64_t *ret_index, struct err *err);
    /* Nothing was committed for a moment after `apply`: time for what can wait. May be NULL. An error is one of `apply`. */
    int (*settle)(void *arg, struct err *err);
};

struct journal_options {
    const char *dir;
    uint64_t node_id;        /* not 0 */
    const char *address;     /* "127.0.0.1:19200": kept as the member's name; a single voter opens no port */
    uint64_t applied;        /* index of the last group in the state; entries up to it are not delivered again */
    uint64_t durable;        /* index that the state held durably when it was opened */
    uint64_t base;           /* see above; from the state */
    uint64_t incarnation;    /* from the state; a log of another one refuses to start */
    uint8_t log_id[16];      /* from the state */
    uint64_t reserve_bytes;  /* ballast and refusal limit */
};

/* Makes an empty log with one voter. ERR_ALREADY_EXISTS when the folder holds a log. */
int journal_format(const struct journal_options *o, struct err *err) must_use;
/* Starts the threads; returns when this node leads (single voter) and everything committed has been delivered, or the deadline passed. */
int journal_start(const struct journal_options *o, const struct journal_client *client, int64_t deadline_ms,
                  struct journal **ret, struct err *err) must_use;
/* Refuses proposals, drains, abandons the rest, ends the threads. Accepts NULL. */
void journal_stop(struct journal *j);

/* Queues a copy of the entry; never blocks on I/O.  Later exactly one of client->apply (with `waiter`) or client->abandoned happens.
 * `ret_batch` (may be NULL): callers that were told the same number end together, so that one wake-up serves them all.
 * ERR_NO_SPACE below the reserve, ERR_UNAVAILABLE when the queue is full (in bytes), ERR_NOT_LEADER, ERR_TOO_LARGE. */
int journal_propose(struct journal *j, const void *data, size_t len, void *waiter, uint64_t *ret_batch, struct err *err) must_use;

/* Takes a snapshot marker now: forces durability, then cuts the log behind it. Blocks until cut or deadline. */
int journal_checkpoint(struct journal *j, int64_t deadline_ms, struct err *err) must_use;

enum journal_state { JOURNAL_STARTING, JOURNAL_LEADER, JOURNAL_FOLLOWER, JOURNAL_NO_SPACE, JOURNAL_FAILED, JOURNAL_STOPPED };
struct journal_info {
    enum journal_state state;
    uint64_t term, last_index, applied_index, durable_index, snapshot_index;
    uint64_t log_bytes;     /* in memory since the last cut */
    uint64_t disk_bytes;
    uint64_t entries_since_checkpoint;
    int64_t last_checkpoint_ms; /* wall clock, 0 none */
    uint64_t groups, entries;   /* since start */
    char failure[240];
};
void journal_info(const struct journal *j, struct journal_info *ret);

/* Reads a stopped or running node's log for `readJournal`: each group that is still on disk, in order. */
int journal_read(const char *dir, uint64_t base,
                 int (*each)(void *arg, const struct journal_entry *e, struct err *err), void *arg, struct err *err) must_use;
