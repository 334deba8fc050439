/* SPDX-License-Identifier: Apache-2.0
 *
 * batch: see the header.
 */
#include "journal/batch.h"

#include "base/mem.h"

#include <string.h>

void batch_free(struct batch *b)
{
    if (!b)
        return;
    free(b->data);
    free(b->lengths);
    free(b->waiters);
    free(b);
}

void batch_reset(struct batch *b)
{
    b->next = NULL;
    b->len = b->count = 0;
}

bool batch_has_room(const struct batch *b, size_t len)
{
    return b->count < GROUP_ENTRIES_MAX && group_size(b->count + 1, b->len + len) <= JOURNAL_GROUP_MAX;
}

void batch_add(struct batch *b, const void *data, size_t len, void *waiter)
{
    if (b->count == b->room) {
        b->room = b->room ? b->room * 2 : 16;
        b->lengths = xrealloc(b->lengths, b->room * sizeof *b->lengths);
        b->waiters = xrealloc(b->waiters, b->room * sizeof *b->waiters);
    }
    if (b->len + len > b->cap) {
        b->cap = (b->len + len) * 2;
        b->data = xrealloc(b->data, b->cap);
    }
    memcpy(b->data + b->len, data, len);
    b->len += len;
    b->lengths[b->count] = (uint32_t)len;
    b->waiters[b->count++] = waiter;
}
