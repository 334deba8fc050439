/* SPDX-License-Identifier: Apache-2.0
 *
 * test_text: tables of spellings, right and wrong.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/mem.h"
#include "base/text.h"

#include <stdio.h>

#include <stdlib.h>
#include <string.h>

static void sizes(void **state)
{
    (void)state;
    static const struct {
        const char *s;
        uint64_t bytes;
    } good[] = {{"0", 0}, {"512", 512}, {"64MB", 64 << 20}, {"1.5g", 3ull << 29}, {"4KiB", 4096}, {"1kb", 1024},
                {"7B", 7}, {"2t", 2ull << 40}, {"0.1KB", 102}, {"8191PB", 8191ull << 50},
                {"9223372036854775807", INT64_MAX}};
    static const char *const bad[] = {"", "MB", "-1", "1.MB", ".5MB", "1 MB", "1XB", "1e3", "64MBx", "0x10",
                                      "9223372036854775808", "8192PB", "99999999999999999999999999"};
    uint64_t v;
    struct err err;
    for (size_t i = 0; i < array_len(good); i++) {
        assert_int_equal(text_parse_size(good[i].s, &v, &err), 0);
        assert_int_equal(v, good[i].bytes);
    }
    for (size_t i = 0; i < array_len(bad); i++) {
        v = 77;
        assert_int_equal(text_parse_size(bad[i], &v, &err), -ERR_INVALID_ARGUMENT);
        assert_int_equal(v, 77);
        assert_non_null(strstr(err.text, "64MB"));
    }
}

static void durations(void **state)
{
    (void)state;
    static const struct {
        const char *s;
        int64_t ms;
    } good[] = {{"30s", 30000}, {"5min", 300000}, {"5m", 300000}, {"1d", 86400000}, {"250ms", 250}, {"2h", 7200000},
                {"17", 17}, {"-1", -1}, {"1.5s", 1500}, {"0", 0}};
    static const char *const bad[] = {"", "s", "-2", "-1s", "5 min", "1w", "1h30m", "9223372036854775807d"};
    int64_t v;
    struct err err;
    for (size_t i = 0; i < array_len(good); i++) {
        assert_int_equal(text_parse_duration(good[i].s, &v, &err), 0);
        assert_int_equal(v, good[i].ms);
    }
    for (size_t i = 0; i < array_len(bad); i++)
        assert_int_equal(text_parse_duration(bad[i], &v, &err), -ERR_INVALID_ARGUMENT);
}

static void numbers(void **state)
{
    (void)state;
    uint64_t u;
    int64_t i;
    bool b;
    assert_int_equal(text_parse_u64("18446744073709551615", &u, NULL), 0);
    assert_true(u == UINT64_MAX);
    static const char *const bad_u[] = {"", "+1", "-1", "18446744073709551616", "1 ", " 1", "1a", "99999999999999999999"};
    for (size_t k = 0; k < array_len(bad_u); k++)
        assert_int_equal(text_parse_u64(bad_u[k], &u, NULL), -ERR_INVALID_ARGUMENT);
    assert_int_equal(text_parse_i64("-9223372036854775808", &i, NULL), 0);
    assert_true(i == INT64_MIN);
    assert_int_equal(text_parse_i64("9223372036854775807", &i, NULL), 0);
    assert_true(i == INT64_MAX);
    static const char *const bad_i[] = {"", "-", "--1", "-9223372036854775809", "9223372036854775808", "+1"};
    for (size_t k = 0; k < array_len(bad_i); k++)
        assert_int_equal(text_parse_i64(bad_i[k], &i, NULL), -ERR_INVALID_ARGUMENT);
    assert_int_equal(text_parse_bool("TRUE", &b, NULL), 0);
    assert_true(b);
    assert_int_equal(text_parse_bool("false", &b, NULL), 0);
    assert_false(b);
    assert_int_equal(text_parse_bool("yes", &b, NULL), -ERR_INVALID_ARGUMENT);
}

static void human_sizes(void **state)
{
    (void)state;
    static const struct {
        uint64_t bytes;
        const char *s;
    } cases[] = {{0, "0B"}, {4352, "4352B"}, {5120, "5120B"}, {5121, "5.00KB"}, {27044, "26.41KB"},
                 {5ull << 20, "5120.00KB"}, {11220602061ull, "10.45GB"}, {UINT64_MAX, "16384.00PB"}};
    char to[24];
    for (size_t i = 0; i < array_len(cases); i++)
        assert_string_equal(text_human_size(cases[i].bytes, to), cases[i].s);
}

static void dates(void **state)
{
    (void)state;
    static const struct {
        int64_t ms;
        const char *iso, *http;
    } cases[] = {{0, "1970-01-01T00:00:00.000Z", "Thu, 01 Jan 1970 00:00:00 GMT"},
                 {784111777000, "1994-11-06T08:49:37.000Z", "Sun, 06 Nov 1994 08:49:37 GMT"},
                 {951782400000, "2000-02-29T00:00:00.000Z", "Tue, 29 Feb 2000 00:00:00 GMT"},
                 {1769853600000, "2026-01-31T10:00:00.000Z", "Sat, 31 Jan 2026 10:00:00 GMT"},
                 {253402300799000, "9999-12-31T23:59:59.000Z", "Fri, 31 Dec 9999 23:59:59 GMT"},
                 {-1000, "1969-12-31T23:59:59.000Z", "Wed, 31 Dec 1969 23:59:59 GMT"},
                 {-2208988800000, "1900-01-01T00:00:00.000Z", "Mon, 01 Jan 1900 00:00:00 GMT"}};
    char to[32];
    int64_t back;
    for (size_t i = 0; i < array_len(cases); i++) {
        assert_string_equal(text_rfc3339(cases[i].ms, to), cases[i].iso);
        assert_string_equal(text_http_date(cases[i].ms, to), cases[i].http);
        assert_int_equal(text_parse_rfc3339(cases[i].iso, &back, NULL), 0);
        assert_true(back == cases[i].ms);
        assert_int_equal(text_parse_http_date(cases[i].http, &back, NULL), 0);
        assert_true(back == cases[i].ms);
    }
    assert_string_equal(text_rfc3339(INT64_MAX, to), "9999-12-31T23:59:59.999Z");
    assert_string_equal(text_rfc3339(INT64_MIN, to), "0000-01-01T00:00:00.000Z");
    assert_string_equal(text_rfc3339(1769853600123, to), "2026-01-31T10:00:00.123Z");
}

static void dates_of_others(void **state)
{
    (void)state;
    static const char *const same[] = {"Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"};
    static const char *const same_iso[] = {"1994-11-06T08:49:37Z", "1994-11-06t09:49:37.0+01:00", "1994-11-06 03:49:37.000000-05:00"};
    static const char *const bad[] = {"", "1994-11-06", "1994-13-06T08:49:37Z", "1994-02-29T08:49:37Z", "1994-11-06T24:49:37Z",
                                      "1994-11-06T08:49:37", "1994-11-06T08:49:37.Z", "1994-11-06T08:49:37Zx", "94-11-06T08:49:37Z"};
    int64_t ms;
    for (size_t i = 0; i < array_len(same); i++) {
        assert_int_equal(text_parse_http_date(same[i], &ms, NULL), 0);
        assert_true(ms == 784111777000);
    }
    for (size_t i = 0; i < array_len(same_iso); i++) {
        assert_int_equal(text_parse_rfc3339(same_iso[i], &ms, NULL), 0);
        assert_true(ms == 784111777000);
    }
    for (size_t i = 0; i < array_len(bad); i++)
        assert_int_equal(text_parse_rfc3339(bad[i], &ms, NULL), -ERR_INVALID_ARGUMENT);
    assert_int_equal(text_parse_http_date("Sun, 31 Feb 1994 08:49:37 GMT", &ms, NULL), -ERR_INVALID_ARGUMENT);
}

static void hex(void **state)
{
    (void)state;
    char to[9];
    uint8_t back[4];
    static const uint64_t numbers[] = {0, 1, 15, 16, 0xabc, 0x1000000000000000u, UINT64_MAX};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        char number[20], expected[20];
        *text_put_hex(number, numbers[i]) = 0;
        snprintf(expected, sizeof expected, "%llx", (unsigned long long)numbers[i]);
        assert_string_equal(number, expected);
    }
    assert_true(text_is_loopback("127.1.2.3") && text_is_loopback("::1") && text_is_loopback("localhost"));
    assert_false(text_is_loopback("10.0.0.1") || text_is_loopback("localhost.example") || text_is_loopback("127.example.org"));
    text_copy(to, 4, "abcdef");
    assert_string_equal(to, "abc");
    text_hex("\x00\x7f\xab\xff", 4, to);
    assert_string_equal(to, "007fabff");
    assert_int_equal(text_unhex("007FabFF", 8, back, NULL), 0);
    assert_memory_equal(back, "\x00\x7f\xab\xff", 4);
    assert_int_equal(text_unhex("123", 3, back, NULL), -ERR_INVALID_ARGUMENT);
    assert_int_equal(text_unhex("1g", 2, back, NULL), -ERR_INVALID_ARGUMENT);
}

static void base64(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {{"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foob", "Zm9vYg=="}, {"\xff\xfe\xfd", "//79"}};
    static const char *const bad[] = {"Z", "Zg=", "Zg===", "Z===", "Zh==", "Z!==", "Zm9v=", "=", "Zg==Zg=="};
    AUTO(buf) b;
    buf_init(&b, 100);
    for (size_t i = 0; i < array_len(pairs); i++) {
        buf_reset(&b);
        text_base64(&b, pairs[i][0], strlen(pairs[i][0]));
        assert_string_equal(buf_str(&b), pairs[i][1]);
        buf_reset(&b);
        assert_int_equal(text_unbase64(&b, pairs[i][1], strlen(pairs[i][1]), NULL), 0);
        assert_string_equal(buf_str(&b), pairs[i][0]);
    }
    for (size_t i = 0; i < array_len(bad); i++)
        assert_int_equal(text_unbase64(&b, bad[i], strlen(bad[i]), NULL), -ERR_INVALID_ARGUMENT);
    buf_reset(&b);
    text_base64url(&b, "\xff\xfe\xfd\xfc", 4);
    assert_string_equal(buf_str(&b), "__79_A");
    buf_reset(&b);
    assert_int_equal(text_unbase64(&b, "__79_A", 6, NULL), 0);
    assert_memory_equal(b.data, "\xff\xfe\xfd\xfc", 4);
}

static void percent(void **state)
{
    (void)state;
    AUTO(buf) b;
    buf_init(&b, 100);
    text_percent(&b, "/a b+ä~", strlen("/a b+ä~"), "/");
    assert_string_equal(buf_str(&b), "/a%20b%2B%C3%A4~");
    buf_reset(&b);
    assert_int_equal(text_unpercent(&b, "a%2fb+c", 7, false, NULL), 0);
    assert_string_equal(buf_str(&b), "a/b+c");
    buf_reset(&b);
    assert_int_equal(text_unpercent(&b, "a+c", 3, true, NULL), 0);
    assert_string_equal(buf_str(&b), "a c");
    static const char *const bad[] = {"%", "a%2", "%zz", "%00", "%%20"};
    for (size_t i = 0; i < array_len(bad); i++)
        assert_int_equal(text_unpercent(&b, bad[i], strlen(bad[i]), true, NULL), -ERR_INVALID_ARGUMENT);
}

static void utf8(void **state)
{
    (void)state;
    static const char *const good[] = {"", "plain ascii text", "ä€😀", "\xf4\x8f\xbf\xbf", "\xed\x9f\xbf"};
    static const char *const bad[] = {"\x80", "\xc0\xaf", "\xc1\xbf", "\xe0\x80\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80",
                                      "\xf5\x80\x80\x80", "12345678\xff", "\xe2\x82", "\xf0\x80\x80\x80"};
    for (size_t i = 0; i < array_len(good); i++)
        assert_true(text_is_utf8(good[i], strlen(good[i])));
    for (size_t i = 0; i < array_len(bad); i++)
        assert_false(text_is_utf8(bad[i], strlen(bad[i])));
}

static void globs(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *s;
        bool matches;
    } cases[] = {{"*", "", true}, {"", "", true}, {"", "a", false}, {"a*c", "abc", true}, {"a*c", "abcd", false},
                 {"*.txt", "a.txt.txt", true}, {"?", "ä", true}, {"??", "ä", false}, {"a?c", "ac", false},
                 {"*a*b*c*", "xxaxxbxxc", true}, {"[a]", "a", false}, {"[a]", "[a]", true}, {"a**b", "ab", true}};
    for (size_t i = 0; i < array_len(cases); i++)
        assert_int_equal(text_glob(cases[i].pattern, cases[i].s), cases[i].matches);
    AUTO_FREE char *many = xmalloc(20001);
    memset(many, 'a', 20000);
    many[20000] = 0;
    assert_false(text_glob("*a*a*a*a*a*a*a*a*b", many)); /* would not end with backtracking into each star */
}

static void comparisons(void **state)
{
    (void)state;
    assert_true(text_starts("abc", "ab") && text_starts("abc", "") && !text_starts("ab", "abc"));
    assert_true(text_ends("abc", "bc") && text_ends("abc", "") && !text_ends("bc", "abc"));
    assert_true(text_equal_constant_time("abc", "abc", 3) && !text_equal_constant_time("abc", "abd", 3));
    assert_true(text_equal_constant_time("a", "b", 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes), cmocka_unit_test(durations), cmocka_unit_test(numbers), cmocka_unit_test(human_sizes),
        cmocka_unit_test(dates), cmocka_unit_test(dates_of_others), cmocka_unit_test(hex), cmocka_unit_test(base64),
        cmocka_unit_test(percent), cmocka_unit_test(utf8), cmocka_unit_test(globs), cmocka_unit_test(comparisons),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
