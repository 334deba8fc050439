/* SPDX-License-Identifier: Apache-2.0
 *
 * master_bench: the namespace as front ends see it, in this process, over the real journal of a formatted home:
 *   master_bench HOME FILES SECONDS
 * Fills the home with 100,000 folders and FILES files as if they came from a store, then measures through meta_api,
 * for a plain user whose permission is checked: durable creates (begin and commit of an empty file) alone, from 64
 * callers in a folder each and at random over the folders; stat; list.  Prints a JSON object with a line a figure.
 * The home is left with at least FILES files, for the daemon to start on.
 */
#include "api/path.h"
#include "base/clock.h"
#include "base/file_util.h"
#include "base/mem.h"
#include "master/master.h"
#include "meta/meta.h"

#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum { FOLDERS = 100000, FULL = 100, AT_ONCE = 400, CALLERS_MAX = 64, SAMPLES = 1 << 15, HOT = 200 };

static const struct identity user = {.user = "bench", .can_write = true, .scope = "/", .role = ROLE_OPERATOR};
static struct meta *meta;
static struct master *master;
static const struct meta_api *api;
static atomic_bool is_over;
static principal_id owner;
static inode_id folders[FOLDERS];
static int64_t run_ms;
static size_t files;
static unsigned round_number;

static void must(int rc, const struct err *err)
{
    if (rc < 0) {
        fprintf(stderr, "master_bench: %s\n", err->text);
        exit(1);
    }
}

static void figure(const char *name, double value)
{
    static bool has_more;
    printf("%s\"%s\": %.1f", has_more ? ",\n " : "{", name, value);
    fflush(stdout);
    has_more = true;
}

static struct call a_call(const struct identity *who, struct call_result *result)
{
    struct call c = call_system("bench", clock_mono_ms() + 60000, result);
    c.who = who;
    return c;
}

/* ---- filling: many rows in an entry ---- */

static struct inode make(enum inode_type type, inode_id parent, const char *name, int64_t now)
{
    bool is_file = type == INODE_FILE;
    struct inode i = {.ino = meta_new_id(meta), .type = type, .nlink = 1, .parent = parent, .mode = is_file ? 0644 : 0755,
                      .owner = owner, .group = owner, .ctime_ms = now, .mtime_ms = now, .atime_ms = now, .ttl_ms = -1,
                      .replication_max = -1, .flags = is_file ? INODE_COMPLETED : INODE_LOADED, .persistence = PERSIST_DONE};
    if (!is_file) {
        snprintf(i.name, sizeof i.name, "%s", name);
        return i;
    }
    i.cid = meta_new_id(meta);
    i.block_size = 64 << 20;
    i.length = 123456 + i.ino % 1000;
    i.store_mtime_ms = now - 1000;
    snprintf(i.etag, sizeof i.etag, "%016llx%016llx", (unsigned long long)(i.ino * 0x9e3779b97f4a7c15u), (unsigned long long)(i.cid * 0xbf58476d1ce4e5b9u));
    return i;
}

static void fill(inode_id parent, enum inode_type type, size_t from, size_t n, inode_id *ret)
{
    struct err err = {0};
    struct call call = a_call(&identity_system, NULL);
    AUTO(entry) e;
    entry_init(&e, ENTRY_TEST, call.now_ms);
    for (size_t k = 0; k < n; k++) {
        char name[40];
        snprintf(name, sizeof name, type == INODE_FILE ? "part-%010zu.parquet" : "dir-%06zu", from + k);
        struct inode i = make(type, parent, name, call.now_ms);
        entry_put_inode(&e, &i);
        entry_put_dentry(&e, parent, name, i.ino, type);
        if (ret)
            ret[k] = i.ino;
    }
    must(meta_propose(meta, &call, &e, &err), &err);
}

