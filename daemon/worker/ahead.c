/* SPDX-License-Identifier: Apache-2.0
 *
 * ahead: see the header.  Threads: the caller guards the struct.
 */
#include "worker/ahead.h"

uint64_t ahead_step(struct ahead *a, content_id cid, uint64_t off, uint64_t len, bool is_hinted)
{
    bool goes_on = a->cid == cid && off && off == a->next;
    if (!goes_on)
        *a = (struct ahead){.cid = cid, .window = is_hinted ? AHEAD_MIN : 0, .until = off};
    else if (a->window < AHEAD_MAX)
        a->window = a->window ? 2 * a->window : AHEAD_MIN;
    a->next = off + len;
    return a->window;
}

bool ahead_is_due(const struct ahead *a, uint64_t end)
{
    return a->window && (a->until <= end || a->until - end < a->window / 2);
}
