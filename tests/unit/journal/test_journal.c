/* SPDX-License-Identifier: Apache-2.0
 *
 * test_journal: what journal.h promises, on a real folder with a client that only remembers.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "journal_fixture.h"

#include "base/thread.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

/* An engine that failed is given up: what its dead loop had on the stack is lost on purpose. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libraft\n";
}

/* libuv and libraft are not instrumented: a descriptor's number that they close and we get next looks like a race. */
const char *__tsan_default_suppressions(void);
const char *__tsan_default_suppressions(void)
{
    return "race:libuv.so\nrace:libraft.so\n";
}

static int set_up(void **state)
{
    struct err err;
    struct fixture *f = fixture_new();
    *state = f;
    return journal_format(&f->options, &err) == 0 && fixture_start(f, &err) == 0 ? 0 : -1;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    journal_stop(f->journal);
    bool was_in_order = !f->is_out_of_order;
    fixture_free(f);
    return was_in_order ? 0 : -1;
}

static void propose_many(struct fixture *f, uint32_t from, uint32_t to, size_t len)
{
    struct err err;
    for (uint32_t i = from; i < to;) {
        int rc = fixture_propose(f, i, len, &err);
        if (rc == 0)
            i++;
        else if (rc == -ERR_UNAVAILABLE) /* full: come again when something is applied */
            assert_true(fixture_wait(f, &f->applied_count, f->applied_count + 1));
        else
            fail_msg("%s", err.text);
    }
}

static void assert_each_once(const struct fixture *f, uint32_t from, uint32_t to)
{
    for (uint32_t i = from; i < to; i++)
        if (f->applied[i] != 1)
            fail_msg("entry %u was applied %u times", i, f->applied[i]);
}

static void restart(struct fixture *f, uint64_t applied)
{
    struct err err;
    journal_stop(f->journal);
    fixture_forget(f, applied);
    if (fixture_start(f, &err) != 0)
        fail_msg("%s", err.text);
}

static void test_format_keeps_a_log(void **state)
{
    struct fixture *f = *state;
    struct err err;
    assert_int_equal(journal_format(&f->options, &err), -ERR_ALREADY_EXISTS);
}

/* The journal counts a moment after the client was told. */
static void wait_for_entries(struct fixture *f, uint64_t entries, struct journal_info *info)
{
    int64_t by = clock_mono_ms() + 5000;
    do
        journal_info(f->journal, info);
    while ((info->entries != entries || info->entries_since_checkpoint != entries) && !clock_is_past(by));
}

static void test_each_entry_is_applied_once_in_order(void **state)
{
    struct fixture *f = *state;
    struct journal_info info;
    propose_many(f, 0, 20000, 40);
    assert_true(fixture_wait(f, &f->answered_count, 20000));
    assert_each_once(f, 0, 20000);
    assert_int_equal(f->abandoned_count, 0);
    wait_for_entries(f, 20000, &info);
    assert_int_equal(info.state, JOURNAL_LEADER);
    assert_int_equal(info.entries, 20000);
    assert_true(info.groups < 5000); /* groups, not one record an entry */
    assert_int_equal(info.entries_since_checkpoint, 20000);
    assert_true(info.applied_index == f->last_index && info.last_index >= f->last_index && info.term >= 1);
}

static void test_a_large_entry_fits_and_a_larger_does_not(void **state)
{
    struct fixture *f = *state;
    char too_large[JOURNAL_ENTRY_MAX + 1] = {0};
    struct err err;
    for (uint32_t i = 0; i < 20; i++)
        assert_int_equal(fixture_propose(f, i, JOURNAL_ENTRY_MAX, &err), 0);
    assert_int_equal(journal_propose(f->journal, too_large, sizeof too_large, NULL, NULL, &err), -ERR_TOO_LARGE);
    assert_true(fixture_wait(f, &f->answered_count, 20));
}

