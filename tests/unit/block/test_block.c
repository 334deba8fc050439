/* SPDX-License-Identifier: Apache-2.0
 *
 * test_block: pages in and out, quotas, adoption with damage, dirty protection.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/file_util.h"
#include "base/lock.h"
#include "base/mem.h"
#include "base/thread.h"
#include "block/block.h"

#include <fcntl.h>
#include <fts.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PAGE = 65536, BLOCK = 4 * PAGE };
static char mem_dir[64], disk_dir[64];
static uint64_t mem_quota, disk_quota;
static const char *cluster = "one";
static const char *evictor = "sieve";

static struct block_store *open_store(void)
{
    struct block_store *s;
    struct err err = {0};
    struct block_options o = {.tier_count = 2, .evictor = evictor, .page_size = PAGE, .cluster = cluster, .incarnation = 1, .open_max = 64};
    o.tiers[0] = (struct block_tier_options){"MEM", mem_dir, mem_quota, 95, 80};
    o.tiers[1] = (struct block_tier_options){"SSD", disk_dir, disk_quota, 95, 80};
    if (block_store_new(&o, &s, &err) < 0)
        fail_msg("%s", err.text);
    return s;
}

static int setup(void **state)
{
    (void)state;
    snprintf(mem_dir, sizeof mem_dir, "/dev/shm/block-test-XXXXXX");
    snprintf(disk_dir, sizeof disk_dir, "/tmp/block-test-XXXXXX");
    mem_quota = 16 << 20;
    disk_quota = 32 << 20;
    cluster = "one";
    evictor = "sieve";
    return mkdtemp(mem_dir) && mkdtemp(disk_dir) ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    return file_remove_tree(mem_dir, NULL) | file_remove_tree(disk_dir, NULL);
}

static struct block_key key(content_id cid, uint64_t length)
{
    return (struct block_key){.ino = cid + 1000, .cid = cid, .block_size = BLOCK, .length = length};
}

static char byte_at(content_id cid, uint64_t off)
{
    return (char)(off * 31 + off / 257 + cid * 7);
}

static void fill(char *to, content_id cid, uint64_t off, size_t len)
{
    for (size_t i = 0; i < len; i++)
        to[i] = byte_at(cid, off + i);
}

static int put(struct block_store *s, content_id cid, uint64_t length, uint64_t off)
{
    static _Thread_local char page[PAGE];
    struct block_key k = key(cid, length);
    size_t len = length - off < PAGE ? length - off : PAGE;
    fill(page, cid, off, len);
    return block_put(s, &k, off, page, len, NULL);
}

static int check(struct block_store *s, content_id cid, uint64_t length, uint64_t off, size_t max, size_t *ret_len)
{
    struct block_key k = key(cid, length);
    struct block_pinned p;
    TRY(block_pin(s, &k, off, max, &p, NULL));
    char *copy = xmalloc(p.slice.len);
    assert_int_equal(slice_copy(&p.slice, copy, NULL), 0);
    for (size_t i = 0; i < p.slice.len; i++)
        if (copy[i] != byte_at(cid, off + i))
            fail_msg("content %d byte %d differs", (int)cid, (int)(off + i));
    if (ret_len)
        *ret_len = p.slice.len;
    free(copy);
    slice_unref(&p.slice);
    return 0;
}

static int write_content(struct block_store *s, content_id cid, uint64_t length, enum block_write kind, bool *ret_durable)
{
    struct block_key k = key(cid, 0);
    struct block_writer *w = block_writer_new(s, &k, kind);
    char part[10000];
    int rc = 0;
    for (uint64_t off = 0; rc == 0 && off < length;) {
        size_t n = length - off < sizeof part ? length - off : sizeof part;
        fill(part, cid, off, n);
        rc = block_writer_add(w, part, n, NULL);
        off += n;
    }
    if (rc == 0)
        rc = block_writer_commit(w, ret_durable, NULL);
    block_writer_free(w);
    return rc;
}

/* Changes one byte of the only block file below `dir`, counted from its end. */
static size_t spoil(const char *dir, off_t from_end)
{
    char *const roots[] = {(char *)dir, NULL};
    FTS *t = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    size_t files = 0;
    for (FTSENT *e; (e = fts_read(t));) {
        if (e->fts_info != FTS_F)
            continue;
        files++;
        if (from_end < 0)
            continue;
        AUTO_FD int fd = open(e->fts_accpath, O_RDWR);
        struct stat st;
        char c;
        assert_int_equal(fstat(fd, &st), 0);
        assert_int_equal(pread(fd, &c, 1, st.st_size - from_end), 1);
        c ^= 1;
        assert_int_equal(pwrite(fd, &c, 1, st.st_size - from_end), 1);
    }
    fts_close(t);
    return files;
}
#define count_files(dir) spoil(dir, -1)

