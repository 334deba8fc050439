/* SPDX-License-Identifier: Apache-2.0
 *
 * op_list: the children of a directory by name, cursor or position, or all below it; and the sum of a subtree.
 * Memory does not grow with the directory: what meta gives page by page goes on to the caller.  Threads: any.
 */
#include "master/op.h"

#include "base/clock.h"
#include "base/text.h"

#include <stdio.h>
#include <string.h>

#define SYNC_AGAIN 1 /* the visitor stops: the store's listing has come only so far */

struct listing {
    struct master *m;
    const struct call *call;
    const struct list_options *o;
    struct place *p;
    list_fn each;
    void *arg;
    bool is_pinned;
    int64_t verified_ms;
    const char *through; /* "" all */
    size_t given;
    int caller_rc;
    struct list_result *result;
    char path[PATH_MAX_BYTES + 1];
    char last[NAME_MAX_BYTES + 1];
};

/* Names before the prefix are skipped, those behind it end the listing. */
static int against_prefix(const char *name, const char *prefix)
{
    return prefix ? strncmp(name, prefix, strlen(prefix)) : 0;
}

static int give(struct listing *l, const char *path, const struct inode *i, bool is_pinned, struct err *err)
{
    if (l->o->limit && l->given == l->o->limit) {
        l->result->has_more = true;
        return TREE_STOP;
    }
    struct file_info info;
    op_fill_info(l->m, path, i, l->p->at.id, is_pinned, &info);
    info.verified_ms = l->verified_ms;
    AUTO(buf) uri = {0};
    struct mount_at at = {.id = 0};
    if (l->o->read.want_ufs_path || l->o->is_recursive || i->flags & INODE_MOUNT_POINT) {
        TRY(mounts_resolve(l->m->mounts, path, &at, err));
        info.mount = at.id;
    }
    if (l->o->read.want_ufs_path) {
        buf_init(&uri, 4 * PATH_MAX_BYTES);
        TRY(mounts_uri_of(l->m->mounts, at.id, at.relative, &uri, err));
        info.ufs_path = buf_str(&uri);
    }
    l->given++;
    l->caller_rc = l->each(l->arg, &info, err);
    return l->caller_rc ? TREE_STOP : 0;
}

static int on_child(void *arg, const struct meta_child *c, struct err *err)
{
    struct listing *l = arg;
    int order = against_prefix(c->name, l->o->prefix);
    if (order)
        return order < 0 ? 0 : TREE_STOP;
    if (l->through[0] && strcmp(c->name, l->through) > 0)
        return SYNC_AGAIN;
    TRY(path_join(l->p->path, c->name, l->path, err));
    snprintf(l->last, sizeof l->last, "%s", c->name);
    bool is_pinned = l->is_pinned || (c->inode->flags & INODE_PINNED);
    return give(l, l->path, c->inode, is_pinned, err);
}

static int one_pass(struct listing *l, const char *after, struct err *err)
{
    char before[NAME_MAX_BYTES + 1];
    size_t n = l->o->prefix ? strnlen(l->o->prefix, NAME_MAX_BYTES) : 0;
    bool is_behind = after && strncmp(after, n ? l->o->prefix : "", n) >= 0;
    if (n && !is_behind && l->o->position < 0 && (unsigned char)l->o->prefix[n - 1] > ' ') {
        /* a string before all names with the prefix and not far before them */
        memcpy(before, l->o->prefix, n);
        before[n - 1]--;
        before[n] = 0;
        after = before;
    }
    return meta_list(l->m->meta, l->p->walk.last.ino, after, l->o->position, 0, true, on_child, l, err);
}

static int sync_page(struct listing *l, const char *after, struct sync_state *state, struct err *err)
{
    struct sync_wish wish = {.kind = SYNC_LIST, .read = l->o->read, .after = after, .limit = l->o->limit};
    TRY(place_sync(l->m, l->call, l->p, &wish, state, err));
    TRY(place_need(l->p, err));
    l->result->verified_ms = l->verified_ms = state->verified_ms;
    l->result->is_checking |= state->is_checking;
    return 0;
}

/* Page by page while the store's listing is still coming in; a caller with a limit comes back by itself. */
static int list_flat(struct listing *l, struct err *err)
{
    char after[NAME_MAX_BYTES + 1] = "";
    const char *from = l->o->after;
    for (;;) {
        struct sync_state state = {0};
        TRY(sync_page(l, from, &state, err));
        l->through = l->o->position < 0 ? state.through : "";
        int rc = one_pass(l, from, err);
        if (rc < 0 || rc == TREE_STOP || !l->through[0])
            return rc < 0 ? rc : 0;
        if (l->o->limit && l->given == l->o->limit) {
            l->result->has_more = true;
            return 0;
        }
        snprintf(after, sizeof after, "%s", l->through);
        from = after;
    }
}

