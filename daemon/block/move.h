/* SPDX-License-Identifier: Apache-2.0
 *
 * move: a clean block to another tier, and the store's thread that does it: down when a tier has
 * passed its high mark, up when a reader asked for promotion.
 */
#pragma once
#include "block/index.h"

/* The caller has the only reference beside the index's. False when the block stays where it is. */
bool move_block(struct block *b, unsigned to, bool may_evict);
void move_thread(void *store);
