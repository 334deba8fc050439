/* SPDX-License-Identifier: Apache-2.0
 *
 * op_cache: what concerns the bytes of files from the namespace's side: free, persist, comparing with the store,
 * contents that are lost or still live.  Threads: any.
 */
#include "master/op.h"

#include "base/clock.h"

#include <stdio.h>
#include <string.h>

/* ---- free ---- */

struct freeing {
    struct master *m;
    const struct call *call;
    bool is_forced, is_pinned_above;
    bool is_doing; /* second pass: the first only looked whether all may be freed */
    uint64_t files, bytes;
};

static int free_file(struct freeing *f, const char *path, const struct inode *i, bool is_pinned, struct err *err)
{
    if (i->type != INODE_FILE || !i->cid)
        return 0;
    if (i->persistence != PERSIST_DONE)
        return err_set(err, ERR_NOT_PERSISTED, "Cannot free file %.160s which is not persisted", path);
    if (is_pinned && !f->is_forced)
        return err_set(err, ERR_CONFLICT,
                       "Cannot free file %.80s which is pinned. Please unpin it first or set the \"forced\" flag of free operation to true", path);
    if (!f->is_doing || !f->m->data)
        return 0;
    uint64_t bytes = f->m->data->drop(f->m->data->impl, i->cid, false);
    f->files += bytes > 0;
    f->bytes += bytes;
    return 0;
}

static int free_node(void *arg, const struct tree_node *n, struct err *err)
{
    struct freeing *f = arg;
    bool is_pinned = f->is_pinned_above || n->is_pinned_above || (n->inode->flags & INODE_PINNED);
    return free_file(f, n->path, n->inode, is_pinned, err);
}

static int free_enter(void *arg, const char *path, const struct inode *dir, struct err *err)
{
    struct freeing *f = arg;
    return ops_check_inode(f->m, f->call, path, dir, ACCESS_READ | ACCESS_EXECUTE, err);
}

static int free_pass(struct freeing *f, const struct place *p, struct err *err)
{
    if (p->walk.last.type != INODE_DIRECTORY)
        return free_file(f, p->path, &p->walk.last, f->is_pinned_above, err);
    struct tree_options o = {.deadline_ms = f->call->deadline_ms, .visit = free_node, .enter = free_enter, .arg = f};
    return tree_walk(f->m, p->path, &p->walk.last, &o, err);
}

int op_free(void *impl, const struct call *call, const char *path, bool is_recursive, bool is_forced, struct err *err)
{
    struct freeing f = {.m = impl, .call = call, .is_forced = is_forced};
    AUTO(place) p = {0};
    TRY(ops_may_change(call, err));
    TRY(op_open(impl, call, path, NULL, &p, NULL, err));
    TRY(ops_check_last(impl, call, &p, ACCESS_READ, err));
    if (p.walk.last.type == INODE_DIRECTORY && p.walk.last.length && !is_recursive)
        return err_set(err, ERR_NOT_EMPTY,
                       "Cannot free directory %.100s which is not empty. Please set the \"recursive\" flag of free operation to true", p.path);
    f.is_pinned_above = place_is_pinned(&p);
    TRY(free_pass(&f, &p, err));
    f.is_doing = !call->is_dry_run;
    TRY(free_pass(&f, &p, err));
    call_effect(call, "info", "files_freed", f.files, f.bytes);
    return 0;
}

/* ---- the store ---- */

int op_persist(void *impl, const struct call *call, const char *path, bool wait, struct err *err)
{
    struct master *m = impl;
    AUTO(place) p = {0};
    TRY(ops_may_change(call, err));
    TRY(op_open(m, call, path, NULL, &p, NULL, err));
    TRY(mounts_check(m->mounts, &p.at, p.path, true, "persist", err));
    TRY(ops_check_last(m, call, &p, p.walk.last.type == INODE_DIRECTORY ? ACCESS_READ | ACCESS_EXECUTE : ACCESS_READ, err));
    if (p.walk.last.type == INODE_FILE && !(p.walk.last.flags & INODE_COMPLETED))
        return err_set(err, ERR_INCOMPLETE, "%.160s is still being written", p.path);
    return persist_path(m->persist, call, p.path, wait, err);
}

