/* SPDX-License-Identifier: Apache-2.0
 *
 * core_bench: what the two libraries give on this machine with nothing of ours around them, as a measure for
 * master_bench: callers look a name up in SQLite, propose its row through libraft with one voter, and wait until one
 * thread has written it to SQLite.  No rules, no guards, no permission, no parent that changes, no retry, no restart.
 *   core_bench FOLDER CALLERS SECONDS
 */
#include "base/file_util.h"
#include "base/lock.h"
#include "base/mem.h"
#include "base/thread.h"
#include "base/clock.h"

#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include <raft.h>
#include <raft/uv.h>
#include <sqlite3.h>

#define ADDRESS "127.0.0.1:17999" /* of the only voter: nothing listens */
enum { NAME_BYTES = 40, WAL_BYTES = 64 << 20 };

struct row {
    uint64_t id, parent, mtime;
    char name[NAME_BYTES];
};
struct caller {
    struct caller *next;
    struct thread thread;
    struct row row;
    uint64_t number, done;
    struct lock lock;
    struct cond cond;
    bool is_applied; /* under lock */
};
/* The rows of the callers that wanted something at one time: one record of the log. */
struct group {
    struct group *next;
    struct raft_apply request;
    struct caller *callers;
    size_t count;
    struct row *rows;
};

static const char *folder;
static struct raft raft;
static uv_loop_t loop;
static uv_async_t door;
static struct lock lock;
static struct cond committed_came;
/* under lock */
static struct caller *wanting, **last_wanting = &wanting;
static struct group *committed, **last_committed = &committed;
static bool is_flying; /* loop only */
static atomic_bool is_over, is_leader;
static atomic_ullong next_id = 1, transactions;

static void must(int rc, const char *what)
{
    if (rc) {
        fprintf(stderr, "core_bench: %s failed (%d)\n", what, rc);
        exit(1);
    }
}

static sqlite3 *open_db(void)
{
    sqlite3 *db;
    AUTO_FREE char *path = xasprintf("%s/state.db", folder);
    must(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL), "sqlite3_open");
    sqlite3_busy_timeout(db, 5000);
    must(sqlite3_exec(db, "PRAGMA page_size=8192; PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA wal_autocheckpoint=0;"
                          "PRAGMA cache_size=-65536; CREATE TABLE IF NOT EXISTS entry(parent INTEGER, name TEXT, id INTEGER,"
                          " mtime INTEGER, PRIMARY KEY(parent,name)) WITHOUT ROWID;", NULL, NULL, NULL), "the schema");
    return db;
}

/* ---- the log's loop ---- */

static struct caller *take_wanting(size_t *ret_count)
{
    LOCK_SCOPE(&lock);
    struct caller *all = steal(&wanting);
    last_wanting = &wanting;
    *ret_count = 0;
    for (struct caller *c = all; c; c = c->next)
        ++*ret_count;
    return all;
}

static void fly(void);

static void on_applied(struct raft_apply *request, int status, void *result)
{
    struct group *g = request->data;
    (void)result;
    must(status, "raft_apply");
    lock_take(&lock);
    *last_committed = g;
    last_committed = &g->next;
    cond_wake_one(&committed_came);
    lock_drop(&lock);
    is_flying = false;
    fly();
}

static void fly(void)
{
    size_t count;
    struct caller *callers = is_flying || !atomic_load(&is_leader) ? NULL : take_wanting(&count);
    if (!callers)
        return;
    struct group *g = xnew(struct group);
    struct raft_buffer buf = {.len = count * sizeof(struct row)};
    g->callers = callers;
    g->count = count;
    g->rows = xmalloc(buf.len);
    g->request.data = g;
    size_t n = 0;
    for (struct caller *c = callers; c; c = c->next)
        g->rows[n++] = c->row;
    buf.base = raft_malloc(buf.len);
    memcpy(buf.base, g->rows, buf.len);
    is_flying = true;
    must(raft_apply(&raft, &g->request, &buf, 1, on_applied), "raft_apply");
}

