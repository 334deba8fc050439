/* SPDX-License-Identifier: Apache-2.0
 *
 * metrics: counting.  A counter is 16 cache lines, and a thread adds to the one it was given at its
 * first count, so that threads that count much do not pass a line around.  How metrics are shown is
 * metrics_show.c's.
 * Threads: any.  A reader works on a copy of the list without the lock; metrics_unregister waits for it.
 */
#include "base/metrics.h"

#include "base/clock.h"
#include "base/lock.h"
#include "base/mem.h"
#include "base/metrics_list.h"

#include <string.h>

enum { SHARDS = 16, LINE_BYTES = 64 };

struct shard {
    int64_t count; /* counters and gauges; histograms: sum of us */
    int64_t buckets[]; /* histograms: METRICS_BUCKETS */
};

/* Followed by the shards, each on cache lines of its own; gauges have one. */
struct metric_state {
    size_t shard_bytes;
    unsigned shards;
    char *first; /* aligned to a line */
};

static struct lock lock;
static struct cond idle;
static struct { /* under lock */
    struct metric **all;
    size_t count, room;
    unsigned readers;
} list;

__attribute__((constructor)) static void start(void)
{
    lock_init(&lock, RANK_LEAF);
    cond_init(&idle);
}

static unsigned my_shard(void)
{
    static unsigned next;
    static _Thread_local unsigned mine; /* +1 */
    if (__builtin_expect(!mine, 0))
        mine = __atomic_fetch_add(&next, 1, __ATOMIC_RELAXED) % SHARDS + 1;
    return mine - 1;
}

static struct shard *shard_at(const struct metric_state *s, unsigned i)
{
    return (struct shard *)(void *)(s->first + (i < s->shards ? i : 0) * s->shard_bytes);
}

static struct metric_state *state_of(const struct metric *m)
{
    return __atomic_load_n(&m->state, __ATOMIC_ACQUIRE);
}

static struct metric_state *state_new(enum metric_kind kind)
{
    size_t bytes = sizeof(struct shard) + (kind == METRIC_HISTOGRAM ? METRICS_BUCKETS * sizeof(int64_t) : 0);
    unsigned shards = kind == METRIC_COUNTER || kind == METRIC_HISTOGRAM ? SHARDS : 1;
    bytes = (bytes + LINE_BYTES - 1) / LINE_BYTES * LINE_BYTES;
    struct metric_state *s = xcalloc(1, sizeof *s + LINE_BYTES + bytes * shards);
    uintptr_t after = (uintptr_t)(s + 1);
    *s = (struct metric_state){.shard_bytes = bytes, .shards = shards};
    s->first = (char *)(s + 1) + (LINE_BYTES - after % LINE_BYTES) % LINE_BYTES;
    return s;
}

static void list_add_locked(struct metric *m)
{
    if (list.count == list.room) {
        list.room = list.room ? 2 * list.room : 64;
        list.all = xrealloc(list.all, list.room * sizeof *list.all);
    }
    list.all[list.count++] = m;
}

void metrics_register(struct metric *table, size_t n)
{
    LOCK_SCOPE(&lock);
    for (size_t i = 0; i < n; i++) {
        if (table[i].state)
            continue;
        __atomic_store_n(&table[i].state, state_new(table[i].kind), __ATOMIC_RELEASE);
        list_add_locked(&table[i]);
    }
}

static void list_remove_locked(const struct metric *m)
{
    size_t kept = 0;
    for (size_t i = 0; i < list.count; i++)
        if (list.all[i] != m)
            list.all[kept++] = list.all[i];
    list.count = kept;
    if (!kept) {
        free(steal(&list.all));
        list.room = 0;
    }
}

