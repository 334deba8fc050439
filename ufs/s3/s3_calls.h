/* SPDX-License-Identifier: Apache-2.0
 *
 * s3_calls: the driver's callbacks, by file: looking and reading, listing, writing, changing.
 */
#pragma once
#include "ufs/s3/request.h"

/* s3_read.c */
int s3_stat(struct ufs *u, const struct ufs_call *c, const char *key, struct ufs_stat *ret, struct err *err);
int s3_read(struct ufs *u, const struct ufs_call *c, const char *key, uint64_t off, uint64_t len, const char *etag,
            struct sink *to, struct err *err);
/* HEAD of a full key. ERR_NOT_FOUND. */
int s3_head(struct s3_store *s, const struct ufs_call *c, const char *full, struct ufs_stat *ret, struct err *err) must_use;

/* s3_list.c */
int s3_list(struct ufs *u, const struct ufs_call *c, const char *key, bool recursive, const char *after,
            ufs_list_fn each, void *arg, struct err *err);
/* Number of keys with this prefix, counted up to max (at most 1000), `except` (may be NULL) left out. */
int s3_list_count(struct s3_store *s, const struct ufs_call *c, const char *prefix, const char *except, unsigned max,
                  unsigned *ret, struct err *err) must_use;

/* s3_write.c */
int s3_write(struct ufs *u, const struct ufs_call *c, const char *key, struct source *from, bool if_absent,
             struct ufs_stat *ret, struct err *err);

/* multipart.c: an object made of parts. */
struct multipart {
    struct s3_store *store;
    const struct ufs_call *call;
    const char *full; /* key */
    char *id;         /* NULL until begun */
    struct buf parts; /* of the completing document */
    unsigned count;
};
int multipart_begin(struct multipart *m, struct err *err) must_use;
int multipart_put(struct multipart *m, const void *data, size_t len, struct err *err) must_use;
int multipart_copy(struct multipart *m, const char *source, const char *etag, uint64_t off, uint64_t len,
                   struct err *err) must_use;
int multipart_end(struct multipart *m, uint64_t length, struct ufs_stat *ret, struct err *err) must_use;
void multipart_done(struct multipart *m); /* aborts what has not ended */

/* s3_change.c */
int s3_remove(struct ufs *u, const struct ufs_call *c, const char *key, struct err *err);
int s3_remove_many(struct ufs *u, const struct ufs_call *c, const char *const *keys, size_t n, struct err *err);
int s3_mkdir(struct ufs *u, const struct ufs_call *c, const char *key, unsigned mode, struct err *err);
int s3_rmdir(struct ufs *u, const struct ufs_call *c, const char *key, struct err *err);
int s3_copy(struct ufs *u, const struct ufs_call *c, const char *from, const char *to, struct err *err);
