/* SPDX-License-Identifier: Apache-2.0
 *
 * op_write: files come into being.  write_begin checks and plans, the bytes go their way, write_commit publishes
 * dentry and inode whole in one entry; create shows an incomplete file before.  A write that reaches the store journals
 * its intent first and ends it in the entry that publishes.
 *
 * Invariants: 1. nothing of a write_begin is visible before its commit.  2. the inode that is published is the one of
 * the plan (cached blocks carry it).  3. a journaled intent is ended by the commit's entry or handed to recovery.
 *
 *   planned → op_write_begin → (store: intent journaled) → op_write_commit → published
 *                                                        → op_write_abort → nothing, or recovery looks at the store
 * Threads: any; a plan belongs to one at a time.
 */
#include "master/op.h"

#include "base/fault.h"

#include <stdio.h>
#include <string.h>

struct writing {
    struct create_options o; /* strings are ours */
    bool is_visible;         /* made by create */
    bool was_there;          /* plan's inode existed at begin */
    bool has_intent;         /* journaled */
    struct intent_claim *claim;
};
struct beginning {
    const char *path;
    const struct create_options *o;
    bool is_visible;
    struct write_plan *plan;
};

static void writing_free(struct writing *w)
{
    if (!w)
        return;
    free((char *)w->o.content_type);
    free((char *)w->o.if_match);
    free(w);
}

static struct writing *writing_new(const struct create_options *o, bool is_visible)
{
    struct writing *w = xnew(struct writing);
    w->o = *o;
    w->o.content_type = o->content_type ? xstrdup(o->content_type) : NULL;
    w->o.if_match = o->if_match ? xstrdup(o->if_match) : NULL;
    w->is_visible = is_visible;
    return w;
}

static void plan_clear(struct write_plan *plan)
{
    free(plan->content.key);
    free(plan->path);
    writing_free(plan->state);
    *plan = (struct write_plan){0};
}

static bool reaches_store(enum write_type t)
{
    return t == WRITE_CACHE_THROUGH || t == WRITE_THROUGH;
}

/* May the file be (re)placed here? */
static int check_target(struct master *m, const struct call *call, const struct place *p, const struct create_options *o, struct err *err)
{
    const struct inode *there = place_is_found(p) ? &p->walk.last : NULL;
    TRY(ops_if_match(o->if_match, there, p->path, err));
    if (!there)
        return 0;
    if (o->if_none_match)
        return err_set(err, ERR_PRECONDITION_FAILED, "%.180s already exists", p->path);
    if (there->type == INODE_DIRECTORY)
        return err_set(err, ERR_IS_DIRECTORY, "%.150s already exists. Directories cannot be overwritten with create", p->path);
    if (there->type != INODE_FILE)
        return err_set(err, ERR_ALREADY_EXISTS, "%.180s already exists and is no file", p->path);
    if (!o->overwrite && !o->if_match)
        return err_set(err, ERR_ALREADY_EXISTS,
                       "%.120s already exists. If you want to overwrite the file, you need to specify the overwrite option.", p->path);
    return ops_check_last(m, call, p, ACCESS_WRITE, err);
}

static int resolve_defaults(struct master *m, const char *path, struct create_options *o, struct err *err)
{
    struct path_defaults d = {.write_type = m->options.write_type,
                              .block_size = m->options.block_size,
                              .ttl_ms = -1,
                              .ttl_action = TTL_FREE};
    TRY(path_conf_defaults(m->path_conf, path, &d, err));
    if (!o->write_type)
        o->write_type = d.write_type;
    if (!o->block_size)
        o->block_size = d.block_size;
    if (o->block_size > UINT32_MAX)
        return err_set(err, ERR_INVALID_ARGUMENT, "a block has less than 4GB");
    if (o->ttl_ms == -2) {
        o->ttl_ms = d.ttl_ms;
        o->ttl_action = d.ttl_action;
    }
    if (o->replication_max >= 0 && (int64_t)o->replication_min > o->replication_max)
        return err_set(err, ERR_INVALID_ARGUMENT, "replication min %u is above max %d", o->replication_min, o->replication_max);
    return 0;
}

/* ---- what the published inode looks like ---- */

static void fill_options(struct inode *i, const struct create_options *o)
{
    i->block_size = (uint32_t)o->block_size;
    i->ttl_ms = o->ttl_ms >= 0 ? o->ttl_ms : -1;
    i->ttl_action = o->ttl_action;
    i->replication_min = o->replication_min;
    i->replication_max = o->replication_max ? o->replication_max : -1;
}

