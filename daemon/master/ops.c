/* SPDX-License-Identifier: Apache-2.0
 *
 * ops: see the header.  Threads: any; an operation keeps its state on its own stack.
 */
#include "master/ops.h"

#include "base/clock.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define TRIES 8
#define LANE_MS 10000 /* others wait behind the one in the lane */

void place_done(struct place *p)
{
    walk_done(&p->walk);
    p->walk = (struct walk){0};
}

static int check_scope(const struct call *call, const char *path, struct err *err)
{
    const char *scope = call->who->scope;
    if (!scope || path_is_below(path, scope))
        return 0;
    return err_set(err, ERR_PERMISSION_DENIED, "Permission denied: user=%s may act below %.80s only, not on %.80s", call->who->user,
                   scope, path);
}

int place_again(struct master *m, struct place *p, struct err *err)
{
    walk_done(&p->walk);
    p->walk = (struct walk){0};
    TRY(mounts_resolve(m->mounts, p->path, &p->at, err));
    return meta_walk(m->meta, p->path, &p->walk, err);
}

int place_open(struct master *m, const struct call *call, const char *path, struct place *ret, struct err *err)
{
    TRY(path_clean(path, ret->path, err));
    TRY(check_scope(call, ret->path, err));
    if (call->min_index)
        TRY(meta_wait_index(m->meta, call->min_index, call->deadline_ms, err));
    return place_again(m, ret, err);
}

struct call ops_real(const struct call *call)
{
    struct call real = *call;
    real.is_dry_run = false;
    real.idempotency_key = NULL;
    return real;
}

int place_sync(struct master *m, const struct call *call, struct place *p, const struct sync_wish *wish, struct sync_state *state,
               struct err *err)
{
    struct sync_state here = {0};
    if (!state)
        state = &here;
    struct call real = ops_real(call);
    TRY(sync_before(m->sync, &real, p->path, &p->walk, wish, state, err));
    return state->must_walk ? place_again(m, p, err) : 0;
}

bool place_is_found(const struct place *p)
{
    return p->walk.count == p->walk.depth;
}

bool place_is_root(const struct place *p)
{
    return p->path[1] == 0;
}

bool place_is_mount_point(const struct place *p)
{
    return p->at.relative[0] == 0;
}

int place_need(const struct place *p, struct err *err)
{
    if (place_is_found(p))
        return 0;
    return err_set(err, ERR_NOT_FOUND, "Path \"%.180s\" does not exist.", p->path);
}

const struct walk_node *place_last(const struct place *p)
{
    return &p->walk.nodes[p->walk.count - 1];
}

int place_parent(const struct place *p, const struct walk_node **ret, struct err *err)
{
    if (p->walk.depth < 2 || p->walk.count < p->walk.depth - 1)
        return err_set(err, ERR_NOT_FOUND, "%.180s does not have a valid parent", p->path);
    *ret = &p->walk.nodes[p->walk.depth - 2];
    if ((*ret)->type != INODE_DIRECTORY)
        return err_set(err, ERR_NOT_DIRECTORY, "%.180s does not have a valid parent", p->path);
    return 0;
}

void place_node_path(const struct place *p, size_t i, char ret[PATH_MAX_BYTES + 1])
{
    const char *end = i ? p->path : p->path + 1;
    for (size_t k = 0; k < i && end; k++)
        end = strchr(end + 1, '/');
    size_t n = end ? (size_t)(end - p->path) : strlen(p->path);
    memcpy(ret, p->path, n);
    ret[n] = 0;
}

bool place_is_pinned(const struct place *p)
{
    for (size_t i = 0; i < p->walk.count; i++)
        if (p->walk.nodes[i].flags & INODE_PINNED)
            return true;
    return false;
}

/* ---- permission ---- */

int ops_may_change(const struct call *call, struct err *err)
{
    if (call->who->can_write)
        return 0;
    return err_set(err, ERR_PERMISSION_DENIED, "Permission denied: user=%s may read only", call->who->user);
}

