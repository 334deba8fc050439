/* SPDX-License-Identifier: Apache-2.0
 *
 * test_core: errors, bufs, slices, clocks, locks, the log, pools and the ticker.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/arguments.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/file_util.h"
#include "base/lock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/slice.h"
#include "base/thread.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static void errors(void **state)
{
    (void)state;
    struct err err;
    assert_int_equal(err_set(&err, ERR_NOT_FOUND, "no file '%s'", "x"), -ERR_NOT_FOUND);
    assert_string_equal(err.text, "no file 'x'");
    assert_int_equal(err_set(&err, ERR_IO, "while: %s", err.text), -ERR_IO); /* its own text as an argument */
    assert_string_equal(err.text, "while: no file 'x'");
    assert_int_equal(err_set_errno(&err, ERR_OK, ENOSPC, "write"), -ERR_NO_SPACE);
    assert_string_equal(err.text, "write: No space left on device");
    assert_int_equal(err_field(&err, "path"), -ERR_NO_SPACE);
    assert_string_equal(err.field, "path");
    assert_int_equal(err_set(NULL, ERR_BUSY, "x"), -ERR_BUSY);
    for (int i = 1; i < ERR_COUNT_; i++)
        assert_int_equal(err_from_name(err_name((enum err_code)i)), i);
    assert_int_equal(err_from_name("none"), ERR_OK);
    assert_int_equal(err_http(ERR_NOT_FOUND), 404);
    assert_int_equal(err_errno(ERR_NOT_EMPTY), ENOTEMPTY);
}

static void bufs(void **state)
{
    (void)state;
    AUTO(buf) b;
    buf_init(&b, 10);
    assert_string_equal(buf_str(&b), "");
    buf_addf(&b, "%d", 12);
    buf_addc(&b, '-');
    buf_add_u64(&b, 0);
    buf_adds(&b, "abcdef");
    assert_string_equal(buf_str(&b), "12-0abcdef");
    assert_int_equal(buf_check(&b, "x", NULL), 0);
    buf_addc(&b, 'g');
    buf_add(&b, "", 0);
    assert_int_equal(buf_check(&b, "x", NULL), -ERR_TOO_LARGE);
    assert_string_equal(buf_str(&b), "12-0abcdef");
    buf_reset(&b);
    buf_add_u64(&b, 1234567890);
    assert_int_equal(buf_check(&b, "x", NULL), 0);
    AUTO_FREE char *s = buf_take(&b);
    assert_string_equal(s, "1234567890");
    AUTO_FREE char *none = buf_take(&b);
    assert_string_equal(none, "");
}

struct counted {
    struct slice_owner owner;
    int released;
};

static void release(struct slice_owner *o)
{
    ((struct counted *)o)->released++;
}

static void slices(void **state)
{
    (void)state;
    struct counted c = {.owner = {.release = release, .refs = 1}};
    struct slice s = {.mem = "abc", .fd = -1, .len = 3, .owner = &c.owner};
    AUTO(buf) b;
    struct sink_buf sink;
    struct source_mem source;
    size_t n;
    char two[2];
    buf_init(&b, 5);
    sink_buf_init(&sink, &b);
    slice_ref(&s);
    slice_unref(&s);
    assert_int_equal(c.released, 0);
    assert_int_equal(sink.sink.push(&sink.sink, &s, NULL), 0);
    assert_int_equal(sink.sink.push(&sink.sink, &s, NULL), -ERR_TOO_LARGE);
    slice_unref(&s);
    assert_int_equal(c.released, 1);
    AUTO_FD int fd = open("/proc/self/exe", O_RDONLY);
    struct slice range = {.fd = fd, .off = 1, .len = 2};
    assert_int_equal(slice_copy(&range, two, NULL), 0);
    assert_memory_equal(two, "EL", 2);
    range.off = 1ull << 40;
    assert_int_equal(slice_copy(&range, two, NULL), -ERR_CORRUPT);
    source_mem_init(&source, "xyz", 3);
    assert_int_equal(source.source.pull(&source.source, two, 2, &n, NULL), 0);
    assert_int_equal(n, 2);
    assert_int_equal(source.source.pull(&source.source, two, 2, &n, NULL), 0);
    assert_int_equal(n, 1);
    assert_int_equal(source.source.pull(&source.source, two, 2, &n, NULL), 0);
    assert_int_equal(n, 0);
}

static void waits(void **state)
{
    (void)state;
    struct lock l;
    struct cond c;
    lock_init(&l, RANK_LEAF);
    cond_init(&c);
    int64_t until = clock_mono_ms() + 20;
    lock_take(&l);
    while (cond_wait(&c, &l, until))
        ;
    lock_drop(&l);
    assert_true(clock_is_past(until) && !clock_is_past(CLOCK_NEVER));
    assert_int_equal(clock_left_ms(until), 0);
    assert_int_equal(clock_left_ms(CLOCK_NEVER), 3600000);
    cond_done(&c);
    lock_done(&l);
}

