/* SPDX-License-Identifier: Apache-2.0
 *
 * apply_effects: what each effect does to the view or, for the rarer tables, to the database at once.
 * An effect on something that is not there does nothing.  Threads: apply only.
 */
#include "meta/apply.h"

#include "base/mem.h"
#include "meta/inode_row.h"

#include <string.h>

void apply_change(struct apply *a, inode_id ino, inode_id parent)
{
    const struct change *last = a->change_count ? &a->changes[a->change_count - 1] : NULL;
    if (last && last->index == a->index && last->ino == ino && last->kind == a->kind && (!parent || last->parent == parent))
        return;
    if (a->change_count == a->change_cap) {
        a->change_cap = a->change_cap ? a->change_cap * 2 : 1024;
        a->changes = xrealloc(a->changes, a->change_cap * sizeof *a->changes);
    }
    a->changes[a->change_count++] = (struct change){a->index, a->kind, ino, parent};
}

void apply_event(struct apply *a, const struct apply_event *e)
{
    if (a->event_count == a->event_cap) {
        a->event_cap = a->event_cap ? a->event_cap * 2 : 64;
        a->events = xrealloc(a->events, a->event_cap * sizeof *a->events);
    }
    a->events[a->event_count] = *e;
    a->events[a->event_count++].index = a->index;
}

static void content_gone(struct apply *a, content_id cid)
{
    if (cid)
        apply_event(a, &(struct apply_event){.kind = EVENT_CONTENT_GONE, .id = cid});
}

/* Ids are reserved before they are used, but for those that format chooses. */
static void never_again(struct apply *a, uint64_t id)
{
    if ((int64_t)id >= a->state.next_id)
        a->state.next_id = (int64_t)id + 1;
}

static int put_inode(struct apply *a, const struct entry_item *item, struct err *err)
{
    struct view_inode *n;
    TRY(view_inode(&a->view, item->u[0], &n, err));
    content_id old = n->is_there ? n->now.cid : 0;
    TRY(inode_row_unpack(item->u[0], item->s[0].data, item->s[0].len, &n->now, err));
    if (old != n->now.cid)
        content_gone(a, old);
    n->is_there = true;
    view_changed_inode(&a->view, n);
    never_again(a, n->ino);
    never_again(a, n->now.cid);
    n->now.attr_ver = n->now.data_ver = a->now;
    n->now.child_ver = n->now.type == INODE_DIRECTORY ? a->now : 0;
    apply_change(a, n->ino, n->now.parent);
    return 0;
}

static void set_members(struct inode *to, const struct inode *from, unsigned fields)
{
#define SET(bit, member)                                                                           \
    if (fields & (bit))                                                                            \
        to->member = from->member
    SET(FIELD_NLINK, nlink);
    SET(FIELD_PLACE, parent);
    SET(FIELD_MODE, mode);
    SET(FIELD_OWNER, owner);
    SET(FIELD_GROUP, group);
    SET(FIELD_LENGTH, length);
    SET(FIELD_MTIME, mtime_ms);
    SET(FIELD_ATIME, atime_ms);
    SET(FIELD_CTIME, ctime_ms);
    SET(FIELD_CID, cid);
    SET(FIELD_PERSISTENCE, persistence);
    SET(FIELD_TTL, ttl_ms);
    SET(FIELD_TTL, ttl_action);
    SET(FIELD_REPLICATION, replication_min);
    SET(FIELD_REPLICATION, replication_max);
    SET(FIELD_STORE, store_mtime_ms);
    SET(FIELD_BLOCK_SIZE, block_size);
#undef SET
    if (fields & FIELD_PLACE)
        memcpy(to->name, from->name, sizeof to->name);
    if (fields & FIELD_STORE)
        memcpy(to->etag, from->etag, sizeof to->etag);
}

static int set_inode(struct apply *a, const struct entry_item *item, struct err *err)
{
    struct view_inode *n;
    struct inode value;
    unsigned fields = (unsigned)item->u[1], flags = FIELD_FLAGS_SET | FIELD_FLAGS_CLEAR;
    TRY(view_inode(&a->view, item->u[0], &n, err));
    TRY(inode_row_unpack(0, item->s[0].data, item->s[0].len, &value, err));
    if (!n->is_there)
        return 0;
    if ((fields & FIELD_CID) && value.cid != n->now.cid)
        content_gone(a, n->now.cid);
    set_members(&n->now, &value, fields);
    if (fields & FIELD_FLAGS_SET)
        n->now.flags |= value.flags;
    if (fields & FIELD_FLAGS_CLEAR)
        n->now.flags &= ~(uint32_t)item->u[2];
    if (fields & FIELDS_ATTR)
        n->now.attr_ver = a->now;
    if ((fields & ~(unsigned)FIELDS_ATTR) || (fields & flags))
        n->now.data_ver = a->now;
    view_changed_inode(&a->view, n);
    apply_change(a, n->ino, n->now.parent);
    return 0;
}

static int remove_inode(struct apply *a, const struct entry_item *item, struct err *err)
{
    struct view_inode *n;
    TRY(view_inode(&a->view, item->u[0], &n, err));
    if (!n->is_there)
        return 0;
    content_gone(a, n->now.cid);
    n->is_there = false;
    view_changed_inode(&a->view, n);
    apply_change(a, n->ino, n->now.parent);
    TRY(db_run(a->db, Q_ATTRS_REMOVE, err, "i", (int64_t)n->ino));
    return db_run(a->db, Q_MARKS_REMOVE, err, "i", (int64_t)n->ino);
}

