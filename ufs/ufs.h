/* SPDX-License-Identifier: Apache-2.0
 *
 * ufs: what an under-store is: a struct of callbacks.  Required: open, close, stat, list, read;
 * the others may be NULL and are then emulated once, in ufs.c (ufs_* functions below), or answer
 * ERR_NOT_SUPPORTED.  Filters (retry, statistics, limit, fault) are drivers with a `next`.
 *
 * Keys: relative to the mount's root, without leading slash, bytes as the store knows them.  "" is the
 * root.  A directory's key has no trailing slash here; a driver adds what its store wants.
 * Every call takes a struct ufs_call with a total deadline that the driver must keep (the socket is
 * closed when it passes).  Threads: any number may call any callback of an open store at once.
 */
#pragma once
#include "base/buf.h"
#include "base/slice.h"

struct ufs;
struct ufs_option;
struct ufs_properties;

struct ufs_call {
    int64_t deadline_ms;    /* monotonic */
    const char *request_id; /* for the store's log where it takes one; may be NULL */
};

enum ufs_type { UFS_FILE = 1, UFS_DIRECTORY, UFS_SYMLINK, UFS_OTHER };

struct ufs_stat {
    enum ufs_type type;
    uint64_t length;
    int64_t mtime_ms;
    unsigned mode;        /* permission bits; 0 when the store has none */
    char owner[64], group[64]; /* "" when the store has none */
    char etag[72];        /* content fingerprint without quotes: ETag, or "mtime_ns-size-ino" for files; "" unknown */
};

/* What a store does by itself. */
enum ufs_capability {
    UFS_CAP_ATOMIC_RENAME = 1 << 0,   /* of a file */
    UFS_CAP_DIR_RENAME = 1 << 1,      /* of a directory, atomically */
    UFS_CAP_DIRECTORIES = 1 << 2,     /* directories exist by themselves */
    UFS_CAP_ATTRIBUTES = 1 << 3,      /* mode, owner, group */
    UFS_CAP_CREATE_ATOMIC = 1 << 4,   /* a written object appears whole at close */
    UFS_CAP_PARALLEL_RANGES = 1 << 5, /* several ranges of one object at once pay off */
    UFS_CAP_READ_ONLY = 1 << 6,
    UFS_CAP_BATCH_REMOVE = 1 << 7,
    UFS_CAP_CONDITIONAL_CREATE = 1 << 8,
    UFS_CAP_NETWORK = 1 << 9,         /* reached by name over a network */
    UFS_CAP_TLS = 1 << 10,            /* over TLS */
    UFS_CAP_SORTED = 1 << 11,         /* names of a listing come in byte order; else a directory stands as if it ended in '/' */
    UFS_CAP_SAME_HOST = 1 << 12,      /* over a network that is this machine; learned from the first answer */
};

/* A listing is pushed page by page; return non-zero to stop (that value is returned). Names are relative to the
 * listed directory: one component, or with `recursive` a path.  A directory comes before what is in it.  To go on
 * behind a directory, `after` is its name with a slash. */
typedef int (*ufs_list_fn)(void *arg, const char *name, const struct ufs_stat *st, struct err *err);

struct ufs_space {
    int64_t total_bytes, used_bytes; /* -1 unknown */
};

/* An upload in parts whose object appears at commit. */
struct ufs_writer;

struct ufs_driver {
    const char *name;    /* "file", "s3" */
    const char *schemes; /* "file|" ; separated by |, an empty one is a plain path */
    const char *label;   /* for people */
    const struct ufs_option *options; /* ends with a NULL name */

    /* `uri` was given by a person: check it, reach nothing. Owned by the caller: ufs_close. */
    int (*open)(const char *uri, const struct ufs_properties *props, struct ufs **ret, struct err *err);
    void (*close)(struct ufs *u);
    unsigned (*capabilities)(const struct ufs *u);
    /* ERR_NOT_FOUND */
    int (*stat)(struct ufs *u, const struct ufs_call *c, const char *key, struct ufs_stat *ret, struct err *err);
    /* Children of a directory in byte order of names (UFS_CAP_SORTED) or of keys; `after` (may be NULL) starts behind a name.
     * ERR_NOT_FOUND when there is no such directory, ERR_NOT_DIRECTORY for a file. */
    int (*list)(struct ufs *u, const struct ufs_call *c, const char *key, bool recursive, const char *after,
                ufs_list_fn each, void *arg, struct err *err);
    /* Pushes bytes [off, off+len) into the sink; fewer only at the end of the object. With `etag` not NULL and the object
     * changed: ERR_PRECONDITION_FAILED before any byte was pushed (drivers without conditions stat first). */
    int (*read)(struct ufs *u, const struct ufs_call *c, const char *key, uint64_t off, uint64_t len,
                const char *etag, struct sink *to, struct err *err);

