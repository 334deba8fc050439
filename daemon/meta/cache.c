/* SPDX-License-Identifier: Apache-2.0
 *
 * cache: see the header.  A shard is a lock, a hash table with chains and a clock hand that walks its
 * buckets: an item that was not used since the hand came by last is dropped when room is needed.  A directory
 * is spared twice more: every path goes through it, and new files would push it out.
 *
 * Invariants
 *  1. An item's value is the committed one as of every index from item->index to the last published.
 *  2. shard->changed_at is raised before the index is published; a fill with an older index is dropped.
 *  3. shard->bytes <= shard->max after every put.
 *  4. All of a row's places in c->changed are at least the index of its last change since the start, before that is published.
 */
#include "meta/cache.h"

#include "base/lock.h"
#include "base/mem.h"
#include "meta/inode_row.h"

#include <stdatomic.h>
#include <string.h>

#define SHARDS 64
#define BUCKETS_MIN 64
#define NAMES_SHARE 8 /* of all bytes, one part */
#define ITEM_OVERHEAD 16 /* of the allocator */
#define TYPE_INODE 0xff
#define DIRECTORY_SPARED 2 /* times that the hand comes by */
#define CHANGED (1u << 16)
#define PLACES 4 /* of a row in it: of 2,000 rows that the database lacks, one other in 5,000 shares all */

struct item {
    struct item *next;
    uint64_t index;
    uint64_t key;    /* parent or ino */
    uint64_t ino;    /* dentries */
    uint32_t hash;
    uint16_t len;
    uint8_t type;    /* of the dentry, or TYPE_INODE */
    uint8_t spared;  /* how many times the hand will come by in vain */
    char bytes[];    /* name or row */
};

struct shard {
    struct lock lock;
    /* under lock */
    struct item **buckets;
    size_t bucket_count, count, hand;
    uint64_t bytes, max, changed_at, hits, misses;
} __attribute__((aligned(64)));

struct cache {
    struct names *names;
    _Atomic uint64_t *changed;
    struct shard shards[SHARDS];
};

static uint32_t hash_of(uint64_t key, const char *name, size_t len)
{
    uint64_t h = (key + len) * 0x9e3779b97f4a7c15ull;
    for (; len >= 8; name += 8, len -= 8) {
        uint64_t w;
        memcpy(&w, name, 8);
        h = (h ^ w) * 0x9fb21c651e98df25ull;
        h ^= h >> 32;
    }
    uint64_t w = 0;
    memcpy(&w, name, len);
    h = (h ^ w) * 0x9fb21c651e98df25ull;
    h ^= h >> 29;
    h *= 0xbf58476d1ce4e5b9ull;
    return (uint32_t)(h >> 32);
}

static size_t place_of(uint32_t hash, unsigned i)
{
    return hash * 0x9e3779b97f4a7c15ull >> 16 * i & (CHANGED - 1);
}

static void note_change(struct cache *c, uint32_t hash, uint64_t index)
{
    for (unsigned i = 0; i < PLACES; i++)
        atomic_store_explicit(&c->changed[place_of(hash, i)], index, memory_order_release);
}

static bool is_since(const struct cache *c, uint32_t hash, uint64_t index)
{
    for (unsigned i = 0; i < PLACES; i++)
        if (atomic_load_explicit(&c->changed[place_of(hash, i)], memory_order_acquire) <= index)
            return true;
    return false;
}

static struct shard *shard_of(struct cache *c, uint32_t hash)
{
    return &c->shards[hash % SHARDS];
}

static struct item **bucket_of(struct shard *s, uint32_t hash)
{
    return &s->buckets[hash / SHARDS & (s->bucket_count - 1)];
}

struct cache *cache_new(uint64_t max_bytes)
{
    struct cache *c = NULL;
    if (posix_memalign((void **)&c, 64, sizeof *c) != 0)
        abort();
    memset(c, 0, sizeof *c);
    c->changed = xcalloc(CHANGED, sizeof *c->changed);
    c->names = names_new(max_bytes / NAMES_SHARE);
    for (int i = 0; i < SHARDS; i++) {
        struct shard *s = &c->shards[i];
        lock_init(&s->lock, RANK_META);
        s->max = (max_bytes - max_bytes / NAMES_SHARE) / SHARDS;
        s->bucket_count = BUCKETS_MIN;
        s->buckets = xcalloc(s->bucket_count, sizeof *s->buckets);
    }
    return c;
}

