/* SPDX-License-Identifier: Apache-2.0
 *
 * sync_memory: see the header.  Hashes start from a random number, so that nobody can choose names that collide.
 */
#include "master/sync_memory.h"

#include "base/crypto.h"
#include "base/lock.h"
#include "base/mem.h"

#include <string.h>

enum { SLOTS = 65536 };

struct fact {
    uint64_t key;
    int64_t wall_ms;
};
struct sync_memory {
    uint64_t seed;
    struct lock lock;
    struct fact verified[SLOTS], absent[SLOTS];
};

static uint64_t mix(uint64_t h)
{
    h ^= h >> 31;
    h *= 0x9e3779b97f4a7c15u;
    return h ^ h >> 29;
}

static uint64_t hash(uint64_t h, const char *s, size_t len)
{
    for (size_t i = 0; i < len; i++)
        h = (h ^ (unsigned char)s[i]) * 1099511628211u;
    h = mix(h);
    return h ? h : 1;
}

struct sync_memory *sync_memory_new(void)
{
    struct sync_memory *m = xnew(struct sync_memory);
    crypto_random(&m->seed, sizeof m->seed);
    lock_init(&m->lock, RANK_LEAF);
    return m;
}

void sync_memory_free(struct sync_memory *m)
{
    if (m)
        lock_done(&m->lock);
    free(m);
}

static void fact_set(struct sync_memory *m, struct fact *table, uint64_t key, int64_t wall_ms)
{
    LOCK_SCOPE(&m->lock);
    table[mix(key) % SLOTS] = (struct fact){key, wall_ms};
}

static int64_t fact_get(struct sync_memory *m, const struct fact *table, uint64_t key)
{
    LOCK_SCOPE(&m->lock);
    const struct fact *f = &table[mix(key) % SLOTS];
    return f->key == key ? f->wall_ms : 0;
}

void sync_memory_verified(struct sync_memory *m, inode_id ino, int64_t wall_ms)
{
    fact_set(m, m->verified, ino, wall_ms);
}

int64_t sync_memory_when(struct sync_memory *m, inode_id ino)
{
    return fact_get(m, m->verified, ino);
}

void sync_memory_absent(struct sync_memory *m, uint64_t generation, const char *path, int64_t wall_ms)
{
    fact_set(m, m->absent, hash(m->seed ^ mix(generation), path, strlen(path)), wall_ms);
}

int64_t sync_memory_absent_when(struct sync_memory *m, uint64_t generation, const char *path, size_t known_len)
{
    int64_t when = 0;
    if (known_len < 1)
        known_len = 1;
    for (size_t len = strlen(path); len > known_len && !when;) {
        when = fact_get(m, m->absent, hash(m->seed ^ mix(generation), path, len));
        while (len > 1 && path[--len] != '/')
            continue;
    }
    return when;
}

static void seen_put(struct sync_seen *s, uint64_t h)
{
    size_t i = (size_t)mix(h) & (s->cap - 1);
    while (s->slots[i] && s->slots[i] != h)
        i = (i + 1) & (s->cap - 1);
    s->count += !s->slots[i];
    s->slots[i] = h;
}

void sync_seen_add(struct sync_seen *s, const char *name)
{
    if (s->count * 3 >= s->cap * 2) {
        struct sync_seen bigger = {.cap = s->cap ? s->cap * 2 : 64};
        bigger.slots = xcalloc(bigger.cap, sizeof *bigger.slots);
        for (size_t i = 0; i < s->cap; i++)
            if (s->slots[i])
                seen_put(&bigger, s->slots[i]);
        free(s->slots);
        *s = bigger;
    }
    seen_put(s, hash(14695981039346656037u, name, strlen(name)));
}

bool sync_seen_has(const struct sync_seen *s, const char *name)
{
    if (!s->cap)
        return false;
    uint64_t h = hash(14695981039346656037u, name, strlen(name));
    size_t i = (size_t)mix(h) & (s->cap - 1);
    while (s->slots[i] && s->slots[i] != h)
        i = (i + 1) & (s->cap - 1);
    return s->slots[i] != 0;
}

void sync_seen_done(struct sync_seen *s)
{
    free(s->slots);
    *s = (struct sync_seen){0};
}
