/* SPDX-License-Identifier: Apache-2.0
 *
 * guards: does what an entry relied on still hold?  Each reads the state as changed by the entries
 * before it in the same transaction.  Threads: apply only.
 */
#include "meta/apply.h"

#include "meta/operations.h"

#include <string.h>

#define ANCESTORS_MAX 4096 /* more is a loop */

static enum err_code hold(bool is_so, uint64_t otherwise)
{
    return is_so ? ERR_OK : (enum err_code)otherwise;
}

static int check_chain(struct apply *a, const struct entry_item *item, enum err_code *ret, struct err *err)
{
    struct entry_span chain = item->s[0];
    struct inode_version want;
    struct view_inode *n;
    *ret = ERR_OK;
    if (item->u[0] == (uint64_t)a->state.epoch)
        return 0;
    while (*ret == ERR_OK && entry_chain_next(&chain, &want)) {
        TRY(view_inode(&a->view, want.ino, &n, err));
        *ret = hold(n->is_there && n->now.attr_ver == want.ver, ERR_STALE);
    }
    return 0;
}

static int check_dentry(struct apply *a, const struct entry_item *item, enum err_code *ret, struct err *err)
{
    struct view_dentry *d;
    TRY(view_dentry(&a->view, item->u[0], item->s[0].data, item->s[0].len, &d, err));
    *ret = hold(d->ino == item->u[1], item->u[2]);
    return 0;
}

static int check_inode(struct apply *a, const struct entry_item *item, enum err_code *ret, struct err *err)
{
    struct view_inode *n;
    TRY(view_inode(&a->view, item->u[0], &n, err));
    *ret = hold(n->is_there && (!item->u[1] || n->now.attr_ver == item->u[1]) &&
                    (!item->u[2] || n->now.data_ver == item->u[2]),
                ERR_STALE);
    return 0;
}

static int check_content(struct apply *a, const struct entry_item *item, enum err_code *ret, struct err *err)
{
    struct view_inode *n;
    TRY(view_inode(&a->view, item->u[0], &n, err));
    *ret = hold(n->is_there && n->now.cid == item->u[1], ERR_STALE);
    return 0;
}

static int check_empty(struct apply *a, const struct entry_item *item, enum err_code *ret, struct err *err)
{
    struct view_inode *n;
    TRY(view_inode(&a->view, item->u[0], &n, err));
    *ret = hold(n->is_there && n->now.type == INODE_DIRECTORY && n->now.length == 0, item->u[1]);
    return 0;
}

static int check_not_inside(struct apply *a, const struct entry_item *item, enum err_code *ret, struct err *err)
{
    struct view_inode *n;
    inode_id at = item->u[1];
    for (int depth = 0; at && at != item->u[0]; depth++) {
        if (depth > ANCESTORS_MAX)
            return err_set(err, ERR_CORRUPT, "the ancestors of inode %llu are a loop", (unsigned long long)item->u[1]);
        TRY(view_inode(&a->view, at, &n, err));
        if (!n->is_there) {
            *ret = ERR_STALE;
            return 0;
        }
        at = n->now.parent;
    }
    *ret = hold(!at, item->u[2]);
    return 0;
}

static int check_unchanged(struct apply *a, const struct entry_item *item, enum err_code *ret, struct err *err)
{
    struct view_inode *n;
    uint64_t since = item->u[1];
    TRY(view_inode(&a->view, item->u[0], &n, err));
    *ret = hold(n->is_there && n->now.attr_ver >> 16 <= since && n->now.data_ver >> 16 <= since && n->now.child_ver >> 16 <= since,
                ERR_STALE);
    return 0;
}

static int check_record(struct apply *a, const struct entry_item *item, enum err_code *ret, struct err *err)
{
    sqlite3_stmt *s;
    const struct entry_span *key = &item->s[0], *want = &item->s[1];
    TRY(db_bind(a->db, Q_RECORD_GET, &s, err, "ib", (int64_t)item->u[0], key->data, key->len));
    int rc = db_step(a->db, s, err);
    bool is_same = !want->data;
    if (rc == 1) {
        is_same = want->data && (size_t)sqlite3_column_bytes(s, 0) == want->len &&
                  (!want->len || !memcmp(sqlite3_column_blob(s, 0), want->data, want->len));
        sqlite3_reset(s);
    } else if (want->data) {
        is_same = false;
    }
    *ret = hold(is_same, item->u[1]);
    return rc < 0 ? rc : 0;
}

/* Effects that need something of the state: a name needs its directory, a new principal a free id. */
static int check_parent(struct apply *a, const struct entry_item *item, enum err_code *ret, struct err *err)
{
    struct view_inode *n;
    TRY(view_inode(&a->view, item->u[0], &n, err));
    *ret = hold(n->is_there && n->now.type == INODE_DIRECTORY, ERR_STALE);
    return 0;
}

static int check_principal(struct apply *a, const struct entry_item *item, enum err_code *ret, struct err *err)
{
    sqlite3_stmt *s;
    TRY(db_bind(a->db, Q_PRINCIPAL_GET, &s, err, "i", (int64_t)item->u[0]));
    int rc = db_step(a->db, s, err);
    *ret = ERR_OK;
    if (rc == 1) {
        *ret = hold((size_t)sqlite3_column_bytes(s, 0) == item->s[0].len &&
                        !memcmp(sqlite3_column_blob(s, 0), item->s[0].data, item->s[0].len),
                    ERR_STALE);
        sqlite3_reset(s);
    }
    return rc < 0 ? rc : 0;
}

int guard_check(struct apply *a, const struct entry_item *item, enum err_code *ret, struct err *err)
{
    switch (item->kind) {
    case ITEM_GUARD_CHAIN:
        return check_chain(a, item, ret, err);
    case ITEM_GUARD_DENTRY:
        return check_dentry(a, item, ret, err);
    case ITEM_GUARD_INODE:
        return check_inode(a, item, ret, err);
    case ITEM_GUARD_CONTENT:
        return check_content(a, item, ret, err);
    case ITEM_GUARD_EMPTY:
        return check_empty(a, item, ret, err);
    case ITEM_GUARD_NOT_INSIDE:
        return check_not_inside(a, item, ret, err);
    case ITEM_GUARD_UNCHANGED:
        return check_unchanged(a, item, ret, err);
    case ITEM_GUARD_RECORD:
        return check_record(a, item, ret, err);
    case ITEM_PUT_DENTRY:
        return check_parent(a, item, ret, err);
    case ITEM_PUT_PRINCIPAL:
        return check_principal(a, item, ret, err);
    default:
        *ret = ERR_OK;
        return 0;
    }
}
