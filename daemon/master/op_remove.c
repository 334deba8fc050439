/* SPDX-License-Identifier: Apache-2.0
 *
 * op_remove: a file or tree goes.  A directory with content: the store is compared, a pass over the subtree checks
 * permission and counts, then one entry takes the root of the tree out of sight (reclaim.h does the rows) together with
 * the intent that removes it from the store.  Threads: any.
 */
#include "master/reclaim.h"
#include "master/store_part.h"

#include "base/clock.h"

#include <stdio.h>
#include <string.h>

struct removing {
    const char *path;
    const struct remove_options *o;
    struct place p;
    uint64_t files, directories, bytes, stored_bytes, unpersisted;
    bool is_counted; /* else only the top is */
};

void op_detach(void *arg, struct entry *e, const struct inode *dir, const char *name)
{
    (void)arg;
    int64_t now = clock_wall_ms(); /* chosen here, before the entry is proposed */
    entry_guard_dentry(e, dir->parent, name, dir->ino, ERR_STALE);
    entry_remove_dentry(e, dir->parent, name);
    entry_touch(e, dir->parent, now);
    reclaim_detach(e, dir->ino, now);
}

/* ---- before: rules, permission, count ---- */

static int open_place(struct master *m, const struct call *call, struct removing *r, struct err *err)
{
    TRY(ops_may_change(call, err));
    TRY(place_open(m, call, r->path, &r->p, err));
    if (place_is_root(&r->p))
        return err_set(err, ERR_INVALID_ARGUMENT, "Cannot delete the root directory");
    TRY(mounts_check(m->mounts, &r->p.at, r->p.path, true, "delete", err));
    TRY(ops_check_last(m, call, &r->p, place_is_found(&r->p) ? 0 : ACCESS_EXECUTE, err));
    struct sync_wish wish = {.kind = SYNC_STAT, .read = {.sync_interval_ms = -2}};
    TRY(place_sync(m, call, &r->p, &wish, NULL, err));
    TRY(place_need(&r->p, err));
    TRY(ops_check_unlink(m, call, &r->p, err));
    return ops_if_match(r->o->if_match, &r->p.walk.last, r->p.path, err);
}

static void count(struct removing *r, const struct inode *i)
{
    if (i->type == INODE_DIRECTORY) {
        r->directories++;
        return;
    }
    r->files++;
    r->bytes += i->length;
    if (i->persistence == PERSIST_DONE)
        r->stored_bytes += i->length;
    else if (i->length)
        r->unpersisted++;
}

struct passing {
    struct master *m;
    const struct call *call;
    struct removing *r;
};

static int pass_enter(void *arg, const char *path, const struct inode *dir, struct err *err)
{
    struct passing *s = arg;
    if (!dir->length)
        return TREE_SKIP; /* an empty one needs no right of its own */
    return ops_check_inode(s->m, s->call, path, dir, ACCESS_WRITE | ACCESS_EXECUTE, err);
}

static int pass_node(void *arg, const struct tree_node *n, struct err *err)
{
    (void)err;
    struct passing *s = arg;
    count(s->r, n->inode);
    return TREE_ON;
}

/* A super user who does not ask what would happen needs no pass: nothing can be refused. */
static int pass_subtree(struct master *m, const struct call *call, struct removing *r, struct err *err)
{
    count(r, &r->p.walk.last);
    r->is_counted = r->p.walk.last.type != INODE_DIRECTORY || !ops_is_super(m, call) || call->is_dry_run;
    if (r->p.walk.last.type != INODE_DIRECTORY || (ops_is_super(m, call) && !call->is_dry_run))
        return 0;
    struct passing s = {m, call, r};
    struct tree_options o = {.deadline_ms = call->deadline_ms, .visit = pass_node, .enter = pass_enter, .arg = &s};
    return tree_walk(m, r->p.path, &r->p.walk.last, &o, err);
}

static void tell(const struct call *call, const struct removing *r)
{
    if (!r->is_counted)
        return;
    call_effect(call, "info", "files_removed", r->files, r->bytes);
    if (r->directories)
        call_effect(call, "info", "directories_removed", r->directories, 0);
    if (r->stored_bytes && !r->o->only_here)
        call_effect(call, "loss", "bytes_removed_from_store", r->files, r->stored_bytes);
    if (r->unpersisted)
        call_effect(call, "loss", "unpersisted_files_removed", r->unpersisted, 0);
}

/* ---- mount points below ---- */

struct names {
    const char *top;
    size_t n, cap;
    char **items;
};

static int collect_mount(void *arg, const struct mount_info *i)
{
    struct names *s = arg;
    if (!path_is_below(i->path, s->top))
        return 0;
    if (s->n == s->cap) {
        s->cap = s->cap ? 2 * s->cap : 8;
        s->items = xrealloc(s->items, s->cap * sizeof *s->items);
    }
    s->items[s->n++] = xstrdup(i->path);
    return 0;
}

static int by_length_down(const void *a, const void *b)
{
    size_t x = strlen(*(char *const *)a), y = strlen(*(char *const *)b);
    return x > y ? -1 : x < y;
}

/* Unmounts all at and below, deepest first. */
static int unmount_below(struct master *m, const struct call *call, const char *path, struct err *err)
{
    struct names s = {.top = path};
    struct call plain = ops_real(call);
    int rc = m->mount_api.list(m->mount_api.impl, call, collect_mount, &s, err);
    if (s.n)
        qsort(s.items, s.n, sizeof *s.items, by_length_down);
    for (size_t i = 0; i < s.n && !rc; i++)
        rc = m->mount_api.remove(m->mount_api.impl, &plain, s.items[i], NULL, err);
    for (size_t i = 0; i < s.n; i++)
        free(s.items[i]);
    free(s.items);
    return rc;
}

