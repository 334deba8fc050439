/* SPDX-License-Identifier: Apache-2.0
 *
 * move: a clean block to another tier, and the store's thread that does it: down when a tier has
 * passed its high mark, up when a reader asked for promotion.
 */
#pragma once
#include "block/index.h"

/* The caller has the only reference beside the index's. False when the block stays where it is. */
bool move_block(struct block *b, unsigned to, bool may_evict);
/* Copies part of a file to the same place of another. */
int move_bytes(int from, int to, uint64_t off, uint64_t len, struct err *err) must_use;
void move_thread(void *store);
