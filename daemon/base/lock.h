/* SPDX-License-Identifier: Apache-2.0
 *
 * lock: a mutex with a rank, and a condition to wait on with a deadline.  Nothing is done under a
 * lock that can block: no I/O, no callback, no SQL commit.
 */
#pragma once
#include "base/lock_ranks.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct lock {
    pthread_mutex_t mutex;
    enum lock_rank rank;
};

void lock_init(struct lock *l, enum lock_rank rank);
void lock_done(struct lock *l);
void lock_take(struct lock *l);
void lock_drop(struct lock *l);
void lock_drop_p(struct lock **l);
/* Holds the lock to the end of the scope. */
#define LOCK_SCOPE(l)                                                                              \
    __attribute__((cleanup(lock_drop_p), unused)) struct lock *lock_scope_ = lock_hold(l)
struct lock *lock_hold(struct lock *l);

struct cond {
    pthread_cond_t cond; /* on the monotonic clock */
};
void cond_init(struct cond *c);
void cond_done(struct cond *c);
/* Waits at most until the deadline (monotonic ms); false when it passed.  Spurious returns happen. */
bool cond_wait(struct cond *c, struct lock *l, int64_t deadline_ms);
void cond_wake_one(struct cond *c);
void cond_wake_all(struct cond *c);
