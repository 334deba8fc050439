/* SPDX-License-Identifier: Apache-2.0
 *
 * turn: see meta_parts.h.  Whoever waits for its turn gets it in the order of coming: the apply thread would take it again
 * before another has been scheduled.  A reader that needs a commit only says so, and who has the turn commits before it
 * gives it away; when nobody has it, the reader takes it.
 */
#include "meta/meta_parts.h"

#include "base/clock.h"

#define TURN_WAIT_MS 10000

void turn_take(struct meta *m)
{
    LOCK_SCOPE(&m->lock);
    uint64_t mine = m->turns_asked++;
    while (m->turns_over != mine)
        cond_wait(&m->turn, &m->lock, CLOCK_NEVER);
}

void turn_give(struct meta *m)
{
    LOCK_SCOPE(&m->lock);
    m->turns_over++;
    cond_wake_all(&m->turn);
}

int turn_commit(struct meta *m, struct err *err)
{
    TRY(apply_commit(&m->apply, err));
    atomic_store(&m->stored, (uint64_t)m->apply.state.applied);
    return 0;
}

bool turn_is_commit_wanted(struct meta *m)
{
    return atomic_load(&m->commit_wanted) > atomic_load(&m->stored);
}

static bool is_taken_locked(const struct meta *m)
{
    return m->turns_asked != m->turns_over;
}

/* False when somebody else committed it meanwhile. */
static bool take_to_commit(struct meta *m, uint64_t index, int64_t deadline_ms)
{
    LOCK_SCOPE(&m->lock);
    while (is_taken_locked(m) && atomic_load(&m->stored) < index && !clock_is_past(deadline_ms)) {
        if (atomic_load(&m->commit_wanted) < index)
            atomic_store(&m->commit_wanted, index);
        cond_wait(&m->turn, &m->lock, deadline_ms);
    }
    if (is_taken_locked(m) || atomic_load(&m->stored) >= index)
        return false;
    m->turns_asked++;
    return true;
}

int turn_store(struct meta *m, uint64_t index, struct err *err)
{
    if (atomic_load(&m->stored) >= index)
        return 0;
    int rc = 0;
    if (take_to_commit(m, index, clock_mono_ms() + TURN_WAIT_MS)) {
        rc = turn_commit(m, err);
        turn_give(m);
    }
    if (rc == 0 && atomic_load(&m->stored) < index)
        rc = err_set(err, ERR_UNAVAILABLE, "changes wait too long for the metadata database");
    return rc;
}
