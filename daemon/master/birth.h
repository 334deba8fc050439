/* SPDX-License-Identifier: Apache-2.0
 *
 * birth: what a new inode starts with: ids, owner, mode by umask or by the parent's default ACL, times, TTL.
 */
#pragma once
#include "master/ops.h"

struct birth {
    struct inode inode;
    struct acl acl; /* worth writing when the inode's flags say so */
};
struct birth_parent { /* the directory it is born in */
    inode_id ino;
    principal_id group;
    bool has_default;
    struct acl acl; /* default entries, when it has them */
};
int birth_parent_of(struct master *m, const struct walk_node *dir, struct birth_parent *ret, struct err *err) must_use;
void birth_parent_born(const struct birth *dir, struct birth_parent *ret); /* a directory of the same entry */
/* `mode` -1: 0666 or 0777, less the umask. Takes a new id; may propose to intern the owner's name. */
int birth_new(struct master *m, const struct call *call, enum inode_type type, const struct birth_parent *parent, const char *name,
              int mode, struct birth *ret, struct err *err) must_use;
/* A file that recovery publishes in `dir`: owner, group, mode and flags of `i` as birth_new would have set them; its list to `ret_acl` when it has one. */
int birth_recover(struct master *m, const struct intent_birth *wish, const struct inode *dir, struct inode *i, struct buf *ret_acl,
                  struct err *err) must_use;
/* Inode, attributes, dentry, TTL mark, and the parent's times. */
void birth_put(struct entry *e, const struct birth *b, const char *name);
