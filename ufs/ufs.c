/* SPDX-License-Identifier: Apache-2.0
 *
 * ufs: the calls that the layers above make.  Each goes to the driver's callback, or does by other
 * callbacks what the driver leaves out.  Which driver serves an address is registry.c's matter,
 * the live test is probe.c's.  Threads: any.
 */
#include "ufs/ufs.h"

#include "base/clock.h"
#include "base/mem.h"
#include "ufs/copy.h"
#include "ufs/filters/stats.h"

#include <string.h>

void ufs_close(struct ufs *u)
{
    while (u) {
        struct ufs *next = u->next;
        u->driver->close(u);
        u = next;
    }
}

unsigned ufs_capabilities(const struct ufs *u)
{
    return u->driver->capabilities ? u->driver->capabilities(u) : 0;
}

void ufs_stats_get(const struct ufs *u, struct ufs_stats *ret)
{
    *ret = (struct ufs_stats){0};
    while (u && !stats_get(u, ret))
        u = u->next;
}

static int in_time(const struct ufs_call *c, const char *what, const char *key, struct err *err)
{
    if (clock_is_past(c->deadline_ms))
        return err_set(err, ERR_TIMEOUT, "no time was left to %s '/%s'", what, key);
    return 0;
}

static int cannot(const struct ufs *u, const char *what, struct err *err)
{
    return err_set(err, ERR_NOT_SUPPORTED, "a store of type %s cannot %s", u->driver->name, what);
}

int ufs_stat(struct ufs *u, const struct ufs_call *c, const char *key, struct ufs_stat *ret,
             struct err *err)
{
    TRY(in_time(c, "look at", key, err));
    return u->driver->stat(u, c, key, ret, err);
}

int ufs_list(struct ufs *u, const struct ufs_call *c, const char *key, bool recursive,
             const char *after, ufs_list_fn each, void *arg, struct err *err)
{
    TRY(in_time(c, "list", key, err));
    return u->driver->list(u, c, key, recursive, after, each, arg, err);
}

int ufs_read(struct ufs *u, const struct ufs_call *c, const char *key, uint64_t off, uint64_t len,
             const char *etag, struct sink *to, struct err *err)
{
    TRY(in_time(c, "read", key, err));
    return u->driver->read(u, c, key, off, len, etag, to, err);
}

int ufs_write(struct ufs *u, const struct ufs_call *c, const char *key, struct source *from,
              bool if_absent, struct ufs_stat *ret, struct err *err)
{
    TRY(in_time(c, "write", key, err));
    if (!u->driver->write)
        return cannot(u, "write", err);
    return u->driver->write(u, c, key, from, if_absent, ret, err);
}

int ufs_remove(struct ufs *u, const struct ufs_call *c, const char *key, struct err *err)
{
    TRY(in_time(c, "remove", key, err));
    if (!u->driver->remove)
        return cannot(u, "remove", err);
    return u->driver->remove(u, c, key, err);
}

static int remove_each(struct ufs *u, const struct ufs_call *c, const char *const *keys, size_t n,
                       struct err *err)
{
    struct err first = {0}, one = {0};
    size_t failed = 0;
    for (size_t i = 0; i < n; i++)
        if (ufs_remove(u, c, keys[i], &one) < 0 && failed++ == 0)
            first = one;
    if (failed)
        return err_set(err, first.code, "%zu of %zu files were not removed: %s", failed, n,
                       first.text);
    return 0;
}

int ufs_remove_many(struct ufs *u, const struct ufs_call *c, const char *const *keys, size_t n,
                    struct err *err)
{
    if (n == 0)
        return 0;
    TRY(in_time(c, "remove", keys[0], err));
    if (!u->driver->remove_many)
        return remove_each(u, c, keys, n, err);
    return u->driver->remove_many(u, c, keys, n, err);
}

int ufs_mkdir(struct ufs *u, const struct ufs_call *c, const char *key, unsigned mode,
              struct err *err)
{
    TRY(in_time(c, "make", key, err));
    return u->driver->mkdir ? u->driver->mkdir(u, c, key, mode, err) : 0;
}

static int stop_at_first(void *arg, const char *name, const struct ufs_stat *st, struct err *err)
{
    (void)arg, (void)name, (void)st, (void)err;
    return 1;
}

/* Without directories of its own a store has none once nothing is below. */
static int rmdir_inferred(struct ufs *u, const struct ufs_call *c, const char *key, struct err *err)
{
    int rc = u->driver->list(u, c, key, false, NULL, stop_at_first, NULL, err);
    if (rc > 0)
        return err_set(err, ERR_NOT_EMPTY, "directory '/%s' is not empty", key);
    return rc == -ERR_NOT_FOUND ? 0 : rc;
}

int ufs_rmdir(struct ufs *u, const struct ufs_call *c, const char *key, struct err *err)
{
    TRY(in_time(c, "remove", key, err));
    if (!u->driver->rmdir)
        return rmdir_inferred(u, c, key, err);
    return u->driver->rmdir(u, c, key, err);
}

int ufs_rename(struct ufs *u, const struct ufs_call *c, const char *from, const char *to,
               struct err *err)
{
    TRY(in_time(c, "rename", from, err));
    if (u->driver->rename && (ufs_capabilities(u) & UFS_CAP_DIR_RENAME))
        return u->driver->rename(u, c, from, to, err);
    return copy_rename(u, c, from, to, err);
}

int ufs_copy(struct ufs *u, const struct ufs_call *c, const char *from, const char *to,
             struct err *err)
{
    TRY(in_time(c, "copy", from, err));
    if (!u->driver->copy)
        return copy_through(u, c, from, to, err);
    return u->driver->copy(u, c, from, to, err);
}

int ufs_set_attr(struct ufs *u, const struct ufs_call *c, const char *key, const unsigned *mode,
                 const char *owner, const char *group, struct err *err)
{
    TRY(in_time(c, "change", key, err));
    if (!u->driver->set_attr)
        return cannot(u, "keep owners and modes", err);
    return u->driver->set_attr(u, c, key, mode, owner, group, err);
}

int ufs_space(struct ufs *u, const struct ufs_call *c, struct ufs_space *ret, struct err *err)
{
    TRY(in_time(c, "measure", "", err));
    if (u->driver->space)
        return u->driver->space(u, c, ret, err);
    *ret = (struct ufs_space){.total_bytes = -1, .used_bytes = -1};
    return 0;
}
