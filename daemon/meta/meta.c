/* SPDX-License-Identifier: Apache-2.0
 *
 * meta: format, open and close: the database, the cache, the readers, the checkpointer, then the journal,
 * which delivers what the database lacks.  Threads: one opens and closes.
 */
#include "meta/meta_parts.h"

#include "base/clock.h"
#include "base/crypto.h"
#include "base/file_util.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BASE_FIRST 1      /* index of what format writes; the log continues after it */
#define FIRST_FREE_ID 16
#define NODE_ID 1
#define FRAME_HEADER_BYTES 24 /* before each page of a WAL: sqlite.org/fileformat2.html#walformat */
#define RESERVE_MIN (64u << 20)

char *meta_db_path(const char *dir)
{
    return xasprintf("%s/meta.db", dir);
}

/* ---- what the state says of its log ---- */

static int read_id(struct db *db, const char *name, uint8_t to[16], struct err *err)
{
    sqlite3_stmt *s;
    TRY(db_bind(db, Q_STATE_GET, &s, err, "t", name, strlen(name)));
    int rc = db_step(db, s, err);
    if (rc == 1 && sqlite3_column_bytes(s, 0) == 16)
        memcpy(to, sqlite3_column_blob(s, 0), 16);
    else if (rc >= 0)
        rc = err_set(err, ERR_CORRUPT, "the metadata database does not say its %s", name);
    sqlite3_reset(s);
    return rc < 0 ? rc : 0;
}

static int log_options(struct db *db, const struct meta_options *o, struct journal_options *ret, struct err *err)
{
    int64_t applied, base, incarnation;
    TRY(db_state_get(db, "applied", &applied, err));
    TRY(db_state_get(db, "base", &base, err));
    TRY(db_state_get(db, "incarnation", &incarnation, err));
    *ret = (struct journal_options){
        .dir = o->journal_dir,
        .node_id = NODE_ID,
        .address = o->address,
        .applied = (uint64_t)applied,
        .durable = (uint64_t)applied,
        .base = (uint64_t)base,
        .incarnation = (uint64_t)incarnation,
        .reserve_bytes = o->journal_reserve_bytes,
    };
    return read_id(db, "log_id", ret->log_id, err);
}

static int read_identity(struct db *db, struct meta_identity *ret, struct err *err)
{
    uint8_t cluster[16];
    int64_t incarnation, first_id;
    TRY(read_id(db, "cluster", cluster, err));
    TRY(db_state_get(db, "incarnation", &incarnation, err));
    TRY(db_state_get(db, "first_id", &first_id, err));
    text_hex(cluster, sizeof cluster, ret->cluster);
    ret->incarnation = (uint64_t)incarnation;
    ret->first_id = (uint64_t)first_id;
    return 0;
}

void meta_identity(struct meta *m, struct meta_identity *ret)
{
    *ret = m->identity;
}

int meta_new_log(struct db *db, int64_t base, int64_t incarnation, struct err *err)
{
    uint8_t id[16];
    crypto_random(id, sizeof id);
    TRY(db_run(db, Q_STATE_PUT, err, "tb", "log_id", strlen("log_id"), id, sizeof id));
    TRY(db_state_put(db, "base", base, err));
    TRY(db_state_put(db, "applied", base, err));
    return db_state_put(db, "incarnation", incarnation, err);
}

/* ---- format ---- */

static void first_entry(struct entry *e, const char *owner, const char *group)
{
    int64_t now = clock_wall_ms();
    struct inode root = {.ino = INODE_ROOT,
                         .type = INODE_DIRECTORY,
                         .nlink = 1,
                         .mode = 0755,
                         .owner = 1,
                         .group = strcmp(owner, group) == 0 ? 1 : 2,
                         .ctime_ms = now,
                         .mtime_ms = now,
                         .atime_ms = now,
                         .persistence = PERSIST_DONE,
                         .flags = INODE_COMPLETED,
                         .ttl_ms = -1,
                         .replication_max = -1};
    entry_init(e, ENTRY_FORMAT, now);
    entry_put_principal(e, 1, owner);
    if (root.group == 2)
        entry_put_principal(e, 2, group);
    entry_put_inode(e, &root);
    entry_reserve_ids(e, FIRST_FREE_ID);
}