static void test_restart_delivers_from_applied(void **state)
{
    struct fixture *f = *state;
    propose_many(f, 0, 5, 8);
    assert_true(fixture_wait(f, &f->applied_count, 5));
    uint64_t middle = f->last_index;
    propose_many(f, 5, 50, 8);
    assert_true(fixture_wait(f, &f->applied_count, 50));
    uint64_t end = f->last_index;
    restart(f, middle);
    assert_int_equal(f->applied_count, 45); /* all of it before the start returns */
    assert_int_equal(f->answered_count, 0);
    assert_each_once(f, 5, 50);
    assert_true(f->last_index == end);
    restart(f, end);
    assert_int_equal(f->applied_count, 0);
    propose_many(f, 50, 51, 8);
    assert_true(fixture_wait(f, &f->applied_count, 1));
    assert_true(f->last_index > end);
}

static void test_stop_drains(void **state)
{
    struct fixture *f = *state;
    propose_many(f, 0, 3000, 100);
    journal_stop(f->journal);
    f->journal = NULL;
    for (uint32_t i = 0; i < 3000; i++)
        assert_int_equal(f->answered[i] + f->abandoned[i], 1);
}

static void test_a_client_that_cannot_apply_fails_the_journal(void **state)
{
    struct fixture *f = *state;
    struct journal_info info;
    struct err err;
    fixture_set(f, &f->must_fail, true);
    propose_many(f, 0, 1, 8);
    assert_true(fixture_wait(f, &f->abandoned_count, 1));
    assert_int_equal(f->why[0], ERR_OUTCOME_UNKNOWN);
    journal_info(f->journal, &info);
    assert_int_equal(info.state, JOURNAL_FAILED);
    assert_string_equal(info.failure, "the state has no disk");
    assert_int_equal(fixture_propose(f, 1, 8, &err), -ERR_UNAVAILABLE);
    assert_int_equal(f->answered_count, 0);
    /* it was committed: the next start brings it */
    f->must_fail = false;
    restart(f, 0);
    assert_each_once(f, 0, 1);
}

static void test_full_queue_refuses(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    uint32_t n = 0;
    fixture_set(f, &f->must_hold, true);
    while (n < 2000 && fixture_propose(f, n, JOURNAL_ENTRY_MAX, &err) == 0)
        n++;
    assert_in_range(n, 100, 300); /* 16 MiB of 64 KiB */
    assert_int_equal(err.code, ERR_UNAVAILABLE);
    fixture_set(f, &f->must_hold, false);
    assert_true(fixture_wait(f, &f->answered_count, n));
    assert_int_equal(fixture_propose(f, n, 8, &err), 0);
    assert_true(fixture_wait(f, &f->answered_count, n + 1));
}

/* ── markers ───────────────────────────────────────────────────────────────────────────────── */

static void test_checkpoint_cuts(void **state)
{
    struct fixture *f = *state;
    struct journal_info info;
    struct err err;
    propose_many(f, 0, 100, 8);
    assert_true(fixture_wait(f, &f->applied_count, 100));
    uint64_t end = f->last_index;
    assert_int_equal(journal_checkpoint(f->journal, clock_mono_ms() + 10000, &err), 0);
    journal_info(f->journal, &info);
    assert_true(info.snapshot_index >= end && info.durable_index >= end);
    assert_int_equal(info.entries_since_checkpoint, 0);
    assert_true(info.last_checkpoint_ms > 0);
    assert_int_equal(journal_checkpoint(f->journal, clock_mono_ms() + 10000, &err), 0); /* nothing new */
    propose_many(f, 100, 110, 8);
    assert_true(fixture_wait(f, &f->applied_count, 110));
    restart(f, end);
    assert_each_once(f, 100, 110);
    assert_int_equal(f->applied_count, 10);
}

static void test_a_marker_waits_for_the_state(void **state)
{
    struct fixture *f = *state;
    struct journal_info info;
    struct err err;
    fixture_set(f, &f->is_never_durable, true);
    propose_many(f, 0, 100, 8);
    assert_true(fixture_wait(f, &f->applied_count, 100));
    assert_int_equal(journal_checkpoint(f->journal, clock_mono_ms() + 600, &err), -ERR_TIMEOUT);
    journal_info(f->journal, &info);
    assert_true(info.snapshot_index == 0);
    assert_true(fixture_wait(f, &f->durable_calls, 2)); /* it was asked again */
    propose_many(f, 100, 200, 8);                       /* and writers go on meanwhile */
    assert_true(fixture_wait(f, &f->answered_count, 200));
    restart(f, 0); /* nothing was cut: an empty state gets all of it */
    assert_each_once(f, 0, 200);
    fixture_set(f, &f->is_never_durable, false);
    assert_int_equal(journal_checkpoint(f->journal, clock_mono_ms() + 10000, &err), 0);
}

