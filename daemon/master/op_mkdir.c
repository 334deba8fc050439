/* SPDX-License-Identifier: Apache-2.0
 *
 * op_mkdir: new directories and symlinks, and the missing parents of anything new.  A directory comes into a
 * store when a file below is persisted, or at once (intent) when asked for.  Threads: any.
 */
#include "master/op.h"

#include <stdio.h>
#include <string.h>

/* Component `i` (1 is the first) of a clean path. */
static void component(const char *path, size_t i, char to[NAME_MAX_BYTES + 1])
{
    const char *at = path;
    for (size_t k = 1; k < i; k++)
        at = strchr(at + 1, '/');
    size_t n = strcspn(at + 1, "/");
    memcpy(to, at + 1, n);
    to[n] = 0;
}

int op_open_for_new(struct master *m, const struct call *call, const char *path, const char *what, struct place *ret, struct err *err)
{
    TRY(ops_may_change(call, err));
    TRY(place_open(m, call, path, ret, err));
    TRY(mounts_check(m->mounts, &ret->at, ret->path, true, what, err));
    TRY(ops_check_last(m, call, ret, place_is_found(ret) ? 0 : ACCESS_EXECUTE, err));
    struct sync_wish wish = {.kind = SYNC_STAT, .read = {.sync_interval_ms = -2}};
    TRY(place_sync(m, call, ret, &wish, NULL, err));
    if (!place_is_found(ret) && place_last(ret)->type == INODE_DIRECTORY)
        return ops_check_last(m, call, ret, ACCESS_WRITE | ACCESS_EXECUTE, err);
    return ops_check_last(m, call, ret, 0, err);
}

int op_put_parents(struct master *m, const struct call *call, const struct place *p, bool is_recursive, struct entry *e,
                   struct birth_parent *ret, struct err *err)
{
    size_t have = p->walk.count < p->walk.depth ? p->walk.count : p->walk.depth - 1;
    const struct walk_node *top = &p->walk.nodes[have - 1];
    if (top->type != INODE_DIRECTORY)
        return err_set(err, ERR_NOT_DIRECTORY, "%.180s does not have a valid parent", p->path);
    if (have < p->walk.depth - 1 && !is_recursive)
        return err_set(err, ERR_NOT_FOUND, "%.180s does not have a valid parent", p->path);
    TRY(birth_parent_of(m, top, ret, err));
    for (size_t i = have; i < p->walk.depth - 1; i++) {
        char name[NAME_MAX_BYTES + 1];
        component(p->path, i, name);
        struct birth b;
        TRY(birth_new(m, call, INODE_DIRECTORY, ret, name, -1, &b, err));
        if (i == have)
            entry_guard_dentry(e, ret->ino, name, 0, ERR_STALE);
        birth_put(e, &b, name);
        birth_parent_born(&b, ret);
    }
    return 0;
}

/* ---- mkdir ---- */

struct making {
    const char *path;
    const struct mkdir_options *o;
    const char *target; /* of a symlink; NULL: a directory */
};

static int on_existing(const struct place *p, const struct making *w, struct err *err)
{
    if (w->o && w->o->allow_exists && p->walk.last.type == INODE_DIRECTORY)
        return 0;
    return err_set(err, ERR_ALREADY_EXISTS, "%.180s already exists", p->path);
}

static int put_directory(struct master *m, const struct call *call, const struct place *p, const struct making *w, bool in_store,
                         struct entry *e, struct err *err)
{
    struct birth_parent parent;
    struct birth b;
    bool is_recursive = w->o && w->o->is_recursive;
    TRY(op_put_parents(m, call, p, is_recursive, e, &parent, err));
    TRY(birth_new(m, call, w->target ? INODE_SYMLINK : INODE_DIRECTORY, &parent, path_name(p->path), w->o ? w->o->mode : -1, &b, err));
    if (w->o) {
        b.inode.ttl_ms = w->o->ttl_ms > 0 ? w->o->ttl_ms : -1;
        b.inode.ttl_action = w->o->ttl_action;
        b.inode.persistence = in_store ? PERSIST_DONE : PERSIST_NOT;
    }
    if (w->target) {
        b.inode.length = strlen(w->target);
        b.inode.flags |= INODE_COMPLETED;
        entry_put_attr(e, b.inode.ino, "target", w->target, b.inode.length);
    }
    entry_guard_dentry(e, parent.ino, path_name(p->path), 0, ERR_STALE);
    birth_put(e, &b, path_name(p->path));
    return 0;
}

static int propose_new(struct master *m, const struct call *call, const struct place *p, const struct making *w,
                       struct intent_claim *claim, struct err *err)
{
    AUTO(entry) e;
    entry_init(&e, w->target ? ENTRY_SYMLINK : ENTRY_MKDIR, call->now_ms);
    ops_guard(&e, p);
    TRY(put_directory(m, call, p, w, claim != NULL, &e, err));
    if (claim)
        intents_put(claim, &e);
    replay_put(call, &e, w->target ? "symlink" : "mkdir", p->path, w->target);
    return ops_propose(m, call, &e, err);
}

static int make_in_store(struct master *m, const struct call *call, const struct place *p, const struct making *w, struct err *err)
{
    AUTO_FREE char *key = NULL;
    TRY(keys_of_place(m, p, &key, err));
    struct intent intent = {.kind = INTENT_MKDIR,
                            .mount = p->at.id,
                            .key = key,
                            .is_directory = true,
                            .mode = w->o->mode >= 0 ? (unsigned)w->o->mode : 0777 & ~m->options.umask};
    struct intent_claim *claim;
    TRY(intents_claim(m->intents, call, &intent, &claim, err));
    int rc = propose_new(m, call, p, w, claim, err);
    if (rc) {
        intents_release(m->intents, claim, rc != -ERR_OUTCOME_UNKNOWN && rc != -ERR_TIMEOUT);
        return rc;
    }
    return intents_run(m->intents, call, claim, err);
}

static int mkdir_attempt(struct master *m, const struct call *call, void *arg, struct err *err)
{
    const struct making *w = arg;
    AUTO(place) p = {0};
    TRY(op_open_for_new(m, call, w->path, w->target ? "symlink" : "mkdir", &p, err));
    int was = replay_before(m->meta, call, w->target ? "symlink" : "mkdir", p.path, w->target, err);
    if (was)
        return was < 0 ? was : 0;
    if (place_is_found(&p))
        return on_existing(&p, w, err);
    if (w->o && w->o->write_through && !call->is_dry_run)
        return make_in_store(m, call, &p, w, err);
    return propose_new(m, call, &p, w, NULL, err);
}

int op_mkdir(void *impl, const struct call *call, const char *path, const struct mkdir_options *o, struct err *err)
{
    struct making w = {path, o, NULL};
    return ops_run(impl, call, mkdir_attempt, &w, err);
}

int op_symlink(void *impl, const struct call *call, const char *target, const char *path, struct err *err)
{
    if (!target[0] || strlen(target) > PATH_MAX_BYTES)
        return err_set(err, ERR_INVALID_ARGUMENT, "the target of a symlink has 1 to %d bytes", PATH_MAX_BYTES);
    struct making w = {path, NULL, target};
    return ops_run(impl, call, mkdir_attempt, &w, err);
}
