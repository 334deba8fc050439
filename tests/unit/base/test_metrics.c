/* SPDX-License-Identifier: Apache-2.0
 *
 * test_metrics: counts from many threads add up, and both outputs show them.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "base/thread.h"

#include <string.h>

static int64_t forty_two(void *arg)
{
    return *(int64_t *)arg;
}

static int64_t answer = 42;

enum { FILES, USED, FREE, LATENCY };
static struct metric table[] = {
    {.name = "Test.Files", .kind = METRIC_COUNTER, .help = "Files\\made\n."},
    {.name = "Test.Used", .kind = METRIC_GAUGE, .help = "Used.", .labels = "tier=\"MEM\""},
    {.name = "Test.Free", .kind = METRIC_GAUGE_FN, .help = "Free.", .read = forty_two, .arg = &answer},
    {.name = "Test.Latency", .kind = METRIC_HISTOGRAM, .help = "Time."},
};
static struct metric other[] = {{.name = "Test.Used", .kind = METRIC_GAUGE, .help = "Used.", .labels = "tier=\"SSD\""}};

static int set_up(void **state)
{
    (void)state;
    metric_add(&table[FILES], 5); /* does nothing yet */
    metrics_register(table, array_len(table));
    metrics_register(other, array_len(other));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    metrics_unregister(table, array_len(table));
    metrics_unregister(other, array_len(other));
    metric_add(&table[FILES], 5);
    return 0;
}

static void count(void *arg)
{
    (void)arg;
    for (int i = 0; i < 1000; i++) {
        metric_add(&table[FILES], 1);
        metric_time(&table[LATENCY], 100);
    }
}

static void threads_add_up(void **state)
{
    (void)state;
    struct thread t[20] = {0};
    for (size_t i = 0; i < array_len(t); i++)
        thread_start(&t[i], "count", count, NULL);
    for (size_t i = 0; i < array_len(t); i++)
        thread_join(&t[i]);
    assert_int_equal(metric_value(&table[FILES]), 20000);
    assert_int_equal(metric_value(&table[LATENCY]), 20000);
}

static void cleared(void **state)
{
    AUTO(buf) before = {.max = 1 << 20};
    AUTO(buf) after = {.max = 1 << 20};
    (void)state;
    metrics_prometheus(&before); /* nothing was counted yet */
    for (size_t i = 0; i < array_len(table); i++)
        if (table[i].kind == METRIC_COUNTER)
            metric_add(&table[i], 7);
        else if (table[i].kind == METRIC_HISTOGRAM)
            metric_time(&table[i], 100);
    metrics_clear();
    metrics_prometheus(&after);
    assert_string_equal(buf_str(&before), buf_str(&after));
}

static void gauges(void **state)
{
    (void)state;
    metric_set(&table[USED], 10);
    metric_add(&table[USED], -3);
    metric_set(&other[0], 9);
    assert_int_equal(metric_value(&table[USED]), 7);
    assert_int_equal(metric_value(&table[FREE]), 42);
}

static void prometheus(void **state)
{
    (void)state;
    AUTO(buf) b;
    buf_init(&b, 1 << 20);
    metric_add(&table[FILES], 3);
    metric_set(&table[USED], 7);
    metric_set(&other[0], 9);
    metric_time(&table[LATENCY], 16);
    metric_time(&table[LATENCY], 17);
    metric_time(&table[LATENCY], 100000000);
    metrics_prometheus(&b);
    static const char *const lines[] = {
        "# HELP isthmus_Test_Files Files\\\\made\\n.\n# TYPE isthmus_Test_Files counter\nisthmus_Test_Files 3\n",
        "# HELP isthmus_Test_Used Used.\n# TYPE isthmus_Test_Used gauge\nisthmus_Test_Used{tier=\"MEM\"} 7\nisthmus_Test_Used{tier=\"SSD\"} 9\n",
        "isthmus_Test_Free 42\n",
        "# TYPE isthmus_Test_Latency histogram\nisthmus_Test_Latency_bucket{le=\"0.000016\"} 1\nisthmus_Test_Latency_bucket{le=\"0.000032\"} 2\n",
        "isthmus_Test_Latency_bucket{le=\"67.108864\"} 2\nisthmus_Test_Latency_bucket{le=\"+Inf\"} 3\n",
        "isthmus_Test_Latency_sum 100.000033\nisthmus_Test_Latency_count 3\n",
    };
    for (size_t i = 0; i < array_len(lines); i++)
        assert_non_null(strstr(buf_str(&b), lines[i]));
}

static void json(void **state)
{
    (void)state;
    AUTO(buf) b;
    struct json_out o;
    buf_init(&b, 1 << 20);
    metric_add(&table[FILES], 3);
    for (int i = 0; i < 98; i++)
        metric_time(&table[LATENCY], 20);
    metric_time(&table[LATENCY], 1000);
    metric_time(&table[LATENCY], 1000);
    json_out_init(&o, &b);
    json_begin_object(&o, NULL);
    metrics_json(&o);
    json_end_object(&o);
    struct json *j = json_parse(b.data, b.len, NULL);
    assert_non_null(j);
    assert_int_equal(json_i64(json_get(j, "Test.Files"), -1), 3);
    assert_int_equal(json_i64(json_get(j, "Test.Used{tier=\"SSD\"}"), -1), 0);
    const struct json *h = json_get(j, "Test.Latency");
    assert_int_equal(json_i64(json_get(h, "count"), -1), 100);
    assert_int_equal(json_i64(json_get(h, "sum_us"), -1), 98 * 20 + 2000);
    assert_in_range(json_i64(json_get(h, "p50_us"), -1), 16, 32);
    assert_in_range(json_i64(json_get(h, "p99_us"), -1), 512, 1024);
    json_free(j);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(threads_add_up, set_up, tear_down),
        cmocka_unit_test_setup_teardown(cleared, set_up, tear_down),
        cmocka_unit_test_setup_teardown(gauges, set_up, tear_down),
        cmocka_unit_test_setup_teardown(prometheus, set_up, tear_down),
        cmocka_unit_test_setup_teardown(json, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
