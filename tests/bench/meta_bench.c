/* SPDX-License-Identifier: Apache-2.0
 *
 * meta_bench: how fast the metadata is on this machine, over the real journal on a real folder.
 *   meta_bench FOLDER [files [seconds]]
 * Fills a store with `files` files in 100 directories and as many empty directories as a tenth of it, then
 * measures durable creates, walks, listing, and the time to open.  Not part of any suite.
 */
#include "base/clock.h"
#include "base/file_util.h"
#include "base/mem.h"
#include "journal/journal.h"
#include "meta/meta.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CALLERS_MAX 64
#define ENTRY_FILES 400
#define SAMPLES (1u << 14) /* latencies kept of a caller */

static struct meta *m;
static struct meta_options options;
static atomic_bool is_over;
static inode_id *folders;
static size_t folder_count;
static int64_t run_ms = 5000;
static _Atomic uint64_t sequence;
static unsigned measured; /* how often so far */

static void must(int rc, const struct err *err)
{
    if (rc < 0) {
        fprintf(stderr, "%s\n", err->text);
        exit(1);
    }
}

static struct inode make(inode_id ino, enum inode_type type, inode_id parent, const char *name, int64_t now)
{
    struct inode i = {.ino = ino, .type = type, .nlink = 1, .parent = parent, .mode = type == INODE_DIRECTORY ? 0755 : 0644,
                      .owner = 1, .group = 2, .ctime_ms = now, .mtime_ms = now, .atime_ms = now,
                      .block_size = 64 << 20, .ttl_ms = -1, .replication_max = -1, .length = type == INODE_FILE ? 123456 : 0,
                      .flags = INODE_COMPLETED};
    if (type == INODE_DIRECTORY)
        snprintf(i.name, sizeof i.name, "%s", name);
    else
        i.cid = ino + 1;
    return i;
}

/* `n` children in one entry. */
static void fill(inode_id parent, enum inode_type type, size_t from, size_t n, inode_id *ret)
{
    struct err err = {0};
    struct call call = call_system("bench", clock_mono_ms() + 60000, NULL);
    AUTO(entry) e;
    entry_init(&e, ENTRY_TEST, call.now_ms);
    for (size_t k = 0; k < n; k++) {
        char name[40];
        snprintf(name, sizeof name, type == INODE_FILE ? "part-%010zu.parquet" : "dir-%06zu", from + k);
        struct inode i = make(meta_new_id(m), type, parent, name, call.now_ms);
        entry_put_inode(&e, &i);
        entry_put_dentry(&e, parent, name, i.ino, type);
        if (ret)
            ret[k] = i.ino;
    }
    must(meta_propose(m, &call, &e, &err), &err);
}

