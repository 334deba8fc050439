/* SPDX-License-Identifier: Apache-2.0
 *
 * thread: named threads, pools of them, and the ticker for periodic work.
 */
#pragma once
#include "base/err.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct thread {
    pthread_t id;
    bool is_started;
};
/* `name` at most 15 bytes, static. All signals are blocked in the new thread. Dies when the system has no threads left. */
void thread_start(struct thread *t, const char *name, void (*run)(void *arg), void *arg);
/* Of the calling thread: above 0, it goes after others. Left as it is where the system does not allow it. */
void thread_nice(int nice);
/* Of the calling thread: woken, it lets who runs go on to the end of their turn instead of taking their place (SCHED_BATCH).
 * Threads that it starts do so too. */
void thread_batch(void);
void thread_join(struct thread *t); /* accepts one that never started */

/* A pool of named threads with a bounded queue. */
struct pool;
struct pool *pool_new(const char *name, unsigned threads, size_t queue_max);
/* Runs what is queued, then ends the threads. */
void pool_free(struct pool *p);
/* ERR_UNAVAILABLE when the queue is full or the pool is ending.  Does not block. */
int pool_submit(struct pool *p, void (*run)(void *arg), void *arg, struct err *err) must_use;
size_t pool_queued(const struct pool *p);

/* One thread that calls each registered function at its interval.  Functions are short; long work goes to a pool. */
struct ticker;
struct ticker *ticker_new(void);
void ticker_free(struct ticker *t);
/* `name` static, for logs.  Register before ticker_start. */
void ticker_add(struct ticker *t, const char *name, int64_t every_ms, void (*run)(void *arg), void *arg);
void ticker_start(struct ticker *t);
void ticker_stop(struct ticker *t); /* returns when no function is running */
