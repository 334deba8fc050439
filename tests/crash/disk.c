/* SPDX-License-Identifier: Apache-2.0
 *
 * disk: mounts a disk_state through FUSE.  usage: crash_disk MOUNTPOINT SEED [MICROSECONDS]
 * SIGUSR1 (or an umount) is a power cut: what was not synced goes (every second time dice keep some of it, unless SEED
 * is 0), then it is mounted again, with a line on stdout for each.  A lookup of "/.sync-all" makes all durable and finds
 * nothing.  SIGTERM ends it.  Pages are cached by the kernel and written through, so mmap works and every write(2) is
 * here when it returns; O_SYNC, O_DSYNC and RWF_DSYNC come with each write, fsync by itself.
 * An fsync takes MICROSECONDS for each page that is not synced, and others are served meanwhile: who does not wait for a
 * long one is ahead of it.  When its caller is killed it has not happened.  Threads: one; signals come while it waits.
 */
#define FUSE_USE_VERSION 312
#include "disk_state.h"

#include <errno.h>
#include <fcntl.h>
#include <fuse3/fuse_lowlevel.h>
#include <linux/falloc.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <time.h>

static struct disk_node *node_of(fuse_ino_t ino)
{
    return ino == FUSE_ROOT_ID ? disk_root() : (struct disk_node *)ino;
}

static fuse_ino_t ino_of(const struct disk_node *n)
{
    return n == disk_root() ? FUSE_ROOT_ID : (fuse_ino_t)n;
}

static struct stat stat_of(const struct disk_node *n)
{
    struct stat st = n->now;
    st.st_blocks = (st.st_size + 511) / 512;
    return st;
}

static struct fuse_entry_param entry_of(const struct disk_node *n)
{
    return (struct fuse_entry_param){.ino = ino_of(n), .attr = stat_of(n), .attr_timeout = 3600, .entry_timeout = 3600};
}

/* ---- names ---- */
static void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
    struct disk_node *n = disk_find(node_of(parent), name);
    if (!n) {
        if (parent == FUSE_ROOT_ID && !strcmp(name, ".sync-all"))
            disk_sync_all();
        fuse_reply_err(req, ENOENT);
        return;
    }
    struct fuse_entry_param e = entry_of(n);
    fuse_reply_entry(req, &e);
}

static struct disk_node *make(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, const char *target)
{
    const struct fuse_ctx *who = fuse_req_ctx(req);
    struct disk_node *dir = node_of(parent);
    if (disk_find(dir, name)) {
        fuse_reply_err(req, EEXIST);
        return NULL;
    }
    struct disk_node *n = disk_new(mode, target);
    n->now.st_uid = n->durable.st_uid = who->uid;
    n->now.st_gid = n->durable.st_gid = who->gid;
    disk_link(dir, name, n, NULL, NULL);
    return n;
}

static void make_and_reply(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, const char *target)
{
    struct disk_node *n = make(req, parent, name, mode, target);
    if (!n)
        return;
    struct fuse_entry_param e = entry_of(n);
    fuse_reply_entry(req, &e);
}

static void op_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
    make_and_reply(req, parent, name, S_IFDIR | mode, NULL);
}

static void op_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t dev)
{
    (void)dev;
    make_and_reply(req, parent, name, mode, NULL);
}

static void op_symlink(fuse_req_t req, const char *target, fuse_ino_t parent, const char *name)
{
    make_and_reply(req, parent, name, S_IFLNK | 0777, target);
}

static void op_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, struct fuse_file_info *fi)
{
    struct disk_node *n = make(req, parent, name, S_IFREG | (mode & 07777), NULL);
    if (!n)
        return;
    struct fuse_entry_param e = entry_of(n);
    fuse_reply_create(req, &e, fi);
}

static void op_readlink(fuse_req_t req, fuse_ino_t ino)
{
    fuse_reply_readlink(req, node_of(ino)->target);
}

