/* SPDX-License-Identifier: Apache-2.0
 *
 * inode_row: struct inode as a short string of bytes, for the database, the cache and entries.
 * Members that have their usual value take no room.  The id is the key and not part of the row.
 */
#pragma once
#include "api/inode.h"

#define INODE_ROW_MAX 640 /* bytes of the largest row */

size_t inode_row_pack(const struct inode *i, uint8_t to[INODE_ROW_MAX]);
/* Fills all members; `ino` is the caller's. ERR_CORRUPT. */
int inode_row_unpack(inode_id ino, const void *row, size_t len, struct inode *ret, struct err *err) must_use;
void inode_row_usual(struct inode *ret); /* each member with its usual value */
