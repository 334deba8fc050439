/* SPDX-License-Identifier: Apache-2.0
 *
 * sync_work: see the header.  Every entry is guarded by the index at which the store was asked: what was changed, removed or
 * persisted here since then makes it stale, and the name is asked for again (rule 13).
 */
#include "master/sync_work.h"

#include "api/path.h"
#include "base/clock.h"
#include "base/fault.h"
#include "base/mem.h"

#include <stdio.h>
#include <string.h>

enum { TRIES = 4 };

int sync_check_ending(const struct sync_env *env, struct err *err)
{
    return __atomic_load_n(env->is_ending, __ATOMIC_RELAXED) ? err_set(err, ERR_CANCELLED, "the node stops") : 0;
}

/* ---- where ---- */
int sync_spot_find(const struct sync_env *env, const char *path, struct sync_spot *ret, struct err *err)
{
    *ret = (struct sync_spot){0};
    TRY(path_clean(path, ret->path, err));
    TRY(mounts_resolve(env->mounts, ret->path, &ret->at, err));
    TRY(meta_walk(env->meta, ret->path, &ret->walk, err));
    ret->is_found = ret->walk.count == ret->walk.depth;
    for (size_t i = 0; i < ret->walk.count; i++) {
        if (ret->walk.nodes[i].flags & INODE_MOUNT_POINT)
            ret->is_moving = false; /* another store from here on */
        if (ret->walk.nodes[i].flags & INODE_HAS_STORE_KEY)
            ret->is_moving = true;
    }
    return 0;
}

void sync_spot_done(struct sync_spot *s)
{
    walk_done(&s->walk);
}

char *sync_key_join(const char *dir_key, const char *name)
{
    return dir_key[0] && name[0] ? xasprintf("%s/%s", dir_key, name) : xstrdup(dir_key[0] ? dir_key : name);
}

int sync_dir_open(struct sync_dir *d, const struct sync_env *env, const struct call *call, const struct sync_spot *spot,
                  const struct inode *dir, const char *path, const char *key, struct err *err)
{
    *d = (struct sync_dir){.env = env, .call = call, .mount = spot->at.id, .path = path, .key = key, .inode = *dir};
    d->base = meta_applied_index(env->meta);
    TRY(mounts_store_get(env->mounts, spot->at.id, false, &d->use, err));
    mounts_default_modes(env->mounts, spot->at.id, &d->mode_file, &d->mode_directory);
    return 0;
}

void sync_dir_close(struct sync_dir *d)
{
    mounts_store_put(d->env->mounts, &d->use);
}

/* ---- one name ---- */
int sync_child(struct sync_dir *d, const char *name, struct inode *ret, struct err *err)
{
    inode_id ino;
    enum inode_type type;
    int rc = meta_lookup(d->env->meta, d->inode.ino, name, strlen(name), &ino, &type, err);
    if (rc == 0)
        rc = meta_inode(d->env->meta, ino, ret, err);
    return rc == -ERR_NOT_FOUND ? 0 : rc < 0 ? rc : 1;
}

enum sync_action sync_action_for(struct sync_dir *d, const char *name, const struct ufs_stat *st, const struct inode *known)
{
    struct sync_facts f = {.store = st, .inode = known};
    enum sync_action a = sync_plan(&f);
    if (a == SYNC_NOTHING || d->mine)
        return a;
    AUTO_FREE char *key = sync_key_join(d->key, name);
    f.is_covered = intents_covers(d->env->intents, d->mount, key);
    return sync_plan(&f);
}

static int intern(struct sync_dir *d, const char *name, char last[64], principal_id *last_id, principal_id *ret, struct err *err)
{
    if (!last[0] || strcmp(last, name)) {
        TRY(meta_principal(d->env->meta, d->call, name, last_id, err));
        snprintf(last, 64, "%s", name);
    }
    *ret = *last_id;
    return 0;
}

static int take_owner(struct sync_dir *d, const struct ufs_stat *st, struct inode *i, struct err *err)
{
    bool has_attributes = (d->use.capabilities & UFS_CAP_ATTRIBUTES) != 0;
    i->owner = d->inode.owner;
    i->group = d->inode.group;
    i->mode = i->type == INODE_FILE ? d->mode_file : d->mode_directory;
    if (!has_attributes)
        return 0;
    if (st->mode)
        i->mode = st->mode & 07777;
    if (st->owner[0])
        TRY(intern(d, st->owner, d->owner_name, &d->owner, &i->owner, err));
    if (st->group[0])
        TRY(intern(d, st->group, d->group_name, &d->group, &i->group, err));
    return 0;
}

