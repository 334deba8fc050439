/* SPDX-License-Identifier: Apache-2.0
 *
 * test_meta_threads: readers beside writers, with a cache too small for all: a name that is replaced
 * atomically is always found and never gets older; a caller sees its own change at once.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "meta_fixture.h"

#include "base/clock.h"
#include "base/thread.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#define RUN_MS 1500
#define WAKE_MS 10000 /* a caller that nobody wakes sleeps to its deadline of 20 s */

static struct meta_fixture f;
static inode_id dir, small;
static atomic_bool is_over;
static atomic_int failures;

#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "line %d: %s\n", __LINE__, #condition);                                \
            atomic_fetch_add(&failures, 1);                                                        \
        }                                                                                          \
    } while (0)

/* Gives "turn" to a new inode in one entry. */
static void replacer(void *arg)
{
    inode_id old = *(inode_id *)arg;
    while (!atomic_load(&is_over)) {
        AUTO(entry) e;
        struct call call = call_system("test", clock_mono_ms() + 20000, NULL);
        struct inode i = meta_fixture_inode(meta_new_id(f.m), INODE_FILE, dir, "turn");
        i.length = i.ino * 2;
        entry_init(&e, ENTRY_TEST, call.now_ms);
        entry_guard_dentry(&e, dir, "turn", old, ERR_CONFLICT);
        entry_remove_inode(&e, old);
        entry_put_inode(&e, &i);
        entry_put_dentry(&e, dir, "turn", i.ino, INODE_FILE);
        MUST(meta_propose(f.m, &call, &e, NULL) == 0);
        old = i.ino;
    }
}

static void walker(void *arg)
{
    inode_id last = 0;
    uint64_t index = 0;
    (void)arg;
    while (!atomic_load(&is_over)) {
        struct walk w;
        MUST(meta_walk(f.m, "/d/turn", &w, NULL) == 0);
        MUST(w.count == 3 && w.last.ino >= last && w.last.length == w.last.ino * 2);
        MUST(w.index >= index);
        MUST(w.nodes[1].child_ver >> 16 <= w.index && w.last.attr_ver >> 16 <= w.index);
        last = w.last.ino;
        index = w.index;
        walk_done(&w);
    }
}

static void creator(void *arg)
{
    unsigned number = *(unsigned *)arg;
    for (unsigned n = 0; !atomic_load(&is_over); n++) {
        char name[40];
        inode_id ino, got;
        snprintf(name, sizeof name, "c-%u-%u", number, n);
        MUST(meta_lookup(f.m, dir, name, strlen(name), &got, NULL, NULL) == -ERR_NOT_FOUND);
        MUST(meta_fixture_create(&f, dir, name, INODE_FILE, &ino) == 0);
        MUST(meta_lookup(f.m, dir, name, strlen(name), &got, NULL, NULL) == 0 && got == ino);
        if (n % 2) {
            MUST(meta_fixture_remove_child(&f, dir, name, ino) == 0);
            MUST(meta_lookup(f.m, dir, name, strlen(name), &got, NULL, NULL) == -ERR_NOT_FOUND);
        }
    }
}

/* In a directory that stays small, so that its names are learned (names.h) while others change it. */
static void toggler(void *arg)
{
    unsigned number = *(unsigned *)arg;
    for (unsigned n = 0; !atomic_load(&is_over); n++) {
        char name[40], path[48];
        inode_id ino;
        struct walk w;
        snprintf(name, sizeof name, "t-%u-%u", number, n % 40);
        snprintf(path, sizeof path, "/small/%s", name);
        MUST(meta_walk(f.m, path, &w, NULL) == 0 && w.count == 2);
        walk_done(&w);
        MUST(meta_fixture_create(&f, small, name, INODE_FILE, &ino) == 0);
        MUST(meta_walk(f.m, path, &w, NULL) == 0 && w.count == 3);
        walk_done(&w);
        MUST(meta_fixture_remove_child(&f, small, name, ino) == 0);
    }
}

/* Names come in order, and none that stays is missed. */
static int in_order(void *arg, const struct meta_child *c, struct err *err)
{
    struct buf *last = arg;
    (void)err;
    MUST(strcmp(buf_str(last), c->name) < 0);
    MUST(c->inode->ino == c->ino);
    buf_reset(last);
    buf_adds(last, c->name);
    return 0;
}

static void lister(void *arg)
{
    (void)arg;
    while (!atomic_load(&is_over)) {
        struct buf last;
        buf_init(&last, 300);
        MUST(meta_list(f.m, dir, NULL, -1, 0, true, in_order, &last, NULL) == 0);
        MUST(!strcmp(buf_str(&last), "turn"));
        buf_reset(&last);
        MUST(meta_list(f.m, dir, NULL, 5, 3, true, in_order, &last, NULL) == 0);
        buf_done(&last);
    }
}

static void test_readers_beside_writers(void **state)
{
    (void)state;
    struct thread threads[11];
    unsigned numbers[] = {1, 2, 3};
    inode_id turn;
    meta_fixture_format(&f, NULL);
    meta_close(f.m);
    f.options.cache_bytes = 96 << 10; /* of 64 shards: a handful each */
    meta_fixture_open(&f);
    assert_int_equal(meta_fixture_create(&f, INODE_ROOT, "d", INODE_DIRECTORY, &dir), 0);
    assert_int_equal(meta_fixture_create(&f, INODE_ROOT, "small", INODE_DIRECTORY, &small), 0);
    assert_int_equal(meta_fixture_create(&f, small, "stays", INODE_FILE, &turn), 0);
    assert_int_equal(meta_fixture_create(&f, dir, "turn", INODE_FILE, &turn), 0);
    struct call call = meta_fixture_call(&f);
    AUTO(entry) e;
    struct inode i = {.length = turn * 2};
    entry_init(&e, ENTRY_TEST, call.now_ms);
    entry_set_inode(&e, turn, FIELD_LENGTH, &i, 0);
    assert_int_equal(meta_propose(f.m, &call, &e, NULL), 0);
    thread_start(&threads[0], "replacer", replacer, &turn);
    for (int k = 0; k < 3; k++)
        thread_start(&threads[1 + k], "creator", creator, &numbers[k]);
    for (int k = 0; k < 3; k++)
        thread_start(&threads[4 + k], "walker", walker, NULL);
    thread_start(&threads[7], "lister", lister, NULL);
    for (int k = 0; k < 3; k++)
        thread_start(&threads[8 + k], "toggler", toggler, &numbers[k]);
    struct change changes[64];
    uint64_t from = meta_applied_index(f.m);
    for (int64_t until = clock_mono_ms() + RUN_MS; !clock_is_past(until);) {
        int n = meta_changes(f.m, from, until, changes, 64, NULL);
        MUST(n >= 0);
        for (int k = 0; k < n; k++)
            MUST(changes[k].index > from || (k && changes[k].index == changes[k - 1].index));
        if (n > 0)
            from = changes[n - 1].index;
    }
    atomic_store(&is_over, true);
    int64_t end = clock_mono_ms();
    for (size_t k = 0; k < array_len(threads); k++)
        thread_join(&threads[k]);
    MUST(clock_mono_ms() - end < WAKE_MS);
    assert_int_equal(atomic_load(&failures), 0);
    assert_int_equal(meta_fixture_findings(&f), 0);
    meta_fixture_remove(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_readers_beside_writers)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
