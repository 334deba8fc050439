/* SPDX-License-Identifier: Apache-2.0
 *
 * backoff: how long to leave a store alone that failed for a reason that may pass.  Half of each
 * pause is dice, so that callers that failed together do not return together.  Threads: any.
 */
#include "ufs/backoff.h"

#include "base/clock.h"
#include "base/crypto.h"
#include "base/err.h"
#include "base/lock.h"

#define FIRST_PAUSE_MS 50
#define LAST_PAUSE_MS 5000

bool backoff_is_passing(int rc)
{
    switch (-rc) {
    case ERR_STORE_BUSY:
    case ERR_STORE_ERROR:
    case ERR_STORE_UNREACHABLE:
    case ERR_STORE_DNS:
    case ERR_TIMEOUT:
        return true;
    default:
        return false;
    }
}

static int64_t pause_ms(unsigned attempt)
{
    uint32_t dice;
    int64_t full = FIRST_PAUSE_MS << (attempt < 7 ? attempt : 7);

    if (full > LAST_PAUSE_MS)
        full = LAST_PAUSE_MS;
    crypto_random(&dice, sizeof(dice));
    return full / 2 + (int64_t)(dice % (uint32_t)(full / 2 + 1));
}

void backoff_pause(int64_t until_ms)
{
    struct lock lock;
    struct cond never;

    lock_init(&lock, RANK_UFS);
    cond_init(&never);
    lock_take(&lock);
    while (!clock_is_past(until_ms))
        cond_wait(&never, &lock, until_ms);
    lock_drop(&lock);
    cond_done(&never);
    lock_done(&lock);
}

bool backoff_wait(unsigned attempt, int64_t deadline_ms)
{
    int64_t until = clock_mono_ms() + pause_ms(attempt);

    if (until >= deadline_ms)
        return false;
    backoff_pause(until);
    return true;
}