static int apply_first(struct db *db, const struct entry *root, const struct entry *first, struct err *err)
{
    struct apply a;
    struct apply_outcome out[2] = {{0}, {0}};
    struct journal_entry entries[2] = {
        {.index = BASE_FIRST, .position = 0, .data = root->bytes.data, .len = root->bytes.len, .is_last = !first},
    };
    if (first)
        entries[1] = (struct journal_entry){
            .index = BASE_FIRST, .position = 1, .data = first->bytes.data, .len = first->bytes.len, .is_last = true};
    int rc = apply_init(&a, db, NULL, err);
    if (rc == 0)
        rc = apply_batch(&a, entries, first ? 2 : 1, out, err);
    if (rc == 0)
        rc = apply_commit(&a, err);
    apply_done(&a);
    if (rc == 0 && out[1].code != ERR_OK)
        rc = err_set(err, out[1].code, "the first records were refused: %s", err_sentence(out[1].code));
    return rc;
}

static int fill_new(const char *path, const char *owner, const char *group, struct entry *first, struct err *err)
{
    struct db db;
    uint8_t cluster[16];
    AUTO(entry) root = {0};
    TRY(db_create(path, err));
    TRY(db_open(&db, path, true, 4 << 20, err));
    first_entry(&root, owner, group);
    crypto_random(cluster, sizeof cluster);
    int rc = db_run(&db, Q_STATE_PUT, err, "tb", "cluster", strlen("cluster"), cluster, sizeof cluster);
    if (rc == 0)
        rc = db_state_put(&db, "first_id", FIRST_FREE_ID, err);
    if (rc == 0)
        rc = meta_new_log(&db, BASE_FIRST, clock_wall_ms(), err);
    if (rc == 0)
        rc = apply_first(&db, &root, first, err);
    db_close(&db);
    return rc;
}

void meta_remove_db(const char *path)
{
    static const char *const ends[] = {"", "-wal", "-shm"};
    for (size_t i = 0; i < array_len(ends); i++) {
        AUTO_FREE char *name = xasprintf("%s%s", path, ends[i]);
        unlink(name);
    }
}

/* Makes the log that the database names, when the database has not seen an entry of it yet. */
static int make_log(struct db *db, const struct meta_options *o, struct err *err)
{
    struct journal_options jo;
    TRY(log_options(db, o, &jo, err));
    if (jo.applied != jo.base)
        return 0;
    return journal_format(&jo, err);
}

/* A crash between the two leaves a database without a log: meta_open makes it. */
int meta_install(const char *from, const struct meta_options *o, struct err *err)
{
    struct db db;
    AUTO_FREE char *path = meta_db_path(o->dir);
    if (rename(from, path) < 0)
        return err_set_errno(err, ERR_OK, errno, "cannot rename '%s' to '%s'", from, path);
    TRY(file_sync_dir(o->dir, err));
    TRY(db_open(&db, path, true, 1 << 20, err));
    int rc = make_log(&db, o, err);
    db_close(&db);
    if (rc < 0)
        meta_remove_db(path);
    return rc;
}

int meta_format(const struct meta_options *o, const char *owner, const char *group, struct entry *first, struct err *err)
{
    AUTO_FREE char *path = meta_db_path(o->dir);
    AUTO_FREE char *fresh = xasprintf("%s.new", path);
    if (first)
        TRY(buf_check(&first->bytes, "first entry", err));
    if (access(path, F_OK) == 0)
        return err_set(err, ERR_ALREADY_EXISTS, "there is a metadata database '%s' already", path);
    TRY(file_mkdirs(o->dir, 0700, err));
    meta_remove_db(fresh);
    TRY(fill_new(fresh, owner, group, first, err));
    return meta_install(fresh, o, err);
}

/* ---- open ---- */

