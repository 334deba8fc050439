/* SPDX-License-Identifier: Apache-2.0
 *
 * mount_table: the table of mounts as `fs mount` and `fsadmin report ufs` print it.
 */
#pragma once
#include "base/json.h"

/* One line each, columns as wide as the longest. `items`: of GET /mounts. */
void mount_table_show(const struct json *items, struct buf *to);
