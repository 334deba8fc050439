/* SPDX-License-Identifier: Apache-2.0
 *
 * test_apply: entries against a database, without a journal: each guard holds and fails, each effect
 * shows, entries of one transaction see one another, and how they are cut into transactions does not matter.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "meta_fixture.h"

#include "base/file_util.h"
#include "meta/apply.h"
#include "meta/inode_row.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TIME 1700000000000

struct lab {
    char dir[64];
    struct db db;
    struct cache *cache;
    struct apply a;
    uint64_t index;
};

static void lab_open(struct lab *l, bool has_cache)
{
    memset(l, 0, sizeof *l);
    snprintf(l->dir, sizeof l->dir, "/tmp/meta-apply-XXXXXX");
    assert_non_null(mkdtemp(l->dir));
    AUTO_FREE char *path = xasprintf("%s/meta.db", l->dir);
    assert_int_equal(db_create(path, NULL), 0);
    assert_int_equal(db_open(&l->db, path, true, 1 << 20, NULL), 0);
    l->cache = has_cache ? cache_new(1 << 20) : NULL;
    assert_int_equal(apply_init(&l->a, &l->db, l->cache, NULL), 0);
    l->index = 1;
}

static void lab_close(struct lab *l)
{
    apply_done(&l->a);
    cache_free(l->cache);
    db_close(&l->db);
    assert_int_equal(file_remove_tree(l->dir, NULL), 0);
}

/* One entry in a transaction of its own. */
static enum err_code run(struct lab *l, struct entry *e)
{
    struct apply_outcome out;
    struct journal_entry j = {.index = ++l->index, .is_last = true, .data = e->bytes.data, .len = e->bytes.len};
    assert_false(e->bytes.failed);
    assert_int_equal(apply_batch(&l->a, &j, 1, &out, NULL), 0);
    assert_int_equal(apply_commit(&l->a, NULL), 0);
    entry_done(e);
    return out.code;
}

static struct inode get(struct lab *l, inode_id ino)
{
    struct view_inode *n;
    assert_int_equal(view_inode(&l->a.view, ino, &n, NULL), 0);
    struct inode i = n->now;
    if (!n->is_there)
        i.ino = 0;
    view_reset(&l->a.view);
    return i;
}

/* /  1,  /d 20,  /d/e 21,  /d/f 30 (file, cid 31) */
static void make_tree(struct lab *l)
{
    struct entry e;
    struct inode root = meta_fixture_inode(1, INODE_DIRECTORY, 0, ""), d = meta_fixture_inode(20, INODE_DIRECTORY, 1, "d"),
                 sub = meta_fixture_inode(21, INODE_DIRECTORY, 20, "e"), f = meta_fixture_inode(30, INODE_FILE, 20, "f");
    f.cid = 31;
    entry_init(&e, ENTRY_TEST, TIME);
    entry_put_inode(&e, &root);
    meta_fixture_add_child(&e, &d, "d");
    meta_fixture_add_child(&e, &sub, "e"); /* its parent is made by the same entry */
    meta_fixture_add_child(&e, &f, "f");
    assert_int_equal(run(l, &e), ERR_OK);
}

#define EXPECT(l, code, guard)                                                                     \
    do {                                                                                           \
        struct entry e;                                                                            \
        entry_init(&e, ENTRY_TEST, TIME);                                                          \
        guard;                                                                                     \
        entry_put_record(&e, RECORD_TEST, "ran", "x", 1);                                          \
        entry_touch(&e, 1, TIME);                                                                  \
        int64_t applied_ = (l)->a.state.applied;                                                   \
        assert_int_equal(run((l), &e), (code));                                                    \
        assert_int_equal((l)->a.state.applied, applied_ + 1);                                      \
        assert_int_equal((l)->a.event_count, (code) == ERR_OK ? 1 : 0);                            \
    } while (0)