static int wal_grew(void *arg, sqlite3 *h, const char *name, int pages)
{
    struct meta *m = arg;
    (void)h, (void)name;
    checkpoint_grew(m->checkpoint, (uint64_t)pages * (m->db.page_bytes + FRAME_HEADER_BYTES));
    return SQLITE_OK;
}

static int commit_full(struct meta *m, struct err *err)
{
    TRY(db_pragma(&m->db, "PRAGMA synchronous=FULL", err));
    int rc = db_state_put(&m->db, "durable", m->apply.state.applied, err);
    TRY(db_pragma(&m->db, "PRAGMA synchronous=NORMAL", err));
    return rc;
}

/* Everything before this commit is in the WAL before it, and its fsync covers both. */
static int make_durable(void *arg, uint64_t *ret_index, struct err *err)
{
    struct meta *m = arg;
    turn_take(m);
    int rc = turn_commit(m, err);
    if (rc == 0)
        rc = commit_full(m, err);
    *ret_index = (uint64_t)m->apply.state.applied;
    turn_give(m);
    return rc;
}

static int stop_changes(void *arg, struct err *err)
{
    struct meta *m = arg;
    turn_take(m);
    int rc = turn_commit(m, err);
    if (rc < 0)
        turn_give(m);
    return rc;
}

static void go_on(void *arg)
{
    turn_give(arg);
}

static int open_parts(struct meta *m, const struct meta_options *o, struct err *err)
{
    uint64_t reserve = o->journal_reserve_bytes > RESERVE_MIN ? o->journal_reserve_bytes : RESERVE_MIN;
    TRY(db_open(&m->db, m->path, true, o->sqlite_cache_bytes / 2, err));
    m->cache = cache_new(o->cache_bytes);
    TRY(apply_init(&m->apply, &m->db, m->cache, err));
    if (!m->apply.state.applied)
        return err_set(err, ERR_CORRUPT, "the metadata database '%s' was not made completely", m->path);
    m->published = m->apply.state;
    atomic_store(&m->applied, (uint64_t)m->apply.state.applied);
    atomic_store(&m->stored, (uint64_t)m->apply.state.applied);
    atomic_store(&m->epoch, (uint64_t)m->apply.state.epoch);
    TRY(principals_load(m->principals, &m->db, err));
    TRY(readers_open(m->path, o->readers ? o->readers : 1, o->sqlite_cache_bytes / 2, &m->readers, err));
    m->feed = feed_new((uint64_t)m->apply.state.applied);
    struct checkpoint_client client = {m, stop_changes, go_on};
    TRY(checkpoint_start(o->dir, m->path, reserve, &client, &m->checkpoint, err));
    sqlite3_wal_hook(m->db.h, wal_grew, m);
    return commit_full(m, err);
}

static int open_journal(struct meta *m, const struct meta_options *o, int64_t deadline_ms, struct err *err)
{
    struct journal_client client = {m, propose_apply, propose_abandoned, make_durable, propose_settle};
    struct journal_options jo;
    int rc = make_log(&m->db, o, err);
    if (rc < 0 && rc != -ERR_ALREADY_EXISTS)
        return rc;
    TRY(log_options(&m->db, o, &jo, err));
    TRY(read_identity(&m->db, &m->identity, err));
    TRY(journal_start(&jo, &client, deadline_ms, &m->journal, err));
    return meta_reserve_ids(m, deadline_ms, err);
}

int meta_open(const struct meta_options *o, const struct meta_listener *l, int64_t deadline_ms, struct meta **ret, struct err *err)
{
    struct meta *m = xnew(struct meta);
    lock_init(&m->lock, RANK_LEAF);
    cond_init(&m->ids_came);
    cond_init(&m->turn);
    m->dir = xstrdup(o->dir);
    m->path = meta_db_path(o->dir);
    m->principals = principals_new();
    m->ranks = ranks_new();
    if (l)
        m->listener = *l;
    int rc = open_parts(m, o, err);
    if (rc == 0)
        rc = open_journal(m, o, deadline_ms, err);
    if (rc < 0) {
        meta_close(m);
        return rc;
    }
    *ret = m;
    return 0;
}

