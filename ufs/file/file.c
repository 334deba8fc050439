/* SPDX-License-Identifier: Apache-2.0
 *
 * file: the driver's table and the short callbacks.  How paths stay inside the folder is root.c's,
 * listing folder_list.c's, writing folder_write.c's matter.  A call on a hung mount (NFS) blocks in
 * the kernel; deadlines are kept between calls to it.  Threads: any.
 */
#include "ufs/file/file.h"

#include "base/clock.h"
#include "base/mem.h"
#include "ufs/file/folder_list.h"
#include "ufs/file/folder_write.h"
#include "ufs/file/root.h"
#include "ufs/registry.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define PIECE ((uint64_t)8 << 20)

static const struct ufs_option options[] = {
    {.name = "isthmus.underfs.local.follow.symlinks", .type = "bool", .value = "false",
     .help = "Follow symbolic links that stay inside the folder. Those that lead outside never are."},
    {.name = "isthmus.underfs.local.sync", .type = "bool", .value = "true",
     .help = "Wait until written files are on the disk."},
    {.name = NULL},
};

static int file_open(const char *uri, const struct ufs_properties *props, struct ufs **ret,
                     struct err *err)
{
    const char *path = strncmp(uri, "file://", 7) == 0 ? uri + 7 : uri;

    if (path[0] != '/')
        return err_set(err, ERR_INVALID_ARGUMENT, "'%.100s' is not a full path: it must begin with /",
                       path);
    struct file_store *f = xnew(struct file_store);
    f->ufs.driver = &file_driver;
    f->path = xstrdup(path);
    f->fd = -1;
    f->follow = registry_bool(options, props, "isthmus.underfs.local.follow.symlinks");
    f->sync = registry_bool(options, props, "isthmus.underfs.local.sync");
    lock_init(&f->lock, RANK_UFS);
    *ret = &f->ufs;
    return 0;
}

static void file_close(struct ufs *u)
{
    struct file_store *f = (struct file_store *)u;

    if (f->fd >= 0)
        close(f->fd);
    lock_done(&f->lock);
    free(f->path);
    free(f);
}

static unsigned file_capabilities(const struct ufs *u)
{
    (void)u;
    return UFS_CAP_ATOMIC_RENAME | UFS_CAP_DIR_RENAME | UFS_CAP_DIRECTORIES | UFS_CAP_ATTRIBUTES |
           UFS_CAP_CREATE_ATOMIC | UFS_CAP_CONDITIONAL_CREATE | UFS_CAP_SORTED;
}

static int file_stat(struct ufs *u, const struct ufs_call *c, const char *key, struct ufs_stat *ret,
                     struct err *err)
{
    struct file_store *f = (struct file_store *)u;
    AUTO_FD int fd = -1;
    struct stat st;
    (void)c;

    TRY(root_check(f, err));
    int rc = root_open(f, key, O_PATH | (f->follow ? 0 : O_NOFOLLOW), 0, &fd, err);
    if (rc == -ERR_NOT_DIRECTORY) /* below a file there is nothing */
        return err_set(err, ERR_NOT_FOUND, "the store has no '/%s'", key);
    if (rc == -ERR_NOT_FOUND || (rc == -ERR_STORE_DENIED && f->follow))
        rc = root_open(f, key, O_PATH | O_NOFOLLOW, 0, &fd, err); /* a link that leads nowhere */
    TRY(rc);
    if (fstat(fd, &st) < 0)
        return root_errno(err, errno, "look at", key);
    root_stat(f, &st, ret);
    return 0;
}

/* A descriptor that lives as long as slices of it. */
struct shared_fd {
    struct slice_owner owner;
    int fd;
};

static void shared_fd_free(struct slice_owner *o)
{
    struct shared_fd *s = (struct shared_fd *)o;
    close(s->fd);
    free(s);
}

static int push_range(const struct ufs_call *c, const char *key, struct shared_fd *s, uint64_t off,
                      uint64_t len, struct sink *to, struct err *err)
{
    while (len > 0) {
        size_t n = (size_t)(len < PIECE ? len : PIECE);
        struct slice piece = {.fd = s->fd, .off = off, .len = n, .owner = &s->owner};
        if (clock_is_past(c->deadline_ms))
            return err_set(err, ERR_TIMEOUT, "the time was too short to read '/%s'", key);
        TRY(to->push(to, &piece, err));
        off += n;
        len -= n;
    }
    return 0;
}

static int check_version(int fd, const char *key, const char *etag, struct stat *st, struct err *err)
{
    char now[72];

    if (fstat(fd, st) < 0)
        return root_errno(err, errno, "read", key);
    if (S_ISDIR(st->st_mode))
        return err_set(err, ERR_IS_DIRECTORY, "'/%s' is a directory", key);
    if (!S_ISREG(st->st_mode))
        return err_set(err, ERR_NOT_SUPPORTED, "'/%s' is not a regular file", key);
    if (etag && strcmp(root_etag(st, now), etag) != 0)
        return err_set(err, ERR_PRECONDITION_FAILED, "'/%s' has changed", key);
    return 0;
}

