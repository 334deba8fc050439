/* SPDX-License-Identifier: Apache-2.0
 *
 * tree: see the header.  A stack of levels, each with its directory and one page of children; no recursion.
 * Threads: any.
 */
#include "master/tree.h"

#include "base/clock.h"

#include <string.h>

#define PAGE 128

struct child {
    struct inode inode;
    char name[NAME_MAX_BYTES + 1];
};
struct level {
    struct inode dir;
    size_t path_len; /* of the directory's path in walker.path */
    char after[NAME_MAX_BYTES + 1];
    bool has_after, is_last_page;
    size_t n, at;
    struct child *page; /* NULL: not read */
};
struct walker {
    struct master *m;
    const struct tree_options *o;
    char path[PATH_MAX_BYTES + 1];
    size_t top_len;
    struct level *levels[PATH_MAX_DEPTH + 2];
    size_t depth;
    uint64_t seen;
};

static int take(void *arg, const struct meta_child *c, struct err *err)
{
    (void)err;
    struct level *l = arg;
    struct child *to = &l->page[l->n++];
    to->inode = *c->inode;
    memcpy(to->name, c->name, strlen(c->name) + 1);
    return 0;
}

static int fill(struct walker *w, struct level *l, struct err *err)
{
    if (!l->page)
        l->page = xcalloc(PAGE, sizeof *l->page);
    l->n = l->at = 0;
    TRY(meta_list(w->m->meta, l->dir.ino, l->has_after ? l->after : NULL, -1, PAGE, true, take, l, err));
    l->is_last_page = l->n < PAGE;
    if (l->n) {
        memcpy(l->after, l->page[l->n - 1].name, sizeof l->after);
        l->has_after = true;
    }
    return 0;
}

/* Opens the directory whose path stands in w->path[0..len). 0 or TREE_SKIP or an error. */
static int push(struct walker *w, const struct inode *dir, size_t len, struct err *err)
{
    if (w->depth == array_len(w->levels))
        return err_set(err, ERR_NAME_TOO_LONG, "the path is more than %d levels deep", PATH_MAX_DEPTH);
    w->path[len] = 0;
    int rc = w->o->enter ? w->o->enter(w->o->arg, w->path, dir, err) : 0;
    if (rc)
        return rc;
    struct level *l = xnew(struct level);
    l->dir = *dir;
    l->path_len = len;
    w->levels[w->depth++] = l;
    return 0;
}

static void pop(struct walker *w)
{
    struct level *l = w->levels[--w->depth];
    free(l->page);
    free(l);
}

/* Puts the child's name behind its directory's path; the new length, or 0 when it is too long to have a path. */
static size_t extend(struct walker *w, const struct level *l, const char *name)
{
    size_t at = l->path_len, n = strlen(name);
    if (at + 1 + n > PATH_MAX_BYTES)
        return 0;
    if (at > 1)
        w->path[at++] = '/';
    memcpy(w->path + at, name, n + 1);
    return at + n;
}

static int visit(struct walker *w, struct level *l, const struct child *c, struct err *err)
{
    size_t len = extend(w, l, c->name);
    if (!len)
        return 0;
    struct tree_node n = {.path = w->path,
                          .relative = w->path + w->top_len + (w->top_len > 1),
                          .inode = &c->inode,
                          .depth = w->depth,
                          .is_pinned_above = false};
    for (size_t i = 0; i < w->depth; i++)
        n.is_pinned_above |= (w->levels[i]->dir.flags & INODE_PINNED) != 0;
    int rc = w->o->visit(w->o->arg, &n, err);
    if (rc || c->inode.type != INODE_DIRECTORY)
        return rc == TREE_SKIP ? 0 : rc;
    rc = push(w, &c->inode, len, err);
    return rc == TREE_SKIP ? 0 : rc;
}

static int step(struct walker *w, struct err *err)
{
    if (++w->seen % 64 == 0 && clock_is_past(w->o->deadline_ms))
        return err_set(err, ERR_TIMEOUT, "the deadline passed at %.160s", w->path);
    struct level *l = w->levels[w->depth - 1];
    if (l->page && l->at < l->n)
        return visit(w, l, &l->page[l->at++], err);
    if (l->page && l->is_last_page) {
        pop(w);
        return 0;
    }
    return fill(w, l, err);
}

/* Opens the levels that lead to `after`, so that the walk goes on behind it. */
static int seek(struct walker *w, const char *after, struct err *err)
{
    while (after && *after) {
        struct level *l = w->levels[w->depth - 1];
        const char *slash = strchrnul(after, '/');
        size_t n = (size_t)(slash - after);
        TRY(path_check_name(after, n, err));
        memcpy(l->after, after, n);
        l->after[n] = 0;
        l->has_after = true;
        inode_id ino;
        enum inode_type type;
        struct err why;
        int rc = meta_lookup(w->m->meta, l->dir.ino, after, n, &ino, &type, &why);
        if (rc == -ERR_NOT_FOUND || (!rc && type != INODE_DIRECTORY))
            return 0;
        struct inode dir;
        if (!rc)
            rc = meta_inode(w->m->meta, ino, &dir, &why);
        if (rc)
            return rc == -ERR_NOT_FOUND ? 0 : err_set(err, why.code, "%s", why.text);
        size_t len = extend(w, l, l->after);
        rc = len ? push(w, &dir, len, err) : 0;
        if (rc || !len)
            return rc == TREE_SKIP ? 0 : rc;
        after = *slash ? slash + 1 : slash;
    }
    return 0;
}

int tree_walk(struct master *m, const char *top_path, const struct inode *top, const struct tree_options *o, struct err *err)
{
    AUTO_FREE struct walker *w = xnew(struct walker);
    w->m = m;
    w->o = o;
    w->top_len = strlen(top_path);
    memcpy(w->path, top_path, w->top_len + 1);
    int rc = push(w, top, w->top_len, err);
    if (!rc)
        rc = seek(w, o->after, err);
    while (!rc && w->depth)
        rc = step(w, err);
    while (w->depth)
        pop(w);
    return rc == TREE_SKIP ? 0 : rc;
}
