/* SPDX-License-Identifier: Apache-2.0
 *
 * command: the one table of commands.  Dispatch, usage errors, --help, the man pages and the bash
 * completion are made from it; a command's family (cmd_*.c) holds its rows and what they do.
 */
#pragma once
#include "cli/cli.h"

struct flag {
    const char *letter; /* "R" for -R, or NULL */
    const char *name;   /* "recursive" for --recursive (-recursive is taken too), or NULL */
    const char *value;  /* what stands for its value in the usage, or NULL: it has none */
    const char *help;
};

struct args {
    const struct command *command;
    size_t count;
    const char **items; /* what is not a flag */
    size_t flag_count;
    struct flag_use {
        const struct flag *flag;
        const char *value;
    } *flags;
};

#define COMMAND_READS 1u  /* --json makes sense */
#define COMMAND_HIDDEN 2u /* not in the overview */

struct command {
    const char *group; /* "", "fs", "fsadmin", "job" */
    const char *name;  /* may be two words: "journal checkpoint" */
    const char *items; /* "<src> <dst>" */
    int min, max;      /* how many; max -1: any number */
    const struct flag *flags; /* ends with a zeroed one; NULL: none */
    unsigned traits;
    const char *help;
    /* The exit code, or an error that is printed and ends with CLI_FAILED. NULL: `later` says to which feature it belongs. */
    int (*run)(struct cli *c, const struct args *a, struct err *err);
    const char *later;
};

struct command_group {
    const char *name, *title;
};
extern const struct command_group command_groups[]; /* ends with a NULL name */
extern const struct command *const command_families[]; /* each ends with a NULL name; ends with NULL */

#define COMMAND_FAMILIES(X) \
    X(cmd_node) X(cmd_conf) X(cmd_env) X(cmd_test) X(cmd_info) X(cmd_collect) X(cmd_doc) X(cmd_fs_list) \
    X(cmd_fs_read) X(cmd_fs_change) X(cmd_fs_copy) X(cmd_fs_attr) X(cmd_fs_acl) X(cmd_fs_cache) \
    X(cmd_fs_mount) X(cmd_admin) X(cmd_admin_conf) X(cmd_report) X(cmd_later)
#define X(name) extern const struct command name[];
COMMAND_FAMILIES(X)
#undef X

/* The command that the first words name. `ret_used` words are its name. NULL when there is none. */
const struct command *command_find(int argc, char *const *argv, int *ret_used);
bool command_is_group(const char *name);
/* "fs ls" */
const char *command_title(const struct command *c, char to[64]);

/* ERR_INVALID_ARGUMENT says which argument. `ret` borrows from argv; args_done also after a failure. */
int args_parse(const struct command *c, int argc, char *const *argv, struct args *ret, struct err *err) must_use;
void args_done(struct args *a);
/* By letter or name; it must be in the command's table. */
bool args_has(const struct args *a, const char *flag);
const char *args_value(const struct args *a, const char *flag); /* the last one given, or NULL */
/* Every value in order: start with *at = 0. NULL at the end. */
const char *args_next(const struct args *a, const char *flag, size_t *at);
int args_u64(const struct args *a, const char *flag, uint64_t otherwise, uint64_t *ret, struct err *err) must_use;
int args_size(const struct args *a, const char *flag, uint64_t otherwise, uint64_t *ret, struct err *err) must_use;
