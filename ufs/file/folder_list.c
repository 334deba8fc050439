/* SPDX-License-Identifier: Apache-2.0
 *
 * folder_list: the system gives names of a directory in no order.  A window keeps the smallest names
 * behind a point, at most folder_list_window bytes; what does not fit is read again with a later point.
 * A million names fit at once.  A recursive listing goes depth first with one window a level; its
 * order is by path component.  Names of unfinished writes are left out.  Threads: any.
 */
#include "ufs/file/folder_list.h"

#include "base/clock.h"
#include "base/mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

size_t folder_list_window = (size_t)24 << 20;

/* Sorted names of one directory, from `next` on. */
struct window {
    char *names; /* each ends in 0 */
    size_t len, cap;
    uint32_t *starts;
    size_t count, starts_cap, next;
    bool is_cut; /* there are names behind the last */
};

/* A directory that is being listed. */
struct level {
    struct window w;
    size_t path_len; /* of its path in walk.path; the root of the listing has 0 */
};

struct walk {
    struct file_store *f;
    const struct ufs_call *call;
    const char *key;
    bool recursive;
    ufs_list_fn each;
    void *arg;
    char path[PATH_MAX]; /* below key */
    int fd;              /* of the top level's directory, or -1 */
    struct level *levels;
    size_t depth, levels_cap;
};

static void window_done(struct window *w)
{
    free(w->names);
    free(w->starts);
    *w = (struct window){0};
}

static int by_name(const void *a, const void *b, void *names)
{
    const char *base = names;
    return strcmp(base + *(const uint32_t *)a, base + *(const uint32_t *)b);
}

static void window_sort(struct window *w)
{
    if (w->count)
        qsort_r(w->starts, w->count, sizeof(*w->starts), by_name, w->names);
}

static const char *window_last(const struct window *w)
{
    return w->names + w->starts[w->count - 1];
}

/* Keeps the smaller half. */
static void window_halve(struct window *w)
{
    window_sort(w);
    w->count = (w->count + 1) / 2;
    w->is_cut = true;
    char *kept = xmalloc(w->cap);
    size_t len = 0;
    for (size_t i = 0; i < w->count; i++) {
        size_t n = strlen(w->names + w->starts[i]) + 1;
        memcpy(kept + len, w->names + w->starts[i], n);
        w->starts[i] = (uint32_t)len;
        len += n;
    }
    free(w->names);
    w->names = kept;
    w->len = len;
}

static void window_add(struct window *w, const char *name, size_t len)
{
    if (w->len + len + 1 > w->cap) {
        w->cap = w->cap ? w->cap * 2 : 4096;
        w->names = xrealloc(w->names, w->cap);
    }
    if (w->count == w->starts_cap) {
        w->starts_cap = w->starts_cap ? w->starts_cap * 2 : 256;
        w->starts = xrealloc(w->starts, w->starts_cap * sizeof(*w->starts));
    }
    memcpy(w->names + w->len, name, len + 1);
    w->starts[w->count++] = (uint32_t)w->len;
    w->len += len + 1;
}

/* The smallest names behind `after` . What lies behind `limit` was cut off. */
static int window_fill(struct window *w, int fd, const char *after, const char *key,
                       struct err *err)
{
    AUTO_FREE char *limit = NULL;
    int own = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = own >= 0 ? fdopendir(own) : NULL;

    if (!dir) {
        int os = errno;
        if (own >= 0)
            close(own);
        return root_errno(err, os, "list", key);
    }
    errno = 0;
    for (const struct dirent *e; (e = readdir(dir)); errno = 0) {
        const char *name = e->d_name;
        int order = after ? strcmp(name, after) : 1;
        if (order <= 0 || strcmp(name, ".") == 0 ||
            strcmp(name, "..") == 0 || root_is_temp(name) || (limit && strcmp(name, limit) > 0))
            continue;
        if (w->len + strlen(name) + 1 > folder_list_window) {
            window_halve(w);
            free(limit);
            limit = xstrdup(window_last(w));
            if (strcmp(name, limit) > 0)
                continue;
        }
        window_add(w, name, strlen(name));
    }
    int os = errno;
    closedir(dir);
    window_sort(w);
    return os ? root_errno(err, os, "list", key) : 0;
}

static char *full_key(const struct walk *k, size_t path_len)
{
    return xasprintf("%s%s%.*s", k->key, k->key[0] && path_len ? "/" : "", (int)path_len, k->path);
}

/* (Re)opens the directory of the top level. */
static int open_top(struct walk *k, struct err *err)
{
    AUTO_FREE char *key = full_key(k, k->levels[k->depth - 1].path_len);

    if (k->fd >= 0)
        close(k->fd);
    k->fd = -1;
    return root_open(k->f, key, O_RDONLY | O_DIRECTORY, 0, &k->fd, err);
}

/* Goes into the directory k->path[0, path_len). */
static int push_level(struct walk *k, size_t path_len, const char *after,
                      struct err *err)
{
    if (k->depth == k->levels_cap) {
        k->levels_cap = k->levels_cap ? k->levels_cap * 2 : 8;
        k->levels = xrealloc(k->levels, k->levels_cap * sizeof(*k->levels));
    }
    struct level *top = &k->levels[k->depth++];
    *top = (struct level){.path_len = path_len};
    TRY(open_top(k, err));
    AUTO_FREE char *key = full_key(k, path_len);
    return window_fill(&top->w, k->fd, after, key, err);
}

