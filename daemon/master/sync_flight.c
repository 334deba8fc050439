/* SPDX-License-Identifier: Apache-2.0
 *
 * sync_flight: one comparison of a path at a time.  Whoever wants the same joins it.  Directories are compared on a pool, so that
 * a caller whose time is up does not end what others wait for; at most half of the pool serves one mount, and who waits
 * beyond that runs it on his own thread.  Single names are asked for on the caller's thread.  Threads: any.
 */
#include "master/sync_flight.h"

#include "base/clock.h"
#include "base/lock.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "base/thread.h"

#include <stdio.h>
#include <string.h>

enum { JOB_MS = 600000, WHOLE_WAIT_MS = 3000, QUEUE_MAX = 1000 };

struct flight { /* counted: the table until it is done, each who waits, the job */
    struct flight *next;
    struct sync_flights *sync;
    char *path;
    mount_id mount;
    bool is_directory; /* fixed from here up */
    int refs;
    /* under sync->lock */
    bool is_done;
    int rc;
    struct err err;
    bool has_through;
    char through[NAME_MAX_BYTES + 1];
};
struct sync_flights {
    struct sync_env env;
    struct pool *pool;
    unsigned threads;
    struct lock lock;
    struct cond changed;
    struct flight *flights; /* under lock */
    bool is_ending;         /* atomic */
};

static struct metric metrics[] = {
    {.name = "Master.MetadataSyncOps", .kind = METRIC_COUNTER, .help = "Comparisons with a store that were made."},
    {.name = "Master.MetadataSyncFail", .kind = METRIC_COUNTER, .help = "Comparisons with a store that failed."},
    {.name = "Master.MetadataSyncChanged", .kind = METRIC_COUNTER, .help = "Names that a comparison made, changed or removed."},
    {.name = "Master.MetadataSyncSkippedNames", .kind = METRIC_COUNTER, .help = "Names in stores that are not allowed here."},
    {.name = "Master.MetadataSyncLeft", .kind = METRIC_COUNTER, .help = "Names left to a later comparison because they kept changing."},
};
enum { M_OPS, M_FAIL, M_CHANGED, M_SKIPPED, M_LEFT };

int sync_flight_count(int rc, const struct sync_tally *t)
{
    metric_add(&metrics[M_OPS], 1);
    if (rc < 0 && rc != -ERR_NOT_FOUND)
        metric_add(&metrics[M_FAIL], 1);
    metric_add(&metrics[M_CHANGED], (int64_t)(t->created + t->changed + t->removed));
    metric_add(&metrics[M_SKIPPED], (int64_t)t->skipped_names);
    metric_add(&metrics[M_LEFT], (int64_t)t->left);
    return rc;
}

/* ---- flights ---- */
static void flight_put_locked(struct flight *f)
{
    if (--f->refs)
        return;
    free(f->path);
    free(f);
}

static unsigned running_locked(const struct sync_flights *s, mount_id mount)
{
    unsigned n = 0;
    for (const struct flight *f = s->flights; f; f = f->next)
        n += f->mount == mount && f->is_directory;
    return n;
}

/* Joins or makes; `ret_is_new`: the caller has to run it. */
static struct flight *flight_get(struct sync_flights *s, const char *path, mount_id mount, bool is_directory, bool *ret_is_new)
{
    LOCK_SCOPE(&s->lock);
    *ret_is_new = false;
    for (struct flight *f = s->flights; f; f = f->next)
        if (f->is_directory == is_directory && !strcmp(f->path, path)) {
            f->refs++;
            return f;
        }
    struct flight *f = xnew(struct flight);
    *f = (struct flight){.next = s->flights, .sync = s, .path = xstrdup(path), .mount = mount, .is_directory = is_directory, .refs = 2};
    s->flights = f;
    *ret_is_new = true;
    return f;
}

static void flight_end(struct flight *f, int rc, const struct err *err)
{
    struct sync_flights *s = f->sync;
    LOCK_SCOPE(&s->lock);
    struct flight **p = &s->flights;
    while (*p != f)
        p = &(*p)->next;
    *p = f->next;
    f->is_done = true;
    f->rc = rc;
    f->err = *err;
    cond_wake_all(&s->changed);
    flight_put_locked(f);
}

static void flight_through(void *arg, const char *name)
{
    struct flight *f = arg;
    LOCK_SCOPE(&f->sync->lock);
    f->has_through = name != NULL;
    snprintf(f->through, sizeof f->through, "%s", name ? name : "");
    cond_wake_all(&f->sync->changed);
}

static void run_directory(void *arg)
{
    struct flight *f = arg;
    struct sync_flights *s = f->sync;
    struct call call = call_system("sync", clock_mono_ms() + JOB_MS, NULL);
    struct sync_hooks hooks = {.arg = f, .through = flight_through};
    struct sync_tally tally = {0};
    struct err err = {0};
    bool is_ending = __atomic_load_n(&s->is_ending, __ATOMIC_RELAXED);
    int rc = is_ending ? err_set(&err, ERR_UNAVAILABLE, "the node stops") : sync_work_directory(&s->env, &call, f->path, &hooks, &tally, &err);
    flight_end(f, sync_flight_count(rc, &tally), &err);
}

static void run_path(void *arg)
{
    struct flight *f = arg;
    struct sync_flights *s = f->sync;
    struct call call = call_system("sync", clock_mono_ms() + 30000, NULL);
    struct sync_tally tally = {0};
    struct err err = {0};
    int rc = sync_work_path(&s->env, &call, f->path, NULL, &tally, &err);
    if (rc == -ERR_NOT_FOUND)
        sync_memory_absent(s->env.memory, mounts_generation(s->env.mounts), f->path, clock_wall_ms());
    flight_end(f, sync_flight_count(rc, &tally), &err);
}

