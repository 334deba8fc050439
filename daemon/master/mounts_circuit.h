/* SPDX-License-Identifier: Apache-2.0
 *
 * mounts_circuit: the filter that answers for a dead store at once, so that nobody waits for it.
 * After 3 failures in a row to reach the store it is open for 1 s, then 2, then 5: calls fail without
 * reaching anything; then one call is let through as a probe.
 */
#pragma once
#include "ufs/ufs.h"

struct ufs *mounts_circuit_open(const char *label, struct ufs *next); /* owns next; ufs_close */
bool mounts_circuit_is_broken(const struct ufs *u); /* fails fast at this moment */
