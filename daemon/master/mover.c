/* SPDX-License-Identifier: Apache-2.0
 *
 * mover: see the header.  The store's listing leads, not the namespace: what nobody had loaded moves as well.  A batch: copy some objects, one
 * entry that gives their files the new key, remove the old ones; then list again, until the old prefix is empty.  After a
 * crash the same objects are simply copied once more.
 */
#include "master/mover.h"

#include "base/clock.h"
#include "base/fault.h"
#include "base/log.h"
#include "base/mem.h"

#include <stdio.h>
#include <string.h>

enum { BATCH = 100, PAGE = 200 };

struct mover {
    struct mover_options options;
    bool is_stopping; /* atomic */
};
struct moving {
    struct mover *m;
    const struct call *call;
    const struct intent *intent;
    struct ufs *ufs;
    size_t files, directories;
    char *file[BATCH], *directory[BATCH]; /* relative */
};

void mover_add(struct entry *e, const struct inode *dir, mount_id mount, const char *old_key, int64_t now_ms)
{
    struct inode v = {.flags = INODE_HAS_STORE_KEY};
    (void)mount, (void)now_ms;
    entry_put_attr(e, dir->ino, "store_key", old_key, strlen(old_key));
    entry_set_inode(e, dir->ino, FIELD_FLAGS_SET, &v, 0);
}

static char *join(const char *top, const char *rest)
{
    return top[0] ? xasprintf("%s/%s", top, rest) : xstrdup(rest);
}

static int go_on(struct moving *v, struct err *err)
{
    if (__atomic_load_n(&v->m->is_stopping, __ATOMIC_RELAXED))
        return err_set(err, ERR_CANCELLED, "the node stops");
    if (clock_is_past(v->call->deadline_ms))
        return err_set(err, ERR_TIMEOUT, "no time was left to move '/%.120s'", v->intent->key);
    return 0;
}

/* ---- the store ---- */
static int collect(void *arg, const char *name, const struct ufs_stat *st, struct err *err)
{
    struct moving *v = arg;
    (void)err;
    if (st->type == UFS_DIRECTORY && v->directories < BATCH)
        v->directory[v->directories++] = xstrdup(name);
    if (st->type != UFS_DIRECTORY)
        v->file[v->files++] = xstrdup(name);
    return v->files == BATCH;
}

static void drop_batch(struct moving *v)
{
    for (size_t i = 0; i < v->files; i++)
        free(v->file[i]);
    for (size_t i = 0; i < v->directories; i++)
        free(v->directory[i]);
    v->files = v->directories = 0;
}

/* The inode of a path below the directory, by its names. 1 found. */
static int find_below(struct moving *v, const char *relative, struct inode *ret, struct err *err)
{
    inode_id at = v->intent->ino;
    enum inode_type type;
    for (const char *p = relative; *p;) {
        size_t len = strcspn(p, "/");
        int rc = meta_lookup(v->m->options.meta, at, p, len, &at, &type, err);
        if (rc < 0)
            return rc == -ERR_NOT_FOUND ? 0 : rc;
        p += len + (p[len] == '/');
    }
    int rc = meta_inode(v->m->options.meta, at, ret, err);
    return rc == -ERR_NOT_FOUND ? 0 : rc < 0 ? rc : 1;
}

/* Copies one object and says in `e` where its file is now. A file that never was in the store has no object of its own. */
static int move_copy(struct moving *v, const char *relative, struct entry *e, size_t *ret_changes, struct err *err)
{
    AUTO_FREE char *from = join(v->intent->key, relative), *to = join(v->intent->target, relative);
    struct ufs_call c = {.deadline_ms = v->call->deadline_ms, .request_id = "mover"};
    struct ufs_stat st;
    struct inode file;
    int rc = ufs_copy(v->ufs, &c, from, to, err);
    if (rc == -ERR_NOT_FOUND)
        return 0;
    TRY(rc);
    FAULT("mover.after_copy");
    c = mounts_call(v->m->options.mounts, v->call);
    TRY(ufs_stat(v->ufs, &c, to, &st, err));
    int found = find_below(v, relative, &file, err);
    TRY(found);
    if (!found || file.type != INODE_FILE || file.persistence != PERSIST_DONE)
        return 0;
    struct inode now = {.flags = INODE_HAS_STORE_KEY, .store_mtime_ms = st.mtime_ms};
    memcpy(now.etag, st.etag, sizeof now.etag);
    entry_guard_content(e, file.ino, file.cid);
    entry_put_attr(e, file.ino, "store_key", to, strlen(to));
    entry_set_inode(e, file.ino, FIELD_FLAGS_SET | FIELD_STORE, &now, 0);
    ++*ret_changes;
    return 0;
}