static void take_content(struct sync_dir *d, const struct ufs_stat *st, struct inode *i)
{
    i->length = st->length;
    i->cid = st->length ? meta_new_id(d->env->meta) : 0;
    i->block_size = d->env->block_size;
    i->mtime_ms = st->mtime_ms ? st->mtime_ms : d->call->now_ms;
    i->store_mtime_ms = st->mtime_ms;
    memcpy(i->etag, st->etag, sizeof i->etag);
    i->persistence = PERSIST_DONE;
    i->flags = INODE_COMPLETED;
}

static int newborn(struct sync_dir *d, const char *name, const struct ufs_stat *st, struct inode *i, struct err *err)
{
    int64_t then = st->mtime_ms ? st->mtime_ms : d->call->now_ms;
    *i = (struct inode){.ino = meta_new_id(d->env->meta), .nlink = 1, .parent = d->inode.ino, .flags = INODE_COMPLETED,
                        .type = st->type == UFS_DIRECTORY ? INODE_DIRECTORY : INODE_FILE, .persistence = PERSIST_DONE,
                        .ctime_ms = d->call->now_ms, .mtime_ms = then, .atime_ms = then, .ttl_ms = -1, .replication_max = -1};
    if (i->type == INODE_FILE)
        take_content(d, st, i);
    else
        snprintf(i->name, sizeof i->name, "%s", name);
    return take_owner(d, st, i, err);
}

static int add_create(struct sync_dir *d, struct entry *e, const char *name, const struct ufs_stat *st, struct err *err)
{
    struct inode i;
    AUTO(buf) list = {0};
    buf_init(&list, 32u << 10);
    TRY(newborn(d, name, st, &i, err));
    if (i.type == INODE_FILE && d->mine && d->mine->born && d->is_last)
        TRY(d->mine->born(d->mine->arg, &d->inode, &i, &list, err));
    entry_guard_unchanged_since(e, d->inode.ino, d->base);
    entry_guard_dentry(e, d->inode.ino, name, 0, ERR_STALE);
    entry_put_inode(e, &i);
    entry_put_dentry(e, d->inode.ino, name, i.ino, i.type);
    if (i.flags & INODE_HAS_ACL)
        entry_put_attr(e, i.ino, "acl", list.data ? list.data : "", list.len);
    d->tally.created++;
    return 0;
}

static void add_removal(struct sync_dir *d, struct entry *e, const char *name, const struct inode *known)
{
    entry_guard_dentry(e, d->inode.ino, name, known->ino, ERR_STALE);
    entry_guard_unchanged_since(e, known->ino, d->base);
    entry_remove_dentry(e, d->inode.ino, name);
    if (known->nlink > 1) {
        struct inode less = {.nlink = known->nlink - 1};
        entry_set_inode(e, known->ino, FIELD_NLINK, &less, 0);
    } else {
        entry_remove_inode(e, known->ino);
    }
    d->tally.removed++;
}

static void add_replacement(struct sync_dir *d, struct entry *e, const struct ufs_stat *st, const struct inode *known)
{
    struct inode i = *known;
    take_content(d, st, &i);
    entry_guard_unchanged_since(e, known->ino, d->base);
    entry_set_inode(e, known->ino, FIELD_FLAGS_SET | FIELD_FLAGS_CLEAR | FIELD_LENGTH | FIELD_MTIME | FIELD_CID | FIELD_PERSISTENCE | FIELD_STORE, &i,
                    INODE_DIRTY_DURABLE | INODE_HAS_EXTENTS);
    d->tally.changed++;
}

static void add_news(struct sync_dir *d, struct entry *e, const struct ufs_stat *st, const struct inode *known, unsigned fields)
{
    struct inode i = {.persistence = PERSIST_DONE, .store_mtime_ms = st->mtime_ms};
    memcpy(i.etag, st->etag, sizeof i.etag);
    entry_guard_unchanged_since(e, known->ino, d->base);
    entry_set_inode(e, known->ino, fields, &i, 0);
    d->tally.changed++;
}

