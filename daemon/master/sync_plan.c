/* SPDX-License-Identifier: Apache-2.0
 *
 * sync_plan: see the header.  Attributes (owner, group, mode) are taken when a name is loaded and belong to the namespace from then
 * on: a store may be unable to hold them, and a check must not undo a chmod made here.
 */
#include "master/sync_plan.h"

#include <string.h>

/* Never written to the store: the store cannot say anything about it. */
static bool is_ours_alone(const struct inode *i)
{
    if (i->type == INODE_SYMLINK || (i->flags & INODE_MOUNT_POINT))
        return true;
    if (i->type == INODE_FILE && !(i->flags & INODE_COMPLETED))
        return true;
    return i->persistence == PERSIST_NOT || i->persistence == PERSIST_TODO;
}

static enum sync_action plan_file(const struct ufs_stat *s, const struct inode *i)
{
    if (i->persistence == PERSIST_LOST || s->length != i->length)
        return SYNC_REPLACE;
    if (s->etag[0] && i->etag[0])
        return strcmp(s->etag, i->etag) ? SYNC_REPLACE : SYNC_NOTHING;
    if (s->mtime_ms && i->store_mtime_ms && s->mtime_ms != i->store_mtime_ms)
        return SYNC_REPLACE;
    bool is_news = (s->etag[0] && !i->etag[0]) || (s->mtime_ms && !i->store_mtime_ms);
    return is_news ? SYNC_LEARN : SYNC_NOTHING;
}

enum sync_action sync_plan(const struct sync_facts *f)
{
    const struct ufs_stat *s = f->store;
    const struct inode *i = f->inode;
    if (f->is_covered || (!s && !i))
        return SYNC_NOTHING;
    if (!i)
        return s->type == UFS_FILE || s->type == UFS_DIRECTORY ? SYNC_CREATE : SYNC_NOTHING;
    if (is_ours_alone(i)) {
        bool both_directories = s && s->type == UFS_DIRECTORY && i->type == INODE_DIRECTORY;
        return both_directories && !(i->flags & INODE_MOUNT_POINT) ? SYNC_ADOPT : SYNC_NOTHING;
    }
    if (!s) /* what was lost was never there */
        return i->persistence == PERSIST_LOST ? SYNC_NOTHING : SYNC_REMOVE;
    if (s->type != UFS_FILE && s->type != UFS_DIRECTORY)
        return SYNC_NOTHING;
    if ((s->type == UFS_DIRECTORY) != (i->type == INODE_DIRECTORY))
        return SYNC_RETYPE;
    return i->type == INODE_FILE ? plan_file(s, i) : SYNC_NOTHING;
}
