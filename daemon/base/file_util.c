/* SPDX-License-Identifier: Apache-2.0
 *
 * file_util: see the header.  Paths are the program's own; nothing here defends against another
 * user who swaps folders for links in the meantime.  Threads: any.
 */
#include "base/file_util.h"

#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

static int open_for_read(const char *path, size_t *ret_size, struct err *err)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_set_errno(err, ERR_OK, errno, "cannot open '%s'", path);
    if (fstat(fd, &st) < 0 || S_ISDIR(st.st_mode)) {
        close(fd);
        return err_set(err, ERR_IS_DIRECTORY, "'%s' is a directory", path);
    }
    *ret_size = st.st_size > 0 ? (size_t)st.st_size : 0;
    return fd;
}

/* Reads up to `len` bytes; 0 at the end. */
static int read_some(int fd, const char *path, void *to, size_t len, size_t *ret_len, struct err *err)
{
    ssize_t n;
    do
        n = read(fd, to, len);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return err_set_errno(err, ERR_IO, errno, "cannot read '%s'", path);
    *ret_len = (size_t)n;
    return 0;
}

int file_read(const char *path, size_t max, struct buf *to, struct err *err)
{
    size_t size = 0, n = 1;
    char beyond;
    max = max < to->max - to->len ? max : to->max - to->len;
    size_t left = max;
    AUTO_FD int fd = open_for_read(path, &size, err);
    TRY(fd);
    if (size > max)
        return err_set(err, ERR_TOO_LARGE, "'%s' is larger than %zu bytes", path, max);
    while (left && n) { /* to the end, whatever the size said: files of /proc say 0 */
        size_t want = size > 65536 ? size : 65536;
        want = want < left ? want : left;
        char *room = buf_room(to, want);
        if (!room)
            return buf_check(to, path, err);
        TRY(read_some(fd, path, room, want, &n, err));
        buf_grew(to, n);
        left -= n;
    }
    if (!left)
        TRY(read_some(fd, path, &beyond, 1, &n, err));
    if (n)
        return err_set(err, ERR_TOO_LARGE, "'%s' is larger than %zu bytes", path, max);
    return 0;
}

int file_sync_dir(const char *path, struct err *err)
{
    AUTO_FD int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) < 0)
        return err_set_errno(err, ERR_OK, errno, "cannot sync the folder '%s'", path);
    return 0;
}

/* The folder of `path`; owned by the caller. */
static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash)
        return xstrdup(".");
    return xstrndup(path, slash == path ? 1 : (size_t)(slash - path));
}

static int write_synced(const char *path, int fd, const void *data, size_t len, unsigned mode, struct err *err)
{
    TRY(file_write_all(fd, data, len, err));
    if (fchmod(fd, (mode_t)mode) < 0 || fsync(fd) < 0)
        return err_set_errno(err, ERR_OK, errno, "cannot write '%s'", path);
    return 0;
}

int file_write(const char *path, const void *data, size_t len, unsigned mode, struct err *err)
{
    AUTO_FREE char *temp = xasprintf("%s.XXXXXX", path);
    AUTO_FREE char *folder = folder_of(path);
    AUTO_FD int fd = mkostemp(temp, O_CLOEXEC);
    if (fd < 0)
        return err_set_errno(err, ERR_OK, errno, "cannot create '%s'", path);
    int rc = write_synced(path, fd, data, len, mode, err);
    if (rc == 0 && rename(temp, path) < 0)
        rc = err_set_errno(err, ERR_OK, errno, "cannot rename to '%s'", path);
    if (rc < 0) {
        unlink(temp);
        return rc;
    }
    return file_sync_dir(folder, err);
}

