/* SPDX-License-Identifier: Apache-2.0
 *
 * The file driver: what is its own beside the contract suite: confinement, hidden temporary files,
 * a root that goes away, order of listings.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/file_util.h"
#include "base/mem.h"
#include "base/thread.h"
#include "ufs/file/folder_list.h"
#include "ufs/ufs.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[64];
static struct ufs *u;
static struct ufs_call call;
static struct err err;

static int setup(void **state)
{
    (void)state;
    snprintf(dir, sizeof(dir), "/tmp/ufs-test-XXXXXX");
    assert_non_null(mkdtemp(dir));
    char sub[80];
    snprintf(sub, sizeof(sub), "%s/root", dir);
    assert_int_equal(mkdir(sub, 0755), 0);
    struct ufs_item item = {"isthmus.underfs.local.sync", "false"};
    struct ufs_properties p = {1, &item};
    assert_int_equal(ufs_open(sub, &p, &u, &err), 0);
    call.deadline_ms = clock_mono_ms() + 20000;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    ufs_close(u);
    return file_remove_tree(dir, NULL);
}

static void put(const char *key, const char *text)
{
    struct source_mem s;
    source_mem_init(&s, text, strlen(text));
    assert_int_equal(ufs_write(u, &call, key, &s.source, false, NULL, &err), 0);
}

static int get(const char *key, const char *etag, struct buf *to)
{
    struct sink_buf sink;
    buf_init(to, 1 << 20);
    sink_buf_init(&sink, to);
    return ufs_read(u, &call, key, 0, UINT64_MAX, etag, &sink.sink, &err);
}

static char *path(const char *below)
{
    return xasprintf("%s/%s", dir, below);
}

static void test_links_do_not_lead_outside(void **state)
{
    (void)state;
    AUTO_FREE char *link = path("root/out"), *inner = path("root/in"), *secret = path("secret");
    struct buf b;
    struct ufs_stat st;

    assert_int_equal(file_write(secret, "x", 1, 0600, NULL), 0);
    assert_int_equal(symlink("../", link), 0);
    put("real", "y");
    assert_int_equal(symlink("real", inner), 0);
    assert_int_equal(get("out/secret", NULL, &b), -ERR_STORE_DENIED);
    buf_done(&b);
    assert_int_equal(get("in", NULL, &b), -ERR_STORE_DENIED);
    buf_done(&b);
    assert_int_equal(get("../secret", NULL, &b), -ERR_INVALID_PATH);
    buf_done(&b);
    assert_int_equal(ufs_stat(u, &call, "in", &st, &err), 0);
    assert_int_equal(st.type, UFS_SYMLINK);
}

static void test_follows_inside_when_told(void **state)
{
    (void)state;
    AUTO_FREE char *link = path("root/out"), *inner = path("root/in"), *root = path("root");
    struct buf b;
    struct ufs_stat st;

    put("real", "y");
    assert_int_equal(symlink("real", inner), 0);
    assert_int_equal(symlink("../", link), 0);
    ufs_close(u);
    struct ufs_item item = {"isthmus.underfs.local.follow.symlinks", "true"};
    struct ufs_properties p = {1, &item};
    assert_int_equal(ufs_open(root, &p, &u, &err), 0);
    assert_int_equal(get("in", NULL, &b), 0);
    assert_string_equal(buf_str(&b), "y");
    buf_done(&b);
    assert_int_equal(ufs_stat(u, &call, "in", &st, &err), 0);
    assert_int_equal(st.type, UFS_FILE);
    assert_int_equal(get("out/root/real", NULL, &b), -ERR_STORE_DENIED);
    buf_done(&b);
    assert_int_equal(ufs_stat(u, &call, "out", &st, &err), 0);
    assert_int_equal(st.type, UFS_SYMLINK);
}

static void test_replaced_root_is_unreachable(void **state)
{
    (void)state;
    AUTO_FREE char *root = path("root"), *old = path("old");
    struct ufs_stat st;

    put("a", "1");
    assert_int_equal(rename(root, old), 0);
    assert_int_equal(ufs_stat(u, &call, "a", &st, &err), -ERR_STORE_UNREACHABLE);
    assert_int_equal(mkdir(root, 0755), 0);
    assert_int_equal(ufs_stat(u, &call, "a", &st, &err), -ERR_STORE_UNREACHABLE);
    assert_int_equal(rmdir(root), 0);
    assert_int_equal(rename(old, root), 0);
    assert_int_equal(ufs_stat(u, &call, "a", &st, &err), 0);
}

static int collect(void *arg, const char *name, const struct ufs_stat *st, struct err *e)
{
    (void)st, (void)e;
    buf_addf(arg, "%s,", name);
    return 0;
}

static void expect_list(const char *key, bool recursive, const char *after, const char *expected)
{
    AUTO(buf) b = {0};
    buf_init(&b, 1 << 20);
    assert_int_equal(ufs_list(u, &call, key, recursive, after, collect, &b, &err), 0);
    assert_string_equal(buf_str(&b), expected);
}

static void test_order_and_after(void **state)
{
    (void)state;
    put("b", "");
    put("a/y", "");
    put("a/x/1", "");
    put("a-b", "");
    put("\xc3\xa9", "");
    expect_list("", false, NULL, "a,a-b,b,\xc3\xa9,");
    expect_list("", false, "a", "a-b,b,\xc3\xa9,");
    expect_list("", true, NULL, "a,a/x,a/x/1,a/y,a-b,b,\xc3\xa9,");
    expect_list("", true, "a/", "a/x,a/x/1,a/y,a-b,b,\xc3\xa9,");
    expect_list("", true, "a/x/", "a/x/1,a/y,a-b,b,\xc3\xa9,");
    expect_list("", true, "a/x/1", "a/y,a-b,b,\xc3\xa9,");
    expect_list("", true, "a/y", "a-b,b,\xc3\xa9,");
    expect_list("a", true, "x/1", "y,");
    expect_list("", true, "gone/x", "\xc3\xa9,");
}

/* More names than a window holds are read in rounds; none is lost, doubled or out of order. */
static void test_names_beyond_the_window(void **state)
{
    (void)state;
    AUTO(buf) whole = {0}, windowed = {0};
    buf_init(&whole, 1 << 20);
    buf_init(&windowed, 1 << 20);
    for (int i = 0; i < 300; i++) {
        AUTO_FREE char *file = xasprintf("%s/root/%s%d", dir, i % 7 ? "n" : "longer-name-", i * 7919 % 300);
        int fd = open(file, O_CREAT | O_WRONLY, 0644);
        assert_true(fd >= 0);
        close(fd);
    }
    put("n5-dir/x", "");
    assert_int_equal(ufs_list(u, &call, "", true, NULL, collect, &whole, &err), 0);
    size_t before = folder_list_window;
    folder_list_window = 100;
    int rc = ufs_list(u, &call, "", true, NULL, collect, &windowed, &err);
    folder_list_window = before;
    assert_int_equal(rc, 0);
    assert_string_equal(buf_str(&windowed), buf_str(&whole));
}

