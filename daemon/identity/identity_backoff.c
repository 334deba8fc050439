/* SPDX-License-Identifier: Apache-2.0
 *
 * identity_backoff: see the header.
 */
#include "identity/identity_backoff.h"

#include "base/clock.h"

void backoff_init(struct backoff *b)
{
    *b = (struct backoff){0};
    lock_init(&b->lock, RANK_LEAF);
}

void backoff_done(struct backoff *b)
{
    lock_done(&b->lock);
}

static uint64_t hash(char kind, const char *s)
{
    uint64_t h = 1469598103934665603u ^ (unsigned char)kind;
    for (; *s; s++)
        h = (h ^ (unsigned char)*s) * 1099511628211u;
    return h ? h : 1;
}

/* The slot of `who`; with `make` the oldest of a small neighbourhood is given away. */
static struct backoff_slot *slot_locked(struct backoff *b, uint64_t who, bool make)
{
    enum { NEIGHBOURS = 8 };
    struct backoff_slot *oldest = NULL;
    for (size_t i = 0; i < NEIGHBOURS; i++) {
        struct backoff_slot *s = &b->slots[(who + i) % BACKOFF_SLOTS];
        if (s->who == who)
            return s;
        if (!oldest || s->last_ms < oldest->last_ms)
            oldest = s;
    }
    if (!make)
        return NULL;
    *oldest = (struct backoff_slot){.who = who};
    return oldest;
}

static int64_t wait_locked(struct backoff *b, uint64_t who)
{
    struct backoff_slot *s = slot_locked(b, who, false);
    return s ? s->blocked_until_ms - clock_mono_ms() : 0;
}

int backoff_check(struct backoff *b, const char *name, const char *from, struct err *err)
{
    LOCK_SCOPE(&b->lock);
    int64_t by_name = wait_locked(b, hash('n', name)), by_from = *from ? wait_locked(b, hash('a', from)) : 0;
    int64_t wait = by_name > by_from ? by_name : by_from;
    if (wait <= 0)
        return 0;
    return err_set(err, ERR_RATE_LIMITED, "Too many wrong passwords: try again in %lld s", (long long)(wait + 999) / 1000);
}

static unsigned fail_locked(struct backoff *b, uint64_t who, unsigned free_tries)
{
    struct backoff_slot *s = slot_locked(b, who, true);
    s->last_ms = clock_mono_ms();
    s->failures++;
    if (s->failures < free_tries)
        return free_tries - s->failures;
    unsigned doublings = s->failures - free_tries < 6 ? s->failures - free_tries : 6;
    int64_t wait_ms = (int64_t)1000 << doublings;
    s->blocked_until_ms = s->last_ms + (wait_ms > 60000 ? 60000 : wait_ms);
    return 0;
}

unsigned backoff_failed(struct backoff *b, const char *name, const char *from)
{
    LOCK_SCOPE(&b->lock);
    if (*from) /* many people may share an address */
        fail_locked(b, hash('a', from), 4 * BACKOFF_FREE_TRIES);
    return fail_locked(b, hash('n', name), BACKOFF_FREE_TRIES);
}

void backoff_succeeded(struct backoff *b, const char *name, const char *from)
{
    LOCK_SCOPE(&b->lock);
    struct backoff_slot *n = slot_locked(b, hash('n', name), false), *a = slot_locked(b, hash('a', from), false);
    if (n)
        *n = (struct backoff_slot){0};
    if (a)
        *a = (struct backoff_slot){0};
}
