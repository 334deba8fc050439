/* SPDX-License-Identifier: Apache-2.0
 *
 * root: every path is resolved by the kernel below the descriptor of the root (openat2), so that no
 * link and no race leads outside.  A root that vanished or became another file system is an
 * unreachable store, not an empty one.  Threads: any.
 */
#include "ufs/file/root.h"

#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/openat2.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static enum err_code code_of(int os)
{
    switch (os) {
    case ENOENT:
        return ERR_NOT_FOUND;
    case EEXIST:
        return ERR_ALREADY_EXISTS;
    case ENOTEMPTY:
        return ERR_NOT_EMPTY;
    case EISDIR:
        return ERR_IS_DIRECTORY;
    case ENOTDIR:
        return ERR_NOT_DIRECTORY;
    case ENAMETOOLONG:
        return ERR_NAME_TOO_LONG;
    case EACCES:
    case EPERM:
    case ELOOP:
    case EXDEV:
        return ERR_STORE_DENIED;
    case EROFS:
        return ERR_READ_ONLY;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return ERR_STORE_FULL;
    case ESTALE:
    case ENOTCONN:
    case EHOSTDOWN:
    case EHOSTUNREACH:
    case ENODEV:
    case ENXIO:
        return ERR_STORE_UNREACHABLE;
    case EBUSY:
        return ERR_BUSY;
    case ENOSYS:
        return ERR_NOT_SUPPORTED;
    default:
        return ERR_STORE_ERROR;
    }
}

int root_errno(struct err *err, int os, const char *what, const char *key)
{
    if (os == ELOOP || os == EXDEV)
        return err_set(err, ERR_STORE_DENIED, "'/%s' leads over a symbolic link that is not followed",
                       key);
    return err_set_errno(err, code_of(os), os, "cannot %s '/%s'", what, key);
}

static int unreachable(const struct file_store *f, const char *why, struct err *err)
{
    return err_set(err, ERR_STORE_UNREACHABLE, "folder '%s' of the store %s", f->path, why);
}

static int root_first(struct file_store *f, const struct stat *st, struct err *err)
{
    AUTO_FD int fd = open(f->path, O_PATH | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0)
        return err_set_errno(err, ERR_STORE_UNREACHABLE, errno, "folder '%s' of the store", f->path);
    LOCK_SCOPE(&f->lock);
    if (f->fd >= 0)
        return 0;
    f->dev = st->st_dev;
    f->ino = st->st_ino;
    f->fd = fd;
    fd = -1;
    return 0;
}

int root_check(struct file_store *f, struct err *err)
{
    struct stat st;

    if (stat(f->path, &st) < 0)
        return errno == EACCES || errno == EPERM
                   ? err_set_errno(err, ERR_STORE_DENIED, errno, "folder '%s' of the store", f->path)
                   : err_set_errno(err, ERR_STORE_UNREACHABLE, errno, "folder '%s' of the store",
                                   f->path);
    if (!S_ISDIR(st.st_mode))
        return unreachable(f, "is not a folder", err);
    lock_take(&f->lock);
    bool is_open = f->fd >= 0, is_same = f->dev == st.st_dev && f->ino == st.st_ino;
    lock_drop(&f->lock);
    if (!is_open)
        return root_first(f, &st, err);
    return is_same ? 0 : unreachable(f, "is not the one that was mounted", err);
}

static int check_key(const char *key, struct err *err)
{
    for (const char *p = key; *p;) {
        size_t n = strcspn(p, "/");
        if (n == 0 || (n == 1 && p[0] == '.') || (n == 2 && p[0] == '.' && p[1] == '.') ||
            (p[n] == '/' && !p[n + 1]))
            return err_set(err, ERR_INVALID_PATH, "'%.100s' is not a path below a folder", key);
        p += n + (p[n] == '/');
    }
    return 0;
}

int root_open(struct file_store *f, const char *key, int flags, unsigned mode, int *ret_fd,
              struct err *err)
{
    struct open_how how = {.flags = (uint64_t)(unsigned)(flags | O_CLOEXEC), .mode = mode};

    TRY(check_key(key, err));
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | (f->follow ? 0 : RESOLVE_NO_SYMLINKS);
    for (int tries = 0; tries < 20; tries++) {
        long fd = syscall(SYS_openat2, f->fd, key[0] ? key : ".", &how, sizeof(how));
        if (fd >= 0) {
            *ret_fd = (int)fd;
            return 0;
        }
        if (errno != EAGAIN && errno != EINTR) /* EAGAIN: a rename beside us */
            break;
    }
    return root_errno(err, errno, "open", key);
}

int root_open_parent(struct file_store *f, const char *key, int *ret_fd, const char **ret_name,
                     struct err *err)
{
    const char *slash = strrchr(key, '/');
    AUTO_FREE char *dir = xstrndup(key, slash ? (size_t)(slash - key) : 0);