int sync_add(struct sync_dir *d, struct entry *e, enum sync_action a, const char *name, const struct ufs_stat *st,
             const struct inode *known, struct err *err)
{
    switch (a) {
    case SYNC_CREATE:
        return add_create(d, e, name, st, err);
    case SYNC_LEARN:
        add_news(d, e, st, known, FIELD_STORE);
        return 0;
    case SYNC_ADOPT:
        add_news(d, e, st, known, FIELD_PERSISTENCE);
        return 0;
    case SYNC_REPLACE:
        add_replacement(d, e, st, known);
        return 0;
    case SYNC_REMOVE:
    case SYNC_RETYPE: /* the next look creates the other kind */
        add_removal(d, e, name, known);
        return 0;
    case SYNC_NOTHING:
        break;
    }
    return 0;
}

int sync_propose(struct sync_dir *d, const struct entry *e, struct call_result *result, struct err *err)
{
    struct call call = *d->call;
    call.result = result;
    FAULT("sync.before_apply");
    return meta_propose(d->env->meta, &call, e, err);
}

/* One look: 1 there, 0 not in the store, 2: look again for the other kind. */
static int name_once(struct sync_dir *d, const char *name, struct err *err)
{
    AUTO(entry) e = {0};
    struct ufs_stat st;
    struct inode known;
    AUTO_FREE char *key = sync_key_join(d->key, name);
    struct ufs_call c = mounts_call(d->env->mounts, d->call);
    d->base = meta_applied_index(d->env->meta);
    int there = ufs_stat(d->use.ufs, &c, key, &st, err);
    if (there < 0 && there != -ERR_NOT_FOUND)
        return there;
    int here = sync_child(d, name, &known, err);
    TRY(here);
    enum sync_action a = sync_action_for(d, name, there == 0 ? &st : NULL, here ? &known : NULL);
    if (here)
        sync_memory_verified(d->env->memory, known.ino, clock_wall_ms());
    if (a == SYNC_NOTHING)
        return there == 0;
    if ((a == SYNC_REMOVE || a == SYNC_RETYPE) && known.type == INODE_DIRECTORY) {
        TRY(sync_remove_tree(d, name, &known, err));
        return a == SYNC_RETYPE ? 2 : 0;
    }
    entry_init(&e, ENTRY_SYNC, d->call->now_ms);
    TRY(sync_add(d, &e, a, name, &st, &known, err));
    struct call_result result = {0};
    TRY(sync_propose(d, &e, &result, err));
    return a == SYNC_RETYPE ? 2 : there == 0;
}

int sync_work_name(struct sync_dir *d, const char *name, struct err *err)
{
    int rc = 0;
    for (int i = 0; i < TRIES; i++) {
        rc = name_once(d, name, err);
        if (rc != 2 && rc != -ERR_STALE)
            return rc;
    }
    d->tally.left++;
    return 1; /* it changes here faster than it can be compared: what is known stays */
}

/* ---- a path ---- */
static size_t node_path(const char *path, size_t node)
{
    size_t at = 0;
    for (size_t i = 0; i < node; i++)
        at = (size_t)(strchrnul(path + at + 1, '/') - path);
    return at ? at : 1;
}

/* Compares nodes[i] (i ≥ 1; i may be the first missing one) in its directory. 1 there, 0 not. */
static int path_step(const struct sync_env *env, const struct call *call, const struct sync_spot *spot, size_t i, const struct sync_mine *mine,
                     struct sync_tally *tally, struct err *err)
{
    struct sync_dir d;
    struct inode dir;
    size_t dir_end = node_path(spot->path, i - 1), end = node_path(spot->path, i);
    size_t name_at = dir_end == 1 ? 1 : dir_end + 1;
    AUTO_FREE char *dir_path = xstrndup(spot->path, dir_end);
    AUTO_FREE char *name = xstrndup(spot->path + name_at, end - name_at);
    size_t skip = spot->at.root_len == 1 ? 1 : spot->at.root_len + 1;
    AUTO_FREE char *key = dir_end > skip ? xstrndup(spot->path + skip, dir_end - skip) : xstrdup("");
    TRY(meta_inode(env->meta, spot->walk.nodes[i - 1].ino, &dir, err));
    int rc = sync_dir_open(&d, env, call, spot, &dir, dir_path, key, err);
    d.mine = mine;
    d.is_last = !spot->path[end];
    if (rc == 0)
        rc = sync_work_name(&d, name, err);
    sync_dir_close(&d);
    tally->created += d.tally.created, tally->changed += d.tally.changed;
    tally->removed += d.tally.removed, tally->left += d.tally.left;
    return rc;
}

