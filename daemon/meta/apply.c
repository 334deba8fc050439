/* SPDX-License-Identifier: Apache-2.0
 *
 * apply: see the header.
 *
 * A transaction takes as many batches as come until apply_commit: what it holds meanwhile is in the log, in the
 * view and in the cache.  A page of the database that ten batches change is written once.
 *
 * Invariants
 *  1. state('applied') is the index of the last group whose effects are in the database: both are
 *     written by the same transaction.
 *  2. An entry has all of its effects or none: guards are read before the first effect, and an error
 *     after it loses the whole transaction, which is then done again from the entries that were kept.
 *  3. Entry k of a batch sees the effects of entries < k and of the batches before.
 *  4. A stamp is index << 16 | position: later entries have greater stamps.
 *  5. A directory's length is the number of its dentries.
 *  6. The entry time in the state never runs backwards.
 *  7. The counts in the state are those of the rows of `inode`.
 *  8. The cache gets a batch's rows when the batch is whole and before the caller publishes its index.
 *  9. What is done again reads the database alone: the cache has seen the first time.
 *
 *   clean ──apply_batch: begin──▶ open ──entry: guards──▶ refused ─┐
 *     ▲                           │ ▲ └─ effects ──▶ effective ────┤
 *     │                           │ └─ next entry; view_publish ───┘
 *     ├──── write all, COMMIT ────┤
 *     │                           └── any error: ROLLBACK ──▶ lost ──again: all kept entries──▶ open
 */
#include "meta/apply.h"

#include "base/fault.h"
#include "base/mem.h"
#include "meta/operations.h"

#include <string.h>

#define ROWS_MIN 128u /* of a transaction */
#define ROWS_MAX 2048u
#define PAGES 1024u /* that one writes: others wait for that long */
#define KEPT_MAX (1u << 20) /* bytes of entries: changes of a few rows, over and over */

static const struct {
    const char *name;
    size_t offset;
} state_rows[] = {
#define ROW(member) {#member, offsetof(struct apply_state, member)}
    ROW(applied), ROW(time_ms),     ROW(epoch),      ROW(next_id), ROW(inodes),
    ROW(files),   ROW(directories), ROW(to_persist), ROW(pinned),  ROW(lost),
#undef ROW
};

static int64_t *state_at(struct apply_state *s, size_t i)
{
    return (int64_t *)((char *)s + state_rows[i].offset);
}

int apply_init(struct apply *a, struct db *db, struct cache *cache, struct err *err)
{
    *a = (struct apply){.db = db, .kept_last = &a->kept, .rows_due = ROWS_MIN};
    view_init(&a->view, db, cache);
    a->operations = operations_new(db);
    for (size_t i = 0; i < array_len(state_rows); i++)
        TRY(db_state_get(db, state_rows[i].name, state_at(&a->state, i), err));
    a->before = a->state;
    return 0;
}

static void forget_events(struct apply *a)
{
    for (size_t i = 0; i < a->event_count; i++)
        free(a->events[i].text);
    a->event_count = a->change_count = 0;
}

/* A batch whose effects are not in the database yet. */
struct kept {
    struct kept *next;
    size_t count;
    struct journal_entry entries[]; /* then their bytes */
};

static void forget_kept(struct apply *a)
{
    for (struct kept *k = steal(&a->kept), *next; k; k = next) {
        next = k->next;
        free(k);
    }
    a->kept_last = &a->kept;
    a->kept_bytes = 0;
}

static void keep(struct apply *a, const struct journal_entry *entries, size_t n)
{
    size_t bytes = 0;
    for (size_t i = 0; i < n; i++)
        bytes += entries[i].len;
    struct kept *k = xmalloc(sizeof *k + n * sizeof *entries + bytes);
    uint8_t *to = (uint8_t *)&k->entries[n];
    k->next = NULL;
    k->count = n;
    for (size_t i = 0; i < n; i++) {
        k->entries[i] = entries[i];
        k->entries[i].data = memcpy(to, entries[i].data, entries[i].len);
        to += entries[i].len;
    }
    *a->kept_last = k;
    a->kept_last = &k->next;
    a->kept_bytes += bytes;
}

