/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_test: the built-in tests: every read type with every write type, bytes written and read back.
 * And the contract of stores, which another program runs.
 */
#include "base/mem.h"
#include "base/text.h"
#include "cli/client.h"
#include "cli/paths.h"
#include "cli/show.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { INTS = 20 };
#define TEST_DIR "default_tests_files"

static const char *const read_types[] = {"CACHE_PROMOTE", "CACHE", "NO_CACHE"};
static const char *const write_types[] = {"MUST_CACHE", "CACHE_THROUGH", "THROUGH", "ASYNC_THROUGH"};
static const struct {
    const char *name, *typed;
} operations[] = {{"BASIC", "Basic"}, {"BASIC_NON_BYTE_BUFFER", "BasicNonByteBuffer"}};

struct one_test {
    const char *operation, *read_type, *write_type;
    char dir[PATH_MAX_BYTES + 1];
};

/* BASIC: 20 ints as the machine has them. The other: their number and they, the high byte first. */
static void make_content(const struct one_test *t, struct buf *to)
{
    bool is_basic = !strcmp(t->operation, "BASIC");
    uint32_t count = htonl(INTS);
    if (!is_basic)
        buf_add(to, &count, sizeof count);
    for (uint32_t i = 0; i < INTS; i++) {
        uint32_t n = is_basic ? i : htonl(i);
        buf_add(to, &n, sizeof n);
    }
}

static int write_and_read(struct cli *c, const struct one_test *t, struct err *err)
{
    AUTO(buf) wanted = {.max = 4096};
    AUTO(buf) got = {.max = 4096};
    AUTO_FREE char *path = xasprintf("%s/%s_%s_%s", t->dir, t->operation, t->read_type, t->write_type);
    AUTO_FREE char *write_query = xasprintf("&recursive=true&overwrite=true&write_type=%s", t->write_type);
    AUTO_FREE char *read_query = xasprintf("&read_type=%s", t->read_type);
    struct source_mem from;
    struct sink_buf to;
    make_content(t, &wanted);
    source_mem_init(&from, wanted.data, wanted.len);
    sink_buf_init(&to, &got);
    TRY(client_write(c, path, write_query, &from.source, err));
    TRY(client_read(c, path, read_query, NULL, &to.sink, err));
    if (got.len != wanted.len || memcmp(got.data, wanted.data, got.len))
        return err_set(err, ERR_CORRUPT, "%s: %zu bytes came back, and not those that were written", path, got.len);
    return 0;
}

/* True when it passed. */
static bool run_one(struct cli *c, const struct one_test *t)
{
    struct err err = {0};
    printf("runTest --operation %s --readType %s --writeType %s\n", t->operation, t->read_type, t->write_type);
    int rc = write_and_read(c, t, &err);
    if (rc < 0)
        printf("%s\n", err.text);
    show_coloured(rc < 0 ? "31" : "32", rc < 0 ? "Failed the test!" : "Passed the test!");
    putchar('\n');
    fflush(stdout);
    return rc == 0;
}

static int prepare(struct cli *c, const struct args *a, struct one_test *t, struct err *err)
{
    const char *root = args_value(a, "directory");
    AUTO_FREE char *typed = xasprintf("%s/%s", root && strcmp(root, "/") ? root : "", TEST_DIR);
    TRY(paths_take(typed, t->dir, err));
    int rc = client_files(c, "DELETE", t->dir, "?recursive=true&unchecked=true", NULL, NULL, err);
    return rc == -ERR_NOT_FOUND ? 0 : rc;
}

static int run_tests(struct cli *c, const struct args *a, struct err *err)
{
    struct one_test t = {0};
    int done = 0, passed = 0;
    TRY(prepare(c, a, &t, err));
    for (size_t r = 0; r < array_len(read_types); r++)
        for (size_t w = 0; w < array_len(write_types); w++)
            for (size_t o = 0; o < array_len(operations); o++) {
                t.operation = operations[o].name;
                t.read_type = read_types[r];
                t.write_type = write_types[w];
                passed += run_one(c, &t);
                done++;
            }
    if (passed < done)
        printf("Number of failed tests: %d\n", done - passed);
    printf("%d of %d passed\n", passed, done);
    return done - passed;
}

