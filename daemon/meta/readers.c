/* SPDX-License-Identifier: Apache-2.0
 *
 * readers: see the header.  Idle connections are a stack, so that those with a warm cache are used first.
 */
#include "meta/readers.h"

#include "base/clock.h"
#include "base/lock.h"
#include "base/mem.h"

struct readers {
    struct lock lock;
    struct cond given;
    /* fixed after open */
    struct db *all;
    unsigned count;
    /* under lock */
    struct db **idle;
    unsigned idle_count;
};

int readers_open(const char *path, unsigned count, uint64_t cache_bytes, struct readers **ret, struct err *err)
{
    struct readers *r = xnew(struct readers);
    lock_init(&r->lock, RANK_META);
    cond_init(&r->given);
    r->all = xcalloc(count, sizeof *r->all);
    r->idle = xcalloc(count, sizeof(struct db *));
    for (; r->count < count; r->count++) {
        int rc = db_open(&r->all[r->count], path, false, cache_bytes / count, err);
        if (rc < 0) {
            readers_close(r);
            return rc;
        }
        r->idle[r->idle_count++] = &r->all[r->count];
    }
    *ret = r;
    return 0;
}

void readers_close(struct readers *r)
{
    if (!r)
        return;
    for (unsigned i = 0; i < r->count; i++)
        db_close(&r->all[i]);
    free(r->all);
    free(r->idle);
    cond_done(&r->given);
    lock_done(&r->lock);
    free(r);
}

int readers_take(struct readers *r, struct db **ret, struct err *err)
{
    int64_t deadline = clock_mono_ms() + READ_WAIT_MS;
    LOCK_SCOPE(&r->lock);
    while (!r->idle_count)
        if (!cond_wait(&r->given, &r->lock, deadline) && clock_is_past(deadline))
            return err_set(err, ERR_UNAVAILABLE, "all read connections to the metadata are in use");
    *ret = r->idle[--r->idle_count];
    return 0;
}

void readers_give(struct readers *r, struct db *db)
{
    if (!sqlite3_get_autocommit(db->h) && db_run(db, Q_COMMIT, NULL, "") < 0)
        sqlite3_exec(db->h, "ROLLBACK", NULL, NULL, NULL);
    LOCK_SCOPE(&r->lock);
    r->idle[r->idle_count++] = db;
    cond_wake_one(&r->given);
}

static int begin(struct db *db, uint64_t *ret_index, struct err *err)
{
    sqlite3_stmt *s;
    TRY(db_run(db, Q_BEGIN_READ, err, ""));
    TRY(db_bind(db, Q_APPLIED, &s, err, ""));
    int rc = db_step(db, s, err);
    if (rc == 1)
        *ret_index = (uint64_t)sqlite3_column_int64(s, 0);
    else if (rc == 0)
        rc = err_set(err, ERR_CORRUPT, "the metadata database has no index");
    sqlite3_reset(s);
    return rc < 0 ? rc : 0;
}

int readers_begin(struct readers *r, struct db **ret, uint64_t *ret_index, struct err *err)
{
    struct db *db;
    TRY(readers_take(r, &db, err));
    int rc = begin(db, ret_index, err);
    if (rc < 0) {
        readers_give(r, db);
        return rc;
    }
    *ret = db;
    return 0;
}