static int enter(void *arg, const char *path, const struct inode *dir, struct err *err)
{
    struct listing *l = arg;
    struct err why;
    int rc = ops_check_inode(l->m, l->call, path, dir, ACCESS_READ | ACCESS_EXECUTE, &why);
    if (rc == -ERR_PERMISSION_DENIED)
        return TREE_SKIP;
    if (rc)
        return err_set(err, why.code, "%s", why.text);
    AUTO(place) p = {0};
    TRY(place_open(l->m, l->call, path, &p, err));
    if (!place_is_found(&p))
        return TREE_SKIP;
    struct sync_wish wish = {.kind = SYNC_LIST, .read = l->o->read};
    struct sync_state state = {0};
    TRY(place_sync(l->m, l->call, &p, &wish, &state, err));
    l->result->is_checking |= state.is_checking;
    l->verified_ms = state.verified_ms;
    return 0;
}

static int on_node(void *arg, const struct tree_node *n, struct err *err)
{
    struct listing *l = arg;
    if (l->o->prefix && !text_starts(n->relative, l->o->prefix)) {
        size_t len = strlen(n->relative);
        bool leads_there = n->inode->type == INODE_DIRECTORY && !strncmp(l->o->prefix, n->relative, len) && l->o->prefix[len] == '/';
        return leads_there ? TREE_ON : TREE_SKIP;
    }
    bool is_pinned = l->is_pinned || n->is_pinned_above || (n->inode->flags & INODE_PINNED);
    return give(l, n->path, n->inode, is_pinned, err);
}

static int list_tree(struct listing *l, struct err *err)
{
    struct sync_state state = {0};
    TRY(sync_page(l, NULL, &state, err));
    l->through = "";
    struct tree_options o = {
        .after = l->o->after, .deadline_ms = l->call->deadline_ms, .visit = on_node, .enter = enter, .arg = l};
    int rc = tree_walk(l->m, l->p->path, &l->p->walk.last, &o, err);
    return rc < 0 ? rc : 0;
}

static int list_directory(struct listing *l, struct err *err)
{
    TRY(ops_check_last(l->m, l->call, l->p, ACCESS_READ | ACCESS_EXECUTE, err));
    TRY(l->o->is_recursive ? list_tree(l, err) : list_flat(l, err));
    l->result->total = l->p->walk.last.length;
    return 0;
}

int op_list(void *impl, const struct call *call, const char *path, const struct list_options *o, list_fn each, void *arg,
            struct list_result *ret, struct err *err)
{
    struct master *m = impl;
    AUTO(place) p = {0};
    struct sync_state state = {0};
    struct list_result out = {0};
    TRY(op_open(m, call, path, &o->read, &p, &state, err));
    struct listing l = {.m = m, .call = call, .o = o, .p = &p, .each = each, .arg = arg, .result = &out, .through = ""};
    l.is_pinned = place_is_pinned(&p);
    if (p.walk.last.type == INODE_DIRECTORY) {
        TRY(list_directory(&l, err));
    } else { /* a file lists itself */
        l.verified_ms = out.verified_ms = state.verified_ms;
        out.total = 1;
        if (!o->after || !o->after[0])
            TRY(give(&l, p.path, &p.walk.last, l.is_pinned, err));
    }
    out.as_of_index = p.walk.index;
    *ret = out;
    return l.caller_rc;
}

/* ---- the sum of a subtree ---- */

struct summing {
    struct master *m;
    const struct call *call;
    struct usage sum;
};

static void count(struct summing *s, const struct inode *i)
{
    if (i->type == INODE_DIRECTORY) {
        s->sum.directories++;
        return;
    }
    s->sum.files++;
    s->sum.bytes += i->length;
    if (!s->m->data || !i->cid)
        return;
    struct content_ref c = {.ino = i->ino, .cid = i->cid, .length = i->length, .block_size = i->block_size};
    struct content_cached cached = {0};
    s->m->data->cached(s->m->data->impl, &c, &cached);
    s->sum.cached_bytes += cached.mem_bytes + cached.disk_bytes;
}

static int sum_enter(void *arg, const char *path, const struct inode *dir, struct err *err)
{
    struct summing *s = arg;
    struct err why;
    int rc = ops_check_inode(s->m, s->call, path, dir, ACCESS_READ | ACCESS_EXECUTE, &why);
    if (rc == -ERR_PERMISSION_DENIED)
        return TREE_SKIP;
    return rc ? err_set(err, why.code, "%s", why.text) : 0;
}

static int sum_node(void *arg, const struct tree_node *n, struct err *err)
{
    (void)err;
    count(arg, n->inode);
    return TREE_ON;
}

int op_usage(void *impl, const struct call *call, const char *path, struct usage *ret, struct err *err)
{
    struct summing s = {.m = impl, .call = call};
    AUTO(place) p = {0};
    TRY(op_open(s.m, call, path, NULL, &p, NULL, err));
    if (p.walk.last.type == INODE_DIRECTORY) {
        TRY(ops_check_last(s.m, call, &p, ACCESS_READ | ACCESS_EXECUTE, err));
        struct tree_options o = {.deadline_ms = call->deadline_ms, .visit = sum_node, .enter = sum_enter, .arg = &s};
        TRY(tree_walk(s.m, p.path, &p.walk.last, &o, err));
    } else {
        count(&s, &p.walk.last);
    }
    *ret = s.sum;
    return 0;
}