static void put_content_type(struct entry *e, const struct writing *w, inode_id ino, bool was_there)
{
    if (w->o.content_type)
        entry_put_attr(e, ino, "content_type", w->o.content_type, strlen(w->o.content_type));
    else if (was_there)
        entry_remove_attr(e, ino, "content_type");
}

static void fill_outcome(struct inode *i, const struct write_plan *plan, const struct writing *w, const struct write_outcome *out,
                         int64_t now_ms)
{
    i->flags |= INODE_COMPLETED;
    i->length = out->length;
    i->cid = out->length ? plan->content.cid : 0;
    i->mtime_ms = w->o.mtime_ms ? w->o.mtime_ms : now_ms;
    i->atime_ms = now_ms;
    if (out->is_in_store) {
        i->persistence = PERSIST_DONE;
        memcpy(i->etag, out->etag, sizeof i->etag);
        i->store_mtime_ms = out->store_mtime_ms;
    } else {
        i->persistence = plan->type == WRITE_ASYNC_THROUGH ? PERSIST_TODO : PERSIST_NOT;
        i->flags |= out->is_durable ? INODE_DIRTY_DURABLE : 0u;
        i->etag[0] = 0;
        i->store_mtime_ms = 0;
    }
}

/* New content of an inode that stays. */
static void set_content(struct entry *e, const struct inode *was, const struct write_plan *plan, const struct writing *w,
                        const struct write_outcome *out, int64_t now_ms)
{
    struct inode i = *was;
    unsigned fields = FIELD_FLAGS_SET | FIELD_FLAGS_CLEAR | FIELD_LENGTH | FIELD_CID | FIELD_MTIME | FIELD_ATIME | FIELD_PERSISTENCE |
                      FIELD_STORE | FIELD_BLOCK_SIZE;
    i.flags = 0;
    i.block_size = plan->content.block_size;
    fill_outcome(&i, plan, w, out, now_ms);
    entry_set_inode(e, was->ino, fields, &i, INODE_DIRTY_DURABLE & ~i.flags);
    put_content_type(e, w, was->ino, true);
    i.flags |= was->flags & ~(uint32_t)INODE_DIRTY_DURABLE;
    if (i.persistence == PERSIST_TODO)
        persist_mark(e, &i, now_ms);
}

/* ---- begin ---- */

/* What recovery needs to publish a new file as the commit would have: else a file of mode 600 came back for all to read. */
static int note_birth(struct master *m, const struct call *call, const struct place *p, const struct writing *w, struct intent_birth *ret,
                      struct err *err)
{
    size_t have = p->walk.count < p->walk.depth ? p->walk.count : p->walk.depth - 1;
    *ret = (struct intent_birth){.is_known = true, .mode = w->o.mode};
    return ops_owner(m, call, p->walk.nodes[have - 1].group, &ret->owner, &ret->group, err);
}

static int claim_key(struct master *m, const struct call *call, const struct place *p, const struct beginning *b, struct err *err)
{
    const struct content_ref *c = &b->plan->content;
    struct writing *w = b->plan->state;
    struct intent intent = {.kind = INTENT_WRITE, .mount = c->mount, .key = c->key, .ino = c->ino, .cid = c->cid};
    TRY(note_birth(m, call, p, w, &intent.birth, err));
    return intents_claim(m->intents, call, &intent, &w->claim, err);
}

/* The visible, incomplete file of create; what was there goes. */
static int put_visible(struct master *m, const struct call *call, const struct place *p, const struct birth_parent *parent,
                       struct beginning *b, struct entry *e, struct err *err)
{
    const struct writing *w = b->plan->state;
    const char *name = path_name(p->path);
    struct birth born;
    TRY(birth_new(m, call, INODE_FILE, parent, name, w->o.mode, &born, err));
    fill_options(&born.inode, &w->o);
    if (place_is_found(p)) {
        entry_guard_inode(e, p->walk.last.ino, p->walk.last.attr_ver, p->walk.last.data_ver);
        entry_remove_inode(e, p->walk.last.ino);
    }
    b->plan->content.ino = born.inode.ino;
    birth_put(e, &born, name);
    put_content_type(e, w, born.inode.ino, false);
    replay_put(call, e, "create", p->path, NULL);
    return 0;
}