static int check_mounts(struct master *m, const struct call *call, struct removing *r, struct err *err)
{
    bool is_mount = place_is_mount_point(&r->p);
    if (!is_mount && !mounts_has_below(m->mounts, r->p.path))
        return 0;
    if (!r->o->with_mount_points)
        return err_set(err, ERR_CONFLICT, is_mount ? "%.150s is a mount point; unmount it instead" : "%.150s holds a mount point; unmount it first",
                       r->p.path);
    return call->is_dry_run ? 0 : unmount_below(m, call, r->p.path, err);
}

/* ---- the entry ---- */

static int propose(struct master *m, const struct call *call, void *arg, struct intent_claim *claim, struct err *err)
{
    struct removing *r = arg;
    const struct inode *i = &r->p.walk.last;
    inode_id dir = r->p.walk.nodes[r->p.walk.depth - 2].ino;
    const char *name = path_name(r->p.path);
    AUTO(entry) e;
    entry_init(&e, ENTRY_REMOVE, call->now_ms);
    ops_guard(&e, &r->p);
    entry_guard_dentry(&e, dir, name, i->ino, ERR_STALE);
    entry_remove_dentry(&e, dir, name);
    entry_touch(&e, dir, call->now_ms);
    if (i->type == INODE_DIRECTORY && r->o->is_recursive) {
        reclaim_detach(&e, i->ino, call->now_ms);
    } else if (i->type == INODE_DIRECTORY) {
        entry_guard_empty(&e, i->ino, ERR_STALE);
        entry_remove_inode(&e, i->ino);
        entry_raise_epoch(&e);
    } else {
        entry_guard_inode(&e, i->ino, i->attr_ver, i->data_ver);
        entry_remove_inode(&e, i->ino);
    }
    if (claim)
        intents_put(claim, &e);
    replay_put(call, &e, "remove", r->p.path, NULL);
    return ops_propose(m, call, &e, err);
}

static int carry_out(struct master *m, const struct call *call, struct removing *r, struct err *err)
{
    const struct inode *i = &r->p.walk.last;
    if (r->o->only_here || !store_part_removes(i))
        return propose(m, call, r, NULL, err);
    AUTO_FREE char *key = NULL;
    TRY(keys_of_place(m, &r->p, &key, err));
    struct intent intent = {.kind = INTENT_REMOVE,
                            .mount = r->p.at.id,
                            .key = key,
                            .ino = i->ino,
                            .is_directory = i->type == INODE_DIRECTORY};
    return store_part_run(m, call, &intent, propose, r, err);
}

static int attempt_opened(struct master *m, const struct call *call, struct removing *r, struct err *err)
{
    r->files = r->directories = r->bytes = r->stored_bytes = r->unpersisted = 0;
    char clean[PATH_MAX_BYTES + 1];
    TRY(path_clean(r->path, clean, err));
    int was = replay_before(m->meta, call, "remove", clean, NULL, err);
    if (was)
        return was < 0 ? was : 0;
    TRY(open_place(m, call, r, err));
    const struct inode *i = &r->p.walk.last;
    if (i->type == INODE_DIRECTORY && i->length && !r->o->is_recursive)
        return err_set(err, ERR_NOT_EMPTY, "Cannot delete non-empty directory %.120s because recursive is set to false", r->p.path);
    TRY(pass_subtree(m, call, r, err));
    if (call->is_dry_run) {
        tell(call, r);
        return 0;
    }
    TRY(carry_out(m, call, r, err));
    tell(call, r);
    return 0;
}

static int remove_attempt(struct master *m, const struct call *call, void *arg, struct err *err)
{
    struct removing *r = arg;
    int rc = attempt_opened(m, call, r, err);
    place_done(&r->p);
    return rc;
}

/* Once, before the attempts: mount points, and what the store has that was not known here. */
static int prepare(struct master *m, const struct call *call, struct removing *r, struct err *err)
{
    char clean[PATH_MAX_BYTES + 1];
    TRY(path_clean(r->path, clean, err));
    int was = replay_before(m->meta, call, "remove", clean, NULL, err);
    if (was)
        return was < 0 ? was : 1;
    int rc = open_place(m, call, r, err);
    if (!rc)
        rc = check_mounts(m, call, r, err);
    bool is_directory = !rc && r->p.walk.last.type == INODE_DIRECTORY;
    struct call real = ops_real(call);
    if (is_directory && !r->o->unchecked && !r->o->only_here && !place_is_mount_point(&r->p))
        rc = call->is_dry_run ? sync_load_metadata(m->sync, &real, r->p.path, true, true, err) /* tells what is there */
                              : sync_refuse_unknown(m->sync, &real, r->p.path, err);
    if (!rc && place_is_mount_point(&r->p) && r->o->with_mount_points && !call->is_dry_run)
        rc = 1; /* unmounting took it away */
    place_done(&r->p);
    return rc;
}

int op_remove(void *impl, const struct call *call, const char *path, const struct remove_options *o, struct err *err)
{
    AUTO_FREE struct removing *r = xnew(struct removing);
    r->path = path;
    r->o = o;
    int rc = prepare(impl, call, r, err);
    if (rc)
        return rc < 0 ? rc : 0;
    return ops_run(impl, call, remove_attempt, r, err);
}
