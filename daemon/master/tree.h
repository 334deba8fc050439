/* SPDX-License-Identifier: Apache-2.0
 *
 * tree: everything below a directory, depth first in name order, a directory before what is in it.  Bounded memory:
 * one page of children for each level.  Not one consistent view: what changes meanwhile may be seen or not.
 * Checks no permission; the visitor does, and may say not to go below a directory.
 */
#pragma once
#include "master/ops.h"

struct tree_node {
    const char *path;     /* absolute; valid for the call */
    const char *relative; /* to the top, without leading slash */
    const struct inode *inode;
    size_t depth;         /* 1: child of the top */
    bool is_pinned_above;
};
enum { TREE_ON = 0, TREE_SKIP = 1, TREE_STOP = 2 }; /* or a negative error */
typedef int (*tree_visit)(void *arg, const struct tree_node *n, struct err *err);
/* Before a directory (the top too) is listed: load it, say TREE_SKIP … */
typedef int (*tree_enter)(void *arg, const char *path, const struct inode *dir, struct err *err);

struct tree_options {
    const char *after; /* relative path behind which to start; NULL: the beginning */
    int64_t deadline_ms;
    tree_visit visit;
    tree_enter enter; /* may be NULL */
    void *arg;
};
/* 0 at the end, TREE_STOP when the visitor stopped it, or an error; ERR_TIMEOUT past the deadline. */
int tree_walk(struct master *m, const char *top_path, const struct inode *top, const struct tree_options *o, struct err *err) must_use;
