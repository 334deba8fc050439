/* SPDX-License-Identifier: Apache-2.0
 *
 * lock: see the header.  The ranks held by a thread are a small stack in thread-local memory.
 */
#include "base/lock.h"

#include "base/clock.h"

#include <assert.h>
#include <time.h>

enum { HELD_MAX = 16 };
static _Thread_local enum lock_rank held[HELD_MAX];
static _Thread_local int held_count;

static void push_rank(enum lock_rank rank)
{
    assert(held_count < HELD_MAX);
    assert(held_count == 0 || held[held_count - 1] < rank);
    held[held_count++] = rank;
}

static void pop_rank(enum lock_rank rank)
{
    /* locks need not be dropped in order: remove the last one of this rank */
    int i = held_count - 1;
    while (i >= 0 && held[i] != rank)
        i--;
    assert(i >= 0);
    for (; i < held_count - 1; i++)
        held[i] = held[i + 1];
    held_count--;
}

void lock_init(struct lock *l, enum lock_rank rank)
{
    pthread_mutex_init(&l->mutex, NULL);
    l->rank = rank;
}

void lock_done(struct lock *l)
{
    pthread_mutex_destroy(&l->mutex);
}

void lock_take(struct lock *l)
{
    push_rank(l->rank);
    pthread_mutex_lock(&l->mutex);
}

void lock_drop(struct lock *l)
{
    pthread_mutex_unlock(&l->mutex);
    pop_rank(l->rank);
}

struct lock *lock_hold(struct lock *l)
{
    lock_take(l);
    return l;
}

void lock_drop_p(struct lock **l)
{
    lock_drop(*l);
}

void cond_init(struct cond *c)
{
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&c->cond, &attr);
    pthread_condattr_destroy(&attr);
}

void cond_done(struct cond *c)
{
    pthread_cond_destroy(&c->cond);
}

bool cond_wait(struct cond *c, struct lock *l, int64_t deadline_ms)
{
    if (deadline_ms == CLOCK_NEVER) {
        pthread_cond_wait(&c->cond, &l->mutex);
        return true;
    }
    struct timespec until = {.tv_sec = deadline_ms / 1000, .tv_nsec = deadline_ms % 1000 * 1000000};
    return pthread_cond_timedwait(&c->cond, &l->mutex, &until) == 0;
}

void cond_wake_one(struct cond *c)
{
    pthread_cond_signal(&c->cond);
}

void cond_wake_all(struct cond *c)
{
    pthread_cond_broadcast(&c->cond);
}