const char *ops_name(struct master *m, principal_id id)
{
    return meta_principal_name(m->meta, id);
}

bool ops_is_super(struct master *m, const struct call *call)
{
    return access_is_super(call->who, m->supergroup);
}

static int attr_or_empty(struct master *m, inode_id ino, const char *name, struct buf *to, struct err *err)
{
    struct err why;
    int rc = meta_attr(m->meta, ino, name, to, &why);
    if (rc == -ERR_NOT_FOUND) /* taken away since the inode was read */
        return 0;
    if (rc && err)
        *err = why;
    return rc;
}

int ops_acl(struct master *m, inode_id ino, uint32_t mode, uint32_t flags, struct acl *ret, struct err *err)
{
    acl_from_mode(ret, mode);
    AUTO(buf) b;
    buf_init(&b, 32u << 10);
    if (flags & INODE_HAS_ACL) {
        TRY(attr_or_empty(m, ino, "acl", &b, err));
        TRY(acl_decode(ret, false, mode, b.data, b.len, err));
    }
    buf_reset(&b);
    if (flags & INODE_HAS_DEFAULT_ACL) {
        TRY(attr_or_empty(m, ino, "acl.default", &b, err));
        TRY(acl_decode(ret, true, mode, b.data, b.len, err));
    }
    return 0;
}

struct asked {
    struct master *m;
    const struct call *call;
    const char *path;
};

static int check_node(const struct asked *q, const struct walk_node *n, const char *failed_at, unsigned rwx, struct err *err)
{
    struct access_subject s = {ops_name(q->m, n->owner), ops_name(q->m, n->group), n->mode, NULL};
    struct acl acl;
    if (n->flags & INODE_HAS_ACL) {
        TRY(ops_acl(q->m, n->ino, n->mode, n->flags & INODE_HAS_ACL, &acl, err));
        s.acl = &acl;
    }
    if (access_allows(q->call->who, q->m->supergroup, &s, rwx))
        return 0;
    return access_denied(q->call->who, q->path, failed_at, &s, rwx, err);
}

static const char *node_name(const struct place *p, size_t i, char to[NAME_MAX_BYTES + 1])
{
    char path[PATH_MAX_BYTES + 1];
    place_node_path(p, i, path);
    snprintf(to, NAME_MAX_BYTES + 1, "%s", i ? path_name(path) : "/");
    return to;
}

int ops_check(struct master *m, const struct call *call, const struct place *p, size_t i, unsigned rwx, struct err *err)
{
    if (ops_is_super(m, call))
        return 0;
    struct asked q = {m, call, p->path};
    for (size_t k = 0; k <= i; k++) {
        unsigned need = k < i ? ACCESS_EXECUTE : rwx;
        struct err why;
        if (!need || !check_node(&q, &p->walk.nodes[k], "", need, &why))
            continue;
        if (why.code != ERR_PERMISSION_DENIED)
            return err_set(err, why.code, "%s", why.text);
        char name[NAME_MAX_BYTES + 1];
        return check_node(&q, &p->walk.nodes[k], node_name(p, k, name), need, err);
    }
    return 0;
}

int ops_check_last(struct master *m, const struct call *call, const struct place *p, unsigned rwx, struct err *err)
{
    return ops_check(m, call, p, p->walk.count - 1, rwx, err);
}

int ops_check_unlink(struct master *m, const struct call *call, const struct place *p, struct err *err)
{
    const struct walk_node *dir;
    TRY(place_parent(p, &dir, err));
    TRY(ops_check(m, call, p, p->walk.depth - 2, ACCESS_WRITE | ACCESS_EXECUTE, err));
    struct access_subject s = {ops_name(m, dir->owner), ops_name(m, dir->group), dir->mode, NULL};
    const char *owner = ops_name(m, place_last(p)->owner);
    bool is_sticky = place_is_found(p) && dir->mode & 01000;
    if (!is_sticky || ops_is_super(m, call) || !strcmp(call->who->user, owner) || !strcmp(call->who->user, s.owner))
        return 0;
    char name[NAME_MAX_BYTES + 1];
    return access_denied(call->who, p->path, node_name(p, p->walk.depth - 2, name), &s, ACCESS_WRITE, err);
}

