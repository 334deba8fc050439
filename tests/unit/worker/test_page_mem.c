/* SPDX-License-Identifier: Apache-2.0
 *
 * test_page_mem: what a burst used is kept for the next one, and goes back by halves.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "worker/page_mem.h"

#include <string.h>

enum { PAGE = 65536, MANY = 100 };

static void burst(struct page_pool *p, size_t bytes)
{
    struct page_mem *m[MANY];
    for (size_t i = 0; i < MANY; i++) {
        m[i] = page_pool_take(p, bytes);
        memset(m[i]->data, 'x', bytes);
    }
    assert_int_equal(page_pool_used(p), MANY * bytes);
    for (size_t i = 0; i < MANY; i++)
        page_mem_put(m[i]);
    assert_int_equal(page_pool_used(p), 0);
}

static void test_goes_back_by_halves(void **state)
{
    (void)state;
    struct page_pool p;
    page_pool_init(&p, PAGE, 64 * PAGE);
    burst(&p, PAGE);
    assert_int_equal(p.idle_count, 64);
    page_pool_trim(&p); /* the burst was just now */
    assert_int_equal(p.idle_count, 64);
    burst(&p, PAGE);
    page_pool_trim(&p); /* all of it was used since */
    assert_int_equal(p.idle_count, 64);
    page_pool_trim(&p);
    assert_int_equal(p.idle_count, 32);
    for (int i = 0; i < 6; i++)
        page_pool_trim(&p);
    assert_int_equal(p.idle_count, 0);
    burst(&p, PAGE);
    page_pool_done(&p);
}

static void test_parts_of_pages_are_not_kept(void **state)
{
    (void)state;
    struct page_pool p;
    page_pool_init(&p, PAGE, 64 * PAGE);
    burst(&p, 4096);
    burst(&p, PAGE - 1);
    assert_int_equal(p.idle_count, 0);
    page_pool_done(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_goes_back_by_halves), cmocka_unit_test(test_parts_of_pages_are_not_kept)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
