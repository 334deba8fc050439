/* SPDX-License-Identifier: Apache-2.0
 *
 * metrics: counters, gauges and latency histograms that modules declare in tables beside their
 * code and register once.  Reads are lock-free; counters are sharded by thread.
 * Prometheus name: "isthmus_" + name with dots as underscores, lower case kept as given.
 */
#pragma once
#include "base/buf.h"

enum metric_kind { METRIC_COUNTER, METRIC_GAUGE, METRIC_GAUGE_FN, METRIC_HISTOGRAM };
struct metric {
    const char *name; /* as in the field's list where it means the same: "Master.FilesCreated" */
    enum metric_kind kind;
    const char *help;
    const char *labels;             /* "tier=\"MEM\"" or NULL; static */
    int64_t (*read)(void *arg);     /* METRIC_GAUGE_FN */
    void *arg;
    struct metric_state *state;     /* private; made at registration */
};
/* `table` stays valid for the life of the process (or until metrics_unregister). */
void metrics_register(struct metric *table, size_t n);
void metrics_unregister(struct metric *table, size_t n);
void metric_add(struct metric *m, int64_t n);     /* counter, gauge; a no-op before registration */
void metric_set(struct metric *m, int64_t v);     /* gauge */
void metric_time(struct metric *m, int64_t us);   /* histogram: powers of two from 16 us to 64 s */
void metrics_clear(void);                         /* counters and histograms begin again at 0 */
int64_t metric_value(const struct metric *m);     /* counter, gauge; count of a histogram */
void metrics_prometheus(struct buf *to);          /* text format 0.0.4 */
struct json_out;
void metrics_json(struct json_out *o);            /* members name → value | {count,p50_us,p99_us,sum_us} */
