/* SPDX-License-Identifier: Apache-2.0
 *
 * sync_decide: see the header.
 */
#include "master/sync_decide.h"

enum { ABSENT_AGE_MS = 60000 }; /* how long "not there" holds in a directory that was never listed and is under no interval */

int64_t sync_decide_age(int64_t asked_ms, enum freshness freshness, int64_t mount_interval_ms)
{
    if (asked_ms >= -1)
        return asked_ms;
    return freshness == FRESH_INTERVAL ? mount_interval_ms : -1;
}

static bool is_within(int64_t then_ms, int64_t now_ms, int64_t age_ms)
{
    return then_ms > 0 && (age_ms < 0 || (age_ms > 0 && now_ms - then_ms < age_ms));
}

/* Something is missing: only the store can tell. */
static enum sync_decision decide_unknown(const struct sync_question *q, int64_t age)
{
    if (q->load == LOAD_NEVER && age < 0)
        return SYNC_SERVE;
    if (q->load == LOAD_ALWAYS)
        return SYNC_WAIT;
    if (q->is_parent_loaded && (age < 0 || is_within(q->verified_ms, q->now_ms, age)))
        return SYNC_SERVE;
    return is_within(q->absent_ms, q->now_ms, age < 0 ? ABSENT_AGE_MS : age) ? SYNC_SERVE : SYNC_WAIT;
}

enum sync_decision sync_decide(const struct sync_question *q)
{
    int64_t age = sync_decide_age(q->asked_interval_ms, q->freshness, q->mount_interval_ms);
    if (!q->is_known)
        return decide_unknown(q, age);
    if (q->load == LOAD_ALWAYS)
        return SYNC_WAIT;
    if (age < 0 || is_within(q->verified_ms, q->now_ms, age))
        return SYNC_SERVE;
    bool is_asked = q->asked_interval_ms >= 0; /* this caller said how old it may be */
    return age == 0 || is_asked ? SYNC_WAIT : SYNC_BESIDE;
}
