/* SPDX-License-Identifier: Apache-2.0
 *
 * test_worker: reads, writes and persists against a store of our own that counts what it is asked.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/file_util.h"
#include "base/lock.h"
#include "base/mem.h"
#include "base/thread.h"
#include "ufs/ufs.h"
#include "worker/worker.h"

#include <stdio.h>
#include <string.h>

enum { PAGE = 65536, BLOCK = 1 << 20, STORE_MAX = 8 << 20 };

/* A store of one object, of any key. */
static struct {
    struct ufs ufs;
    struct lock lock;
    struct cond gate;
    /* under lock */
    char *data;
    size_t len;
    char etag[72];
    uint64_t reads, bytes, writes, longest; /* `longest`: bytes of a read */
    unsigned capabilities;                  /* changed only while nobody reads */
    uint8_t asked[STORE_MAX / PAGE]; /* times that a page was asked for */
    bool is_shut;                    /* reads wait until it opens */
    bool is_failing;
} store;

/* Ranges of a reading that has failed may still be on their way. */
static void store_becomes(size_t len, bool is_failing)
{
    LOCK_SCOPE(&store.lock);
    store.len = len;
    store.is_failing = is_failing;
}

static char mem_dir[64], disk_dir[64];
static uint64_t mem_quota, disk_quota;

static int ask(uint64_t off, uint64_t *len, const char *etag, const struct ufs_call *c, struct err *err)
{
    LOCK_SCOPE(&store.lock);
    while (store.is_shut)
        if (!cond_wait(&store.gate, &store.lock, c->deadline_ms))
            return err_set(err, ERR_TIMEOUT, "shut");
    if (store.is_failing)
        return err_set(err, ERR_STORE_ERROR, "broken");
    if (etag && strcmp(etag, store.etag))
        return err_set(err, ERR_PRECONDITION_FAILED, "changed");
    *len = off >= store.len ? 0 : *len < store.len - off ? *len : store.len - off;
    store.reads++;
    store.bytes += *len;
    store.longest = *len > store.longest ? *len : store.longest;
    for (uint64_t p = off / PAGE; p * PAGE < off + *len; p++)
        store.asked[p]++;
    return 0;
}

static int store_read(struct ufs *u, const struct ufs_call *c, const char *key, uint64_t off, uint64_t len, const char *etag,
                      struct sink *to, struct err *err)
{
    (void)u;
    (void)key;
    TRY(ask(off, &len, etag, c, err));
    for (uint64_t done = 0, n; done < len; done += n) { /* odd pieces */
        n = len - done < 10007 ? len - done : 10007;
        struct slice s = {.mem = store.data + off + done, .fd = -1, .len = n};
        TRY(to->push(to, &s, err));
    }
    return 0;
}

static int store_write(struct ufs *u, const struct ufs_call *c, const char *key, struct source *from, bool if_absent,
                       struct ufs_stat *ret, struct err *err)
{
    (void)u;
    (void)c;
    (void)key;
    (void)if_absent;
    AUTO_FREE char *got = xmalloc(STORE_MAX);
    size_t len = 0, n = 1;
    while (n) {
        TRY(from->pull(from, got + len, STORE_MAX - len < 5000 ? STORE_MAX - len : 5000, &n, err));
        len += n;
    }
    LOCK_SCOPE(&store.lock);
    if (store.is_failing)
        return err_set(err, ERR_STORE_ERROR, "broken");
    memcpy(store.data, got, len);
    store.len = len;
    store.writes++;
    snprintf(store.etag, sizeof store.etag, "w%d", (int)store.writes);
    *ret = (struct ufs_stat){.type = UFS_FILE, .length = len, .mtime_ms = 5};
    memcpy(ret->etag, store.etag, sizeof ret->etag);
    return 0;
}

static unsigned store_capabilities(const struct ufs *u)
{
    (void)u;
    return store.capabilities;
}

static const struct ufs_driver driver = {.name = "one", .schemes = "one", .read = store_read, .write = store_write,
                                         .capabilities = store_capabilities};

static int get_store(void *impl, mount_id id, bool for_write, struct mount_store *ret, struct err *err)
{
    (void)impl;
    (void)for_write;
    if (id != 1)
        return err_set(err, ERR_NOT_FOUND, "no mount %u", id);
    *ret = (struct mount_store){.ufs = &store.ufs};
    return 0;
}

static void put_store(void *impl, struct mount_store *s)
{
    (void)impl;
    s->ufs = NULL;
}

