/* SPDX-License-Identifier: Apache-2.0
 *
 * op_acl: access control lists of a path: reading, and the changes of setfacl.  Threads: any.
 */
#include "master/tasks.h"

#include <string.h>

struct listing_change {
    const char *path;
    enum acl_action action;
    const struct acl_entry *entries;
    size_t n;
    bool is_recursive;
    const char *if_match;
    uint64_t task;
};

int op_get_acl(void *impl, const struct call *call, const char *path, struct acl_entry *ret, size_t max, size_t *ret_n, struct err *err)
{
    struct master *m = impl;
    AUTO(place) p = {0};
    struct acl acl;
    TRY(op_open(m, call, path, NULL, &p, NULL, err));
    const struct inode *i = &p.walk.last;
    TRY(ops_acl(m, i->ino, i->mode, i->flags, &acl, err));
    if (acl.n > max)
        return err_set(err, ERR_TOO_LARGE, "the list of %.120s has %zu entries", p.path, acl.n);
    memcpy(ret, acl.entries, acl.n * sizeof *ret);
    *ret_n = acl.n;
    return 0;
}

static void put_half(struct entry *e, inode_id ino, const struct acl *a, bool is_default, bool is_wanted)
{
    const char *name = is_default ? "acl.default" : "acl";
    if (!is_wanted) {
        entry_remove_attr(e, ino, name);
        return;
    }
    AUTO(buf) bytes;
    buf_init(&bytes, 32u << 10);
    acl_encode(a, is_default, &bytes);
    entry_put_attr(e, ino, name, bytes.data ? bytes.data : "", bytes.len);
}

int op_acl_put(struct master *m, const struct call *call, const struct inode *i, const char *path, enum acl_action action,
               const struct acl_entry *entries, size_t n, struct entry *e, bool *ret_changed, struct err *err)
{
    struct acl acl;
    if (!ops_is_super(m, call) && strcmp(call->who->user, ops_name(m, i->owner)))
        return err_set(err, ERR_PERMISSION_DENIED, "Permission denied: user=%s is not the owner of %.120s", call->who->user, path);
    if (i->type == INODE_SYMLINK)
        return err_set(err, ERR_NOT_SUPPORTED, "a symlink has no ACL");
    TRY(ops_acl(m, i->ino, i->mode, i->flags, &acl, err));
    TRY(acl_change(&acl, action, entries, n, i->type == INODE_DIRECTORY, err));
    bool is_extended = acl_is_extended(&acl), has_default = acl_has_default(&acl);
    struct inode next = *i;
    next.mode = acl_mode(&acl, i->mode);
    next.flags = (is_extended ? INODE_HAS_ACL : 0u) | (has_default ? INODE_HAS_DEFAULT_ACL : 0u);
    uint32_t clear = (INODE_HAS_ACL | INODE_HAS_DEFAULT_ACL) & ~next.flags;
    entry_guard_inode(e, i->ino, i->attr_ver, 0);
    entry_set_inode(e, i->ino, FIELD_MODE | FIELD_FLAGS_SET | FIELD_FLAGS_CLEAR, &next, clear);
    put_half(e, i->ino, &acl, false, is_extended);
    put_half(e, i->ino, &acl, true, has_default);
    if (i->type == INODE_DIRECTORY)
        entry_raise_epoch(e);
    *ret_changed = true;
    return 0;
}

static int acl_attempt(struct master *m, const struct call *call, void *arg, struct err *err)
{
    struct listing_change *w = arg;
    char clean[PATH_MAX_BYTES + 1];
    bool is_changed;
    TRY(path_clean(w->path, clean, err));
    int was = replay_before(m->meta, call, "set_acl", clean, NULL, err);
    if (was)
        return was < 0 ? was : 0;
    AUTO(place) p = {0};
    TRY(op_open(m, call, w->path, NULL, &p, NULL, err));
    TRY(mounts_check(m->mounts, &p.at, p.path, true, "setAcl", err));
    TRY(ops_if_match(w->if_match, &p.walk.last, p.path, err));
    AUTO(entry) e;
    entry_init(&e, ENTRY_SET_ACL, call->now_ms);
    ops_guard(&e, &p);
    TRY(op_acl_put(m, call, &p.walk.last, p.path, w->action, w->entries, w->n, &e, &is_changed, err));
    struct subtree_change below = {.kind = SUBTREE_ACL, .action = w->action, .entries = w->entries, .n = w->n};
    bool goes_down = w->is_recursive && p.walk.last.type == INODE_DIRECTORY && !call->is_dry_run;
    w->task = goes_down ? tasks_put(m, call, &e, p.walk.last.ino, p.path, &below) : 0;
    replay_put(call, &e, "set_acl", p.path, NULL);
    return ops_propose(m, call, &e, err);
}

int op_set_acl(void *impl, const struct call *call, const char *path, enum acl_action action, const struct acl_entry *entries, size_t n,
               bool is_recursive, const char *if_match, struct err *err)
{
    struct listing_change w = {path, action, entries, n, is_recursive, if_match, 0};
    TRY(ops_may_change(call, err));
    TRY(ops_run(impl, call, acl_attempt, &w, err));
    return w.task ? tasks_work(impl, call, w.task, err) : 0;
}
