/* SPDX-License-Identifier: Apache-2.0
 *
 * names: hashes of all names that small directories hold, so that a name that is not there is known to be
 * absent without a look into the database: what every create asks, and what Hadoop asks all day.
 * A set only grows: a removed name stays in it and costs a look.  Threads: any; one puts as apply.
 */
#pragma once
#include "api/inode.h"

#define NAMES_LEARN_MAX 256u /* more are not worth reading for one that is absent */

struct names;
struct names *names_new(uint64_t max_bytes);
void names_free(struct names *n); /* accepts NULL */
uint64_t names_bytes(struct names *n);

/* NAMES_LACK: the directory had no such name from what its set was made of on, up to the last published index. */
enum names_answer { NAMES_UNKNOWN, NAMES_MAYBE, NAMES_LACK };
/* `index`: of the asker's view; a set that was made of a later state is NAMES_MAYBE. */
enum names_answer names_ask(struct names *n, inode_id dir, uint32_t hash, uint64_t index);

/* From a reader that saw all names of the directory at `index`; dropped when apply was faster. */
void names_fill(struct names *n, inode_id dir, const uint32_t *hashes, size_t count, uint64_t index);
/* From apply, before the index is published. */
void names_put(struct names *n, inode_id dir, uint32_t hash, uint64_t index);
