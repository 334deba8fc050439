/* SPDX-License-Identifier: Apache-2.0
 *
 * test_names: what is said to be absent is absent, at the level of the sets and through meta_walk.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "meta/meta_parts.h"
#include "meta_fixture.h"

#include <stdio.h>
#include <string.h>

static void test_answers(void **state)
{
    (void)state;
    uint32_t two[] = {7, 0};
    struct names *n = names_new(1 << 20);
    assert_int_equal(names_ask(n, 5, 7, 100), NAMES_UNKNOWN);
    names_fill(n, 5, two, 2, 50);
    assert_int_equal(names_ask(n, 5, 7, 100), NAMES_MAYBE);
    assert_int_equal(names_ask(n, 5, 0, 100), NAMES_MAYBE);
    assert_int_equal(names_ask(n, 5, 8, 100), NAMES_LACK);
    assert_int_equal(names_ask(n, 5, 8, 49), NAMES_MAYBE); /* what was before the set is not its business */
    assert_int_equal(names_ask(n, 6, 8, 100), NAMES_UNKNOWN);
    names_put(n, 5, 8, 51);
    assert_int_equal(names_ask(n, 5, 8, 100), NAMES_MAYBE);
    names_free(n);
}

static void test_late_fill_is_dropped(void **state)
{
    (void)state;
    uint32_t one = 7;
    struct names *n = names_new(1 << 20);
    names_put(n, 5, 8, 51); /* nobody knows the directory yet */
    names_fill(n, 5, &one, 1, 50);
    assert_int_equal(names_ask(n, 5, 8, 100), NAMES_UNKNOWN);
    names_fill(n, 5, &one, 1, 51);
    assert_int_equal(names_ask(n, 5, 9, 100), NAMES_LACK);
    names_free(n);
}

static void test_growth_ends(void **state)
{
    (void)state;
    struct names *n = names_new(64 << 20);
    names_fill(n, 5, NULL, 0, 1);
    uint32_t put = 0;
    while (names_ask(n, 5, 3, 100) != NAMES_UNKNOWN && put < 1000000)
        names_put(n, 5, 1000 + put++, 2);
    assert_in_range(put, NAMES_LEARN_MAX, 100000);
    assert_int_equal(names_bytes(n), 0);
    names_free(n);
}

static void test_memory_is_bounded(void **state)
{
    (void)state;
    uint32_t hashes[500];
    for (uint32_t i = 0; i < 500; i++)
        hashes[i] = i * 977;
    struct names *n = names_new(1 << 20);
    unsigned known = 0;
    for (inode_id dir = 1; dir <= 5000; dir++) {
        names_fill(n, dir, hashes, 500, 1);
        assert_in_range(names_bytes(n), 0, 1 << 20);
    }
    for (inode_id dir = 1; dir <= 5000; dir++)
        known += names_ask(n, dir, 5, 1) == NAMES_LACK;
    assert_in_range(known, 100, 300);
    names_free(n);
}

/* Never absent what was put, whatever is dropped, grown and learned again between. */
static void test_like_a_model(void **state)
{
    (void)state;
    enum { DIRS = 40, NAMES = 3000, STEPS = 400000 };
    static bool is_there[DIRS][NAMES];
    struct names *n = names_new(200 << 10);
    unsigned seed = 1, lacks = 0;
    for (uint64_t index = 1; index < STEPS; index++) {
        unsigned dir = (unsigned)rand_r(&seed) % DIRS, name = (unsigned)rand_r(&seed) % NAMES;
        enum names_answer a = names_ask(n, dir, name * 16, index);
        assert_true(a != NAMES_LACK || !is_there[dir][name]);
        lacks += a == NAMES_LACK;
        if (a == NAMES_UNKNOWN) {
            uint32_t all[NAMES];
            size_t count = 0;
            for (uint32_t i = 0; i < NAMES; i++)
                if (is_there[dir][i])
                    all[count++] = i * 16;
            names_fill(n, dir, all, count, index);
        } else if (rand_r(&seed) % 4 == 0) {
            names_put(n, dir, name * 16, index);
            is_there[dir][name] = true;
        }
    }
    assert_in_range(lacks, STEPS / 20, STEPS);
    names_free(n);
}

