/* SPDX-License-Identifier: Apache-2.0
 *
 * space: keeps the engine from ever meeting a full disk.  Watches the free space of the log's file
 * system and holds a ballast file that it gives up when others fill the disk, so that what is in
 * flight can still be written.  Decides nothing about proposals.  Threads: one at a time.
 */
#pragma once
#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

struct space {
    char *ballast; /* path */
    char *dir;
    uint64_t reserve;
    bool has_ballast;
    bool cannot_ballast; /* the file system does not reserve */
    bool is_low;
    int (*free_bytes)(const char *dir, uint64_t *ret, struct err *err); /* replaced by tests */
};
void space_init(struct space *s, const char *dir, uint64_t reserve_bytes);
void space_done(struct space *s); /* the ballast stays on the disk */
/* Looks at the disk, takes or gives up the ballast, and returns whether changes must be refused.
 * A disk that cannot be asked counts as it did before.  Blocks: statvfs, seldom fallocate. */
bool space_is_low(struct space *s);