static void fill_all(void)
{
    struct err err = {0};
    struct call call = a_call(&identity_system, NULL);
    inode_id top;
    must(meta_principal(meta, &call, user.user, &owner, &err), &err);
    fill(INODE_ROOT, INODE_DIRECTORY, 0, 1, &top); /* /dir-000000 */
    for (size_t i = 0; i < FOLDERS; i += AT_ONCE)
        fill(top, INODE_DIRECTORY, i, AT_ONCE, folders + i);
    int64_t start = clock_mono_ms();
    for (size_t i = 0; i < files; i += AT_ONCE)
        fill(folders[i / AT_ONCE % FULL], INODE_FILE, i / AT_ONCE / FULL * AT_ONCE, AT_ONCE, NULL);
    figure("fill_per_second", (double)files * 1000 / (double)(clock_mono_ms() - start + 1));
}

/* ---- measuring ---- */

struct caller {
    struct thread thread;
    uint64_t number, done, seed;
    bool is_random;
    uint32_t *us;
};

static uint64_t next_random(uint64_t *s)
{
    *s ^= *s << 13;
    *s ^= *s >> 7;
    *s ^= *s << 17;
    return *s;
}

static void create_one(const char *path)
{
    struct err err = {0};
    struct call_result result = {0};
    struct call call = a_call(&user, &result);
    struct create_options o = {.mode = -1, .write_type = WRITE_MUST_CACHE, .ttl_ms = -2, .replication_max = -1};
    struct write_outcome outcome = {.is_cached = true};
    struct write_plan plan = {0};
    must(api->write_begin(api->impl, &call, path, &o, &plan, &err), &err);
    must(api->write_commit(api->impl, &call, &plan, &outcome, &err), &err);
}

static void create_run(void *arg)
{
    struct caller *c = arg;
    while (!atomic_load(&is_over)) {
        char path[120];
        int64_t start = clock_mono_us();
        size_t folder = c->is_random ? next_random(&c->seed) % FOLDERS : 1000 + c->number;
        snprintf(path, sizeof path, "/dir-000000/dir-%06zu/new-%u-%llu-%llu", folder, round_number, (unsigned long long)c->number,
                 (unsigned long long)c->done);
        create_one(path);
        c->us[c->done++ % SAMPLES] = (uint32_t)(clock_mono_us() - start);
    }
}

/* A hot set of 20,000 files; or, at random, all that were filled in. */
static void stat_run(void *arg)
{
    struct caller *c = arg;
    struct read_options o = {.sync_interval_ms = -2};
    uint64_t among = c->is_random ? files / FULL : HOT;
    while (!atomic_load(&is_over)) {
        char path[120];
        struct err err = {0};
        struct read_plan plan = {0};
        struct call call = a_call(&user, NULL);
        uint64_t n = next_random(&c->seed);
        snprintf(path, sizeof path, "/dir-000000/dir-%06llu/part-%010llu.parquet", (unsigned long long)(n % FULL),
                 (unsigned long long)(n / FULL % among));
        must(api->stat(api->impl, &call, path, &o, &plan, &err), &err);
        read_plan_done(&plan);
        c->done++;
    }
}

static int count_one(void *arg, const struct file_info *info, struct err *err)
{
    (void)info, (void)err;
    ++*(uint64_t *)arg;
    return 0;
}

static void list_run(void *arg)
{
    struct caller *c = arg;
    while (!atomic_load(&is_over)) {
        char path[80];
        struct err err = {0};
        struct list_result got;
        struct list_options o = {.read.sync_interval_ms = -2, .position = -1};
        struct call call = a_call(&user, NULL);
        snprintf(path, sizeof path, "/dir-000000/dir-%06llu", (unsigned long long)(next_random(&c->seed) % FULL));
        must(api->list(api->impl, &call, path, &o, count_one, &c->done, &got, &err), &err);
    }
}