static void test_a_state_older_than_the_marker_is_refused(void **state)
{
    struct fixture *f = *state;
    struct err err;
    propose_many(f, 0, 100, 8);
    assert_true(fixture_wait(f, &f->applied_count, 100));
    uint64_t end = f->last_index;
    assert_int_equal(journal_checkpoint(f->journal, clock_mono_ms() + 10000, &err), 0);
    journal_stop(f->journal);
    fixture_forget(f, end - 1);
    assert_int_equal(fixture_start(f, &err), -ERR_CONFLICT);
    assert_non_null(strstr(err.text, "restore"));
    assert_int_equal(f->applied_count, 0);
    fixture_forget(f, end);
    assert_int_equal(fixture_start(f, &err), 0);
}

static void test_the_log_stays_within_its_bounds(void **state)
{
    struct fixture *f = *state;
    struct journal_info info;
    for (uint32_t i = 0; i < 1200; i += 100) { /* 75 MiB */
        propose_many(f, i, i + 100, JOURNAL_ENTRY_MAX);
        journal_info(f->journal, &info);
        assert_true(info.log_bytes <= 32u << 20);
        assert_true(info.disk_bytes <= 64u << 20);
    }
    assert_true(fixture_wait(f, &f->answered_count, 1200));
    journal_info(f->journal, &info);
    assert_true(info.snapshot_index > 0);
    uint64_t end = f->last_index;
    restart(f, end);
    assert_int_equal(f->applied_count, 0);
}

/* ── identity ──────────────────────────────────────────────────────────────────────────────── */

static void assert_refused(struct fixture *f, const char *word)
{
    struct err err;
    assert_int_equal(fixture_start(f, &err), -ERR_CONFLICT);
    if (!strstr(err.text, word))
        fail_msg("no '%s' in: %s", word, err.text);
    assert_null(f->journal);
}

static void check_identity(struct fixture *f)
{
    struct journal_options right = f->options;
    f->options.incarnation++;
    assert_refused(f, "another state");
    f->options = right;
    f->options.log_id[15] ^= 1;
    assert_refused(f, "another state");
    f->options = right;
    f->options.base = f->options.applied = f->options.durable = 5000;
    assert_refused(f, "another state");
    f->options = right;
    f->options.applied = f->options.durable = 5000;
    assert_refused(f, "ends before");
    f->options = right;
    assert_int_equal(f->applied_count, 0);
}

static void test_a_log_of_another_state_is_refused(void **state)
{
    struct fixture *f = *state;
    struct err err;
    journal_stop(f->journal);
    check_identity(f); /* an empty log */
    assert_int_equal(fixture_start(f, &err), 0);
    propose_many(f, 0, 10, 8);
    assert_true(fixture_wait(f, &f->applied_count, 10));
    assert_int_equal(journal_checkpoint(f->journal, clock_mono_ms() + 10000, &err), 0);
    journal_stop(f->journal);
    fixture_forget(f, f->last_index);
    check_identity(f); /* one with a marker */
    assert_int_equal(fixture_start(f, &err), 0);
}

static void test_indexes_go_on_above_the_base(void **state)
{
    struct fixture *f = *state;
    struct err err;
    journal_stop(f->journal);
    assert_int_equal(file_remove_tree(f->dir, &err), 0);
    f->options.base = f->options.applied = f->options.durable = f->last_index = 1000000;
    f->options.incarnation = 2;
    assert_int_equal(journal_format(&f->options, &err), 0);
    assert_int_equal(fixture_start(f, &err), 0);
    propose_many(f, 0, 10, 8);
    assert_true(fixture_wait(f, &f->applied_count, 10));
    assert_true(f->last_index > 1000000 && f->last_index < 1000100);
}

/* ── space ─────────────────────────────────────────────────────────────────────────────────── */

