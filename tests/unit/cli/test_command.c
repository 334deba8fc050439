/* SPDX-License-Identifier: Apache-2.0
 *
 * command: the table is sound, and arguments are read as people type them.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/file_util.h"
#include "base/mem.h"
#include "base/text.h"
#include "cli/manual.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int run_nothing(struct cli *c, const struct args *a, struct err *err)
{
    (void)c;
    (void)a;
    (void)err;
    return 0;
}

static const struct flag flags[] = {{"R", "recursive", NULL, "all"}, {"h", NULL, NULL, "human"}, {"c", NULL, "n", "bytes"},
                                    {NULL, "option", "k=v", "option"}, {0}};
static const struct command sample = {"fs", "sample", "<path>...", 1, 2, flags, 0, "Does it.", run_nothing, NULL};

static int parse(struct args *a, struct err *err, int n, ...)
{
    static char *argv[16];
    va_list ap;
    va_start(ap, n);
    for (int i = 0; i < n; i++)
        argv[i] = va_arg(ap, char *);
    va_end(ap);
    return args_parse(&sample, n, argv, a, err);
}

static void flags_and_items(void **state)
{
    struct args a;
    struct err err;
    (void)state;
    assert_int_equal(parse(&a, &err, 7, "-R", "/a", "--option", "x=1", "-option=y=2", "/b", "-c"), -ERR_INVALID_ARGUMENT);
    assert_string_equal(err.text, "Missing argument for option: -c");
    args_done(&a);
    assert_int_equal(parse(&a, &err, 6, "-Rh", "/a", "--option", "x=1", "-option=y=2", "/b"), 0);
    assert_true(args_has(&a, "R") && args_has(&a, "recursive") && args_has(&a, "h"));
    assert_false(args_has(&a, "c"));
    assert_int_equal(a.count, 2);
    assert_string_equal(a.items[1], "/b");
    assert_string_equal(args_value(&a, "option"), "y=2");
    size_t at = 0;
    assert_string_equal(args_next(&a, "option", &at), "x=1");
    assert_string_equal(args_next(&a, "option", &at), "y=2");
    assert_null(args_next(&a, "option", &at));
    args_done(&a);
}

static void numbers(void **state)
{
    struct args a;
    struct err err;
    uint64_t n;
    (void)state;
    assert_int_equal(parse(&a, &err, 3, "-c", "4KB", "/a"), 0);
    assert_int_equal(args_size(&a, "c", 7, &n, &err), 0);
    assert_int_equal(n, 4096);
    assert_int_equal(args_u64(&a, "c", 7, &n, &err), -ERR_INVALID_ARGUMENT);
    args_done(&a);
    assert_int_equal(parse(&a, &err, 1, "-1"), 0); /* not a flag */
    assert_string_equal(a.items[0], "-1");
    assert_int_equal(args_u64(&a, "c", 7, &n, &err), 0);
    assert_int_equal(n, 7);
    args_done(&a);
}

static void refusals(void **state)
{
    struct args a;
    struct err err;
    (void)state;
    assert_int_equal(parse(&a, &err, 2, "--nope", "/a"), -ERR_INVALID_ARGUMENT);
    assert_string_equal(err.text, "Unrecognized option: --nope");
    args_done(&a);
    assert_int_equal(parse(&a, &err, 2, "-Rx", "/a"), -ERR_INVALID_ARGUMENT);
    args_done(&a);
    assert_int_equal(parse(&a, &err, 2, "--recursive=yes", "/a"), -ERR_INVALID_ARGUMENT);
    args_done(&a);
    assert_int_equal(parse(&a, &err, 0), -ERR_INVALID_ARGUMENT);
    args_done(&a);
    assert_int_equal(parse(&a, &err, 3, "/a", "/b", "/c"), -ERR_INVALID_ARGUMENT);
    args_done(&a);
    assert_int_equal(parse(&a, &err, 2, "--", "-R"), 0); /* a name that looks like a flag */
    assert_string_equal(a.items[0], "-R");
    args_done(&a);
}

static const struct command *find(const char *words, int *used)
{
    char copy[128], *argv[8], *rest = copy;
    int n = 0;
    snprintf(copy, sizeof copy, "%s", words);
    while (rest)
        argv[n++] = strsep(&rest, " ");
    return command_find(n, argv, used);
}

static void found_by_words(void **state)
{
    int used;
    (void)state;
    assert_string_equal(find("fs ls /", &used)->name, "ls");
    assert_int_equal(used, 2);
    assert_string_equal(find("fsadmin journal checkpoint", &used)->name, "journal checkpoint");
    assert_int_equal(used, 3);
    assert_string_equal(find("fsadmin report jobservice", &used)->name, "report jobservice"); /* the longer one */
    assert_string_equal(find("fsadmin report capacity", &used)->name, "report");
    assert_null(find("ls /", &used));
    assert_null(find("fsadmin journal", &used));
    assert_null(find("fs", &used));
}