static int file_read_range(struct ufs *u, const struct ufs_call *c, const char *key, uint64_t off,
                           uint64_t len, const char *etag, struct sink *to, struct err *err)
{
    struct file_store *f = (struct file_store *)u;
    struct stat st;
    int fd = -1;

    TRY(root_check(f, err));
    /* O_NONBLOCK: a pipe must not hang us */
    TRY(root_open(f, key, O_RDONLY | O_NONBLOCK, 0, &fd, err));
    struct shared_fd *s = xnew(struct shared_fd);
    *s = (struct shared_fd){.owner = {shared_fd_free, 1}, .fd = fd};
    int rc = check_version(fd, key, etag, &st, err);
    uint64_t size = rc == 0 ? (uint64_t)st.st_size : 0;
    if (rc == 0 && off < size)
        rc = push_range(c, key, s, off, len < size - off ? len : size - off, to, err);
    if (rc == 0 && etag) /* bytes of two versions are not one answer */
        rc = check_version(fd, key, etag, &st, err);
    slice_unref(&(struct slice){.owner = &s->owner});
    return rc;
}

/* What happened to names in `dir` (O_PATH) outlives a power cut. */
static int sync_names(const struct file_store *f, int dir, const char *key, struct err *err)
{
    AUTO_FD int fd = f->sync ? openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

    if (f->sync && (fd < 0 || fsync(fd) < 0) && errno != EINVAL && errno != EROFS && errno != ENOENT)
        return root_errno(err, errno, "sync the folder of", key);
    return 0;
}

/* Absent, or below something absent, is success; absent may be what an earlier attempt did without its sync. */
static int remove_entry(struct file_store *f, const char *key, int flags, bool sync, struct err *err)
{
    AUTO_FD int dir = -1;
    const char *name;

    TRY(root_check(f, err));
    int rc = root_open_parent(f, key, &dir, &name, err);
    if (rc == -ERR_NOT_FOUND || rc == -ERR_NOT_DIRECTORY)
        return 0;
    TRY(rc);
    if (unlinkat(dir, name, flags) == 0 || errno == ENOENT)
        return sync ? sync_names(f, dir, key, err) : 0;
    int os = errno;
    struct stat st;
    if (flags == 0 && fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode))
        os = EISDIR;
    return root_errno(err, os == EEXIST ? ENOTEMPTY : os, "remove", key);
}

static int file_remove(struct ufs *u, const struct ufs_call *c, const char *key, struct err *err)
{
    (void)c;
    return remove_entry((struct file_store *)u, key, 0, true, err);
}

static bool is_same_folder(const char *a, const char *b)
{
    const char *slash = strrchr(a, '/');
    size_t len = slash ? (size_t)(slash - a) + 1 : 0;
    return strncmp(a, b, len) == 0 && !strchr(b + len, '/');
}

/* Neighbours share one sync of their folder: the last of them does it. What cannot be removed does not keep the rest. */
static int file_remove_many(struct ufs *u, const struct ufs_call *c, const char *const *keys, size_t n, struct err *err)
{
    struct err first = {0};
    size_t failed = 0;

    for (size_t i = 0; i < n; i++) {
        struct err one = {0};
        bool is_last = i + 1 == n || !is_same_folder(keys[i], keys[i + 1]);
        if (clock_is_past(c->deadline_ms))
            return err_set(err, ERR_TIMEOUT, "the time was too short to remove '/%s'", keys[i]);
        if (remove_entry((struct file_store *)u, keys[i], 0, is_last, &one) < 0 && failed++ == 0)
            first = one;
    }
    if (failed)
        return err_set(err, first.code, "%zu of %zu files were not removed: %s", failed, n, first.text);
    return 0;
}

static int file_mkdir(struct ufs *u, const struct ufs_call *c, const char *key, unsigned mode,
                      struct err *err)
{
    struct file_store *f = (struct file_store *)u;
    (void)c;

    TRY(root_check(f, err));
    return root_mkdirs(f, key, mode, err);
}

static int file_rmdir(struct ufs *u, const struct ufs_call *c, const char *key, struct err *err)
{
    struct file_store *f = (struct file_store *)u;
    AUTO_FD int fd = -1;
    (void)c;

    int rc = remove_entry(f, key, AT_REMOVEDIR, true, err);
    if (rc != -ERR_NOT_EMPTY)
        return rc;
    TRY(root_open(f, key, O_RDONLY | O_DIRECTORY, 0, &fd, err));
    folder_write_sweep(fd); /* a listing does not show them: they must not hold the directory */
    return remove_entry(f, key, AT_REMOVEDIR, true, err);
}

