/* SPDX-License-Identifier: Apache-2.0
 *
 * test_space: thresholds of the watch and the ballast, with a made-up amount of free space.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/file_util.h"
#include "journal/space.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define MIB ((uint64_t)1 << 20)
static uint64_t free_now;
static int asked_rc;

static int fake_free(const char *dir, uint64_t *ret, struct err *err)
{
    (void)dir;
    *ret = free_now;
    return asked_rc ? err_set(err, ERR_IO, "no answer") : 0;
}

static bool at(struct space *s, uint64_t mib)
{
    free_now = mib * MIB;
    return space_is_low(s);
}

static void test_thresholds(void **state)
{
    (void)state;
    char dir[] = "/tmp/journal-space-XXXXXX";
    struct space s;
    assert_non_null(mkdtemp(dir));
    space_init(&s, dir, 16 * MIB);
    s.free_bytes = fake_free;
    s.cannot_ballast = true;
    assert_false(at(&s, 100));
    assert_false(at(&s, 16));
    assert_true(at(&s, 15));
    assert_true(at(&s, 17)); /* no flutter */
    assert_false(at(&s, 18));
    assert_true(at(&s, 0));
    asked_rc = 1;
    assert_true(at(&s, 100)); /* unknown: as before */
    asked_rc = 0;
    assert_false(at(&s, 100));
    space_done(&s);
    assert_int_equal(file_remove_tree(dir, NULL), 0);
}

static void test_ballast_is_given_up_and_taken_again(void **state)
{
    (void)state;
    char dir[] = "/tmp/journal-space-XXXXXX", path[64];
    struct space s;
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/ballast", dir);
    space_init(&s, dir, MIB);
    s.free_bytes = fake_free;
    at(&s, 1);
    assert_int_not_equal(access(path, F_OK), 0); /* too little for it */
    at(&s, 2);
    if (s.cannot_ballast)
        skip(); /* a file system without fallocate */
    assert_int_equal(access(path, F_OK), 0);
    assert_true(at(&s, 0));
    assert_int_not_equal(access(path, F_OK), 0);
    assert_false(at(&s, 100));
    assert_int_equal(access(path, F_OK), 0);
    space_done(&s);
    space_init(&s, dir, MIB);
    assert_true(s.has_ballast); /* found again */
    space_done(&s);
    assert_int_equal(file_remove_tree(dir, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_thresholds),
        cmocka_unit_test(test_ballast_is_given_up_and_taken_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