void apply_done(struct apply *a)
{
    forget_events(a);
    forget_kept(a);
    free(a->events);
    free(a->changes);
    operations_free(a->operations);
    view_done(&a->view);
    *a = (struct apply){0};
}

static void count(struct apply_state *s, const struct inode_was *i, int step)
{
    s->inodes += step;
    s->files += i->type == INODE_FILE ? step : 0;
    s->directories += i->type == INODE_DIRECTORY ? step : 0;
    s->to_persist += i->persistence == PERSIST_TODO ? step : 0;
    s->lost += i->persistence == PERSIST_LOST ? step : 0;
    s->pinned += i->flags & INODE_PINNED ? step : 0;
}

static void count_all(struct apply *a)
{
    for (const struct view_inode *n = a->view.fresh_inodes; n; n = n->next_fresh) {
        struct inode_was is = view_inode_is(n);
        if (n->was.is_there)
            count(&a->state, &n->was, -1);
        if (is.is_there)
            count(&a->state, &is, 1);
    }
}

static int write_state(struct apply *a, struct err *err)
{
    for (size_t i = 0; i < array_len(state_rows); i++) {
        int64_t now = *state_at(&a->state, i);
        if (now != *state_at(&a->before, i))
            TRY(db_state_put(a->db, state_rows[i].name, now, err));
    }
    return 0;
}

/* A directory that this entry makes itself may be the parent of what it makes. */
static bool is_made_before(const struct journal_entry *e, const struct entry_reader *upto, inode_id ino)
{
    struct entry_reader r;
    struct entry_item item;
    if (entry_read(&r, e->data, e->len, NULL) < 0)
        return false;
    while (r.at < upto->at && entry_next(&r, &item, NULL) > 0)
        if (item.kind == ITEM_PUT_INODE && item.u[0] == ino)
            return true;
    return false;
}

static int check_operation(struct apply *a, const struct entry_item *item, struct apply_outcome *ret, struct err *err)
{
    enum operation_seen seen;
    TRY(operations_seen(a->operations, item->u[0], item->u[1], &seen, err));
    ret->is_replay = seen == OPERATION_SEEN;
    if (seen == OPERATION_TOO_OLD)
        ret->code = ERR_OUTCOME_UNKNOWN;
    return 0;
}

/* Both passes stop at the first item that says no. */
static int check_entry(struct apply *a, const struct journal_entry *e, struct apply_outcome *ret, struct err *err)
{
    struct entry_reader r;
    struct entry_item item;
    int rc;
    *ret = (struct apply_outcome){0};
    TRY(entry_read(&r, e->data, e->len, err));
    while ((rc = entry_next(&r, &item, err)) > 0 && ret->code == ERR_OK && !ret->is_replay) {
        if (item.kind == ITEM_OPERATION)
            TRY(check_operation(a, &item, ret, err));
        else
            TRY(guard_check(a, &item, &ret->code, err));
        if (item.kind == ITEM_PUT_DENTRY && ret->code != ERR_OK && is_made_before(e, &r, item.u[0]))
            ret->code = ERR_OK;
    }
    if (ret->is_replay)
        ret->code = ERR_OK;
    return rc < 0 ? rc : 0;
}

static int run_entry(struct apply *a, const struct journal_entry *e, struct err *err)
{
    struct entry_reader r;
    struct entry_item item;
    int rc;
    TRY(entry_read(&r, e->data, e->len, err));
    a->kind = r.kind;
    if (r.time_ms > a->state.time_ms)
        a->state.time_ms = r.time_ms;
    while ((rc = entry_next(&r, &item, err)) > 0) {
        if (item.kind == ITEM_OPERATION)
            TRY(operations_add(a->operations, item.u[0], item.u[1], err));
        else if (!ITEM_IS_GUARD(item.kind))
            TRY(effect_run(a, &item, err));
    }
    return rc;
}