static void test_dead_writes_are_hidden_and_swept(void **state)
{
    (void)state;
    AUTO_FREE char *dead = path("root/d/.isthmus.0123456789abcdef.tmp");
    AUTO_FREE char *alive = path("root/e/.isthmus.0123456789abcdef.tmp");

    assert_int_equal(ufs_mkdir(u, &call, "d", 0755, &err), 0);
    assert_int_equal(ufs_mkdir(u, &call, "e", 0755, &err), 0);
    assert_int_equal(file_write(dead, "x", 1, 0644, NULL), 0);
    expect_list("d", false, NULL, "");
    assert_int_equal(ufs_rmdir(u, &call, "d", &err), 0);
    int fd = open(alive, O_CREAT | O_WRONLY, 0644);
    assert_int_equal(flock(fd, LOCK_EX), 0);
    assert_int_equal(ufs_rmdir(u, &call, "e", &err), -ERR_NOT_EMPTY);
    close(fd);
    assert_int_equal(ufs_rmdir(u, &call, "e", &err), 0);
}

static void test_etag_follows_content(void **state)
{
    (void)state;
    struct ufs_stat st;
    struct buf b;

    put("f", "one");
    assert_int_equal(ufs_stat(u, &call, "f", &st, &err), 0);
    assert_int_equal(get("f", st.etag, &b), 0);
    buf_done(&b);
    put("f", "two!");
    assert_int_equal(get("f", st.etag, &b), -ERR_PRECONDITION_FAILED);
    assert_int_equal(b.len, 0);
    buf_done(&b);
}