/* The set of children changed. */
static int count_child(struct apply *a, inode_id parent, int step, struct err *err)
{
    struct view_inode *n;
    TRY(view_inode(&a->view, parent, &n, err));
    if (!n->is_there)
        return 0;
    n->now.length += (uint64_t)step;
    n->now.child_ver = a->now;
    view_changed_inode(&a->view, n);
    return 0;
}

static int put_dentry(struct apply *a, const struct entry_item *item, struct err *err)
{
    struct view_dentry *d;
    TRY(view_dentry(&a->view, item->u[0], item->s[0].data, item->s[0].len, &d, err));
    TRY(count_child(a, item->u[0], d->ino ? 0 : 1, err));
    d->ino = item->u[1];
    d->type = (enum inode_type)item->u[2];
    view_changed_dentry(&a->view, d);
    apply_change(a, d->ino, d->parent);
    return 0;
}

static int remove_dentry(struct apply *a, const struct entry_item *item, struct err *err)
{
    struct view_dentry *d;
    TRY(view_dentry(&a->view, item->u[0], item->s[0].data, item->s[0].len, &d, err));
    if (!d->ino)
        return 0;
    TRY(count_child(a, item->u[0], -1, err));
    apply_change(a, d->ino, d->parent);
    d->ino = 0;
    view_changed_dentry(&a->view, d);
    return 0;
}

/* Commutes: the latest time wins, in whatever order the touches come. */
static int touch(struct apply *a, const struct entry_item *item, struct err *err)
{
    struct view_inode *n;
    TRY(view_inode(&a->view, item->u[0], &n, err));
    if (!n->is_there)
        return 0;
    if ((int64_t)item->u[1] > n->now.mtime_ms)
        n->now.mtime_ms = (int64_t)item->u[1];
    n->now.data_ver = a->now;
    view_changed_inode(&a->view, n);
    return 0;
}

static int put_attr(struct apply *a, const struct entry_item *item, struct err *err)
{
    return db_run(a->db, Q_ATTR_PUT, err, "ibb", (int64_t)item->u[0], item->s[0].data, item->s[0].len, item->s[1].data, item->s[1].len);
}

static int remove_attr(struct apply *a, const struct entry_item *item, struct err *err)
{
    return db_run(a->db, Q_ATTR_REMOVE, err, "ib", (int64_t)item->u[0], item->s[0].data, item->s[0].len);
}

static int change_record(struct apply *a, const struct entry_item *item, struct err *err)
{
    const struct entry_span *key = &item->s[0], *value = &item->s[1];
    apply_event(a, &(struct apply_event){.kind = EVENT_RECORD, .what = (unsigned)item->u[0], .text = xstrndup(key->data, key->len)});
    if (item->kind == ITEM_PUT_RECORD)
        return db_run(a->db, Q_RECORD_PUT, err, "ibb", (int64_t)item->u[0], key->data, key->len, value->data, value->len);
    return db_run(a->db, Q_RECORD_REMOVE, err, "ib", (int64_t)item->u[0], key->data, key->len);
}

static int change_mark(struct apply *a, const struct entry_item *item, struct err *err)
{
    if (item->kind == ITEM_REMOVE_MARK)
        return db_run(a->db, Q_MARK_REMOVE, err, "iii", (int64_t)item->u[0], (int64_t)item->u[1], (int64_t)item->u[2]);
    apply_event(a, &(struct apply_event){.kind = EVENT_MARKED, .what = (unsigned)item->u[0]});
    return db_run(a->db, Q_MARK_PUT, err, "iii", (int64_t)item->u[0], (int64_t)item->u[1], (int64_t)item->u[2]);
}

static int put_principal(struct apply *a, const struct entry_item *item, struct err *err)
{
    const struct entry_span *name = &item->s[0];
    apply_event(a, &(struct apply_event){.kind = EVENT_PRINCIPAL, .id = item->u[0], .text = xstrndup(name->data, name->len)});
    return db_run(a->db, Q_PRINCIPAL_PUT, err, "ib", (int64_t)item->u[0], name->data, name->len);
}

int effect_run(struct apply *a, const struct entry_item *item, struct err *err)
{
    switch (item->kind) {
    case ITEM_PUT_INODE:
        return put_inode(a, item, err);
    case ITEM_SET_INODE:
        return set_inode(a, item, err);
    case ITEM_REMOVE_INODE:
        return remove_inode(a, item, err);
    case ITEM_PUT_DENTRY:
        return put_dentry(a, item, err);
    case ITEM_REMOVE_DENTRY:
        return remove_dentry(a, item, err);
    case ITEM_TOUCH:
        return touch(a, item, err);
    case ITEM_PUT_ATTR:
        return put_attr(a, item, err);
    case ITEM_REMOVE_ATTR:
        return remove_attr(a, item, err);
    case ITEM_PUT_RECORD:
    case ITEM_REMOVE_RECORD:
        return change_record(a, item, err);
    case ITEM_PUT_MARK:
    case ITEM_REMOVE_MARK:
        return change_mark(a, item, err);
    case ITEM_PUT_PRINCIPAL:
        return put_principal(a, item, err);
    case ITEM_RAISE_EPOCH:
        a->state.epoch++;
        return 0;
    case ITEM_RESERVE_IDS:
        if ((int64_t)item->u[0] > a->state.next_id)
            a->state.next_id = (int64_t)item->u[0];
        return 0;
    default:
        return 0;
    }
}
