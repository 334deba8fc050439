/* SPDX-License-Identifier: Apache-2.0
 *
 * fs: the filesystem service: what every front end calls.  It joins the namespace (meta_api) with
 * the bytes (data_api): whole reads, whole writes, copies, loads.  What concerns one side only is called through
 * that side's table, which fs hands out.  Knows no protocol, no process, no store.
 * Threads: any.  Everything blocks at most until call->deadline_ms.
 */
#pragma once
#include "api/admin_api.h"
#include "api/data_api.h"
#include "api/identity_api.h"
#include "api/meta_api.h"
#include "api/mount_api.h"

struct fs_parts { /* all outlive the service */
    const struct meta_api *meta;
    const struct data_api *data;
    const struct mount_api *mounts;
    const struct identity_api *identity;
    const struct admin_api *admin;
};
struct fs;
struct fs *fs_new(const struct fs_parts *parts);
void fs_free(struct fs *fs);

const struct meta_api *fs_meta(const struct fs *fs);
const struct data_api *fs_data(const struct fs *fs);
const struct mount_api *fs_mounts(const struct fs *fs);
const struct identity_api *fs_identity(const struct fs *fs);
const struct admin_api *fs_admin(const struct fs *fs);

/* Chooses what is read once the file is known: fills *off and *len.  Called again when the content changed before
 * the first byte left. A negative answer ends the read with it. */
typedef int (*fs_range_fn)(void *arg, const struct read_plan *plan, uint64_t *off, uint64_t *len, struct err *err);
/* `type` 0: the path's default.  ERR_NOT_FOUND, ERR_IS_DIRECTORY, ERR_INCOMPLETE. */
int fs_read(struct fs *fs, const struct call *call, const char *path, const struct read_options *o, enum read_type type,
            fs_range_fn range, void *arg, struct sink *to, struct err *err) must_use;

/* The whole source becomes the file, or nothing happens. */
int fs_write(struct fs *fs, const struct call *call, const char *path, const struct create_options *o,
             struct source *from, struct err *err) must_use;

struct copy_options {
    bool overwrite, is_recursive;
    enum write_type write_type; /* 0: default */
};
/* A file, or with is_recursive a tree into `to` (which then must not exist). result->effects count files and bytes. */
int fs_copy(struct fs *fs, const struct call *call, const char *from, const char *to, const struct copy_options *o,
            struct err *err) must_use;
/* Brings a file or tree into the cache. result->effects count files and bytes. */
int fs_load(struct fs *fs, const struct call *call, const char *path, bool is_recursive, struct err *err) must_use;
/* What of one file is cached; zeros for anything but a file. */
void fs_cached(struct fs *fs, const struct inode *inode, struct content_cached *ret);
