/* SPDX-License-Identifier: Apache-2.0
 *
 * test_fill: the queue of pages behind a cache that is slow: bounded, and known to whoever drops a content.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/thread.h"
#include "worker/fill.h"

#include <poll.h>

enum { LEN = 1000 };
static struct lock lock;
static struct cond changed;
/* under lock */
static bool is_shut; /* writes wait */
static unsigned written[4], passed[4], writing;

static void end_page(struct fill_page *p)
{
    free(p->flight);
    free(p);
}

static void put(void *arg, struct fill_page *p)
{
    (void)arg;
    lock_take(&lock);
    writing++;
    cond_wake_all(&changed);
    while (is_shut)
        cond_wait(&changed, &lock, CLOCK_NEVER);
    writing--;
    written[p->key.cid]++;
    cond_wake_all(&changed);
    lock_drop(&lock);
    end_page(p);
}

static void pass_by(void *arg, struct fill_page *p)
{
    (void)arg;
    lock_take(&lock);
    passed[p->key.cid]++;
    lock_drop(&lock);
    end_page(p);
}

static void open_gate(void)
{
    lock_take(&lock);
    is_shut = false;
    cond_wake_all(&changed);
    lock_drop(&lock);
}

static void until_writing(unsigned n)
{
    lock_take(&lock);
    while (writing < n)
        cond_wait(&changed, &lock, CLOCK_NEVER);
    lock_drop(&lock);
}

static struct fill_page *page_of(content_id cid, uint32_t len)
{
    struct fill_page *p = xnew(struct fill_page);
    p->key.cid = cid;
    p->flight = xnew(struct flight);
    p->flight->len = len;
    return p;
}

static struct fill_page *page(content_id cid)
{
    return page_of(cid, LEN);
}

static int setup(void **state)
{
    lock_init(&lock, RANK_LEAF);
    cond_init(&changed);
    is_shut = true;
    for (size_t i = 0; i < array_len(written); i++)
        written[i] = passed[i] = 0;
    *state = filler_new(3 * LEN, put, pass_by, NULL);
    return 0;
}

static int teardown(void **state)
{
    open_gate();
    filler_stop(*state);
    filler_free(*state);
    cond_done(&changed);
    lock_done(&lock);
    return 0;
}

static void test_what_does_not_fit_passes_by(void **state)
{
    struct filler *f = *state;
    for (int i = 0; i < 5; i++)
        filler_add(f, page(1), false);
    assert_int_equal(passed[1], 2);
    assert_int_equal(filler_bytes(f), 3 * LEN);
    assert_false(filler_wait(f, 1, clock_mono_ms() + 20));
    open_gate();
    assert_true(filler_wait(f, 1, CLOCK_NEVER));
    assert_int_equal(written[1], 3);
    assert_int_equal(filler_bytes(f), 0);
}

static void add_wanted(void *arg)
{
    for (int i = 0; i < 5; i++)
        filler_add(arg, page(2), true);
}

static void test_what_was_asked_for_waits_for_room(void **state)
{
    struct thread t = {0};
    thread_start(&t, "adder", add_wanted, *state);
    until_writing(1);
    open_gate();
    thread_join(&t);
    assert_true(filler_wait(*state, 2, CLOCK_NEVER));
    assert_int_equal(written[2], 5);
    assert_int_equal(passed[2], 0);
}

/* When the page that waits was taken out, or after two seconds: then forgetting does not do its work. */
static void open_later(void *arg)
{
    for (int ms = 0; ms < 2000 && filler_bytes(arg) == 3 * LEN; ms++)
        poll(NULL, 0, 1);
    open_gate();
}

/* One writer for a content: the second page of 1 waits though a thread is free, that of 2 does not. */
static void test_forgets_what_waits_and_waits_for_what_is_written(void **state)
{
    struct filler *f = *state;
    struct thread t = {0};
    filler_add(f, page(1), false);
    filler_add(f, page(1), false);
    filler_add(f, page(2), false);
    until_writing(2);
    thread_start(&t, "opener", open_later, f);
    filler_forget(f, 1);
    lock_take(&lock);
    unsigned were_written = written[1], were_passed = passed[1];
    lock_drop(&lock);
    thread_join(&t);
    assert_int_equal(were_written, 1);
    assert_int_equal(were_passed, 1);
    assert_true(filler_wait(f, 2, CLOCK_NEVER));
    assert_int_equal(written[2], 1);
}

