/* SPDX-License-Identifier: Apache-2.0
 *
 * segment: the files in which libraft's uv backend keeps its log, read without libraft: names,
 * batches and checksums as its header raft/uv.h describes them.  Little endian.  Threads: any.
 */
#pragma once
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct segment_name {
    char file[48];
    bool is_open;
    uint64_t first, last; /* of a closed one */
    uint64_t counter;     /* of an open one */
};

struct segment_list {
    struct segment_name *names; /* closed by first record, then open by counter */
    size_t count;
    uint64_t snapshot; /* record at which the newest snapshot was taken, 0 none */
};
void segment_list_done(struct segment_list *l);
int segment_list(const char *dir, struct segment_list *ret, struct err *err) must_use;

#define SEGMENT_COMMAND 1 /* record type of a group */

struct segment_record {
    uint64_t term;
    unsigned type;
    const uint8_t *data; /* in the segment */
    size_t len;
};
/* Reads the batch at *at; calls `each` for its records and moves *at behind it. ERR_CORRUPT: no whole batch there. */
int segment_batch(const uint8_t *bytes, size_t len, size_t *at,
                  int (*each)(void *arg, const struct segment_record *r, struct err *err), void *arg,
                  struct err *err) must_use;
#define SEGMENT_FORMAT_LEN 8
bool segment_has_format(const uint8_t *bytes, size_t len);

uint64_t segment_disk_bytes(const char *dir); /* of all files but the ballast; 0 when it cannot be read */

/* Before a start: makes the tails that a power cut can leave readable for libraft.  See segment.c. */
int segment_repair(const char *dir, struct err *err) must_use;
