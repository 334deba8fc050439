/* SPDX-License-Identifier: Apache-2.0
 *
 * test_file_util: whole files and trees, and the points at which a process dies.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/fault.h"
#include "base/file_util.h"
#include "base/mem.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[64], path[128];

static int make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/isthmus-test-file-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    return file_remove_tree(folder, NULL);
}

static const char *in_folder(const char *name)
{
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void reads_and_writes(void **state)
{
    (void)state;
    AUTO(buf) b;
    struct stat st;
    struct err err;
    buf_init(&b, 10);
    assert_int_equal(file_read(in_folder("none"), 10, &b, &err), -ERR_NOT_FOUND);
    assert_int_equal(file_read(folder, 10, &b, &err), -ERR_IS_DIRECTORY);
    assert_int_equal(file_write(in_folder("a"), "0123456789", 10, 0640, &err), 0);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0640);
    assert_int_equal(file_read(path, 10, &b, &err), 0); /* exactly the limit of file and buf */
    assert_string_equal(buf_str(&b), "0123456789");
    buf_reset(&b);
    assert_int_equal(file_read(path, 9, &b, &err), -ERR_TOO_LARGE);
    assert_int_equal(file_write(path, "", 0, 0600, &err), 0);
    buf_reset(&b);
    assert_int_equal(file_read(path, 1000, &b, &err), 0); /* a limit above the buf's is no error */
    assert_int_equal(b.len, 0);
    AUTO(buf) proc;
    buf_init(&proc, 1 << 20);
    assert_int_equal(file_read("/proc/self/status", 1 << 20, &proc, &err), 0);
    assert_true(proc.len > 100);
    buf_reset(&proc);
    assert_int_equal(file_read("/proc/self/status", 10, &proc, &err), -ERR_TOO_LARGE);
    assert_int_equal(file_write("/nonexistent/x", "", 0, 0600, &err), -ERR_NOT_FOUND);
}

static void folders(void **state)
{
    (void)state;
    struct err err;
    assert_int_equal(file_mkdirs(in_folder("x/y//z/"), 0755, &err), 0);
    assert_int_equal(file_mkdirs(path, 0755, &err), 0);
    assert_int_equal(file_write(in_folder("x/y/f"), "1", 1, 0644, &err), 0);
    assert_int_equal(file_mkdirs(in_folder("x/y/f"), 0755, &err), -ERR_NOT_DIRECTORY);
    assert_int_equal(symlink("/etc", in_folder("x/y/link")), 0);
    assert_int_equal(file_sync_dir(in_folder("x"), &err), 0);
    assert_int_equal(file_remove_tree(in_folder("x"), &err), 0);
    assert_int_equal(access(path, F_OK), -1);
    assert_int_equal(access("/etc/passwd", F_OK), 0);
    assert_int_equal(file_remove_tree(path, &err), 0);
    assert_int_equal(file_sync_dir(path, &err), -ERR_NOT_FOUND);
}

static void ranges(void **state)
{
    (void)state;
    char four[4];
    uint64_t free_bytes = 0;
    struct err err;
    AUTO_FD int fd = open(in_folder("r"), O_RDWR | O_CREAT, 0600);
    assert_true(fd >= 0);
    assert_int_equal(file_write_all(fd, "abcd", 4, &err), 0);
    assert_int_equal(file_pwrite_all(fd, "XY", 2, 3, &err), 0);
    assert_int_equal(file_pread_all(fd, four, 4, 1, &err), 0);
    assert_memory_equal(four, "bcXY", 4);
    assert_int_equal(file_pread_all(fd, four, 4, 2, &err), -ERR_CORRUPT);
    assert_int_equal(file_free_bytes(folder, &free_bytes, &err), 0);
    assert_true(free_bytes > 0);
    AUTO_FD int full = open("/dev/full", O_WRONLY);
    assert_int_equal(file_write_all(full, "x", 1, &err), -ERR_NO_SPACE);
}

/* The child of `faults`: two points, passed twice. */
static int pass_points(void)
{
    for (int i = 0; i < 2; i++) {
        FAULT("test.second");
        FAULT("test.first");
    }
    return 0;
}

static int run_armed(const char *wish)
{
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        setenv("ISTHMUS_FAULT", wish, 1);
        execl("/proc/self/exe", "test", "pass", (char *)NULL);
        _exit(9);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static void faults(void **state)
{
    (void)state;
    const char *const *names;
    assert_int_equal(fault_names(&names), 2);
    assert_string_equal(names[0], "test.first");
    assert_string_equal(names[1], "test.second");
    assert_int_equal(pass_points(), 0); /* not armed here */
    assert_int_equal(run_armed("test.first"), -SIGKILL);
    assert_int_equal(run_armed("test.first:2"), -SIGKILL);
    assert_int_equal(run_armed("test.first:3"), 0);
    assert_int_equal(run_armed("test.none"), 0);
}

int main(int argc, char **argv)
{
    if (argc > 1 && !strcmp(argv[1], "pass"))
        return pass_points();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_and_writes),
        cmocka_unit_test(folders),
        cmocka_unit_test(ranges),
        cmocka_unit_test(faults),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
