/* SPDX-License-Identifier: Apache-2.0
 *
 * op_rename: a file or directory gets another name, atomically, across directories of one mount.  The namespace and the
 * intent for the store change in one entry; then the store follows (store_part.h).  Threads: any.
 */
#include "master/store_part.h"

#include <stdio.h>
#include <string.h>

struct renaming {
    const char *from_path, *to_path;
    const struct rename_options *o;
    struct place from, to;
    char *from_key, *to_key;
    enum store_part part;
};

static void renaming_done(struct renaming *r)
{
    place_done(&r->from);
    place_done(&r->to);
    free(steal(&r->from_key));
    free(steal(&r->to_key));
}

static const struct inode *target(const struct renaming *r)
{
    return place_is_found(&r->to) ? &r->to.walk.last : NULL;
}

static int open_source(struct master *m, const struct call *call, struct renaming *r, struct err *err)
{
    TRY(ops_may_change(call, err));
    TRY(place_open(m, call, r->from_path, &r->from, err));
    if (place_is_root(&r->from))
        return err_set(err, ERR_INVALID_ARGUMENT, "The root directory cannot be renamed");
    TRY(mounts_check(m->mounts, &r->from.at, r->from.path, true, "rename", err));
    TRY(ops_check_last(m, call, &r->from, place_is_found(&r->from) ? 0 : ACCESS_EXECUTE, err));
    struct sync_wish wish = {.kind = SYNC_STAT, .read = {.sync_interval_ms = -2}};
    TRY(place_sync(m, call, &r->from, &wish, NULL, err));
    TRY(place_need(&r->from, err));
    return ops_check_unlink(m, call, &r->from, err);
}

static int open_target(struct master *m, const struct call *call, struct renaming *r, struct err *err)
{
    const struct walk_node *dir;
    TRY(place_open(m, call, r->to_path, &r->to, err));
    if (place_is_root(&r->to))
        return err_set(err, ERR_INVALID_ARGUMENT, "Cannot rename a path to the root directory");
    TRY(op_open_for_new(m, call, r->to_path, "rename", &r->to, err));
    TRY(place_parent(&r->to, &dir, err));
    return ops_check_unlink(m, call, &r->to, err);
}

/* What no name may become, whoever asks. */
static int check_rules(struct master *m, const struct renaming *r, struct err *err)
{
    const struct place *from = &r->from, *to = &r->to;
    if (place_is_mount_point(from) || place_is_mount_point(to))
        return err_set(err, ERR_CONFLICT, "%.160s is a mount point and cannot be renamed", place_is_mount_point(from) ? from->path : to->path);
    if (mounts_has_below(m->mounts, from->path))
        return err_set(err, ERR_CONFLICT, "%.150s holds a mount point and cannot be renamed", from->path);
    if (from->at.id != to->at.id)
        return err_set(err, ERR_CROSS_MOUNT, "Renaming %.90s to %.90s crosses mount points; copy and remove instead", from->path, to->path);
    if (path_is_below(to->path, from->path))
        return err_set(err, ERR_INVALID_ARGUMENT, "Cannot rename because %.90s is a prefix of %.90s", from->path, to->path);
    if (from->walk.last.type == INODE_FILE && !(from->walk.last.flags & INODE_COMPLETED))
        return err_set(err, ERR_INCOMPLETE, "%.160s is still being written", from->path);
    const struct inode *there = target(r);
    if (!there)
        return 0;
    if (!r->o->overwrite || there->type == INODE_DIRECTORY)
        return err_set(err, ERR_ALREADY_EXISTS, "%.180s already exists", to->path);
    if (from->walk.last.type == INODE_DIRECTORY)
        return err_set(err, ERR_NOT_DIRECTORY, "%.150s is a file and cannot be replaced by a directory", to->path);
    return 0;
}

static void guard(struct entry *e, const struct renaming *r, inode_id from_dir, inode_id to_dir)
{
    const struct inode *i = &r->from.walk.last, *there = target(r);
    ops_guard(e, &r->from);
    ops_guard(e, &r->to);
    entry_guard_dentry(e, from_dir, path_name(r->from.path), i->ino, ERR_STALE);
    entry_guard_dentry(e, to_dir, path_name(r->to.path), there ? there->ino : 0, ERR_STALE);
    if (i->type == INODE_DIRECTORY)
        entry_guard_not_inside(e, i->ino, to_dir, ERR_STALE);
    if (i->type != INODE_DIRECTORY || r->o->if_match)
        entry_guard_inode(e, i->ino, i->attr_ver, i->data_ver);
    if (there)
        entry_guard_inode(e, there->ino, there->attr_ver, there->data_ver);
}

static void put_place(struct entry *e, const struct renaming *r, inode_id to_dir)
{
    struct inode i = r->from.walk.last;
    unsigned fields = FIELD_PLACE;
    uint32_t clear = 0;
    i.parent = to_dir;
    i.name[0] = 0;
    if (i.type == INODE_DIRECTORY)
        snprintf(i.name, sizeof i.name, "%s", path_name(r->to.path));
    if (i.type == INODE_FILE && i.flags & INODE_HAS_STORE_KEY) { /* from here on its path says it */
        fields |= FIELD_FLAGS_CLEAR;
        clear = INODE_HAS_STORE_KEY;
        entry_remove_attr(e, i.ino, "store_key");
    }
    entry_set_inode(e, i.ino, fields, &i, clear);
}

