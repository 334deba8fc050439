/* SPDX-License-Identifier: Apache-2.0
 *
 * cache: packed inodes and names in memory, bounded by bytes, in shards.  Says what was true at an
 * index: apply writes what it changed, readers fill what they read, and a fill that was read before
 * the shard's last change is dropped (it might be old).  Threads: any; one writes as apply.
 */
#pragma once
#include "meta/names.h"

struct cache;
struct cache *cache_new(uint64_t max_bytes);
void cache_free(struct cache *c); /* accepts NULL */

struct cache_dentry {
    inode_id ino; /* 0: known to be absent */
    enum inode_type type;
    uint64_t index; /* it is not known to have changed since */
};
bool cache_dentry_get(struct cache *c, inode_id parent, const char *name, size_t len, struct cache_dentry *ret);
/* The inode; `ret_index` as above. */
bool cache_inode_get(struct cache *c, inode_id ino, struct inode *ret, uint64_t *ret_index);

/* Is the name absent for a reader at `index`?  NAMES_UNKNOWN: cache_names_fill would tell the next one. */
enum names_answer cache_names_ask(struct cache *c, inode_id dir, const char *name, size_t len, uint64_t index);
uint32_t cache_name_hash(inode_id dir, const char *name, size_t len);

/* From a reader that saw the state at `index`. */
void cache_dentry_fill(struct cache *c, inode_id parent, const char *name, size_t len, inode_id ino, enum inode_type type, uint64_t index);
void cache_inode_fill(struct cache *c, inode_id ino, enum inode_type type, const void *row, size_t len, uint64_t index);
void cache_names_fill(struct cache *c, inode_id dir, const uint32_t *hashes, size_t count, uint64_t index); /* all names of it */
/* From apply, before the index is published. */
void cache_dentry_apply(struct cache *c, inode_id parent, const char *name, size_t len, inode_id ino, enum inode_type type, uint64_t index);
void cache_inode_apply(struct cache *c, inode_id ino, enum inode_type type, const void *row, size_t len, uint64_t index); /* row NULL: removed */

/* Is the row the same at `index` and now?  May say no where it is. */
bool cache_dentry_is_since(const struct cache *c, inode_id parent, const char *name, size_t len, uint64_t index);
bool cache_inode_is_since(const struct cache *c, inode_id ino, uint64_t index);

struct cache_counts {
    uint64_t bytes, hits, misses;
};
void cache_counts(struct cache *c, struct cache_counts *ret);