static int setup(void **state)
{
    (void)state;
    memset(&store, 0, sizeof store);
    store.ufs.driver = &driver;
    lock_init(&store.lock, RANK_UFS);
    cond_init(&store.gate);
    store.data = xmalloc(STORE_MAX);
    store.len = STORE_MAX;
    for (size_t i = 0; i < STORE_MAX; i++)
        store.data[i] = (char)(i * 7 + i / 1000);
    snprintf(store.etag, sizeof store.etag, "v1");
    snprintf(mem_dir, sizeof mem_dir, "/dev/shm/worker-test-XXXXXX");
    snprintf(disk_dir, sizeof disk_dir, "/tmp/worker-test-XXXXXX");
    mem_quota = disk_quota = 32 << 20;
    return mkdtemp(mem_dir) && mkdtemp(disk_dir) ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    free(store.data);
    cond_done(&store.gate);
    lock_done(&store.lock);
    return file_remove_tree(mem_dir, NULL) | file_remove_tree(disk_dir, NULL);
}

static content_id dead_cid;
static unsigned live_asked;
static int contents_live(void *arg, const inode_id *inos, const content_id *cids, size_t n, bool *ret_live, struct err *err)
{
    (void)arg;
    (void)inos;
    if (__atomic_add_fetch(&live_asked, 1, __ATOMIC_ACQ_REL) == 1)
        return err_set(err, ERR_UNAVAILABLE, "not yet");
    for (size_t i = 0; i < n; i++)
        ret_live[i] = cids[i] != dead_cid;
    return 0;
}

static struct worker *open_worker(void)
{
    struct worker *w;
    struct err err = {0};
    struct worker_options o = {
        .block = {.tier_count = 2, .evictor = "lru", .page_size = PAGE, .cluster = "c", .incarnation = 1},
        .fetch_threads = 8, .store_timeout_ms = 5000,
        .stores = {.get = get_store, .put = put_store}, .contents_live = contents_live};
    o.block.tiers[0] = (struct block_tier_options){"MEM", mem_dir, mem_quota, 95, 85};
    o.block.tiers[1] = (struct block_tier_options){"SSD", disk_dir, disk_quota, 95, 85};
    if (worker_new(&o, &w, &err) < 0)
        fail_msg("%s", err.text);
    return w;
}

static struct call a_call(int64_t ms)
{
    return (struct call){.deadline_ms = clock_mono_ms() + ms, .request_id = "t", .via = "test", .from = ""};
}

static struct content_ref content(content_id cid, uint64_t length)
{
    static char key[] = "k";
    return (struct content_ref){.ino = cid, .cid = cid, .length = length, .block_size = BLOCK, .mount = 1, .key = key,
                                .etag = "v1", .is_persisted = true};
}

static int read_back(struct worker *w, const struct content_ref *c, uint64_t off, uint64_t len, enum read_type type, int64_t ms,
                     struct read_result *res, struct err *err)
{
    const struct data_api *d = worker_api(w);
    struct buf b;
    struct sink_buf sink;
    struct call call = a_call(ms);
    struct read_request q = {.content = c, .off = off, .len = len, .type = type};
    buf_init(&b, STORE_MAX);
    sink_buf_init(&sink, &b);
    int rc = d->read(d->impl, &call, &q, &sink.sink, res, err);
    if (rc == 0 && (b.len != len || (len && memcmp(b.data, store.data + off, len))))
        fail_msg("wrong bytes at %d+%d", (int)off, (int)len);
    buf_done(&b);
    return rc;
}

static void each_page_once(void **state)
{
    (void)state;
    struct worker *w = open_worker();
    struct content_ref c = content(1, STORE_MAX);
    struct read_result res;
    assert_int_equal(read_back(w, &c, 100, 10, READ_CACHE, 5000, &res, NULL), 0);
    assert_int_equal(store.bytes, PAGE); /* ten bytes: one page */
    assert_int_equal(res.from_store, 10);
    assert_int_equal(read_back(w, &c, 0, STORE_MAX, READ_CACHE, 5000, &res, NULL), 0);
    assert_int_equal(store.bytes, STORE_MAX);
    assert_true(store.reads < 12); /* large ranges */
    assert_int_equal(read_back(w, &c, 5, STORE_MAX - 5, READ_CACHE, 5000, &res, NULL), 0);
    assert_int_equal(res.from_store, 0);
    assert_int_equal(res.from_mem + res.from_disk, STORE_MAX - 5);
    assert_int_equal(store.bytes, STORE_MAX);
    assert_int_equal(read_back(w, &c, STORE_MAX, 1, READ_CACHE, 5000, &res, NULL), -ERR_RANGE);
    worker_free(w);
}

