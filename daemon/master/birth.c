/* SPDX-License-Identifier: Apache-2.0
 *
 * birth: see the header.  Threads: any.
 */
#include "master/birth.h"

#include <stdio.h>

int birth_parent_of(struct master *m, const struct walk_node *dir, struct birth_parent *ret, struct err *err)
{
    ret->ino = dir->ino;
    ret->group = dir->group;
    ret->has_default = (dir->flags & INODE_HAS_DEFAULT_ACL) != 0;
    return ret->has_default ? ops_acl(m, dir->ino, dir->mode, INODE_HAS_DEFAULT_ACL, &ret->acl, err) : 0;
}

void birth_parent_born(const struct birth *dir, struct birth_parent *ret)
{
    ret->ino = dir->inode.ino;
    ret->group = dir->inode.group;
    ret->has_default = (dir->inode.flags & INODE_HAS_DEFAULT_ACL) != 0;
    if (ret->has_default)
        ret->acl = dir->acl;
}

static void set_mode(struct master *m, enum inode_type type, const struct birth_parent *parent, int mode, struct birth *b)
{
    bool is_directory = type == INODE_DIRECTORY;
    uint32_t asked = mode >= 0 ? (uint32_t)mode & 07777 : is_directory ? 0777 : 0666;
    if (type == INODE_SYMLINK) {
        b->inode.mode = 0777;
    } else if (parent->has_default) { /* as POSIX: no umask then */
        acl_inherit(&parent->acl, asked, is_directory, &b->acl);
        b->inode.mode = acl_mode(&b->acl, asked);
        b->inode.flags |= (acl_is_extended(&b->acl) ? INODE_HAS_ACL : 0u) | (is_directory ? INODE_HAS_DEFAULT_ACL : 0u);
    } else {
        b->inode.mode = mode >= 0 ? asked : asked & ~m->options.umask;
    }
}

int birth_new(struct master *m, const struct call *call, enum inode_type type, const struct birth_parent *parent, const char *name,
              int mode, struct birth *ret, struct err *err)
{
    ret->inode = (struct inode){.type = type, .nlink = 1, .parent = parent->ino, .ttl_ms = -1, .replication_max = -1};
    struct inode *i = &ret->inode;
    TRY(ops_owner(m, call, parent->group, &i->owner, &i->group, err));
    i->ino = meta_new_id(m->meta);
    if (!i->ino)
        return err_set(err, ERR_UNAVAILABLE, "no ids are left until the journal takes entries again");
    i->ctime_ms = i->mtime_ms = i->atime_ms = call->now_ms;
    set_mode(m, type, parent, mode, ret);
    if (type == INODE_DIRECTORY) {
        snprintf(i->name, sizeof i->name, "%s", name);
        i->flags |= INODE_LOADED; /* the store was found to have nothing of this name: nothing is below either */
    }
    return 0;
}

int birth_recover(struct master *m, const struct intent_birth *wish, const struct inode *dir, struct inode *i, struct buf *ret_acl,
                  struct err *err)
{
    struct walk_node node = {.ino = dir->ino, .type = dir->type, .flags = dir->flags, .mode = dir->mode, .owner = dir->owner, .group = dir->group};
    struct birth_parent parent;
    struct birth b = {.inode = *i};
    TRY(birth_parent_of(m, &node, &parent, err));
    set_mode(m, INODE_FILE, &parent, wish->mode, &b);
    *i = b.inode;
    i->owner = wish->owner;
    i->group = wish->group;
    if (i->flags & INODE_HAS_ACL)
        acl_encode(&b.acl, false, ret_acl);
    return buf_check(ret_acl, "the access list of a file", err);
}

static void put_acl(struct entry *e, const struct birth *b, bool is_default)
{
    AUTO(buf) bytes;
    buf_init(&bytes, 32u << 10);
    acl_encode(&b->acl, is_default, &bytes);
    entry_put_attr(e, b->inode.ino, is_default ? "acl.default" : "acl", bytes.data ? bytes.data : "", bytes.len);
}

void birth_put(struct entry *e, const struct birth *b, const char *name)
{
    const struct inode *i = &b->inode;
    entry_put_inode(e, i);
    entry_put_dentry(e, i->parent, name, i->ino, i->type);
    entry_touch(e, i->parent, i->ctime_ms);
    if (i->flags & INODE_HAS_ACL)
        put_acl(e, b, false);
    if (i->flags & INODE_HAS_DEFAULT_ACL)
        put_acl(e, b, true);
    if (i->ttl_ms >= 0)
        entry_put_mark(e, MARK_TTL, i->ctime_ms + i->ttl_ms, i->ino);
}
