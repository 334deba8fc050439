/* SPDX-License-Identifier: Apache-2.0
 *
 * filter: what all filters share.  A filter sees each call as a value, and hands it on by
 * filter_pass as often as it likes, with sinks and sources of its own between.
 */
#pragma once
#include "ufs/ufs.h"

enum filter_call {
    CALL_STAT, CALL_LIST, CALL_READ, CALL_WRITE, CALL_REMOVE, CALL_REMOVE_MANY, CALL_MKDIR,
    CALL_RMDIR, CALL_RENAME, CALL_COPY, CALL_SET_ATTR, CALL_SPACE, CALL_COUNT
};

/* Arguments of one call; those it does not have are 0. */
struct filter_op {
    enum filter_call call;
    const struct ufs_call *c;
    const char *key, *to, *after, *etag, *owner, *group;
    bool recursive, if_absent;
    uint64_t off, len;
    unsigned mode;
    const unsigned *mode_set;
    const char *const *keys;
    size_t key_count;
    struct sink *sink;
    struct source *source;
    ufs_list_fn each;
    void *arg;
    struct ufs_stat *stat;
    struct ufs_space *space;
};

struct filter {
    struct ufs ufs;
    int (*around)(struct filter *f, const struct filter_op *op, struct err *err);
    void (*close)(struct filter *f); /* frees it */
};

const char *filter_call_name(enum filter_call call); /* "stat", "remove_many" */
int filter_pass(struct ufs *next, const struct filter_op *op, struct err *err) must_use;

/* The callbacks of a filter's driver table. */
#define FILTER_CALLBACKS                                                                           \
    .close = filter_close, .capabilities = filter_capabilities, .stat = filter_stat,               \
    .list = filter_list, .read = filter_read, .write = filter_write, .remove = filter_remove,      \
    .remove_many = filter_remove_many, .mkdir = filter_mkdir, .rmdir = filter_rmdir,               \
    .rename = filter_rename, .copy = filter_copy, .set_attr = filter_set_attr,                     \
    .space = filter_space
void filter_close(struct ufs *u);
unsigned filter_capabilities(const struct ufs *u);
int filter_stat(struct ufs *u, const struct ufs_call *c, const char *key, struct ufs_stat *ret, struct err *err);
int filter_list(struct ufs *u, const struct ufs_call *c, const char *key, bool recursive, const char *after,
                ufs_list_fn each, void *arg, struct err *err);
int filter_read(struct ufs *u, const struct ufs_call *c, const char *key, uint64_t off, uint64_t len,
                const char *etag, struct sink *to, struct err *err);
int filter_write(struct ufs *u, const struct ufs_call *c, const char *key, struct source *from, bool if_absent,
                 struct ufs_stat *ret, struct err *err);
int filter_remove(struct ufs *u, const struct ufs_call *c, const char *key, struct err *err);
int filter_remove_many(struct ufs *u, const struct ufs_call *c, const char *const *keys, size_t n, struct err *err);
int filter_mkdir(struct ufs *u, const struct ufs_call *c, const char *key, unsigned mode, struct err *err);
int filter_rmdir(struct ufs *u, const struct ufs_call *c, const char *key, struct err *err);
int filter_rename(struct ufs *u, const struct ufs_call *c, const char *from, const char *to, struct err *err);
int filter_copy(struct ufs *u, const struct ufs_call *c, const char *from, const char *to, struct err *err);
int filter_set_attr(struct ufs *u, const struct ufs_call *c, const char *key, const unsigned *mode,
                    const char *owner, const char *group, struct err *err);
int filter_space(struct ufs *u, const struct ufs_call *c, struct ufs_space *ret, struct err *err);