static void test_guards(void **state)
{
    (void)state;
    for (int has_cache = 0; has_cache < 2; has_cache++) {
        struct lab l;
        lab_open(&l, has_cache);
        make_tree(&l);
        struct inode d = get(&l, 20), f = get(&l, 30);
        struct inode_version good[] = {{1, get(&l, 1).attr_ver}, {20, d.attr_ver}}, bad[] = {{20, d.attr_ver + 1}}, gone[] = {{99, 1}};
        EXPECT(&l, ERR_OK, entry_guard_chain(&e, 0, bad, 1)); /* the epoch is the same */
        EXPECT(&l, ERR_OK, entry_raise_epoch(&e));
        EXPECT(&l, ERR_STALE, entry_guard_chain(&e, 0, bad, 1));
        EXPECT(&l, ERR_STALE, entry_guard_chain(&e, 0, gone, 1));
        EXPECT(&l, ERR_OK, entry_guard_chain(&e, 0, good, 2));
        EXPECT(&l, ERR_OK, entry_guard_dentry(&e, 20, "f", 30, ERR_NOT_FOUND));
        EXPECT(&l, ERR_NOT_FOUND, entry_guard_dentry(&e, 20, "g", 30, ERR_NOT_FOUND));
        EXPECT(&l, ERR_ALREADY_EXISTS, entry_guard_dentry(&e, 20, "f", 0, ERR_ALREADY_EXISTS));
        EXPECT(&l, ERR_OK, entry_guard_inode(&e, 30, f.attr_ver, f.data_ver));
        EXPECT(&l, ERR_OK, entry_guard_inode(&e, 30, 0, 0));
        EXPECT(&l, ERR_STALE, entry_guard_inode(&e, 30, f.attr_ver + 1, 0));
        EXPECT(&l, ERR_STALE, entry_guard_inode(&e, 30, 0, f.data_ver + 1));
        EXPECT(&l, ERR_STALE, entry_guard_inode(&e, 99, 0, 0));
        EXPECT(&l, ERR_OK, entry_guard_content(&e, 30, 31));
        EXPECT(&l, ERR_STALE, entry_guard_content(&e, 30, 32));
        EXPECT(&l, ERR_OK, entry_guard_empty(&e, 21, ERR_NOT_EMPTY));
        EXPECT(&l, ERR_NOT_EMPTY, entry_guard_empty(&e, 20, ERR_NOT_EMPTY));
        EXPECT(&l, ERR_OK, entry_guard_not_inside(&e, 21, 20, ERR_INVALID_PATH));
        EXPECT(&l, ERR_INVALID_PATH, entry_guard_not_inside(&e, 20, 21, ERR_INVALID_PATH));
        EXPECT(&l, ERR_INVALID_PATH, entry_guard_not_inside(&e, 20, 20, ERR_INVALID_PATH));
        EXPECT(&l, ERR_OK, entry_guard_unchanged_since(&e, 30, f.attr_ver >> 16));
        EXPECT(&l, ERR_STALE, entry_guard_unchanged_since(&e, 30, (f.attr_ver >> 16) - 1));
        EXPECT(&l, ERR_STALE, entry_guard_unchanged_since(&e, 99, 1000));
        EXPECT(&l, ERR_OK, entry_guard_record(&e, RECORD_TEST, "none", NULL, 0, ERR_CONFLICT));
        EXPECT(&l, ERR_CONFLICT, entry_guard_record(&e, RECORD_TEST, "none", "", 0, ERR_CONFLICT));
        EXPECT(&l, ERR_OK, entry_guard_record(&e, RECORD_TEST, "ran", "x", 1, ERR_CONFLICT));
        EXPECT(&l, ERR_CONFLICT, entry_guard_record(&e, RECORD_TEST, "ran", "y", 1, ERR_CONFLICT));
        EXPECT(&l, ERR_CONFLICT, entry_guard_record(&e, RECORD_TEST, "ran", NULL, 0, ERR_CONFLICT));
        EXPECT(&l, ERR_STALE, entry_put_dentry(&e, 99, "x", 30, INODE_FILE));
        EXPECT(&l, ERR_STALE, entry_put_dentry(&e, 30, "x", 30, INODE_FILE));
        lab_close(&l);
    }
}

