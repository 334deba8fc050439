/* SPDX-License-Identifier: Apache-2.0
 *
 * metrics_show: all metrics as Prometheus text and as JSON.  Sorted by name, because Prometheus
 * wants the lines of one name together whichever modules they come from.  Threads: any.
 */
#include "base/json.h"
#include "base/mem.h"
#include "base/metrics_list.h"

#include <string.h>

static int by_name(const void *a, const void *b)
{
    const struct metric *x = *(const struct metric *const *)a, *y = *(const struct metric *const *)b;
    int c = strcmp(x->name, y->name);
    return c ? c : strcmp(x->labels ? x->labels : "", y->labels ? y->labels : "");
}

static struct metric **hold_sorted(size_t *ret_n)
{
    struct metric **all = metrics_list_hold(ret_n);
    qsort(all, *ret_n, sizeof *all, by_name);
    return all;
}

static bool is_name_byte(char c)
{
    return ((c | 32) >= 'a' && (c | 32) <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

static void add_name(struct buf *to, const char *name, const char *suffix)
{
    buf_adds(to, "isthmus_");
    for (; *name; name++)
        buf_addc(to, is_name_byte(*name) ? *name : '_');
    buf_adds(to, suffix);
}

static void add_help(struct buf *to, const struct metric *m)
{
    static const char *const kinds[] = {"counter", "gauge", "gauge", "histogram"};
    buf_adds(to, "# HELP ");
    add_name(to, m->name, " ");
    for (const char *s = m->help ? m->help : ""; *s; s++)
        buf_adds(to, *s == '\n' ? "\\n" : *s == '\\' ? "\\\\" : (char[]){*s, 0});
    buf_adds(to, "\n# TYPE ");
    add_name(to, m->name, " ");
    buf_addf(to, "%s\n", kinds[m->kind]);
}

static void add_bucket(struct buf *to, const struct metric *m, const char *le, int64_t count)
{
    add_name(to, m->name, "_bucket");
    buf_addf(to, "{%s%sle=\"%s\"} %lld\n", m->labels ? m->labels : "", m->labels ? "," : "", le, (long long)count);
}

static void add_line(struct buf *to, const struct metric *m, const char *suffix, const char *value)
{
    add_name(to, m->name, suffix);
    if (m->labels)
        buf_addf(to, "{%s}", m->labels);
    buf_addf(to, " %s\n", value);
}

/* Microseconds in the seconds that Prometheus expects, without the rounding of a double. */
static const char *seconds(int64_t us, struct buf *tmp)
{
    buf_reset(tmp);
    buf_addf(tmp, "%lld.%06d", (long long)(us / 1000000), (int)(us % 1000000));
    return buf_str(tmp);
}

static void add_histogram(struct buf *to, const struct metric *m)
{
    struct metrics_histogram h;
    int64_t below = 0;
    AUTO(buf) tmp;
    buf_init(&tmp, 64);
    metrics_histogram(m, &h);
    for (unsigned k = 0; k < METRICS_BUCKETS - 1; k++) {
        below += h.buckets[k];
        add_bucket(to, m, seconds((int64_t)METRICS_LEAST_US << k, &tmp), below);
    }
    add_bucket(to, m, "+Inf", h.count);
    add_line(to, m, "_sum", seconds(h.sum_us, &tmp));
    buf_reset(&tmp);
    buf_addf(&tmp, "%lld", (long long)h.count);
    add_line(to, m, "_count", buf_str(&tmp));
}

static void add_value(struct buf *to, const struct metric *m)
{
    AUTO(buf) tmp;
    buf_init(&tmp, 64);
    buf_addf(&tmp, "%lld", (long long)metric_value(m));
    add_line(to, m, "", buf_str(&tmp));
}

void metrics_prometheus(struct buf *to)
{
    size_t n;
    struct metric **all = hold_sorted(&n);
    for (size_t i = 0; i < n; i++) {
        if (i == 0 || strcmp(all[i]->name, all[i - 1]->name))
            add_help(to, all[i]);
        if (all[i]->kind == METRIC_HISTOGRAM)
            add_histogram(to, all[i]);
        else
            add_value(to, all[i]);
    }
    metrics_list_drop(all);
}

/* The time below which `percent` of the measurements lie, taken as even within a bucket. */
static int64_t quantile(const struct metrics_histogram *h, int percent)
{
    int64_t want = (h->count * percent + 99) / 100, below = 0;
    for (unsigned k = 0; k < METRICS_BUCKETS && h->count; k++) {
        int64_t top = (int64_t)METRICS_LEAST_US << k, bottom = k ? top / 2 : 0;
        if (h->buckets[k] && below + h->buckets[k] >= want)
            return bottom + (top - bottom) * (want - below) / h->buckets[k];
        below += h->buckets[k];
    }
    return 0;
}

static void put_histogram(struct json_out *o, const char *key, const struct metric *m)
{
    struct metrics_histogram h;
    metrics_histogram(m, &h);
    json_begin_object(o, key);
    json_put_i64(o, "count", h.count);
    json_put_i64(o, "p50_us", quantile(&h, 50));
    json_put_i64(o, "p99_us", quantile(&h, 99));
    json_put_i64(o, "sum_us", h.sum_us);
    json_end_object(o);
}

void metrics_json(struct json_out *o)
{
    size_t n;
    struct metric **all = hold_sorted(&n);
    AUTO(buf) key;
    buf_init(&key, 1024);
    for (size_t i = 0; i < n; i++) {
        const struct metric *m = all[i];
        buf_reset(&key);
        buf_adds(&key, m->name);
        if (m->labels)
            buf_addf(&key, "{%s}", m->labels);
        if (m->kind == METRIC_HISTOGRAM)
            put_histogram(o, buf_str(&key), m);
        else
            json_put_i64(o, buf_str(&key), metric_value(m));
    }
    metrics_list_drop(all);
}