static void test_attributes(void **state)
{
    (void)state;
    struct ufs_stat st;
    unsigned mode = 0640;

    put("f", "x");
    assert_int_equal(ufs_set_attr(u, &call, "f", &mode, NULL, NULL, &err), 0);
    put("f", "y");
    assert_int_equal(ufs_stat(u, &call, "f", &st, &err), 0);
    assert_int_equal(st.mode, 0640);
    assert_int_equal(ufs_set_attr(u, &call, "f", NULL, "no-such-user-here", NULL, &err),
                     -ERR_INVALID_ARGUMENT);
    assert_string_equal(err.field, "owner");
}

static int wrong; /* atomic */

static void note_wrong(int rc)
{
    if (rc < 0 && rc != -ERR_NOT_FOUND && rc != -ERR_PRECONDITION_FAILED && rc != -ERR_CORRUPT)
        __atomic_add_fetch(&wrong, 1, __ATOMIC_RELAXED);
}

/* Writers, readers, renames and removals of a few names in one directory that comes and goes. */
static void work(void *arg)
{
    char key[16], other[16];
    struct ufs_stat st;

    for (int i = 0; i < 60; i++) {
        AUTO(buf) b = {0};
        struct source_mem s;
        struct sink_buf sink;
        struct err e;
        snprintf(key, sizeof(key), "d/%d", i % 3);
        snprintf(other, sizeof(other), "d/%d", (i + 1) % 3);
        source_mem_init(&s, key, strlen(key));
        buf_init(&b, 1 << 16);
        sink_buf_init(&sink, &b);
        int rc = ufs_write(u, &call, key, &s.source, false, &st, &e);
        note_wrong(rc == -ERR_NOT_FOUND ? 0 : rc);
        note_wrong(ufs_read(u, &call, key, 0, UINT64_MAX, NULL, &sink.sink, &e));
        note_wrong(ufs_list(u, &call, "", true, NULL, collect, &b, &e));
        note_wrong(ufs_rename(u, &call, key, other, &e));
        note_wrong(ufs_remove(u, &call, other, &e));
        rc = ufs_rmdir(u, &call, "d", &e);
        note_wrong(rc == -ERR_NOT_EMPTY ? 0 : rc);
    }
    (void)arg;
}

static void test_many_threads(void **state)
{
    (void)state;
    struct thread t[4] = {0};

    wrong = 0;
    for (size_t i = 0; i < array_len(t); i++)
        thread_start(&t[i], "worker", work, NULL);
    for (size_t i = 0; i < array_len(t); i++)
        thread_join(&t[i]);
    assert_int_equal(wrong, 0);
}

static void test_pipe_does_not_hang(void **state)
{
    (void)state;
    AUTO_FREE char *pipe = path("root/pipe");
    struct ufs_stat st;
    struct buf b;

    assert_int_equal(mkfifo(pipe, 0600), 0);
    assert_int_equal(ufs_stat(u, &call, "pipe", &st, &err), 0);
    assert_int_equal(st.type, UFS_OTHER);
    assert_int_equal(get("pipe", NULL, &b), -ERR_NOT_SUPPORTED);
    buf_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_links_do_not_lead_outside, setup, teardown),
        cmocka_unit_test_setup_teardown(test_follows_inside_when_told, setup, teardown),
        cmocka_unit_test_setup_teardown(test_replaced_root_is_unreachable, setup, teardown),
        cmocka_unit_test_setup_teardown(test_order_and_after, setup, teardown),
        cmocka_unit_test_setup_teardown(test_names_beyond_the_window, setup, teardown),
        cmocka_unit_test_setup_teardown(test_dead_writes_are_hidden_and_swept, setup, teardown),
        cmocka_unit_test_setup_teardown(test_etag_follows_content, setup, teardown),
        cmocka_unit_test_setup_teardown(test_attributes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_many_threads, setup, teardown),
        cmocka_unit_test_setup_teardown(test_pipe_does_not_hang, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