static void test_inode_effects(void **state)
{
    (void)state;
    struct lab l;
    struct entry e;
    lab_open(&l, true);
    make_tree(&l);
    struct inode before = get(&l, 30), value = {.flags = INODE_PINNED, .cid = 77, .length = 5, .mode = 0600, .persistence = PERSIST_TODO};
    assert_int_equal(get(&l, 20).length, 2);
    assert_int_equal(l.a.state.files, 1);
    assert_int_equal(l.a.state.directories, 3);
    entry_init(&e, ENTRY_TEST, TIME);
    entry_set_inode(&e, 30, FIELD_LENGTH | FIELD_CID, &value, 0);
    assert_int_equal(run(&l, &e), ERR_OK);
    struct inode i = get(&l, 30);
    assert_int_equal(i.length, 5);
    assert_int_equal(i.cid, 77);
    assert_int_equal(i.mode, before.mode);
    assert_int_equal(i.attr_ver, before.attr_ver);
    assert_int_equal(i.data_ver, l.index << 16);
    assert_int_equal(l.a.event_count, 1);
    assert_int_equal(l.a.events[0].id, 31); /* content gone */
    entry_init(&e, ENTRY_TEST, TIME);
    entry_set_inode(&e, 30, FIELD_MODE, &value, 0);
    assert_int_equal(run(&l, &e), ERR_OK);
    i = get(&l, 30);
    assert_int_equal(i.mode, 0600);
    assert_int_equal(i.attr_ver, l.index << 16);
    assert_int_equal(i.data_ver, (l.index - 1) << 16);
    entry_init(&e, ENTRY_TEST, TIME);
    entry_set_inode(&e, 30, FIELD_FLAGS_SET | FIELD_FLAGS_CLEAR | FIELD_PERSISTENCE, &value, INODE_COMPLETED);
    assert_int_equal(run(&l, &e), ERR_OK);
    i = get(&l, 30);
    assert_int_equal(i.flags, INODE_PINNED);
    assert_int_equal(i.attr_ver, i.data_ver);
    assert_int_equal(l.a.state.pinned, 1);
    assert_int_equal(l.a.state.to_persist, 1);
    entry_init(&e, ENTRY_TEST, TIME);
    entry_touch(&e, 20, before.mtime_ms + 10);
    entry_touch(&e, 20, before.mtime_ms + 5);
    assert_int_equal(run(&l, &e), ERR_OK);
    assert_int_equal(get(&l, 20).mtime_ms, before.mtime_ms + 10);
    entry_init(&e, ENTRY_TEST, TIME - 5000);
    entry_remove_dentry(&e, 20, "f");
    entry_remove_dentry(&e, 20, "no such");
    entry_remove_inode(&e, 30);
    entry_reserve_ids(&e, 5000);
    assert_int_equal(run(&l, &e), ERR_OK);
    assert_int_equal(get(&l, 30).ino, 0);
    assert_int_equal(get(&l, 20).length, 1);
    assert_int_equal(get(&l, 20).child_ver, l.index << 16);
    assert_int_equal(l.a.state.pinned, 0);
    assert_int_equal(l.a.state.to_persist, 0);
    assert_int_equal(l.a.state.files, 0);
    assert_int_equal(l.a.state.next_id, 5000);
    assert_int_equal(l.a.state.time_ms, TIME); /* did not run backwards */
    lab_close(&l);
}

/* The second entry sees the first; the third is refused and leaves nothing. */
static void test_one_transaction(void **state)
{
    (void)state;
    struct lab l;
    struct entry e[3];
    struct apply_outcome out[3];
    struct journal_entry j[3];
    lab_open(&l, true);
    make_tree(&l);
    for (int i = 0; i < 3; i++) {
        struct inode f = meta_fixture_inode(100 + (inode_id)i, INODE_FILE, 21, "");
        entry_init(&e[i], ENTRY_TEST, TIME);
        meta_fixture_add_child(&e[i], &f, i == 0 ? "x" : "y");
        j[i] = (struct journal_entry){.index = 9, .position = (uint32_t)i, .is_last = i == 2, .data = e[i].bytes.data, .len = e[i].bytes.len};
    }
    assert_int_equal(apply_batch(&l.a, j, 3, out, NULL), 0);
    assert_int_equal(out[0].code, ERR_OK);
    assert_int_equal(out[1].code, ERR_OK);
    assert_int_equal(out[2].code, ERR_ALREADY_EXISTS);
    assert_int_equal(get(&l, 102).ino, 0);
    assert_int_equal(get(&l, 21).length, 2);
    assert_int_equal(get(&l, 101).attr_ver, (9 << 16) + 1);
    assert_int_equal(l.a.state.applied, 9);
    for (int i = 0; i < 3; i++)
        entry_done(&e[i]);
    lab_close(&l);
}

/* A corrupt entry changes nothing, also not by the entries before it. */
static void test_corrupt_entry(void **state)
{
    (void)state;
    struct lab l;
    struct entry remove;
    struct apply_outcome out[2];
    struct err err = {0};
    lab_open(&l, true);
    make_tree(&l);
    int64_t applied = l.a.state.applied;
    entry_init(&remove, ENTRY_TEST, TIME);
    entry_remove_inode(&remove, 30);
    struct journal_entry j[2] = {{.index = 8, .position = 0, .data = remove.bytes.data, .len = remove.bytes.len},
                                 {.index = 8, .position = 1, .is_last = true, .data = remove.bytes.data, .len = remove.bytes.len - 1}};
    assert_int_equal(apply_batch(&l.a, j, 2, out, &err), -ERR_CORRUPT);
    assert_int_equal(get(&l, 30).ino, 30);
    assert_int_equal(l.a.state.applied, applied);
    entry_done(&remove);
    EXPECT(&l, ERR_OK, entry_guard_content(&e, 30, 31)); /* it goes on */
    lab_close(&l);
}

