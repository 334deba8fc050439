/* SPDX-License-Identifier: Apache-2.0
 *
 * group: how journal bytes look in one record of the engine's log: a group of entries, the head that
 * opens each log, and the marker that stands where the log was cut.  All little endian.
 *
 * group:  magic 'ISJG' u32 · version u16 · kind u16 · crc32c u32 · count u32 · bytes u32 · tag u32 ·
 *         proposer u64 · sequence u64 · count × length u32 · entries, each at once after the other ·
 *         zeros to a multiple of 8 (`bytes` leaves them out; the crc covers all but itself and them)
 * marker: magic 'ISJM' u32 · version u32 · crc32c u32 · 0 u32 · log_id 16 · base u64 ·
 *         incarnation u64 · index u64 · last u64
 *
 * Threads: any; nothing is shared.
 */
#pragma once
#include "journal/journal.h"

#define GROUP_HEADER_LEN 40
#define GROUP_ID_LEN 32 /* what a head group holds: log_id, base, incarnation */
#define GROUP_MARKER_LEN 64
#define GROUP_ENTRIES_MAX 4096

/* Which log this is.  Equal in the state, in the log's head and in its marker. */
struct group_id {
    uint8_t log_id[16];
    uint64_t base;
    uint64_t incarnation;
};
bool group_id_is_equal(const struct group_id *a, const struct group_id *b);
uint32_t group_tag(const struct group_id *id); /* short form, in every group */

enum group_kind { GROUP_ENTRIES = 1, GROUP_HEAD = 2 };

struct group_view {
    enum group_kind kind;
    uint32_t count;
    uint32_t tag;
    uint64_t proposer, sequence; /* who made it, and its number there: finds the local waiters */
    const uint8_t *lengths;      /* in the bytes that were decoded */
    const uint8_t *data;
};

/* Bytes that group_encode writes for `count` entries of `data_len` bytes together; a multiple of 8. */
size_t group_size(size_t count, size_t data_len);
/* `v` without its pointers; `lengths` and `data` hold the entries. `to` has group_size bytes. */
void group_encode(const struct group_view *v, const uint32_t *lengths, const void *data, size_t data_len,
                  void *to);
/* ERR_CORRUPT. The view points into `data`. */
int group_decode(const void *data, size_t len, struct group_view *ret, struct err *err) must_use;
uint32_t group_length(const struct group_view *v, uint32_t i);

void group_id_encode(const struct group_id *id, uint8_t to[GROUP_ID_LEN]);
/* Of a head group; ERR_CORRUPT for any other. */
int group_id_decode(const struct group_view *v, struct group_id *ret, struct err *err) must_use;

struct group_marker {
    struct group_id id;
    uint64_t index; /* of the cut */
    uint64_t last;  /* of the last group of entries before it; the state must hold it */
};
void group_marker_encode(const struct group_marker *m, uint8_t to[GROUP_MARKER_LEN]);
int group_marker_decode(const void *data, size_t len, struct group_marker *ret, struct err *err) must_use;
