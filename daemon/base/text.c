/* SPDX-License-Identifier: Apache-2.0
 *
 * text: numbers with units, globs and comparisons.  Times are in text_time.c, encodings in
 * text_code.c.  Nothing here depends on the locale.  Threads: any.
 */
#include "base/text.h"

#include "base/mem.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

struct unit {
    const char *name;
    uint64_t factor;
};

static const struct unit size_units[] = {
    {"", 1},           {"b", 1},           {"k", 1ull << 10},  {"kb", 1ull << 10}, {"kib", 1ull << 10},
    {"m", 1ull << 20}, {"mb", 1ull << 20}, {"mib", 1ull << 20}, {"g", 1ull << 30},  {"gb", 1ull << 30},
    {"gib", 1ull << 30}, {"t", 1ull << 40}, {"tb", 1ull << 40}, {"tib", 1ull << 40}, {"p", 1ull << 50},
    {"pb", 1ull << 50}, {"pib", 1ull << 50},
};

static const struct unit time_units[] = {
    {"", 1},           {"ms", 1},          {"millisecond", 1}, {"milliseconds", 1}, {"s", 1000},
    {"sec", 1000},     {"second", 1000},   {"seconds", 1000},  {"m", 60000},        {"min", 60000},
    {"minute", 60000}, {"minutes", 60000}, {"h", 3600000},     {"hour", 3600000},   {"hours", 3600000},
    {"d", 86400000},   {"day", 86400000},  {"days", 86400000},
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool find_factor(const struct unit *units, size_t n, const char *name, uint64_t *ret)
{
    for (size_t i = 0; i < n; i++)
        if (!strcasecmp(units[i].name, name)) {
            *ret = units[i].factor;
            return true;
        }
    return false;
}

/* digits [ "." digits ] unit; in integers, so that 0.1 is not surprising.  False: misspelled or above max. */
static bool parse_scaled(const char *s, const struct unit *units, size_t n, uint64_t max, uint64_t *ret)
{
    unsigned __int128 whole = 0, part = 0, part_base = 1;
    uint64_t factor;
    if (!is_digit(*s))
        return false;
    for (; is_digit(*s); s++) {
        whole = whole * 10 + (unsigned)(*s - '0');
        if (whole > max)
            return false;
    }
    if (*s == '.') {
        if (!is_digit(*++s))
            return false;
        for (; is_digit(*s); s++)
            if (part_base < 1000000000000u) { /* digits beyond a byte's share of a PB do not count */
                part = part * 10 + (unsigned)(*s - '0');
                part_base *= 10;
            }
    }
    if (!find_factor(units, n, s, &factor))
        return false;
    unsigned __int128 v = whole * factor + part * factor / part_base;
    if (v > max)
        return false;
    *ret = (uint64_t)v;
    return true;
}

int text_parse_size(const char *s, uint64_t *ret_bytes, struct err *err)
{
    if (!parse_scaled(s, size_units, array_len(size_units), INT64_MAX, ret_bytes))
        return err_set(err, ERR_INVALID_ARGUMENT,
                       "'%.40s' is not a size: allowed is a number and B, KB, MB, GB, TB or PB, "
                       "such as 512, 64MB or 1.5GB", s);
    return 0;
}

int text_parse_duration(const char *s, int64_t *ret_ms, struct err *err)
{
    uint64_t ms;
    if (!strcmp(s, "-1")) {
        *ret_ms = -1;
        return 0;
    }
    if (!parse_scaled(s, time_units, array_len(time_units), INT64_MAX, &ms))
        return err_set(err, ERR_INVALID_ARGUMENT,
                       "'%.40s' is not a duration: allowed is a number and ms, s, min, h or d, "
                       "such as 250ms, 30s or 5min; a plain number is ms, -1 is never", s);
    *ret_ms = (int64_t)ms;
    return 0;
}

static bool parse_digits(const char *s, uint64_t max, uint64_t *ret)
{
    uint64_t v = 0;
    if (!*s)
        return false;
    for (; *s; s++) {
        uint64_t d = (uint64_t)(*s - '0');
        if (!is_digit(*s) || v > (max - d) / 10)
            return false;
        v = v * 10 + d;
    }
    *ret = v;
    return true;
}

int text_parse_u64(const char *s, uint64_t *ret, struct err *err)
{
    if (!parse_digits(s, UINT64_MAX, ret))
        return err_set(err, ERR_INVALID_ARGUMENT,
                       "'%.40s' is not a whole number from 0 to 18446744073709551615", s);
    return 0;
}

int text_parse_i64(const char *s, int64_t *ret, struct err *err)
{
    uint64_t v;
    bool negative = *s == '-';
    if (!parse_digits(s + negative, (uint64_t)INT64_MAX + negative, &v))
        return err_set(err, ERR_INVALID_ARGUMENT,
                       "'%.40s' is not a whole number from -9223372036854775808 to 9223372036854775807", s);
    *ret = (int64_t)(negative ? 0 - v : v);
    return 0;
}

int text_parse_bool(const char *s, bool *ret, struct err *err)
{
    if (strcasecmp(s, "true") && strcasecmp(s, "false"))
        return err_set(err, ERR_INVALID_ARGUMENT, "'%.40s' is neither true nor false", s);
    *ret = !strcasecmp(s, "true");
    return 0;
}

char *text_human_size(uint64_t bytes, char to[24])
{
    static const char *const units[] = {"KB", "MB", "GB", "TB", "PB"};
    if (bytes <= 5 * 1024) {
        snprintf(to, 24, "%uB", (unsigned)bytes);
        return to;
    }
    double v = (double)bytes / 1024;
    size_t i = 0;
    for (; v > 5 * 1024 && i < array_len(units) - 1; i++)
        v /= 1024;
    snprintf(to, 24, "%.2f%s", v, units[i]);
    return to;
}

/* Past one UTF-8 character; a stray byte counts as one. */
static const char *next_char(const char *s)
{
    s++;
    while (((unsigned char)*s & 0xc0) == 0x80)
        s++;
    return s;
}

bool text_glob(const char *pattern, const char *s)
{
    const char *star = NULL, *resume = NULL; /* only the last star needs to be retried */
    while (*s) {
        if (*pattern == '*') {
            star = ++pattern;
            resume = s;
        } else if (*pattern == '?') {
            pattern++;
            s = next_char(s);
        } else if (*pattern && *pattern == *s) {
            pattern++;
            s++;
        } else if (star) {
            pattern = star;
            s = resume = next_char(resume);
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return !*pattern;
}

bool text_starts(const char *s, const char *prefix)
{
    return !strncmp(s, prefix, strlen(prefix));
}

bool text_ends(const char *s, const char *suffix)
{
    size_t n = strlen(s), m = strlen(suffix);
    return n >= m && !memcmp(s + n - m, suffix, m);
}

bool text_equal_constant_time(const void *a, const void *b, size_t len)
{
    const volatile uint8_t *x = a, *y = b;
    uint8_t differ = 0;
    for (size_t i = 0; i < len; i++)
        differ = (uint8_t)(differ | (x[i] ^ y[i]));
    return !differ;
}
