/* SPDX-License-Identifier: Apache-2.0
 *
 * copy: copies and renames for stores that have none of their own.
 */
#pragma once
#include "ufs/ufs.h"

/* Reads the one and writes the other, a few MiB at a time. ERR_NOT_FOUND; ERR_PRECONDITION_FAILED
 * when the source changes meanwhile. */
int copy_through(struct ufs *u, const struct ufs_call *c, const char *from, const char *to,
                 struct err *err) must_use;
/* The driver's own rename for files if it has one, else copy and remove; a directory object by object. */
int copy_rename(struct ufs *u, const struct ufs_call *c, const char *from, const char *to,
                struct err *err) must_use;
