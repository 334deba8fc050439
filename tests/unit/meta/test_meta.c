/* SPDX-License-Identifier: Apache-2.0
 *
 * test_meta: the whole of meta over the real journal: what is proposed is read back, also after a restart.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "meta_fixture.h"

#include "base/clock.h"
#include "base/slice.h"

#include <stdio.h>
#include <string.h>

static void test_format_makes_root(void **state)
{
    (void)state;
    struct meta_fixture f;
    struct walk w;
    meta_fixture_format(&f, NULL);
    assert_int_equal(meta_walk(f.m, "/", &w, NULL), 0);
    assert_int_equal(w.count, 1);
    assert_int_equal(w.depth, 1);
    assert_int_equal(w.last.ino, INODE_ROOT);
    assert_int_equal(w.last.mode, 0755);
    assert_string_equal(meta_principal_name(f.m, w.last.owner), "alice");
    assert_string_equal(meta_principal_name(f.m, w.last.group), "staff");
    assert_string_equal(meta_principal_name(f.m, 77), "");
    walk_done(&w);
    assert_int_equal(meta_format(&f.options, "a", "b", NULL, NULL), -ERR_ALREADY_EXISTS);
    meta_fixture_remove(&f);
}

static void test_create_walk_restart(void **state)
{
    (void)state;
    struct meta_fixture f;
    struct walk w;
    inode_id a, b, c, got;
    AUTO(buf) path = {0};
    meta_fixture_format(&f, NULL);
    assert_int_equal(meta_fixture_create(&f, INODE_ROOT, "a", INODE_DIRECTORY, &a), 0);
    assert_int_equal(meta_fixture_create(&f, a, "b", INODE_DIRECTORY, &b), 0);
    assert_int_equal(meta_fixture_create(&f, b, "c", INODE_FILE, &c), 0);
    assert_int_equal(meta_fixture_create(&f, b, "c", INODE_FILE, NULL), -ERR_ALREADY_EXISTS);
    for (int round = 0; round < 2; round++) {
        assert_int_equal(meta_walk(f.m, "/a/b/c", &w, NULL), 0);
        assert_int_equal(w.count, 4);
        assert_int_equal(w.depth, 4);
        assert_int_equal(w.last.ino, c);
        assert_int_equal(w.nodes[2].ino, b);
        walk_done(&w);
        assert_int_equal(meta_walk(f.m, "/a/b/x/y", &w, NULL), 0);
        assert_int_equal(w.count, 3);
        assert_int_equal(w.depth, 5);
        assert_int_equal(w.last.length, 1);
        walk_done(&w);
        assert_int_equal(meta_lookup(f.m, b, "x", 1, &got, NULL, NULL), -ERR_NOT_FOUND);
        buf_init(&path, 4096);
        assert_int_equal(meta_path(f.m, c, &path, NULL), 0);
        assert_string_equal(buf_str(&path), "/a/b/c");
        buf_done(&path);
        buf_init(&path, 4096);
        assert_int_equal(meta_path(f.m, INODE_ROOT, &path, NULL), 0);
        assert_string_equal(buf_str(&path), "/");
        buf_done(&path);
        assert_int_equal(meta_fixture_findings(&f), 0);
        meta_close(f.m);
        meta_fixture_open(&f);
    }
    assert_true(meta_new_id(f.m) > c); /* ids are not given twice */
    meta_fixture_remove(&f);
}

static int collect(void *arg, const struct meta_child *c, struct err *err)
{
    (void)err;
    buf_addf(arg, "%s%s", c->name, c->inode && c->inode->ino == c->ino ? "+ " : " ");
    return 0;
}