/* A stream of changes of one row ends its transaction too. */
static void test_due(void **state)
{
    (void)state;
    struct lab l;
    struct apply_outcome out;
    unsigned n = 0;
    lab_open(&l, true);
    make_tree(&l);
    int64_t was = get(&l, 20).mtime_ms;
    while (!apply_is_due(&l.a) && n++ < 100000) {
        struct entry e;
        entry_init(&e, ENTRY_TEST, TIME);
        entry_touch(&e, 20, was + n);
        struct journal_entry j = {.index = ++l.index, .is_last = true, .data = e.bytes.data, .len = e.bytes.len};
        assert_int_equal(apply_batch(&l.a, &j, 1, &out, NULL), 0);
        entry_done(&e);
    }
    assert_in_range(n, 1000, 99999);
    assert_int_equal(apply_commit(&l.a, NULL), 0);
    assert_false(apply_is_due(&l.a));
    assert_int_equal(get(&l, 20).mtime_ms, was + n);
    lab_close(&l);
}

static void test_operations(void **state)
{
    (void)state;
    struct lab l;
    lab_open(&l, false);
    make_tree(&l);
    EXPECT(&l, ERR_OK, entry_operation(&e, 1, 10));
    EXPECT(&l, ERR_OK, entry_operation(&e, 1, 9)); /* out of order, but new */
    EXPECT(&l, ERR_OK, entry_operation(&e, 2, 10));
    EXPECT(&l, ERR_OK, entry_operation(&e, 1, 2000));
    EXPECT(&l, ERR_OUTCOME_UNKNOWN, entry_operation(&e, 1, 10));
    EXPECT(&l, ERR_OK, entry_operation(&e, 1, 1034)); /* same bit as 10 */
    struct entry e;
    struct apply_outcome out;
    entry_init(&e, ENTRY_TEST, TIME);
    entry_operation(&e, 1, 1034);
    entry_put_record(&e, RECORD_TEST, "again", "x", 1);
    struct journal_entry j = {.index = ++l.index, .is_last = true, .data = e.bytes.data, .len = e.bytes.len};
    assert_int_equal(apply_batch(&l.a, &j, 1, &out, NULL), 0);
    assert_true(out.is_replay);
    assert_int_equal(l.a.event_count, 0);
    entry_done(&e);
    lab_close(&l);
}

/* ---- the same entries, cut differently, with and without a cache, give the same rows ---- */

static uint64_t seed;
static unsigned failed;
static uint64_t pick(uint64_t n)
{
    seed = seed * 6364136223846793005ull + 1442695040888963407ull;
    return (seed >> 33) % n;
}

static void random_entry(struct entry *e, uint64_t number)
{
    char name[8];
    inode_id ino = 1000 + pick(60);
    snprintf(name, sizeof name, "n%llu", (unsigned long long)pick(40));
    struct inode i = meta_fixture_inode(ino, pick(2) ? INODE_FILE : INODE_DIRECTORY, 20 + pick(2), name);
    i.ctime_ms = i.mtime_ms = i.atime_ms = TIME + (int64_t)number; /* not the clock's: both labs get the same */
    i.cid = i.type == INODE_FILE ? 2000 + pick(50) : 0;
    entry_init(e, ENTRY_TEST, TIME + (int64_t)number);
    if (pick(4) == 0)
        entry_operation(e, pick(3), pick(40));
    switch (pick(5)) {
    case 0:
        meta_fixture_add_child(e, &i, name);
        break;
    case 1:
        entry_guard_dentry(e, 20, name, ino, ERR_NOT_FOUND);
        entry_remove_dentry(e, 20, name);
        entry_remove_inode(e, ino);
        break;
    case 2:
        entry_set_inode(e, ino, FIELD_MODE | FIELD_LENGTH, &i, 0);
        entry_put_mark(e, MARK_TTL, (int64_t)pick(100), ino);
        break;
    case 3:
        entry_put_attr(e, ino, name, name, 2);
        entry_put_record(e, RECORD_TEST, name, name, 3);
        entry_raise_epoch(e);
        break;
    default:
        entry_guard_empty(e, 21, ERR_NOT_EMPTY);
        entry_put_dentry(e, 21, name, ino, i.type);
        entry_touch(e, 21, i.mtime_ms);
    }
}

