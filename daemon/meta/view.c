/* SPDX-License-Identifier: Apache-2.0
 *
 * view: see the header.  Two hash tables for finding, two arrays for writing in order.
 */
#include "meta/view.h"

#include "base/mem.h"
#include "meta/inode_row.h"

#include <string.h>

#define BUCKETS 16384 /* a transaction holds a few thousand rows */

void view_init(struct view *v, struct db *db, struct cache *cache)
{
    *v = (struct view){.db = db, .cache = cache, .bucket_count = BUCKETS};
    v->inode_buckets = xcalloc(BUCKETS, sizeof *v->inode_buckets);
    v->dentry_buckets = xcalloc(BUCKETS, sizeof *v->dentry_buckets);
}

static size_t inode_bucket(inode_id ino)
{
    return ino * 0x9e3779b97f4a7c15ull >> 50;
}

void view_reset(struct view *v)
{
    for (size_t i = 0; i < v->inode_count; i++) {
        v->inode_buckets[inode_bucket(v->inodes[i]->ino)] = NULL;
        free(v->inodes[i]);
    }
    for (size_t i = 0; i < v->dentry_count; i++) {
        v->dentry_buckets[v->dentries[i]->hash % BUCKETS] = NULL;
        free(v->dentries[i]);
    }
    v->inode_count = v->dentry_count = 0;
    v->fresh_inodes = NULL;
    v->fresh_dentries = NULL;
}

void view_done(struct view *v)
{
    if (!v->db)
        return;
    view_reset(v);
    free(v->inode_buckets);
    free(v->dentry_buckets);
    free(v->inodes);
    free(v->dentries);
}

static void *room(void *array, size_t *cap, size_t count)
{
    if (count < *cap)
        return array;
    *cap = *cap ? *cap * 2 : 1024;
    return xrealloc(array, *cap * sizeof(void *));
}

static int load_inode(struct view *v, struct view_inode *n, struct err *err)
{
    uint64_t index;
    sqlite3_stmt *s;
    if (v->cache && cache_inode_get(v->cache, n->ino, &n->now, &index)) {
        n->is_there = true;
        return 0;
    }
    TRY(db_bind(v->db, Q_INODE_GET, &s, err, "i", (int64_t)n->ino));
    int rc = db_step(v->db, s, err);
    if (rc == 1) {
        n->is_there = true;
        rc = inode_row_unpack(n->ino, sqlite3_column_blob(s, 0), (size_t)sqlite3_column_bytes(s, 0), &n->now, err);
        sqlite3_reset(s);
    }
    return rc;
}

struct inode_was view_inode_is(const struct view_inode *n)
{
    if (!n->is_there)
        return (struct inode_was){0};
    return (struct inode_was){true, n->now.type, n->now.persistence, n->now.flags};
}

int view_inode(struct view *v, inode_id ino, struct view_inode **ret, struct err *err)
{
    struct view_inode **bucket = &v->inode_buckets[inode_bucket(ino)];
    for (struct view_inode *n = *bucket; n; n = n->next) {
        if (n->ino == ino) {
            *ret = n;
            return 0;
        }
    }
    struct view_inode *n = xmalloc(sizeof *n);
    n->next = *bucket;
    n->ino = ino;
    n->is_there = n->is_dirty = n->is_fresh = false;
    int rc = load_inode(v, n, err);
    if (rc < 0) {
        free(n);
        return rc;
    }
    n->is_stored = n->is_there;
    n->was = view_inode_is(n);
    *bucket = n;
    v->inodes = room(v->inodes, &v->inode_cap, v->inode_count);
    v->inodes[v->inode_count++] = n;
    *ret = n;
    return 0;
}

static int load_dentry(struct view *v, struct view_dentry *n, struct err *err)
{
    struct cache_dentry c;
    sqlite3_stmt *s;
    if (v->cache && cache_dentry_get(v->cache, n->parent, n->name, n->len, &c)) {
        n->ino = c.ino;
        n->type = c.type;
        return 0;
    }
    if (v->cache && cache_names_ask(v->cache, n->parent, n->name, n->len, UINT64_MAX) == NAMES_LACK)
        return 0;
    TRY(db_bind(v->db, Q_DENTRY_GET, &s, err, "ib", (int64_t)n->parent, n->name, (size_t)n->len));
    int rc = db_step(v->db, s, err);
    if (rc == 1) {
        n->ino = (inode_id)sqlite3_column_int64(s, 0);
        n->type = (enum inode_type)sqlite3_column_int(s, 1);
        sqlite3_reset(s);
    }
    return rc < 0 ? rc : 0;
}