/* Every row: a sentence, a function or a feature, flags that differ, a title of its own. */
static void table_is_sound(void **state)
{
    size_t n = 0, at;
    char title[64], titles[200][64];
    (void)state;
    for (size_t f = 0; command_families[f]; f++)
        for (const struct command *c = command_families[f]; c->name; c++) {
            command_title(c, title);
            assert_true(text_ends(c->help, ".") || strchr(c->help, ':'));
            assert_true((c->run != NULL) != (c->later != NULL));
            assert_true(!*c->group || command_is_group(c->group));
            for (at = 0; at < n; at++)
                assert_string_not_equal(titles[at], title);
            memcpy(titles[n++], title, sizeof title);
            for (const struct flag *a = c->flags; a && (a->letter || a->name); a++)
                for (const struct flag *b = a + 1; b->letter || b->name; b++) {
                    assert_true(!a->letter || !b->letter || strcmp(a->letter, b->letter));
                    assert_true(!a->name || !b->name || strcmp(a->name, b->name));
                }
        }
    assert_true(n > 90);
}

static void names_that_people_know(void **state)
{
    static const char *const known[] = {
        "format", "start", "stop", "status", "getConf", "validateConf", "validateEnv", "runTest", "runTests", "runUfsTests", "version", "logLevel",
        "collectInfo", "readJournal", "fs cat", "fs checkConsistency", "fs checksum", "fs chgrp", "fs chmod", "fs chown", "fs copyFromLocal",
        "fs copyToLocal", "fs count", "fs cp", "fs crc64check", "fs distributedCp", "fs distributedMv", "fs distributedLoad", "fs du", "fs free",
        "fs freeWorker", "fs getCapacityBytes", "fs getUsedBytes", "fs getfacl", "fs getSyncPathList", "fs head", "fs tail", "fs help", "fs leader",
        "fs load", "fs loadMetadata", "fs location", "fs ls", "fs masterInfo", "fs mkdir", "fs mount", "fs mv", "fs needsSync", "fs syncDirNextTime",
        "fs persist", "fs pin", "fs unpin", "fs rm", "fs setfacl", "fs setReplication", "fs setTtl", "fs unsetTtl", "fs startSync", "fs stopSync",
        "fs stat", "fs test", "fs touch", "fs unmount", "fs updateMount", "fsadmin backup", "fsadmin doctor", "fsadmin getBlockInfo",
        "fsadmin journal checkpoint", "fsadmin journal quorum", "fsadmin metrics clear", "fsadmin pathConf add", "fsadmin pathConf show",
        "fsadmin pathConf list", "fsadmin pathConf remove", "fsadmin report", "fsadmin statelock", "fsadmin ufs", "fsadmin updateConf",
        "fsadmin decommissionWorker", "fsadmin enableWorker", "job leader", "job ls", "job stat", "job cancel", "job getCmdStatus"};
    int used;
    (void)state;
    for (size_t i = 0; i < array_len(known); i++)
        if (!find(known[i], &used))
            fail_msg("no command '%s'", known[i]);
}

/* ---- what is made from the table ---- */

static void manual_pages_are_made(void **state)
{
    char dir[] = "/tmp/cli-man-XXXXXX", path[64];
    AUTO(buf) page = {.max = 1 << 20};
    struct err err;
    (void)state;
    assert_non_null(mkdtemp(dir));
    assert_int_equal(manual_pages(dir, &err), 0);
    snprintf(path, sizeof path, "%s/isthmus-fs.1", dir);
    assert_int_equal(file_read(path, 1 << 20, &page, &err), 0);
    assert_non_null(strstr(buf_str(&page), ".TH ISTHMUS\\-fs 1"));
    assert_non_null(strstr(buf_str(&page), "isthmus fs copyToLocal"));
    assert_non_null(strstr(buf_str(&page), "Not supported yet"));
    assert_int_equal(file_remove_tree(dir, &err), 0);
}

static void completion_knows_commands(void **state)
{
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    (void)state;
    manual_completion(out);
    fclose(out);
    assert_non_null(strstr(text, "'fs ls' | 'fs ls '*)"));
    assert_non_null(strstr(text, "--sort"));
    assert_null(strstr(text, "distributedCp")); /* what does not work is not offered */
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flags_and_items), cmocka_unit_test(numbers), cmocka_unit_test(refusals), cmocka_unit_test(found_by_words),
        cmocka_unit_test(table_is_sound), cmocka_unit_test(names_that_people_know), cmocka_unit_test(manual_pages_are_made),
        cmocka_unit_test(completion_knows_commands)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
