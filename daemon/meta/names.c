/* SPDX-License-Identifier: Apache-2.0
 *
 * names: see the header.  A shard is a lock, chains of sets, and a hand that goes round its chains: a set that was
 * not asked since the hand came by last is dropped when room is needed.  A set is an open table without removal.
 *
 * Invariants
 *  1. A set holds every name that its directory had at set->index or got since, up to the last published index.
 *  2. shard->changed_at is raised before the index is published; a fill with an older index is dropped.
 *  3. shard->bytes <= shard->max after every fill and put.
 */
#include "meta/names.h"

#include "base/lock.h"
#include "base/mem.h"

#include <string.h>

enum { SHARDS = 16, CHAINS = 512, ROOM_MIN = 16, COUNT_MAX = 16384 };

struct set {
    struct set *next;
    inode_id dir;
    uint64_t index;
    uint32_t count, room; /* room: a power of two, more than count */
    bool is_used;         /* since the hand came by */
    uint32_t at[];        /* 0: free */
};

struct shard {
    struct lock lock;
    /* under lock */
    struct set *chains[CHAINS];
    size_t hand;
    uint64_t bytes, max, changed_at;
} __attribute__((aligned(64)));

struct names {
    struct shard shards[SHARDS];
};

struct names *names_new(uint64_t max_bytes)
{
    struct names *n = NULL;
    if (posix_memalign((void **)&n, 64, sizeof *n) != 0)
        abort();
    memset(n, 0, sizeof *n);
    for (int i = 0; i < SHARDS; i++) {
        lock_init(&n->shards[i].lock, RANK_META);
        n->shards[i].max = max_bytes / SHARDS;
    }
    return n;
}

static uint64_t size_of(const struct set *s)
{
    return sizeof *s + s->room * sizeof s->at[0];
}

static void drop_locked(struct shard *h, struct set **at)
{
    struct set *s = *at;
    *at = s->next;
    h->bytes -= size_of(s);
    free(s);
}

void names_free(struct names *n)
{
    for (int i = 0; n && i < SHARDS; i++) {
        for (size_t k = 0; k < CHAINS; k++)
            while (n->shards[i].chains[k])
                drop_locked(&n->shards[i], &n->shards[i].chains[k]);
        lock_done(&n->shards[i].lock);
    }
    free(n);
}

uint64_t names_bytes(struct names *n)
{
    uint64_t bytes = 0;
    for (int i = 0; i < SHARDS; i++) {
        LOCK_SCOPE(&n->shards[i].lock);
        bytes += n->shards[i].bytes;
    }
    return bytes;
}

static uint64_t mix(inode_id dir)
{
    return dir * 0x9e3779b97f4a7c15ull >> 32;
}

static struct shard *shard_of(struct names *n, inode_id dir)
{
    return &n->shards[mix(dir) % SHARDS];
}

static struct set **find_locked(struct shard *h, inode_id dir)
{
    struct set **at = &h->chains[mix(dir) / SHARDS % CHAINS];
    while (*at && (*at)->dir != dir)
        at = &(*at)->next;
    return at;
}

/* Where the hash is, or where it would go. */
static uint32_t *slot(struct set *s, uint32_t hash)
{
    uint32_t i = hash & (s->room - 1);
    while (s->at[i] && s->at[i] != hash)
        i = (i + 1) & (s->room - 1);
    return &s->at[i];
}

static uint32_t never_0(uint32_t hash)
{
    return hash ? hash : 1;
}

static void put(struct set *s, uint32_t hash)
{
    uint32_t *at = slot(s, never_0(hash));
    s->count += !*at;
    *at = never_0(hash);
}

enum names_answer names_ask(struct names *n, inode_id dir, uint32_t hash, uint64_t index)
{
    struct shard *h = shard_of(n, dir);
    LOCK_SCOPE(&h->lock);
    struct set *s = *find_locked(h, dir);
    if (!s)
        return NAMES_UNKNOWN;
    s->is_used = true;
    return s->index > index || *slot(s, never_0(hash)) ? NAMES_MAYBE : NAMES_LACK;
}

static uint32_t room_for(size_t count)
{
    uint32_t room = ROOM_MIN;
    while (room / 4 * 3 <= count)
        room *= 2;
    return room;
}

static struct set *set_new(inode_id dir, uint64_t index, size_t count)
{
    uint32_t room = room_for(count);
    struct set *s = xcalloc(1, sizeof *s + room * sizeof s->at[0]);
    s->dir = dir;
    s->index = index;
    s->room = room;
    s->is_used = true;
    return s;
}

static void make_room_locked(struct shard *h)
{
    for (size_t i = 0; i < 2 * CHAINS && h->bytes > h->max; i++) {
        struct set **at = &h->chains[h->hand++ % CHAINS];
        while (*at) {
            if ((*at)->is_used) {
                (*at)->is_used = false;
                at = &(*at)->next;
            } else {
                drop_locked(h, at);
            }
        }
    }
}

static void add_locked(struct shard *h, struct set **at, struct set *s)
{
    s->next = *at;
    *at = s;
    h->bytes += size_of(s);
}

void names_fill(struct names *n, inode_id dir, const uint32_t *hashes, size_t count, uint64_t index)
{
    struct shard *h = shard_of(n, dir);
    LOCK_SCOPE(&h->lock);
    struct set **at = find_locked(h, dir);
    if (index < h->changed_at || *at)
        return;
    struct set *s = set_new(dir, index, count);
    for (size_t i = 0; i < count; i++)
        put(s, hashes[i]);
    add_locked(h, at, s);
    make_room_locked(h);
}

/* The set that is there, larger. */
static struct set *grow_locked(struct shard *h, struct set **at)
{
    struct set *old = *at, *s = set_new(old->dir, old->index, old->room);
    for (uint32_t i = 0; i < old->room; i++)
        if (old->at[i])
            put(s, old->at[i]);
    drop_locked(h, at);
    add_locked(h, at, s);
    return s;
}

void names_put(struct names *n, inode_id dir, uint32_t hash, uint64_t index)
{
    struct shard *h = shard_of(n, dir);
    LOCK_SCOPE(&h->lock);
    h->changed_at = index;
    struct set **at = find_locked(h, dir), *s = *at;
    if (!s)
        return;
    if (s->count == COUNT_MAX) {
        drop_locked(h, at);
        return;
    }
    if (s->count >= s->room / 4 * 3)
        s = grow_locked(h, at);
    put(s, hash);
    make_room_locked(h);
}
