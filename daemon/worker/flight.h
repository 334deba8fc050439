/* SPDX-License-Identifier: Apache-2.0
 *
 * flight: pages on their way from a store, each once, however many wait for it.  A page stays here
 * until it is in the cache and nobody holds it; so there is no gap in which it would be asked for again.
 *
 *   pending --flight_done--> there     (stays joinable)
 *      \-----flight_failed--> failed   (out of the table: the next reader asks anew)
 */
#pragma once
#include "api/types.h"
#include "worker/page_mem.h"

enum { FLIGHT_CHAINS = 256, FLIGHT_CONDS = 16 };
enum flight_want { FLIGHT_PASSES, FLIGHT_CACHED, FLIGHT_KEPT /* whoever asked wants it cached more than he is in a hurry */ };
enum flight_joined { FLIGHT_NEW, FLIGHT_ON_ITS_WAY, FLIGHT_IN_MEMORY, FLIGHT_NEEDLESS };
enum flight_state { FLIGHT_PENDING, FLIGHT_THERE, FLIGHT_FAILED };

struct flight {
    struct flight *next;
    content_id cid;
    uint64_t page; /* number in the content */
    int refs;
    enum flight_state state;
    enum flight_want want; /* the most that somebody asked for */
    bool is_listed;
    struct page_mem *mem;
    uint32_t len;
    struct err err;
};
struct flights {
    struct lock lock;
    struct cond conds[FLIGHT_CONDS];
    struct flight *chains[FLIGHT_CHAINS]; /* all under lock */
};
void flights_init(struct flights *t);
void flights_done(struct flights *t);
/* The flight of this page with a reference; made, and with a second reference for who fetches, when there was none (FLIGHT_NEW).
 * NULL and FLIGHT_NEEDLESS when there is none and `is_cached` says so: asked under the table's lock, because a page leaves
 * the table only when it is in the cache, so that one of the two always has it. */
struct flight *flight_join(struct flights *t, content_id cid, uint64_t page, enum flight_want want,
                           bool (*is_cached)(void *arg), void *arg, enum flight_joined *ret_how);
void flight_put(struct flights *t, struct flight *f);
void flight_done(struct flights *t, struct flight *f, struct page_mem *take_mem, uint32_t len);
void flight_failed(struct flights *t, struct flight *f, const struct err *why);
enum flight_want flight_wanted(struct flights *t, struct flight *f);
/* ERR_TIMEOUT at the deadline, else the flight's own end. */
int flight_wait(struct flights *t, struct flight *f, int64_t deadline_ms, struct err *err) must_use;
