/* SPDX-License-Identifier: Apache-2.0
 *
 * test_turn: what was applied and is not in the database yet is read all the same, what has not changed needs no
 * commit, and when nothing comes any more the database gets everything.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/thread.h"
#include "meta/meta_parts.h"
#include "meta_fixture.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

#define WAIT_MS 10000
#define NAME_ROOM 16

/* Without a cache every reading is one of the database. */
static void format(struct meta_fixture *f)
{
    meta_fixture_format(f, NULL);
    meta_close(f->m);
    f->options.cache_bytes = 1;
    meta_fixture_open(f);
}

static bool is_behind(struct meta_fixture *f)
{
    return atomic_load(&f->m->stored) < atomic_load(&f->m->applied);
}

/* Creates until one is applied and not stored. */
static inode_id create_behind(struct meta_fixture *f, char ret_name[NAME_ROOM])
{
    static unsigned number;
    inode_id ino = 0;
    int64_t until = clock_mono_ms() + WAIT_MS;
    do {
        snprintf(ret_name, NAME_ROOM, "n%u", number++);
        assert_int_equal(meta_fixture_create(f, INODE_ROOT, ret_name, INODE_FILE, &ino), 0);
    } while (!is_behind(f) && !clock_is_past(until));
    assert_true(is_behind(f));
    return ino;
}

static void test_what_waits_is_read(void **state)
{
    (void)state;
    struct meta_fixture f;
    char name[NAME_ROOM];
    inode_id got;
    struct inode i;
    struct walk w;
    format(&f);
    for (int round = 0; round < 50; round++) {
        inode_id made = create_behind(&f, name);
        assert_int_equal(meta_lookup(f.m, INODE_ROOT, name, strlen(name), &got, NULL, NULL), 0);
        assert_int_equal(got, made);
        made = create_behind(&f, name);
        assert_int_equal(meta_inode(f.m, made, &i, NULL), 0);
        assert_int_equal(meta_fixture_remove_child(&f, INODE_ROOT, name, made), 0);
        assert_int_equal(meta_inode(f.m, made, &i, NULL), -ERR_NOT_FOUND);
        assert_int_equal(meta_lookup(f.m, INODE_ROOT, name, strlen(name), &got, NULL, NULL), -ERR_NOT_FOUND);
        create_behind(&f, name);
        char path[NAME_ROOM + 1];
        snprintf(path, sizeof path, "/%s", name);
        assert_int_equal(meta_walk(f.m, path, &w, NULL), 0);
        assert_int_equal(w.count, 2);
        walk_done(&w);
    }
    assert_int_equal(meta_fixture_findings(&f), 0);
    meta_fixture_remove(&f);
}

static void test_what_is_the_same_needs_no_commit(void **state)
{
    (void)state;
    struct meta_fixture f;
    char name[NAME_ROOM];
    inode_id old, got;
    bool was_behind = false;
    format(&f);
    assert_int_equal(meta_fixture_create(&f, INODE_ROOT, "old", INODE_FILE, &old), 0);
    assert_int_equal(turn_store(f.m, atomic_load(&f.m->applied), NULL), 0);
    int64_t until = clock_mono_ms() + WAIT_MS;
    while (!was_behind && !clock_is_past(until)) {
        create_behind(&f, name);
        uint64_t stored = atomic_load(&f.m->stored);
        assert_int_equal(meta_lookup(f.m, INODE_ROOT, "old", 3, &got, NULL, NULL), 0);
        assert_int_equal(got, old);
        was_behind = is_behind(&f) && atomic_load(&f.m->stored) == stored;
    }
    assert_true(was_behind);
    meta_fixture_remove(&f);
}

static void test_settles(void **state)
{
    (void)state;
    struct meta_fixture f;
    char name[NAME_ROOM];
    int64_t applied = 0;
    struct db other;
    format(&f);
    AUTO_FREE char *path = meta_db_path(f.db_dir);
    assert_int_equal(db_open(&other, path, false, 1 << 20, NULL), 0);
    create_behind(&f, name);
    int64_t until = clock_mono_ms() + WAIT_MS;
    do {
        poll(NULL, 0, 5);
        assert_int_equal(db_state_get(&other, "applied", &applied, NULL), 0);
    } while ((uint64_t)applied < atomic_load(&f.m->applied) && !clock_is_past(until));
    assert_int_equal((uint64_t)applied, atomic_load(&f.m->applied));
    db_close(&other);
    meta_fixture_remove(&f);
}

struct guest {
    struct thread thread;
    struct meta *m;
    bool had_its_turn; /* under the turn */
};

static void guest_run(void *arg)
{
    struct guest *g = arg;
    turn_take(g->m);
    g->had_its_turn = true;
    turn_give(g->m);
}

static uint64_t turns_asked(struct meta *m)
{
    LOCK_SCOPE(&m->lock);
    return m->turns_asked;
}

static void test_in_the_order_of_coming(void **state)
{
    (void)state;
    struct meta_fixture f;
    struct guest g = {0};
    format(&f);
    g.m = f.m;
    turn_take(f.m);
    uint64_t before = turns_asked(f.m);
    thread_start(&g.thread, "guest", guest_run, &g);
    while (turns_asked(f.m) == before)
        poll(NULL, 0, 1);
    turn_give(f.m);
    turn_take(f.m); /* at once, before it was scheduled */
    assert_true(g.had_its_turn);
    turn_give(f.m);
    thread_join(&g.thread);
    meta_fixture_remove(&f);
}

/* Whoever has the turn after a batch finds no transaction that should have ended. */
static void test_size_ends_a_transaction(void **state)
{
    (void)state;
    enum { ENTRIES = 12, CHILDREN = 300 };
    struct meta_fixture f;
    char name[NAME_ROOM];
    format(&f);
    for (int n = 0; n < ENTRIES * CHILDREN;) {
        AUTO(entry) e;
        struct call call = meta_fixture_call(&f);
        entry_init(&e, ENTRY_TEST, call.now_ms);
        do {
            snprintf(name, sizeof name, "c%d", n++);
            struct inode i = meta_fixture_inode(meta_new_id(f.m), INODE_FILE, INODE_ROOT, name);
            meta_fixture_add_child(&e, &i, name);
        } while (n % CHILDREN);
        assert_int_equal(meta_propose(f.m, &call, &e, NULL), 0);
        turn_take(f.m);
        assert_false(apply_is_due(&f.m->apply));
        turn_give(f.m);
    }
    meta_fixture_remove(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_waits_is_read),
        cmocka_unit_test(test_what_is_the_same_needs_no_commit),
        cmocka_unit_test(test_settles),
        cmocka_unit_test(test_in_the_order_of_coming),
        cmocka_unit_test(test_size_ends_a_transaction),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