void cache_free(struct cache *c)
{
    for (int i = 0; c && i < SHARDS; i++) {
        struct shard *s = &c->shards[i];
        for (size_t b = 0; b < s->bucket_count; b++) {
            for (struct item *it = s->buckets[b], *next; it; it = next) {
                next = it->next;
                free(it);
            }
        }
        free(s->buckets);
        lock_done(&s->lock);
    }
    if (!c)
        return;
    names_free(c->names);
    free(c->changed);
    free(c);
}

static uint8_t spared_as(enum inode_type type)
{
    return type == INODE_DIRECTORY ? DIRECTORY_SPARED : 0;
}

static uint64_t size_of(const struct item *it)
{
    return sizeof *it + it->len + ITEM_OVERHEAD;
}

static struct item **find_locked(struct shard *s, uint32_t hash, uint64_t key, bool is_inode, const char *name, size_t len)
{
    for (struct item **at = bucket_of(s, hash); *at; at = &(*at)->next) {
        const struct item *it = *at;
        if (it->hash != hash || it->key != key || (it->type == TYPE_INODE) != is_inode)
            continue;
        if (is_inode || (it->len == len && !memcmp(it->bytes, name, len)))
            return at;
    }
    return NULL;
}

static void drop_locked(struct shard *s, struct item **at)
{
    struct item *it = *at;
    *at = it->next;
    s->bytes -= size_of(it);
    s->count--;
    free(it);
}

static void grow_locked(struct shard *s)
{
    size_t old_count = s->bucket_count;
    struct item **old = s->buckets;
    s->bucket_count *= 2;
    s->bytes += old_count * sizeof *old;
    s->buckets = xcalloc(s->bucket_count, sizeof *s->buckets);
    for (size_t b = 0; b < old_count; b++) {
        for (struct item *it = old[b], *next; it; it = next) {
            next = it->next;
            struct item **to = bucket_of(s, it->hash);
            it->next = *to;
            *to = it;
        }
    }
    free(old);
}

static void make_room_locked(struct shard *s, uint64_t need)
{
    while (s->count && s->bytes + need > s->max) {
        struct item **at = &s->buckets[s->hand++ & (s->bucket_count - 1)];
        while (*at) {
            if ((*at)->spared) {
                (*at)->spared--;
                at = &(*at)->next;
            } else {
                drop_locked(s, at);
            }
        }
    }
}

static void put_locked(struct shard *s, uint32_t hash, const struct item *head, const void *bytes)
{
    if (s->count > s->bucket_count)
        grow_locked(s);
    make_room_locked(s, size_of(head));
    if (s->bytes + size_of(head) > s->max)
        return;
    struct item *it = xmalloc(sizeof *it + head->len);
    struct item **to = bucket_of(s, hash);
    *it = *head;
    memcpy(it->bytes, bytes, head->len);
    it->hash = hash;
    it->next = *to;
    *to = it;
    s->bytes += size_of(it);
    s->count++;
}

static void count_locked(struct shard *s, bool is_hit)
{
    if (is_hit)
        s->hits++;
    else
        s->misses++;
}

bool cache_dentry_get(struct cache *c, inode_id parent, const char *name, size_t len, struct cache_dentry *ret)
{
    uint32_t hash = hash_of(parent, name, len);
    struct shard *s = shard_of(c, hash);
    LOCK_SCOPE(&s->lock);
    struct item **at = find_locked(s, hash, parent, false, name, len);
    count_locked(s, at);
    if (!at)
        return false;
    (*at)->spared = 1 + spared_as((enum inode_type)(*at)->type);
    *ret = (struct cache_dentry){(*at)->ino, (enum inode_type)(*at)->type, (*at)->index};
    return true;
}

bool cache_inode_get(struct cache *c, inode_id ino, struct inode *ret, uint64_t *ret_index)
{
    uint32_t hash = hash_of(ino, "", 0);
    struct shard *s = shard_of(c, hash);
    LOCK_SCOPE(&s->lock);
    struct item **at = find_locked(s, hash, ino, true, "", 0);
    count_locked(s, at);
    if (!at || inode_row_unpack(ino, (*at)->bytes, (*at)->len, ret, NULL) < 0)
        return false;
    (*at)->spared = 1 + spared_as(ret->type);
    *ret_index = (*at)->index;
    return true;
}

