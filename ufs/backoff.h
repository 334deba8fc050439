/* SPDX-License-Identifier: Apache-2.0
 *
 * backoff: the pause before a store is asked again: doubling, jittered, inside a deadline.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

bool backoff_is_passing(int rc); /* may the same call succeed later? */
/* Waits before attempt number `attempt` + 1; false, at once, when the deadline leaves no time for it. */
bool backoff_wait(unsigned attempt, int64_t deadline_ms);
void backoff_pause(int64_t until_ms); /* monotonic */
