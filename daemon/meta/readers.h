/* SPDX-License-Identifier: Apache-2.0
 *
 * readers: a pool of read connections, borrowed for one page of work (≤1,000 rows or 20 ms) and never
 * held while a caller's function runs: a long reader keeps the WAL from being reused.  Threads: any.
 */
#pragma once
#include "meta/db.h"

#define READ_PAGE_ROWS 1000
#define READ_WAIT_MS 10000

struct readers;
int readers_open(const char *path, unsigned count, uint64_t cache_bytes, struct readers **ret, struct err *err) must_use;
void readers_close(struct readers *r); /* accepts NULL */
/* Blocks at most READ_WAIT_MS. ERR_UNAVAILABLE. */
int readers_take(struct readers *r, struct db **ret, struct err *err) must_use;
void readers_give(struct readers *r, struct db *db);
/* The same inside a read transaction; `ret_index` is the index of the state that it sees. Ends with readers_give. */
int readers_begin(struct readers *r, struct db **ret, uint64_t *ret_index, struct err *err) must_use;