static void replace_locked(struct shard *s, uint32_t hash, const struct item *head, const void *bytes)
{
    bool is_inode = head->type == TYPE_INODE;
    struct item **at = find_locked(s, hash, head->key, is_inode, bytes, head->len);
    if (at && (*at)->len == head->len) { /* in place: the common case of a touched directory */
        struct item *it = *at, *next = it->next;
        *it = *head;
        it->next = next;
        it->hash = hash;
        memcpy(it->bytes, bytes, head->len);
        return;
    }
    if (at)
        drop_locked(s, at);
    put_locked(s, hash, head, bytes);
}

static void fill(struct cache *c, uint32_t hash, const struct item *head, const void *bytes)
{
    struct shard *s = shard_of(c, hash);
    LOCK_SCOPE(&s->lock);
    if (head->index < s->changed_at)
        return;
    if (!find_locked(s, hash, head->key, head->type == TYPE_INODE, bytes, head->len))
        put_locked(s, hash, head, bytes);
}

void cache_dentry_fill(struct cache *c, inode_id parent, const char *name, size_t len, inode_id ino, enum inode_type type, uint64_t index)
{
    struct item head = {.index = index, .key = parent, .ino = ino, .len = (uint16_t)len, .type = (uint8_t)type, .spared = spared_as(type)};
    fill(c, hash_of(parent, name, len), &head, name);
}

void cache_inode_fill(struct cache *c, inode_id ino, enum inode_type type, const void *row, size_t len, uint64_t index)
{
    struct item head = {.index = index, .key = ino, .len = (uint16_t)len, .type = TYPE_INODE, .spared = spared_as(type)};
    fill(c, hash_of(ino, "", 0), &head, row);
}

void cache_dentry_apply(struct cache *c, inode_id parent, const char *name, size_t len, inode_id ino, enum inode_type type, uint64_t index)
{
    uint32_t hash = hash_of(parent, name, len);
    struct shard *s = shard_of(c, hash);
    struct item head = {.index = index, .key = parent, .ino = ino, .len = (uint16_t)len, .type = (uint8_t)type, .spared = spared_as(type)};
    if (ino)
        names_put(c->names, parent, hash, index);
    note_change(c, hash, index);
    LOCK_SCOPE(&s->lock);
    s->changed_at = index;
    replace_locked(s, hash, &head, name);
}

void cache_inode_apply(struct cache *c, inode_id ino, enum inode_type type, const void *row, size_t len, uint64_t index)
{
    uint32_t hash = hash_of(ino, "", 0);
    struct shard *s = shard_of(c, hash);
    struct item head = {.index = index, .key = ino, .len = (uint16_t)len, .type = TYPE_INODE, .spared = spared_as(type)};
    note_change(c, hash, index);
    LOCK_SCOPE(&s->lock);
    s->changed_at = index;
    if (row) {
        replace_locked(s, hash, &head, row);
        return;
    }
    struct item **at = find_locked(s, hash, ino, true, "", 0);
    if (at)
        drop_locked(s, at);
}

bool cache_dentry_is_since(const struct cache *c, inode_id parent, const char *name, size_t len, uint64_t index)
{
    return is_since(c, hash_of(parent, name, len), index);
}

bool cache_inode_is_since(const struct cache *c, inode_id ino, uint64_t index)
{
    return is_since(c, hash_of(ino, "", 0), index);
}

enum names_answer cache_names_ask(struct cache *c, inode_id dir, const char *name, size_t len, uint64_t index)
{
    return names_ask(c->names, dir, hash_of(dir, name, len), index);
}

uint32_t cache_name_hash(inode_id dir, const char *name, size_t len)
{
    return hash_of(dir, name, len);
}

void cache_names_fill(struct cache *c, inode_id dir, const uint32_t *hashes, size_t count, uint64_t index)
{
    names_fill(c->names, dir, hashes, count, index);
}

void cache_counts(struct cache *c, struct cache_counts *ret)
{
    *ret = (struct cache_counts){.bytes = names_bytes(c->names)};
    for (int i = 0; i < SHARDS; i++) {
        struct shard *s = &c->shards[i];
        LOCK_SCOPE(&s->lock);
        ret->bytes += s->bytes;
        ret->hits += s->hits;
        ret->misses += s->misses;
    }
}
