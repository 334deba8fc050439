/* SPDX-License-Identifier: Apache-2.0
 *
 * data_bench: the worker alone, in this process: cached 4 KiB reads a second on one thread and on
 * four, adoption of small blocks at start, and a cold sequential read of a local file through the
 * cache, beside the same read without a worker.
 *   data_bench FOLDER [MiB of the cold file [blocks to adopt]]
 */
#include "base/clock.h"
#include "base/file_util.h"
#include "base/mem.h"
#include "base/thread.h"
#include "ufs/ufs.h"
#include "worker/worker.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { PAGE = 1 << 20, BLOCK = 64 << 20, SMALL = 4096, FILES = 1000, READS = 400000 };
static struct ufs *ufs;
static char mem_dir[600], disk_dir[600];

static int get_store(void *impl, mount_id id, bool for_write, struct mount_store *ret, struct err *err)
{
    (void)impl;
    (void)id;
    (void)for_write;
    (void)err;
    *ret = (struct mount_store){.ufs = ufs};
    return 0;
}

static void put_store(void *impl, struct mount_store *s)
{
    (void)impl;
    (void)s;
}

static void die(const struct err *err)
{
    fprintf(stderr, "data_bench: %s\n", err->text);
    exit(1);
}

static struct worker *open_worker(void)
{
    struct worker *w;
    struct err err = {0};
    struct worker_options o = {.block = {.tier_count = 2, .evictor = "sieve", .page_size = PAGE, .cluster = "bench"},
                               .fetch_threads = 16, .stores = {.get = get_store, .put = put_store}};
    o.block.tiers[0] = (struct block_tier_options){"MEM", mem_dir, (uint64_t)1 << 30, 95, 85};
    o.block.tiers[1] = (struct block_tier_options){"SSD", disk_dir, (uint64_t)4 << 30, 95, 85};
    if (worker_new(&o, &w, &err) < 0)
        die(&err);
    return w;
}

/* A reader that copies what it gets, as a socket would. */
struct copying {
    struct sink sink;
    char *to;
    uint64_t bytes;
};

static int copy_push(struct sink *sink, const struct slice *s, struct err *err)
{
    struct copying *c = (struct copying *)sink;
    for (struct slice part = *s; part.len; ) {
        size_t left = part.len;
        part.len = left < PAGE ? left : PAGE;
        TRY(slice_copy(&part, c->to, err));
        part.mem = part.mem ? (const char *)part.mem + part.len : NULL;
        part.off += part.len;
        part.len = left - part.len;
    }
    c->bytes += s->len;
    return 0;
}

static struct call a_call(void)
{
    return (struct call){.deadline_ms = clock_mono_ms() + 600000, .request_id = "bench"};
}

static struct content_ref content(content_id cid, uint64_t length)
{
    static char key[] = "cold";
    return (struct content_ref){.ino = cid, .cid = cid, .length = length, .block_size = BLOCK, .mount = 1, .key = key, .is_persisted = true};
}

struct hitter {
    struct thread thread;
    struct worker *w;
};

static void hit_run(void *arg)
{
    struct hitter *h = arg;
    const struct data_api *d = worker_api(h->w);
    struct copying to = {.sink.push = copy_push, .to = xmalloc(PAGE)};
    struct call call = a_call();
    struct read_result res;
    struct err err;
    for (uint64_t i = 0; i < READS; i++) {
        struct content_ref c = content(1000 + i * 7919 % FILES, SMALL);
        struct read_request q = {.content = &c, .len = SMALL, .type = READ_CACHE};
        if (d->read(d->impl, &call, &q, &to.sink, &res, &err) < 0)
            die(&err);
    }
    free(to.to);
}

static void bench_hits(struct worker *w, unsigned threads)
{
    struct hitter h[16] = {0};
    int64_t start = clock_mono_us();
    for (unsigned i = 0; i < threads; i++) {
        h[i].w = w;
        thread_start(&h[i].thread, "hitter", hit_run, &h[i]);
    }
    for (unsigned i = 0; i < threads; i++)
        thread_join(&h[i].thread);
    printf("cached 4 KiB reads, %u threads: %.0f/s\n", threads, READS * (double)threads * 1e6 / (double)(clock_mono_us() - start));
}

