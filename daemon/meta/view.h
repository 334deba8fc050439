/* SPDX-License-Identifier: Apache-2.0
 *
 * view: what one transaction has read and changed so far: inodes and names, found in memory first, then
 * in the cache, then in the database.  Everything that changed is written once, in the order of keys, however
 * many batches the transaction has.  Threads: who has the turn.
 */
#pragma once
#include "meta/cache.h"
#include "meta/db.h"

struct view_inode {
    struct view_inode *next, *next_fresh;
    inode_id ino;
    bool is_there, is_stored /* has a row */, is_dirty /* the row is another */, is_fresh /* changed by this batch */;
    struct inode now;
    struct inode_was { /* before this batch, for the counts */
        bool is_there;
        enum inode_type type;
        enum persistence persistence;
        uint32_t flags;
    } was;
};

struct view_dentry {
    struct view_dentry *next, *next_fresh;
    inode_id parent, ino; /* ino 0: absent */
    enum inode_type type;
    uint32_t hash;
    bool is_stored, is_dirty, is_fresh;
    uint16_t len;
    char name[];
};

struct view {
    struct db *db;
    struct cache *cache; /* may be NULL */
    struct view_inode **inode_buckets;
    struct view_dentry **dentry_buckets;
    size_t bucket_count; /* of each */
    struct view_inode **inodes;   /* in the order of loading; for flush sorted */
    struct view_dentry **dentries;
    size_t inode_count, inode_cap, dentry_count, dentry_cap;
    struct view_inode *fresh_inodes;
    struct view_dentry *fresh_dentries;
};

void view_init(struct view *v, struct db *db, struct cache *cache);
void view_done(struct view *v);
void view_reset(struct view *v); /* after commit or rollback */

/* Never NULL on success; valid until reset. */
int view_inode(struct view *v, inode_id ino, struct view_inode **ret, struct err *err) must_use;
int view_dentry(struct view *v, inode_id parent, const char *name, size_t len, struct view_dentry **ret, struct err *err) must_use;
void view_changed_inode(struct view *v, struct view_inode *n);
void view_changed_dentry(struct view *v, struct view_dentry *n);
struct inode_was view_inode_is(const struct view_inode *n);
void view_publish(struct view *v, uint64_t index); /* the batch is whole: its changes go to the cache */
int view_write(struct view *v, struct err *err) must_use;
