/* SPDX-License-Identifier: Apache-2.0
 *
 * copy: copies and renames made of reads, writes and removes.  A rename first copies everything and
 * then removes, so that a failure between leaves two copies and never none; running it again ends
 * it.  Memory: one window of a few MiB for a copy; the names of a renamed directory page by page.
 */
#include "ufs/copy.h"

#include "base/mem.h"

#include <string.h>

#define WINDOW ((size_t)4 << 20)
#define PAGE_NAMES 1000
#define DIRS_MAX 1000000

/* Pulls an object by ranges of one version. */
struct object_source {
    struct source source;
    struct ufs *u;
    const struct ufs_call *call;
    const char *key, *etag;
    uint64_t off, length;
    struct buf window;
    size_t taken;
};

static int object_fill(struct object_source *s, struct err *err)
{
    struct sink_buf sink;

    buf_reset(&s->window);
    s->taken = 0;
    sink_buf_init(&sink, &s->window);
    uint64_t len = s->length - s->off < WINDOW ? s->length - s->off : WINDOW;
    TRY(ufs_read(s->u, s->call, s->key, s->off, len, s->etag, &sink.sink, err));
    TRY(buf_check(&s->window, "part of a copied file", err));
    if (s->window.len != len)
        return err_set(err, ERR_STORE_ERROR, "'/%s' ended early while it was copied", s->key);
    s->off += len;
    return 0;
}

static int object_pull(struct source *src, void *to, size_t cap, size_t *ret_len, struct err *err)
{
    struct object_source *s = (struct object_source *)src;

    if (s->taken == s->window.len && s->off < s->length)
        TRY(object_fill(s, err));
    size_t n = s->window.len - s->taken < cap ? s->window.len - s->taken : cap;
    if (n)
        memcpy(to, s->window.data + s->taken, n);
    s->taken += n;
    *ret_len = n;
    return 0;
}

int copy_through(struct ufs *u, const struct ufs_call *c, const char *from, const char *to,
                 struct err *err)
{
    struct ufs_stat st;

    TRY(ufs_stat(u, c, from, &st, err));
    if (st.type == UFS_DIRECTORY)
        return err_set(err, ERR_IS_DIRECTORY, "'/%s' is a directory", from);
    struct object_source s = {.source = {.pull = object_pull, .length = (int64_t)st.length},
                              .u = u,
                              .call = c,
                              .key = from,
                              .etag = st.etag[0] ? st.etag : NULL,
                              .length = st.length};
    buf_init(&s.window, WINDOW);
    int rc = ufs_write(u, c, to, &s.source, false, NULL, err);
    buf_done(&s.window);
    return rc;
}

/* A page of a recursive listing. */
struct page {
    size_t count, base_len;
    struct entry {
        char *name;
        bool is_dir;
    } entries[PAGE_NAMES];
};

static void page_done(struct page *p)
{
    for (size_t i = 0; i < p->count; i++)
        free(p->entries[i].name);
    p->count = 0;
}

static int page_add(void *arg, const char *name, const struct ufs_stat *st, struct err *err)
{
    struct page *p = arg;
    (void)err;

    bool is_dir = st->type == UFS_DIRECTORY;
    p->entries[p->count++] =
        (struct entry){.name = xasprintf("%s%s", name, is_dir ? "/" : ""), .is_dir = is_dir};
    return p->count == PAGE_NAMES;
}

static char *below(const char *dir, const char *name)
{
    char *path = xasprintf("%s%s%s", dir, dir[0] ? "/" : "", name);
    size_t len = strlen(path);
    if (len && path[len - 1] == '/')
        path[len - 1] = 0;
    return path;
}

static int copy_one(struct ufs *u, const struct ufs_call *c, const char *from, const char *to,
                    const struct entry *e, struct err *err)
{
    AUTO_FREE char *source = below(from, e->name);
    AUTO_FREE char *target = below(to, e->name);

    if (e->is_dir)
        return ufs_mkdir(u, c, target, 0755, err);
    return ufs_copy(u, c, source, target, err);
}

static int copy_page(struct ufs *u, const struct ufs_call *c, const char *from, const char *to,
                     const struct page *p, struct err *err)
{
    for (size_t i = 0; i < p->count; i++)
        TRY(copy_one(u, c, from, to, &p->entries[i], err));
    return 0;
}