static void remove_name(fuse_req_t req, fuse_ino_t parent, const char *name, bool is_dir)
{
    struct disk_node *dir = node_of(parent), *n = disk_find(dir, name);
    int error = !n ? ENOENT : S_ISDIR(n->now.st_mode) != is_dir ? (is_dir ? ENOTDIR : EISDIR) : is_dir && n->names.count ? ENOTEMPTY : 0;
    if (!error)
        disk_link(dir, name, NULL, NULL, NULL);
    fuse_reply_err(req, error);
}

static void op_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
    remove_name(req, parent, name, false);
}

static void op_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name)
{
    remove_name(req, parent, name, true);
}

static int may_rename(const struct disk_node *from, const struct disk_node *to, unsigned flags)
{
    if (!from)
        return ENOENT;
    if (flags & ~(unsigned)RENAME_NOREPLACE)
        return EINVAL;
    if (!to || to == from)
        return 0;
    if (flags & RENAME_NOREPLACE)
        return EEXIST;
    if (S_ISDIR(to->now.st_mode) != S_ISDIR(from->now.st_mode))
        return S_ISDIR(to->now.st_mode) ? EISDIR : ENOTDIR;
    return to->names.count ? ENOTEMPTY : 0;
}

static void op_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t new_parent, const char *new_name, unsigned flags)
{
    struct disk_node *from = node_of(parent), *to = node_of(new_parent), *n = disk_find(from, name), *there = disk_find(to, new_name);
    int error = may_rename(n, there, flags);
    if (!error && there != n)
        disk_link(to, new_name, n, from, name);
    fuse_reply_err(req, error);
}

static void op_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t parent, const char *name)
{
    if (disk_find(node_of(parent), name)) {
        fuse_reply_err(req, EEXIST);
        return;
    }
    disk_link(node_of(parent), name, node_of(ino), NULL, NULL);
    struct fuse_entry_param e = entry_of(node_of(ino));
    fuse_reply_entry(req, &e);
}

/* ---- attributes ---- */
static void op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    (void)fi;
    struct stat st = stat_of(node_of(ino));
    fuse_reply_attr(req, &st, 3600);
}

static void set_times(struct disk_node *n, const struct stat *to, int what)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (what & FUSE_SET_ATTR_MTIME)
        n->now.st_mtim = what & FUSE_SET_ATTR_MTIME_NOW ? now : to->st_mtim;
    if (what & FUSE_SET_ATTR_ATIME)
        n->now.st_atim = what & FUSE_SET_ATTR_ATIME_NOW ? now : to->st_atim;
}

static void op_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *to, int what, struct fuse_file_info *fi)
{
    struct disk_node *n = node_of(ino);
    if (what & FUSE_SET_ATTR_SIZE)
        disk_resize(n, (uint64_t)to->st_size);
    if (what & FUSE_SET_ATTR_MODE)
        n->now.st_mode = (n->now.st_mode & S_IFMT) | (to->st_mode & 07777);
    if (what & FUSE_SET_ATTR_UID)
        n->now.st_uid = to->st_uid;
    if (what & FUSE_SET_ATTR_GID)
        n->now.st_gid = to->st_gid;
    set_times(n, to, what);
    op_getattr(req, ino, fi);
}

static void op_statfs(fuse_req_t req, fuse_ino_t ino)
{
    (void)ino;
    struct statvfs st = {.f_bsize = DISK_PAGE, .f_frsize = DISK_PAGE, .f_blocks = 1 << 22, .f_bfree = 1 << 21, .f_bavail = 1 << 21,
                         .f_files = 1 << 20, .f_ffree = 1 << 20, .f_favail = 1 << 20, .f_namemax = 255};
    fuse_reply_statfs(req, &st);
}

/* ---- bytes ---- */
static void op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    (void)ino;
    fi->keep_cache = 1;
    fuse_reply_open(req, fi);
}

static void op_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t at, struct fuse_file_info *fi)
{
    (void)fi;
    struct disk_node *n = node_of(ino);
    size_t left = at < n->now.st_size ? (size_t)(n->now.st_size - at) : 0;
    size = size < left ? size : left;
    char *bytes = malloc(size + 1);
    if (!bytes)
        abort();
    disk_read(n, bytes, size, (uint64_t)at);
    fuse_reply_buf(req, bytes, size);
    free(bytes);
}