/* Taking locks against their order ends the process. */
static void ranks(void **state)
{
    (void)state;
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        struct lock inner, outer;
        struct rlimit none = {0, 0};
        setrlimit(RLIMIT_CORE, &none);
        signal(SIGABRT, SIG_DFL);
        AUTO_FD int null = open("/dev/null", O_WRONLY);
        dup2(null, 2);
        lock_init(&inner, RANK_LEAF);
        lock_init(&outer, RANK_FS);
        lock_take(&inner);
        lock_take(&outer);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

static void logs(void **state)
{
    (void)state;
    char path[] = "/tmp/isthmus-test-log-XXXXXX";
    AUTO_FD int fd = mkstemp(path);
    AUTO(buf) b;
    struct err err;
    assert_true(fd >= 0);
    buf_init(&b, 10000);
    assert_int_equal(log_open(path, &err), 0);
    log_request("r-1");
    log_info(meta, "one\nforged %d", 7);
    log_debug(meta, "not shown");
    assert_int_equal(log_level_set("meta", "debug", &err), 0);
    log_debug(meta, "shown");
    assert_int_equal(log_level_set("none", "debug", &err), -ERR_INVALID_ARGUMENT);
    assert_int_equal(log_level_set("all", "loud", &err), -ERR_INVALID_ARGUMENT);
    assert_int_equal(log_level_get(LOG_meta), LOG_LEVEL_DEBUG);
    assert_int_equal(log_level_get(LOG_base), LOG_LEVEL_INFO);
    log_close();
    log_request("");
    assert_int_equal(file_read(path, 10000, &b, &err), 0);
    assert_non_null(strstr(b.data, "INFO  meta r-1: one forged 7\n"));
    assert_non_null(strstr(b.data, "DEBUG meta r-1: shown\n"));
    assert_null(strstr(b.data, "not shown"));
    unlink(path);
}

static int done; /* atomic */

static void work(void *arg)
{
    (void)arg;
    __atomic_add_fetch(&done, 1, __ATOMIC_RELAXED);
}

/* Reads until the other end is closed. */
static void block(void *arg)
{
    char c;
    while (read(*(int *)arg, &c, 1) > 0)
        ;
}

static void pools(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    struct pool *p = pool_new("pool", 1, 2);
    assert_int_equal(pool_submit(p, block, &ends[0], NULL), 0);
    while (pool_queued(p)) /* until the one thread has taken it */
        sched_yield();
    assert_int_equal(pool_submit(p, work, NULL, NULL), 0);
    assert_int_equal(pool_submit(p, work, NULL, NULL), 0);
    assert_int_equal(pool_submit(p, work, NULL, NULL), -ERR_UNAVAILABLE);
    close(ends[1]);
    pool_free(p); /* runs what is queued */
    close(ends[0]);
    assert_int_equal(done, 2);
    pool_free(NULL);
}

static void ticks(void **state)
{
    (void)state;
    done = 0;
    struct ticker *t = ticker_new();
    ticker_add(t, "work", 5, work, NULL);
    ticker_start(t);
    int64_t until = clock_mono_ms() + 2000;
    while (__atomic_load_n(&done, __ATOMIC_RELAXED) < 3 && !clock_is_past(until))
        sched_yield();
    assert_true(__atomic_load_n(&done, __ATOMIC_RELAXED) >= 3);
    ticker_free(t);
}

static void arguments(void **state)
{
    (void)state;
    char option[] = "s3a.secretKey=abc", joined[] = "-Droot.option=a=b;s3a.secretKey=abc;c=d", plain[] = "a.b=c", path[] = "/token", *argv[] = {option, joined, plain, path, NULL};
    char **copy = arguments_hide(4, argv);
    assert_string_equal(option, "s3a.secretKey=***");
    assert_string_equal(joined, "-Droot.option=a=b;s3a.secretKey=*******");
    assert_string_equal(plain, "a.b=c");
    assert_string_equal(path, "/token");
    assert_string_equal(copy[0], "s3a.secretKey=abc");
    assert_string_equal(copy[1], "-Droot.option=a=b;s3a.secretKey=abc;c=d");
    assert_null(copy[4]);
}

static void copies_uncached(void **state)
{
    (void)state;
    char from[200], to[200], wanted[200];
    for (size_t i = 0; i < sizeof from; i++)
        from[i] = (char)(i * 7 + 1);
    for (size_t at = 0; at < 20; at++)
        for (size_t off = 0; off < 20; off++)
            for (size_t len = 0; len < 150; len++) {
                memset(to, 0, sizeof to);
                memset(wanted, 0, sizeof wanted);
                memcpy(wanted + at, from + off, len);
                mem_copy_uncached(to + at, from + off, len);
                assert_memory_equal(to, wanted, sizeof to);
            }
}

static void test_memory_of_the_machine(void **state)
{
    (void)state;
    assert_true(mem_machine() <= (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE));
    assert_true(mem_machine() >= 16 << 20); /* less would not run this */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memory_of_the_machine), cmocka_unit_test(copies_uncached),
        cmocka_unit_test(errors), cmocka_unit_test(bufs), cmocka_unit_test(slices), cmocka_unit_test(waits), cmocka_unit_test(ranks),
        cmocka_unit_test(logs),   cmocka_unit_test(pools), cmocka_unit_test(ticks), cmocka_unit_test(arguments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