/* The whole object is one window: a quarter of it at most is asked for at once, or half of it. */
static void fewer_ranges_of_the_same_host(void **state)
{
    (void)state;
    struct worker *w = open_worker();
    struct content_ref distant = content(1, STORE_MAX), same = content(2, STORE_MAX);
    struct read_result res;
    assert_int_equal(read_back(w, &distant, 0, STORE_MAX, READ_CACHE, 5000, &res, NULL), 0);
    assert_int_equal(store.longest, STORE_MAX / 4);
    store.capabilities = UFS_CAP_SAME_HOST;
    assert_int_equal(read_back(w, &same, 0, STORE_MAX, READ_CACHE, 5000, &res, NULL), 0);
    assert_int_equal(store.longest, STORE_MAX / 2);
    worker_free(w);
}

static void reads_ahead_of_small_steps(void **state)
{
    (void)state;
    struct worker *w = open_worker();
    struct content_ref c = content(1, STORE_MAX);
    struct read_result res;
    for (uint64_t off = 0; off < STORE_MAX; off += 16384)
        assert_int_equal(read_back(w, &c, off, 16384, READ_CACHE, 5000, &res, NULL), 0);
    worker_free(w); /* what was asked for in the end is in */
    assert_int_equal(store.bytes, STORE_MAX);
    assert_true(store.reads < 60);
}

struct reader {
    struct thread thread;
    struct worker *w;
    int rc;
    int64_t ms;
};

static void reader_run(void *arg)
{
    struct reader *r = arg;
    struct content_ref c = content(1, STORE_MAX);
    struct read_result res;
    for (int i = 0; i < 16 && r->rc == 0; i++)
        r->rc = read_back(r->w, &c, 0, STORE_MAX / 4, READ_CACHE, r->ms, &res, NULL);
}

/* 64 threads read 16 times: 1,024 readers of one cold object. */
static void many_readers_one_request(void **state)
{
    (void)state;
    struct worker *w = open_worker();
    static struct reader r[64];
    memset(r, 0, sizeof r);
    store.is_shut = true; /* until all wait */
    for (size_t i = 0; i < array_len(r); i++) {
        r[i] = (struct reader){.w = w, .ms = 60000};
        thread_start(&r[i].thread, "reader", reader_run, &r[i]);
    }
    lock_take(&store.lock);
    store.is_shut = false;
    cond_wake_all(&store.gate);
    lock_drop(&store.lock);
    for (size_t i = 0; i < array_len(r); i++) {
        thread_join(&r[i].thread);
        assert_int_equal(r[i].rc, 0);
    }
    for (size_t p = 0; p < STORE_MAX / 4 / PAGE; p++)
        assert_int_equal(store.asked[p], 1);
    worker_free(w);
}

static void a_reader_has_its_deadline(void **state)
{
    (void)state;
    struct worker *w = open_worker();
    struct content_ref c = content(1, STORE_MAX);
    struct read_result res;
    struct err err = {0};
    store.is_shut = true;
    int64_t start = clock_mono_ms();
    assert_int_equal(read_back(w, &c, 0, 10, READ_CACHE, 100, &res, &err), -ERR_TIMEOUT);
    assert_true(clock_mono_ms() - start < 2000);
    lock_take(&store.lock);
    store.is_shut = false;
    cond_wake_all(&store.gate);
    lock_drop(&store.lock);
    assert_int_equal(read_back(w, &c, 0, 10, READ_CACHE, 5000, &res, &err), 0);
    assert_int_equal(store.bytes, PAGE);
    worker_free(w);
}

