/* SPDX-License-Identifier: Apache-2.0
 *
 * test_journal_crash: a child writes numbers and is killed at any moment and at each fault point; what
 * it had acknowledged must come back, once and in order, to a state that fell back to what it last
 * said was durable (as a power cut leaves SQLite).  Parent and child share the state through a file.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/file_util.h"
#include "base/mem.h"
#include "journal/journal.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct point {
    uint64_t index;
    uint64_t number; /* the last one at that index */
};

struct state {
    struct point applied;
    struct point durable[2]; /* of which */
    uint64_t which;          /* is the newest */
    uint64_t acknowledged;
    uint64_t is_broken, is_running;
};

static struct state *state;
static uint64_t next_number; /* to propose */
static struct journal *journal;

static void map_state(const char *dir)
{
    AUTO_FREE char *path = xasprintf("%s.state", dir);
    AUTO_FD int fd = open(path, O_RDWR | O_CREAT, 0600);
    if (fd < 0 || ftruncate(fd, sizeof *state) != 0)
        abort();
    state = mmap(NULL, sizeof *state, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (state == MAP_FAILED)
        abort();
}

static int on_apply(void *arg, const struct journal_entry *entries, size_t n, struct err *err)
{
    (void)arg, (void)err;
    for (size_t i = 0; i < n; i++) {
        uint64_t number;
        memcpy(&number, entries[i].data, sizeof number);
        if (number != state->applied.number + 1)
            state->is_broken = 1;
        state->applied = (struct point){entries[i].index, number};
        if (entries[i].waiter)
            __atomic_store_n(&state->acknowledged, number, __ATOMIC_RELEASE);
    }
    return 0;
}

static void on_abandoned(void *arg, void *waiter, uint64_t batch, const struct err *why)
{
    (void)arg, (void)waiter, (void)batch, (void)why;
}

static int on_make_durable(void *arg, uint64_t *ret, struct err *err)
{
    (void)arg, (void)err;
    uint64_t other = !state->which;
    state->durable[other] = state->applied;
    __atomic_store_n(&state->which, other, __ATOMIC_RELEASE);
    *ret = state->applied.index;
    return 0;
}

static struct journal_options options_of(const char *dir)
{
    state->applied = state->durable[state->which]; /* the rest was never on a disk */
    return (struct journal_options){.dir = dir, .node_id = 1, .address = "127.0.0.1:19200", .log_id = {9},
                                    .applied = state->applied.index, .durable = state->applied.index,
                                    .reserve_bytes = 32 << 20};
}

static void start(const char *dir)
{
    struct journal_client client = {NULL, on_apply, on_abandoned, on_make_durable, NULL};
    struct journal_options o = options_of(dir);
    struct err err;
    if (journal_start(&o, &client, clock_mono_ms() + 20000, &journal, &err) != 0) {
        fprintf(stderr, "%s\n", err.text);
        abort();
    }
}

/* ── the child ─────────────────────────────────────────────────────────────────────────────── */

static void child(const char *dir)
{
    char entry[2000] = {0};
    map_state(dir);
    start(dir);
    next_number = state->applied.number + 1;
    state->is_running = 1;
    for (uint64_t i = 0;; i++) {
        size_t len = 8 + (next_number * 37) % (sizeof entry - 8);
        memcpy(entry, &next_number, sizeof next_number);
        if (journal_propose(journal, entry, len, entry, NULL, NULL) == 0)
            next_number++;
        else
            nanosleep(&(struct timespec){.tv_nsec = 200000}, NULL);
        if (i % 3000 == 2999 && journal_checkpoint(journal, clock_mono_ms() + 10000, NULL) != 0)
            abort();
    }
}

/* ── the parent ────────────────────────────────────────────────────────────────────────────── */

static char dir[64];

static pid_t spawn(const char *fault)
{
    state->is_running = 0;
    pid_t pid = fork();
    if (pid == 0) {
        if (fault)
            setenv("ISTHMUS_FAULT", fault, 1);
        execl("/proc/self/exe", "child", dir, (char *)NULL);
        _exit(127);
    }
    return pid;
}

static int wait_for_end(pid_t pid, int64_t for_ms)
{
    int64_t by = clock_mono_ms() + for_ms;
    int status;
    while (waitpid(pid, &status, WNOHANG) == 0) {
        if (clock_is_past(by))
            kill(pid, SIGKILL);
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    return status;
}

static void check(void)
{
    uint64_t acknowledged = __atomic_load_n(&state->acknowledged, __ATOMIC_ACQUIRE);
    assert_false(state->is_broken);
    start(dir);
    assert_false(state->is_broken);
    if (state->applied.number < acknowledged)
        fail_msg("%llu was acknowledged, the log ends at %llu", (unsigned long long)acknowledged,
                 (unsigned long long)state->applied.number);
    journal_stop(journal);
}

static void test_killed_at_any_moment(void **unused)
{
    (void)unused;
    unsigned seed = (unsigned)clock_wall_ms();
    for (int i = 0; i < 12; i++) {
        pid_t pid = spawn(NULL);
        int64_t by = clock_mono_ms() + 10000;
        while (!__atomic_load_n(&state->is_running, __ATOMIC_ACQUIRE) && !clock_is_past(by))
            nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
        int status = wait_for_end(pid, rand_r(&seed) % 120);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        check();
    }
    assert_true(state->acknowledged > 100);
}

static void test_killed_at_each_point(void **unused)
{
    (void)unused;
    static const char *const points[] = {
        "journal.before_append:1", "journal.before_append:40", "journal.after_commit:1", "journal.after_commit:50",
        "journal.before_apply:1",  "journal.before_apply:30",  "journal.after_apply:1",  "journal.after_apply:30",
        "journal.before_marker:1", "journal.before_marker:2",  "journal.after_marker:1", "journal.after_marker:3",
    };
    for (size_t i = 0; i < array_len(points); i++) {
        pid_t pid = spawn(points[i]);
        int64_t from = clock_mono_ms();
        int status = wait_for_end(pid, 20000);
        if (clock_mono_ms() - from >= 20000)
            fail_msg("%s was never passed", points[i]);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        check();
    }
}

static int set_up(void **unused)
{
    (void)unused;
    snprintf(dir, sizeof dir, "/tmp/journal-crash-XXXXXX");
    if (!mkdtemp(dir))
        return -1;
    map_state(dir);
    struct journal_options o = options_of(dir);
    return journal_format(&o, NULL);
}

static int tear_down(void **unused)
{
    (void)unused;
    AUTO_FREE char *path = xasprintf("%s.state", dir);
    munmap(state, sizeof *state);
    unlink(path);
    return file_remove_tree(dir, NULL);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_killed_at_any_moment, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_killed_at_each_point, set_up, tear_down),
    };
    if (argc > 1) {
        child(argv[1]);
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
