/* SPDX-License-Identifier: Apache-2.0
 *
 * master: makes the parts, wires them, starts and stops them, and fills the tables.  Knows no operation.
 *
 *   new → (listeners may come) → start: mounts, path settings, intents, sync, persist, mover; pool → stop: in reverse → free
 * Threads: new, start, stop, free: one; the rest any.
 */
#include "master/op.h"
#include "master/pins.h"
#include "master/reclaim.h"
#include "master/tasks.h"
#include "master/ttl.h"

#include "base/log.h"

#define POOL_THREADS 3
#define POOL_QUEUE 256

static void fill_api(struct master *m)
{
    m->meta_api = (struct meta_api){
        .impl = m,
        .stat = op_stat,
        .list = op_list,
        .usage = op_usage,
        .get_acl = op_get_acl,
        .get_xattr = op_get_xattr,
        .list_xattr = op_list_xattr,
        .read_link = op_read_link,
        .by_id = op_by_id,
        .access = op_access,
        .mkdir = op_mkdir,
        .create = op_create,
        .write_begin = op_write_begin,
        .write_commit = op_write_commit,
        .write_abort = op_write_abort,
        .rename = op_rename,
        .remove = op_remove,
        .set_attr = op_set_attr,
        .set_acl = op_set_acl,
        .symlink = op_symlink,
        .free = op_free,
        .persist = op_persist,
        .load_metadata = op_load_metadata,
        .check_consistency = op_check_consistency,
        .content_changed = op_content_changed,
        .content_lost = op_content_lost,
        .contents_live = op_contents_live,
        .path_conf_set = path_conf_set,
        .path_conf_list = path_conf_list,
    };
}

static void fill_defaults(struct master_options *o)
{
    o->block_size = o->block_size ? o->block_size : 64u << 20;
    o->write_type = o->write_type ? o->write_type : WRITE_CACHE_THROUGH;
    o->read_type = o->read_type ? o->read_type : READ_CACHE;
    o->store_timeout_ms = o->store_timeout_ms ? o->store_timeout_ms : 30000;
    o->persist_retry_max_ms = o->persist_retry_max_ms ? o->persist_retry_max_ms : 300000;
}

struct master *master_new(const struct master_options *o)
{
    struct master *m = xnew(struct master);
    m->options = *o;
    fill_defaults(&m->options);
    m->supergroup = xstrdup(o->supergroup ? o->supergroup : "");
    m->options.supergroup = m->supergroup;
    if (o->key)
        m->key = *o->key;
    m->options.key = &m->key;
    m->data = o->data;
    lock_init(&m->lane, RANK_MASTER);
    cond_init(&m->lane_free);
    lock_init(&m->gone_lock, RANK_LEAF);
    lock_init(&m->gate, RANK_MASTER_GATE);
    fill_api(m);
    return m;
}

/* ---- background work ---- */

static bool is_started(struct master *m)
{
    return __atomic_load_n(&m->is_started, __ATOMIC_ACQUIRE);
}

/* True: the parts stay until leave. */
static bool enter(struct master *m)
{
    if (!is_started(m))
        return false;
    lock_take(&m->gate);
    if (is_started(m))
        return true;
    lock_drop(&m->gate);
    return false;
}

static void leave(struct master *m)
{
    lock_drop(&m->gate);
}

/* At most one waiting in the pool's queue for each flag. Between enter and leave. */
static void submit_once(struct master *m, bool *queued, void (*run)(void *arg))
{
    if (__atomic_exchange_n(queued, true, __ATOMIC_ACQ_REL))
        return;
    if (pool_submit(m->pool, run, m, NULL))
        __atomic_store_n(queued, false, __ATOMIC_RELEASE); /* the next tick brings it again */
}

static void drop_gone(void *arg)
{
    struct master *m = arg;
    content_id *gone;
    size_t n;
    __atomic_store_n(&m->drop_queued, false, __ATOMIC_RELEASE);
    lock_take(&m->gone_lock);
    gone = steal(&m->gone);
    n = m->gone_n;
    m->gone_n = m->gone_cap = 0;
    lock_drop(&m->gone_lock);
    for (size_t i = 0; i < n; i++)
        m->data->drop(m->data->impl, gone[i], true);
    free(gone);
}