static void pop_level(struct walk *k)
{
    window_done(&k->levels[--k->depth].w);
    if (k->fd >= 0)
        close(k->fd);
    k->fd = -1;
}

/* Status of a child; false when it has gone. */
static bool child_stat(struct walk *k, const char *name, size_t path_len, struct ufs_stat *ret)
{
    struct stat st, target;

    if (fstatat(k->fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return false;
    if (S_ISLNK(st.st_mode) && k->f->follow) {
        AUTO_FREE char *key = full_key(k, path_len);
        AUTO_FD int fd = -1;
        if (root_open(k->f, key, O_PATH, 0, &fd, NULL) == 0 && fstat(fd, &target) == 0)
            st = target;
    }
    root_stat(k->f, &st, ret);
    return true;
}

/* Sets the last component of k->path; its whole length, or 0 when it is too long. */
static size_t set_path(struct walk *k, size_t dir_len, const char *name)
{
    size_t len = strlen(name), at = dir_len ? dir_len + 1 : 0;

    if (at + len >= sizeof(k->path))
        return 0;
    if (dir_len)
        k->path[dir_len] = '/';
    memcpy(k->path + at, name, len + 1);
    return at + len;
}

/* A directory may vanish between its name and its listing. */
static int enter(struct walk *k, size_t path_len, const char *after, struct err *err)
{
    int rc = push_level(k, path_len, after, err);
    if (rc == -ERR_NOT_FOUND || rc == -ERR_NOT_DIRECTORY || rc == -ERR_STORE_DENIED) {
        pop_level(k);
        return 0;
    }
    return rc;
}

static int visit(struct walk *k, const char *name, size_t dir_len, struct err *err)
{
    struct ufs_stat st;

    size_t len = set_path(k, dir_len, name);
    if (!len || !child_stat(k, name, len, &st))
        return 0;
    int rc = k->each(k->arg, k->path, &st, err);
    if (rc)
        return rc;
    if (st.type != UFS_DIRECTORY || !k->recursive)
        return 0;
    return enter(k, len, NULL, err);
}

static int refill(struct walk *k, struct level *top, struct err *err)
{
    AUTO_FREE char *after = xstrdup(window_last(&top->w));
    AUTO_FREE char *key = full_key(k, top->path_len);

    window_done(&top->w);
    return window_fill(&top->w, k->fd, after, key, err);
}

static int walk_on(struct walk *k, struct err *err)
{
    while (k->depth) {
        struct level *top = &k->levels[k->depth - 1];
        if (k->fd < 0 && open_top(k, NULL) < 0) {
            pop_level(k); /* gone meanwhile */
            continue;
        }
        if (top->w.next == top->w.count && top->w.is_cut)
            TRY(refill(k, top, err));
        if (top->w.next == top->w.count) {
            pop_level(k);
            continue;
        }
        if (clock_is_past(k->call->deadline_ms))
            return err_set(err, ERR_TIMEOUT, "the time was too short to list '/%s'", k->key);
        const char *name = top->w.names + top->w.starts[top->w.next++];
        int rc = visit(k, name, top->path_len, err);
        if (rc)
            return rc;
    }
    return 0;
}

/* Enters the directories on the way to `after`, each behind the component that leads on. */
static int start_recursive(struct walk *k, const char *after, struct err *err)
{
    size_t dir_len = 0;

    for (const char *p = after; p && *p;) {
        size_t n = strcspn(p, "/");
        AUTO_FREE char *name = xstrndup(p, n);
        size_t depth = k->depth;
        if (dir_len == 0)
            TRY(push_level(k, 0, name, err));
        else
            TRY(enter(k, dir_len, name, err));
        if (k->depth == depth)
            return 0;
        dir_len = set_path(k, dir_len, name);
        p += n + (p[n] == '/');
        if (dir_len == 0)
            return 0;
    }
    /* what it names may itself be a directory whose children come next */
    return dir_len ? enter(k, dir_len, NULL, err) : push_level(k, 0, NULL, err);
}

static void walk_done(struct walk *k)
{
    while (k->depth)
        pop_level(k);
    free(k->levels);
}

int folder_list(struct ufs *u, const struct ufs_call *c, const char *key, bool recursive,
                const char *after, ufs_list_fn each, void *arg, struct err *err)
{
    struct file_store *f = (struct file_store *)u;

    TRY(root_check(f, err));
    AUTO(walk) k = {.f = f, .call = c, .key = key, .recursive = recursive,
                    .each = each, .arg = arg, .fd = -1};
    if (recursive)
        TRY(start_recursive(&k, after, err));
    else {
        AUTO_FREE char *name = after ? xstrndup(after, strcspn(after, "/")) : NULL;
        TRY(push_level(&k, 0, name, err));
    }
    TRY(root_check(f, err)); /* a folder that was unmounted meanwhile looks empty */
    return walk_on(&k, err);
}
