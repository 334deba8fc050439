/* SPDX-License-Identifier: Apache-2.0
 *
 * meta_parts: what the files of meta.h share: the struct, and a reading of one consistent view.
 */
#pragma once
#include "base/lock.h"
#include "journal/journal.h"
#include "meta/apply.h"
#include "meta/cache.h"
#include "meta/checkpoint.h"
#include "meta/feed.h"
#include "meta/meta.h"
#include "meta/principals.h"
#include "meta/readers.h"

#include <stdatomic.h>

#define META_FUTEXES 64u /* two batches on one only wake each other's callers in vain */

struct index_waiter;
struct ranks;

struct meta {
    /* fixed after open */
    char *dir, *path;
    struct meta_identity identity;
    struct meta_listener listener;
    struct cache *cache;
    struct readers *readers;
    struct principals *principals;
    struct feed *feed;
    struct checkpoint *checkpoint;
    struct journal *journal;
    struct ranks *ranks;
    /* any thread */
    _Atomic uint64_t applied, epoch;
    _Atomic uint64_t stored, commit_wanted; /* what the database has; what a reader waits for */
    _Atomic uint32_t futexes[META_FUTEXES]; /* counts up when the journal's batch number % META_FUTEXES has ended */
    /* who has the turn (and open, close) */
    struct db db;
    struct apply apply;
    /* apply thread only */
    struct apply_outcome *outcomes;
    size_t outcome_cap;
    struct lock lock; /* leaf of this folder: nothing is taken under it */
    struct cond ids_came, turn;
    /* under lock */
    bool is_closing;
    uint64_t turns_asked, turns_over; /* equal: nobody has the turn */
    struct apply_state published; /* for counts */
    struct index_waiter *index_waiters;
    uint64_t next_id, id_limit;   /* ids of this process: [next_id, id_limit) */
    uint64_t spare_id, spare_limit; /* the next range, when it has come */
    uint64_t wanted_limit;        /* what the reservation under way asks for; 0: none */
    int64_t wanted_since_ms;
};

/* meta.c: databases that are being made; also for restore */
char *meta_db_path(const char *dir); /* owned by the caller */
void meta_remove_db(const char *path);
int meta_new_log(struct db *db, int64_t base, int64_t incarnation, struct err *err) must_use;
/* A whole and closed database gets its name, then its log. */
int meta_install(const char *from, const struct meta_options *o, struct err *err) must_use;
/* propose.c: what the journal calls. */
int propose_apply(void *arg, const struct journal_entry *entries, size_t n, struct err *err);
int propose_settle(void *arg, struct err *err);
void propose_abandoned(void *arg, void *waiter, uint64_t batch, const struct err *why);
void propose_publish(struct meta *m); /* index, waiters for it, counts, ids */
int meta_reserve_ids(struct meta *m, int64_t deadline_ms, struct err *err) must_use; /* the first range */

/* turn.c: one at a time changes the state: the apply thread, or whoever needs what was applied in the database.
 * Taking waits for as long as a batch or a commit takes. */
void turn_take(struct meta *m);
void turn_give(struct meta *m);
int turn_commit(struct meta *m, struct err *err) must_use; /* whoever has the turn: the database gets all that was applied */
bool turn_is_commit_wanted(struct meta *m);
/* Takes the turn when that is needed: at its return the database has what was applied up to `index`. */
int turn_store(struct meta *m, uint64_t index, struct err *err) must_use;

/* walk.c: a read transaction, of what is published at least. What it saw may be committed and not yet published: read_end waits for that
 * moment, so that the same caller's next reading is not of an older state. */
int read_begin(struct meta *m, struct db **ret, uint64_t *ret_index, struct err *err) must_use;
void read_end(struct meta *m, struct db *db, uint64_t index);

/* walk.c: reading at one index: the cache where it says the same, else the database. */
struct look {
    struct meta *m;
    struct db *db; /* NULL until the cache lacks something */
    uint64_t index, stored; /* stored: what `db` has; older where all that is read of it is the same at `index` */
};
void look_start(struct look *l, struct meta *m);
void look_end(struct look *l);
/* LOOK_AGAIN: what is newer than `index` was met; `index` has been moved on, start from the root. Else 0 or an error. */
#define LOOK_AGAIN 1
int look_dentry(struct look *l, inode_id parent, const char *name, size_t len, struct cache_dentry *ret, struct err *err) must_use; /* ino 0: absent */
int look_inode(struct look *l, inode_id ino, struct inode *ret, struct err *err) must_use; /* ERR_NOT_FOUND */

/* list.c */
struct ranks *ranks_new(void);
void ranks_free(struct ranks *r); /* accepts NULL */
