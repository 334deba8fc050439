/* SPDX-License-Identifier: Apache-2.0
 *
 * sync_plan: what has to happen to one name when the store says this and the namespace says that.  Pure.
 */
#pragma once
#include "api/inode.h"
#include "ufs/ufs.h"

enum sync_action {
    SYNC_NOTHING,
    SYNC_CREATE,  /* only in the store */
    SYNC_LEARN,   /* the same content; its etag or time was not known */
    SYNC_ADOPT,   /* a directory made here exists there now */
    SYNC_REPLACE, /* other content: a new cid */
    SYNC_REMOVE,  /* gone from the store */
    SYNC_RETYPE,  /* file here, directory there, or the other way round: remove, then create */
};
struct sync_facts {
    const struct ufs_stat *store; /* NULL: not there */
    const struct inode *inode;    /* NULL: not here */
    bool is_covered;              /* by an open intent */
};
enum sync_action sync_plan(const struct sync_facts *f);