/* Is it worth asking for each name on the way? One call says no for most. */
static int is_in_store(const struct sync_env *env, const struct call *call, const struct sync_spot *spot, struct err *err)
{
    struct mount_use u = {0};
    struct ufs_stat st;
    struct ufs_call c = mounts_call(env->mounts, call);
    TRY(mounts_store_get(env->mounts, spot->at.id, false, &u, err));
    int rc = ufs_stat(u.ufs, &c, spot->at.relative, &st, err);
    mounts_store_put(env->mounts, &u);
    return rc == -ERR_NOT_FOUND || rc == -ERR_NOT_DIRECTORY ? 0 : rc < 0 ? rc : 1;
}

static int no_such_path(const char *path, struct err *err)
{
    return err_set(err, ERR_NOT_FOUND, "Path \"%.200s\" does not exist.", path);
}

static int walk_further(const struct sync_env *env, struct sync_spot *spot, struct err *err)
{
    walk_done(&spot->walk);
    TRY(meta_walk(env->meta, spot->path, &spot->walk, err));
    spot->is_found = spot->walk.count == spot->walk.depth;
    return 0;
}

static int make_missing(const struct sync_env *env, const struct call *call, struct sync_spot *spot, const struct sync_mine *mine,
                        struct sync_tally *tally, struct err *err)
{
    if (spot->walk.last.type != INODE_DIRECTORY)
        return no_such_path(spot->path, err);
    if (spot->walk.depth > spot->walk.count + 1) {
        int there = is_in_store(env, call, spot, err);
        TRY(there);
        if (!there)
            return no_such_path(spot->path, err);
    }
    while (!spot->is_found) {
        size_t before = spot->walk.count;
        int there = path_step(env, call, spot, spot->walk.count, mine, tally, err);
        TRY(there);
        TRY(walk_further(env, spot, err));
        if (!there || (!spot->is_found && spot->walk.count <= before))
            return no_such_path(spot->path, err);
    }
    return 0;
}

static int path_in_spot(const struct sync_env *env, const struct call *call, struct sync_spot *spot, const struct sync_mine *mine,
                        struct sync_tally *tally, struct err *err)
{
    if (spot->is_moving || (spot->is_found && !spot->at.relative[0]))
        return spot->is_found ? 0 : no_such_path(spot->path, err);
    if (!spot->is_found)
        return make_missing(env, call, spot, mine, tally, err);
    int there = path_step(env, call, spot, spot->walk.count - 1, mine, tally, err);
    TRY(there);
    TRY(walk_further(env, spot, err));
    return spot->is_found ? 0 : no_such_path(spot->path, err);
}

int sync_work_path(const struct sync_env *env, const struct call *call, const char *path, const struct sync_mine *mine, struct sync_tally *tally,
                   struct err *err)
{
    struct sync_spot spot;
    int rc = sync_spot_find(env, path, &spot, err);
    if (rc == 0)
        rc = path_in_spot(env, call, &spot, mine, tally, err);
    sync_spot_done(&spot);
    return rc;
}

int sync_work_check(const struct sync_env *env, const struct call *call, const char *path, const char **ret_what, struct err *err)
{
    struct sync_spot spot;
    struct mount_use u = {0};
    struct ufs_stat st;
    struct ufs_call c = mounts_call(env->mounts, call);
    *ret_what = NULL;
    int rc = sync_spot_find(env, path, &spot, err);
    if (rc == 0 && spot.is_found && !spot.is_moving && spot.at.relative[0])
        rc = mounts_store_get(env->mounts, spot.at.id, false, &u, err);
    if (rc == 0 && u.ufs) {
        rc = ufs_stat(u.ufs, &c, spot.at.relative, &st, err);
        struct sync_facts f = {.store = rc == 0 ? &st : NULL, .inode = &spot.walk.last};
        f.is_covered = intents_covers(env->intents, spot.at.id, spot.at.relative);
        enum sync_action a = rc == 0 || rc == -ERR_NOT_FOUND ? sync_plan(&f) : SYNC_NOTHING;
        *ret_what = a == SYNC_NOTHING ? NULL : a == SYNC_REMOVE ? "missing_in_store" : "changed";
        mounts_store_put(env->mounts, &u);
    }
    sync_spot_done(&spot);
    return rc == -ERR_NOT_FOUND && *ret_what ? 0 : rc;
}
