/* SPDX-License-Identifier: Apache-2.0
 *
 * identity_backoff: slows guessing: after five failures for a name or an address each further try waits
 * longer, up to a minute.  Bounded memory; the oldest are forgotten first.  Threads: any.
 */
#pragma once
#include "base/err.h"
#include "base/lock.h"

enum { BACKOFF_SLOTS = 1024, BACKOFF_FREE_TRIES = 5 };
struct backoff {
    struct lock lock;
    struct backoff_slot {
        uint64_t who; /* hash of name or address, 0 empty */
        unsigned failures;
        int64_t blocked_until_ms, last_ms; /* monotonic */
    } slots[BACKOFF_SLOTS];               /* under lock */
};
void backoff_init(struct backoff *b);
void backoff_done(struct backoff *b);
/* ERR_RATE_LIMITED with the seconds to wait. */
int backoff_check(struct backoff *b, const char *name, const char *from, struct err *err) must_use;
/* Returns the tries left before waiting begins. */
unsigned backoff_failed(struct backoff *b, const char *name, const char *from);
void backoff_succeeded(struct backoff *b, const char *name, const char *from);
