/* SPDX-License-Identifier: Apache-2.0
 *
 * pins: see the header.  Threads: any; subtrees are walked on pool threads.
 */
#include "master/pins.h"

#include "base/clock.h"
#include "base/log.h"
#include "master/tree.h"

struct telling {
    struct master *m;
    char *path;
    struct inode top;
    bool is_pinned;
};

static void tell(struct master *m, const struct inode *i, bool is_pinned)
{
    if (m->data && i->type == INODE_FILE && i->cid)
        m->data->pin(m->data->impl, i->cid, is_pinned);
}

static int tell_node(void *arg, const struct tree_node *n, struct err *err)
{
    (void)err;
    const struct telling *t = arg;
    if (__atomic_load_n(&t->m->is_stopping, __ATOMIC_ACQUIRE))
        return TREE_STOP;
    bool is_pinned = t->is_pinned || n->is_pinned_above || (n->inode->flags & INODE_PINNED);
    tell(t->m, n->inode, is_pinned);
    return TREE_ON;
}

static void tell_subtree(void *arg)
{
    struct telling *t = arg;
    struct err err;
    struct tree_options o = {.deadline_ms = CLOCK_NEVER, .visit = tell_node, .arg = t};
    if (tree_walk(t->m, t->path, &t->top, &o, &err) < 0)
        log_warn(master, "pins below %s reach the cache when files are read: %s", t->path, err.text);
    free(t->path);
    free(t);
}

void pins_changed(struct master *m, const struct inode *top, const char *path, bool is_pinned)
{
    tell(m, top, is_pinned);
    if (!m->data || top->type != INODE_DIRECTORY)
        return;
    struct telling *t = xnew(struct telling);
    *t = (struct telling){m, xstrdup(path), *top, is_pinned};
    t->top.flags = is_pinned ? top->flags | INODE_PINNED : top->flags & ~(uint32_t)INODE_PINNED;
    if (pool_submit(m->pool, tell_subtree, t, NULL)) { /* a full queue: the caller does it */
        tell_subtree(t);
    }
}

void pins_tell_all(void *master)
{
    struct master *m = master;
    enum { MARKS = 256 };
    struct mark marks[MARKS];
    int n = meta_marks(m->meta, MARK_PINNED, INT64_MAX, marks, MARKS, NULL);
    for (int i = 0; i < n; i++) {
        struct inode top;
        AUTO(buf) path;
        buf_init(&path, PATH_MAX_BYTES + 1);
        if (!meta_inode(m->meta, marks[i].ino, &top, NULL) && !meta_path(m->meta, marks[i].ino, &path, NULL))
            pins_changed(m, &top, buf_str(&path), true);
    }
}