/* The set must know what apply put when the cache has long dropped the name itself. */
static void test_apply_tells_the_set(void **state)
{
    (void)state;
    struct cache *c = cache_new(1 << 20);
    uint32_t one = cache_name_hash(9, "there", 5);
    cache_names_fill(c, 9, &one, 1, 10);
    assert_int_equal(cache_names_ask(c, 9, "there", 5, 10), NAMES_MAYBE);
    assert_int_equal(cache_names_ask(c, 9, "new", 3, 10), NAMES_LACK);
    cache_dentry_apply(c, 9, "new", 3, 77, INODE_FILE, 11);
    assert_int_equal(cache_names_ask(c, 9, "new", 3, 11), NAMES_MAYBE);
    cache_dentry_apply(c, 9, "other", 5, 0, INODE_FILE, 12); /* of a name that went */
    assert_int_equal(cache_names_ask(c, 9, "other", 5, 12), NAMES_LACK);
    cache_free(c);
}

/* More files than the cache holds push out files, and leave directories. */
static void test_directories_stay(void **state)
{
    (void)state;
    enum { KEPT = 200, MORE = 6000 };
    struct cache *c = cache_new(256 << 10);
    struct cache_dentry d;
    unsigned files = 0, directories = 0;
    for (inode_id i = 1; i <= KEPT; i++) {
        cache_dentry_apply(c, i, "file", 4, i, INODE_FILE, 1);
        cache_dentry_apply(c, i, "directory", 9, i, INODE_DIRECTORY, 1);
    }
    for (inode_id i = 1; i <= MORE; i++)
        cache_dentry_apply(c, 1000 + i, "file", 4, i, INODE_FILE, 2);
    for (inode_id i = 1; i <= KEPT; i++) {
        files += cache_dentry_get(c, i, "file", 4, &d);
        directories += cache_dentry_get(c, i, "directory", 9, &d);
    }
    assert_in_range(files, 0, KEPT / 2);
    assert_in_range(directories, KEPT * 9 / 10, KEPT);
    cache_free(c);
}

static size_t depth_found(struct meta_fixture *f, const char *path)
{
    struct walk w;
    assert_int_equal(meta_walk(f->m, path, &w, NULL), 0);
    size_t n = w.count;
    walk_done(&w);
    return n;
}

static void test_walk_learns(void **state)
{
    (void)state;
    static struct meta_fixture f;
    inode_id dir, ino, moved;
    meta_fixture_format(&f, NULL);
    assert_int_equal(meta_fixture_create(&f, INODE_ROOT, "d", INODE_DIRECTORY, &dir), 0);
    assert_int_equal(meta_fixture_create(&f, dir, "there", INODE_FILE, &ino), 0);
    for (int i = 0; i < 100; i++) {
        char name[20], path[40];
        snprintf(name, sizeof name, "new-%d", i);
        snprintf(path, sizeof path, "/d/%s", name);
        assert_int_equal(depth_found(&f, path), 2); /* the first one teaches */
        assert_int_equal(cache_names_ask(f.m->cache, dir, "nobody", 6, UINT64_MAX), NAMES_LACK);
        assert_int_equal(meta_fixture_create(&f, dir, name, INODE_FILE, &ino), 0);
        assert_int_equal(depth_found(&f, path), 3);
        if (i % 3 == 0) {
            assert_int_equal(meta_fixture_remove_child(&f, dir, name, ino), 0);
            assert_int_equal(depth_found(&f, path), 2);
            assert_int_equal(meta_fixture_create(&f, dir, name, INODE_FILE, &moved), 0);
            assert_int_equal(depth_found(&f, path), 3);
        }
    }
    assert_int_equal(depth_found(&f, "/d/there"), 3);
    assert_int_equal(meta_fixture_findings(&f), 0);
    meta_fixture_remove(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers),           cmocka_unit_test(test_late_fill_is_dropped),
        cmocka_unit_test(test_growth_ends),       cmocka_unit_test(test_memory_is_bounded),
        cmocka_unit_test(test_like_a_model),      cmocka_unit_test(test_walk_learns),
        cmocka_unit_test(test_apply_tells_the_set), cmocka_unit_test(test_directories_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
