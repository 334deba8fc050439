/* SPDX-License-Identifier: Apache-2.0
 *
 * ttl: files and directories whose time has come: deleted, deleted here only, or freed.  The queue is MARK_TTL; a mark
 * that its inode does not agree with is only taken away.
 */
#pragma once
#include "master/ops.h"

void ttl_run(void *master); /* on a pool thread */