static int run_all(struct apply *a, const struct journal_entry *entries, size_t n, struct apply_outcome *outcomes, struct err *err)
{
    for (size_t i = 0; i < n; i++) {
        a->index = entries[i].index;
        a->now = entries[i].index << 16 | entries[i].position;
        TRY(check_entry(a, &entries[i], &outcomes[i], err));
        if (outcomes[i].code == ERR_OK && !outcomes[i].is_replay)
            TRY(run_entry(a, &entries[i], err));
    }
    a->state.applied = (int64_t)entries[n - 1].index;
    count_all(a);
    view_publish(&a->view, entries[n - 1].index);
    return 0;
}

static int run_kept(struct apply *a, struct err *err)
{
    int rc = 0;
    struct cache *cache = steal(&a->view.cache);
    for (const struct kept *k = a->kept; k && rc == 0; k = k->next) {
        AUTO_FREE struct apply_outcome *known = xcalloc(k->count, sizeof *known);
        rc = run_all(a, k->entries, k->count, known, err);
    }
    a->view.cache = cache;
    forget_events(a);
    return rc;
}

static int open_transaction(struct apply *a, struct err *err)
{
    if (a->is_open)
        return 0;
    TRY(db_run(a->db, Q_BEGIN_WRITE, err, ""));
    a->is_open = true;
    return run_kept(a, err);
}

/* Keeps what came before this batch, to be done again. */
static void lose(struct apply *a)
{
    if (!sqlite3_get_autocommit(a->db->h) && db_run(a->db, Q_ROLLBACK, NULL, "") < 0)
        a->index = 0; /* the connection is of no use any more; closing it rolls back */
    a->is_open = false;
    a->state = a->before;
    operations_forget(a->operations);
    forget_events(a);
    view_reset(&a->view);
}

int apply_batch(struct apply *a, const struct journal_entry *entries, size_t n, struct apply_outcome *outcomes, struct err *err)
{
    if (!n)
        return 0;
    forget_events(a);
    int rc = open_transaction(a, err);
    if (rc == 0)
        rc = run_all(a, entries, n, outcomes, err);
    if (rc < 0) {
        lose(a);
        return rc;
    }
    keep(a, entries, n);
    return 0;
}

static int write_all(struct apply *a, struct err *err)
{
    TRY(open_transaction(a, err));
    TRY(view_write(&a->view, err));
    TRY(operations_write(a->operations, err));
    TRY(write_state(a, err));
    FAULT("meta.before_commit");
    TRY(db_run(a->db, Q_COMMIT, err, ""));
    FAULT("meta.after_commit");
    return 0;
}

/* Rows that lie close together share pages: as many as PAGES hold, going by this transaction. */
static void set_due(struct apply *a)
{
    int pages = 0, unused;
    size_t rows = a->view.inode_count + a->view.dentry_count;
    sqlite3_db_status(a->db->h, SQLITE_DBSTATUS_CACHE_WRITE, &pages, &unused, true);
    rows = pages ? rows * PAGES / (size_t)pages : ROWS_MAX;
    a->rows_due = rows < ROWS_MIN ? ROWS_MIN : rows > ROWS_MAX ? ROWS_MAX : rows;
}

int apply_commit(struct apply *a, struct err *err)
{
    if (!a->kept)
        return 0;
    int rc = write_all(a, err);
    if (rc < 0) {
        lose(a);
        return rc;
    }
    a->is_open = false;
    set_due(a);
    forget_kept(a);
    view_reset(&a->view);
    a->before = a->state;
    return 0;
}

bool apply_is_due(const struct apply *a)
{
    return a->view.inode_count + a->view.dentry_count >= a->rows_due || a->kept_bytes >= KEPT_MAX;
}
