/* SPDX-License-Identifier: Apache-2.0
 *
 * op_xattr: extended attributes: side attributes "x.NAME".  The content type given at creation reads as
 * "isthmus.content_type" and is changed under that name too.  Threads: any.
 */
#include "master/op.h"

#include <stdio.h>
#include <string.h>

#define XATTR_NAME_MAX 255
#define XATTR_VALUE_MAX (32u << 10) /* one has to fit an entry of the journal with all else */
#define XATTR_COUNT_MAX 64
#define CONTENT_TYPE "isthmus.content_type"

static int side_name(const char *name, char to[XATTR_NAME_MAX + 8], struct err *err)
{
    size_t len = strlen(name);
    if (!len || len > XATTR_NAME_MAX)
        return err_set(err, ERR_INVALID_ARGUMENT, "the name of an extended attribute has 1 to %d bytes, not %zu", XATTR_NAME_MAX, len);
    if (!strcmp(name, CONTENT_TYPE))
        snprintf(to, XATTR_NAME_MAX + 8, "content_type");
    else
        snprintf(to, XATTR_NAME_MAX + 8, "x.%s", name);
    return 0;
}

int op_get_xattr(void *impl, const struct call *call, const char *path, const char *name, struct buf *ret, struct err *err)
{
    struct master *m = impl;
    char side[XATTR_NAME_MAX + 8];
    AUTO(place) p = {0};
    TRY(side_name(name, side, err));
    TRY(op_open(m, call, path, NULL, &p, NULL, err));
    TRY(ops_check_last(m, call, &p, ACCESS_READ, err));
    struct err why;
    int rc = meta_attr(m->meta, p.walk.last.ino, side, ret, &why);
    if (rc == -ERR_NOT_FOUND)
        return err_set(err, ERR_NOT_FOUND, "%.120s has no extended attribute '%.80s'", p.path, name);
    return rc ? err_set(err, why.code, "%s", why.text) : 0;
}

struct giving {
    int (*each)(void *arg, const char *name, const void *value, size_t len);
    void *arg;
};

static int give(void *arg, const char *name, const void *value, size_t len)
{
    struct giving *g = arg;
    return g->each(g->arg, !strcmp(name, "content_type") ? CONTENT_TYPE : name + 2, value, len);
}

int op_list_xattr(void *impl, const struct call *call, const char *path,
                  int (*each)(void *arg, const char *name, const void *value, size_t len), void *arg, struct err *err)
{
    struct master *m = impl;
    struct giving g = {each, arg};
    AUTO(place) p = {0};
    TRY(op_open(m, call, path, NULL, &p, NULL, err));
    TRY(ops_check_last(m, call, &p, ACCESS_READ, err));
    int rc = meta_attrs(m->meta, p.walk.last.ino, "content_type", give, &g, err);
    return rc ? rc : meta_attrs(m->meta, p.walk.last.ino, "x.", give, &g, err);
}

static int count_one(void *arg, const char *name, const void *value, size_t len)
{
    (void)name;
    (void)value;
    (void)len;
    ++*(size_t *)arg;
    return 0;
}

static int put_one(const struct inode *i, const struct xattr_change *x, struct entry *e, struct err *err)
{
    char side[XATTR_NAME_MAX + 8];
    TRY(side_name(x->name, side, err));
    if (x->len > XATTR_VALUE_MAX)
        return err_set(err, ERR_TOO_LARGE, "the value of an extended attribute has at most %u bytes, not %zu", XATTR_VALUE_MAX, x->len);
    if (x->value)
        entry_put_attr(e, i->ino, side, x->value, x->len);
    else
        entry_remove_attr(e, i->ino, side);
    return 0;
}

int op_put_xattrs(struct master *m, const struct inode *i, const struct attr_change *c, struct entry *e, struct err *err)
{
    size_t n = 0, puts = 0, bytes = 0;
    if (i->flags & INODE_HAS_XATTR)
        TRY(meta_attrs(m->meta, i->ino, "x.", count_one, &n, err));
    for (size_t k = 0; k < c->xattr_count; k++) {
        TRY(put_one(i, &c->xattrs[k], e, err));
        puts += c->xattrs[k].value != NULL;
        bytes += c->xattrs[k].len;
    }
    if (n + puts > XATTR_COUNT_MAX)
        return err_set(err, ERR_TOO_LARGE, "an inode has at most %d extended attributes", XATTR_COUNT_MAX);
    if (bytes > XATTR_VALUE_MAX)
        return err_set(err, ERR_TOO_LARGE, "extended attributes of one change have at most %u bytes together", XATTR_VALUE_MAX);
    struct inode value = {.flags = INODE_HAS_XATTR};
    if (puts && !(i->flags & INODE_HAS_XATTR)) /* stays when all are removed: it only says that a look is worth it */
        entry_set_inode(e, i->ino, FIELD_FLAGS_SET, &value, 0);
    return 0;
}
