/* SPDX-License-Identifier: Apache-2.0
 *
 * inode: one record of the namespace, as every layer above the database sees it.
 */
#pragma once
#include "api/types.h"

enum inode_type { INODE_FILE = 1, INODE_DIRECTORY, INODE_SYMLINK };
enum persistence { PERSIST_NOT, PERSIST_TODO, PERSIST_DONE, PERSIST_LOST }; /* NOT_PERSISTED TO_BE_PERSISTED PERSISTED LOST */
enum ttl_action { TTL_DELETE, TTL_FREE, TTL_DELETE_ALLUXIO };
enum write_type { WRITE_MUST_CACHE = 1, WRITE_CACHE_THROUGH, WRITE_THROUGH, WRITE_ASYNC_THROUGH, WRITE_NONE };
enum read_type { READ_NO_CACHE = 1, READ_CACHE, READ_CACHE_PROMOTE };

enum inode_flag {
    INODE_COMPLETED = 1 << 0,
    INODE_PINNED = 1 << 1,         /* set on this inode itself; a directory's holds for all below at lookup */
    INODE_MOUNT_POINT = 1 << 2,
    INODE_HAS_ACL = 1 << 3,        /* side attribute "acl" */
    INODE_HAS_DEFAULT_ACL = 1 << 4, /* side attribute "acl.default" */
    INODE_HAS_XATTR = 1 << 5,      /* side attributes "x.NAME" */
    INODE_HAS_STORE_KEY = 1 << 6,  /* side attribute "store_key": key in the mount when it is not the path */
    INODE_HAS_EXTENTS = 1 << 7,    /* side attribute "extents" */
    INODE_LOADED = 1 << 8,         /* directory: its children were listed from the store once */
    INODE_DETACHED = 1 << 9,       /* below the hidden root of removed trees, or published nowhere yet */
    INODE_DIRTY_DURABLE = 1 << 10, /* unpersisted bytes lie in a durable cache folder */
};

struct inode {
    inode_id ino;
    enum inode_type type;
    uint32_t flags;
    uint32_t nlink;
    inode_id parent;          /* directories, and files with one link */
    char name[NAME_MAX_BYTES + 1]; /* directories only: for path reconstruction */
    uint32_t mode;            /* 07777 bits */
    principal_id owner, group;
    uint64_t length;          /* files: bytes; directories: number of children */
    int64_t ctime_ms, mtime_ms, atime_ms; /* creation, modification, access */
    content_id cid;           /* files; 0 for empty content */
    uint32_t block_size;      /* bytes; files */
    enum persistence persistence; /* files and directories */
    int64_t ttl_ms;           /* -1 none; counts from ctime_ms */
    enum ttl_action ttl_action;
    uint32_t replication_min; /* 0 */
    int32_t replication_max;  /* -1 unlimited */
    char etag[72];            /* of the persisted content in its store, "" unknown */
    int64_t store_mtime_ms;   /* the store's own, 0 unknown */
    stamp attr_ver;           /* last change of anything that decides paths or access: mode, owner, ACL, name, parent, flags */
    stamp data_ver;           /* last change of content, length, persistence, times */
    stamp child_ver;          /* directories: last change of the set of children */
};

const char *persistence_name(enum persistence p); /* "PERSISTED" … static */
const char *ttl_action_name(enum ttl_action a);
const char *write_type_name(enum write_type w);
const char *read_type_name(enum read_type r);
const char *inode_type_name(enum inode_type t); /* "file" "directory" "symlink" */
/* 0 or ERR_INVALID_ARGUMENT that lists what is allowed. */
int ttl_action_parse(const char *s, enum ttl_action *ret, struct err *err) must_use;
int write_type_parse(const char *s, enum write_type *ret, struct err *err) must_use;
int read_type_parse(const char *s, enum read_type *ret, struct err *err) must_use;
