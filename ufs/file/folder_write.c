/* SPDX-License-Identifier: Apache-2.0
 *
 * folder_write: a file is written under a temporary name in its own folder, synced, and renamed; the
 * folder is synced too.  The writer holds a lock (flock) on the temporary file, which ends with
 * its process: so anyone can tell a write under way from one that was killed.  Threads: any.
 */
#include "ufs/file/folder_write.h"

#include "base/clock.h"
#include "base/crypto.h"
#include "base/file_util.h"
#include "base/mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define PIECE ((size_t)1 << 20)

struct temp {
    int dir, fd;
    char name[48];
};

static void temp_done(struct temp *t)
{
    if (t->name[0])
        unlinkat(t->dir, t->name, 0);
    if (t->fd >= 0)
        close(t->fd);
    if (t->dir >= 0)
        close(t->dir);
}

static int temp_open(struct temp *t, const char *key, struct err *err)
{
    char dice[17];

    for (int tries = 0; tries < 10; tries++) {
        crypto_random_text(dice, 16);
        snprintf(t->name, sizeof(t->name), ROOT_TEMP_PREFIX "%s" ROOT_TEMP_SUFFIX, dice);
        t->fd = openat(t->dir, t->name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
        if (t->fd < 0) {
            t->name[0] = 0;
            if (errno != EEXIST)
                return root_errno(err, errno, "write", key);
            continue;
        }
        if (flock(t->fd, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK)
            return 0;
        close(t->fd); /* a sweep was quicker */
        t->fd = -1;
    }
    return err_set(err, ERR_BUSY, "no temporary name was free to write '/%s'", key);
}

static int pour(int fd, const struct ufs_call *c, const char *key, struct source *from,
                struct err *err)
{
    AUTO_FREE char *piece = xmalloc(PIECE);
    int64_t total = 0;

    for (size_t n = 1;;) {
        TRY(from->pull(from, piece, PIECE, &n, err));
        if (n == 0)
            break;
        for (size_t done = 0; done < n;) {
            ssize_t w = write(fd, piece + done, n - done);
            if (w < 0 && errno != EINTR)
                return root_errno(err, errno, "write", key);
            done += w > 0 ? (size_t)w : 0;
        }
        total += (int64_t)n;
        if (clock_is_past(c->deadline_ms))
            return err_set(err, ERR_TIMEOUT, "the time was too short to write '/%s'", key);
    }
    if (from->length >= 0 && total != from->length)
        return err_set(err, ERR_STORE_ERROR, "'/%s' got %lld of %lld bytes", key, (long long)total,
                       (long long)from->length);
    return 0;
}

/* A file that replaces another takes over its owner and mode. */
static int target_check(const struct temp *t, const char *name, const char *key, bool if_absent,
                        struct err *err)
{
    struct stat old;

    if (fstatat(t->dir, name, &old, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? 0 : root_errno(err, errno, "write", key);
    if (S_ISDIR(old.st_mode))
        return err_set(err, ERR_IS_DIRECTORY, "'/%s' is a directory", key);
    if (if_absent)
        return err_set(err, ERR_ALREADY_EXISTS, "'/%s' exists", key);
    if (S_ISREG(old.st_mode) && t->fd >= 0) {
        if (fchown(t->fd, old.st_uid, old.st_gid) < 0 && fchown(t->fd, (uid_t)-1, old.st_gid) < 0)
            return 0; /* not ours to give; it stays with us, with our mode */
        if (fchmod(t->fd, old.st_mode & 07777) < 0)
            return root_errno(err, errno, "write", key);
    }
    return 0;
}

/* Gives the file its name. NFS and some FUSE systems lack RENAME_NOREPLACE: a link is exclusive too. */
static int publish(struct temp *t, const char *name, const char *key, bool if_absent,
                   struct err *err)
{
    if (!if_absent) {
        if (renameat(t->dir, t->name, t->dir, name) < 0)
            return root_errno(err, errno, "write", key);
        t->name[0] = 0;
        return 0;
    }
    if (renameat2(t->dir, t->name, t->dir, name, RENAME_NOREPLACE) == 0) {
        t->name[0] = 0;
        return 0;
    }
    if (errno != EINVAL && errno != ENOSYS && errno != ENOTSUP)
        return root_errno(err, errno, "write", key);
    if (linkat(t->dir, t->name, t->dir, name, 0) < 0)
        return root_errno(err, errno, "write", key);
    return 0;
}

static int sync_parent(const struct temp *t, const char *key, struct err *err)
{
    AUTO_FD int fd = openat(t->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0 || (fsync(fd) < 0 && errno != EINVAL))
        return root_errno(err, errno, "sync the folder of", key);
    return 0;
}

static int open_target_dir(struct file_store *f, const char *key, int *ret_fd, const char **ret_name,
                           struct err *err)
{
    int rc = root_open_parent(f, key, ret_fd, ret_name, err);
    if (rc != -ERR_NOT_FOUND)
        return rc;
    AUTO_FREE char *dir = xstrndup(key, (size_t)(strrchr(key, '/') - key));
    TRY(root_mkdirs(f, dir, 0755, err));
    return root_open_parent(f, key, ret_fd, ret_name, err);
}

int folder_write(struct ufs *u, const struct ufs_call *c, const char *key, struct source *from,
                 bool if_absent, struct ufs_stat *ret, struct err *err)
{
    struct file_store *f = (struct file_store *)u;
    AUTO(temp) t = {.dir = -1, .fd = -1};
    const char *name;
    struct stat st;

    TRY(root_check(f, err));
    TRY(open_target_dir(f, key, &t.dir, &name, err));
    if (root_is_temp(name))
        return err_set(err, ERR_INVALID_PATH, "'/%s' is kept for writes under way", key);
    TRY(target_check(&t, name, key, if_absent, err));
    TRY(temp_open(&t, key, err));
    TRY(pour(t.fd, c, key, from, err));
    TRY(target_check(&t, name, key, if_absent, err));
    if (f->sync && fsync(t.fd) < 0)
        return root_errno(err, errno, "write", key);
    if (fstat(t.fd, &st) < 0)
        return root_errno(err, errno, "write", key);
    TRY(publish(&t, name, key, if_absent, err));
    if (f->sync)
        TRY(sync_parent(&t, key, err));
    if (ret)
        root_stat(f, &st, ret);
    return 0;
}

void folder_write_sweep(int dir_fd)
{
    int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;

    if (!dir) {
        if (fd >= 0)
            close(fd);
        return;
    }
    for (const struct dirent *e; (e = readdir(dir));) {
        if (!root_is_temp(e->d_name))
            continue;
        AUTO_FD int temp = openat(dir_fd, e->d_name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        if (temp >= 0 && flock(temp, LOCK_EX | LOCK_NB) == 0)
            unlinkat(dir_fd, e->d_name, 0);
    }
    closedir(dir);
}
