/* SPDX-License-Identifier: Apache-2.0
 *
 * path: what a path of the namespace may look like, and its parts.  Pure.
 */
#pragma once
#include "api/types.h"

/* Absolute, UTF-8, no empty, "." or ".." component, no backslash, no control characters, components
 * ≤ 255 bytes, ≤ 4,096 in all, ≤ 256 deep; one trailing slash is dropped.  `ret` gets the clean path. ERR_INVALID_PATH, ERR_NAME_TOO_LONG. */
int path_clean(const char *path, char ret[PATH_MAX_BYTES + 1], struct err *err) must_use;
int path_check_name(const char *name, size_t len, struct err *err) must_use; /* one component */
const char *path_name(const char *path);                  /* last component, "" for "/" */
void path_parent(const char *path, char ret[PATH_MAX_BYTES + 1]); /* "/" for "/" */
bool path_is_below(const char *path, const char *top);    /* equal counts */
/* ERR_NAME_TOO_LONG. `dir` "/" gives "/name". */
int path_join(const char *dir, const char *name, char ret[PATH_MAX_BYTES + 1], struct err *err) must_use;