static int begin_entry(struct master *m, const struct call *call, const struct place *p, struct beginning *b, struct err *err)
{
    struct writing *w = b->plan->state;
    struct birth_parent parent;
    AUTO(entry) e;
    entry_init(&e, b->is_visible ? ENTRY_CREATE_FILE : ENTRY_INTENT, call->now_ms);
    ops_guard(&e, p);
    TRY(op_put_parents(m, call, p, w->o.is_recursive, &e, &parent, err));
    if (b->is_visible) {
        entry_guard_dentry(&e, parent.ino, path_name(p->path), place_is_found(p) ? p->walk.last.ino : 0, ERR_STALE);
        TRY(put_visible(m, call, p, &parent, b, &e, err));
    }
    if (!w->claim && !b->is_visible)
        return 0; /* nothing to journal: the commit makes the parents */
    if (w->claim)
        intents_put(w->claim, &e);
    int rc = ops_propose(m, call, &e, err);
    w->has_intent = w->claim && (!rc || rc == -ERR_OUTCOME_UNKNOWN || rc == -ERR_TIMEOUT);
    FAULT("master.write_begun");
    return rc;
}

static int plan_write(struct master *m, const struct place *p, struct beginning *b, struct err *err)
{
    struct write_plan *plan = b->plan;
    struct writing *w = writing_new(b->o, b->is_visible);
    plan->state = w;
    plan->path = xstrdup(p->path);
    TRY(resolve_defaults(m, p->path, &w->o, err));
    plan->type = w->o.write_type;
    w->was_there = place_is_found(p) && !b->is_visible;
    plan->content.ino = w->was_there ? p->walk.last.ino : meta_new_id(m->meta);
    plan->content.cid = meta_new_id(m->meta);
    plan->content.block_size = (uint32_t)w->o.block_size;
    plan->content.mount = p->at.id;
    plan->content.is_pinned = place_is_pinned(p);
    if (!plan->content.ino || !plan->content.cid)
        return err_set(err, ERR_UNAVAILABLE, "no ids are left until the journal takes entries again");
    return keys_of_place(m, p, &plan->content.key, err);
}

static const char *operation(const struct beginning *b)
{
    return b->is_visible ? "create" : "write";
}

static int begin_planned(struct master *m, const struct call *call, const struct place *p, struct beginning *b, struct err *err)
{
    TRY(plan_write(m, p, b, err));
    if (call->is_dry_run)
        return 0;
    if (reaches_store(b->plan->type)) {
        TRY(claim_key(m, call, p, b, err));
        int was = replay_before(m->meta, call, operation(b), p->path, NULL, err); /* the one that had the claim may have been this request */
        if (was)
            return was;
    }
    return begin_entry(m, call, p, b, err);
}

/* create over a file of the store by one that stays out of it: the object goes first, or it would come back. */
static int clear_object(struct master *m, const struct call *call, const struct place *p, const struct beginning *b, struct err *err)
{
    struct create_options o = *b->o;
    TRY(resolve_defaults(m, p->path, &o, err));
    bool stays_out = o.write_type == WRITE_MUST_CACHE || o.write_type == WRITE_NONE;
    if (!b->is_visible || call->is_dry_run || !stays_out || !place_is_found(p) || p->walk.last.persistence == PERSIST_NOT)
        return 0;
    struct call plain = ops_real(call);
    struct remove_options remove = {.unchecked = true};
    TRY(op_remove(m, &plain, p->path, &remove, err));
    return err_set(err, ERR_STALE, "the replaced file is gone");
}

static int begin_attempt(struct master *m, const struct call *call, void *arg, struct err *err)
{
    struct beginning *b = arg;
    AUTO(place) p = {0};
    TRY(op_open_for_new(m, call, b->path, "create", &p, err));
    int was = replay_before(m->meta, call, operation(b), p.path, NULL, err);
    if (was > 0)
        b->plan->path = xstrdup(p.path);
    if (was)
        return was < 0 ? was : 0;
    TRY(check_target(m, call, &p, b->o, err));
    TRY(clear_object(m, call, &p, b, err));
    int rc = begin_planned(m, call, &p, b, err);
    if (rc) {
        struct writing *w = b->plan->state;
        if (w)
            intents_release(m->intents, w->claim, !w->has_intent);
        plan_clear(b->plan);
    }
    if (rc > 0) {
        b->plan->path = xstrdup(p.path);
        return 0;
    }
    return rc;
}

int op_write_begin(void *impl, const struct call *call, const char *path, const struct create_options *o, struct write_plan *ret,
                   struct err *err)
{
    struct write_plan plan = {0};
    struct beginning b = {path, o, false, &plan};
    TRY(ops_run(impl, call, begin_attempt, &b, err));
    *ret = plan;
    return 0;
}

