/* SPDX-License-Identifier: Apache-2.0
 *
 * feed: the last 65,536 changes in a ring.  Whoever fell behind it must read again.  Threads: any; one adds.
 */
#pragma once
#include "meta/meta.h"

struct feed;
struct feed *feed_new(uint64_t index); /* the state as it is now: nothing before it can be told */
void feed_free(struct feed *f);        /* accepts NULL */
void feed_add(struct feed *f, const struct change *changes, size_t n);
int feed_read(struct feed *f, uint64_t from, int64_t deadline_ms, struct change *ret, size_t max, struct err *err) must_use;
void feed_end(struct feed *f); /* wakes all readers */
