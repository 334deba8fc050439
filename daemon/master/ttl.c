/* SPDX-License-Identifier: Apache-2.0
 *
 * ttl: see the header.  Threads: pool, one run at a time is queued.
 */
#include "master/ttl.h"

#include "base/clock.h"
#include "base/log.h"
#include "master/op.h"

#define BATCH 256
#define RETRY_MS 300000 /* an expired one that cannot go now stands at the end of the queue for so long */

static int move_mark(struct master *m, const struct mark *mark, int64_t to_ms, struct err *err)
{
    struct call call = call_system("ttl", clock_mono_ms() + 30000, NULL);
    AUTO(entry) e;
    entry_init(&e, ENTRY_TTL, call.now_ms);
    entry_remove_mark(&e, MARK_TTL, mark->when_ms, mark->ino);
    if (to_ms) {
        entry_guard_inode(&e, mark->ino, 0, 0);
        entry_put_mark(&e, MARK_TTL, to_ms, mark->ino);
    }
    return meta_propose(m->meta, &call, &e, err);
}

/* Drops the cached bytes, then pin, TTL and replication go. */
static int expire_free(struct master *m, const struct call *call, const char *path, struct err *err)
{
    TRY(op_free(m, call, path, true, true, err));
    struct attr_change c = {.mode = -1,
                            .set_ttl = true,
                            .ttl_ms = -1,
                            .ttl_action = TTL_FREE,
                            .pinned = 0,
                            .replication_min = 0,
                            .replication_max = INT64_MIN};
    return op_set_attr(m, call, path, &c, err);
}

static int expire(struct master *m, const struct inode *i, struct err *err)
{
    struct call call = call_system("ttl", clock_mono_ms() + 60000, NULL);
    AUTO(buf) path;
    buf_init(&path, PATH_MAX_BYTES + 1);
    TRY(meta_path(m->meta, i->ino, &path, err));
    if (i->ttl_action == TTL_FREE)
        return expire_free(m, &call, buf_str(&path), err);
    struct remove_options o = {.is_recursive = true, .unchecked = true, .only_here = i->ttl_action == TTL_DELETE_ALLUXIO};
    return op_remove(m, &call, buf_str(&path), &o, err);
}

static int one(struct master *m, const struct mark *mark, int64_t now_ms, struct err *err)
{
    struct inode i;
    int rc = meta_inode(m->meta, mark->ino, &i, err);
    if (rc && rc != -ERR_NOT_FOUND)
        return rc;
    bool is_due = !rc && !(i.flags & INODE_DETACHED) && i.ttl_ms >= 0 && i.ctime_ms + i.ttl_ms <= now_ms;
    if (!is_due)
        return move_mark(m, mark, 0, err);
    rc = expire(m, &i, err);
    if (rc == -ERR_NOT_FOUND) /* below a removed directory: reclaim takes the mark with the inode */
        return move_mark(m, mark, 0, err);
    if (!rc && mark->when_ms != i.ctime_ms + i.ttl_ms) /* one that had been put off */
        return move_mark(m, mark, 0, err);
    return rc;
}

void ttl_run(void *master)
{
    struct master *m = master;
    struct mark marks[BATCH];
    struct err err;
    unsigned failed = 0;
    int n;
    __atomic_store_n(&m->ttl_queued, false, __ATOMIC_RELEASE);
    do {
        int64_t now_ms = clock_wall_ms();
        n = meta_marks(m->meta, MARK_TTL, now_ms, marks, BATCH, &err);
        for (int i = 0; i < n && !__atomic_load_n(&m->is_stopping, __ATOMIC_ACQUIRE); i++) {
            if (!one(m, &marks[i], now_ms, &err))
                continue;
            if (!failed++)
                log_warn(master, "an expired path could not be handled, trying again in %d s: %s", RETRY_MS / 1000, err.text);
            if (move_mark(m, &marks[i], now_ms + RETRY_MS, &err))
                n = 0; /* the journal does not take entries: the next tick */
        }
    } while (n == BATCH && !__atomic_load_n(&m->is_stopping, __ATOMIC_ACQUIRE));
}