static void dump(struct lab *l, struct buf *to)
{
    static const char *const queries[] = {
        "SELECT parent||' '||hex(name)||' '||ino||' '||type FROM dentry ORDER BY parent,name", "SELECT ino||' '||hex(v) FROM inode ORDER BY ino",
        "SELECT ino||hex(name)||hex(value) FROM attr ORDER BY ino,name", "SELECT kind||hex(key)||hex(value) FROM record ORDER BY kind,key",
        "SELECT kind||' '||at||' '||ino FROM mark ORDER BY kind,at,ino", "SELECT client||' '||last||hex(bits) FROM operation ORDER BY client",
        "SELECT name||' '||value FROM state ORDER BY name"};
    for (size_t q = 0; q < array_len(queries); q++) {
        sqlite3_stmt *s;
        assert_int_equal(sqlite3_prepare_v2(l->db.h, queries[q], -1, &s, NULL), SQLITE_OK);
        while (sqlite3_step(s) == SQLITE_ROW)
            buf_addf(to, "%s\n", (const char *)sqlite3_column_text(s, 0));
        sqlite3_finalize(s);
    }
}

static int stop_once(void *left)
{
    return (*(int *)left)-- == 1;
}

/* A commit that fails somewhere loses the transaction, and the next one does all of it again. */
static void fail_to_commit(struct lab *l, int after)
{
    int left = after;
    sqlite3_progress_handler(l->db.h, 1, stop_once, &left);
    failed += apply_commit(&l->a, NULL) < 0;
    sqlite3_progress_handler(l->db.h, 0, NULL, NULL);
}

static void run_random(struct lab *l, size_t cut, size_t commit_each, struct buf *to)
{
    struct entry e[600];
    struct journal_entry j[600];
    struct apply_outcome out[600];
    seed = 42;
    for (size_t i = 0; i < 600; i++) {
        random_entry(&e[i], i);
        j[i] = (struct journal_entry){.index = 10 + i / 3, .position = (uint32_t)(i % 3), .is_last = i % 3 == 2, .data = e[i].bytes.data, .len = e[i].bytes.len};
    }
    for (size_t at = 0, batch = 1; at < 600; at += cut, batch++) {
        assert_int_equal(apply_batch(&l->a, j + at, cut, out, NULL), 0);
        if (batch % 3 == 0)
            fail_to_commit(l, (int)batch);
        if (batch % commit_each == 0)
            assert_int_equal(apply_commit(&l->a, NULL), 0);
    }
    assert_int_equal(apply_commit(&l->a, NULL), 0);
    for (size_t i = 0; i < 600; i++)
        entry_done(&e[i]);
    dump(l, to);
}

static void make_fixed_tree(struct lab *l)
{
    struct entry e;
    struct inode dirs[3] = {meta_fixture_inode(1, INODE_DIRECTORY, 0, ""), meta_fixture_inode(20, INODE_DIRECTORY, 1, "d"),
                            meta_fixture_inode(21, INODE_DIRECTORY, 1, "e")};
    entry_init(&e, ENTRY_TEST, TIME);
    for (int i = 0; i < 3; i++) {
        dirs[i].ctime_ms = dirs[i].mtime_ms = dirs[i].atime_ms = TIME;
        entry_put_inode(&e, &dirs[i]);
        if (i)
            entry_put_dentry(&e, 1, dirs[i].name, dirs[i].ino, INODE_DIRECTORY);
    }
    assert_int_equal(run(l, &e), ERR_OK);
}

static void test_replay_is_equal(void **state)
{
    (void)state;
    struct buf want, got;
    static const struct {
        size_t cut, commit_each;
    } ways[] = {{3, 1}, {3, 5}, {3, 1000}, {60, 1}, {60, 4}, {300, 1}, {600, 1}};
    buf_init(&want, 8 << 20);
    buf_init(&got, 8 << 20);
    for (size_t i = 0; i < array_len(ways); i++) {
        struct lab l;
        lab_open(&l, i % 2);
        make_fixed_tree(&l);
        buf_reset(&got);
        run_random(&l, ways[i].cut, ways[i].commit_each, i ? &got : &want);
        assert_true(want.len > 1000);
        if (i)
            assert_string_equal(buf_str(&got), buf_str(&want));
        lab_close(&l);
    }
    assert_true(failed > 10);
    buf_done(&want);
    buf_done(&got);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_guards),        cmocka_unit_test(test_inode_effects), cmocka_unit_test(test_one_transaction),
        cmocka_unit_test(test_due),           cmocka_unit_test(test_corrupt_entry), cmocka_unit_test(test_operations),    cmocka_unit_test(test_replay_is_equal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
