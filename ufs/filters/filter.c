/* SPDX-License-Identifier: Apache-2.0
 *
 * filter: callbacks of a driver that make one value of each call, give it to the filter's `around`,
 * and the way back from the value to a call of the next store.  What the store below lacks is
 * emulated below: a filter sees one rename, not its copies.  Threads: any.
 */
#include "ufs/filters/filter.h"

const char *filter_call_name(enum filter_call call)
{
    static const char *const names[CALL_COUNT] = {
        [CALL_STAT] = "stat",     [CALL_LIST] = "list",
        [CALL_READ] = "read",     [CALL_WRITE] = "write",
        [CALL_REMOVE] = "remove", [CALL_REMOVE_MANY] = "remove_many",
        [CALL_MKDIR] = "mkdir",   [CALL_RMDIR] = "rmdir",
        [CALL_RENAME] = "rename", [CALL_COPY] = "copy",
        [CALL_SPACE] = "space",   [CALL_SET_ATTR] = "set_attr",
    };
    return names[call];
}

int filter_pass(struct ufs *next, const struct filter_op *o, struct err *err)
{
    switch (o->call) {
    case CALL_STAT:
        return ufs_stat(next, o->c, o->key, o->stat, err);
    case CALL_LIST:
        return ufs_list(next, o->c, o->key, o->recursive, o->after, o->each, o->arg, err);
    case CALL_READ:
        return ufs_read(next, o->c, o->key, o->off, o->len, o->etag, o->sink, err);
    case CALL_WRITE:
        return ufs_write(next, o->c, o->key, o->source, o->if_absent, o->stat, err);
    case CALL_REMOVE:
        return ufs_remove(next, o->c, o->key, err);
    case CALL_REMOVE_MANY:
        return ufs_remove_many(next, o->c, o->keys, o->key_count, err);
    case CALL_MKDIR:
        return ufs_mkdir(next, o->c, o->key, o->mode, err);
    case CALL_RMDIR:
        return ufs_rmdir(next, o->c, o->key, err);
    case CALL_RENAME:
        return ufs_rename(next, o->c, o->key, o->to, err);
    case CALL_COPY:
        return ufs_copy(next, o->c, o->key, o->to, err);
    case CALL_SET_ATTR:
        return ufs_set_attr(next, o->c, o->key, o->mode_set, o->owner, o->group, err);
    case CALL_SPACE:
        return ufs_space(next, o->c, o->space, err);
    case CALL_COUNT:
        break;
    }
    return err_set(err, ERR_INTERNAL, "no such call of a store: %d", (int)o->call);
}

static int around(struct ufs *u, const struct filter_op *op, struct err *err)
{
    struct filter *f = (struct filter *)u;
    return f->around(f, op, err);
}

void filter_close(struct ufs *u)
{
    struct filter *f = (struct filter *)u;
    f->close(f);
}

unsigned filter_capabilities(const struct ufs *u)
{
    return ufs_capabilities(u->next);
}

int filter_stat(struct ufs *u, const struct ufs_call *c, const char *key, struct ufs_stat *ret,
                struct err *err)
{
    return around(u, &(struct filter_op){.call = CALL_STAT, .c = c, .key = key, .stat = ret}, err);
}

int filter_list(struct ufs *u, const struct ufs_call *c, const char *key, bool recursive,
                const char *after, ufs_list_fn each, void *arg, struct err *err)
{
    struct filter_op op = {.call = CALL_LIST, .c = c, .key = key, .recursive = recursive,
                           .after = after, .each = each, .arg = arg};
    return around(u, &op, err);
}

int filter_read(struct ufs *u, const struct ufs_call *c, const char *key, uint64_t off,
                uint64_t len, const char *etag, struct sink *to, struct err *err)
{
    struct filter_op op = {.call = CALL_READ, .c = c, .key = key, .off = off,
                           .len = len, .etag = etag, .sink = to};
    return around(u, &op, err);
}

int filter_write(struct ufs *u, const struct ufs_call *c, const char *key, struct source *from,
                 bool if_absent, struct ufs_stat *ret, struct err *err)
{
    struct filter_op op = {.call = CALL_WRITE, .c = c, .key = key, .source = from,
                           .if_absent = if_absent, .stat = ret};
    return around(u, &op, err);
}

int filter_remove(struct ufs *u, const struct ufs_call *c, const char *key, struct err *err)
{
    return around(u, &(struct filter_op){.call = CALL_REMOVE, .c = c, .key = key}, err);
}

int filter_remove_many(struct ufs *u, const struct ufs_call *c, const char *const *keys, size_t n,
                       struct err *err)
{
    struct filter_op op = {.call = CALL_REMOVE_MANY, .c = c, .key = n ? keys[0] : "",
                           .keys = keys, .key_count = n};
    return around(u, &op, err);
}

int filter_mkdir(struct ufs *u, const struct ufs_call *c, const char *key, unsigned mode,
                 struct err *err)
{
    return around(u, &(struct filter_op){.call = CALL_MKDIR, .c = c, .key = key, .mode = mode}, err);
}

int filter_rmdir(struct ufs *u, const struct ufs_call *c, const char *key, struct err *err)
{
    return around(u, &(struct filter_op){.call = CALL_RMDIR, .c = c, .key = key}, err);
}

int filter_rename(struct ufs *u, const struct ufs_call *c, const char *from, const char *to,
                  struct err *err)
{
    return around(u, &(struct filter_op){.call = CALL_RENAME, .c = c, .key = from, .to = to}, err);
}

int filter_copy(struct ufs *u, const struct ufs_call *c, const char *from, const char *to,
                struct err *err)
{
    return around(u, &(struct filter_op){.call = CALL_COPY, .c = c, .key = from, .to = to}, err);
}

int filter_set_attr(struct ufs *u, const struct ufs_call *c, const char *key, const unsigned *mode,
                    const char *owner, const char *group, struct err *err)
{
    struct filter_op op = {.call = CALL_SET_ATTR, .c = c, .key = key, .mode_set = mode,
                           .owner = owner, .group = group};
    return around(u, &op, err);
}

int filter_space(struct ufs *u, const struct ufs_call *c, struct ufs_space *ret, struct err *err)
{
    return around(u, &(struct filter_op){.call = CALL_SPACE, .c = c, .key = "", .space = ret}, err);
}