static bool wait_for_state(struct fixture *f, enum journal_state wanted)
{
    struct journal_info info;
    int64_t by = clock_mono_ms() + 5000;
    do {
        journal_info(f->journal, &info);
        nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
    } while (info.state != wanted && !clock_is_past(by));
    return info.state == wanted;
}

static void test_a_nearly_full_disk_refuses_and_recovers(void **state)
{
    struct fixture *f = *state;
    struct err err;
    uint64_t free_bytes;
    char hog[96];
    journal_stop(f->journal);
    assert_int_equal(file_free_bytes(f->dir, &free_bytes, &err), 0);
    f->options.reserve_bytes = free_bytes / 8 * 7; /* far above what others write meanwhile */
    assert_int_equal(fixture_start(f, &err), 0);
    snprintf(hog, sizeof hog, "%s-hog", f->dir);
    int fd = open(hog, O_CREAT | O_WRONLY, 0600);
    if (fallocate(fd, 0, 0, (off_t)(free_bytes / 4)) != 0) {
        close(fd);
        unlink(hog);
        skip(); /* a file system that cannot reserve */
    }
    bool is_low = wait_for_state(f, JOURNAL_NO_SPACE);
    int refused = fixture_propose(f, 0, 8, &err);
    close(fd);
    unlink(hog);
    assert_true(is_low);
    assert_int_equal(refused, -ERR_NO_SPACE);
    assert_true(wait_for_state(f, JOURNAL_LEADER));
    propose_many(f, 1, 2, 8);
    assert_true(fixture_wait(f, &f->answered_count, 1));
}

static void limit_file_size(rlim_t bytes)
{
    struct rlimit limit;
    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = bytes;
    setrlimit(RLIMIT_FSIZE, &limit);
}

#ifndef ENGINE_RETRIES_WRITES
#define ENGINE_RETRIES_WRITES 0
#endif

/* The engine's writes fail, as on a broken disk.  libraft 0.15 tells; 0.22.1 wants to try again, but does so with
 * the timer of something else and aborts. */
static void test_a_broken_disk_ends_the_engine_and_nothing_else(void **state)
{
    struct fixture *f = *state;
    struct journal_info info;
    struct err err;
    if (ENGINE_RETRIES_WRITES)
        skip();
    propose_many(f, 0, 10, 8);
    assert_true(fixture_wait(f, &f->answered_count, 10));
    uint64_t applied = f->last_index;
    uint32_t end = 10;
    signal(SIGXFSZ, SIG_IGN);
    limit_file_size(1);
    while (end < 500 && fixture_propose(f, end, 1000, &err) == 0)
        end++;
    bool has_failed = wait_for_state(f, JOURNAL_FAILED);
    limit_file_size(RLIM_INFINITY);
    assert_true(has_failed);
    journal_info(f->journal, &info);
    assert_non_null(strstr(info.failure, "append"));
    assert_int_equal(fixture_propose(f, 500, 8, &err), -ERR_UNAVAILABLE);
    journal_stop(f->journal);
    for (uint32_t i = 10; i < end; i++) {
        assert_int_equal(f->answered[i] + f->abandoned[i], 1);
        if (f->abandoned[i])
            assert_true(f->why[i] == ERR_OUTCOME_UNKNOWN || f->why[i] == ERR_UNAVAILABLE);
    }
    applied = f->answered_count > 10 ? f->last_index : applied;
    fixture_forget(f, applied);
    assert_int_equal(fixture_start(f, &err), 0);
    propose_many(f, 500, 501, 8);
    assert_true(fixture_wait(f, &f->answered_count, 1));
}

static void test_starts_on_a_nearly_full_disk(void **state)
{
    struct fixture *f = *state;
    struct journal_info info;
    struct err err;
    propose_many(f, 0, 10, 8);
    assert_true(fixture_wait(f, &f->applied_count, 10));
    f->options.reserve_bytes = (uint64_t)1 << 60;
    restart(f, 0);
    assert_each_once(f, 0, 10); /* reading goes on */
    journal_info(f->journal, &info);
    assert_int_equal(info.state, JOURNAL_NO_SPACE);
    assert_int_equal(fixture_propose(f, 10, 8, &err), -ERR_NO_SPACE);
    assert_int_equal(journal_checkpoint(f->journal, clock_mono_ms() + 1000, &err), -ERR_NO_SPACE);
}