void meta_close(struct meta *m)
{
    if (!m)
        return;
    struct err err = {0};
    if (m->feed)
        feed_end(m->feed);
    lock_take(&m->lock);
    m->is_closing = true;
    cond_wake_all(&m->ids_came);
    lock_drop(&m->lock);
    journal_stop(m->journal);
    if (turn_commit(m, &err) < 0)
        log_warn(meta, "the last changes are in the log alone: %s", err.text);
    checkpoint_stop(m->checkpoint);
    readers_close(m->readers);
    apply_done(&m->apply);
    db_close(&m->db);
    feed_free(m->feed);
    cache_free(m->cache);
    ranks_free(m->ranks);
    principals_free(m->principals);
    cond_done(&m->ids_came);
    cond_done(&m->turn);
    lock_done(&m->lock);
    free(m->outcomes);
    free(m->path);
    free(m->dir);
    free(m);
}

/* ---- principals ---- */

int meta_principal(struct meta *m, const struct call *call, const char *name, principal_id *ret, struct err *err)
{
    for (;;) {
        principal_id next, id = *name ? principals_find(m->principals, name, &next) : 0;
        if (id || !*name) {
            *ret = id;
            return 0;
        }
        if (strlen(name) > NAME_MAX_BYTES)
            return err_set(err, ERR_INVALID_ARGUMENT, "names of users and groups have at most %d bytes", NAME_MAX_BYTES);
        if (call->is_dry_run) { /* the id that it would get */
            *ret = next;
            return 0;
        }
        AUTO(entry) e;
        struct call quiet = *call;
        quiet.result = NULL;
        entry_init(&e, ENTRY_USER, call->now_ms);
        entry_put_principal(&e, next, name);
        int rc = meta_propose(m, &quiet, &e, err);
        if (rc < 0 && rc != -ERR_STALE) /* stale: another name took the id */
            return rc;
    }
}

const char *meta_principal_name(struct meta *m, principal_id id)
{
    return principals_name(m->principals, id);
}

/* ---- small answers ---- */

bool meta_has_room(const struct meta *m)
{
    return checkpoint_has_room(m->checkpoint);
}

uint64_t meta_applied_index(const struct meta *m)
{
    return atomic_load(&m->applied);
}

uint64_t meta_epoch(const struct meta *m)
{
    return atomic_load(&m->epoch);
}

int meta_changes(struct meta *m, uint64_t from, int64_t deadline_ms, struct change *ret, size_t max, struct err *err)
{
    return feed_read(m->feed, from, deadline_ms, ret, max, err);
}

static uint64_t file_bytes(const char *path)
{
    struct stat sb;
    return stat(path, &sb) == 0 ? (uint64_t)sb.st_size : 0;
}

void meta_counts(struct meta *m, struct meta_counts *ret)
{
    struct cache_counts c;
    lock_take(&m->lock);
    struct apply_state s = m->published;
    lock_drop(&m->lock);
    cache_counts(m->cache, &c);
    *ret = (struct meta_counts){
        .inodes = (uint64_t)s.inodes,
        .files = (uint64_t)s.files,
        .directories = (uint64_t)s.directories,
        .to_persist = (uint64_t)s.to_persist,
        .pinned = (uint64_t)s.pinned,
        .lost = (uint64_t)s.lost,
        .database_bytes = file_bytes(m->path),
        .wal_bytes = checkpoint_wal_bytes(m->checkpoint),
        .cache_bytes = c.bytes,
        .cache_hits = c.hits,
        .cache_misses = c.misses,
    };
}

void meta_journal_info(struct meta *m, struct journal_info *ret)
{
    journal_info(m->journal, ret);
}

int meta_checkpoint(struct meta *m, int64_t deadline_ms, struct err *err)
{
    TRY(journal_checkpoint(m->journal, deadline_ms, err));
    return checkpoint_now(m->checkpoint, deadline_ms, err);
}
