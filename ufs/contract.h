/* SPDX-License-Identifier: Apache-2.0
 *
 * contract: the cases that any store must pass before it is trusted with files.
 */
#pragma once
#include "ufs/ufs.h"

#include <stdio.h>

struct contract_options {
    const char *only;       /* run cases whose name holds this; NULL: all */
    int64_t call_ms;        /* deadline of each call; 0: one minute */
};
/* Works in a directory of its own below the root and removes it. Prints "Running test: <name>..." for each case, why a
 * case failed, and "Tests completed with N failed.". Returns N. */
size_t contract_run(struct ufs *u, const struct contract_options *o, FILE *out);
