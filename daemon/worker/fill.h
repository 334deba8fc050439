/* SPDX-License-Identifier: Apache-2.0
 *
 * fill: pages from stores into the cache, behind their readers and by threads of their own.  What waits
 * is bounded in bytes: when the cache's disk is slower than the store, the rest passes by, so that no
 * reader waits for that disk; but a page of `is_wanted` (somebody asked to have it cached) waits for room.
 * While pages come faster than 160 MiB/s they are written when three quarters of that bound wait, when
 * somebody waits for them, or after a pause of 100 ms; those of `is_wanted` at once.
 */
#pragma once
#include "block/block.h"
#include "worker/flight.h"

struct fill_page {
    struct fill_page *next;
    struct block_key key;
    uint64_t off; /* of the page in its content */
    struct flight *flight;
    bool is_wanted; /* set by filler_add */
};
struct filler;
/* `put` writes one page (any fill thread, blocks in the cache's disk); `skip` is told of one that passes by. Both get the
 * page with its flight's reference. */
struct filler *filler_new(uint64_t bytes_max, void (*put)(void *arg, struct fill_page *p), void (*skip)(void *arg, struct fill_page *p), void *arg);
void filler_stop(struct filler *f); /* skips what waits; nothing is written any more when it returns */
void filler_free(struct filler *f); /* after filler_stop */
/* Blocks only for `is_wanted`. */
void filler_add(struct filler *f, struct fill_page *take, bool is_wanted);
/* Skips what waits of this content and returns when nothing of it is being written. */
void filler_forget(struct filler *f, content_id cid);
/* Blocks of it that are made from now on are pinned or not; returns when nothing of it is being written as before. */
void filler_pin(struct filler *f, content_id cid, bool is_pinned);
/* Until nothing of this content waits or is written; false at the deadline. */
bool filler_wait(struct filler *f, content_id cid, int64_t deadline_ms);
uint64_t filler_bytes(const struct filler *f); /* that wait or are being written */
uint64_t filler_bytes_of(struct filler *f, content_id cid); /* that wait */