static void pages_come_back(void **state)
{
    (void)state;
    struct block_store *s = open_store();
    uint64_t length = BLOCK + PAGE + 100;
    size_t len;
    assert_int_equal(check(s, 7, length, 0, 10, NULL), -ERR_NOT_FOUND);
    for (uint64_t off = 0; off < length; off += PAGE)
        assert_int_equal(put(s, 7, length, off), 0);
    assert_int_equal(check(s, 7, length, 0, 1 << 30, &len), 0);
    assert_int_equal(len, BLOCK); /* pages that lie together are one slice */
    assert_int_equal(check(s, 7, length, BLOCK + PAGE + 90, 1000, &len), 0);
    assert_int_equal(len, 10);
    struct content_cached c;
    block_cached(s, 7, &c);
    assert_int_equal(c.mem_bytes, length);
    assert_int_equal(put(s, 7, length, 5), -ERR_INVALID_ARGUMENT);
    assert_int_equal(block_drop(s, 7, false), length);
    assert_int_equal(check(s, 7, length, 0, 10, NULL), -ERR_NOT_FOUND);
    assert_int_equal(count_files(mem_dir), 0);
    struct data_status st = {0};
    block_status(s, &st);
    assert_int_equal(st.tiers[0].used_bytes, 0);
    block_store_free(s);
}

static void a_hole_is_not_served(void **state)
{
    (void)state;
    struct block_store *s = open_store();
    size_t len;
    assert_int_equal(put(s, 1, BLOCK, 0), 0);
    assert_int_equal(put(s, 1, BLOCK, 2 * PAGE), 0);
    assert_int_equal(check(s, 1, BLOCK, 100, 1 << 30, &len), 0);
    assert_int_equal(len, PAGE - 100);
    assert_int_equal(check(s, 1, BLOCK, PAGE, 10, NULL), -ERR_NOT_FOUND);
    block_store_free(s);
}

struct filler {
    struct thread thread;
    struct block_store *s;
    content_id first;
    uint64_t most;
};

static void fill_run(void *arg)
{
    struct filler *f = arg;
    for (content_id cid = f->first; cid < f->first + 60; cid++) {
        for (uint64_t off = 0; off < BLOCK; off += PAGE)
            put(f->s, cid, BLOCK, off);
        check(f->s, cid, BLOCK, 0, 1 << 30, NULL);
        struct data_status st = {0};
        block_status(f->s, &st);
        for (size_t i = 0; i < st.tier_count; i++)
            if (st.tiers[i].used_bytes > st.tiers[i].quota_bytes)
                f->most = st.tiers[i].used_bytes;
    }
}

static uint64_t disk_usage(const char *dir)
{
    char *const roots[] = {(char *)dir, NULL};
    FTS *t = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    uint64_t sum = 0;
    for (FTSENT *e; (e = fts_read(t));)
        sum += e->fts_info == FTS_F ? (uint64_t)e->fts_statp->st_blocks * 512 : 0;
    fts_close(t);
    return sum;
}

static void quotas_hold(void **state)
{
    (void)state;
    mem_quota = 2 << 20;
    disk_quota = 5 << 20;
    struct block_store *s = open_store();
    struct filler f[4] = {0};
    for (int i = 0; i < 4; i++) {
        f[i].s = s;
        f[i].first = (content_id)(i + 1) * 1000;
        thread_start(&f[i].thread, "filler", fill_run, &f[i]);
    }
    for (int i = 0; i < 4; i++) {
        thread_join(&f[i].thread);
        assert_int_equal(f[i].most, 0);
    }
    assert_true(disk_usage(mem_dir) <= mem_quota);
    assert_true(disk_usage(disk_dir) <= disk_quota);
    struct data_status st = {0};
    block_status(s, &st);
    assert_true(st.evicted_pages > 0 && st.blocks > 0);
    block_store_free(s);
}