int view_dentry(struct view *v, inode_id parent, const char *name, size_t len, struct view_dentry **ret, struct err *err)
{
    uint32_t hash = cache_name_hash(parent, name, len);
    struct view_dentry **bucket = &v->dentry_buckets[hash % BUCKETS];
    for (struct view_dentry *n = *bucket; n; n = n->next) {
        if (n->hash == hash && n->parent == parent && n->len == len && !memcmp(n->name, name, len)) {
            *ret = n;
            return 0;
        }
    }
    struct view_dentry *n = xmalloc(sizeof *n + len);
    *n = (struct view_dentry){.next = *bucket, .parent = parent, .hash = hash, .len = (uint16_t)len};
    memcpy(n->name, name, len);
    int rc = load_dentry(v, n, err);
    if (rc < 0) {
        free(n);
        return rc;
    }
    n->is_stored = n->ino != 0;
    *bucket = n;
    v->dentries = room(v->dentries, &v->dentry_cap, v->dentry_count);
    v->dentries[v->dentry_count++] = n;
    *ret = n;
    return 0;
}

static int by_ino(const void *a, const void *b)
{
    inode_id x = (*(struct view_inode *const *)a)->ino, y = (*(struct view_inode *const *)b)->ino;
    return (x > y) - (x < y);
}

static int by_name(const void *a, const void *b)
{
    const struct view_dentry *x = *(struct view_dentry *const *)a, *y = *(struct view_dentry *const *)b;
    if (x->parent != y->parent)
        return x->parent > y->parent ? 1 : -1;
    int c = memcmp(x->name, y->name, x->len < y->len ? x->len : y->len);
    return c ? c : (x->len > y->len) - (x->len < y->len);
}

static int write_inode(struct view *v, const struct view_inode *n, struct err *err)
{
    uint8_t row[INODE_ROW_MAX];
    if (n->is_there)
        return db_run(v->db, Q_INODE_PUT, err, "ib", (int64_t)n->ino, row, inode_row_pack(&n->now, row));
    return n->is_stored ? db_run(v->db, Q_INODE_REMOVE, err, "i", (int64_t)n->ino) : 0;
}

static int write_dentry(struct view *v, const struct view_dentry *n, struct err *err)
{
    if (n->ino)
        return db_run(v->db, Q_DENTRY_PUT, err, "ibii", (int64_t)n->parent, n->name, (size_t)n->len, (int64_t)n->ino,
                      (int64_t)n->type);
    return n->is_stored ? db_run(v->db, Q_DENTRY_REMOVE, err, "ib", (int64_t)n->parent, n->name, (size_t)n->len) : 0;
}

int view_write(struct view *v, struct err *err)
{
    if (v->inode_count)
        qsort(v->inodes, v->inode_count, sizeof *v->inodes, by_ino);
    if (v->dentry_count)
        qsort(v->dentries, v->dentry_count, sizeof *v->dentries, by_name);
    for (size_t i = 0; i < v->inode_count; i++)
        if (v->inodes[i]->is_dirty)
            TRY(write_inode(v, v->inodes[i], err));
    for (size_t i = 0; i < v->dentry_count; i++)
        if (v->dentries[i]->is_dirty)
            TRY(write_dentry(v, v->dentries[i], err));
    return 0;
}

void view_changed_inode(struct view *v, struct view_inode *n)
{
    n->is_dirty = true;
    if (n->is_fresh)
        return;
    n->is_fresh = true;
    n->next_fresh = v->fresh_inodes;
    v->fresh_inodes = n;
}

void view_changed_dentry(struct view *v, struct view_dentry *n)
{
    n->is_dirty = true;
    if (n->is_fresh)
        return;
    n->is_fresh = true;
    n->next_fresh = v->fresh_dentries;
    v->fresh_dentries = n;
}

void view_publish(struct view *v, uint64_t index)
{
    uint8_t row[INODE_ROW_MAX];
    for (struct view_inode *n = steal(&v->fresh_inodes); n; n = n->next_fresh) {
        n->is_fresh = false;
        n->was = view_inode_is(n);
        if (v->cache && n->is_there)
            cache_inode_apply(v->cache, n->ino, n->now.type, row, inode_row_pack(&n->now, row), index);
        else if (v->cache)
            cache_inode_apply(v->cache, n->ino, n->now.type, NULL, 0, index);
    }
    for (struct view_dentry *n = steal(&v->fresh_dentries); n; n = n->next_fresh) {
        n->is_fresh = false;
        if (v->cache)
            cache_dentry_apply(v->cache, n->parent, n->name, n->len, n->ino, n->type, index);
    }
}
