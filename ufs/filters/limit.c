/* SPDX-License-Identifier: Apache-2.0
 *
 * limit: lets only so many calls and bytes a second through; the others wait for their turn until
 * their deadline.  Bytes are paid for after they moved: a call that overdraws makes the next wait.
 * Threads: any; waiting is on one condition.
 */
#include "ufs/filters/limit.h"

#include "base/clock.h"
#include "base/lock.h"
#include "base/mem.h"
#include "ufs/filters/filter.h"

struct limit {
    struct filter filter;
    uint64_t calls_max, bytes_per_s; /* fixed */
    struct lock lock;
    struct cond changed;
    uint64_t calls;     /* under lock */
    int64_t paid_up_us; /* under lock: the monotonic time at which all moved bytes are paid for */
};

struct paced {
    struct sink sink;
    struct source source;
    struct sink *to;
    struct source *from;
    struct limit *limit;
    int64_t deadline_ms;
};

static int enter(struct limit *l, const struct ufs_call *c, struct err *err)
{
    LOCK_SCOPE(&l->lock);
    while (l->calls_max && l->calls >= l->calls_max)
        if (!cond_wait(&l->changed, &l->lock, c->deadline_ms) && l->calls >= l->calls_max)
            return err_set(err, ERR_TIMEOUT, "%llu calls to the store are running, its limit",
                           (unsigned long long)l->calls_max);
    l->calls++;
    return 0;
}

static void leave(struct limit *l)
{
    LOCK_SCOPE(&l->lock);
    l->calls--;
    cond_wake_one(&l->changed);
}

/* Waits until what moved before is paid for, then notes `bytes`. */
static int pay(struct limit *l, uint64_t bytes, int64_t deadline_ms, struct err *err)
{
    if (!l->bytes_per_s)
        return 0;
    LOCK_SCOPE(&l->lock);
    while (l->paid_up_us > clock_mono_us()) {
        int64_t until = l->paid_up_us / 1000 + 1;
        if (clock_is_past(deadline_ms))
            return err_set(err, ERR_TIMEOUT, "the limit of %llu bytes a second was too low",
                           (unsigned long long)l->bytes_per_s);
        cond_wait(&l->changed, &l->lock, until < deadline_ms ? until : deadline_ms);
    }
    int64_t now = clock_mono_us();
    if (l->paid_up_us < now)
        l->paid_up_us = now;
    l->paid_up_us += (int64_t)((double)bytes * 1e6 / (double)l->bytes_per_s);
    return 0;
}

static int paced_push(struct sink *sink, const struct slice *s, struct err *err)
{
    struct paced *p = (struct paced *)sink;
    TRY(pay(p->limit, s->len, p->deadline_ms, err));
    return p->to->push(p->to, s, err);
}

static int paced_pull(struct source *src, void *to, size_t cap, size_t *ret_len, struct err *err)
{
    struct paced *p = (struct paced *)((char *)src - offsetof(struct paced, source));
    TRY(p->from->pull(p->from, to, cap, ret_len, err));
    return pay(p->limit, *ret_len, p->deadline_ms, err);
}

static int limit_around(struct filter *f, const struct filter_op *op, struct err *err)
{
    struct limit *l = (struct limit *)f;
    struct filter_op mine = *op;
    struct paced paced = {.sink = {paced_push},
                          .source = {paced_pull, op->source ? op->source->length : 0},
                          .to = op->sink,
                          .from = op->source,
                          .limit = l,
                          .deadline_ms = op->c->deadline_ms};

    if (op->call == CALL_READ)
        mine.sink = &paced.sink;
    if (op->call == CALL_WRITE)
        mine.source = &paced.source;
    TRY(enter(l, op->c, err));
    int rc = filter_pass(f->ufs.next, &mine, err);
    leave(l);
    return rc;
}

static void limit_close(struct filter *f)
{
    struct limit *l = (struct limit *)f;
    cond_done(&l->changed);
    lock_done(&l->lock);
    free(l);
}

static const struct ufs_driver limit_driver = {.name = "limit", FILTER_CALLBACKS};

struct ufs *limit_open(uint64_t calls_max, uint64_t bytes_per_s, struct ufs *next)
{
    struct limit *l = xnew(struct limit);
    l->filter = (struct filter){.ufs = {.driver = &limit_driver, .next = next},
                                .around = limit_around,
                                .close = limit_close};
    l->calls_max = calls_max;
    l->bytes_per_s = bytes_per_s;
    lock_init(&l->lock, RANK_UFS);
    cond_init(&l->changed);
    return &l->filter.ufs;
}
