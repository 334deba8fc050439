/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_doc: what is made from the table of commands: man pages, bash completion, `fs help`.
 */
#include "base/file_util.h"
#include "cli/manual.h"

static int doc_gen(struct cli *c, const struct args *a, struct err *err)
{
    const char *dir = args_value(a, "man");
    (void)c;
    if (!dir && !args_has(a, "completion"))
        return err_set(err, ERR_INVALID_ARGUMENT, "docGen needs --man <dir> or --completion");
    if (dir) {
        TRY(file_mkdirs(dir, 0755, err));
        TRY(manual_pages(dir, err));
    }
    if (args_has(a, "completion"))
        manual_completion(stdout);
    return 0;
}

static int help(const struct args *a, const char *group, struct err *err)
{
    char *words[] = {(char *)(uintptr_t)group, NULL, NULL};
    int used;
    if (!a->count) {
        manual_overview(group, stdout);
        return 0;
    }
    words[1] = (char *)(uintptr_t)a->items[0];
    const struct command *found = command_find(2, words, &used);
    if (!found)
        return err_set(err, ERR_NOT_FOUND, "%.60s is an unknown command.", a->items[0]);
    manual_command(found, stdout);
    return 0;
}

static int fs_help(struct cli *c, const struct args *a, struct err *err)
{
    (void)c;
    return help(a, "fs", err);
}

static int fsadmin_help(struct cli *c, const struct args *a, struct err *err)
{
    (void)c;
    return help(a, "fsadmin", err);
}

static const struct flag doc_flags[] = {{NULL, "man", "dir", "write the man pages into this folder"},
                                        {NULL, "completion", NULL, "print the bash completion"},
                                        {0}};

const struct command cmd_doc[] = {
    {"", "docGen", "", 0, 0, doc_flags, 0, "Makes man pages and bash completion.", doc_gen, NULL},
    {"fs", "help", "[command]", 0, 1, NULL, 0, "Explains a command.", fs_help, NULL},
    {"fsadmin", "help", "[command]", 0, 1, NULL, 0, "Explains a command.", fsadmin_help, NULL},
    {0}};
