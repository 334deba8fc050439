/* SPDX-License-Identifier: Apache-2.0
 *
 * roles: puts the parts of one node together and takes them apart again.  The only place that knows all of them.
 */
#pragma once
#include "base/err.h"

#include <stdbool.h>

struct roles;
/* Starts what the settings ask for; returns when requests are answered. */
int roles_start(bool log_to_file, struct roles **ret, struct err *err) must_use;
void roles_stop(struct roles *r); /* accepts a half-made one and NULL */
const char *roles_url(const struct roles *r);
