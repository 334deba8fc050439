/* SPDX-License-Identifier: Apache-2.0
 *
 * op_attr: owner, group, mode, times, TTL, pin, replication and extended attributes.  Owner and mode reach the store
 * too where it has them; its failure is told, not fatal.  Below a directory (recursive) only owner, group and mode are copied: the rest
 * is inherited at lookup.  Threads: any.
 */
#include "master/pins.h"
#include "master/tasks.h"

#include "base/log.h"

#include <string.h>

struct changing {
    const char *path;
    const struct attr_change *c;
    struct inode was; /* after success */
    mount_id mount;
    char *key;
    uint64_t task;
    bool is_changed;
};

static bool decides_access(const struct attr_change *c)
{
    return c->owner || c->group || c->mode >= 0;
}

static bool is_owner(struct master *m, const struct call *call, const struct inode *i)
{
    return ops_is_super(m, call) || !strcmp(call->who->user, ops_name(m, i->owner));
}

static int check_rights(struct master *m, const struct call *call, const struct inode *i, const char *path, const struct attr_change *c,
                        struct err *err)
{
    const char *user = call->who->user;
    if (c->owner && !ops_is_super(m, call))
        return err_set(err, ERR_PERMISSION_DENIED, "Permission denied: user=%s is not a super user and cannot change the owner of %.120s",
                       user, path);
    bool owns = is_owner(m, call, i);
    if ((c->group || c->mode >= 0) && !owns)
        return err_set(err, ERR_PERMISSION_DENIED, "Permission denied: user=%s is not the owner of %.120s", user, path);
    if (c->group && !ops_is_super(m, call) && !access_in_group(call->who, c->group))
        return err_set(err, ERR_PERMISSION_DENIED, "Permission denied: user=%s is not in the group %.60s", user, c->group);
    bool is_times = c->mtime_ms || c->atime_ms;
    bool needs_write = c->set_ttl || c->pinned >= 0 || c->replication_min != INT64_MIN || c->replication_max != INT64_MIN || c->xattr_count;
    if (needs_write || (is_times && !owns))
        return ops_check_inode(m, call, path, i, ACCESS_WRITE, err);
    return 0;
}

static int take_access(struct master *m, const struct call *call, const struct attr_change *c, struct inode *i, unsigned *fields,
                       struct err *err)
{
    if (c->mode > 07777)
        return err_set(err, ERR_INVALID_ARGUMENT, "Invalid mode %o", (unsigned)c->mode);
    if (c->mode >= 0 && i->type != INODE_SYMLINK && i->mode != (uint32_t)c->mode) {
        i->mode = (uint32_t)c->mode;
        *fields |= FIELD_MODE;
    }
    principal_id id;
    if (c->owner) {
        TRY(meta_principal(m->meta, call, c->owner, &id, err));
        *fields |= id != i->owner ? FIELD_OWNER : 0u;
        i->owner = id;
    }
    if (c->group) {
        TRY(meta_principal(m->meta, call, c->group, &id, err));
        *fields |= id != i->group ? FIELD_GROUP : 0u;
        i->group = id;
    }
    return 0;
}

static int take_replication(const struct attr_change *c, struct inode *i, unsigned *fields, struct err *err)
{
    if (c->replication_min == INT64_MIN && c->replication_max == INT64_MIN)
        return 0;
    int64_t min = c->replication_min == INT64_MIN ? (int64_t)i->replication_min : c->replication_min;
    int64_t max = c->replication_max == INT64_MIN ? i->replication_max : c->replication_max;
    if (min < 0 || min > INT32_MAX || max < -1 || max > INT32_MAX || (max >= 0 && min > max))
        return err_set(err, ERR_INVALID_ARGUMENT, "replication min %lld and max %lld: 0 <= min <= max, max -1 is unlimited", (long long)min,
                       (long long)max);
    i->replication_min = (uint32_t)min;
    i->replication_max = (int32_t)max;
    *fields |= FIELD_REPLICATION;
    return 0;
}

static void take_ttl(const struct inode *was, const struct attr_change *c, struct inode *i, unsigned *fields, struct entry *e)
{
    if (!c->set_ttl)
        return;
    if (was->ttl_ms >= 0)
        entry_remove_mark(e, MARK_TTL, was->ctime_ms + was->ttl_ms, was->ino);
    i->ttl_ms = c->ttl_ms >= 0 ? c->ttl_ms : -1;
    i->ttl_action = c->ttl_action;
    if (i->ttl_ms >= 0)
        entry_put_mark(e, MARK_TTL, i->ctime_ms + i->ttl_ms, i->ino);
    *fields |= FIELD_TTL;
}

static void take_times(const struct attr_change *c, struct inode *i, unsigned *fields)
{
    if (c->mtime_ms) {
        i->mtime_ms = c->mtime_ms;
        *fields |= FIELD_MTIME;
    }
    if (c->atime_ms) {
        i->atime_ms = c->atime_ms;
        *fields |= FIELD_ATIME;
    }
}