static void on_door(uv_async_t *d)
{
    (void)d;
    fly();
}

static void on_tick(uv_timer_t *t)
{
    (void)t;
    atomic_store(&is_leader, raft_state(&raft) == RAFT_LEADER);
    fly();
}

static int fsm_apply(struct raft_fsm *f, const struct raft_buffer *buf, void **result)
{
    (void)f, (void)buf;
    *result = NULL;
    return 0;
}

static int fsm_snapshot(struct raft_fsm *f, struct raft_buffer *bufs[], unsigned *n)
{
    (void)f;
    *n = 1;
    *bufs = raft_malloc(sizeof **bufs);
    (*bufs)[0] = (struct raft_buffer){.base = raft_calloc(1, 8), .len = 8};
    return 0;
}

static int fsm_restore(struct raft_fsm *f, struct raft_buffer *buf)
{
    (void)f;
    raft_free(buf->base);
    return 0;
}

static void loop_run(void *arg)
{
    static struct raft_uv_transport transport;
    static struct raft_io io;
    static struct raft_fsm fsm = {.version = 1, .apply = fsm_apply, .snapshot = fsm_snapshot, .restore = fsm_restore};
    static uv_timer_t tick;
    struct raft_configuration one;
    (void)arg;
#ifdef RAFT_VERSION_NUMBER
    transport.version = 1;
#endif
    must(raft_uv_tcp_init(&transport, &loop), "raft_uv_tcp_init");
    must(raft_uv_init(&io, &loop, folder, &transport), "raft_uv_init");
    must(raft_init(&raft, &io, &fsm, 1, ADDRESS), "raft_init");
    raft_set_snapshot_threshold(&raft, 100000);
    raft_configuration_init(&one);
    must(raft_configuration_add(&one, 1, ADDRESS, RAFT_VOTER), "raft_configuration_add");
    must(raft_bootstrap(&raft, &one), "raft_bootstrap");
    raft_configuration_close(&one);
    must(raft_start(&raft), "raft_start");
    uv_timer_init(&loop, &tick);
    uv_timer_start(&tick, on_tick, 1, 5);
    uv_run(&loop, UV_RUN_DEFAULT);
}

/* ---- the state ---- */

static struct group *take_committed(void)
{
    LOCK_SCOPE(&lock);
    while (!committed)
        cond_wait(&committed_came, &lock, CLOCK_NEVER);
    last_committed = &committed;
    return steal(&committed);
}

static void write_rows(sqlite3_stmt *put, const struct group *g)
{
    for (size_t i = 0; i < g->count; i++) {
        const struct row *r = &g->rows[i];
        sqlite3_bind_int64(put, 1, (int64_t)r->parent);
        sqlite3_bind_text(put, 2, r->name, -1, SQLITE_STATIC);
        sqlite3_bind_int64(put, 3, (int64_t)r->id);
        sqlite3_bind_int64(put, 4, (int64_t)r->mtime);
        must(sqlite3_step(put) != SQLITE_DONE, "INSERT");
        sqlite3_reset(put);
    }
}

static void finish(struct group *g)
{
    for (struct caller *c = g->callers, *next; c; c = next) {
        next = c->next;
        LOCK_SCOPE(&c->lock);
        c->is_applied = true;
        cond_wake_one(&c->cond);
    }
    free(g->rows);
    free(g);
}

static void apply_run(void *arg)
{
    sqlite3_stmt *put;
    sqlite3 *db = open_db();
    (void)arg;
    must(sqlite3_prepare_v2(db, "INSERT OR REPLACE INTO entry VALUES(?1,?2,?3,?4)", -1, &put, NULL), "prepare");
    for (;;) {
        struct group *all = take_committed();
        must(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), "BEGIN");
        for (struct group *g = all; g; g = g->next)
            write_rows(put, g);
        must(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL), "COMMIT");
        atomic_fetch_add(&transactions, 1);
        for (struct group *g = all, *next; g; g = next) {
            next = g->next;
            finish(g);
        }
    }
}

