/* SPDX-License-Identifier: Apache-2.0
 *
 * sync_remove: a directory went from the store: its persisted content goes from the namespace in steps of one page,
 * from the leaves up; unpersisted files and mount points stay, with the directories that lead to them, which belong to the namespace alone from then on.
 * So does an empty directory when the store only infers directories: it went there with its last file, perhaps by our own hand.
 */
#include "base/mem.h"
#include "master/sync_work.h"

#include <stdio.h>
#include <string.h>

enum { PAGE = 200 };

struct frame {
    struct inode dir;
    inode_id parent;
    char name[NAME_MAX_BYTES + 1];
    char after[NAME_MAX_BYTES + 1];
    bool has_kept, has_children;
};
struct removal {
    struct sync_dir *d;
    struct frame *frames;
    size_t depth;
    struct entry e;
    size_t in_entry;
    struct inode into; /* a directory child to go into next */
    char into_name[NAME_MAX_BYTES + 1];
    size_t seen;
};

static void push(struct removal *r, const struct inode *dir, inode_id parent, const char *name)
{
    r->frames = xrealloc(r->frames, (r->depth + 1) * sizeof *r->frames);
    struct frame *f = &r->frames[r->depth++];
    *f = (struct frame){.dir = *dir, .parent = parent};
    snprintf(f->name, sizeof f->name, "%s", name);
}

static int on_child(void *arg, const struct meta_child *c, struct err *err)
{
    struct removal *r = arg;
    struct frame *f = &r->frames[r->depth - 1];
    struct sync_facts facts = {.inode = c->inode};
    (void)err;
    r->seen++;
    f->has_children = true;
    snprintf(f->after, sizeof f->after, "%s", c->name);
    if (sync_plan(&facts) != SYNC_REMOVE) {
        f->has_kept = true;
        return 0;
    }
    if (c->type == INODE_DIRECTORY) {
        r->into = *c->inode;
        snprintf(r->into_name, sizeof r->into_name, "%s", c->name);
        return -ERR_CANCELLED; /* stops the listing */
    }
    entry_guard_dentry(&r->e, f->dir.ino, c->name, c->ino, ERR_STALE);
    entry_guard_unchanged_since(&r->e, c->ino, r->d->base);
    entry_remove_dentry(&r->e, f->dir.ino, c->name);
    struct inode less = {.nlink = c->inode->nlink - 1};
    if (less.nlink)
        entry_set_inode(&r->e, c->ino, FIELD_NLINK, &less, 0);
    else
        entry_remove_inode(&r->e, c->ino);
    r->in_entry++;
    r->d->tally.removed++;
    return 0;
}

static int flush(struct removal *r, struct err *err)
{
    struct call_result result = {0};
    int rc = r->in_entry ? sync_propose(r->d, &r->e, &result, err) : 0;
    entry_done(&r->e);
    r->in_entry = 0;
    return rc;
}

static int end_frame(struct removal *r, struct err *err)
{
    struct frame *f = &r->frames[--r->depth];
    bool is_inferred = !(r->d->use.capabilities & UFS_CAP_DIRECTORIES) && !f->has_children;
    entry_init(&r->e, ENTRY_SYNC, r->d->call->now_ms);
    entry_guard_dentry(&r->e, f->parent, f->name, f->dir.ino, ERR_STALE);
    if (f->has_kept || is_inferred) {
        struct inode alone = {.persistence = PERSIST_NOT};
        entry_set_inode(&r->e, f->dir.ino, FIELD_PERSISTENCE, &alone, 0);
        if (r->depth)
            r->frames[r->depth - 1].has_kept = true;
    } else {
        entry_guard_empty(&r->e, f->dir.ino, ERR_STALE);
        entry_remove_dentry(&r->e, f->parent, f->name);
        entry_remove_inode(&r->e, f->dir.ino);
        r->d->tally.removed++;
    }
    r->in_entry = 1;
    return flush(r, err);
}

static int step(struct removal *r, struct err *err)
{
    struct frame *f = &r->frames[r->depth - 1];
    inode_id here = f->dir.ino;
    r->seen = 0;
    entry_init(&r->e, ENTRY_SYNC, r->d->call->now_ms);
    int rc = meta_list(r->d->env->meta, here, f->after[0] ? f->after : NULL, -1, PAGE, true, on_child, r, err);
    if (rc < 0 && rc != -ERR_CANCELLED) {
        entry_done(&r->e);
        return rc;
    }
    TRY(flush(r, err));
    if (rc == -ERR_CANCELLED)
        push(r, &r->into, here, r->into_name);
    else if (r->seen < PAGE)
        return end_frame(r, err);
    return 0;
}

int sync_remove_tree(struct sync_dir *d, const char *name, const struct inode *dir, struct err *err)
{
    struct removal r = {.d = d};
    int rc = 0;
    push(&r, dir, d->inode.ino, name);
    while (r.depth && rc == 0) {
        rc = sync_check_ending(d->env, err);
        if (rc == 0)
            rc = step(&r, err);
    }
    free(r.frames);
    return rc;
}
