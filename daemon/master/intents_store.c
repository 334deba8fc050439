/* SPDX-License-Identifier: Apache-2.0
 *
 * intents_store: see the header.  A tree is removed in batches: list up to so many objects, remove them, list again, so that memory
 * stays small and an interrupted removal simply begins again.  Threads: any.
 */
#include "master/intents_store.h"

#include "base/clock.h"
#include "base/mem.h"

#include <string.h>

enum { BATCH = 1000 };

bool intents_store_is_final(int rc)
{
    switch ((enum err_code)-rc) {
    case ERR_NOT_FOUND: case ERR_ALREADY_EXISTS: case ERR_NOT_EMPTY: case ERR_IS_DIRECTORY: case ERR_NOT_DIRECTORY:
    case ERR_INVALID_ARGUMENT: case ERR_INVALID_PATH: case ERR_NAME_TOO_LONG: case ERR_PERMISSION_DENIED: case ERR_READ_ONLY:
    case ERR_NOT_SUPPORTED: case ERR_CROSS_MOUNT: case ERR_CONFLICT: case ERR_PRECONDITION_FAILED: case ERR_TOO_LARGE:
    case ERR_STORE_AUTH: case ERR_STORE_DENIED: case ERR_STORE_NO_BUCKET: case ERR_QUOTA:
        return true;
    default:
        return false;
    }
}

struct batch {
    const char *top;
    size_t files, directories;
    char *file[BATCH], *directory[BATCH];
};

static int collect(void *arg, const char *name, const struct ufs_stat *st, struct err *err)
{
    struct batch *b = arg;
    (void)err;
    char *key = b->top[0] ? xasprintf("%s/%s", b->top, name) : xstrdup(name);
    if (st->type == UFS_DIRECTORY)
        b->directory[b->directories++] = key;
    else
        b->file[b->files++] = key;
    return b->files == BATCH || b->directories == BATCH; /* 1 stops the listing */
}

static void batch_free(struct batch *b)
{
    for (size_t i = 0; i < b->files; i++)
        free(b->file[i]);
    for (size_t i = 0; i < b->directories; i++)
        free(b->directory[i]);
    free(b);
}

/* 1: something went. */
static int remove_batch(struct ufs *u, const struct ufs_call *c, struct batch *b, struct err *err)
{
    int went = b->files ? 1 : 0;
    if (b->files)
        TRY(ufs_remove_many(u, c, (const char *const *)b->file, b->files, err));
    for (size_t i = b->directories; i-- > 0;) { /* a directory is listed before what is in it */
        int rc = ufs_rmdir(u, c, b->directory[i], err);
        if (rc < 0 && rc != -ERR_NOT_EMPTY)
            return rc;
        went |= rc == 0;
    }
    return went;
}

/* 1: something went, go on. 0: nothing is left but what no path can name ("a//b"). */
static int remove_some(struct ufs *u, const struct ufs_call *c, const char *key, struct err *err)
{
    struct batch *b = xnew(struct batch);
    b->top = key;
    int rc = ufs_list(u, c, key, true, NULL, collect, b, err);
    if (rc == -ERR_NOT_FOUND)
        rc = 0;
    else if (rc >= 0)
        rc = b->files + b->directories ? 1 : 0;
    if (rc > 0)
        rc = remove_batch(u, c, b, err);
    batch_free(b);
    return rc;
}

static int remove_tree(struct mounts *m, const struct call *call, struct ufs *u, const char *key, struct err *err)
{
    int rc;
    do {
        struct ufs_call c = mounts_call(m, call);
        rc = remove_some(u, &c, key, err);
    } while (rc > 0);
    TRY(rc);
    struct ufs_call c = mounts_call(m, call);
    rc = key[0] ? ufs_rmdir(u, &c, key, err) : 0;
    if (rc == -ERR_NOT_EMPTY)
        return err_set(err, ERR_NOT_EMPTY, "the store keeps names below '%.150s' that no path can have, or others write there; all else is removed", key);
    return rc == -ERR_NOT_FOUND ? 0 : rc;
}

static int do_with(struct mounts *m, const struct call *call, struct ufs *u, const struct intent *i, struct err *err)
{
    struct ufs_call c = mounts_call(m, call);
    if (i->kind == INTENT_MKDIR)
        return ufs_mkdir(u, &c, i->key, i->mode, err);
    if (i->kind == INTENT_RENAME) {
        c.deadline_ms = call->deadline_ms; /* may copy a large object */
        return ufs_rename(u, &c, i->key, i->target, err);
    }
    return i->is_directory ? remove_tree(m, call, u, i->key, err) : ufs_remove(u, &c, i->key, err);
}

int intents_store_do(struct mounts *m, const struct call *call, const struct intent *i, struct err *err)
{
    struct mount_use u = {0};
    if (i->kind != INTENT_MKDIR && i->kind != INTENT_RENAME && i->kind != INTENT_REMOVE)
        return 0;
    int rc = mounts_store_get(m, i->mount, true, &u, err);
    if (rc == -ERR_NOT_FOUND)
        return 0; /* unmounted meanwhile: nothing is left to do */
    TRY(rc);
    rc = do_with(m, call, u.ufs, i, err);
    mounts_store_put(m, &u);
    return rc;
}