/* ── readJournal ───────────────────────────────────────────────────────────────────────────── */

struct seen {
    uint32_t numbers[20000];
    size_t count;
    uint64_t last_index;
};

static int see(void *arg, const struct journal_entry *e, struct err *err)
{
    struct seen *s = arg;
    if (e->index < s->last_index || e->waiter)
        return err_set(err, ERR_INTERNAL, "out of order");
    s->last_index = e->index;
    memcpy(&s->numbers[s->count++], e->data, sizeof(uint32_t));
    return 0;
}

static void assert_reads(struct fixture *f, uint32_t n)
{
    static struct seen s;
    struct err err;
    memset(&s, 0, sizeof s);
    if (journal_read(f->dir, f->options.base, see, &s, &err) != 0)
        fail_msg("%s", err.text);
    assert_int_equal(s.count, n);
    for (uint32_t i = 0; i < n; i++)
        assert_int_equal(s.numbers[i], i);
    assert_true(s.last_index == f->last_index);
}

static void test_read_while_running_and_stopped(void **state)
{
    struct fixture *f = *state;
    propose_many(f, 0, 10000, 100);
    assert_true(fixture_wait(f, &f->answered_count, 10000));
    assert_reads(f, 10000); /* open segments */
    restart(f, f->last_index);
    assert_reads(f, 10000); /* closed ones */
    propose_many(f, 10000, 10010, 8);
    assert_true(fixture_wait(f, &f->answered_count, 10));
    assert_reads(f, 10010);
}

#define CALLERS 8
struct caller {
    struct fixture *f;
    struct thread thread;
    uint32_t from, taken;
};

static void call(void *arg)
{
    struct caller *c = arg;
    struct err err;
    while (c->taken < 20000 && fixture_propose(c->f, c->from + c->taken, 8, &err) == 0)
        c->taken++;
}

static void test_stop_under_many_callers(void **state)
{
    struct fixture *f = *state;
    struct caller callers[CALLERS];
    struct err err;
    for (uint32_t i = 0; i < CALLERS; i++) {
        callers[i] = (struct caller){.f = f, .from = i * 20000};
        thread_start(&callers[i].thread, "caller", call, &callers[i]);
    }
    assert_true(fixture_wait(f, &f->answered_count, 2000));
    fixture_set(f, &f->must_fail, true); /* callers end when the journal refuses */
    for (uint32_t i = 0; i < CALLERS; i++)
        thread_join(&callers[i].thread);
    journal_stop(f->journal);
    for (uint32_t i = 0; i < CALLERS; i++)
        for (uint32_t k = callers[i].from; k < callers[i].from + callers[i].taken; k++)
            assert_int_equal(f->answered[k] + f->abandoned[k], 1);
    f->must_fail = false;
    fixture_forget(f, 0);
    assert_int_equal(fixture_start(f, &err), 0); /* all that was answered is there */
    for (uint32_t i = 0; i < CALLERS; i++)
        for (uint32_t k = callers[i].from; k < callers[i].from + callers[i].taken; k++)
            assert_true(f->applied[k] <= 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_format_keeps_a_log),
        TEST(test_each_entry_is_applied_once_in_order),
        TEST(test_a_large_entry_fits_and_a_larger_does_not),
        TEST(test_restart_delivers_from_applied),
        TEST(test_stop_drains),
        TEST(test_stop_under_many_callers),
        TEST(test_a_client_that_cannot_apply_fails_the_journal),
        TEST(test_full_queue_refuses),
        TEST(test_checkpoint_cuts),
        TEST(test_a_marker_waits_for_the_state),
        TEST(test_a_state_older_than_the_marker_is_refused),
        TEST(test_the_log_stays_within_its_bounds),
        TEST(test_a_log_of_another_state_is_refused),
        TEST(test_indexes_go_on_above_the_base),
        TEST(test_a_nearly_full_disk_refuses_and_recovers),
        TEST(test_a_broken_disk_ends_the_engine_and_nothing_else),
        TEST(test_starts_on_a_nearly_full_disk),
        TEST(test_read_while_running_and_stopped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
