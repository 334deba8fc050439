/* SPDX-License-Identifier: Apache-2.0
 *
 * sync_list: one directory of a store against one of the namespace.  The store pushes names; each is planned
 * and put into an entry of at most BATCH names, so that memory and entries stay small and a long listing becomes visible as it comes.
 * What was not seen when the listing is complete is removed.
 *
 * Every batch is guarded by the index from before the listing, moved on to the batch's own index as long as nobody else
 * changed the directory.  When somebody did, names are asked for one by one.  Stores need not list in order.
 */
#include "master/sync_work.h"

#include "api/path.h"
#include "base/clock.h"
#include "base/mem.h"

#include <stdio.h>
#include <string.h>

enum { BATCH = 200, ENTRY_BYTES = 48 * 1024, SINGLES_MAX = 5000, ROUNDS = 8 };

struct listing {
    struct sync_dir *d;
    const struct sync_hooks *hooks;
    struct ufs_call call;
    struct sync_seen seen;
    struct entry e;
    bool has_entry;
    size_t names;
    char *name[BATCH];
    bool has_created; /* name[0] is a create */
    bool is_new;     /* nothing was known of this directory: no look-ups */
    bool is_tainted; /* others change it: no more batches */
    bool is_ordered, has_last;
    char last[NAME_MAX_BYTES + 1];
    size_t singles;
    uint64_t start; /* index before the listing */
};

static void drop_names(struct listing *l)
{
    for (size_t i = 0; i < l->names; i++)
        free(l->name[i]);
    l->names = 0;
    if (l->has_entry)
        entry_done(&l->e);
    l->has_entry = false;
}

/* Each name by itself: slow, and never wrong. */
static int one_by_one(struct listing *l, struct err *err)
{
    uint64_t base = l->d->base;
    for (size_t i = 0; i < l->names; i++) {
        if (++l->singles > SINGLES_MAX) {
            l->d->tally.left++;
            continue;
        }
        int rc = sync_work_name(l->d, l->name[i], err);
        TRY(rc);
    }
    l->d->base = base;
    return 0;
}

/* After an entry of ours: was it the last that touched the directory? Then what was listed is as good as at its index. */
static int move_base(struct listing *l, uint64_t index, const char *created, struct err *err)
{
    struct inode dir, child;
    if (!created) /* only existing inodes were changed; each has its own guard */
        return 0;
    TRY(meta_inode(l->d->env->meta, l->d->inode.ino, &dir, err));
    int here = sync_child(l->d, created, &child, err);
    TRY(here);
    if (here && child.attr_ver == dir.child_ver && index)
        l->d->base = index;
    else
        l->is_tainted = true;
    return 0;
}

static void tell_through(struct listing *l)
{
    if (l->hooks->through && l->has_last)
        l->hooks->through(l->hooks->arg, l->is_ordered ? l->last : NULL);
}

static int flush(struct listing *l, struct err *err)
{
    struct call_result result = {0};
    if (!l->names)
        return 0;
    bool is_hopeless = l->is_tainted && l->has_created;
    int rc = is_hopeless ? -ERR_STALE : sync_propose(l->d, &l->e, &result, err);
    if (rc == -ERR_STALE) {
        l->is_tainted |= l->has_created;
        rc = one_by_one(l, err);
    } else if (rc == 0) {
        rc = move_base(l, result.index, l->has_created ? l->name[0] : NULL, err);
    }
    drop_names(l);
    l->has_created = false;
    tell_through(l);
    return rc < 0 ? rc : 0;
}

/* Creates come first in a batch, so that name[0] is one when there is any. */
static void remember(struct listing *l, const char *name, bool is_create)
{
    l->name[l->names++] = xstrdup(name);
    if (is_create && !l->has_created) {
        char *first = l->name[0];
        l->name[0] = l->name[l->names - 1];
        l->name[l->names - 1] = first;
        l->has_created = true;
    }
}