void metrics_unregister(struct metric *table, size_t n)
{
    LOCK_SCOPE(&lock);
    for (size_t i = 0; i < n; i++)
        list_remove_locked(&table[i]);
    while (list.readers) /* they end by themselves: the functions they call are short */
        cond_wait(&idle, &lock, CLOCK_NEVER);
    for (size_t i = 0; i < n; i++)
        free(steal(&table[i].state));
}

struct metric **metrics_list_hold(size_t *ret_n)
{
    LOCK_SCOPE(&lock);
    list.readers++;
    *ret_n = list.count;
    return xmemdup(list.all, list.count * sizeof *list.all);
}

void metrics_list_drop(struct metric **held)
{
    free(held);
    LOCK_SCOPE(&lock);
    if (--list.readers == 0)
        cond_wake_all(&idle);
}

static void clear_state(struct metric_state *s)
{
    for (char *at = s->first; at < s->first + s->shards * s->shard_bytes; at += sizeof(int64_t))
        __atomic_store_n((int64_t *)(void *)at, 0, __ATOMIC_RELAXED);
}

void metrics_clear(void)
{
    size_t n;
    struct metric **all = metrics_list_hold(&n);
    for (size_t i = 0; i < n; i++)
        if (all[i]->kind == METRIC_COUNTER || all[i]->kind == METRIC_HISTOGRAM)
            clear_state(state_of(all[i]));
    metrics_list_drop(all);
}

void metric_add(struct metric *m, int64_t n)
{
    struct metric_state *s = state_of(m);
    if (s)
        __atomic_fetch_add(&shard_at(s, my_shard())->count, n, __ATOMIC_RELAXED);
}

void metric_set(struct metric *m, int64_t v)
{
    struct metric_state *s = state_of(m);
    if (s)
        __atomic_store_n(&shard_at(s, 0)->count, v, __ATOMIC_RELAXED);
}

/* Bucket i holds times up to 16 << i us; the last one all that is longer. */
static unsigned bucket_of(int64_t us)
{
    if (us <= METRICS_LEAST_US)
        return 0;
    unsigned bits = 64 - (unsigned)__builtin_clzll((unsigned long long)us - 1); /* 17..32 us: 5 */
    return bits - 4 < METRICS_BUCKETS ? bits - 4 : METRICS_BUCKETS - 1;
}

void metric_time(struct metric *m, int64_t us)
{
    struct metric_state *s = state_of(m);
    if (!s || m->kind != METRIC_HISTOGRAM)
        return;
    struct shard *mine = shard_at(s, my_shard());
    __atomic_fetch_add(&mine->count, us < 0 ? 0 : us, __ATOMIC_RELAXED);
    __atomic_fetch_add(&mine->buckets[bucket_of(us)], 1, __ATOMIC_RELAXED);
}

static int64_t sum_counts(const struct metric_state *s)
{
    int64_t sum = 0;
    for (unsigned i = 0; i < s->shards; i++)
        sum += __atomic_load_n(&shard_at(s, i)->count, __ATOMIC_RELAXED);
    return sum;
}

void metrics_histogram(const struct metric *m, struct metrics_histogram *ret)
{
    struct metric_state *s = state_of(m);
    *ret = (struct metrics_histogram){0};
    if (!s)
        return;
    ret->sum_us = sum_counts(s);
    for (unsigned i = 0; i < s->shards; i++)
        for (unsigned k = 0; k < METRICS_BUCKETS; k++)
            ret->buckets[k] += __atomic_load_n(&shard_at(s, i)->buckets[k], __ATOMIC_RELAXED);
    for (unsigned k = 0; k < METRICS_BUCKETS; k++)
        ret->count += ret->buckets[k];
}

int64_t metric_value(const struct metric *m)
{
    struct metrics_histogram h;
    struct metric_state *s = state_of(m);
    if (m->kind == METRIC_GAUGE_FN)
        return m->read(m->arg);
    if (m->kind != METRIC_HISTOGRAM)
        return s ? sum_counts(s) : 0;
    metrics_histogram(m, &h);
    return h.count;
}