/* Sets the pin's flag and mark; the flags to clear come back. */
static uint32_t take_pin(const struct inode *was, const struct attr_change *c, struct inode *i, unsigned *fields, struct entry *e)
{
    i->flags = 0;
    bool is_pinned = (was->flags & INODE_PINNED) != 0;
    if (c->pinned < 0 || is_pinned == (c->pinned != 0))
        return 0;
    if (c->pinned) {
        i->flags = INODE_PINNED;
        *fields |= FIELD_FLAGS_SET;
        entry_put_mark(e, MARK_PINNED, 0, was->ino);
        return 0;
    }
    *fields |= FIELD_FLAGS_CLEAR;
    entry_remove_mark(e, MARK_PINNED, 0, was->ino);
    return INODE_PINNED;
}

int op_attr_put(struct master *m, const struct call *call, const struct inode *i, const char *path, const struct attr_change *c,
                struct entry *e, bool *ret_changed, struct err *err)
{
    struct inode next = *i;
    unsigned fields = 0;
    TRY(check_rights(m, call, i, path, c, err));
    TRY(take_access(m, call, c, &next, &fields, err));
    TRY(take_replication(c, &next, &fields, err));
    take_ttl(i, c, &next, &fields, e);
    take_times(c, &next, &fields);
    uint32_t clear = take_pin(i, c, &next, &fields, e);
    if (c->xattr_count)
        TRY(op_put_xattrs(m, i, c, e, err));
    if (fields) {
        entry_guard_inode(e, i->ino, i->attr_ver, 0);
        entry_set_inode(e, i->ino, fields, &next, clear);
    }
    if (i->type == INODE_DIRECTORY && fields & (FIELD_MODE | FIELD_OWNER | FIELD_GROUP))
        entry_raise_epoch(e);
    *ret_changed = fields || c->xattr_count;
    return 0;
}

/* ---- the operation ---- */

static int attempt_opened(struct master *m, const struct call *call, struct place *p, struct changing *w, struct err *err)
{
    bool for_write = decides_access(w->c) || w->c->mtime_ms;
    TRY(mounts_check(m->mounts, &p->at, p->path, for_write, "setAttribute", err));
    TRY(ops_if_match(w->c->if_match, &p->walk.last, p->path, err));
    AUTO(entry) e;
    entry_init(&e, ENTRY_SET_ATTR, call->now_ms);
    ops_guard(&e, p);
    TRY(op_attr_put(m, call, &p->walk.last, p->path, w->c, &e, &w->is_changed, err));
    bool goes_down = w->c->is_recursive && p->walk.last.type == INODE_DIRECTORY && decides_access(w->c);
    struct subtree_change below = {.kind = SUBTREE_ATTR, .attr = w->c};
    w->task = goes_down && !call->is_dry_run ? tasks_put(m, call, &e, p->walk.last.ino, p->path, &below) : 0;
    w->was = p->walk.last;
    w->mount = p->at.id;
    free(steal(&w->key));
    TRY(keys_of_place(m, p, &w->key, err));
    if (!w->is_changed && !w->task)
        return 0;
    replay_put(call, &e, "set_attr", p->path, NULL);
    return ops_propose(m, call, &e, err);
}

static int set_attempt(struct master *m, const struct call *call, void *arg, struct err *err)
{
    struct changing *w = arg;
    w->is_changed = false;
    w->task = 0;
    char clean[PATH_MAX_BYTES + 1];
    TRY(path_clean(w->path, clean, err));
    int was = replay_before(m->meta, call, "set_attr", clean, NULL, err);
    if (was)
        return was < 0 ? was : 0;
    AUTO(place) p = {0};
    TRY(op_open(m, call, w->path, NULL, &p, NULL, err));
    return attempt_opened(m, call, &p, w, err);
}

/* The store's own owner and mode follow where it has such; it may refuse. */
static void tell_store(struct master *m, const struct call *call, const struct changing *w)
{
    struct mount_use use = {0};
    struct err err = {0};
    if (!decides_access(w->c) || w->was.persistence != PERSIST_DONE)
        return;
    int rc = mounts_store_get(m->mounts, w->mount, true, &use, &err);
    if (!rc && use.capabilities & UFS_CAP_ATTRIBUTES) {
        struct ufs_call c = mounts_call(m->mounts, call);
        unsigned mode = (unsigned)w->c->mode;
        rc = ufs_set_attr(use.ufs, &c, w->key, w->c->mode >= 0 ? &mode : NULL, w->c->owner, w->c->group, &err);
    }
    mounts_store_put(m->mounts, &use);
    if (!rc)
        return;
    call_effect(call, "warn", "store_attributes_failed", 1, 0);
    static bool is_told; /* once: a store that refuses one refuses all */
    if (!__atomic_exchange_n(&is_told, true, __ATOMIC_RELAXED))
        log_warn(master, "the store does not take owner or mode of %s, continuing with those of the namespace: %s", w->path, err.text);
}

int op_set_attr(void *impl, const struct call *call, const char *path, const struct attr_change *c, struct err *err)
{
    struct master *m = impl;
    struct changing w = {.path = path, .c = c};
    TRY(ops_may_change(call, err));
    int rc = ops_run(m, call, set_attempt, &w, err);
    AUTO_FREE char *key = w.key;
    if (rc || call->is_dry_run || !key)
        return rc;
    if (w.is_changed)
        tell_store(m, call, &w);
    if (w.is_changed && c->pinned >= 0)
        pins_changed(m, &w.was, path, c->pinned != 0);
    return w.task ? tasks_work(m, call, w.task, err) : 0;
}
