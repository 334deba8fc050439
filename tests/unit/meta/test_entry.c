/* SPDX-License-Identifier: Apache-2.0
 *
 * test_entry: rows and entries come back as they were written; damaged ones are refused.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/mem.h"
#include "meta/entry_items.h"
#include "meta/inode_row.h"

#include <string.h>

static void assert_same(const struct inode *a, const struct inode *b)
{
#define SAME(m) assert_true(a->m == b->m)
    SAME(ino); SAME(type); SAME(flags); SAME(nlink); SAME(parent); SAME(mode); SAME(owner); SAME(group); SAME(length);
    SAME(ctime_ms); SAME(mtime_ms); SAME(atime_ms); SAME(cid); SAME(block_size); SAME(persistence); SAME(ttl_ms);
    SAME(ttl_action); SAME(replication_min); SAME(replication_max); SAME(store_mtime_ms); SAME(attr_ver); SAME(data_ver); SAME(child_ver);
#undef SAME
    assert_string_equal(a->name, b->name);
    assert_string_equal(a->etag, b->etag);
}

static void test_row(void **state)
{
    (void)state;
    uint8_t row[INODE_ROW_MAX];
    struct inode usual, full, got;
    inode_row_usual(&usual);
    usual.ino = 7;
    size_t n = inode_row_pack(&usual, row);
    assert_int_equal(n, 1);
    assert_int_equal(inode_row_unpack(7, row, n, &got, NULL), 0);
    assert_same(&usual, &got);
    full = (struct inode){.ino = 9, .type = INODE_SYMLINK, .flags = UINT32_MAX, .nlink = UINT32_MAX, .parent = UINT64_MAX, .mode = UINT32_MAX,
                          .owner = UINT32_MAX, .group = 1, .length = UINT64_MAX, .ctime_ms = INT64_MIN, .mtime_ms = INT64_MAX, .atime_ms = -1,
                          .cid = UINT64_MAX, .block_size = UINT32_MAX, .persistence = PERSIST_LOST, .ttl_ms = INT64_MIN,
                          .ttl_action = TTL_DELETE_ALLUXIO, .replication_min = UINT32_MAX, .replication_max = INT32_MIN,
                          .store_mtime_ms = INT64_MIN, .attr_ver = 1, .data_ver = UINT64_MAX, .child_ver = UINT64_MAX};
    memset(full.name, 'n', sizeof full.name - 1);
    memset(full.etag, 'e', sizeof full.etag - 1);
    n = inode_row_pack(&full, row);
    assert_int_equal(inode_row_unpack(9, row, n, &got, NULL), 0);
    assert_same(&full, &got);
    for (size_t len = 0; len < n; len++)
        assert_int_equal(inode_row_unpack(9, row, len, &got, NULL), -ERR_CORRUPT);
    row[n] = 0;
    assert_int_equal(inode_row_unpack(9, row, n + 1, &got, NULL), -ERR_CORRUPT);
}

static void fill(struct entry *e)
{
    struct inode i = {.ino = 5, .type = INODE_FILE, .nlink = 1};
    struct inode_version chain[] = {{1, 2}, {3, 4}};
    entry_init(e, ENTRY_CREATE_FILE, 1700000000123);
    entry_guard_chain(e, 9, chain, 2);
    entry_guard_record(e, RECORD_USER, "k", NULL, 0, ERR_CONFLICT);
    entry_put_inode(e, &i);
    entry_put_dentry(e, 1, "a b", 5, INODE_FILE);
    entry_put_record(e, RECORD_USER, "bob", "secret", 6);
    entry_put_mark(e, MARK_TTL, -3, 5);
    entry_raise_epoch(e);
}

static void test_entry_text(void **state)
{
    (void)state;
    struct entry e;
    struct buf text;
    fill(&e);
    buf_init(&text, 4096);
    assert_int_equal(entry_text(e.bytes.data, e.bytes.len, &text, NULL), 0);
    assert_non_null(strstr(buf_str(&text), "2023-11-14T22:13:20.123Z CREATE_FILE GUARD_CHAIN(epoch=9 chain=1@0.2,3@0.4)"));
    assert_non_null(strstr(buf_str(&text), "PUT_DENTRY(parent=1 name=\"a b\" ino=5 type=file)"));
    assert_non_null(strstr(buf_str(&text), "expected=none otherwise=conflict"));
    assert_non_null(strstr(buf_str(&text), "value=<6 bytes>"));
    assert_non_null(strstr(buf_str(&text), "when_ms=-3"));
    assert_null(strstr(buf_str(&text), "secret"));
    buf_done(&text);
    entry_done(&e);
}

static void test_entry_damaged(void **state)
{
    (void)state;
    struct entry e;
    fill(&e);
    assert_int_equal(entry_check(e.bytes.data, e.bytes.len, NULL), 0);
    assert_int_equal(entry_check(e.bytes.data, e.bytes.len - 2, NULL), -ERR_CORRUPT);
    assert_int_equal(entry_check(e.bytes.data, 9, NULL), -ERR_CORRUPT);
    e.bytes.data[0] = 2;
    assert_int_equal(entry_check(e.bytes.data, e.bytes.len, NULL), -ERR_CORRUPT);
    entry_done(&e);
    static const char *const names[] = {"", "a/b"};
    for (size_t i = 0; i < array_len(names); i++) {
        entry_init(&e, ENTRY_TEST, 0);
        entry_put_dentry(&e, 1, names[i], 5, INODE_FILE);
        assert_int_equal(entry_check(e.bytes.data, e.bytes.len, NULL), -ERR_CORRUPT);
        entry_done(&e);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_row), cmocka_unit_test(test_entry_text), cmocka_unit_test(test_entry_damaged)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