static void pinned_and_dirty_stay(void **state)
{
    (void)state;
    mem_quota = 0;
    disk_quota = 2 << 20;
    struct block_store *s = open_store();
    bool durable = false;
    assert_int_equal(write_content(s, 1, BLOCK, BLOCK_DIRTY, &durable), 0);
    assert_true(durable);
    for (uint64_t off = 0; off < BLOCK; off += PAGE)
        assert_int_equal(put(s, 2, BLOCK, off), 0);
    block_set_pinned(s, 2, true);
    for (content_id cid = 3; cid < 40; cid++)
        for (uint64_t off = 0; off < BLOCK; off += PAGE)
            assert_int_equal(put(s, cid, BLOCK, off), 0);
    assert_int_equal(check(s, 1, BLOCK, 0, 10, NULL), 0);
    assert_int_equal(check(s, 2, BLOCK, 0, 10, NULL), 0);
    assert_int_equal(check(s, 3, BLOCK, 0, 10, NULL), -ERR_NOT_FOUND);
    assert_int_equal(block_drop(s, 1, false), 0); /* dirty: not for asking */
    for (content_id cid = 30; cid < 50; cid++)
        block_set_pinned(s, cid, true);
    int rc = 0;
    /* eviction runs beside: what it takes between the two calls is not pinned, so this may take a few more */
    for (content_id cid = 50; cid < 5000 && rc == 0; cid++) {
        rc = put(s, cid, BLOCK, 0);
        block_set_pinned(s, cid, true);
    }
    assert_int_equal(rc, -ERR_NO_SPACE); /* full of pinned: reads pass by */
    block_set_clean(s, 1);
    block_drop(s, 1, false); /* or eviction was faster */
    assert_int_equal(check(s, 1, BLOCK, 0, 10, NULL), -ERR_NOT_FOUND);
    block_store_free(s);
}

static void adopts_and_finds_damage(void **state)
{
    (void)state;
    struct block_store *s = open_store();
    struct content_cached c;
    for (uint64_t off = 0; off < BLOCK; off += PAGE)
        assert_int_equal(put(s, 5, BLOCK, off), 0);
    block_store_free(s);
    s = open_store();
    block_cached(s, 5, &c);
    assert_int_equal(c.mem_bytes, BLOCK);
    assert_int_equal(check(s, 5, BLOCK, 17, 5000, NULL), 0);
    block_store_free(s);
    assert_int_equal(spoil(mem_dir, 100), 1); /* a torn last page */
    s = open_store();
    assert_int_equal(check(s, 5, BLOCK, 0, 10, NULL), 0);
    assert_int_equal(check(s, 5, BLOCK, 3 * PAGE, 10, NULL), -ERR_NOT_FOUND);
    struct data_status st = {0};
    block_status(s, &st);
    assert_int_equal(st.bad_pages, 1);
    assert_int_equal(put(s, 5, BLOCK, 3 * PAGE), 0);
    assert_int_equal(check(s, 5, BLOCK, 3 * PAGE, 10, NULL), 0);
    block_store_free(s);
    cluster = "another";
    s = open_store();
    assert_int_equal(check(s, 5, BLOCK, 3 * PAGE, 10, NULL), -ERR_NOT_FOUND);
    assert_int_equal(count_files(mem_dir), 0);
    block_store_free(s);
}

static void damaged_dirty_is_kept(void **state)
{
    (void)state;
    mem_quota = 0;
    bool durable;
    struct block_store *s = open_store();
    assert_int_equal(write_content(s, 9, 3 * PAGE + 5, BLOCK_DIRTY_DURABLE, &durable), 0);
    block_store_free(s);
    spoil(disk_dir, BLOCK - PAGE - 7); /* in page 1: the file is as long as the capacity */
    s = open_store();
    struct err err = {0};
    struct block_pinned p;
    struct block_key k = key(9, 3 * PAGE + 5);
    assert_int_equal(check(s, 9, 3 * PAGE + 5, 0, 10, NULL), 0);
    assert_int_equal(block_pin(s, &k, PAGE, 10, &p, &err), -ERR_CORRUPT);
    assert_string_not_equal(err.text, "");
    assert_int_equal(check(s, 9, 3 * PAGE + 5, 3 * PAGE, 10, NULL), 0);
    assert_int_equal(count_files(disk_dir), 1);
    block_store_free(s);
    cluster = "another"; /* not ours, but somebody's only copy */
    s = open_store();
    assert_int_equal(check(s, 9, 3 * PAGE + 5, 0, 10, NULL), -ERR_NOT_FOUND);
    assert_int_equal(count_files(disk_dir), 1);
    block_store_free(s);
}

