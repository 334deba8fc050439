/* SPDX-License-Identifier: Apache-2.0
 *
 * metrics_list: what the two halves of metrics share: the list of all and a histogram's numbers.
 */
#pragma once
#include "base/metrics.h"

#define METRICS_BUCKETS 24  /* 16 us, 32 us … 67 s, and what is longer */
#define METRICS_LEAST_US 16

struct metrics_histogram {
    int64_t count, sum_us;
    int64_t buckets[METRICS_BUCKETS];
};
void metrics_histogram(const struct metric *m, struct metrics_histogram *ret);

/* A copy of the list, whose metrics stay until metrics_list_drop. */
struct metric **metrics_list_hold(size_t *ret_n);
void metrics_list_drop(struct metric **held);