static void trim(void *arg)
{
    struct master *m = arg;
    __atomic_store_n(&m->trim_queued, false, __ATOMIC_RELEASE);
    replay_trim(m->meta);
    tasks_run_waiting(m->tasks);
}

void master_on_record_changed(void *master, enum record_kind kind, const char *key, uint64_t index)
{
    struct master *m = master;
    if (!enter(m))
        return;
    mounts_on_record_changed(m->mounts, kind, key, index);
    path_conf_on_record_changed(m->path_conf, kind);
    mover_on_record_changed(m->mover, kind, key);
    leave(m);
}

void master_on_content_gone(void *master, content_id cid)
{
    struct master *m = master;
    if (!cid || !m->data || !enter(m))
        return; /* before the start: adoption asks contents_live */
    lock_take(&m->gone_lock);
    if (m->gone_n == m->gone_cap) {
        m->gone_cap = m->gone_cap ? 2 * m->gone_cap : 64;
        m->gone = xrealloc(m->gone, m->gone_cap * sizeof *m->gone);
    }
    m->gone[m->gone_n++] = cid;
    lock_drop(&m->gone_lock);
    submit_once(m, &m->drop_queued, drop_gone);
    leave(m);
}

void master_on_marked(void *master, enum mark_kind kind)
{
    struct master *m = master;
    if (!enter(m))
        return;
    persist_on_marked(m->persist, kind);
    if (kind == MARK_RECLAIM)
        submit_once(m, &m->reclaim_queued, reclaim_run);
    leave(m);
}

void master_tick_ttl(void *master)
{
    struct master *m = master;
    if (!enter(m))
        return;
    submit_once(m, &m->ttl_queued, ttl_run);
    leave(m);
}

void master_tick_chores(void *master)
{
    struct master *m = master;
    if (!enter(m))
        return;
    submit_once(m, &m->reclaim_queued, reclaim_run);
    submit_once(m, &m->trim_queued, trim);
    if (m->data)
        submit_once(m, &m->drop_queued, drop_gone);
    leave(m);
}

/* ---- start and stop ---- */

struct recovering {
    struct master *m;
    const struct intent *intent;
};

static int born(void *arg, const struct inode *dir, struct inode *i, struct buf *ret_acl, struct err *err)
{
    const struct recovering *r = arg;
    return birth_recover(r->m, &r->intent->birth, dir, i, ret_acl, err);
}

static int resync(void *arg, const struct call *call, const struct intent *i, const char *key, struct err *err)
{
    struct master *m = arg;
    struct recovering r = {m, i};
    struct sync_mine mine = {.born = i->birth.is_known ? born : NULL, .arg = &r};
    return sync_key(m->sync, call, i->mount, key, &mine, err);
}

static int hold(void *arg, const struct call *call, mount_id id, struct err *err)
{
    struct master *m = arg;
    return intents_hold(m->intents, call, id, err);
}

static void let_go(void *arg, mount_id id)
{
    struct master *m = arg;
    intents_let_go(m->intents, id);
}

static int open_parts(struct master *m, struct err *err)
{
    const struct master_options *o = &m->options;
    struct mounts_options mounts = {.meta = m->meta,
                                    .key = &m->key,
                                    .store_timeout_ms = o->store_timeout_ms,
                                    .detach = op_detach,
                                    .detach_arg = m,
                                    .hold = hold,
                                    .let_go = let_go};
    TRY(mounts_open(&mounts, &m->mounts, err));
    mounts_fill_api(m->mounts, &m->mount_api, &m->store_api);
    struct intents_options intents = {.meta = m->meta, .mounts = m->mounts, .resync = resync, .resync_arg = m};
    m->path_conf = path_conf_new(m->meta);
    TRY(intents_open(&intents, &m->intents, err));
    return 0;
}

