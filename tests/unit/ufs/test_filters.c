/* SPDX-License-Identifier: Apache-2.0
 *
 * Filters over the store in memory, and the emulations of ufs.c over a driver that lacks callbacks.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/thread.h"
#include "ufs/mem/mem_store.h"
#include "ufs/ufs.h"

#include <stdio.h>
#include <string.h>

static struct ufs *u;
static struct err err;

static struct ufs_call in(int64_t ms)
{
    return (struct ufs_call){.deadline_ms = clock_mono_ms() + ms};
}

static void open_with(const char *name, const char *value)
{
    static int number;
    char uri[40];
    struct ufs_item item = {name, value};
    struct ufs_properties p = {name ? 1 : 0, &item};
    snprintf(uri, sizeof(uri), "mem://filters-%d", number++);
    assert_int_equal(ufs_open(uri, &p, &u, &err), 0);
}

static int put(const char *key, const char *text)
{
    struct ufs_call c = in(10000);
    struct source_mem s;
    source_mem_init(&s, text, strlen(text));
    return ufs_write(u, &c, key, &s.source, false, NULL, &err);
}

static int get(const char *key, const char *etag, struct buf *to)
{
    struct ufs_call c = in(10000);
    struct sink_buf s;
    buf_init(to, 1 << 20);
    sink_buf_init(&s, to);
    return ufs_read(u, &c, key, 0, UINT64_MAX, etag, &s.sink, &err);
}

static void test_retry_hides_passing_errors(void **state)
{
    (void)state;
    struct ufs_stat st;
    struct ufs_stats stats;
    int ok = 0;
    open_with("isthmus.test.fault", "stat:0.3:STORE_BUSY");
    put("f", "x");
    for (int i = 0; i < 20; i++) {
        struct ufs_call c = in(10000);
        ok += ufs_stat(u, &c, "f", &st, &err) == 0;
    }
    assert_true(ok >= 18); /* 0.3^4 of them fail; the seed is fixed */
    ufs_stats_get(u, &stats);
    assert_int_equal(stats.calls, 21);
    assert_int_equal(stats.errors, 20 - ok);
    ufs_close(u);
}

static void test_lasting_errors_are_not_repeated(void **state)
{
    (void)state;
    struct ufs_stat st;
    struct ufs_call c = in(10000);
    open_with("isthmus.test.fault", "stat:1:STORE_AUTH");
    int64_t before = clock_mono_ms();
    assert_int_equal(ufs_stat(u, &c, "f", &st, &err), -ERR_STORE_AUTH);
    assert_true(clock_mono_ms() - before < 20);
    ufs_close(u);
}

static void test_read_goes_on_where_it_was(void **state)
{
    (void)state;
    struct ufs_stat st;
    struct ufs_call c = in(10000);
    struct buf b;
    open_with("isthmus.test.fault", "read:0.6:STORE_ERROR:3");
    assert_int_equal(put("f", "0123456789"), 0);
    assert_int_equal(ufs_stat(u, &c, "f", &st, &err), 0);
    assert_int_equal(get("f", st.etag, &b), 0);
    assert_string_equal(buf_str(&b), "0123456789");
    buf_done(&b);
    ufs_close(u);
}

static void test_retry_ends_with_the_deadline(void **state)
{
    (void)state;
    struct ufs_stat st;
    struct ufs_call c = in(150);
    open_with("isthmus.test.fault", "stat:1:STORE_UNREACHABLE");
    int64_t before = clock_mono_ms();
    assert_int_equal(ufs_stat(u, &c, "f", &st, &err), -ERR_STORE_UNREACHABLE);
    assert_true(clock_mono_ms() - before < 200);
    ufs_close(u);
}

static void test_delay_keeps_the_deadline(void **state)
{
    (void)state;
    struct ufs_stat st;
    struct ufs_call c = in(100);
    open_with("isthmus.test.fault", "all:delay:5s");
    int64_t before = clock_mono_ms();
    assert_int_equal(ufs_stat(u, &c, "f", &st, &err), -ERR_TIMEOUT);
    int64_t took = clock_mono_ms() - before;
    assert_true(took >= 99 && took < 200);
    ufs_close(u);
}

static void test_bandwidth(void **state)
{
    (void)state;
    AUTO_FREE char *text = xcalloc(1, 20001);
    struct buf b;
    memset(text, 'x', 20000);
    open_with("isthmus.underfs.bandwidth", "100000");
    assert_int_equal(put("f", text), 0);
    int64_t before = clock_mono_ms();
    for (int i = 0; i < 3; i++) {
        assert_int_equal(get("f", NULL, &b), 0);
        buf_done(&b);
    }
    int64_t took = clock_mono_ms() - before;
    assert_true(took >= 400 && took < 1500); /* two are paid for before the third, one more from the write */
    ufs_close(u);
}

static void slow_call(void *arg)
{
    struct ufs_call c = in(10000);
    struct ufs_stat st;
    (void)arg;
    (void)!ufs_stat(u, &c, "", &st, NULL);
}