static int by_value(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static void latencies(const char *name, struct caller *callers, unsigned n)
{
    char text[80];
    size_t count = 0;
    uint32_t *all = xcalloc((size_t)n * SAMPLES + 1, sizeof *all);
    for (unsigned i = 0; i < n; i++)
        for (size_t k = 0; k < callers[i].done && k < SAMPLES; k++)
            all[count++] = callers[i].us[k];
    qsort(all, count, sizeof *all, by_value);
    snprintf(text, sizeof text, "%s_p50_us", name);
    figure(text, all[count / 2]);
    snprintf(text, sizeof text, "%s_p99_us", name);
    figure(text, all[count * 99 / 100]);
    free(all);
}

static double cpu_seconds(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

/* Beside the rate, the time of processors that one of them takes: it says less about what else runs on the machine. */
static void measure(const char *name, void (*run)(void *), unsigned n, bool is_random)
{
    struct caller *callers = xcalloc(n, sizeof *callers);
    uint64_t done = 0;
    round_number++;
    atomic_store(&is_over, false);
    for (unsigned i = 0; i < n; i++)
        callers[i] = (struct caller){.number = i, .seed = i * 7919 + 1, .is_random = is_random, .us = xcalloc(SAMPLES, sizeof(uint32_t))};
    char text[80];
    double cpu = cpu_seconds();
    int64_t start = clock_mono_us();
    for (unsigned i = 0; i < n; i++)
        thread_start(&callers[i].thread, "caller", run, &callers[i]);
    poll(NULL, 0, (int)run_ms);
    atomic_store(&is_over, true);
    for (unsigned i = 0; i < n; i++) {
        thread_join(&callers[i].thread);
        done += callers[i].done;
    }
    figure(name, (double)done * 1e6 / (double)(clock_mono_us() - start));
    snprintf(text, sizeof text, "%s_cpu_us", name);
    figure(text, (cpu_seconds() - cpu) * 1e6 / (double)(done ? done : 1));
    if (run == create_run)
        latencies(name, callers, n);
    for (unsigned i = 0; i < n; i++)
        free(callers[i].us);
    free(callers);
}

static void size_of(void)
{
    struct meta_counts c;
    struct err err = {0};
    must(meta_checkpoint(meta, clock_mono_ms() + 60000, &err), &err);
    meta_counts(meta, &c);
    figure("inodes", (double)c.inodes);
    figure("database_bytes_per_inode", (double)c.database_bytes / (double)c.inodes);
    figure("wal_bytes", (double)c.wal_bytes);
}

int main(int argc, char **argv)
{
    static struct crypto_key key;
    struct err err = {0};
    if (argc != 4)
        return 2;
    files = (strtoul(argv[2], NULL, 10) + AT_ONCE * FULL - 1) / (AT_ONCE * FULL) * AT_ONCE * FULL; /* folders are alike */
    run_ms = strtol(argv[3], NULL, 10) * 1000;
    AUTO_FREE char *dir = xasprintf("%s/meta", argv[1]);
    AUTO_FREE char *log = xasprintf("%s/journal", argv[1]);
    AUTO_FREE char *key_file = xasprintf("%s/conf/node.key", argv[1]);
    struct meta_options o = {.dir = dir, .journal_dir = log, .cache_bytes = 96 << 20, .sqlite_cache_bytes = 64 << 20, .readers = 6,
                             .journal_reserve_bytes = 64 << 20, .address = "127.0.0.1:19200"};
    must(crypto_key_file(key_file, false, &key, &err), &err);
    master = master_new(&(struct master_options){.key = &key, .umask = 022, .supergroup = "supergroup"});
    struct meta_listener l = {master, master_on_record_changed, master_on_content_gone, master_on_marked};
    must(meta_open(&o, &l, clock_mono_ms() + 60000, &meta, &err), &err);
    must(master_start(master, meta, &err), &err);
    api = master_meta_api(master);
    fill_all();
    size_of();
    measure("create_1", create_run, 1, false);
    measure("create_64_own", create_run, 64, false);
    measure("create_64_random", create_run, 64, true);
    measure("stat_2_hot", stat_run, 2, false);
    measure("stat_2_all", stat_run, 2, true);
    measure("list_1", list_run, 1, false);
    measure("list_2", list_run, 2, false);
    printf("}\n");
    master_stop(master);
    meta_close(meta);
    master_free(master);
    return 0;
}