static int tell(struct listing *l, const char *name, const char *what, struct err *err)
{
    char path[PATH_MAX_BYTES + 1];
    if (name[0])
        TRY(path_join(l->d->path, name, path, err));
    else
        snprintf(path, sizeof path, "%s", l->d->path);
    struct inconsistency i = {.path = path, .what = what};
    l->d->tally.changed++;
    return l->hooks->report(l->hooks->report_arg, &i, err);
}

static int act(struct listing *l, enum sync_action a, const char *name, const struct ufs_stat *st, const struct inode *known, struct err *err)
{
    if (l->hooks->report)
        return tell(l, name, a == SYNC_REMOVE ? "missing_in_store" : a == SYNC_CREATE ? "missing_here" : "changed", err);
    if (a == SYNC_RETYPE || (a == SYNC_REMOVE && known->type == INODE_DIRECTORY)) {
        TRY(flush(l, err));
        uint64_t base = l->d->base;
        int rc = sync_work_name(l->d, name, err);
        l->d->base = base; /* of the names that were listed */
        return rc < 0 ? rc : 0;
    }
    if (!l->has_entry) {
        entry_init(&l->e, ENTRY_SYNC, l->d->call->now_ms);
        l->has_entry = true;
    }
    TRY(sync_add(l->d, &l->e, a, name, st, known, err));
    remember(l, name, a == SYNC_CREATE);
    return l->names == BATCH || entry_len(&l->e) > ENTRY_BYTES ? flush(l, err) : 0;
}

static void note_order(struct listing *l, const char *name)
{
    if (l->has_last && strcmp(l->last, name) >= 0)
        l->is_ordered = false;
    snprintf(l->last, sizeof l->last, "%s", name);
    l->has_last = true;
}

static int on_name(void *arg, const char *name, const struct ufs_stat *st, struct err *err)
{
    struct listing *l = arg;
    struct inode known;
    size_t len = strlen(name);
    TRY(sync_check_ending(l->d->env, err));
    bool is_ours = strncmp(name, UFS_TEST_PREFIX, sizeof UFS_TEST_PREFIX - 1) == 0;
    if (is_ours || path_check_name(name, len, NULL) < 0 || memchr(name, '/', len)) {
        l->d->tally.skipped_names++;
        return 0;
    }
    int64_t more = clock_mono_ms() + 30000; /* a listing that moves may go on; one that hangs ends */
    if (more > l->call.deadline_ms && more <= l->d->call->deadline_ms)
        l->call.deadline_ms = more;
    sync_seen_add(&l->seen, name);
    int here = l->is_new ? 0 : sync_child(l->d, name, &known, err);
    TRY(here);
    enum sync_action a = sync_action_for(l->d, name, st, here ? &known : NULL);
    if (a != SYNC_NOTHING)
        TRY(act(l, a, name, st, here ? &known : NULL, err));
    note_order(l, name);
    return 0;
}

/* ---- what the store does not have ---- */
struct sweep {
    struct listing *l;
    char after[NAME_MAX_BYTES + 1];
    size_t count;
};

static int on_child(void *arg, const struct meta_child *c, struct err *err)
{
    struct sweep *s = arg;
    struct listing *l = s->l;
    s->count++;
    snprintf(s->after, sizeof s->after, "%s", c->name);
    if (sync_seen_has(&l->seen, c->name))
        return 0;
    enum sync_action a = sync_action_for(l->d, c->name, NULL, c->inode);
    return a == SYNC_NOTHING ? 0 : act(l, a, c->name, NULL, c->inode, err);
}

static int sweep(struct listing *l, struct err *err)
{
    struct sweep s = {.l = l};
    l->d->base = l->start;
    do {
        s.count = 0;
        TRY(meta_list(l->d->env->meta, l->d->inode.ino, s.after[0] ? s.after : NULL, -1, BATCH, true, on_child, &s, err));
    } while (s.count == BATCH);
    return flush(l, err);
}