static void test_list(void **state)
{
    (void)state;
    struct meta_fixture f;
    AUTO(entry) e;
    struct buf got;
    inode_id dir;
    meta_fixture_format(&f, NULL);
    struct call call = meta_fixture_call(&f);
    assert_int_equal(meta_fixture_create(&f, INODE_ROOT, "d", INODE_DIRECTORY, &dir), 0);
    for (int part = 0; part < 25; part++) {
        AUTO(entry) some;
        entry_init(&some, ENTRY_TEST, call.now_ms);
        for (int i = part * 100; i < part * 100 + 100; i++) {
            char name[16];
            snprintf(name, sizeof name, "f%04d", i);
            struct inode n = meta_fixture_inode(meta_new_id(f.m), INODE_FILE, dir, name);
            entry_put_inode(&some, &n);
            entry_put_dentry(&some, dir, name, n.ino, INODE_FILE);
        }
        assert_int_equal(meta_propose(f.m, &call, &some, NULL), 0);
    }
    entry_init(&e, ENTRY_TEST, 0);
    buf_init(&got, 1 << 20);
    assert_int_equal(meta_list(f.m, dir, "f0041", -1, 2, true, collect, &got, NULL), 0);
    assert_string_equal(buf_str(&got), "f0042+ f0043+ ");
    for (int again = 0; again < 2; again++) { /* the second uses samples */
        buf_reset(&got);
        assert_int_equal(meta_list(f.m, dir, NULL, 2047, 3, false, collect, &got, NULL), 0);
        assert_string_equal(buf_str(&got), "f2047 f2048 f2049 ");
        buf_reset(&got);
        assert_int_equal(meta_list(f.m, dir, NULL, 1024, 1, false, collect, &got, NULL), 0);
        assert_string_equal(buf_str(&got), "f1024 ");
    }
    buf_reset(&got);
    assert_int_equal(meta_list(f.m, dir, NULL, 2499, 0, false, collect, &got, NULL), 0);
    assert_string_equal(buf_str(&got), "f2499 ");
    buf_reset(&got);
    assert_int_equal(meta_list(f.m, dir, NULL, 9999, 0, false, collect, &got, NULL), 0);
    assert_string_equal(buf_str(&got), "");
    assert_int_equal(meta_list(f.m, dir, NULL, -1, 0, true, collect, &got, NULL), 0);
    assert_int_equal(got.len, 2500 * 7);
    /* one more at the front: every position moves by one */
    assert_int_equal(meta_fixture_create(&f, dir, "a", INODE_FILE, NULL), 0);
    buf_reset(&got);
    assert_int_equal(meta_list(f.m, dir, NULL, 2048, 1, false, collect, &got, NULL), 0);
    assert_string_equal(buf_str(&got), "f2047 ");
    buf_done(&got);
    assert_int_equal(meta_fixture_findings(&f), 0);
    meta_fixture_remove(&f);
}

static int count_pairs(void *arg, const char *key, const void *value, size_t len)
{
    buf_addf(arg, "%s=%.*s ", key, (int)len, (const char *)value);
    return 0;
}

static void test_small_tables(void **state)
{
    (void)state;
    struct meta_fixture f;
    AUTO(entry) e;
    struct buf got;
    struct mark marks[4];
    inode_id ino;
    meta_fixture_format(&f, NULL);
    struct call call = meta_fixture_call(&f);
    assert_int_equal(meta_fixture_create(&f, INODE_ROOT, "f", INODE_FILE, &ino), 0);
    entry_init(&e, ENTRY_TEST, call.now_ms);
    entry_put_record(&e, RECORD_TEST, "k1", "one", 3);
    entry_put_record(&e, RECORD_TEST, "k2", "", 0);
    entry_put_attr(&e, ino, "acl", "A", 1);
    entry_put_attr(&e, ino, "x.one", "1", 1);
    entry_put_attr(&e, ino, "x.two", "2", 1);
    entry_put_attr(&e, ino, "y", "3", 1);
    entry_put_mark(&e, MARK_TTL, 100, ino);
    entry_put_mark(&e, MARK_TTL, 50, INODE_ROOT);
    entry_put_mark(&e, MARK_TTL, 200, INODE_ROOT);
    assert_int_equal(meta_propose(f.m, &call, &e, NULL), 0);
    assert_true(f.result.index > 0);
    buf_init(&got, 4096);
    assert_int_equal(meta_record(f.m, RECORD_TEST, "k1", &got, NULL), 0);
    assert_string_equal(buf_str(&got), "one");
    assert_int_equal(meta_record(f.m, RECORD_TEST, "k3", &got, NULL), -ERR_NOT_FOUND);
    buf_reset(&got);
    assert_int_equal(meta_records(f.m, RECORD_TEST, NULL, count_pairs, &got, NULL), 0);
    assert_string_equal(buf_str(&got), "k1=one k2= ");
    buf_reset(&got);
    assert_int_equal(meta_attrs(f.m, ino, "x.", count_pairs, &got, NULL), 0);
    assert_string_equal(buf_str(&got), "x.one=1 x.two=2 ");
    assert_int_equal(meta_marks(f.m, MARK_TTL, 100, marks, 4, NULL), 2);
    assert_int_equal(marks[0].ino, INODE_ROOT);
    assert_int_equal(marks[1].ino, ino);
    assert_int_equal(meta_fixture_remove_child(&f, INODE_ROOT, "f", ino), 0);
    assert_int_equal(meta_marks(f.m, MARK_TTL, 100, marks, 4, NULL), 1);
    buf_reset(&got);
    assert_int_equal(meta_attr(f.m, ino, "acl", &got, NULL), -ERR_NOT_FOUND);
    buf_done(&got);
    principal_id p, q;
    assert_int_equal(meta_principal(f.m, &call, "bob", &p, NULL), 0);
    assert_int_equal(meta_principal(f.m, &call, "bob", &q, NULL), 0);
    assert_int_equal(p, q);
    assert_string_equal(meta_principal_name(f.m, p), "bob");
    meta_fixture_remove(&f);
}

