/* SPDX-License-Identifier: Apache-2.0
 *
 * fill: a queue by arrival.  A page is in it until it is written, so that whoever drops a content or
 * waits for it sees all of it.  While pages come fast, writing waits: the copy into the cache's file
 * would take processor time and memory bandwidth from the readers.  Threads: fill, THREADS of them:
 * enough for one large disk write and small ones beside it.
 */
#include "worker/fill.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/thread.h"

enum { THREADS = 2, NICE = 19 /* readers first */ };
enum { PAUSE_MS = 100, FAST_BYTES = 16 << 20 /* in so long */, PAGES_MAX = 4096 /* that wait for a pause */ };

struct filler {
    /* fixed after init */
    uint64_t bytes_max;
    void (*put)(void *arg, struct fill_page *p);
    void (*skip)(void *arg, struct fill_page *p);
    void *arg;
    struct thread threads[THREADS];
    struct lock lock;
    struct cond wake, changed;
    uint64_t bytes; /* atomic; written under lock */
    /* under lock */
    struct fill_page *first, **last;
    size_t count;    /* in the list */
    unsigned waiters; /* in filler_wait */
    int64_t slot_ms, fast_until_ms;
    uint64_t slot_bytes; /* that came since slot_ms */
    content_id writing[THREADS]; /* 0: none */
    bool is_ending;
};

static void account_locked(struct filler *f, int64_t bytes)
{
    __atomic_store_n(&f->bytes, f->bytes + (uint64_t)bytes, __ATOMIC_RELAXED);
}

static bool is_writing_locked(const struct filler *f, content_id cid)
{
    for (size_t i = 0; i < THREADS; i++)
        if (f->writing[i] == cid)
            return true;
    return false;
}

static void note_arrival_locked(struct filler *f, uint64_t bytes)
{
    int64_t now = clock_mono_ms();
    if (now - f->slot_ms >= PAUSE_MS) {
        f->slot_ms = now;
        f->slot_bytes = 0;
    }
    f->slot_bytes += bytes;
    if (f->slot_bytes > FAST_BYTES)
        f->fast_until_ms = now + PAUSE_MS;
}

/* Writing is put off, but for what somebody asked for. */
static bool is_put_off_locked(const struct filler *f)
{
    return !f->waiters && f->count < PAGES_MAX && f->bytes < f->bytes_max / 4 * 3 && !clock_is_past(f->fast_until_ms);
}

/* Two writers of one file would only wait for its lock. */
static struct fill_page *take_next_locked(struct filler *f, bool wanted_only)
{
    for (struct fill_page **at = &f->first; *at; at = &(*at)->next) {
        struct fill_page *p = *at;
        if (is_writing_locked(f, p->key.cid) || (wanted_only && !p->is_wanted))
            continue;
        *at = p->next;
        if (f->last == &p->next)
            f->last = at;
        f->count--;
        return p;
    }
    return NULL;
}

/* The next page, marked as being written by this thread; NULL at the end. */
static struct fill_page *next_page(struct filler *f, content_id *mine)
{
    LOCK_SCOPE(&f->lock);
    struct fill_page *p = NULL;
    while (!f->is_ending) {
        bool is_put_off = f->first && is_put_off_locked(f);
        if ((p = take_next_locked(f, is_put_off)))
            break;
        cond_wait(&f->wake, &f->lock, is_put_off ? f->fast_until_ms : CLOCK_NEVER);
    }
    *mine = p ? p->key.cid : 0;
    return p;
}

static void written(struct filler *f, content_id *mine, uint32_t len)
{
    LOCK_SCOPE(&f->lock);
    *mine = 0;
    account_locked(f, -(int64_t)len);
    cond_wake_all(&f->changed);
    if (f->first)
        cond_wake_all(&f->wake); /* pages of this content may go on */
}

struct filling {
    struct filler *f;
    content_id *mine;
};

static void fill_run(void *arg)
{
    struct filling self = *(struct filling *)arg;
    free(arg);
    thread_nice(NICE);
    for (struct fill_page *p; (p = next_page(self.f, self.mine));) {
        uint32_t len = p->flight->len;
        self.f->put(self.f->arg, p);
        written(self.f, self.mine, len);
    }
}

struct filler *filler_new(uint64_t bytes_max, void (*put)(void *arg, struct fill_page *p), void (*skip)(void *arg, struct fill_page *p), void *arg)
{
    struct filler *f = xnew(struct filler);
    *f = (struct filler){.bytes_max = bytes_max, .put = put, .skip = skip, .arg = arg, .last = &f->first};
    lock_init(&f->lock, RANK_WORKER_INNER);
    cond_init(&f->wake);
    cond_init(&f->changed);
    for (size_t i = 0; i < THREADS; i++) {
        struct filling *self = xnew(struct filling);
        *self = (struct filling){f, &f->writing[i]};
        thread_start(&f->threads[i], "fill", fill_run, self);
    }
    return f;
}

