/* SPDX-License-Identifier: Apache-2.0
 *
 * fetch: a queue by arrival from which a thread takes the first job whose mount is below its share.
 * The queue is bounded by the readers: each has a window.  Threads: fetch, `threads` of them.
 */
#include "worker/fetch.h"

#include "base/clock.h"
#include "base/mem.h"

enum { MOUNT_SLOTS = 64 };
struct fetcher {
    /* fixed after init */
    unsigned threads, share;
    struct thread *thread;
    struct lock lock;
    struct cond wake;
    /* under lock */
    struct fetch_job *first, **last;
    unsigned running[MOUNT_SLOTS];
    bool is_ending;
};

static struct fetch_job *take_locked(struct fetcher *f)
{
    for (struct fetch_job **at = &f->first; *at; at = &(*at)->next) {
        struct fetch_job *j = *at;
        if (f->running[j->mount % MOUNT_SLOTS] >= f->share)
            continue;
        *at = j->next;
        if (f->last == &j->next)
            f->last = at;
        f->running[j->mount % MOUNT_SLOTS]++;
        return j;
    }
    return NULL;
}

static struct fetch_job *next_job(struct fetcher *f)
{
    LOCK_SCOPE(&f->lock);
    struct fetch_job *j;
    while (!(j = take_locked(f)) && !(f->is_ending && !f->first))
        cond_wait(&f->wake, &f->lock, CLOCK_NEVER);
    return j;
}

static void ended(struct fetcher *f, mount_id mount)
{
    LOCK_SCOPE(&f->lock);
    f->running[mount % MOUNT_SLOTS]--;
    if (f->first || f->is_ending)
        cond_wake_all(&f->wake);
}

static void fetch_run(void *arg)
{
    struct fetcher *f = arg;
    for (struct fetch_job *j; (j = next_job(f));) {
        mount_id mount = j->mount;
        j->run(j);
        ended(f, mount);
    }
}

struct fetcher *fetcher_new(unsigned threads)
{
    struct fetcher *f = xnew(struct fetcher);
    f->threads = threads ? threads : 1;
    f->share = f->threads > 1 ? (f->threads + 1) / 2 : 1;
    f->last = &f->first;
    lock_init(&f->lock, RANK_WORKER_INNER);
    cond_init(&f->wake);
    f->thread = xcalloc(f->threads, sizeof *f->thread);
    for (unsigned i = 0; i < f->threads; i++)
        thread_start(&f->thread[i], "fetch", fetch_run, f);
    return f;
}

void fetcher_free(struct fetcher *f)
{
    if (!f)
        return;
    lock_take(&f->lock);
    f->is_ending = true;
    cond_wake_all(&f->wake);
    lock_drop(&f->lock);
    for (unsigned i = 0; i < f->threads; i++)
        thread_join(&f->thread[i]);
    cond_done(&f->wake);
    lock_done(&f->lock);
    free(f->thread);
    free(f);
}

void fetcher_add(struct fetcher *f, struct fetch_job *take)
{
    LOCK_SCOPE(&f->lock);
    take->next = NULL;
    *f->last = take;
    f->last = &take->next;
    cond_wake_one(&f->wake);
}