static int make_one(const char *path, unsigned mode, struct err *err)
{
    struct stat st;
    if (mkdir(path, (mode_t)mode) == 0) {
        AUTO_FREE char *folder = folder_of(path);
        return file_sync_dir(folder, err);
    }
    int os = errno; /* any: a parent may be on a file system that answers otherwise than EEXIST */
    if (stat(path, &st) < 0)
        return err_set_errno(err, ERR_OK, os, "cannot create the folder '%s'", path);
    if (!S_ISDIR(st.st_mode))
        return err_set(err, ERR_NOT_DIRECTORY, "'%s' is not a directory", path);
    return 0;
}

int file_mkdirs(const char *path, unsigned mode, struct err *err)
{
    AUTO_FREE char *part = xstrdup(path);
    size_t n = strlen(part);
    while (n > 1 && part[n - 1] == '/')
        part[--n] = 0;
    for (char *slash = strchr(part + 1, '/'); n && slash; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        TRY(make_one(part, mode, err));
        *slash = '/';
    }
    return make_one(part, mode, err);
}

static int remove_entry(const FTSENT *e, struct err *err)
{
    int rc = 0;
    switch (e->fts_info) {
    case FTS_D:
        return 0; /* on the way back */
    case FTS_DP:
        rc = rmdir(e->fts_accpath);
        break;
    case FTS_ERR:
    case FTS_DNR:
        return e->fts_errno == ENOENT ? 0 : err_set_errno(err, ERR_OK, e->fts_errno, "cannot remove '%s'", e->fts_path);
    case FTS_NS:
        return e->fts_errno == ENOENT ? 0 : err_set_errno(err, ERR_OK, e->fts_errno, "cannot look at '%s'", e->fts_path);
    default:
        rc = unlink(e->fts_accpath);
    }
    if (rc < 0 && errno != ENOENT)
        return err_set_errno(err, ERR_OK, errno, "cannot remove '%s'", e->fts_path);
    return 0;
}

int file_remove_tree(const char *path, struct err *err)
{
    char *const roots[] = {(char *)path, NULL};
    FTS *walk = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR | FTS_XDEV, NULL);
    int rc = 0;
    if (!walk)
        return err_set_errno(err, ERR_OK, errno, "cannot remove '%s'", path);
    for (FTSENT *e; rc == 0 && (e = fts_read(walk));)
        rc = remove_entry(e, err);
    fts_close(walk);
    return rc;
}

int file_write_all(int fd, const void *data, size_t len, struct err *err)
{
    for (size_t done = 0; done < len;) {
        ssize_t n = write(fd, (const char *)data + done, len - done);
        if (n < 0 && errno != EINTR)
            return err_set_errno(err, ERR_OK, errno, "write of %zu bytes", len);
        done += n > 0 ? (size_t)n : 0;
    }
    return 0;
}

int file_pwrite_all(int fd, const void *data, size_t len, uint64_t off, struct err *err)
{
    for (size_t done = 0; done < len;) {
        ssize_t n = pwrite(fd, (const char *)data + done, len - done, (off_t)(off + done));
        if (n < 0 && errno != EINTR)
            return err_set_errno(err, ERR_OK, errno, "write of %zu bytes at %llu", len, (unsigned long long)off);
        done += n > 0 ? (size_t)n : 0;
    }
    return 0;
}

int file_pread_all(int fd, void *to, size_t len, uint64_t off, struct err *err)
{
    for (size_t done = 0; done < len;) {
        ssize_t n = pread(fd, (char *)to + done, len - done, (off_t)(off + done));
        if (n < 0 && errno != EINTR)
            return err_set_errno(err, ERR_IO, errno, "read of %zu bytes at %llu", len, (unsigned long long)off);
        if (n == 0)
            return err_set(err, ERR_CORRUPT, "the file ends before byte %llu", (unsigned long long)(off + len));
        done += n > 0 ? (size_t)n : 0;
    }
    return 0;
}

int file_free_bytes(const char *path, uint64_t *ret, struct err *err)
{
    struct statvfs st;
    if (statvfs(path, &st) < 0)
        return err_set_errno(err, ERR_OK, errno, "cannot look at the file system of '%s'", path);
    *ret = (uint64_t)st.f_bavail * st.f_frsize;
    return 0;
}