/* ---- the whole ---- */
static int list_all(struct listing *l, struct err *err)
{
    struct sync_dir *d = l->d;
    int rc = 0;
    for (int i = 0; i < ROUNDS; i++) {
        char after[NAME_MAX_BYTES + 1];
        memcpy(after, l->last, sizeof after);
        bool resumes = l->has_last && l->is_ordered;
        l->call = mounts_call(d->env->mounts, d->call);
        rc = ufs_list(d->use.ufs, &l->call, d->key, false, resumes ? after : NULL, on_name, l, err);
        bool has_moved = l->has_last && strcmp(after, l->last);
        if (rc != -ERR_TIMEOUT || !has_moved || !l->is_ordered || clock_is_past(d->call->deadline_ms))
            break;
    }
    TRY(rc);
    return flush(l, err);
}

/* The store has no such directory: the one above decides; at the mount's root nothing is concluded from it. */
static int directory_is_gone(struct listing *l, struct err *err)
{
    struct sync_dir *d = l->d;
    if (!d->key[0])
        return err_set(err, ERR_STORE_NO_BUCKET, "the root of the store of %.120s does not exist", d->path);
    if (d->inode.persistence != PERSIST_DONE)
        return 0; /* ours alone */
    if (l->hooks->report)
        return tell(l, "", "missing_in_store", err);
    int rc = sync_work_path(d->env, d->call, d->path, NULL, &d->tally, err);
    return rc == -ERR_NOT_FOUND ? 0 : rc;
}

static int mark_loaded(struct sync_dir *d, struct err *err)
{
    AUTO(entry) e = {0};
    struct inode v = {.flags = INODE_LOADED};
    struct call_result result = {0};
    if (d->inode.flags & INODE_LOADED)
        return 0;
    entry_init(&e, ENTRY_SYNC, d->call->now_ms);
    entry_set_inode(&e, d->inode.ino, FIELD_FLAGS_SET, &v, 0);
    int rc = sync_propose(d, &e, &result, err);
    return rc == -ERR_STALE || rc == -ERR_NOT_FOUND ? 0 : rc;
}

static int compare(struct listing *l, struct err *err)
{
    struct sync_dir *d = l->d;
    int rc = list_all(l, err);
    if (rc == -ERR_NOT_FOUND)
        return directory_is_gone(l, err);
    TRY(rc);
    TRY(sweep(l, err));
    if (l->hooks->report)
        return 0;
    if (!d->tally.left)
        sync_memory_verified(d->env->memory, d->inode.ino, clock_wall_ms());
    return mark_loaded(d, err);
}

static int in_spot(const struct sync_env *env, const struct call *call, struct sync_spot *spot, const struct sync_hooks *h,
                   struct sync_tally *tally, struct err *err)
{
    struct sync_dir d;
    if (!spot->is_found)
        return err_set(err, ERR_NOT_FOUND, "Path \"%.200s\" does not exist.", spot->path);
    if (spot->walk.last.type != INODE_DIRECTORY)
        return err_set(err, ERR_NOT_DIRECTORY, "%.200s is not a directory", spot->path);
    if (spot->is_moving)
        return 0;
    int rc = sync_dir_open(&d, env, call, spot, &spot->walk.last, spot->path, spot->at.relative, err);
    struct listing l = {.d = &d, .hooks = h, .is_ordered = true, .start = d.base};
    l.is_new = !spot->walk.last.length && !(spot->walk.last.flags & INODE_LOADED);
    if (rc == 0)
        rc = compare(&l, err);
    drop_names(&l);
    sync_seen_done(&l.seen);
    sync_dir_close(&d);
    *tally = d.tally;
    return rc;
}

int sync_work_directory(const struct sync_env *env, const struct call *call, const char *path, const struct sync_hooks *h,
                        struct sync_tally *tally, struct err *err)
{
    struct sync_spot spot;
    int rc = sync_spot_find(env, path, &spot, err);
    if (rc == 0)
        rc = in_spot(env, call, &spot, h, tally, err);
    sync_spot_done(&spot);
    return rc;
}
