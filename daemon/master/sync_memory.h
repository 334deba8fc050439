/* SPDX-License-Identifier: Apache-2.0
 *
 * sync_memory: when what was last compared, and which paths the store did not have: two tables of fixed size in which a newer
 * fact may push out an older one.  And a set of names seen by a listing.  Threads: any for the tables; the set is one caller's.
 */
#pragma once
#include "api/types.h"

struct sync_memory;
struct sync_memory *sync_memory_new(void);
void sync_memory_free(struct sync_memory *m); /* accepts NULL */
void sync_memory_verified(struct sync_memory *m, inode_id ino, int64_t wall_ms);
int64_t sync_memory_when(struct sync_memory *m, inode_id ino); /* 0 never, or forgotten */
void sync_memory_absent(struct sync_memory *m, uint64_t generation, const char *path, int64_t wall_ms);
/* Of the path, or of one above it that is longer than `known_len` bytes: so much of it exists here. */
int64_t sync_memory_absent_when(struct sync_memory *m, uint64_t generation, const char *path, size_t known_len);

/* 8 bytes a name at two thirds full; a collision only keeps something that a later check will find. */
struct sync_seen {
    uint64_t *slots;
    size_t count, cap;
};
void sync_seen_add(struct sync_seen *s, const char *name);
bool sync_seen_has(const struct sync_seen *s, const char *name);
void sync_seen_done(struct sync_seen *s);