static void test_concurrent_calls_wait(void **state)
{
    (void)state;
    struct ufs_item items[] = {{"isthmus.underfs.calls.max", "1"}, {"isthmus.test.mem.latency", "300ms"}};
    struct ufs_properties p = {2, items};
    struct thread t = {0};
    struct ufs_stat st;
    assert_int_equal(ufs_open("mem://filters-concurrent", &p, &u, &err), 0);
    thread_start(&t, "slow", slow_call, NULL);
    int64_t start = clock_mono_ms();
    struct ufs_stats s = {0};
    while (s.calls == 0 && clock_mono_ms() - start < 5000)
        ufs_stats_get(u, &s);
    struct ufs_call wait = in(20);
    while (clock_mono_ms() - start < 50)
        ; /* let it enter */
    wait = in(50);
    assert_int_equal(ufs_stat(u, &wait, "", &st, &err), -ERR_TIMEOUT);
    thread_join(&t);
    wait = in(5000);
    assert_int_equal(ufs_stat(u, &wait, "", &st, &err), 0);
    ufs_close(u);
}

static void test_bad_faults_are_refused(void **state)
{
    (void)state;
    static const char *const specs[] = {"read", "read:2:IO", "fly:1:IO", "read:0.1:NO_SUCH", "read:x:IO", "a:b:c:d:e"};
    for (size_t i = 0; i < array_len(specs); i++) {
        struct ufs_item item = {"isthmus.test.fault", specs[i]};
        struct ufs_properties p = {1, &item};
        assert_int_equal(ufs_open("mem://faults", &p, &u, &err), -ERR_INVALID_ARGUMENT);
        assert_string_equal(err.field, "isthmus.test.fault");
    }
}

static unsigned no_capabilities(const struct ufs *s)
{
    (void)s;
    return 0;
}

/* The store below all filters without what is optional. */
static struct ufs_driver bare;

static void open_bare(void)
{
    open_with(NULL, NULL);
    struct ufs *s = u;
    while (s->next)
        s = s->next;
    bare = mem_driver;
    bare.capabilities = no_capabilities;
    bare.rename = NULL;
    bare.copy = NULL;
    bare.remove_many = NULL;
    bare.set_attr = NULL;
    bare.space = NULL;
    s->driver = &bare;
}

static void test_emulated_copy_and_rename(void **state)
{
    (void)state;
    struct ufs_call c = in(10000);
    struct buf b;
    struct ufs_stat st;
    open_bare();
    assert_int_equal(put("d/f", "bytes"), 0);
    assert_int_equal(put("d/e/g", "more"), 0);
    assert_int_equal(ufs_copy(u, &c, "d/f", "copy", &err), 0);
    assert_int_equal(ufs_rename(u, &c, "d", "moved", &err), 0);
    assert_int_equal(ufs_stat(u, &c, "d", &st, &err), -ERR_NOT_FOUND);
    assert_int_equal(get("moved/e/g", NULL, &b), 0);
    assert_string_equal(buf_str(&b), "more");
    buf_done(&b);
    assert_int_equal(ufs_rename(u, &c, "d", "moved", &err), 0); /* again */
    assert_int_equal(get("copy", NULL, &b), 0);
    assert_string_equal(buf_str(&b), "bytes");
    buf_done(&b);
    ufs_close(u);
}

static void test_emulated_rest(void **state)
{
    (void)state;
    struct ufs_call c = in(10000);
    struct ufs_space space;
    struct ufs_stat st;
    unsigned mode = 0600;
    open_bare();
    assert_int_equal(put("a", "1"), 0);
    assert_int_equal(put("b", "2"), 0);
    assert_int_equal(ufs_remove_many(u, &c, (const char *const[]){"a", "b", "c"}, 3, &err), 0);
    assert_int_equal(ufs_stat(u, &c, "a", &st, &err), -ERR_NOT_FOUND);
    assert_int_equal(ufs_set_attr(u, &c, "a", &mode, NULL, NULL, &err), -ERR_NOT_SUPPORTED);
    assert_int_equal(ufs_space(u, &c, &space, &err), 0);
    assert_int_equal(space.total_bytes, -1);
    bare.write = NULL;
    assert_int_equal(put("a", "1"), -ERR_NOT_SUPPORTED);
    ufs_close(u);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_retry_hides_passing_errors),
        cmocka_unit_test(test_lasting_errors_are_not_repeated),
        cmocka_unit_test(test_read_goes_on_where_it_was),
        cmocka_unit_test(test_retry_ends_with_the_deadline),
        cmocka_unit_test(test_delay_keeps_the_deadline),
        cmocka_unit_test(test_bandwidth),
        cmocka_unit_test(test_concurrent_calls_wait),
        cmocka_unit_test(test_bad_faults_are_refused),
        cmocka_unit_test(test_emulated_copy_and_rename),
        cmocka_unit_test(test_emulated_rest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
