/* SPDX-License-Identifier: Apache-2.0
 *
 * index: which blocks there are, in memory: content → its blocks by sequence.  About 150 bytes a
 * block and 64 a content.  The files are tier's, their bytes page_io's.
 *
 * Lock order: shard (RANK_BLOCK) → tier (RANK_BLOCK_INNER).  A block's reference is taken under its
 * shard's lock or by who has one; so a block with one reference, seen under the lock, is nobody's.
 */
#pragma once
#include "base/thread.h"
#include "block/page_file.h"
#include "block/tier.h"

enum { INDEX_SHARDS = 16, INDEX_TIERS = 8 };

/* Counted as a slice's owner: one reference is the index's. The last one closes the file and gives the room back. */
struct block {
    struct slice_owner owner;
    struct evict_node node; /* under its tier's lock */
    /* fixed after init */
    struct block_store *store;
    content_id cid;
    inode_id ino;
    uint32_t seq, capacity, serial, length, block_size, page_size;
    uint8_t tier;
    /* under its shard's lock */
    bool is_dirty, is_bad, is_gone /* no longer in the index */, is_pinned;
    int fd;    /* -1 closed */
    char *map; /* of tiers on tmpfs while open */
    struct block *open_newer, *open_older;
    uint64_t charged; /* bytes of the tier's quota */
    union {
        uint64_t bits;
        uint64_t *more; /* more than 64 pages */
    } present, checked; /* checked: compared with the checksum since the file was opened or adopted */
};

struct content {
    struct content *next; /* in the shard's chain */
    content_id cid;
    inode_id ino;
    uint32_t block_size, slots;
    bool is_pinned;
    uint32_t count; /* blocks */
    union {
        struct block *one; /* slots == 1: sequence 0 */
        struct block **many;
    } blocks;
};

struct shard {
    struct lock lock;
    /* under lock */
    struct content **chains;
    size_t chain_count, contents, blocks;
    struct block *open_newest, *open_oldest;
    size_t open_count;
};

enum { PROMOTIONS = 64 };
struct block_store {
    /* fixed after init */
    size_t tier_count;
    struct tier tiers[INDEX_TIERS];
    uint32_t page_size;
    char cluster[PAGE_FILE_CLUSTER];
    uint64_t incarnation;
    content_id first_id;
    size_t open_max; /* of a shard */
    struct shard shards[INDEX_SHARDS];
    /* atomic */
    uint64_t evicted_pages, bad_pages;
    struct thread thread;
    struct lock lock; /* RANK_WORKER_INNER: the chores' */
    struct cond wake;
    /* under lock */
    bool is_ending, has_work;
    struct block_key promote[PROMOTIONS];
    uint64_t promote_off[PROMOTIONS];
    size_t promote_count;
};

struct shard *index_shard(struct block_store *s, content_id cid);
/* Under the shard's lock. NULL when there is none. */
struct content *index_content_locked(struct shard *h, content_id cid);
struct block *index_block_locked(const struct content *c, uint32_t seq);
/* With a reference: slice_owner's. NULL when there is none or its content has another block size. */
struct block *index_get(struct block_store *s, content_id cid, uint32_t block_size, uint32_t seq);
void index_put(struct block *b);
/* A block of its own, with one reference; takes over `fd` and the charged bytes. */
struct block *index_block_new(struct block_store *s, const struct page_file *f, unsigned tier, uint32_t serial, int fd, uint64_t charged);
/* Adds a block and takes a reference for the index; false when there is one already (or the content's geometry differs). */
bool index_add(struct block *b);
/* Takes it out of the index and removes its file. False when it is not there any more. */
bool index_remove(struct block *b, bool only_if_idle);
/* `b` gives its place to `by`, when nobody else holds `b` than the index and the caller. */
bool index_swap(struct block *b, struct block *by);

bool index_bit(const struct block *b, bool checked, uint32_t page);
void index_set_bit_locked(struct block *b, bool checked, uint32_t page);
uint32_t index_page_count(const struct block *b);
uint64_t index_present_bytes_locked(const struct block *b);
struct page_file index_layout(const struct block *b);
/* In the queue of its tier or not, by its flags. */
void index_requeue_locked(struct block *b);
void index_hit(struct block *b);
/* Opens the file (and maps it on tmpfs) if it is not; closes others past the limit. Needs a reference. */
int index_open(struct block *b, struct err *err) must_use;
struct tier *index_tier(const struct block *b);
struct tier_name index_name(const struct block *b);
/* The slice of the pages that are present and checked from `in`; len 0 when the first is not. */
void index_slice_locked(struct block *b, uint32_t in, size_t max, struct slice *ret);
void index_set_pinned(struct block_store *s, content_id cid, bool is_pinned);
/* Frees all; nobody else holds a reference. */
void index_done(struct block_store *s);

/* index_file.c → index.c: the list of open files of a shard. */
void index_opened_locked(struct block *b);
struct block *index_idle_open_locked(struct shard *h);
