/* SPDX-License-Identifier: Apache-2.0
 *
 * paths: paths as a person types them, and doing something to each: isthmus://host:port/p, globs,
 * one line for each that failed.  Threads: one.
 */
#pragma once
#include "api/types.h"
#include "base/json.h"
#include "cli/command.h"

/* "/p", "p" or "isthmus://host:port/p" to a clean path. ERR_INVALID_PATH. */
int paths_take(const char *typed, char ret[PATH_MAX_BYTES + 1], struct err *err) must_use;

struct path_list {
    char **items; /* owned */
    size_t count;
};
void path_list_done(struct path_list *l);
void path_list_add(struct path_list *l, const char *path);
/* Appends what `typed` names: itself, or with * in it all that match. ERR_NOT_FOUND when nothing does. */
int paths_expand(struct cli *c, const char *typed, struct path_list *to, struct err *err) must_use;

/* 0, an error, or a positive exit code that ends the command. */
typedef int (*path_fn)(struct cli *c, const struct args *a, const char *path, struct err *err);
/* Calls fn for every path that items [from, to) name. A failure is a line on stderr, and the rest is still done; then CLI_FAILED. */
int paths_each(struct cli *c, const struct args *a, size_t from, size_t to, path_fn fn);

/* The entry at a path; owned by the caller (json_free). ERR_NOT_FOUND. */
int paths_stat(struct cli *c, const char *path, struct json **ret, struct err *err) must_use;
bool paths_is_directory(const struct json *entry);
/* All children page by page; `query` as "&recursive=true" or "". ERR_NOT_DIRECTORY. */
int paths_list(struct cli *c, const char *path, const char *query,
               int (*each)(void *arg, const struct json *entry, struct err *err), void *arg, struct err *err) must_use;
