/* SPDX-License-Identifier: Apache-2.0
 *
 * root: the folder of a mount and the doors into it.  Nothing outside it can be reached.
 */
#pragma once
#include "base/lock.h"
#include "ufs/ufs.h"

#include <sys/stat.h>

#define ROOT_TEMP_PREFIX ".isthmus."
#define ROOT_TEMP_SUFFIX ".tmp"

struct file_store {
    struct ufs ufs;
    char *path;         /* fixed */
    bool follow;        /* fixed: follow symbolic links that stay inside */
    bool sync;          /* fixed */
    struct lock lock;
    /* under lock, set once */
    int fd;
    dev_t dev;
    ino_t ino;
    /* under lock */
    struct root_name {
        unsigned id;
        bool is_group, is_used;
        char name[64];
    } names[64];
};

/* Opens the folder at the first call; later verifies that it is still that folder. ERR_STORE_UNREACHABLE. */
int root_check(struct file_store *f, struct err *err) must_use;
/* Opens `key` below the root ("" is the root). The caller closes ret_fd. */
int root_open(struct file_store *f, const char *key, int flags, unsigned mode, int *ret_fd, struct err *err) must_use;
/* Opens the directory that holds `key`; ret_name points into key. ERR_INVALID_PATH for the root itself. */
int root_open_parent(struct file_store *f, const char *key, int *ret_fd, const char **ret_name, struct err *err) must_use;
/* Makes missing directories up to and with `key`. */
int root_mkdirs(struct file_store *f, const char *key, unsigned mode, struct err *err) must_use;
int root_errno(struct err *err, int os, const char *what, const char *key); /* the error of a call to the system */
void root_stat(struct file_store *f, const struct stat *st, struct ufs_stat *ret);
bool root_is_temp(const char *name); /* a write that has not ended */
char *root_etag(const struct stat *st, char to[72]);
