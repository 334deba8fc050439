/* SPDX-License-Identifier: Apache-2.0
 *
 * folder_write: files that appear whole, and what is left of those that did not.
 */
#pragma once
#include "ufs/file/root.h"

int folder_write(struct ufs *u, const struct ufs_call *c, const char *key, struct source *from, bool if_absent,
               struct ufs_stat *ret, struct err *err) must_use;
/* Removes temporary files whose writers are gone from the directory. */
void folder_write_sweep(int dir_fd);