static void op_write(fuse_req_t req, fuse_ino_t ino, const char *from, size_t size, off_t at, struct fuse_file_info *fi)
{
    disk_write(node_of(ino), from, size, (uint64_t)at, fi->flags & (O_SYNC | O_DSYNC));
    fuse_reply_write(req, size);
}

static void op_fallocate(fuse_req_t req, fuse_ino_t ino, int mode, off_t at, off_t len, struct fuse_file_info *fi)
{
    (void)fi;
    struct disk_node *n = node_of(ino);
    if (mode & ~(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE)) {
        fuse_reply_err(req, EOPNOTSUPP);
        return;
    }
    if (mode & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE))
        disk_zero(n, (uint64_t)at, (uint64_t)len);
    if (!(mode & FALLOC_FL_KEEP_SIZE) && at + len > n->now.st_size)
        disk_resize(n, (uint64_t)(at + len));
    fuse_reply_err(req, 0);
}

/* ---- fsync ---- */
static struct {
    fuse_req_t req;
    struct disk_node *node;
    int64_t due_us;
} slow[64]; /* under way; free when req is NULL */
static int64_t page_us;

static int64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void op_fsync(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi)
{
    int64_t us = page_us * (int64_t)disk_unsynced(node_of(ino));
    (void)datasync, (void)fi;
    for (size_t i = 0; us >= 1000 && i < sizeof slow / sizeof *slow; i++)
        if (!slow[i].req) {
            slow[i].req = req;
            slow[i].node = node_of(ino);
            slow[i].due_us = now_us() + us;
            return;
        }
    disk_sync_file(node_of(ino));
    fuse_reply_err(req, 0);
}

/* Ends what is due, or all in vain. Returns the milliseconds until the next one, or -1. */
static int end_slow(bool is_cut)
{
    int64_t now = now_us(), next = -1;
    for (size_t i = 0; i < sizeof slow / sizeof *slow; i++) {
        int64_t left = slow[i].due_us - now;
        bool is_lost = slow[i].req && (is_cut || fuse_req_interrupted(slow[i].req));
        if (slow[i].req && !is_lost && left > 0) {
            next = next < 0 || left < next ? left : next;
        } else if (slow[i].req) {
            if (!is_lost)
                disk_sync_file(slow[i].node);
            fuse_reply_err(slow[i].req, is_lost ? EINTR : 0);
            slow[i].req = NULL;
        }
    }
    return next < 0 ? -1 : (int)(next / 1000) + 1;
}

static void op_fsyncdir(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi)
{
    (void)datasync, (void)fi;
    disk_sync_names(node_of(ino));
    fuse_reply_err(req, 0);
}

/* ---- listings: the names of the moment of opendir ---- */
struct snapshot {
    char *data;
    size_t len;
};

static void add_name(fuse_req_t req, struct snapshot *s, const char *name, const struct disk_node *n)
{
    struct stat st = n->now;
    size_t size = fuse_add_direntry(req, NULL, 0, name, NULL, 0);
    s->data = realloc(s->data, s->len + size);
    if (!s->data)
        abort();
    fuse_add_direntry(req, s->data + s->len, size, name, &st, (off_t)(s->len + size));
    s->len += size;
}

static void op_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    const struct disk_node *dir = node_of(ino);
    struct snapshot *s = calloc(1, sizeof *s);
    if (!s)
        abort();
    for (size_t i = 0; i < dir->names.count; i++)
        add_name(req, s, dir->names.items[i].name, dir->names.items[i].node);
    fi->fh = (uint64_t)s;
    fuse_reply_open(req, fi);
}

static void op_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t at, struct fuse_file_info *fi)
{
    const struct snapshot *s = (const struct snapshot *)fi->fh;
    size_t off = (size_t)at, len = 0, next;
    (void)ino;
    /* whole entries only: each is 24 bytes and a name, padded to 8 */
    for (; off + len < s->len; len += next) {
        uint32_t name_len;
        memcpy(&name_len, s->data + off + len + 16, sizeof name_len);
        next = (24 + name_len + 7) / 8 * 8;
        if (len + next > size)
            break;
    }
    fuse_reply_buf(req, s->data + off, len);
}