struct caller {
    pthread_t thread;
    uint64_t number, done;
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

static void *create(void *arg)
{
    struct caller *c = arg;
    uint64_t seed = c->number * 7919 + 1;
    struct err err = {0};
    while (!atomic_load(&is_over)) {
        int64_t start = clock_mono_us();
        size_t folder = c->is_random ? next_random(&seed) % folder_count : c->number;
        char path[80], name[40];
        snprintf(name, sizeof name, "new-%u-%llu-%llu", measured, (unsigned long long)c->number, (unsigned long long)c->done);
        snprintf(path, sizeof path, "/top/dir-%06zu/%s", folder, name);
        struct walk w;
        struct inode_version chain[3];
        struct call call = call_system("bench", clock_mono_ms() + 60000, NULL);
        AUTO(entry) e;
        must(meta_walk(m, path, &w, &err), &err);
        if (w.count != 3)
            exit(2);
        for (size_t i = 0; i < 3; i++)
            chain[i] = (struct inode_version){w.nodes[i].ino, w.nodes[i].attr_ver};
        inode_id parent = w.last.ino;
        struct inode i = make(meta_new_id(m), INODE_FILE, parent, name, call.now_ms);
        entry_init(&e, ENTRY_CREATE_FILE, call.now_ms);
        entry_guard_chain(&e, w.epoch, chain, 3);
        entry_guard_dentry(&e, parent, name, 0, ERR_ALREADY_EXISTS);
        entry_operation(&e, 1, atomic_fetch_add(&sequence, 1) + 1);
        entry_put_inode(&e, &i);
        entry_put_dentry(&e, parent, name, i.ino, INODE_FILE);
        entry_touch(&e, parent, call.now_ms);
        must(meta_propose(m, &call, &e, &err), &err);
        walk_done(&w);
        if (c->done < SAMPLES)
            c->us[c->done] = (uint32_t)(clock_mono_us() - start);
        c->done++;
    }
    return NULL;
}

static void *walk(void *arg)
{
    struct caller *c = arg;
    uint64_t seed = c->number + 1;
    while (!atomic_load(&is_over)) {
        char path[80];
        struct walk w;
        struct err err = {0};
        snprintf(path, sizeof path, "/top/dir-%06zu/part-%010llu.parquet", (size_t)(next_random(&seed) % 100),
                 (unsigned long long)(next_random(&seed) % 200));
        must(meta_walk(m, path, &w, &err), &err);
        if (w.count != w.depth)
            exit(3);
        walk_done(&w);
        c->done++;
    }
    return NULL;
}

static int by_value(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static void measure(const char *what, void *(*run)(void *), unsigned n, bool is_random)
{
    struct caller *callers = xcalloc(n, sizeof *callers);
    struct journal_info before, after;
    uint64_t done = 0;
    measured++;
    size_t count = 0;
    meta_journal_info(m, &before);
    atomic_store(&is_over, false);
    int64_t start = clock_mono_ms();
    for (unsigned i = 0; i < n; i++) {
        callers[i] = (struct caller){.number = i, .is_random = is_random, .us = xcalloc(SAMPLES, sizeof(uint32_t))};
        pthread_create(&callers[i].thread, NULL, run, &callers[i]);
    }
    poll(NULL, 0, (int)run_ms);
    atomic_store(&is_over, true);
    for (unsigned i = 0; i < n; i++) {
        pthread_join(callers[i].thread, NULL);
        done += callers[i].done;
    }
    double seconds = (double)(clock_mono_ms() - start) / 1000;
    meta_journal_info(m, &after);
    uint32_t *all = xcalloc(done + 1, sizeof *all);
    for (unsigned i = 0; i < n; i++) {
        for (size_t k = 0; k < callers[i].done && k < SAMPLES; k++)
            all[count++] = callers[i].us[k];
        free(callers[i].us);
    }
    qsort(all, count, sizeof *all, by_value);
    struct meta_counts counts;
    meta_counts(m, &counts);
    printf("%-28s %3u callers %8.0f/s  p50 %u us p99 %u us max %u us  groups %llu  wal %llu MB\n", what, n, (double)done / seconds,
           all[count / 2], all[count * 99 / 100], count ? all[count - 1] : 0, (unsigned long long)(after.groups - before.groups),
           (unsigned long long)counts.wal_bytes >> 20);
    fflush(stdout);
    free(all);
    free(callers);
}

static int count_child(void *arg, const struct meta_child *c, struct err *err)
{
    (void)c, (void)err;
    ++*(uint64_t *)arg;
    return 0;
}

static void measure_list(inode_id top)
{
    uint64_t n = 0;
    struct err err = {0};
    int64_t start = clock_mono_ms();
    while (clock_mono_ms() - start < 2000)
        for (size_t i = 0; i < 100; i++)
            must(meta_list(m, folders[i], NULL, -1, 0, true, count_child, &n, &err), &err);
    printf("%-28s %8.0f entries/s\n", "list with inodes", (double)n * 1000 / (double)(clock_mono_ms() - start));
    n = 0;
    start = clock_mono_ms();
    must(meta_list(m, top, NULL, (int64_t)folder_count - 1, 1, false, count_child, &n, &err), &err);
    printf("%-28s %lld ms\n", "list at the last position", (long long)(clock_mono_ms() - start));
}

static long rss_kb(void)
{
    AUTO(buf) b = {0};
    buf_init(&b, 1 << 16);
    if (file_read("/proc/self/status", 1 << 16, &b, NULL) < 0)
        return 0;
    const char *at = strstr(buf_str(&b), "VmRSS:");
    return at ? strtol(at + 6, NULL, 10) : 0;
}

int main(int argc, char **argv)
{
    struct err err = {0};
    inode_id top;
    if (argc < 2)
        return 2;
    size_t files = argc > 2 ? strtoul(argv[2], NULL, 10) : 100000;
    run_ms = argc > 3 ? strtol(argv[3], NULL, 10) * 1000 : 5000;
    AUTO_FREE char *dir = xasprintf("%s/meta", argv[1]);
    AUTO_FREE char *journal = xasprintf("%s/journal", argv[1]);
    options = (struct meta_options){.dir = dir, .journal_dir = journal, .cache_bytes = 96 << 20, .sqlite_cache_bytes = 64 << 20,
                                    .readers = 6, .journal_reserve_bytes = 64 << 20, .address = "127.0.0.1:19200"};
    must(meta_format(&options, "alice", "staff", NULL, &err), &err);
    must(meta_open(&options, NULL, clock_mono_ms() + 60000, &m, &err), &err);
    folder_count = files / 10 > 100 ? files / 10 : 100;
    folders = xcalloc(folder_count + ENTRY_FILES, sizeof *folders);
    struct inode t = make(meta_new_id(m), INODE_DIRECTORY, INODE_ROOT, "top", clock_wall_ms());
    struct call call = call_system("bench", clock_mono_ms() + 60000, NULL);
    AUTO(entry) e;
    entry_init(&e, ENTRY_TEST, call.now_ms);
    entry_put_inode(&e, &t);
    entry_put_dentry(&e, INODE_ROOT, "top", top = t.ino, INODE_DIRECTORY);
    must(meta_propose(m, &call, &e, &err), &err);
    int64_t start = clock_mono_ms();
    for (size_t i = 0; i < folder_count; i += ENTRY_FILES)
        fill(top, INODE_DIRECTORY, i, folder_count - i < ENTRY_FILES ? folder_count - i : ENTRY_FILES, folders + i);
    for (size_t i = 0; i < files; i += ENTRY_FILES)
        fill(folders[i / ENTRY_FILES % 100], INODE_FILE, i / ENTRY_FILES / 100 * ENTRY_FILES, ENTRY_FILES, NULL);
    printf("filled %zu files, %zu directories in %lld ms\n", files, folder_count, (long long)(clock_mono_ms() - start));
    must(meta_checkpoint(m, clock_mono_ms() + 60000, &err), &err);
    struct meta_counts c;
    meta_counts(m, &c);
    printf("%.1f bytes of database an inode\n", (double)c.database_bytes / (double)c.inodes);
    fflush(stdout);
    measure("create, own folder", create, 1, false);
    measure("create, own folder", create, 64, false);
    measure("create, random folder", create, 64, true);
    measure("walk of 3 components", walk, 2, false);
    measure_list(top);
    printf("resident %ld MB\n", rss_kb() >> 10);
    meta_close(m);
    start = clock_mono_ms();
    must(meta_open(&options, NULL, clock_mono_ms() + 60000, &m, &err), &err);
    meta_counts(m, &c);
    printf("opened with %llu inodes in %lld ms\n", (unsigned long long)c.inodes, (long long)(clock_mono_ms() - start));
    meta_close(m);
    free(folders);
    return 0;
}