int ops_check_inode(struct master *m, const struct call *call, const char *path, const struct inode *i, unsigned rwx, struct err *err)
{
    if (ops_is_super(m, call))
        return 0;
    struct walk_node n = {.ino = i->ino, .type = i->type, .flags = i->flags, .mode = i->mode, .owner = i->owner, .group = i->group};
    struct asked q = {m, call, path};
    return check_node(&q, &n, path[1] ? path_name(path) : "/", rwx, err);
}

/* ---- entries ---- */

void ops_guard(struct entry *e, const struct place *p)
{
    struct inode_version chain[PATH_MAX_DEPTH + 2];
    size_t n = 0;
    for (size_t i = 0; i < p->walk.count && n < array_len(chain); i++)
        if (p->walk.nodes[i].type == INODE_DIRECTORY)
            chain[n++] = (struct inode_version){p->walk.nodes[i].ino, p->walk.nodes[i].attr_ver};
    entry_guard_chain(e, p->walk.epoch, chain, n);
}

int ops_propose(struct master *m, const struct call *call, const struct entry *e, struct err *err)
{
    TRY(buf_check(&e->bytes, "what the change writes at once", err));
    if (call->is_dry_run)
        return 0;
    return meta_propose(m->meta, call, e, err);
}

static bool lane_enter(struct master *m, int64_t deadline_ms)
{
    LOCK_SCOPE(&m->lane);
    while (m->is_lane_taken)
        if (!cond_wait(&m->lane_free, &m->lane, deadline_ms))
            return false;
    m->is_lane_taken = true;
    return true;
}

static void lane_leave(struct master *m)
{
    LOCK_SCOPE(&m->lane);
    m->is_lane_taken = false;
    cond_wake_one(&m->lane_free);
}

/* A short wait of a random length, so that two that collide do not meet again. */
static void jitter(unsigned attempt)
{
    struct timespec t = {0, (long)(clock_mono_us() * 7919 % (200 << attempt)) * 1000};
    nanosleep(&t, NULL); /* no event to wait for: at most 26 ms, eight times in an operation */
}

static int give_up(struct err *err)
{
    return err_set(err, ERR_BUSY, "what the change relies on is being changed by others all the time; try again");
}

int ops_run(struct master *m, const struct call *call, ops_attempt attempt, void *arg, struct err *err)
{
    for (unsigned i = 0; i < TRIES; i++) {
        int rc = attempt(m, call, arg, err);
        if (rc != -ERR_STALE)
            return rc;
        if (clock_is_past(call->deadline_ms))
            return give_up(err);
        if (i)
            jitter(i);
    }
    if (!lane_enter(m, call->deadline_ms))
        return give_up(err);
    int64_t end = clock_mono_ms() + LANE_MS;
    int rc;
    do
        rc = attempt(m, call, arg, err);
    while (rc == -ERR_STALE && !clock_is_past(call->deadline_ms) && !clock_is_past(end));
    lane_leave(m);
    return rc == -ERR_STALE ? give_up(err) : rc;
}

int ops_if_match(const char *tag, const struct inode *i, const char *path, struct err *err)
{
    char now[64];
    if (!tag)
        return 0;
    if (i && file_tag_matches(tag, file_info_tag(i, now)))
        return 0;
    return err_set(err, ERR_PRECONDITION_FAILED, "'%.120s' is not what %s names any more", path, tag);
}

int ops_owner(struct master *m, const struct call *call, principal_id parent_group, principal_id *ret_owner, principal_id *ret_group,
              struct err *err)
{
    TRY(meta_principal(m->meta, call, call->who->user, ret_owner, err));
    *ret_group = parent_group;
    if (call->who->group_count)
        TRY(meta_principal(m->meta, call, call->who->groups[0], ret_group, err));
    return 0;
}
