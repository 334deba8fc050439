/* SPDX-License-Identifier: Apache-2.0
 *
 * limit: the filter that bounds concurrent calls and bytes a second.
 */
#pragma once
#include "ufs/ufs.h"

struct ufs *limit_open(uint64_t calls_max, uint64_t bytes_per_s, struct ufs *next); /* 0: no limit */