static int remove_page(struct ufs *u, const struct ufs_call *c, const char *from, const char *to,
                       const struct page *p, struct err *err)
{
    char *keys[PAGE_NAMES] = {0};
    size_t n = 0;
    (void)to;

    for (size_t i = 0; i < p->count; i++)
        if (!p->entries[i].is_dir)
            keys[n++] = below(from, p->entries[i].name);
    int rc = ufs_remove_many(u, c, (const char *const *)keys, n, err);
    while (n > 0)
        free(keys[--n]);
    return rc;
}

typedef int (*page_fn)(struct ufs *u, const struct ufs_call *c, const char *from, const char *to,
                       const struct page *p, struct err *err);

static int for_each_page(struct ufs *u, const struct ufs_call *c, const char *from, const char *to,
                         page_fn act, struct err *err)
{
    AUTO_FREE struct page *p = xnew(struct page);
    AUTO_FREE char *after = NULL;
    int rc;

    do {
        rc = ufs_list(u, c, from, true, after, page_add, p, err);
        int acted = rc < 0 ? rc : act(u, c, from, to, p, err);
        if (p->count) {
            free(after);
            after = xstrdup(p->entries[p->count - 1].name);
        }
        page_done(p);
        TRY(acted);
    } while (rc > 0);
    return 0;
}

/* All directories below: they are removed once every name is known, the deepest first. */
struct dirs {
    char **names;
    size_t count, cap;
};

static int dirs_add(void *arg, const char *name, const struct ufs_stat *st, struct err *err)
{
    struct dirs *d = arg;

    if (st->type != UFS_DIRECTORY)
        return 0;
    if (d->count == DIRS_MAX)
        return err_set(err, ERR_TOO_LARGE, "more than %d directories to rename", DIRS_MAX);
    if (d->count == d->cap) {
        d->cap = d->cap ? d->cap * 2 : 64;
        d->names = xrealloc(d->names, d->cap * sizeof(*d->names));
    }
    d->names[d->count++] = xstrdup(name);
    return 0;
}

static int remove_dirs(struct ufs *u, const struct ufs_call *c, const char *from, struct err *err)
{
    struct dirs d = {0};

    int rc = ufs_list(u, c, from, true, NULL, dirs_add, &d, err);
    while (d.count > 0) {
        AUTO_FREE char *name = d.names[--d.count];
        AUTO_FREE char *dir = below(from, name);
        if (rc == 0)
            rc = ufs_rmdir(u, c, dir, err);
    }
    free(d.names);
    if (rc == -ERR_NOT_FOUND)
        return 0;
    TRY(rc);
    return ufs_rmdir(u, c, from, err);
}

static int rename_directory(struct ufs *u, const struct ufs_call *c, const char *from,
                            const char *to, struct err *err)
{
    size_t len = strlen(from);
    int rc;

    if (strncmp(from, to, len) == 0 && (to[len] == '/' || len == 0))
        return err_set(err, ERR_INVALID_ARGUMENT, "'/%s' cannot become a part of itself", from);
    TRY(ufs_mkdir(u, c, to, 0755, err));
    TRY(for_each_page(u, c, from, to, copy_page, err));
    rc = for_each_page(u, c, from, to, remove_page, err);
    if (rc < 0 && rc != -ERR_NOT_FOUND) /* an inferred directory goes with its last file */
        return rc;
    return remove_dirs(u, c, from, err);
}

int copy_rename(struct ufs *u, const struct ufs_call *c, const char *from, const char *to,
                struct err *err)
{
    struct ufs_stat st, target;

    int rc = ufs_stat(u, c, from, &st, err);
    if (rc == -ERR_NOT_FOUND && ufs_stat(u, c, to, &target, NULL) == 0)
        return 0;
    TRY(rc);
    if (strcmp(from, to) == 0)
        return 0;
    if (st.type == UFS_DIRECTORY)
        return rename_directory(u, c, from, to, err);
    if (u->driver->rename)
        return u->driver->rename(u, c, from, to, err);
    TRY(ufs_copy(u, c, from, to, err));
    return ufs_remove(u, c, from, err);
}