int op_create(void *impl, const struct call *call, const char *path, const struct create_options *o, struct write_plan *ret, struct err *err)
{
    struct write_plan plan = {0};
    struct beginning b = {path, o, true, &plan};
    TRY(ops_run(impl, call, begin_attempt, &b, err));
    *ret = plan;
    return 0;
}

/* ---- commit ---- */

struct committing {
    struct write_plan *plan;
    const struct write_outcome *out;
};

/* A file that stays out of the store replaces one that is in it: the object must go, or it would come back. */
static bool leaves_object(const struct committing *c, const struct inode *there)
{
    return there && there->persistence != PERSIST_NOT && !c->out->is_in_store && c->plan->type != WRITE_ASYNC_THROUGH;
}

static int put_new(struct master *m, const struct call *call, const struct place *p, const struct committing *c, struct entry *e,
                   struct err *err)
{
    const struct writing *w = c->plan->state;
    struct birth_parent parent;
    struct birth b;
    TRY(op_put_parents(m, call, p, w->o.is_recursive, e, &parent, err));
    TRY(birth_new(m, call, INODE_FILE, &parent, path_name(p->path), w->o.mode, &b, err));
    b.inode.ino = c->plan->content.ino;
    fill_options(&b.inode, &w->o);
    fill_outcome(&b.inode, c->plan, w, c->out, call->now_ms);
    entry_guard_dentry(e, parent.ino, path_name(p->path), place_is_found(p) ? p->walk.last.ino : 0, ERR_STALE);
    if (place_is_found(p))
        entry_remove_inode(e, p->walk.last.ino);
    birth_put(e, &b, path_name(p->path));
    put_content_type(e, w, b.inode.ino, false);
    if (b.inode.persistence == PERSIST_TODO)
        persist_mark(e, &b.inode, call->now_ms);
    return 0;
}

/* The inode of the plan existed at begin and is elsewhere now: its id cannot be used for this path. */
static int check_not_elsewhere(struct master *m, const struct committing *c, struct err *err)
{
    const struct writing *w = c->plan->state;
    struct inode i;
    if (!w->was_there || meta_inode(m->meta, c->plan->content.ino, &i, NULL) == -ERR_NOT_FOUND)
        return 0;
    return err_set(err, ERR_CONFLICT, "%.160s was moved away while it was being replaced", c->plan->path);
}

static int commit_entry(struct master *m, const struct call *call, const struct place *p, const struct committing *c,
                        struct intent_claim *removal, struct err *err)
{
    struct writing *w = c->plan->state;
    const struct inode *there = place_is_found(p) ? &p->walk.last : NULL;
    AUTO(entry) e;
    entry_init(&e, ENTRY_PUBLISH, call->now_ms);
    ops_guard(&e, p);
    if (there)
        entry_guard_inode(&e, there->ino, there->attr_ver, there->data_ver);
    if (there && there->ino == c->plan->content.ino) {
        entry_guard_dentry(&e, there->parent, path_name(p->path), there->ino, ERR_STALE);
        set_content(&e, there, c->plan, w, c->out, call->now_ms);
    } else {
        TRY(check_not_elsewhere(m, c, err));
        TRY(put_new(m, call, p, c, &e, err));
    }
    if (w->has_intent)
        intents_end(w->claim, &e);
    if (removal)
        intents_put(removal, &e);
    replay_put(call, &e, "write", p->path, NULL);
    return ops_propose(m, call, &e, err);
}

/* The key must still be the one that was written. */
static int check_key(struct master *m, const struct place *p, const struct committing *c, struct err *err)
{
    const struct writing *w = c->plan->state;
    if (!w->has_intent)
        return 0;
    AUTO_FREE char *key = NULL;
    TRY(keys_of_place(m, p, &key, err));
    if (p->at.id == c->plan->content.mount && !strcmp(key, c->plan->content.key))
        return 0;
    return err_set(err, ERR_CONFLICT, "the mount of %.160s changed while it was being written", p->path);
}

static int commit_removing(struct master *m, const struct call *call, const struct place *p, const struct committing *c, struct err *err)
{
    AUTO_FREE char *key = NULL;
    struct intent_claim *claim;
    TRY(keys_of_place(m, p, &key, err));
    struct intent intent = {.kind = INTENT_REMOVE, .mount = p->at.id, .key = key, .ino = p->walk.last.ino};
    TRY(intents_claim(m->intents, call, &intent, &claim, err));
    int rc = commit_entry(m, call, p, c, claim, err);
    if (rc) {
        intents_release(m->intents, claim, rc != -ERR_OUTCOME_UNKNOWN && rc != -ERR_TIMEOUT);
        return rc;
    }
    return intents_run(m->intents, call, claim, err);
}

