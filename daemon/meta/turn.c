/* SPDX-License-Identifier: Apache-2.0
 *
 * turn: see meta_parts.h.  The apply thread would take its turn again before a reader that waits for it has been
 * scheduled; so a reader says that it waits, and the next who gives the turn away commits first.
 */
#include "meta/meta_parts.h"

#include "base/clock.h"

#define TURN_WAIT_MS 10000

static void take_locked(struct meta *m)
{
    while (m->is_turn_taken)
        cond_wait(&m->turn, &m->lock, CLOCK_NEVER);
    m->is_turn_taken = true;
}

void turn_take(struct meta *m)
{
    LOCK_SCOPE(&m->lock);
    take_locked(m);
}

void turn_give(struct meta *m)
{
    LOCK_SCOPE(&m->lock);
    m->is_turn_taken = false;
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

/* False when somebody else committed it meanwhile. */
static bool take_to_commit(struct meta *m, uint64_t index, int64_t deadline_ms)
{
    LOCK_SCOPE(&m->lock);
    while (m->is_turn_taken && atomic_load(&m->stored) < index && !clock_is_past(deadline_ms)) {
        if (atomic_load(&m->commit_wanted) < index)
            atomic_store(&m->commit_wanted, index);
        cond_wait(&m->turn, &m->lock, deadline_ms);
    }
    if (m->is_turn_taken || atomic_load(&m->stored) >= index)
        return false;
    m->is_turn_taken = true;
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
