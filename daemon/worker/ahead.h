/* SPDX-License-Identifier: Apache-2.0
 *
 * ahead: how far to read beyond what was asked.  Pure.  A reader whose request begins where the last
 * one of this content ended gets a window that doubles; any other gets none.
 */
#pragma once
#include "api/types.h"

#define AHEAD_MIN ((uint64_t)1 << 20)
#define AHEAD_MAX ((uint64_t)32 << 20)

struct ahead { /* what is remembered of a content */
    content_id cid;
    uint64_t next;   /* end of the last request */
    uint64_t window; /* 0: not sequential */
    uint64_t until;  /* bytes before this were already asked of the store or found */
};
/* Takes in a request; returns the window: bytes to have beyond the request's end. */
uint64_t ahead_step(struct ahead *a, content_id cid, uint64_t off, uint64_t len, bool is_hinted);
/* Worth asking for more? Only when half of the window is used up, so that ranges stay large. */
bool ahead_is_due(const struct ahead *a, uint64_t end);
