/* SPDX-License-Identifier: Apache-2.0
 *
 * meta_api: the hinge between the file service and the namespace.  master/ fills this table for
 * this process; a remote one is filled by rpc/ later.  Paths are absolute, '/'-separated UTF-8,
 * already checked by path.h's rules again inside.  Every function checks permission for call->who,
 * waits at most until call->deadline_ms, and for changes fills call->result.
 */
#pragma once
#include "api/inode.h"
#include "base/buf.h"

/* What one entry of the namespace looks like from outside. */
struct file_info {
    struct inode inode;
    const char *path; /* absolute; valid as long as the struct's owner says */
    const char *name; /* last component, "" for the root */
    const char *owner, *group; /* names; valid for the life of the process */
    mount_id mount;
    const char *ufs_path; /* URI in the store; "" when it was not asked for */
    bool is_pinned;       /* itself or by a directory above */
    int64_t verified_ms;  /* when it was last compared with the store; 0 never since start */
};

enum load_type { LOAD_DEFAULT, LOAD_NEVER, LOAD_ONCE, LOAD_ALWAYS };
struct read_options {
    enum load_type load;
    int64_t sync_interval_ms; /* -2: the mount's; -1 never; 0 always; else the age allowed */
    bool want_ufs_path;
    unsigned access;          /* rwx bits that the caller needs on the inode itself; 0: none */
};

struct list_options {
    struct read_options read;
    const char *after; /* name (or, recursive, path relative to the directory) behind which to start; NULL: the beginning */
    int64_t position;  /* >= 0: start at this position in name order instead (not recursive) */
    size_t limit;      /* entries at most, 0: no limit */
    const char *prefix; /* names must start with it; NULL any */
    bool is_recursive; /* depth first in name order */
};
/* Return non-zero to stop (that value comes back). The info is valid for the call. Called without locks held. */
typedef int (*list_fn)(void *arg, const struct file_info *info, struct err *err);

struct list_result {
    uint64_t total;       /* children of the directory, as of as_of_index */
    uint64_t as_of_index;
    int64_t verified_ms;
    bool is_checking;     /* a comparison with the store runs beside the answer */
    bool has_more;
};

struct mkdir_options {
    bool is_recursive; /* make parents */
    bool allow_exists;
    int mode;          /* -1: 0777 & ~umask */
    bool write_through; /* make it in the store too (CACHE_THROUGH, THROUGH) */
    int64_t ttl_ms;
    enum ttl_action ttl_action;
};

struct create_options {
    bool is_recursive, overwrite;
    int mode;                    /* -1: 0666 & ~umask */
    uint64_t block_size;         /* 0: default for the path */
    enum write_type write_type;  /* 0: default for the path */
    int64_t ttl_ms;              /* -2: default for the path, -1: none */
    enum ttl_action ttl_action;
    uint32_t replication_min;
    int32_t replication_max;
    const char *content_type;    /* NULL none; kept as side attribute */
    const char *if_match;        /* tag of the file that is to be replaced, as file_info_tag() makes it; NULL: none */
    bool if_none_match;          /* must not exist */
    int64_t mtime_ms;            /* 0: now */
};

/* Where bytes go or come from, as the data side needs it. Borrowed strings live in the plan. */
struct content_ref {
    inode_id ino;
    content_id cid;
    uint64_t length;     /* known length for reads; expected or 0 for writes */
    uint32_t block_size;
    mount_id mount;      /* 0: no store */
    char *key;           /* key in the mount's store */
    char etag[72];       /* of the persisted content; "" not persisted or unknown */
    bool is_persisted;
    bool is_pinned;
};

struct write_plan { /* made by write_begin; ended by exactly one of write_commit and write_abort */
    struct content_ref content;
    enum write_type type;
    char *path;
    void *state; /* master's */
};
struct write_outcome {
    uint64_t length;
    char etag[72];          /* from the store; "" when not written there */
    int64_t store_mtime_ms;
    bool is_cached, is_in_store, is_durable; /* durable: bytes survive a power cut without the store */
};

struct read_plan { /* free with read_plan_done */
    struct content_ref content;
    struct file_info info; /* its strings live in the plan */
    char *path;
    enum read_type read_type; /* default for the path */
};
void read_plan_done(struct read_plan *p);

struct attr_change { /* NULL or -1 … : leave as it is */
    const char *owner, *group;
    int mode;                 /* -1 leave */
    bool set_ttl;
    int64_t ttl_ms;           /* -1 removes */
    enum ttl_action ttl_action;
    int pinned;               /* -1 leave, 0, 1 */
    int64_t replication_min, replication_max; /* INT64_MIN leave */
    int64_t mtime_ms, atime_ms; /* 0 leave */
    bool is_recursive;
    size_t xattr_count;
    const struct xattr_change {
        const char *name;
        const void *value; /* NULL removes */
        size_t len;
    } *xattrs;
    const char *if_match; /* tag, see file_info_tag */
};

struct acl_entry {
    char kind;        /* 'u' user, 'g' group, 'm' mask, 'o' other */
    bool is_default;
    unsigned perm;    /* rwx bits */
    char name[64];    /* "" for the owner's and owning group's */
};
enum acl_action { ACL_SET, ACL_MODIFY, ACL_REMOVE, ACL_REMOVE_ALL, ACL_REMOVE_DEFAULT };