/* Takes out what waits of a content, or of all. */
static struct fill_page *take_locked(struct filler *f, content_id cid)
{
    struct fill_page *out = NULL;
    for (struct fill_page **at = &f->first; *at;) {
        struct fill_page *p = *at;
        if (cid && p->key.cid != cid) {
            at = &p->next;
            continue;
        }
        *at = p->next;
        p->next = out;
        out = p;
        f->count--;
        account_locked(f, -(int64_t)p->flight->len);
    }
    f->last = &f->first;
    while (*f->last)
        f->last = &(*f->last)->next;
    return out;
}

static void skip_all(struct filler *f, struct fill_page *list)
{
    for (struct fill_page *p = list, *next; p; p = next) {
        next = p->next;
        f->skip(f->arg, p);
    }
}

void filler_stop(struct filler *f)
{
    lock_take(&f->lock);
    f->is_ending = true;
    struct fill_page *left = take_locked(f, 0);
    cond_wake_all(&f->wake);
    cond_wake_all(&f->changed);
    lock_drop(&f->lock);
    skip_all(f, left);
    for (size_t i = 0; i < THREADS; i++)
        thread_join(&f->threads[i]);
}

void filler_free(struct filler *f)
{
    cond_done(&f->wake);
    cond_done(&f->changed);
    lock_done(&f->lock);
    free(f);
}

static bool add_locked(struct filler *f, struct fill_page *p, bool is_wanted)
{
    while (f->bytes + p->flight->len > f->bytes_max && f->bytes && !f->is_ending) {
        if (!is_wanted)
            return false;
        cond_wait(&f->changed, &f->lock, CLOCK_NEVER);
    }
    if (f->is_ending)
        return false;
    bool was_empty = !f->first;
    p->next = NULL;
    p->is_wanted = is_wanted;
    *f->last = p;
    f->last = &p->next;
    f->count++;
    account_locked(f, p->flight->len);
    note_arrival_locked(f, p->flight->len);
    if (was_empty || is_wanted || !is_put_off_locked(f)) /* else a thread waits for the pause */
        cond_wake_one(&f->wake);
    return true;
}

void filler_add(struct filler *f, struct fill_page *take, bool is_wanted)
{
    lock_take(&f->lock);
    bool is_taken = add_locked(f, take, is_wanted);
    lock_drop(&f->lock);
    if (!is_taken)
        f->skip(f->arg, take);
}

static bool is_filling_locked(const struct filler *f, content_id cid)
{
    for (const struct fill_page *p = f->first; p; p = p->next)
        if (p->key.cid == cid)
            return true;
    return is_writing_locked(f, cid);
}

static void wait_written_locked(struct filler *f, content_id cid)
{
    while (is_writing_locked(f, cid))
        cond_wait(&f->changed, &f->lock, CLOCK_NEVER);
}

void filler_forget(struct filler *f, content_id cid)
{
    lock_take(&f->lock);
    struct fill_page *left = f->first ? take_locked(f, cid) : NULL;
    wait_written_locked(f, cid);
    lock_drop(&f->lock);
    skip_all(f, left);
}

void filler_pin(struct filler *f, content_id cid, bool is_pinned)
{
    LOCK_SCOPE(&f->lock);
    for (struct fill_page *p = f->first; p; p = p->next)
        if (p->key.cid == cid)
            p->key.is_pinned = is_pinned;
    wait_written_locked(f, cid);
}

bool filler_wait(struct filler *f, content_id cid, int64_t deadline_ms)
{
    LOCK_SCOPE(&f->lock);
    bool is_late = false;
    f->waiters++;
    cond_wake_all(&f->wake);
    while (is_filling_locked(f, cid) && !is_late)
        is_late = !cond_wait(&f->changed, &f->lock, deadline_ms) && clock_is_past(deadline_ms);
    f->waiters--;
    return !is_late || !is_filling_locked(f, cid);
}

uint64_t filler_bytes_of(struct filler *f, content_id cid)
{
    uint64_t bytes = 0;
    LOCK_SCOPE(&f->lock);
    for (const struct fill_page *p = f->first; p; p = p->next)
        bytes += p->key.cid == cid ? p->flight->len : 0;
    return bytes;
}

uint64_t filler_bytes(const struct filler *f)
{
    return __atomic_load_n(&f->bytes, __ATOMIC_RELAXED);
}
