/* SPDX-License-Identifier: Apache-2.0
 *
 * apply: committed entries become rows, many batches in one transaction, with the index of the last one.
 * Deterministic: state and entries decide everything; no clock, no chance, no order of threads.
 * Knows nothing of callers; propose.c tells them.  Threads: who has the turn (turn.c), or format.
 */
#pragma once
#include "journal/journal.h"
#include "meta/entry_items.h"
#include "meta/meta.h"
#include "meta/view.h"

/* The small numbers of the state, kept in memory and written with each transaction. */
struct apply_state {
    int64_t applied, time_ms, epoch, next_id;
    int64_t inodes, files, directories, to_persist, pinned, lost;
};

/* What came of one entry. */
struct apply_outcome {
    enum err_code code; /* ERR_OK: it took effect */
    bool is_replay;     /* its operation had run before: no effect, and fine */
};

/* What the batch did that others want to know, valid until the next one. */
struct apply_event {
    enum { EVENT_RECORD, EVENT_CONTENT_GONE, EVENT_MARKED, EVENT_PRINCIPAL } kind;
    unsigned what;  /* record or mark kind */
    uint64_t id;    /* cid or principal */
    uint64_t index;
    char *text;     /* key or name */
};

struct operations;
struct kept;
struct apply {
    struct db *db;
    struct apply_state state, before; /* before: as of the last commit */
    struct kept *kept, **kept_last;   /* what came since then */
    size_t kept_bytes, rows_due;      /* rows_due: of a transaction that is large enough */
    bool is_open;                     /* a transaction that has the effects of all that is kept */
    struct view view;
    struct operations *operations;
    struct change *changes;
    size_t change_count, change_cap;
    struct apply_event *events;
    size_t event_count, event_cap;
    /* of the entry under way */
    uint64_t index;
    stamp now;
    enum entry_kind kind;
};

int apply_init(struct apply *a, struct db *db, struct cache *cache, struct err *err) must_use;
void apply_done(struct apply *a); /* accepts a zeroed struct */
/* Takes the entries into the transaction; outcomes[n] are filled and the cache knows. After an error they had no effect; once
 * its cause is gone (ERR_NO_SPACE) the same call may be made again, otherwise this node must stop. */
int apply_batch(struct apply *a, const struct journal_entry *entries, size_t n, struct apply_outcome *outcomes,
                struct err *err) must_use;
bool apply_is_due(const struct apply *a); /* the transaction is large enough */
/* The database has all that was applied. After an error nothing is lost: the next call tries again. */
int apply_commit(struct apply *a, struct err *err) must_use;

/* ---- for guards.c, apply_effects.c ---- */
int guard_check(struct apply *a, const struct entry_item *item, enum err_code *ret, struct err *err) must_use; /* ret ERR_OK: holds */
int effect_run(struct apply *a, const struct entry_item *item, struct err *err) must_use;
void apply_change(struct apply *a, inode_id ino, inode_id parent);
void apply_event(struct apply *a, const struct apply_event *e);
