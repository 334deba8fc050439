/* SPDX-License-Identifier: Apache-2.0
 *
 * checkpoint: see the header.  A PASSIVE run never catches a busy writer, so when one is done and the WAL is
 * above the hard limit, changes stop, the short rest is copied, and the WAL restarts.  A run syncs both files
 * beside the journal's writes, so there is one for each STEP of the WAL, not one for each commit above it.
 *
 *   idle ──grew by STEP, or asked──▶ passive ──below HARD, not asked──▶ idle
 *                                         └── stop ──▶ restart ──▶ go on ──▶ idle
 */
#include "meta/checkpoint.h"

#include "base/clock.h"
#include "base/fault.h"
#include "base/file_util.h"
#include "base/lock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/thread.h"

#include <stdatomic.h>

#define WAL_STEP (64ull << 20)
#define WAL_HARD (256ull << 20)
#define RESTART_BUSY_MS 50
#define WATCH_MS 500

struct checkpoint {
    /* fixed after start */
    char *dir;
    struct checkpoint_client client;
    uint64_t reserve_bytes;
    struct thread thread;
    struct lock lock;
    struct cond changed;
    /* under lock */
    bool is_ending;
    uint64_t asked, done; /* forced runs; `failed` is the outcome of the last */
    struct err failed;
    /* any thread */
    _Atomic uint64_t wal_bytes, due_bytes; /* now; when the next run is due */
    atomic_bool is_due, has_room;
    /* checkpointer only */
    struct db db;
};

static int run(struct checkpoint *c, int mode, struct err *err)
{
    int frames = 0, copied = 0;
    FAULT("meta.before_checkpoint");
    int rc = sqlite3_wal_checkpoint_v2(c->db.h, NULL, mode, &frames, &copied);
    FAULT("meta.after_checkpoint");
    if (rc == SQLITE_BUSY)
        return 1;
    return rc == SQLITE_OK ? 0 : db_error(&c->db, "checkpoint", err);
}

static int checkpoint_once(struct checkpoint *c, bool is_forced, struct err *err)
{
    atomic_store(&c->due_bytes, atomic_load(&c->wal_bytes) + WAL_STEP);
    TRY(run(c, SQLITE_CHECKPOINT_PASSIVE, err));
    if (!is_forced && atomic_load(&c->wal_bytes) < WAL_HARD)
        return 0;
    TRY(c->client.stop_changes(c->client.arg, err));
    int rc = run(c, SQLITE_CHECKPOINT_RESTART, err);
    c->client.go_on(c->client.arg);
    return rc;
}

static void watch_room(struct checkpoint *c)
{
    uint64_t left = UINT64_MAX;
    if (file_free_bytes(c->dir, &left, NULL) == 0)
        atomic_store(&c->has_room, left >= c->reserve_bytes);
}

/* True when there is something to copy. */
static bool wait_for_work(struct checkpoint *c, uint64_t *ret_asked, bool *ret_forced)
{
    LOCK_SCOPE(&c->lock);
    int64_t until = clock_mono_ms() + WATCH_MS;
    while (!c->is_ending && c->asked == c->done && !atomic_load(&c->is_due) && !clock_is_past(until))
        cond_wait(&c->changed, &c->lock, until);
    *ret_asked = c->asked;
    *ret_forced = c->asked != c->done;
    return !c->is_ending && (c->asked != c->done || atomic_load(&c->is_due));
}

static void finish(struct checkpoint *c, uint64_t asked, int rc, const struct err *why)
{
    LOCK_SCOPE(&c->lock);
    c->failed = (struct err){0};
    if (rc < 0)
        c->failed = *why;
    else if (rc == 1 && c->asked != c->done)
        err_set(&c->failed, ERR_UNAVAILABLE, "readers keep the metadata's write-ahead log in use");
    c->done = asked;
    cond_wake_all(&c->changed);
}

static bool is_ending(struct checkpoint *c)
{
    LOCK_SCOPE(&c->lock);
    return c->is_ending;
}

static void checkpoint_run(void *arg)
{
    struct checkpoint *c = arg;
    while (!is_ending(c)) {
        uint64_t asked;
        struct err err = {0};
        bool is_forced, is_due = wait_for_work(c, &asked, &is_forced);
        watch_room(c);
        if (!is_due)
            continue;
        atomic_store(&c->is_due, false);
        int rc = checkpoint_once(c, is_forced, &err);
        if (rc < 0)
            log_warn(meta, "a checkpoint of the metadata failed, trying again: %s", err.text);
        finish(c, asked, rc, &err);
    }
}

int checkpoint_start(const char *dir, const char *path, uint64_t reserve_bytes, const struct checkpoint_client *client,
                     struct checkpoint **ret, struct err *err)
{
    struct checkpoint *c = xnew(struct checkpoint);
    int rc = db_open(&c->db, path, true, 1 << 20, err);
    if (rc < 0) {
        free(c);
        return rc;
    }
    sqlite3_busy_timeout(c->db.h, RESTART_BUSY_MS);
    c->dir = xstrdup(dir);
    c->client = *client;
    c->reserve_bytes = reserve_bytes;
    atomic_store(&c->has_room, true);
    atomic_store(&c->due_bytes, WAL_STEP);
    watch_room(c);
    lock_init(&c->lock, RANK_META_INNER);
    cond_init(&c->changed);
    thread_start(&c->thread, "meta-checkpoint", checkpoint_run, c);
    *ret = c;
    return 0;
}

void checkpoint_stop(struct checkpoint *c)
{
    if (!c)
        return;
    lock_take(&c->lock);
    c->is_ending = true;
    cond_wake_all(&c->changed);
    lock_drop(&c->lock);
    thread_join(&c->thread);
    db_close(&c->db);
    cond_done(&c->changed);
    lock_done(&c->lock);
    free(c->dir);
    free(c);
}

void checkpoint_grew(struct checkpoint *c, uint64_t wal_bytes)
{
    if (wal_bytes < atomic_exchange(&c->wal_bytes, wal_bytes)) /* it started anew */
        atomic_store(&c->due_bytes, WAL_STEP);
    if (wal_bytes < atomic_load(&c->due_bytes) || atomic_exchange(&c->is_due, true))
        return;
    LOCK_SCOPE(&c->lock);
    cond_wake_all(&c->changed);
}

int checkpoint_now(struct checkpoint *c, int64_t deadline_ms, struct err *err)
{
    LOCK_SCOPE(&c->lock);
    uint64_t mine = ++c->asked;
    cond_wake_all(&c->changed);
    while (c->done < mine && !c->is_ending)
        if (!cond_wait(&c->changed, &c->lock, deadline_ms) && clock_is_past(deadline_ms))
            return err_set(err, ERR_TIMEOUT, "the checkpoint of the metadata was not done in time");
    if (c->failed.code != ERR_OK)
        return err_set(err, c->failed.code, "%s", c->failed.text);
    return 0;
}

bool checkpoint_has_room(const struct checkpoint *c)
{
    return atomic_load(&c->has_room);
}

uint64_t checkpoint_wal_bytes(const struct checkpoint *c)
{
    return atomic_load(&c->wal_bytes);
}