/* ---- one test ---- */

static int choose(const char *what, const char *typed, const char *const *names, size_t n, const char **ret, struct err *err)
{
    for (size_t i = 0; typed && i < n; i++)
        if (!strcasecmp(names[i], typed)) {
            *ret = names[i];
            return 0;
        }
    return err_set(err, ERR_INVALID_ARGUMENT, "%s %.40s is not known", what, typed ? typed : "(none)");
}

static int choose_operation(const char *typed, const char **ret, struct err *err)
{
    for (size_t i = 0; typed && i < array_len(operations); i++)
        if (!strcasecmp(typed, operations[i].name) || !strcasecmp(typed, operations[i].typed)) {
            *ret = operations[i].name;
            return 0;
        }
    return err_set(err, ERR_INVALID_ARGUMENT, "operation %.40s is not known: Basic or BasicNonByteBuffer", typed ? typed : "(none)");
}

static const char *given(const struct args *a, const char *flag, size_t position)
{
    const char *v = args_value(a, flag);
    return v ? v : position < a->count ? a->items[position] : NULL;
}

static int run_test(struct cli *c, const struct args *a, struct err *err)
{
    struct one_test t = {0};
    TRY(choose_operation(given(a, "operation", 0), &t.operation, err));
    TRY(choose("read type", given(a, "readType", 1), read_types, array_len(read_types), &t.read_type, err));
    TRY(choose("write type", given(a, "writeType", 2), write_types, array_len(write_types), &t.write_type, err));
    TRY(prepare(c, a, &t, err));
    return run_one(c, &t) ? 0 : 1;
}

/* ---- stores ---- */

static int run_ufs_tests(struct cli *c, const struct args *a, struct err *err)
{
    char program[4096];
    const char *path = args_value(a, "path"), *option;
    pid_t pid;
    size_t n = 0;
    (void)c;
    if (!path)
        return err_set(err, ERR_INVALID_ARGUMENT, "runUfsTests needs --path <ufs>");
    TRY(cli_sibling("isthmus-ufs-contract", program, err));
    AUTO_FREE char **argv = xcalloc(2 * a->flag_count + 4, sizeof *argv);
    argv[n++] = program;
    argv[n++] = (char *)(uintptr_t)path;
    for (size_t at = 0; (option = args_next(a, "option", &at));) {
        argv[n++] = (char *)(uintptr_t)"--option";
        argv[n++] = (char *)(uintptr_t)option;
    }
    if ((option = args_value(a, "test"))) {
        argv[n++] = (char *)(uintptr_t)"--only";
        argv[n++] = (char *)(uintptr_t)option;
    }
    TRY(cli_spawn(program, argv, &pid, err));
    return cli_wait(pid);
}

#define DIRECTORY_FLAG {NULL, "directory", "path", "where the test files go (default /)"}
static const struct flag tests_flags[] = {DIRECTORY_FLAG, {0}};
static const struct flag test_flags[] = {{NULL, "operation", "name", "BASIC or BASIC_NON_BYTE_BUFFER"},
                                         {NULL, "readType", "name", "CACHE_PROMOTE, CACHE or NO_CACHE"},
                                         {NULL, "writeType", "name", "MUST_CACHE, CACHE_THROUGH, THROUGH or ASYNC_THROUGH"},
                                         DIRECTORY_FLAG, {0}};
static const struct flag ufs_flags[] = {{NULL, "path", "uri", "the store, such as s3://bucket/dir"},
                                        {NULL, "option", "k=v", "an option of the store; may be repeated"},
                                        {NULL, "test", "text", "only cases whose name holds this"},
                                        {0}};

const struct command cmd_test[] = {
    {"", "runTest", "[<operation> <readType> <writeType>]", 0, 3, test_flags, 0, "Writes a file and reads it back.", run_test, NULL},
    {"", "runTests", "", 0, 0, tests_flags, 0, "Runs all 24 built-in tests; the exit code is the number of failures.", run_tests, NULL},
    {"", "runUfsTests", "", 0, 0, ufs_flags, 0, "Runs the contract of stores against one.", run_ufs_tests, NULL},
    {0}};
