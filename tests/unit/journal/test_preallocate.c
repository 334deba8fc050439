/* SPDX-License-Identifier: Apache-2.0
 *
 * test_preallocate: libraft's segments hold zeros before they are used, and posix_fallocate keeps what POSIX says of it.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "journal/preallocate.h"
#include "journal_fixture.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

enum { KIB = 1 << 10, SEGMENT_LEAST = 1 << 20 };

/* Written from its first byte to its last: a reserved block that was never written counts as a hole. */
static bool is_written(int fd)
{
    struct stat s;
    return fstat(fd, &s) == 0 && lseek(fd, 0, SEEK_DATA) == 0 && lseek(fd, 0, SEEK_HOLE) == s.st_size;
}

/* How many segments wait to be used, and how many of them hold zeros. */
static void count_segments(const char *path, unsigned *ret_all, unsigned *ret_written)
{
    DIR *dir = opendir(path);
    *ret_all = *ret_written = 0;
    for (struct dirent *e; (e = readdir(dir));) {
        struct stat s;
        int fd = strncmp(e->d_name, "open-", 5) ? -1 : openat(dirfd(dir), e->d_name, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
            continue;
        if (fstat(fd, &s) == 0 && s.st_size >= SEGMENT_LEAST) {
            ++*ret_all;
            *ret_written += is_written(fd);
        }
        close(fd);
    }
    closedir(dir);
}

static void test_segments_hold_zeros(void **state)
{
    (void)state;
    struct err err;
    struct fixture *f = fixture_new();
    unsigned all = 0, written = 0;
    assert_int_equal(journal_format(&f->options, &err), 0);
    assert_int_equal(fixture_start(f, &err), 0);
    assert_int_equal(fixture_propose(f, 1, 100, &err), 0); /* the first that needs one */
    assert_true(fixture_wait(f, &f->applied_count, 1));
    for (int64_t by = clock_mono_ms() + 10000; (written < 2 || written < all) && !clock_is_past(by); poll(NULL, 0, 10))
        count_segments(f->dir, &all, &written);
    assert_int_equal(written, all);
    assert_true(written >= 2); /* the one in use and the next */
    journal_stop(f->journal);
    fixture_free(f);
}

static int file_new(void)
{
    char path[] = "/tmp/preallocate-XXXXXX";
    int fd = mkostemp(path, O_CLOEXEC);
    assert_true(fd >= 0);
    unlink(path);
    return fd;
}

static void expect_bytes(int fd, off_t at, size_t len, char c)
{
    char have[4 * KIB];
    for (size_t done = 0; done < len; done += sizeof have) {
        assert_int_equal(pread(fd, have, sizeof have, at + (off_t)done), sizeof have);
        for (size_t i = 0; i < sizeof have; i++)
            assert_int_equal(have[i], c);
    }
}

static void test_what_a_file_has_stays(void **state)
{
    (void)state;
    char old[8 * KIB];
    struct stat s;
    int fd = file_new();
    memset(old, 'x', sizeof old);
    assert_int_equal(file_pwrite_all(fd, old, sizeof old, 0, NULL), 0);
    assert_int_equal(preallocate(fd, 0, 4 * KIB), 0); /* all there */
    assert_int_equal(fstat(fd, &s), 0);
    assert_int_equal(s.st_size, sizeof old);
    assert_int_equal(preallocate(fd, 4 * KIB, 1020 * KIB), 0); /* begins before the end, ends behind it */
    assert_int_equal(fstat(fd, &s), 0);
    assert_int_equal(s.st_size, 1024 * KIB);
    expect_bytes(fd, 0, sizeof old, 'x');
    expect_bytes(fd, sizeof old, 1016 * KIB, 0);
    assert_true(is_written(fd));
    assert_int_equal(preallocate(fd, 2048 * KIB, 8 * KIB), 0); /* begins behind the end */
    assert_int_equal(fstat(fd, &s), 0);
    assert_int_equal(s.st_size, 2056 * KIB);
    close(fd);
}

static void test_errors_are_returned(void **state)
{
    (void)state;
    int fd = file_new();
    assert_int_equal(preallocate(fd, 0, 0), EINVAL);
    assert_int_equal(preallocate(fd, -1, 10), EINVAL);
    close(fd);
    assert_int_equal(preallocate(fd, 0, 10), EBADF);
    fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_int_not_equal(preallocate(fd, 0, 10), 0);
    close(fd);
}

int main(void)
{
    preallocate_link();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_segments_hold_zeros),
        cmocka_unit_test(test_what_a_file_has_stays),
        cmocka_unit_test(test_errors_are_returned),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
