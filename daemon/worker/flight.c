/* SPDX-License-Identifier: Apache-2.0
 *
 * flight: see the header.  Threads: readers join and wait, fetch threads end a flight.
 */
#include "worker/flight.h"

#include "base/clock.h"
#include "base/mem.h"

static uint64_t hash(content_id cid, uint64_t page)
{
    return (cid * 0x9E3779B97F4A7C15u + page) * 0xD6E8FEB86659FD93u >> 40;
}

void flights_init(struct flights *t)
{
    *t = (struct flights){0};
    lock_init(&t->lock, RANK_WORKER);
    for (size_t i = 0; i < FLIGHT_CONDS; i++)
        cond_init(&t->conds[i]);
}

void flights_done(struct flights *t)
{
    for (size_t i = 0; i < FLIGHT_CONDS; i++)
        cond_done(&t->conds[i]);
    lock_done(&t->lock);
}

struct flight *flight_join(struct flights *t, content_id cid, uint64_t page, enum flight_want want,
                           bool (*is_cached)(void *arg), void *arg, enum flight_joined *ret_how)
{
    struct flight **chain = &t->chains[hash(cid, page) % FLIGHT_CHAINS];
    LOCK_SCOPE(&t->lock);
    struct flight *f = *chain;
    while (f && (f->cid != cid || f->page != page))
        f = f->next;
    if (!f && is_cached(arg)) {
        *ret_how = FLIGHT_NEEDLESS;
        return NULL;
    }
    *ret_how = !f ? FLIGHT_NEW : f->state == FLIGHT_THERE ? FLIGHT_IN_MEMORY : FLIGHT_ON_ITS_WAY;
    if (!f) {
        f = xnew(struct flight);
        *f = (struct flight){.next = *chain, .cid = cid, .page = page, .refs = 1, .is_listed = true};
        *chain = f;
    }
    f->refs++;
    f->want = want > f->want ? want : f->want;
    return f;
}

static void unlist_locked(struct flights *t, struct flight *f)
{
    struct flight **at = &t->chains[hash(f->cid, f->page) % FLIGHT_CHAINS];
    if (!f->is_listed)
        return;
    while (*at != f)
        at = &(*at)->next;
    *at = f->next;
    f->is_listed = false;
}

void flight_put(struct flights *t, struct flight *f)
{
    lock_take(&t->lock);
    bool is_last = --f->refs == 0;
    if (is_last)
        unlist_locked(t, f);
    lock_drop(&t->lock);
    if (!is_last)
        return;
    page_mem_put(f->mem);
    free(f);
}

static void wake_locked(struct flights *t, const struct flight *f)
{
    cond_wake_all(&t->conds[hash(f->cid, f->page) % FLIGHT_CONDS]);
}

void flight_done(struct flights *t, struct flight *f, struct page_mem *take_mem, uint32_t len)
{
    LOCK_SCOPE(&t->lock);
    f->mem = take_mem;
    f->len = len;
    f->state = FLIGHT_THERE;
    wake_locked(t, f);
}

void flight_failed(struct flights *t, struct flight *f, const struct err *why)
{
    LOCK_SCOPE(&t->lock);
    f->err = *why;
    f->state = FLIGHT_FAILED;
    unlist_locked(t, f);
    wake_locked(t, f);
}

enum flight_want flight_wanted(struct flights *t, struct flight *f)
{
    LOCK_SCOPE(&t->lock);
    return f->want;
}

int flight_wait(struct flights *t, struct flight *f, int64_t deadline_ms, struct err *err)
{
    LOCK_SCOPE(&t->lock);
    while (f->state == FLIGHT_PENDING)
        if (!cond_wait(&t->conds[hash(f->cid, f->page) % FLIGHT_CONDS], &t->lock, deadline_ms) &&
            f->state == FLIGHT_PENDING && clock_is_past(deadline_ms))
            return err_set(err, ERR_TIMEOUT, "the store did not answer before the deadline");
    if (f->state == FLIGHT_THERE)
        return 0;
    if (err)
        *err = f->err;
    return -(int)f->err.code;
}