static int move_files(struct moving *v, size_t first, size_t n, struct err *err)
{
    AUTO(entry) e = {0};
    size_t changes = 0;
    entry_init(&e, ENTRY_TASK, v->call->now_ms);
    for (size_t i = first; i < first + n; i++)
        TRY(move_copy(v, v->file[i], &e, &changes, err));
    return changes ? meta_propose(v->m->options.meta, v->call, &e, err) : 0;
}

static int remove_files(struct moving *v, struct err *err)
{
    char *keys[BATCH];
    struct ufs_call c = mounts_call(v->m->options.mounts, v->call);
    for (size_t i = 0; i < v->files; i++)
        keys[i] = join(v->intent->key, v->file[i]);
    int rc = ufs_remove_many(v->ufs, &c, (const char *const *)keys, v->files, err);
    for (size_t i = 0; i < v->files; i++)
        free(keys[i]);
    return rc;
}

static int move_batch(struct moving *v, struct err *err)
{
    int rc = 0;
    for (size_t i = 0; i < v->files && rc == 0; i += 20) /* names may be long: an entry holds twenty for sure */
        rc = move_files(v, i, v->files - i < 20 ? v->files - i : 20, err);
    for (size_t i = 0; i < v->files && rc == -ERR_STALE; i++) {
        int one = move_files(v, i, 1, err);
        rc = one < 0 && one != -ERR_STALE ? one : i + 1 == v->files ? 0 : -ERR_STALE;
    }
    TRY(rc);
    return remove_files(v, err);
}

/* Only directories are left: those that exist by themselves are made at the new place. 1: one went. */
static int move_directories(struct moving *v, struct err *err)
{
    int went = 0;
    for (size_t i = 0; i < v->directories; i++) {
        AUTO_FREE char *to = join(v->intent->target, v->directory[i]);
        struct ufs_call c = mounts_call(v->m->options.mounts, v->call);
        TRY(ufs_mkdir(v->ufs, &c, to, 0755, err));
    }
    for (size_t i = v->directories; i-- > 0;) {
        AUTO_FREE char *from = join(v->intent->key, v->directory[i]);
        struct ufs_call c = mounts_call(v->m->options.mounts, v->call);
        int rc = ufs_rmdir(v->ufs, &c, from, err);
        if (rc < 0 && rc != -ERR_NOT_EMPTY)
            return rc;
        went |= rc == 0;
    }
    return went;
}

/* 1: something went, list again. 0: nothing is left but what no path can name ("a//b"): that stays. */
static int move_some(struct moving *v, struct err *err)
{
    struct ufs_call c = mounts_call(v->m->options.mounts, v->call);
    int rc = ufs_list(v->ufs, &c, v->intent->key, true, NULL, collect, v, err);
    if (rc == -ERR_NOT_FOUND)
        return 0;
    TRY(rc);
    if (!v->files && !v->directories)
        return 0;
    if (!v->files)
        return move_directories(v, err);
    TRY(move_batch(v, err));
    return 1;
}

static int move_store(struct moving *v, struct err *err)
{
    int rc;
    do {
        TRY(go_on(v, err));
        rc = move_some(v, err);
        drop_batch(v);
    } while (rc > 0);
    TRY(rc);
    struct ufs_call c = mounts_call(v->m->options.mounts, v->call);
    struct ufs_stat st;
    if (ufs_stat(v->ufs, &c, v->intent->key, &st, NULL) < 0) /* inferred: went with its last object */
        return 0;
    TRY(ufs_mkdir(v->ufs, &c, v->intent->target, st.mode ? st.mode : 0755, err));
    rc = ufs_rmdir(v->ufs, &c, v->intent->key, err);
    if (rc == -ERR_NOT_EMPTY)
        log_warn(master, "'%s' was renamed to '%s' and leaves names behind that no path can have, or others write there", v->intent->key, v->intent->target);
    return rc == -ERR_NOT_EMPTY ? 0 : rc;
}

/* ---- the namespace, when all bytes are at the new place ---- */
static int forget_key(struct moving *v, const struct inode *dir, struct err *err)
{
    AUTO(entry) e = {0};
    if (!(dir->flags & INODE_HAS_STORE_KEY))
        return 0;
    entry_init(&e, ENTRY_TASK, v->call->now_ms);
    entry_remove_attr(&e, dir->ino, "store_key");
    entry_set_inode(&e, dir->ino, FIELD_FLAGS_CLEAR, dir, INODE_HAS_STORE_KEY);
    entry_raise_epoch(&e); /* who waited for the move has a key below the old place */
    return meta_propose(v->m->options.meta, v->call, &e, err);
}

struct level {
    inode_id ino;
    char after[NAME_MAX_BYTES + 1];
};
struct tidying {
    struct moving *v;
    struct entry e;
    size_t changes, seen;
    struct level *levels;
    size_t depth;
    inode_id into;
};