static int propose(struct master *m, const struct call *call, void *arg, struct intent_claim *claim, struct err *err)
{
    struct renaming *r = arg;
    const struct inode *i = &r->from.walk.last;
    inode_id from_dir = r->from.walk.nodes[r->from.walk.depth - 2].ino, to_dir = r->to.walk.nodes[r->to.walk.depth - 2].ino;
    AUTO(entry) e;
    entry_init(&e, ENTRY_RENAME, call->now_ms);
    guard(&e, r, from_dir, to_dir);
    entry_remove_dentry(&e, from_dir, path_name(r->from.path));
    if (target(r))
        entry_remove_inode(&e, target(r)->ino);
    entry_put_dentry(&e, to_dir, path_name(r->to.path), i->ino, i->type);
    put_place(&e, r, to_dir);
    entry_touch(&e, from_dir, call->now_ms);
    entry_touch(&e, to_dir, call->now_ms);
    if (i->type == INODE_DIRECTORY)
        entry_raise_epoch(&e);
    if (r->part == STORE_MOVE_LATER)
        mover_add(&e, i, r->from.at.id, r->from_key, call->now_ms);
    if (claim)
        intents_put(claim, &e);
    replay_put(call, &e, "rename", r->from.path, r->to.path);
    return ops_propose(m, call, &e, err);
}

static int plan_store(struct master *m, struct renaming *r, struct err *err)
{
    struct mount_use use = {0};
    TRY(keys_of_place(m, &r->from, &r->from_key, err));
    TRY(keys_of_place(m, &r->to, &r->to_key, err));
    TRY(mounts_store_get(m->mounts, r->from.at.id, true, &use, err));
    r->part = store_part_rename(&r->from.walk.last, target(r), use.capabilities, !strcmp(r->from_key, r->to_key));
    mounts_store_put(m->mounts, &use);
    return 0;
}

/* Both names have one key only while a directory moves away from the target: its end gives the source another. */
static int wait_for_move(struct master *m, const struct call *call, const struct renaming *r, struct err *err)
{
    struct intent intent = {.kind = INTENT_RENAME, .mount = r->from.at.id, .key = r->from_key, .ino = r->from.walk.last.ino};
    struct intent_claim *claim;
    if (strcmp(r->from_key, r->to_key) || !intents_covers(m->intents, intent.mount, r->from_key))
        return 0;
    TRY(intents_claim(m->intents, call, &intent, &claim, err));
    intents_release(m->intents, claim, true);
    return err_set(err, ERR_STALE, "what was renamed has moved");
}

static int carry_out(struct master *m, const struct call *call, struct renaming *r, struct err *err)
{
    const struct inode *i = &r->from.walk.last;
    struct intent intent = {.mount = r->from.at.id, .ino = i->ino, .is_directory = i->type == INODE_DIRECTORY};
    switch (r->part) {
    case STORE_RENAME:
        intent.kind = INTENT_RENAME;
        intent.key = r->from_key;
        intent.target = r->to_key;
        break;
    case STORE_REMOVE_SOURCE:
        intent.kind = INTENT_REMOVE;
        intent.key = r->from_key;
        break;
    case STORE_REMOVE_TARGET:
        intent.kind = INTENT_REMOVE;
        intent.key = r->to_key;
        intent.ino = target(r)->ino;
        break;
    case STORE_MOVE_LATER:
        intent.kind = INTENT_MOVE;
        intent.key = r->from_key;
        intent.target = r->to_key;
        break;
    case STORE_NOTHING:
        TRY(wait_for_move(m, call, r, err));
        return propose(m, call, r, NULL, err);
    }
    return store_part_run(m, call, &intent, propose, r, err);
}

static int attempt_opened(struct master *m, const struct call *call, struct renaming *r, struct err *err)
{
    char from[PATH_MAX_BYTES + 1], to[PATH_MAX_BYTES + 1];
    TRY(path_clean(r->from_path, from, err));
    TRY(path_clean(r->to_path, to, err));
    int was = replay_before(m->meta, call, "rename", from, to, err);
    if (was)
        return was < 0 ? was : 0;
    TRY(open_source(m, call, r, err));
    if (!strcmp(from, to))
        return 0;
    TRY(open_target(m, call, r, err));
    TRY(ops_if_match(r->o->if_match, &r->from.walk.last, r->from.path, err));
    TRY(check_rules(m, r, err));
    if (call->is_dry_run)
        return 0;
    TRY(plan_store(m, r, err));
    return carry_out(m, call, r, err);
}

static int rename_attempt(struct master *m, const struct call *call, void *arg, struct err *err)
{
    struct renaming *r = arg;
    int rc = attempt_opened(m, call, r, err);
    renaming_done(r);
    return rc;
}

int op_rename(void *impl, const struct call *call, const char *from, const char *to, const struct rename_options *o, struct err *err)
{
    static const struct rename_options usual = {0};
    AUTO_FREE struct renaming *r = xnew(struct renaming);
    r->from_path = from;
    r->to_path = to;
    r->o = o ? o : &usual;
    return ops_run(impl, call, rename_attempt, r, err);
}