static void nothing_stays_of_a_failed_write(void **state)
{
    (void)state;
    mem_quota = 0;
    disk_quota = 1 << 20;
    bool durable;
    struct block_store *s = open_store();
    assert_int_equal(write_content(s, 3, 2 << 20, BLOCK_DIRTY, &durable), -ERR_NO_SPACE);
    assert_int_equal(count_files(disk_dir), 0);
    struct data_status st = {0};
    block_status(s, &st);
    assert_int_equal(st.tiers[0].used_bytes, 0);
    assert_int_equal(write_content(s, 4, 0, BLOCK_DIRTY, &durable), 0); /* empty content */
    block_store_free(s);
}

static void dirty_memory_is_not_durable(void **state)
{
    (void)state;
    bool durable = true;
    struct block_store *s = open_store();
    struct content_cached c;
    assert_int_equal(write_content(s, 3, 2 * BLOCK, BLOCK_DIRTY, &durable), 0);
    assert_false(durable);
    assert_int_equal(write_content(s, 4, 2 * BLOCK, BLOCK_DIRTY_DURABLE, &durable), 0);
    assert_true(durable);
    block_cached(s, 4, &c);
    assert_int_equal(c.disk_bytes, 2 * BLOCK);
    assert_true(c.is_dirty);
    block_store_free(s);
}

static void a_slice_outlives_its_block(void **state)
{
    (void)state;
    struct block_store *s = open_store();
    struct block_pinned p;
    struct block_key k = key(1, BLOCK);
    char c;
    put(s, 1, BLOCK, 0);
    assert_int_equal(block_pin(s, &k, 3, 1, &p, NULL), 0);
    block_drop(s, 1, true);
    assert_int_equal(slice_copy(&p.slice, &c, NULL), 0);
    assert_int_equal(c, byte_at(1, 3));
    struct data_status st = {0};
    block_status(s, &st);
    assert_true(st.tiers[0].used_bytes >= PAGE); /* the bytes are still there, so they count */
    slice_unref(&p.slice);
    block_status(s, &st);
    assert_int_equal(st.tiers[0].used_bytes, 0);
    block_store_free(s);
}

/* Somebody removed the folder's files: no page of them is served, and the disk is not blamed. */
static void a_lost_file_is_a_miss(void **state)
{
    (void)state;
    mem_quota = 0;
    struct block_store *s = open_store();
    put(s, 1, BLOCK, 0);
    block_store_free(s);
    s = open_store();
    assert_int_equal(file_remove_tree(disk_dir, NULL), 0);
    assert_int_equal(check(s, 1, BLOCK, 0, 10, NULL), -ERR_NOT_FOUND);
    struct data_status st = {0};
    block_status(s, &st);
    assert_true(st.tiers[0].is_ok);
    assert_int_equal(st.blocks, 0);
    block_store_free(s);
}

static void pinned_from_the_first_page(void **state)
{
    (void)state;
    struct block_store *s = open_store();
    struct block_key k = key(1, PAGE);
    struct block_pinned p;
    static char page[PAGE];
    k.is_pinned = true;
    assert_int_equal(block_put(s, &k, 0, page, PAGE, NULL), 0);
    assert_int_equal(block_pin(s, &k, 0, 1, &p, NULL), 0);
    assert_true(p.is_pinned);
    slice_unref(&p.slice);
    block_store_free(s);
}

static void room_is_what_may_leave(void **state)
{
    (void)state;
    mem_quota = 0;
    disk_quota = 1 << 20;
    struct block_store *s = open_store();
    static char page[PAGE];
    content_id cid = 1;
    int rc = 0;
    assert_int_equal(put(s, cid, PAGE, 0), 0);
    assert_true(block_may_have_room(s, disk_quota - PAGE)); /* that page would have to leave */
    block_set_pinned(s, cid++, true);
    assert_false(block_may_have_room(s, disk_quota - PAGE));
    for (; rc == 0; cid++) {
        struct block_key k = key(cid, PAGE);
        k.is_pinned = true; /* nothing is evicted meanwhile */
        rc = block_put(s, &k, 0, page, PAGE, NULL);
    }
    assert_int_equal(rc, -ERR_NO_SPACE);
    assert_false(block_may_have_room(s, 2 * PAGE)); /* less is left than a page and a block's head */
    block_drop(s, 1, true);
    assert_true(block_may_have_room(s, PAGE));
    block_store_free(s);
}

