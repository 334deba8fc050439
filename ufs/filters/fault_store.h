/* SPDX-License-Identifier: Apache-2.0
 *
 * fault_store: the filter that fails and delays calls on purpose, for tests.
 */
#pragma once
#include "ufs/ufs.h"

/* `spec`: "read:0.1:STORE_BUSY,read:0.5:STORE_ERROR:65536,list:delay:500", "all" for any call.  The
 * fourth part of a read lets so many bytes pass first. */
int fault_store_open(const char *spec, uint64_t seed, struct ufs *next, struct ufs **ret, struct err *err) must_use;
