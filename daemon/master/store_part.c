/* SPDX-License-Identifier: Apache-2.0
 *
 * store_part: see the header.  Threads: any.
 */
#include "master/store_part.h"

#include "base/fault.h"

enum store_part store_part_rename(const struct inode *from, const struct inode *to, unsigned capabilities, bool same_key)
{
    bool target_in_store = to && to->type == INODE_FILE && to->persistence != PERSIST_NOT;
    if (same_key)
        return STORE_NOTHING;
    if (from->type == INODE_DIRECTORY)
        return capabilities & UFS_CAP_DIR_RENAME ? STORE_RENAME : STORE_MOVE_LATER;
    if (from->type == INODE_FILE && from->persistence == PERSIST_DONE)
        return STORE_RENAME;
    if (from->type == INODE_FILE && from->persistence == PERSIST_TODO)
        return STORE_REMOVE_SOURCE; /* an older content may be there under the old name; the new one is written to the new name */
    return target_in_store ? STORE_REMOVE_TARGET : STORE_NOTHING;
}

bool store_part_removes(const struct inode *i)
{
    return i->type == INODE_DIRECTORY || (i->type == INODE_FILE && i->persistence != PERSIST_NOT);
}

/* A directory that never came into its store has nothing to be renamed there. Asked while the key is ours. */
static int is_absent(struct master *m, const struct call *call, const struct intent *i, bool *ret, struct err *err)
{
    *ret = false;
    if (i->kind != INTENT_RENAME || !i->is_directory)
        return 0;
    struct mount_use use = {0};
    TRY(mounts_store_get(m->mounts, i->mount, true, &use, err));
    struct ufs_call c = mounts_call(m->mounts, call);
    struct ufs_stat st;
    struct err why;
    int rc = ufs_stat(use.ufs, &c, i->key, &st, &why);
    mounts_store_put(m->mounts, &use);
    *ret = rc == -ERR_NOT_FOUND;
    return !rc || *ret ? 0 : err_set(err, why.code, "%s", why.text);
}

int store_part_run(struct master *m, const struct call *call, const struct intent *i, store_part_propose propose, void *arg,
                   struct err *err)
{
    struct intent_claim *claim;
    bool is_nothing;
    TRY(intents_claim(m->intents, call, i, &claim, err));
    int rc = is_absent(m, call, i, &is_nothing, err);
    if (!rc)
        rc = propose(m, call, arg, is_nothing ? NULL : claim, err);
    FAULT("master.store_part_journaled");
    if (rc || is_nothing) {
        bool is_unknown = rc == -ERR_OUTCOME_UNKNOWN || rc == -ERR_TIMEOUT;
        intents_release(m->intents, claim, !is_unknown);
        return rc;
    }
    return intents_run(m->intents, call, claim, err);
}
