/* SPDX-License-Identifier: Apache-2.0
 *
 * adopt: what a tier's folder holds from the last run, into the index.
 */
#pragma once
#include "block/index.h"

void adopt_tier(struct block_store *s, unsigned tier);
