/* SPDX-License-Identifier: Apache-2.0
 *
 * retry: the filter that repeats calls which failed for a passing reason.
 */
#pragma once
#include "ufs/ufs.h"

struct ufs *retry_open(uint64_t attempts, struct ufs *next);