static void changed_in_the_store(void **state)
{
    (void)state;
    struct worker *w = open_worker();
    struct content_ref c = content(1, STORE_MAX);
    struct content_cached cached;
    struct read_result res;
    const struct data_api *d = worker_api(w);
    snprintf(c.etag, sizeof c.etag, "old");
    assert_int_equal(read_back(w, &c, 0, 1000000, READ_CACHE, 5000, &res, NULL), -ERR_PRECONDITION_FAILED);
    d->cached(d->impl, &c, &cached);
    assert_int_equal(cached.mem_bytes + cached.disk_bytes, 0);
    c = content(2, STORE_MAX);
    store_becomes(1000, false);
    c.etag[0] = 0;
    assert_int_equal(read_back(w, &c, 0, 2000000, READ_CACHE, 5000, &res, NULL), -ERR_PRECONDITION_FAILED);
    store_becomes(STORE_MAX, true);
    c = content(3, STORE_MAX);
    assert_int_equal(read_back(w, &c, 0, 10, READ_CACHE, 5000, &res, NULL), -ERR_STORE_ERROR);
    store_becomes(STORE_MAX, false);
    assert_int_equal(read_back(w, &c, 0, 10, READ_CACHE, 5000, &res, NULL), 0); /* a failure is not remembered */
    worker_free(w);
}

static void no_cache_leaves_nothing(void **state)
{
    (void)state;
    struct worker *w = open_worker();
    struct content_ref c = content(1, STORE_MAX);
    struct content_cached cached;
    struct read_result res;
    const struct data_api *d = worker_api(w);
    assert_int_equal(read_back(w, &c, 3, 3000000, READ_NO_CACHE, 5000, &res, NULL), 0);
    d->cached(d->impl, &c, &cached);
    assert_int_equal(cached.mem_bytes + cached.disk_bytes, 0);
    worker_free(w);
}

static void passes_by_a_full_cache(void **state)
{
    (void)state;
    mem_quota = 0;
    disk_quota = 2 << 20;
    struct worker *w = open_worker();
    const struct data_api *d = worker_api(w);
    struct content_ref full = content(1, 1900000), c = content(2, STORE_MAX);
    struct read_result res;
    assert_int_equal(read_back(w, &full, 0, full.length, READ_CACHE, 5000, &res, NULL), 0);
    d->pin(d->impl, 1, true);
    struct call call = a_call(5000);
    assert_int_equal(d->load(d->impl, &call, &full, 0, full.length, NULL), 0); /* all of it is there */
    assert_int_equal(read_back(w, &c, 0, STORE_MAX, READ_CACHE, 5000, &res, NULL), 0);
    assert_int_equal(read_back(w, &full, 0, full.length, READ_CACHE, 5000, &res, NULL), 0);
    assert_int_equal(res.from_store, 0);
    struct data_status st;
    d->status(d->impl, &st);
    assert_true(st.tiers[0].used_bytes <= st.tiers[0].quota_bytes);
    assert_true(st.tiers[0].pinned_bytes >= full.length);
    worker_free(w);
}

static int write_it(struct worker *w, const struct content_ref *c, enum write_type type, struct write_outcome *out, struct err *err)
{
    const struct data_api *d = worker_api(w);
    struct source_mem src;
    struct call call = a_call(5000);
    AUTO_FREE char *copy = xmemdup(store.data, c->length + 1);
    source_mem_init(&src, copy, c->length);
    return d->write(d->impl, &call, c, type, &src.source, false, out, err);
}

static void write_types(void **state)
{
    (void)state;
    struct worker *w = open_worker();
    const struct data_api *d = worker_api(w);
    struct write_outcome out;
    struct content_cached cached;
    struct read_result res;
    struct content_ref c = content(1, 2500000);
    c.is_persisted = false;
    assert_int_equal(write_it(w, &c, WRITE_MUST_CACHE, &out, NULL), 0);
    assert_true(out.is_cached && !out.is_in_store && !out.is_durable && out.length == c.length);
    assert_int_equal(read_back(w, &c, 0, c.length, READ_CACHE, 5000, &res, NULL), 0);
    assert_int_equal(d->drop(d->impl, 1, false), 0);
    c.cid = 2;
    assert_int_equal(write_it(w, &c, WRITE_ASYNC_THROUGH, &out, NULL), 0);
    assert_true(out.is_cached && !out.is_in_store && out.is_durable);
    assert_int_equal(store.writes, 0);
    struct call call = a_call(5000);
    assert_int_equal(d->persist(d->impl, &call, &c, &out, NULL), 0);
    assert_string_equal(out.etag, "w1");
    assert_int_equal(store.len, c.length);
    d->cached(d->impl, &c, &cached);
    assert_true(cached.is_dirty);
    d->committed(d->impl, &c);
    d->cached(d->impl, &c, &cached);
    assert_true(!cached.is_dirty && cached.disk_bytes == c.length);
    c.cid = 3;
    assert_int_equal(write_it(w, &c, WRITE_CACHE_THROUGH, &out, NULL), 0);
    assert_true(out.is_cached && out.is_in_store && out.length == c.length && !strcmp(out.etag, "w2"));
    c.cid = 4;
    assert_int_equal(write_it(w, &c, WRITE_THROUGH, &out, NULL), 0);
    assert_true(!out.is_cached && out.is_in_store);
    c.length = 0;
    for (int t = WRITE_MUST_CACHE; t <= WRITE_ASYNC_THROUGH; t++) {
        c.cid = (content_id)(10 + t);
        assert_int_equal(write_it(w, &c, (enum write_type)t, &out, NULL), 0);
        assert_int_equal(out.length, 0);
    }
    assert_int_equal(read_back(w, &c, 0, 0, READ_CACHE, 5000, &res, NULL), 0);
    worker_free(w);
}

