/* SPDX-License-Identifier: Apache-2.0
 *
 * cli: what one run of `isthmus` knows: the home it speaks about, the settings of that home, and the
 * programs beside it.  Everything is filled on first use, so that a command pays only for what it needs.
 * Threads: one.
 */
#pragma once
#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define CLI_FAILED 255 /* exit code of a command that did not do what it was told */

enum { CLI_ASSIGNMENTS = 64 };

struct client;
struct cli {
    /* fixed after cli_init */
    char home[4096];
    bool is_json;
    size_t assignment_count;
    const char *assignments[CLI_ASSIGNMENTS]; /* key=value of -D */
    /* made on first use */
    bool has_conf;
    struct client *client; /* client_free at the end */
};

extern const char cli_revision[]; /* of the sources, "unknown" outside a checkout; revision.c.in */

/* Takes --home, -D and --json out of the arguments, wherever they stand, and finds the home. */
int cli_init(struct cli *c, int *argc, char **argv, struct err *err) must_use;
/* Loads the settings of the home; afterwards conf_text() and its like work. */
int cli_conf(struct cli *c, struct err *err) must_use;
char *cli_path(const struct cli *c, const char *below, char to[4352]); /* HOME/below; returns `to` */
bool cli_is_formatted(struct cli *c); /* needs cli_conf */

/* The program `name` beside this one, or where the build puts it. ERR_NOT_FOUND. */
int cli_sibling(const char *name, char to[4096], struct err *err) must_use;
/* argv for a sibling: program, --home, -D…, then `more` (NULL ends). Owned by the caller, strings are borrowed. */
char **cli_argv(const struct cli *c, const char *program, const char *const *more);
/* Runs it in this process's place in the terminal; the exit code, or an error when it cannot be started. */
int cli_run(const struct cli *c, const char *program, const char *const *more, struct err *err) must_use;
/* Runs `program` with exactly these arguments. */
int cli_spawn(const char *program, char *const *argv, pid_t *ret, struct err *err) must_use;
int cli_wait(pid_t pid); /* its exit code; 255 when a signal ended it */
