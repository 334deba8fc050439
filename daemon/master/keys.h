/* SPDX-License-Identifier: Apache-2.0
 *
 * keys: which key of a store belongs to a path: the nearest ancestor-or-self with a "store_key" of its own gives the
 * beginning, the rest of the path follows; without one, the path relative to the mount.
 */
#pragma once
#include "master/ops.h"

#define STORE_KEY_MAX (2 * PATH_MAX_BYTES)

/* Pure: the key of the path whose components below nodes[i] are `rest` (may be ""), when nodes[i] has key `base`. Owned by the caller. */
char *keys_join(const char *base, const char *rest);
/* Where the walk of `p` was walked to its end or not. Owned by the caller. */
int keys_of_place(struct master *m, const struct place *p, char **ret, struct err *err) must_use;
/* Mount and key of an inode now. ERR_NOT_FOUND when it is gone or detached. For persist_options.key_of; arg is the master. */
int keys_of_inode(void *master, inode_id ino, mount_id *ret_mount, char **ret_key, struct err *err) must_use;
