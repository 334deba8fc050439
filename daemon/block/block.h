/* SPDX-License-Identifier: Apache-2.0
 *
 * block: cached bytes in tiers of folders, by content and offset.  Nobody above knows file names.
 * A content's bytes never change, so whoever holds a slice may keep it while the block is dropped.
 * Threads: any.
 */
#pragma once
#include "api/data_api.h"

struct block_tier_options {
    const char *alias; /* "MEM", "SSD" */
    const char *path;
    uint64_t quota;
    unsigned high, low; /* percent of the quota */
};
struct block_options {
    size_t tier_count; /* best first; those of quota 0 are left out */
    struct block_tier_options tiers[8];
    const char *evictor;   /* "lru", "sieve" */
    uint32_t page_size;
    const char *cluster;   /* id; blocks of another cluster are not adopted */
    uint64_t incarnation;
    content_id first_id;   /* of this incarnation: blocks of others are adopted below it */
    size_t open_max;       /* block files open at once; 0: by the process's limit */
};
struct block_store;
/* Makes the folders and adopts what is in them. A tier whose folder cannot be used starts as not ok. ERR_CONFIG. */
int block_store_new(const struct block_options *o, struct block_store **ret, struct err *err) must_use;
void block_store_free(struct block_store *s); /* accepts NULL; all slices must be gone */

/* The bytes of which content. */
struct block_key {
    inode_id ino;
    content_id cid;
    uint32_t block_size;
    uint64_t length; /* of the content */
    bool is_pinned;  /* blocks that are made for it stay */
};
struct block_pinned {
    struct slice slice; /* with a reference of its own: slice_unref */
    bool is_dirty, is_mem, is_pinned;
};
/* Cached bytes from `off`: one byte at least, `max` at most. -ERR_NOT_FOUND (without a sentence) when they are not there;
 * ERR_CORRUPT when a dirty page is damaged. Reads the page once after adoption or reopening, to check it. */
int block_pin(struct block_store *s, const struct block_key *k, uint64_t off, size_t max, struct block_pinned *ret, struct err *err) must_use;
bool block_has(struct block_store *s, const struct block_key *k, uint64_t off);
uint32_t block_page_size(const struct block_store *s, uint32_t block_size);
/* False: a page of this length would be refused now, because everything is pinned or dirty. */
bool block_may_have_room(struct block_store *s, size_t len);
/* Adds one whole clean page that begins at `off`. ERR_NO_SPACE: everything is pinned, dirty or in use. */
int block_put(struct block_store *s, const struct block_key *k, uint64_t off, const void *data, size_t len, struct err *err) must_use;

/* A new content, written in order; nothing is visible before the commit, nothing stays after the free without it. */
struct block_writer;
enum block_write { BLOCK_CLEAN, BLOCK_DIRTY, BLOCK_DIRTY_DURABLE /* durable tiers only */ };
struct block_writer *block_writer_new(struct block_store *s, const struct block_key *k, enum block_write kind); /* length 0: unknown */
int block_writer_add(struct block_writer *w, const void *data, size_t len, struct err *err) must_use;
/* Dirty blocks on durable tiers are on disk with their folders when it returns. */
int block_writer_commit(struct block_writer *w, bool *ret_is_durable, struct err *err) must_use;
void block_writer_free(struct block_writer *w); /* accepts NULL */

void block_set_clean(struct block_store *s, content_id cid);
void block_set_pinned(struct block_store *s, content_id cid, bool is_pinned);
uint64_t block_drop(struct block_store *s, content_id cid, bool also_dirty); /* bytes freed */
/* Brings the block at `off` to the best tier, later, by the store's own thread. */
void block_promote(struct block_store *s, const struct block_key *k, uint64_t off);
void block_cached(struct block_store *s, content_id cid, struct content_cached *ret);
void block_status(struct block_store *s, struct data_status *ret); /* tiers, blocks, pages, evicted_pages, bad_pages */
void block_totals(struct block_store *s, uint64_t *ret_quota, uint64_t *ret_used, uint64_t *ret_blocks); /* cheap */
/* Contents of the index behind `cursor` (start with 0), at most `max`; returns how many. Those that come and go meanwhile may be missed. */
size_t block_contents(struct block_store *s, uint64_t *cursor, inode_id *inos, content_id *cids, size_t max);