/* Traversal of what is known; the rest may be only in the store. */
static int open_known(struct master *m, const struct call *call, const char *path, unsigned rwx, struct place *p, struct err *err)
{
    TRY(place_open(m, call, path, p, err));
    TRY(mounts_check(m->mounts, &p->at, p->path, false, "read", err));
    return ops_check_last(m, call, p, place_is_found(p) ? rwx : ACCESS_EXECUTE, err);
}

int op_load_metadata(void *impl, const struct call *call, const char *path, bool is_recursive, bool is_forced, struct err *err)
{
    struct master *m = impl;
    AUTO(place) p = {0};
    if (call->is_dry_run) { /* is it there: as a read would look */
        TRY(op_open(m, call, path, NULL, &p, NULL, err));
        return ops_check_last(m, call, &p, ACCESS_READ, err);
    }
    TRY(open_known(m, call, path, ACCESS_READ, &p, err));
    return sync_load_metadata(m->sync, call, p.path, is_recursive, is_forced, err);
}

int op_check_consistency(void *impl, const struct call *call, const char *path, bool repair, inconsistency_fn each, void *arg,
                         struct err *err)
{
    struct master *m = impl;
    AUTO(place) p = {0};
    if (repair)
        TRY(ops_may_change(call, err));
    TRY(open_known(m, call, path, repair ? ACCESS_READ | ACCESS_WRITE : ACCESS_READ, &p, err));
    TRY(place_need(&p, err));
    return sync_check_consistency(m->sync, call, p.path, repair && !call->is_dry_run, each, arg, err);
}

int op_content_changed(void *impl, const struct call *call, const char *path, struct err *err)
{
    struct master *m = impl;
    AUTO(place) p = {0};
    TRY(open_known(m, call, path, 0, &p, err));
    return sync_content_changed(m->sync, call, p.path, err);
}

/* ---- contents ---- */

struct losing {
    inode_id ino;
    content_id cid;
};

static int lost_attempt(struct master *m, const struct call *call, void *arg, struct err *err)
{
    const struct losing *l = arg;
    struct inode i;
    int rc = meta_inode(m->meta, l->ino, &i, err);
    if (rc == -ERR_NOT_FOUND || (!rc && (i.cid != l->cid || i.persistence == PERSIST_DONE || i.persistence == PERSIST_LOST)))
        return 0;
    TRY(rc);
    struct inode value = {.persistence = PERSIST_LOST};
    AUTO(entry) e;
    entry_init(&e, ENTRY_SET_ATTR, call->now_ms);
    entry_guard_inode(&e, i.ino, 0, i.data_ver);
    entry_guard_content(&e, i.ino, l->cid);
    entry_set_inode(&e, i.ino, FIELD_PERSISTENCE | FIELD_FLAGS_CLEAR, &value, INODE_DIRTY_DURABLE);
    return ops_propose(m, call, &e, err);
}

int op_content_lost(void *impl, const struct call *call, inode_id ino, content_id cid, struct err *err)
{
    struct losing l = {ino, cid};
    return ops_run(impl, call, lost_attempt, &l, err);
}

int op_contents_live(void *impl, const struct call *call, const inode_id *inos, const content_id *cids, size_t n, bool *ret_live,
                     struct err *err)
{
    struct master *m = impl;
    (void)call;
    for (size_t k = 0; k < n; k++) {
        struct inode i;
        struct err why;
        int rc = meta_inode(m->meta, inos[k], &i, &why);
        if (rc && rc != -ERR_NOT_FOUND)
            return err_set(err, why.code, "%s", why.text);
        ret_live[k] = !rc && cids[k] && i.cid == cids[k];
    }
    return 0;
}