static void write_small(struct worker *w, content_id first, size_t n)
{
    const struct data_api *d = worker_api(w);
    static char data[SMALL];
    struct write_outcome out;
    struct err err;
    struct call call = a_call();
    for (size_t i = 0; i < n; i++) {
        struct content_ref c = content(first + i, SMALL);
        struct source_mem src;
        source_mem_init(&src, data, sizeof data);
        if (d->write(d->impl, &call, &c, WRITE_MUST_CACHE, &src.source, false, &out, &err) < 0)
            die(&err);
        d->committed(d->impl, &c);
    }
}

static double direct(uint64_t length)
{
    struct copying to = {.sink.push = copy_push, .to = xmalloc(PAGE)};
    struct ufs_call uc = {.deadline_ms = clock_mono_ms() + 600000};
    struct err err;
    int64_t start = clock_mono_us();
    if (ufs_read(ufs, &uc, "cold", 0, length, NULL, &to.sink, &err) < 0)
        die(&err);
    free(to.to);
    return (double)length / (double)(clock_mono_us() - start);
}

static double through(struct worker *w, content_id cid, uint64_t length, enum read_type type)
{
    const struct data_api *d = worker_api(w);
    struct copying to = {.sink.push = copy_push, .to = xmalloc(PAGE)};
    struct call call = a_call();
    struct content_ref c = content(cid, length);
    struct read_request q = {.content = &c, .len = length, .type = type};
    struct read_result res;
    struct err err;
    int64_t start = clock_mono_us();
    if (d->read(d->impl, &call, &q, &to.sink, &res, &err) < 0)
        die(&err);
    free(to.to);
    return (double)length / (double)(clock_mono_us() - start);
}

static void make_cold(const char *folder, uint64_t length)
{
    AUTO_FREE char *path = xasprintf("%s/store/cold", folder);
    AUTO_FREE char *page = xmalloc(PAGE);
    AUTO_FD int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    memset(page, 7, PAGE);
    for (uint64_t off = 0; off < length; off += PAGE)
        if (file_pwrite_all(fd, page, PAGE, off, NULL) < 0)
            exit(1);
}

int main(int argc, char **argv)
{
    struct err err = {0};
    if (argc < 2)
        return 2;
    uint64_t length = (argc > 2 ? strtoull(argv[2], NULL, 10) : 256) << 20;
    size_t blocks = argc > 3 ? strtoul(argv[3], NULL, 10) : 20000;
    AUTO_FREE char *root = xasprintf("%s/store", argv[1]);
    struct ufs_properties none = {0};
    snprintf(mem_dir, sizeof mem_dir, "/dev/shm/isthmus-bench-%d", (int)getpid());
    snprintf(disk_dir, sizeof disk_dir, "%s/ssd", argv[1]);
    if (file_mkdirs(root, 0700, &err) < 0 || ufs_open(root, &none, &ufs, &err) < 0)
        die(&err);
    make_cold(argv[1], length);
    struct worker *w = open_worker();
    write_small(w, 1000, FILES);
    bench_hits(w, 1);
    bench_hits(w, 4);
    direct(length);
    printf("direct read of the store: %.0f MB/s\n", direct(length));
    printf("cold, cached beside:      %.0f MB/s\n", through(w, 1, length, READ_CACHE));
    printf("the same, from the cache: %.0f MB/s\n", through(w, 1, length, READ_CACHE));
    printf("cold, NO_CACHE:           %.0f MB/s\n", through(w, 2, length, READ_NO_CACHE));
    write_small(w, 1000000, blocks);
    worker_free(w);
    int64_t start = clock_mono_us();
    w = open_worker();
    printf("adoption of %zu blocks: %lld ms\n", blocks + FILES, (long long)(clock_mono_us() - start) / 1000);
    worker_free(w);
    ufs_close(ufs);
    return file_remove_tree(mem_dir, NULL) < 0 || file_remove_tree(disk_dir, NULL) < 0;
}