struct remove_options {
    bool is_recursive;
    bool only_here;          /* --alluxioOnly: leave the store alone */
    bool unchecked;          /* -U: do not compare with the store first */
    bool with_mount_points;
    const char *if_match;
};

struct rename_options {
    bool overwrite; /* replace a file at the target */
    const char *if_match; /* tag of what is renamed, see file_info_tag */
};

struct usage { /* of a subtree */
    uint64_t files, directories, bytes, cached_bytes;
};

struct inconsistency { /* of checkConsistency */
    const char *path;
    const char *what; /* "missing_in_store", "missing_here", "changed"; static */
};
typedef int (*inconsistency_fn)(void *arg, const struct inconsistency *i, struct err *err);

struct meta_api {
    void *impl;
    /* ---- reading ---- */
    int (*stat)(void *impl, const struct call *, const char *path, const struct read_options *, struct read_plan *ret, struct err *);
    int (*list)(void *impl, const struct call *, const char *path, const struct list_options *, list_fn each, void *arg,
                struct list_result *ret, struct err *);
    int (*usage)(void *impl, const struct call *, const char *path, struct usage *ret, struct err *);
    int (*get_acl)(void *impl, const struct call *, const char *path, struct acl_entry *ret, size_t max, size_t *ret_n, struct err *);
    int (*get_xattr)(void *impl, const struct call *, const char *path, const char *name, struct buf *ret, struct err *);
    int (*list_xattr)(void *impl, const struct call *, const char *path,
                      int (*each)(void *arg, const char *name, const void *value, size_t len), void *arg, struct err *);
    int (*read_link)(void *impl, const struct call *, const char *path, struct buf *ret, struct err *);
    int (*by_id)(void *impl, const struct call *, inode_id ino, struct buf *ret_path, struct err *);
    int (*access)(void *impl, const struct call *, const char *path, unsigned rwx, struct err *);
    /* ---- changing ---- */
    int (*mkdir)(void *impl, const struct call *, const char *path, const struct mkdir_options *, struct err *);
    /* Alluxio-like two steps: a visible, incomplete file, later completed. */
    int (*create)(void *impl, const struct call *, const char *path, const struct create_options *, struct write_plan *ret, struct err *);
    /* One step: nothing is visible until the commit; then the whole file is, replacing what `overwrite` allows. */
    int (*write_begin)(void *impl, const struct call *, const char *path, const struct create_options *, struct write_plan *ret, struct err *);
    int (*write_commit)(void *impl, const struct call *, struct write_plan *, const struct write_outcome *, struct err *);
    void (*write_abort)(void *impl, const struct call *, struct write_plan *);
    int (*rename)(void *impl, const struct call *, const char *from, const char *to, const struct rename_options *, struct err *);
    int (*remove)(void *impl, const struct call *, const char *path, const struct remove_options *, struct err *);
    int (*set_attr)(void *impl, const struct call *, const char *path, const struct attr_change *, struct err *);
    int (*set_acl)(void *impl, const struct call *, const char *path, enum acl_action, const struct acl_entry *, size_t n, bool is_recursive, const char *if_match,
                   struct err *);
    int (*symlink)(void *impl, const struct call *, const char *target, const char *path, struct err *);
    /* Cached bytes go, metadata stays. result->effects say how many files and bytes. */
    int (*free)(void *impl, const struct call *, const char *path, bool is_recursive, bool is_forced, struct err *);
    /* Marks files below for persisting; returns when `wait` and all are done or the deadline passed. */
    int (*persist)(void *impl, const struct call *, const char *path, bool wait, struct err *);
    /* Compares with the store now. `is_forced` even when it was just done. */
    int (*load_metadata)(void *impl, const struct call *, const char *path, bool is_recursive, bool is_forced, struct err *);
    int (*check_consistency)(void *impl, const struct call *, const char *path, bool repair, inconsistency_fn, void *arg, struct err *);
    /* The store answered that content changed under a plan's etag: compare that file now. */
    int (*content_changed)(void *impl, const struct call *, const char *path, struct err *);
    /* No copy of the bytes of an unpersisted file is left. */
    int (*content_lost)(void *impl, const struct call *, inode_id ino, content_id cid, struct err *);
    /* Which of these contents are still those of their inode? Used when a cache is adopted again. */
    int (*contents_live)(void *impl, const struct call *, const inode_id *inos, const content_id *cids, size_t n, bool *ret_live, struct err *);
    /* ---- path configuration ---- */
    int (*path_conf_set)(void *impl, const struct call *, const char *path, const char *key, const char *value, struct err *); /* NULL removes */
    int (*path_conf_list)(void *impl, const struct call *, int (*each)(void *arg, const char *path, const char *key, const char *value), void *arg, struct err *);
};

/* The strong tag of a file or directory: quoted hex of ino, data_ver and attr_ver; for ETag and If-Match. */
char *file_info_tag(const struct inode *i, char to[64]);
/* Does an If-Match header, a list of tags or "*", hold this tag?  A weak one never does (RFC 9110, 13.1.1). */
bool file_tag_matches(const char *list, const char *tag);
