/* SPDX-License-Identifier: Apache-2.0
 *
 * room: space in tiers: reserved before it is written, made by eviction when it is short.
 */
#pragma once
#include "block/index.h"

/* Reserves in this tier, evicting if it must. ERR_NO_SPACE. */
int room_reserve(struct block_store *s, unsigned tier, uint64_t bytes, struct err *err) must_use;
/* Reserves in the best tier with room below its high mark; else evicts, from the last tier up. `whole`: bytes of the
 * content, 0 unknown; one that would take more than half of a tier goes to a later one, so that it neither drives out
 * itself nor all others. */
int room_find(struct block_store *s, uint64_t bytes, uint64_t whole, bool durable_only, unsigned *ret_tier, struct err *err) must_use;
/* The block to leave a tier first, with a reference; NULL: none may. */
struct block *room_victim(struct tier *t);
void room_evict(struct block *victim); /* takes over the reference */
/* Wakes the store's thread when a tier has passed its high mark. */
void room_check(struct block_store *s);
