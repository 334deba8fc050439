/* SPDX-License-Identifier: Apache-2.0
 *
 * pins: the data side learns which contents are pinned.  A pin is a flag of an inode and holds for all below at
 * lookup; when it changes, and at start for all in MARK_PINNED, the files below are told in the background.
 */
#pragma once
#include "master/ops.h"

void pins_changed(struct master *m, const struct inode *top, const char *path, bool is_pinned);
void pins_tell_all(void *master); /* at start; on a pool thread */