static void make_workers(struct master *m)
{
    const struct master_options *o = &m->options;
    struct sync_options sync = {
        .meta = m->meta, .mounts = m->mounts, .intents = m->intents, .threads = o->sync_threads, .block_size = o->block_size};
    m->sync = sync_new(&sync);
    struct persist_options persist = {.meta = m->meta,
                                      .mounts = m->mounts,
                                      .intents = m->intents,
                                      .data = m->data,
                                      .threads = o->persist_threads,
                                      .retry_max_ms = o->persist_retry_max_ms,
                                      .key_of = keys_of_inode,
                                      .key_arg = m};
    m->persist = persist_new(&persist);
    struct mover_options mover = {.meta = m->meta, .mounts = m->mounts, .intents = m->intents};
    m->mover = mover_new(&mover);
    m->pool = pool_new("master", POOL_THREADS, POOL_QUEUE);
    m->tasks = tasks_new(m);
}

/* What listeners do not touch goes first; the rest when no listener can come any more. */
static void close_inner(struct master *m)
{
    tasks_free(steal(&m->tasks));
    sync_free(steal(&m->sync));
}

static void close_outer(struct master *m)
{
    mover_free(steal(&m->mover));
    persist_free(steal(&m->persist));
    intents_close(steal(&m->intents));
    path_conf_free(steal(&m->path_conf));
    mounts_close(steal(&m->mounts));
}

int master_start(struct master *m, struct meta *meta, struct err *err)
{
    m->meta = meta;
    int rc = open_parts(m, err);
    if (!rc)
        make_workers(m);
    if (!rc)
        rc = tasks_resume(m->tasks, err);
    if (rc) {
        if (m->pool)
            pool_free(steal(&m->pool));
        close_inner(m);
        close_outer(m);
        return rc;
    }
    __atomic_store_n(&m->is_started, true, __ATOMIC_RELEASE);
    intents_start(m->intents);
    persist_start(m->persist);
    mover_start(m->mover);
    master_tick_chores(m);
    if (m->data && pool_submit(m->pool, pins_tell_all, m, NULL))
        log_warn(master, "pins reach the cache when files are read");
    return 0;
}

void master_stop(struct master *m)
{
    if (!is_started(m))
        return;
    __atomic_store_n(&m->is_stopping, true, __ATOMIC_RELEASE);
    mover_stop(m->mover);
    persist_stop(m->persist);
    intents_stop(m->intents);
    lock_take(&m->gate);
    __atomic_store_n(&m->is_started, false, __ATOMIC_RELEASE);
    lock_drop(&m->gate);
    pool_free(steal(&m->pool));
    close_inner(m);
}

void master_free(struct master *m)
{
    if (!m)
        return;
    close_outer(m);
    lock_done(&m->lane);
    cond_done(&m->lane_free);
    lock_done(&m->gone_lock);
    lock_done(&m->gate);
    free(m->gone);
    free(m->supergroup);
    free(m);
}

/* ---- what the layers above hold ---- */

const struct meta_api *master_meta_api(struct master *m)
{
    return &m->meta_api;
}

const struct mount_api *master_mount_api(struct master *m)
{
    return &m->mount_api;
}

const struct store_api *master_store_api(struct master *m)
{
    return &m->store_api;
}

struct meta *master_meta(struct master *m)
{
    return m->meta;
}

struct mounts *master_mounts(struct master *m)
{
    return m->mounts;
}

struct intents *master_intents(struct master *m)
{
    return m->intents;
}

struct sync *master_sync(struct master *m)
{
    return m->sync;
}

int master_tasks(struct master *m, int (*each)(void *arg, const struct task_info *), void *arg)
{
    int rc = tasks_list(m->tasks, each, arg);
    if (!rc)
        rc = reclaim_tasks(m, each, arg);
    if (!rc)
        rc = mover_tasks(m->mover, each, arg);
    return rc ? rc : persist_tasks(m->persist, each, arg);
}
