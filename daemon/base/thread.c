/* SPDX-License-Identifier: Apache-2.0
 *
 * thread: see the header.
 */
#include "base/thread.h"

#include "base/clock.h"
#include "base/lock.h"
#include "base/mem.h"

#include <assert.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

struct launch {
    void (*run)(void *);
    void *arg;
};

static void *trampoline(void *p)
{
    struct launch l = *(struct launch *)p;
    free(p);
    l.run(l.arg);
    return NULL;
}

void thread_start(struct thread *t, const char *name, void (*run)(void *arg), void *arg)
{
    struct launch *l = xnew(struct launch);
    *l = (struct launch){run, arg};
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &old);
    int rc = pthread_create(&t->id, NULL, trampoline, l);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (rc) {
        fprintf(stderr, "isthmus: cannot start thread %s: %s\n", name, strerror(rc));
        abort();
    }
    pthread_setname_np(t->id, name);
    t->is_started = true;
}

void thread_nice(int nice)
{
    setpriority(PRIO_PROCESS, (id_t)gettid(), nice);
}

void thread_batch(void)
{
    sched_setscheduler(0, SCHED_BATCH, &(struct sched_param){0});
}

void thread_join(struct thread *t)
{
    if (t->is_started)
        pthread_join(t->id, NULL);
    t->is_started = false;
}

struct task {
    struct task *next;
    void (*run)(void *);
    void *arg;
};

struct pool {
    /* fixed after init */
    size_t queue_max;
    unsigned count;
    struct thread *threads;
    struct lock lock;
    struct cond work;
    /* under lock */
    struct task *first, **last;
    size_t queued;
    bool is_ending;
};

static struct task *next_task(struct pool *p)
{
    LOCK_SCOPE(&p->lock);
    while (!p->first && !p->is_ending)
        cond_wait(&p->work, &p->lock, CLOCK_NEVER);
    struct task *t = p->first;
    if (t) {
        p->first = t->next;
        if (!p->first)
            p->last = &p->first;
        p->queued--;
    }
    return t;
}

static void pool_run(void *arg)
{
    for (struct task *t; (t = next_task(arg)); free(t))
        t->run(t->arg);
}

struct pool *pool_new(const char *name, unsigned threads, size_t queue_max)
{
    struct pool *p = xnew(struct pool);
    p->queue_max = queue_max;
    p->count = threads;
    p->threads = xcalloc(threads, sizeof *p->threads);
    p->last = &p->first;
    lock_init(&p->lock, RANK_POOL);
    cond_init(&p->work);
    for (unsigned i = 0; i < threads; i++)
        thread_start(&p->threads[i], name, pool_run, p);
    return p;
}

void pool_free(struct pool *p)
{
    if (!p)
        return;
    lock_take(&p->lock);
    p->is_ending = true;
    cond_wake_all(&p->work);
    lock_drop(&p->lock);
    for (unsigned i = 0; i < p->count; i++)
        thread_join(&p->threads[i]);
    cond_done(&p->work);
    lock_done(&p->lock);
    free(p->threads);
    free(p);
}

int pool_submit(struct pool *p, void (*run)(void *arg), void *arg, struct err *err)
{
    struct task *t = xnew(struct task);
    *t = (struct task){.run = run, .arg = arg};
    LOCK_SCOPE(&p->lock);
    if (p->is_ending || p->queued >= p->queue_max) {
        free(t);
        return err_set(err, ERR_UNAVAILABLE, "too much work is waiting");
    }
    *p->last = t;
    p->last = &t->next;
    p->queued++;
    cond_wake_one(&p->work);
    return 0;
}

size_t pool_queued(const struct pool *p)
{
    LOCK_SCOPE((struct lock *)&p->lock);
    return p->queued;
}

struct tick {
    const char *name;
    int64_t every_ms, next_ms;
    void (*run)(void *);
    void *arg;
};

struct ticker {
    /* fixed after start */
    struct tick ticks[32];
    size_t count;
    struct thread thread;
    struct lock lock;
    struct cond wake;
    bool is_ending; /* under lock */
};

struct ticker *ticker_new(void)
{
    struct ticker *t = xnew(struct ticker);
    lock_init(&t->lock, RANK_ROLES);
    cond_init(&t->wake);
    return t;
}

void ticker_add(struct ticker *t, const char *name, int64_t every_ms, void (*run)(void *arg), void *arg)
{
    assert(t->count < array_len(t->ticks) && every_ms > 0);
    t->ticks[t->count++] = (struct tick){name, every_ms, clock_mono_ms() + every_ms, run, arg};
}

static bool sleep_until(struct ticker *t, int64_t when_ms)
{
    LOCK_SCOPE(&t->lock);
    while (!t->is_ending && clock_mono_ms() < when_ms)
        cond_wait(&t->wake, &t->lock, when_ms);
    return !t->is_ending;
}

static int64_t run_due(struct ticker *t)
{
    int64_t next = clock_mono_ms() + 60000;
    for (size_t i = 0; i < t->count; i++) {
        struct tick *k = &t->ticks[i];
        if (clock_mono_ms() >= k->next_ms) {
            k->run(k->arg);
            k->next_ms = clock_mono_ms() + k->every_ms;
        }
        next = k->next_ms < next ? k->next_ms : next;
    }
    return next;
}

static void ticker_run(void *arg)
{
    struct ticker *t = arg;
    while (sleep_until(t, run_due(t)))
        ;
}

void ticker_start(struct ticker *t)
{
    thread_start(&t->thread, "ticker", ticker_run, t);
}

void ticker_stop(struct ticker *t)
{
    lock_take(&t->lock);
    t->is_ending = true;
    cond_wake_all(&t->wake);
    lock_drop(&t->lock);
    thread_join(&t->thread);
}

void ticker_free(struct ticker *t)
{
    if (!t)
        return;
    ticker_stop(t);
    cond_done(&t->wake);
    lock_done(&t->lock);
    free(t);
}