static int commit_attempt(struct master *m, const struct call *call, void *arg, struct err *err)
{
    const struct committing *c = arg;
    const struct writing *w = c->plan->state;
    AUTO(place) p = {0};
    TRY(place_open(m, call, c->plan->path, &p, err));
    int was = replay_before(m->meta, call, "write", p.path, NULL, err); /* the same request came twice and the other was faster */
    if (was)
        return was;
    TRY(mounts_check(m->mounts, &p.at, p.path, true, "create", err));
    if (!place_is_found(&p) && place_last(&p)->type == INODE_DIRECTORY)
        TRY(ops_check_last(m, call, &p, ACCESS_WRITE | ACCESS_EXECUTE, err));
    TRY(check_target(m, call, &p, &w->o, err));
    TRY(check_key(m, &p, c, err));
    if (leaves_object(c, place_is_found(&p) ? &p.walk.last : NULL))
        return commit_removing(m, call, &p, c, err);
    return commit_entry(m, call, &p, c, NULL, err);
}

/* A file of create: found by its inode, wherever it is now. */
static int complete_attempt(struct master *m, const struct call *call, void *arg, struct err *err)
{
    const struct committing *c = arg;
    struct writing *w = c->plan->state;
    struct inode i;
    if (meta_inode(m->meta, c->plan->content.ino, &i, NULL))
        return err_set(err, ERR_NOT_FOUND, "Path \"%.180s\" does not exist.", c->plan->path);
    if (i.flags & INODE_COMPLETED)
        return err_set(err, ERR_CONFLICT, "%.180s is already complete", c->plan->path);
    AUTO(entry) e;
    entry_init(&e, ENTRY_COMPLETE_FILE, call->now_ms);
    entry_guard_inode(&e, i.ino, i.attr_ver, i.data_ver);
    set_content(&e, &i, c->plan, w, c->out, call->now_ms);
    if (w->has_intent)
        intents_end(w->claim, &e);
    return ops_propose(m, call, &e, err);
}

int op_write_commit(void *impl, const struct call *call, struct write_plan *plan, const struct write_outcome *outcome, struct err *err)
{
    struct master *m = impl;
    struct writing *w = plan->state;
    if (!w) { /* a replay or a dry run: nothing was begun */
        plan_clear(plan);
        return 0;
    }
    struct committing c = {plan, outcome};
    FAULT("master.before_publish");
    int rc = call->is_dry_run ? 0 : ops_run(m, call, w->is_visible ? complete_attempt : commit_attempt, &c, err);
    FAULT("master.published");
    if (rc > 0) {
        op_write_abort(m, call, plan);
        return 0;
    }
    if (rc && rc != -ERR_OUTCOME_UNKNOWN && rc != -ERR_TIMEOUT) {
        op_write_abort(m, call, plan);
        return rc;
    }
    intents_release(m->intents, w->claim, !rc || !w->has_intent);
    plan_clear(plan);
    return rc;
}

/* ---- abort ---- */

static int forget_attempt(struct master *m, const struct call *call, void *arg, struct err *err)
{
    const struct write_plan *plan = arg;
    AUTO(buf) path;
    buf_init(&path, PATH_MAX_BYTES + 1);
    struct inode i;
    if (meta_inode(m->meta, plan->content.ino, &i, NULL) || i.flags & INODE_COMPLETED || meta_path(m->meta, i.ino, &path, NULL))
        return 0;
    AUTO(entry) e;
    entry_init(&e, ENTRY_REMOVE, call->now_ms);
    entry_guard_dentry(&e, i.parent, path_name(buf_str(&path)), i.ino, ERR_STALE);
    entry_guard_inode(&e, i.ino, i.attr_ver, i.data_ver);
    entry_remove_dentry(&e, i.parent, path_name(buf_str(&path)));
    entry_remove_inode(&e, i.ino);
    entry_touch(&e, i.parent, call->now_ms);
    return ops_propose(m, call, &e, err);
}

void op_write_abort(void *impl, const struct call *call, struct write_plan *plan)
{
    struct master *m = impl;
    struct writing *w = plan->state;
    if (w && w->is_visible)
        (void)!ops_run(m, call, forget_attempt, plan, NULL); /* else it stays incomplete, to be removed by hand */
    if (w) /* what reached the store is looked at by recovery */
        intents_release(m->intents, w->claim, !w->has_intent);
    plan_clear(plan);
}