/* What the flight came to; the caller's reference goes. `through` (may be NULL): also ends when children beyond `after` are there. */
static int flight_wait(struct flight *f, int64_t deadline_ms, const char *after, char *ret_through, struct err *err)
{
    struct sync_flights *s = f->sync;
    int64_t whole_until = clock_mono_ms() + WHOLE_WAIT_MS;
    int rc = 0;
    LOCK_SCOPE(&s->lock);
    while (!f->is_done) {
        bool has_part = ret_through && f->has_through && strcmp(f->through, after) > 0;
        if (has_part && clock_is_past(whole_until)) {
            memcpy(ret_through, f->through, sizeof f->through);
            break;
        }
        if (clock_is_past(deadline_ms)) {
            rc = err_set(err, ERR_TIMEOUT, "the comparison of %.160s with its store is not finished; it goes on", f->path);
            break;
        }
        int64_t until = ret_through && !clock_is_past(whole_until) && whole_until < deadline_ms ? whole_until : deadline_ms;
        cond_wait(&s->changed, &s->lock, until);
    }
    if (f->is_done && f->rc < 0) {
        rc = f->rc;
        if (err)
            *err = f->err;
    }
    flight_put_locked(f);
    return rc;
}

static void flight_drop(struct flight *f)
{
    LOCK_SCOPE(&f->sync->lock);
    flight_put_locked(f);
}

/* On the pool if there is room for this mount, else (when somebody waits) here. */
static void start(struct flight *f, bool may_run_here)
{
    struct sync_flights *s = f->sync;
    struct err err = {0};
    void (*run)(void *arg) = f->is_directory ? run_directory : run_path;
    lock_take(&s->lock);
    bool is_crowded = running_locked(s, f->mount) > (s->threads + 1) / 2;
    lock_drop(&s->lock);
    if (!is_crowded && pool_submit(s->pool, run, f, &err) == 0)
        return;
    if (may_run_here)
        run(f);
    else
        flight_end(f, err_set(&err, ERR_BUSY, "too many comparisons of this mount run"), &err);
}

/* A first load may be joined while it runs. */
int sync_flight_load(struct sync_flights *s, const char *path, mount_id mount, int64_t deadline_ms, const char *after, char *ret_through,
                          struct err *err)
{
    bool is_new;
    struct flight *f = flight_get(s, path, mount, true, &is_new);
    if (is_new)
        start(f, true);
    return flight_wait(f, deadline_ms, after ? after : "", ret_through, err);
}

/* A check asked for now must have looked after now: one that runs already is waited for, and the next is joined or made. */
int sync_flight_directory(struct sync_flights *s, const char *path, mount_id mount, int64_t deadline_ms, struct err *err)
{
    bool is_new;
    struct flight *f = flight_get(s, path, mount, true, &is_new);
    if (!is_new) {
        int rc = flight_wait(f, deadline_ms, NULL, NULL, err);
        if (rc == -ERR_TIMEOUT)
            return rc;
        f = flight_get(s, path, mount, true, &is_new);
    }
    if (is_new)
        start(f, true);
    return flight_wait(f, deadline_ms, NULL, NULL, err);
}

void sync_flight_beside(struct sync_flights *s, const char *path, mount_id mount, bool is_directory)
{
    bool is_new;
    struct flight *f = flight_get(s, path, mount, is_directory, &is_new);
    if (is_new)
        start(f, false);
    flight_drop(f);
}

/* On this thread, with the caller's deadline; those who join wait for it. */
int sync_flight_path(struct sync_flights *s, const struct call *call, const char *path, mount_id mount, struct err *err)
{
    bool is_new;
    struct flight *f = flight_get(s, path, mount, false, &is_new);
    if (!is_new) { /* it may have looked before this call came */
        int early = flight_wait(f, call->deadline_ms, NULL, NULL, err);
        if (early == -ERR_TIMEOUT)
            return early;
        f = flight_get(s, path, mount, false, &is_new);
    }
    if (!is_new)
        return flight_wait(f, call->deadline_ms, NULL, NULL, err);
    struct sync_tally tally = {0};
    struct err why = {0};
    struct call own = call_system(call->request_id, call->deadline_ms, NULL);
    int rc = sync_work_path(&s->env, &own, path, NULL, &tally, &why);
    if (rc == -ERR_NOT_FOUND)
        sync_memory_absent(s->env.memory, mounts_generation(s->env.mounts), path, clock_wall_ms());
    flight_end(f, sync_flight_count(rc, &tally), &why);
    flight_drop(f);
    if (rc < 0 && err)
        *err = why;
    return rc;
}

struct sync_flights *sync_flights_new(const struct sync_env *env, unsigned threads)
{
    struct sync_flights *s = xnew(struct sync_flights);
    s->threads = threads;
    s->env = *env;
    s->env.is_ending = &s->is_ending;
    s->pool = pool_new("sync", threads, QUEUE_MAX);
    lock_init(&s->lock, RANK_MASTER_INNER);
    cond_init(&s->changed);
    metrics_register(metrics, array_len(metrics));
    return s;
}

void sync_flights_free(struct sync_flights *s)
{
    __atomic_store_n(&s->is_ending, true, __ATOMIC_RELAXED);
    pool_free(s->pool);
    metrics_unregister(metrics, array_len(metrics));
    cond_done(&s->changed);
    lock_done(&s->lock);
    free(s);
}

const struct sync_env *sync_flights_env(const struct sync_flights *s)
{
    return &s->env;
}
