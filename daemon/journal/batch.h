/* SPDX-License-Identifier: Apache-2.0
 *
 * batch: entries that callers proposed, gathered into what becomes one group of the log, with the
 * waiter of each.  Threads: one at a time.
 */
#pragma once
#include "journal/group.h"

struct batch {
    struct batch *next;
    char *data;
    size_t len, cap;
    uint32_t count, room;
    uint32_t *lengths;
    void **waiters;
    uint64_t number; /* of this process; see journal_propose */
};
void batch_free(struct batch *b); /* accepts NULL; the waiters are not its own */
void batch_reset(struct batch *b); /* empties, keeps the memory */
bool batch_has_room(const struct batch *b, size_t len);
void batch_add(struct batch *b, const void *data, size_t len, void *waiter);