    if (!key[0])
        return err_set(err, ERR_INVALID_PATH, "this cannot be done to the root of a store");
    TRY(check_key(key, err));
    TRY(root_open(f, dir, O_PATH | O_DIRECTORY, 0, ret_fd, err));
    *ret_name = slash ? slash + 1 : key;
    return 0;
}

static int sync_dir(struct file_store *f, const char *key, struct err *err)
{
    AUTO_FD int fd = -1;

    TRY(root_open(f, key, O_RDONLY | O_DIRECTORY, 0, &fd, err));
    if (fsync(fd) < 0 && errno != EINVAL && errno != EROFS)
        return root_errno(err, errno, "sync", key);
    return 0;
}

static int make_one(struct file_store *f, const char *key, unsigned mode, struct err *err)
{
    AUTO_FD int fd = -1;
    const char *name;
    struct stat st;

    TRY(root_open_parent(f, key, &fd, &name, err));
    if (mkdirat(fd, name, mode) == 0) {
        AUTO_FREE char *dir = xstrndup(key, (size_t)(name > key ? name - key - 1 : 0));
        return f->sync ? sync_dir(f, dir, err) : 0;
    }
    if (errno != EEXIST)
        return root_errno(err, errno, "make", key);
    if (fstatat(fd, name, &st, f->follow ? 0 : AT_SYMLINK_NOFOLLOW) < 0) /* removed in between */
        return root_errno(err, errno, "make", key);
    return S_ISDIR(st.st_mode) ? 0 : err_set(err, ERR_NOT_DIRECTORY, "'/%s' is not a directory", key);
}

int root_mkdirs(struct file_store *f, const char *key, unsigned mode, struct err *err)
{
    AUTO_FD int fd = -1;

    int rc = root_open(f, key, O_PATH | O_DIRECTORY, 0, &fd, err);
    if (rc != -ERR_NOT_FOUND)
        return rc;
    for (const char *p = strchr(key, '/'); p; p = strchr(p + 1, '/')) {
        AUTO_FREE char *dir = xstrndup(key, (size_t)(p - key));
        TRY(make_one(f, dir, 0755, err));
    }
    return make_one(f, key, mode, err);
}

static void look_up(unsigned id, bool is_group, char to[64])
{
    char space[4096];
    struct passwd pw, *user = NULL;
    struct group gr, *group = NULL;

    if (is_group)
        getgrgid_r(id, &gr, space, sizeof(space), &group);
    else
        getpwuid_r(id, &pw, space, sizeof(space), &user);
    if (user || group)
        snprintf(to, 64, "%s", user ? user->pw_name : group->gr_name);
    else
        snprintf(to, 64, "%u", id);
}

/* The name service may be slow or remote: each id is asked for once. */
static void name_of(struct file_store *f, unsigned id, bool is_group, char to[64])
{
    struct root_name *n = &f->names[(id * 2 + is_group) % array_len(f->names)];

    lock_take(&f->lock);
    bool is_known = n->is_used && n->id == id && n->is_group == is_group;
    if (is_known)
        memcpy(to, n->name, 64);
    lock_drop(&f->lock);
    if (is_known)
        return;
    look_up(id, is_group, to);
    LOCK_SCOPE(&f->lock);
    *n = (struct root_name){.id = id, .is_group = is_group, .is_used = true};
    memcpy(n->name, to, 64);
}

char *root_etag(const struct stat *st, char to[72])
{
    snprintf(to, 72, "%lld-%llu-%llu",
             (long long)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec,
             (unsigned long long)st->st_size, (unsigned long long)st->st_ino);
    return to;
}

void root_stat(struct file_store *f, const struct stat *st, struct ufs_stat *ret)
{
    *ret = (struct ufs_stat){.type = UFS_OTHER, .mode = st->st_mode & 07777};
    if (S_ISREG(st->st_mode)) {
        ret->type = UFS_FILE;
        ret->length = (uint64_t)st->st_size;
        root_etag(st, ret->etag);
    } else if (S_ISDIR(st->st_mode))
        ret->type = UFS_DIRECTORY;
    else if (S_ISLNK(st->st_mode))
        ret->type = UFS_SYMLINK;
    ret->mtime_ms = (int64_t)st->st_mtim.tv_sec * 1000 + st->st_mtim.tv_nsec / 1000000;
    name_of(f, st->st_uid, false, ret->owner);
    name_of(f, st->st_gid, true, ret->group);
}

bool root_is_temp(const char *name)
{
    size_t len = strlen(name), suffix = strlen(ROOT_TEMP_SUFFIX);

    return len > strlen(ROOT_TEMP_PREFIX) + suffix &&
           strncmp(name, ROOT_TEMP_PREFIX, strlen(ROOT_TEMP_PREFIX)) == 0 &&
           strcmp(name + len - suffix, ROOT_TEMP_SUFFIX) == 0;
}