static void op_releasedir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    struct snapshot *s = (struct snapshot *)fi->fh;
    (void)ino;
    free(s->data);
    free(s);
    fuse_reply_err(req, 0);
}

static void op_init(void *arg, struct fuse_conn_info *conn)
{
    (void)arg;
    conn->want &= ~(unsigned)(FUSE_CAP_WRITEBACK_CACHE | FUSE_CAP_SPLICE_READ);
    puts("mounted");
    fflush(stdout);
}

static const struct fuse_lowlevel_ops ops = {
    .init = op_init, .lookup = op_lookup, .getattr = op_getattr, .setattr = op_setattr, .readlink = op_readlink, .mknod = op_mknod,
    .mkdir = op_mkdir, .unlink = op_unlink, .rmdir = op_rmdir, .symlink = op_symlink, .rename = op_rename, .link = op_link,
    .open = op_open, .read = op_read, .write = op_write, .fsync = op_fsync, .opendir = op_opendir, .readdir = op_readdir,
    .releasedir = op_releasedir, .fsyncdir = op_fsyncdir, .statfs = op_statfs, .create = op_create, .fallocate = op_fallocate,
};

static volatile sig_atomic_t is_cut, is_told_to_end;

static void on_signal(int sig)
{
    *(sig == SIGUSR1 ? &is_cut : &is_told_to_end) = 1;
}

static void loop(struct fuse_session *s, const sigset_t *while_waiting)
{
    struct fuse_buf buf = {0};
    int fd = fuse_session_fd(s);
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    while (!is_cut && !is_told_to_end && !fuse_session_exited(s)) {
        int ms = end_slow(false);
        struct timespec wait = {ms / 1000, ms % 1000 * 1000000};
        if (ppoll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, ms < 0 ? NULL : &wait, while_waiting) > 0) {
            int n = fuse_session_receive_buf(s, &buf);
            if (n > 0)
                fuse_session_process_buf(s, &buf);
            else if (n == 0)
                break;
        }
    }
    end_slow(true); /* the connection is aborted when it is closed */
    free(buf.mem);
}

/* One life of the mount; 0: cut, 1: told to end, -1: it failed. */
static int serve(const char *where, const sigset_t *while_waiting)
{
    char *argv[] = {"crash_disk", "-oallow_other,default_permissions,fsname=crash_disk", NULL};
    struct fuse_args args = FUSE_ARGS_INIT(2, argv);
    struct fuse_session *s = fuse_session_new(&args, &ops, sizeof ops, NULL);
    int rc = s && fuse_session_mount(s, where) == 0 ? 0 : -1;
    is_cut = 0;
    if (rc == 0) {
        loop(s, while_waiting);
        fuse_session_unmount(s);
    }
    if (s)
        fuse_session_destroy(s);
    fuse_opt_free_args(&args);
    return is_told_to_end ? 1 : rc;
}

int main(int argc, char **argv)
{
    static const int signals[] = {SIGUSR1, SIGTERM, SIGINT, SIGHUP};
    sigset_t blocked, before;
    if (argc != 3 && argc != 4) {
        fputs("usage: crash_disk MOUNTPOINT SEED [MICROSECONDS]\n", stderr);
        return 2;
    }
    uint64_t seed = strtoull(argv[2], NULL, 10);
    page_us = argc == 4 ? strtol(argv[3], NULL, 10) : 0;
    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&blocked);
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
        sigaction(signals[i], &(struct sigaction){.sa_handler = on_signal}, NULL);
        sigaddset(&blocked, signals[i]);
    }
    sigprocmask(SIG_BLOCK, &blocked, &before);
    int rc;
    for (uint64_t cut = 1; (rc = serve(argv[1], &before)) == 0; cut++) {
        struct disk_cut_report r = disk_cut(cut % 2 || !seed ? 0 : seed * 0x9e3779b97f4a7c15u + cut);
        printf("cut %llu: dropped %zu pages and %zu changes of names, kept %zu and %zu\n", (unsigned long long)cut, r.pages_dropped,
               r.changes_dropped, r.pages_kept, r.changes_kept);
        fflush(stdout);
    }
    return rc > 0 ? 0 : 1;
}