static int on_child(void *arg, const struct meta_child *c, struct err *err)
{
    struct tidying *t = arg;
    (void)err;
    t->seen++;
    snprintf(t->levels[t->depth - 1].after, NAME_MAX_BYTES + 1, "%s", c->name);
    if (c->type == INODE_DIRECTORY) {
        t->into = c->ino;
        return -ERR_CANCELLED; /* stops the listing */
    }
    if (c->inode->flags & INODE_HAS_STORE_KEY) {
        entry_guard_inode(&t->e, c->ino, c->inode->attr_ver, 0);
        entry_remove_attr(&t->e, c->ino, "store_key");
        entry_set_inode(&t->e, c->ino, FIELD_FLAGS_CLEAR, c->inode, INODE_HAS_STORE_KEY);
        t->changes++;
    }
    return 0;
}

static void push(struct tidying *t, inode_id ino)
{
    t->levels = xrealloc(t->levels, (t->depth + 1) * sizeof *t->levels);
    t->levels[t->depth++] = (struct level){.ino = ino};
}

static int tidy_page(struct tidying *t, struct err *err)
{
    struct level *l = &t->levels[t->depth - 1];
    t->changes = t->seen = 0;
    entry_init(&t->e, ENTRY_TASK, t->v->call->now_ms);
    int rc = meta_list(t->v->m->options.meta, l->ino, l->after[0] ? l->after : NULL, -1, PAGE, true, on_child, t, err);
    bool goes_down = rc == -ERR_CANCELLED;
    if (goes_down)
        rc = 0;
    int put = rc == 0 && t->changes ? meta_propose(t->v->m->options.meta, t->v->call, &t->e, err) : 0;
    entry_done(&t->e);
    TRY(rc);
    if (goes_down)
        push(t, t->into);
    else if (t->seen < PAGE)
        t->depth--;
    return put;
}

static int tidy(struct moving *v, struct err *err)
{
    struct tidying t = {.v = v};
    int rc = 0;
    push(&t, v->intent->ino);
    while (t.depth && rc == 0) {
        rc = go_on(v, err);
        if (rc == 0)
            rc = tidy_page(&t, err);
    }
    free(t.levels);
    return rc;
}

static int move_run(struct moving *v, struct err *err)
{
    struct inode dir;
    int rc = meta_inode(v->m->options.meta, v->intent->ino, &dir, err);
    if (rc == -ERR_NOT_FOUND || (rc == 0 && (dir.flags & INODE_DETACHED)))
        return 0; /* with its mount: the prefixes were ours, nobody else could remove it */
    TRY(rc);
    if (dir.flags & INODE_HAS_STORE_KEY)
        TRY(move_store(v, err));
    TRY(forget_key(v, &dir, err));
    return tidy(v, err);
}

static int mover_move(void *arg, const struct call *call, const struct intent *i, struct err *err)
{
    struct mount_use u = {0};
    struct mover *m = arg;
    int rc = mounts_store_get(m->options.mounts, i->mount, true, &u, err);
    if (rc == -ERR_NOT_FOUND)
        return 0; /* unmounted */
    TRY(rc);
    struct moving *v = xnew(struct moving);
    *v = (struct moving){.m = m, .call = call, .intent = i, .ufs = u.ufs};
    rc = move_run(v, err);
    free(v);
    mounts_store_put(m->options.mounts, &u);
    return rc;
}

/* ---- shown, life ---- */
struct telling {
    int (*each)(void *arg, const struct task_info *);
    void *arg;
};

static int tell(void *arg, const struct intent_info *i)
{
    struct telling *t = arg;
    if (i->intent.kind != INTENT_MOVE)
        return 0;
    struct task_info info = {.id = i->intent.ino, .kind = "move", .path = i->intent.target, .state = i->error[0] ? "waiting" : "running",
                             .error = i->error, .started_ms = i->intent.started_ms};
    return t->each(t->arg, &info);
}

int mover_tasks(struct mover *m, int (*each)(void *arg, const struct task_info *), void *arg)
{
    struct telling t = {each, arg};
    return intents_list(m->options.intents, 0, tell, &t);
}

void mover_on_record_changed(struct mover *m, enum record_kind kind, const char *key)
{
    (void)m, (void)kind, (void)key;
}

struct mover *mover_new(const struct mover_options *o)
{
    struct mover *m = xnew(struct mover);
    m->options = *o;
    intents_on_move(o->intents, mover_move, m);
    return m;
}

void mover_start(struct mover *m)
{
    __atomic_store_n(&m->is_stopping, false, __ATOMIC_RELAXED);
}

void mover_stop(struct mover *m)
{
    __atomic_store_n(&m->is_stopping, true, __ATOMIC_RELAXED);
}

void mover_free(struct mover *m)
{
    free(m);
}