static void checkpoint_run(void *arg)
{
    sqlite3 *db = open_db();
    AUTO_FREE char *wal = xasprintf("%s/state.db-wal", folder);
    (void)arg;
    for (;; poll(NULL, 0, 20)) {
        FILE *f = fopen(wal, "r");
        if (f && fseek(f, 0, SEEK_END) == 0 && ftell(f) > WAL_BYTES)
            sqlite3_wal_checkpoint_v2(db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
        if (f)
            fclose(f);
    }
}

/* ---- callers ---- */

static void want(struct caller *c)
{
    lock_take(&lock);
    bool was_empty = !wanting;
    c->next = NULL;
    c->is_applied = false;
    *last_wanting = c;
    last_wanting = &c->next;
    lock_drop(&lock);
    if (was_empty)
        uv_async_send(&door);
    LOCK_SCOPE(&c->lock);
    while (!c->is_applied)
        cond_wait(&c->cond, &c->lock, CLOCK_NEVER);
}

static void caller_run(void *arg)
{
    struct caller *c = arg;
    sqlite3_stmt *get;
    sqlite3 *db = open_db();
    must(sqlite3_prepare_v2(db, "SELECT id FROM entry WHERE parent=?1 AND name=?2", -1, &get, NULL), "prepare");
    for (; !atomic_load(&is_over); c->done++) {
        c->row = (struct row){.id = atomic_fetch_add(&next_id, 1), .parent = c->number, .mtime = (uint64_t)clock_wall_ms()};
        snprintf(c->row.name, NAME_BYTES, "part-%010llu.parquet", (unsigned long long)c->row.id);
        sqlite3_bind_int64(get, 1, (int64_t)c->row.parent);
        sqlite3_bind_text(get, 2, c->row.name, -1, SQLITE_STATIC);
        must(sqlite3_step(get) == SQLITE_ROW, "a new name");
        sqlite3_reset(get);
        want(c);
    }
    sqlite3_finalize(get);
    sqlite3_close(db);
}

int main(int argc, char **argv)
{
    static struct thread threads[3];
    struct err err = {0};
    if (argc != 4)
        return 2;
    folder = argv[1];
    size_t n = strtoul(argv[2], NULL, 10);
    int ms = (int)(strtod(argv[3], NULL) * 1000);
    must(file_mkdirs(folder, 0700, &err), err.text);
    lock_init(&lock, RANK_JOURNAL);
    cond_init(&committed_came);
    must(uv_loop_init(&loop) || uv_async_init(&loop, &door, on_door), "uv_loop_init");
    sqlite3_close(open_db());
    thread_start(&threads[0], "loop", loop_run, NULL);
    thread_start(&threads[1], "apply", apply_run, NULL);
    thread_start(&threads[2], "checkpoint", checkpoint_run, NULL);
    while (!atomic_load(&is_leader))
        poll(NULL, 0, 5);
    struct caller *callers = xcalloc(n, sizeof *callers);
    int64_t start = clock_mono_us();
    for (size_t i = 0; i < n; i++) {
        callers[i].number = i + 1;
        lock_init(&callers[i].lock, RANK_LEAF);
        cond_init(&callers[i].cond);
        thread_start(&callers[i].thread, "caller", caller_run, &callers[i]);
    }
    poll(NULL, 0, ms);
    atomic_store(&is_over, true);
    uint64_t done = 0;
    for (size_t i = 0; i < n; i++) {
        thread_join(&callers[i].thread);
        done += callers[i].done;
    }
    double seconds = (double)(clock_mono_us() - start) / 1e6;
    printf("{\"creates_per_second\": %.0f, \"creates_in_a_transaction\": %.1f}\n", (double)done / seconds,
           (double)done / (double)atomic_load(&transactions));
    fflush(stdout);
    _Exit(0); /* nothing is closed: the folder is thrown away */
}
