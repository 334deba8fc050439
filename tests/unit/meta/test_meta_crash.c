/* SPDX-License-Identifier: Apache-2.0
 *
 * test_meta_crash: a process that creates and removes is killed, at random and at each fault point of meta;
 * what it had been told is there afterwards, and the state keeps its invariants.  The child is this program
 * again, with a folder as argument; it writes a byte for every answer that it got.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "meta_fixture.h"

#include "base/clock.h"
#include "base/slice.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROUND_MAX 1000 /* a fault point that is never passed fails the test */

static void set_paths(struct meta_fixture *f, const char *dir)
{
    memset(f, 0, sizeof *f);
    snprintf(f->dir, sizeof f->dir, "%s", dir);
    snprintf(f->db_dir, sizeof f->db_dir, "%s/meta", dir);
    snprintf(f->journal_dir, sizeof f->journal_dir, "%s/journal", dir);
    f->options = (struct meta_options){.dir = f->db_dir, .journal_dir = f->journal_dir, .cache_bytes = 1 << 20, .sqlite_cache_bytes = 4 << 20,
                                       .readers = 2, .journal_reserve_bytes = 1 << 20, .address = "127.0.0.1:19200"};
}

static int drop(struct sink *s, const struct slice *slice, struct err *err)
{
    (void)s, (void)slice, (void)err;
    return 0;
}

/* Round r creates file-r-0, file-r-1, … and removes every third at once; is killed before it is done. */
static int child(const char *dir, int round, bool with_care)
{
    struct meta_fixture f;
    struct sink nowhere = {drop};
    set_paths(&f, dir);
    meta_fixture_open(&f);
    for (int i = 0; i < ROUND_MAX; i++) {
        char name[40];
        inode_id ino;
        uint64_t index;
        snprintf(name, sizeof name, "file-%d-%d", round, i);
        if (meta_fixture_create(&f, INODE_ROOT, name, INODE_FILE, &ino) < 0)
            return 3;
        if (i % 3 == 0 && meta_fixture_remove_child(&f, INODE_ROOT, name, ino) < 0)
            return 4;
        if (write(STDOUT_FILENO, "x", 1) != 1)
            return 5;
        if (with_care && i % 10 == 9) {
            int64_t until = clock_mono_ms() + 10000;
            if (meta_backup(f.m, until, &nowhere, &index, NULL) < 0 || meta_checkpoint(f.m, until, NULL) < 0)
                return 6;
        }
    }
    return 7;
}

/* Starts a child, kills it after `kill_after` answers (0: it dies by the fault); returns the answers it got. */
static int run_child(const char *dir, int round, const char *fault, int kill_after)
{
    int pipe_fds[2], count = 0, status;
    char number[16], c;
    snprintf(number, sizeof number, "%d", round);
    assert_int_equal(pipe(pipe_fds), 0);
    pid_t pid = fork();
    if (pid == 0) {
        dup2(pipe_fds[1], STDOUT_FILENO);
        close(pipe_fds[0]);
        close(pipe_fds[1]);
        if (fault)
            setenv("ISTHMUS_FAULT", fault, 1);
        execl("/proc/self/exe", "test_meta_crash", dir, number, fault ? "care" : "plain", (char *)NULL);
        _exit(9);
    }
    close(pipe_fds[1]);
    while (read(pipe_fds[0], &c, 1) == 1)
        if (++count == kill_after)
            kill(pid, SIGKILL);
    close(pipe_fds[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    return count;
}

static void check(const char *dir, int round, int count)
{
    struct meta_fixture f;
    set_paths(&f, dir);
    meta_fixture_open(&f);
    for (int i = 0; i < count; i++) {
        char name[40];
        inode_id ino;
        snprintf(name, sizeof name, "file-%d-%d", round, i);
        int rc = meta_lookup(f.m, INODE_ROOT, name, strlen(name), &ino, NULL, NULL);
        assert_int_equal(rc, i % 3 == 0 ? -ERR_NOT_FOUND : 0);
    }
    assert_int_equal(meta_fixture_findings(&f), 0);
    meta_close(f.m);
}

static void test_killed(void **state)
{
    (void)state;
    struct meta_fixture f;
    static const char *const faults[] = {NULL, "meta.before_commit:30", NULL, "meta.after_commit:30", "meta.before_checkpoint:3",
                                         "meta.after_checkpoint:2", "meta.during_backup:1", NULL};
    meta_fixture_format(&f, NULL);
    meta_close(f.m);
    for (int round = 0; round < (int)array_len(faults); round++) {
        int count = run_child(f.dir, round, faults[round], faults[round] ? 0 : 20 + round * 7);
        check(f.dir, round, count);
    }
    meta_fixture_open(&f);
    meta_fixture_remove(&f);
}

int main(int argc, char **argv)
{
    if (argc == 4)
        return child(argv[1], (int)strtol(argv[2], NULL, 10), !strcmp(argv[3], "care"));
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_killed)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