static int rename_entry(struct file_store *f, const char *from, const char *to, struct err *err)
{
    AUTO_FD int from_dir = -1, to_dir = -1;
    const char *from_name, *to_name;

    TRY(root_open_parent(f, from, &from_dir, &from_name, err));
    if (faccessat(from_dir, from_name, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
        return root_errno(err, errno, "rename", from);
    int rc = root_open_parent(f, to, &to_dir, &to_name, err);
    if (rc == -ERR_NOT_FOUND) {
        AUTO_FREE char *dir = xstrndup(to, (size_t)(strrchr(to, '/') - to));
        TRY(root_mkdirs(f, dir, 0755, err));
        rc = root_open_parent(f, to, &to_dir, &to_name, err);
    }
    TRY(rc);
    if (renameat(from_dir, from_name, to_dir, to_name) < 0)
        return errno == EINVAL ? err_set(err, ERR_INVALID_ARGUMENT,
                                         "'/%s' cannot become a part of itself", from)
                               : root_errno(err, errno == EEXIST ? ENOTEMPTY : errno, "rename", from);
    TRY(sync_names(f, to_dir, to, err));
    return is_same_folder(from, to) ? 0 : sync_names(f, from_dir, from, err);
}

/* An earlier attempt may have ended between the rename and its sync. */
static int sync_renamed(struct file_store *f, const char *from, const char *to, struct err *err)
{
    AUTO_FD int from_dir = -1, to_dir = -1;
    const char *name;

    TRY(root_open_parent(f, to, &to_dir, &name, err));
    TRY(sync_names(f, to_dir, to, err));
    return root_open_parent(f, from, &from_dir, &name, NULL) < 0 ? 0 : sync_names(f, from_dir, from, err);
}

static int file_rename(struct ufs *u, const struct ufs_call *c, const char *from, const char *to,
                       struct err *err)
{
    struct file_store *f = (struct file_store *)u;
    struct ufs_stat st;

    TRY(root_check(f, err));
    int rc = rename_entry(f, from, to, err);
    if (rc == -ERR_NOT_FOUND && file_stat(u, c, from, &st, NULL) == -ERR_NOT_FOUND &&
        file_stat(u, c, to, &st, NULL) == 0)
        return sync_renamed(f, from, to, err); /* done before */
    return rc;
}

static int id_of(const char *name, bool is_group, unsigned *ret, struct err *err)
{
    char space[4096];
    struct passwd pw, *user = NULL;
    struct group gr, *group = NULL;

    char *end;
    unsigned long number = strtoul(name, &end, 10);
    if (name[0] >= '0' && name[0] <= '9' && !*end && number < UINT32_MAX) {
        *ret = (unsigned)number;
        return 0;
    }
    if (is_group)
        getgrnam_r(name, &gr, space, sizeof(space), &group);
    else
        getpwnam_r(name, &pw, space, sizeof(space), &user);
    if (!user && !group) {
        int rc = err_set(err, ERR_INVALID_ARGUMENT, "this machine has no %s '%s'",
                         is_group ? "group" : "user", name);
        return err ? err_field(err, is_group ? "group" : "owner") : rc;
    }
    *ret = user ? user->pw_uid : group->gr_gid;
    return 0;
}

static int file_set_attr(struct ufs *u, const struct ufs_call *c, const char *key,
                         const unsigned *mode, const char *owner, const char *group,
                         struct err *err)
{
    struct file_store *f = (struct file_store *)u;
    unsigned uid = UINT32_MAX, gid = UINT32_MAX;
    AUTO_FD int fd = -1;
    char proc[32];
    (void)c;

    if (owner)
        TRY(id_of(owner, false, &uid, err));
    if (group)
        TRY(id_of(group, true, &gid, err));
    TRY(root_check(f, err));
    TRY(root_open(f, key, O_PATH, 0, &fd, err));
    if ((owner || group) && fchownat(fd, "", uid, gid, AT_EMPTY_PATH) < 0)
        return root_errno(err, errno, "give away", key);
    /* an O_PATH descriptor takes no fchmod; its name in /proc leads to it and nowhere else */
    snprintf(proc, sizeof(proc), "/proc/self/fd/%d", fd);
    if (mode && chmod(proc, *mode & 07777) < 0)
        return root_errno(err, errno, "change the mode of", key);
    return 0;
}

static int file_space(struct ufs *u, const struct ufs_call *c, struct ufs_space *ret,
                      struct err *err)
{
    struct file_store *f = (struct file_store *)u;
    struct statvfs v;
    (void)c;

    TRY(root_check(f, err));
    if (statvfs(f->path, &v) < 0)
        return root_errno(err, errno, "measure", "");
    ret->total_bytes = (int64_t)(v.f_blocks * v.f_frsize);
    ret->used_bytes = (int64_t)((v.f_blocks - v.f_bfree) * v.f_frsize);
    return 0;
}

const struct ufs_driver file_driver = {
    .name = "file",
    .schemes = "|file",
    .label = "Local folder",
    .options = options,
    .open = file_open,
    .close = file_close,
    .capabilities = file_capabilities,
    .stat = file_stat,
    .list = folder_list,
    .read = file_read_range,
    .write = folder_write,
    .remove = file_remove,
    .remove_many = file_remove_many,
    .mkdir = file_mkdir,
    .rmdir = file_rmdir,
    .rename = file_rename,
    .set_attr = file_set_attr,
    .space = file_space,
};
