/* SPDX-License-Identifier: Apache-2.0
 *
 * mem_store: a store in memory, for tests: mem://name.
 */
#pragma once
#include "ufs/ufs.h"

extern const struct ufs_driver mem_driver;
