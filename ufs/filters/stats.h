/* SPDX-License-Identifier: Apache-2.0
 *
 * stats: the filter that counts calls, errors and bytes as the caller saw them.
 */
#pragma once
#include "ufs/ufs.h"

struct ufs *stats_open(struct ufs *next);
bool stats_get(const struct ufs *u, struct ufs_stats *ret); /* false: u is another filter */