static void failed_writes_leave_nothing(void **state)
{
    (void)state;
    mem_quota = 0;
    disk_quota = 1 << 20;
    struct worker *w = open_worker();
    const struct data_api *d = worker_api(w);
    struct write_outcome out;
    struct content_cached cached;
    struct content_ref c = content(1, 2500000);
    assert_int_equal(write_it(w, &c, WRITE_MUST_CACHE, &out, NULL), -ERR_NO_SPACE);
    assert_int_equal(write_it(w, &c, WRITE_ASYNC_THROUGH, &out, NULL), -ERR_NO_SPACE);
    assert_int_equal(write_it(w, &c, WRITE_CACHE_THROUGH, &out, NULL), 0); /* the store took it */
    assert_false(out.is_cached);
    store.is_failing = true;
    c.length = 1000;
    assert_int_equal(write_it(w, &c, WRITE_CACHE_THROUGH, &out, NULL), -ERR_STORE_ERROR);
    d->cached(d->impl, &c, &cached);
    assert_int_equal(cached.disk_bytes, 0);
    struct data_status st;
    d->status(d->impl, &st);
    assert_int_equal(st.tiers[0].used_bytes, 0);
    c.is_persisted = false;
    struct read_result res;
    assert_int_equal(read_back(w, &c, 0, 10, READ_CACHE, 5000, &res, NULL), -ERR_LOST);
    worker_free(w);
}

static bool is_gone(struct worker *w, const struct content_ref *c)
{
    const struct data_api *d = worker_api(w);
    struct content_cached cached = {.disk_bytes = 1};
    struct lock l;
    struct cond never;
    lock_init(&l, RANK_ROLES);
    cond_init(&never);
    for (int64_t until = clock_mono_ms() + 5000; !clock_is_past(until) && cached.disk_bytes;) {
        lock_take(&l);
        cond_wait(&never, &l, clock_mono_ms() + 5);
        lock_drop(&l);
        d->cached(d->impl, c, &cached);
    }
    cond_done(&never);
    lock_done(&l);
    return !cached.disk_bytes;
}

static void restart_keeps_what_lives(void **state)
{
    (void)state;
    struct worker *w = open_worker();
    struct write_outcome out;
    struct read_result res;
    struct content_ref live = content(1, 300000), dead = content(2, 300000), fresh = content(3, 300000);
    live.is_persisted = dead.is_persisted = fresh.is_persisted = false;
    assert_int_equal(write_it(w, &live, WRITE_ASYNC_THROUGH, &out, NULL), 0);
    assert_int_equal(write_it(w, &dead, WRITE_ASYNC_THROUGH, &out, NULL), 0);
    worker_free(w);
    dead_cid = 2;
    live_asked = 0;
    w = open_worker();
    worker_start(w);
    assert_int_equal(write_it(w, &fresh, WRITE_ASYNC_THROUGH, &out, NULL), 0);
    assert_true(is_gone(w, &dead));
    assert_true(live_asked >= 2);
    assert_int_equal(read_back(w, &live, 0, live.length, READ_CACHE, 5000, &res, NULL), 0);
    assert_int_equal(read_back(w, &fresh, 0, live.length, READ_CACHE, 5000, &res, NULL), 0);
    worker_free(w);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_page_once),          TEST(reads_ahead_of_small_steps), TEST(many_readers_one_request),
        TEST(a_reader_has_its_deadline), TEST(changed_in_the_store),     TEST(no_cache_leaves_nothing),
        TEST(passes_by_a_full_cache),  TEST(write_types),                TEST(failed_writes_leave_nothing),
        TEST(restart_keeps_what_lives), TEST(fewer_ranges_of_the_same_host),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