static bool comes_to_memory(struct block_store *s, content_id cid)
{
    struct content_cached c = {0};
    struct lock l;
    struct cond never;
    lock_init(&l, RANK_LEAF);
    cond_init(&never);
    for (int64_t until = clock_mono_ms() + 3000; !clock_is_past(until) && !c.mem_bytes;) {
        lock_take(&l);
        cond_wait(&never, &l, clock_mono_ms() + 5);
        lock_drop(&l);
        block_cached(s, cid, &c);
    }
    cond_done(&never);
    lock_done(&l);
    return c.mem_bytes == BLOCK && !c.disk_bytes;
}

static void promotes(void **state)
{
    (void)state;
    uint64_t quota = mem_quota;
    mem_quota = 0;
    struct block_store *s = open_store();
    for (uint64_t off = 0; off < BLOCK; off += PAGE)
        put(s, 6, BLOCK, off);
    block_store_free(s);
    mem_quota = quota;
    s = open_store();
    struct block_key k = key(6, BLOCK);
    assert_int_equal(check(s, 6, BLOCK, 0, 10, NULL), 0);
    block_promote(s, &k, 0);
    assert_true(comes_to_memory(s, 6));
    assert_int_equal(check(s, 6, BLOCK, PAGE + 3, 1000, NULL), 0);
    assert_int_equal(count_files(disk_dir), 0);
    block_store_free(s);
}

static uint64_t used(struct block_store *s, unsigned tier)
{
    struct data_status st = {0};
    block_status(s, &st);
    return st.tiers[tier].used_bytes;
}

/* Nobody told its length: what does not fit into memory goes on on the disk, and the room in memory is given back. */
static void untold_length_spills(void **state)
{
    (void)state;
    uint64_t length = 3u << 20;
    bool is_durable = false;
    size_t got;
    mem_quota = (1 << 20) + 8 * 4096;
    struct block_store *s = open_store();
    assert_int_equal(write_content(s, 5, length, BLOCK_DIRTY, &is_durable), 0);
    for (uint64_t off = 0; off < length; off += got)
        assert_int_equal(check(s, 5, length, off, length - off, &got), 0);
    assert_true(used(s, 0) <= mem_quota);
    assert_true(used(s, 0) >= 3 * BLOCK);
    assert_true(used(s, 0) + used(s, 1) >= length);
    assert_true(used(s, 0) + used(s, 1) < length + (1 << 20));
    assert_true(block_drop(s, 5, true) >= length);
    assert_int_equal(used(s, 0) + used(s, 1), 0);
    assert_int_equal(spoil(mem_dir, -1) + spoil(disk_dir, -1), 0); /* no file is left over */
    block_store_free(s);
}

/* A content larger than half of the memory drives nothing out of it, not even itself. */
static void large_passes_by_memory(void **state)
{
    (void)state;
    uint64_t length = 3u << 20;
    mem_quota = 4 << 20;
    struct block_store *s = open_store();
    assert_int_equal(put(s, 1, PAGE, 0), 0);
    for (uint64_t off = 0; off < length; off += PAGE)
        assert_int_equal(put(s, 2, length, off), 0);
    for (uint64_t off = 0; off < length; off += PAGE)
        assert_int_equal(check(s, 2, length, off, PAGE, NULL), 0);
    assert_int_equal(check(s, 1, PAGE, 0, PAGE, NULL), 0);
    assert_true(used(s, 0) < 2 * PAGE);
    assert_true(used(s, 1) >= length);
    block_store_free(s);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(pages_come_back),        TEST(a_hole_is_not_served),        TEST(quotas_hold),
        TEST(pinned_and_dirty_stay),  TEST(adopts_and_finds_damage),     TEST(damaged_dirty_is_kept),
        TEST(promotes),               TEST(nothing_stays_of_a_failed_write), TEST(dirty_memory_is_not_durable),
        TEST(a_slice_outlives_its_block), TEST(a_lost_file_is_a_miss), TEST(pinned_from_the_first_page), TEST(room_is_what_may_leave),
        TEST(untold_length_spills),   TEST(large_passes_by_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