    /* Optional from here. Writes the whole source; the object appears whole or not at all; parents are made. `ret` (may be NULL) is the
     * new status. `if_absent`: ERR_ALREADY_EXISTS when there is one. */
    int (*write)(struct ufs *u, const struct ufs_call *c, const char *key, struct source *from, bool if_absent,
                 struct ufs_stat *ret, struct err *err);
    int (*remove)(struct ufs *u, const struct ufs_call *c, const char *key, struct err *err);  /* a file; absent is success */
    /* Many files below; failures are reported in the text; absent is success. */
    int (*remove_many)(struct ufs *u, const struct ufs_call *c, const char *const *keys, size_t n, struct err *err);
    int (*mkdir)(struct ufs *u, const struct ufs_call *c, const char *key, unsigned mode, struct err *err); /* with parents; there already is success */
    int (*rmdir)(struct ufs *u, const struct ufs_call *c, const char *key, struct err *err); /* empty only: ERR_NOT_EMPTY; absent is success */
    /* A file, or a directory with UFS_CAP_DIR_RENAME; the target's parents are made; an existing target file is replaced. Repeating a
     * finished rename (source absent, target there) is success. */
    int (*rename)(struct ufs *u, const struct ufs_call *c, const char *from, const char *to, struct err *err);
    int (*copy)(struct ufs *u, const struct ufs_call *c, const char *from, const char *to, struct err *err); /* server side */
    int (*set_attr)(struct ufs *u, const struct ufs_call *c, const char *key, const unsigned *mode, const char *owner,
                    const char *group, struct err *err); /* NULL: leave */
    int (*space)(struct ufs *u, const struct ufs_call *c, struct ufs_space *ret, struct err *err);
};

/* Each driver embeds this first in its own struct. */
struct ufs {
    const struct ufs_driver *driver;
    struct ufs *next; /* of a filter */
};

/* Options a person may give at mount, for forms, checks and masking. */
struct ufs_option {
    const char *name;    /* "s3a.secretKey", as in the field's documentation with isthmus. for alluxio. */
    const char *type;    /* text secret int size duration bool choice file */
    const char *value;   /* default or NULL */
    const char *choices; /* a|b|c or NULL */
    const char *help;
    bool is_required;
};
struct ufs_properties {
    size_t count;
    struct ufs_item {
        const char *name, *value;
    } const *items;
};
const char *ufs_property(const struct ufs_properties *p, const char *name, const char *otherwise);

const struct ufs_driver *ufs_driver_for(const char *uri);     /* NULL when no driver knows the scheme */
const struct ufs_driver *ufs_driver_at(size_t i);             /* NULL at the end */
/* Opens the driver for `uri` and stacks the standard filters (statistics, limit, retry; fault when asked for by
 * property "isthmus.test.fault"). Unknown or malformed options: ERR_INVALID_ARGUMENT with err_field. Reaches nothing. */
int ufs_open(const char *uri, const struct ufs_properties *props, struct ufs **ret, struct err *err) must_use;
void ufs_close(struct ufs *u); /* accepts NULL */

/* One step of a live test: resolve, tls, sign_in, list, read, write. Runs all, stops at the first failure, at most until the deadline.
 * A test that was killed may leave a key with this prefix in the top folder: it is nobody's file. */
#define UFS_TEST_PREFIX ".isthmus-test-"
struct ufs_test_step {
    const char *name;
    const char *state; /* "ok", "failed", "skipped" */
    int64_t ms;
    struct err err; /* of a failed one */
};
size_t ufs_test(struct ufs *u, const struct ufs_call *c, bool read_only, struct ufs_test_step *ret, size_t max);

/* The callbacks with what is missing emulated: rename as copy+remove, copy as read+write, remove_many as removes, mkdir as nothing … */
unsigned ufs_capabilities(const struct ufs *u);
int ufs_stat(struct ufs *u, const struct ufs_call *c, const char *key, struct ufs_stat *ret, struct err *err) must_use;
int ufs_list(struct ufs *u, const struct ufs_call *c, const char *key, bool recursive, const char *after,
             ufs_list_fn each, void *arg, struct err *err) must_use;
int ufs_read(struct ufs *u, const struct ufs_call *c, const char *key, uint64_t off, uint64_t len, const char *etag,
             struct sink *to, struct err *err) must_use;
int ufs_write(struct ufs *u, const struct ufs_call *c, const char *key, struct source *from, bool if_absent,
              struct ufs_stat *ret, struct err *err) must_use;
int ufs_remove(struct ufs *u, const struct ufs_call *c, const char *key, struct err *err) must_use;
int ufs_remove_many(struct ufs *u, const struct ufs_call *c, const char *const *keys, size_t n, struct err *err) must_use;
int ufs_mkdir(struct ufs *u, const struct ufs_call *c, const char *key, unsigned mode, struct err *err) must_use;
int ufs_rmdir(struct ufs *u, const struct ufs_call *c, const char *key, struct err *err) must_use;
int ufs_rename(struct ufs *u, const struct ufs_call *c, const char *from, const char *to, struct err *err) must_use;
int ufs_copy(struct ufs *u, const struct ufs_call *c, const char *from, const char *to, struct err *err) must_use;
int ufs_set_attr(struct ufs *u, const struct ufs_call *c, const char *key, const unsigned *mode, const char *owner,
                 const char *group, struct err *err) must_use;
int ufs_space(struct ufs *u, const struct ufs_call *c, struct ufs_space *ret, struct err *err) must_use;
/* Statistics of the stack, for metrics and the mounts page. */
struct ufs_stats {
    uint64_t calls, errors, bytes_read, bytes_written, ranges_read;
    int64_t last_error_ms; /* wall clock; 0 none */
    char last_error[240];
};
void ufs_stats_get(const struct ufs *u, struct ufs_stats *ret);
