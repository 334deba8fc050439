/* SPDX-License-Identifier: Apache-2.0
 *
 * folder_list: directories of any size in order of names, in bounded memory.
 */
#pragma once
#include "ufs/file/root.h"

int folder_list(struct ufs *u, const struct ufs_call *c, const char *key, bool recursive, const char *after,
                ufs_list_fn each, void *arg, struct err *err) must_use;
extern size_t folder_list_window; /* bytes of names held for a directory; a test makes it small */