static void test_operation_runs_once(void **state)
{
    (void)state;
    struct meta_fixture f;
    AUTO(buf) got = {0};
    meta_fixture_format(&f, NULL);
    for (int round = 0; round < 3; round++) {
        AUTO(entry) e;
        struct call call = meta_fixture_call(&f);
        char value[2] = {(char)('a' + round), 0};
        entry_init(&e, ENTRY_TEST, call.now_ms);
        entry_operation(&e, 7, 5);
        entry_put_record(&e, RECORD_TEST, "k", value, 1);
        assert_int_equal(meta_propose(f.m, &call, &e, NULL), 0);
        assert_int_equal(f.result.is_replay, round > 0);
        meta_close(f.m);
        meta_fixture_open(&f);
    }
    buf_init(&got, 10);
    assert_int_equal(meta_record(f.m, RECORD_TEST, "k", &got, NULL), 0);
    assert_string_equal(buf_str(&got), "a");
    meta_fixture_remove(&f);
}

static void test_changes(void **state)
{
    (void)state;
    struct meta_fixture f;
    struct change c[8];
    inode_id ino;
    meta_fixture_format(&f, NULL);
    uint64_t from = meta_applied_index(f.m);
    assert_int_equal(meta_changes(f.m, from, clock_mono_ms(), c, 8, NULL), 0);
    assert_int_equal(meta_fixture_create(&f, INODE_ROOT, "f", INODE_FILE, &ino), 0);
    assert_int_equal(meta_changes(f.m, from, clock_mono_ms() + 5000, c, 8, NULL), 1);
    assert_int_equal(c[0].ino, ino);
    assert_int_equal(c[0].parent, INODE_ROOT);
    assert_int_equal(c[0].kind, ENTRY_CREATE_FILE);
    assert_int_equal(meta_changes(f.m, 0, clock_mono_ms(), c, 8, NULL), -ERR_RANGE);
    meta_fixture_remove(&f);
}

static void test_backup_restore(void **state)
{
    (void)state;
    struct meta_fixture f, g;
    struct buf bytes;
    struct sink_buf sink;
    struct source_mem source;
    struct walk w;
    inode_id old, fresh;
    uint64_t index;
    meta_fixture_format(&f, NULL);
    assert_int_equal(meta_fixture_create(&f, INODE_ROOT, "kept", INODE_FILE, &old), 0);
    buf_init(&bytes, 64 << 20);
    sink_buf_init(&sink, &bytes);
    assert_int_equal(meta_backup(f.m, clock_mono_ms() + 20000, &sink.sink, &index, NULL), 0);
    meta_fixture_format(&g, NULL);
    source_mem_init(&source, bytes.data, bytes.len);
    assert_int_equal(meta_restore(&g.options, &source.source, NULL), -ERR_ALREADY_EXISTS);
    meta_close(g.m);
    char command[256];
    snprintf(command, sizeof command, "rm -r %s %s", g.db_dir, g.journal_dir);
    assert_int_equal(system(command), 0);
    bytes.data[bytes.len / 2] ^= 1;
    source_mem_init(&source, bytes.data, bytes.len);
    assert_int_equal(meta_restore(&g.options, &source.source, NULL), -ERR_CORRUPT);
    bytes.data[bytes.len / 2] ^= 1;
    source_mem_init(&source, bytes.data, bytes.len - 1);
    assert_int_equal(meta_restore(&g.options, &source.source, NULL), -ERR_CORRUPT);
    source_mem_init(&source, bytes.data, bytes.len);
    assert_int_equal(meta_restore(&g.options, &source.source, NULL), 0);
    meta_fixture_open(&g);
    assert_int_equal(meta_walk(g.m, "/kept", &w, NULL), 0);
    assert_int_equal(w.last.ino, old);
    walk_done(&w);
    assert_true(meta_applied_index(g.m) > index);
    assert_int_equal(meta_fixture_create(&g, INODE_ROOT, "new", INODE_FILE, &fresh), 0);
    assert_true(fresh > old + 1000000);
    assert_int_equal(meta_fixture_findings(&g), 0);
    buf_done(&bytes);
    meta_fixture_remove(&f);
    meta_fixture_remove(&g);
}

static void test_checkpoint_cuts(void **state)
{
    (void)state;
    struct meta_fixture f;
    struct err err = {0};
    meta_fixture_format(&f, NULL);
    assert_int_equal(meta_fixture_create(&f, INODE_ROOT, "f", INODE_FILE, NULL), 0);
    int rc = meta_checkpoint(f.m, clock_mono_ms() + 20000, &err);
    if (rc)
        fprintf(stderr, "%s\n", err.text);
    assert_int_equal(rc, 0);
    meta_close(f.m);
    meta_fixture_open(&f);
    struct walk w;
    assert_int_equal(meta_walk(f.m, "/f", &w, NULL), 0);
    assert_int_equal(w.count, 2);
    walk_done(&w);
    meta_fixture_remove(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_format_makes_root), cmocka_unit_test(test_create_walk_restart),
        cmocka_unit_test(test_list),              cmocka_unit_test(test_small_tables),
        cmocka_unit_test(test_operation_runs_once), cmocka_unit_test(test_changes),
        cmocka_unit_test(test_backup_restore),    cmocka_unit_test(test_checkpoint_cuts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