static void test_ends_with_pages_in_it(void **state)
{
    struct filler *f = *state;
    for (int i = 0; i < 3; i++)
        filler_add(f, page(1), false);
    until_writing(1); /* teardown opens the gate and frees it with two pages waiting */
}

/* ---- pages that come fast: 8 MiB each, of which nobody sees a byte ---- */

enum { FAST_LEN = 8 << 20 };
#define PLENTY ((uint64_t)1 << 40)

static unsigned written_of(content_id cid)
{
    lock_take(&lock);
    unsigned n = written[cid];
    lock_drop(&lock);
    return n;
}

static int setup_open(void **state)
{
    setup(state);
    filler_stop(*state);
    filler_free(*state);
    is_shut = false;
    *state = filler_new(PLENTY, put, pass_by, NULL);
    return 0;
}

/* A machine that sleeps at the wrong moment makes a pause: most tries must see it. */
static void test_fast_pages_wait_for_a_pause(void **state)
{
    struct filler *f = *state;
    unsigned total = 0, waited = 0;
    for (int try = 0; try < 10; try++) {
        for (int i = 0; i < 8; i++, total++)
            filler_add(f, page_of(1, FAST_LEN), false);
        poll(NULL, 0, 40);
        waited += written_of(1) < total;
        for (int ms = 0; ms < 5000 && written_of(1) < total; ms++)
            poll(NULL, 0, 1);
        assert_int_equal(written_of(1), total); /* nobody had to ask */
    }
    assert_true(waited >= 6);
}

struct adder {
    struct filler *f;
    bool is_ending; /* atomic */
    unsigned added;
};

static void add_fast(void *arg)
{
    struct adder *a = arg;
    for (; !__atomic_load_n(&a->is_ending, __ATOMIC_RELAXED); a->added++) {
        filler_add(a->f, page_of(1, FAST_LEN), false);
        poll(NULL, 0, 1);
    }
}

/* No pause comes, yet these are written, and long before too many wait. */
static void test_what_somebody_waits_for_is_not_put_off(void **state)
{
    struct adder a = {.f = *state};
    struct thread t = {0};
    thread_start(&t, "adder", add_fast, &a);
    poll(NULL, 0, 50);
    filler_add(a.f, page_of(2, FAST_LEN), true);
    for (int ms = 0; ms < 2000 && !written_of(2); ms++)
        poll(NULL, 0, 1);
    assert_int_equal(written_of(2), 1);
    filler_add(a.f, page_of(3, FAST_LEN), false);
    assert_true(filler_wait(a.f, 3, clock_mono_ms() + 2000));
    assert_int_equal(written_of(3), 1);
    __atomic_store_n(&a.is_ending, true, __ATOMIC_RELAXED);
    thread_join(&t);
}

static void test_nothing_passes_by_for_want_of_a_pause(void **state)
{
    filler_stop(*state);
    filler_free(*state);
    struct adder a = {.f = *state = filler_new(20 * (uint64_t)FAST_LEN, put, pass_by, NULL)};
    struct thread t = {0};
    thread_start(&t, "adder", add_fast, &a);
    poll(NULL, 0, 500);
    __atomic_store_n(&a.is_ending, true, __ATOMIC_RELAXED);
    thread_join(&t);
    assert_true(filler_wait(a.f, 1, CLOCK_NEVER));
    lock_take(&lock);
    unsigned by = passed[1];
    lock_drop(&lock);
    assert_true(a.added > 40);
    assert_true(by < a.added / 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_what_does_not_fit_passes_by, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_was_asked_for_waits_for_room, setup, teardown),
        cmocka_unit_test_setup_teardown(test_forgets_what_waits_and_waits_for_what_is_written, setup, teardown),
        cmocka_unit_test_setup_teardown(test_ends_with_pages_in_it, setup, teardown),
        cmocka_unit_test_setup_teardown(test_fast_pages_wait_for_a_pause, setup_open, teardown),
        cmocka_unit_test_setup_teardown(test_what_somebody_waits_for_is_not_put_off, setup_open, teardown),
        cmocka_unit_test_setup_teardown(test_nothing_passes_by_for_want_of_a_pause, setup_open, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
