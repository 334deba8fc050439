/* SPDX-License-Identifier: Apache-2.0
 *
 * feed: see the header.  An answer never ends within an index: the next question is "after index".
 */
#include "meta/feed.h"

#include "base/clock.h"
#include "base/lock.h"
#include "base/mem.h"

#define RING 65536u

struct feed {
    struct lock lock;
    struct cond added;
    /* under lock */
    struct change *ring;
    uint64_t next;  /* number of the next change; its place is next % RING */
    uint64_t floor; /* changes after this index are all here */
    bool is_ended;
};

struct feed *feed_new(uint64_t index)
{
    struct feed *f = xnew(struct feed);
    lock_init(&f->lock, RANK_META_INNER);
    cond_init(&f->added);
    f->ring = xcalloc(RING, sizeof *f->ring);
    f->floor = index;
    return f;
}

void feed_free(struct feed *f)
{
    if (!f)
        return;
    free(f->ring);
    cond_done(&f->added);
    lock_done(&f->lock);
    free(f);
}

void feed_end(struct feed *f)
{
    LOCK_SCOPE(&f->lock);
    f->is_ended = true;
    cond_wake_all(&f->added);
}

void feed_add(struct feed *f, const struct change *changes, size_t n)
{
    if (!n)
        return;
    LOCK_SCOPE(&f->lock);
    for (size_t i = 0; i < n; i++) {
        struct change *to = &f->ring[f->next % RING];
        if (f->next >= RING)
            f->floor = to->index;
        *to = changes[i];
        f->next++;
    }
    cond_wake_all(&f->added);
}

/* Number of the first change after `from`. */
static uint64_t first_after_locked(const struct feed *f, uint64_t from)
{
    uint64_t low = f->next > RING ? f->next - RING : 0, high = f->next;
    while (low < high) {
        uint64_t mid = low + (high - low) / 2;
        if (f->ring[mid % RING].index > from)
            high = mid;
        else
            low = mid + 1;
    }
    return low;
}

static int copy_locked(const struct feed *f, uint64_t at, struct change *ret, size_t max, struct err *err)
{
    uint64_t end = f->next - at > max ? at + max : f->next;
    while (end < f->next && end > at && f->ring[(end - 1) % RING].index == f->ring[end % RING].index)
        end--;
    if (end == at && at < f->next)
        return err_set(err, ERR_RANGE, "one change is longer than the answer may be: read again");
    for (uint64_t i = at; i < end; i++)
        ret[i - at] = f->ring[i % RING];
    return (int)(end - at);
}

int feed_read(struct feed *f, uint64_t from, int64_t deadline_ms, struct change *ret, size_t max, struct err *err)
{
    LOCK_SCOPE(&f->lock);
    for (;;) {
        if (from < f->floor)
            return err_set(err, ERR_RANGE, "changes after index %llu are not kept any more: read again", (unsigned long long)from);
        uint64_t at = first_after_locked(f, from);
        if (at < f->next)
            return copy_locked(f, at, ret, max, err);
        if (f->is_ended || (!cond_wait(&f->added, &f->lock, deadline_ms) && clock_is_past(deadline_ms)))
            return 0;
    }
}
