/* SPDX-License-Identifier: Apache-2.0
 *
 * text_time: RFC 3339 and HTTP dates to and from milliseconds since 1970.  Written by hand: the C
 * library's functions know locales and time zones, and listings write a date for each entry.
 * Years 0 to 9999.  Threads: any.
 */
#include "base/text.h"

#include <string.h>
#include <strings.h>

#define DAY_MS 86400000ll

static const char day_names[] = "ThuFriSatSunMonTueWed"; /* 1970-01-01 was a Thursday */
static const char month_names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

struct date {
    int year, month, day, hour, minute, second, ms;
    int weekday; /* 0 is Thursday */
};

/* Howard Hinnant, "chrono-compatible low-level date algorithms": years begin in March */
static int64_t days_from_civil(int year, int month, int day)
{
    int64_t y = year - (month <= 2);
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t year_of_era = y - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719468;
}

static void civil_from_days(int64_t days, struct date *ret)
{
    int64_t z = days + 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    int64_t doe = z - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t mp = (5 * doy + 2) / 153;
    ret->day = (int)(doy - (153 * mp + 2) / 5 + 1);
    ret->month = (int)(mp < 10 ? mp + 3 : mp - 9);
    ret->year = (int)(yoe + era * 400 + (ret->month <= 2));
}

static struct date date_from_ms(int64_t ms)
{
    const int64_t least = -719528 * DAY_MS, most = 2932897 * DAY_MS - 1; /* years 0 and 9999 */
    struct date d;
    ms = ms < least ? least : ms > most ? most : ms;
    int64_t days = ms / DAY_MS - (ms % DAY_MS < 0);
    int rest = (int)(ms - days * DAY_MS);
    civil_from_days(days, &d);
    d.weekday = (int)(((days % 7) + 7) % 7);
    d.ms = rest % 1000;
    d.second = rest / 1000 % 60;
    d.minute = rest / 60000 % 60;
    d.hour = rest / 3600000;
    return d;
}

static bool date_is_valid(const struct date *d)
{
    static const char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (d->year < 0 || d->month < 1 || d->month > 12 || d->day < 1)
        return false;
    bool leap = d->month == 2 && d->year % 4 == 0 && (d->year % 100 != 0 || d->year % 400 == 0);
    return d->day <= days[d->month - 1] + leap && d->hour <= 23 && d->minute <= 59 && d->second <= 60;
}

static int64_t date_to_ms(const struct date *d)
{
    return days_from_civil(d->year, d->month, d->day) * DAY_MS + d->hour * 3600000ll +
           d->minute * 60000ll + d->second * 1000ll + d->ms;
}

static char *put_digits(char *to, int v, int width)
{
    for (int i = width; i-- > 0; v /= 10)
        to[i] = (char)('0' + v % 10);
    return to + width;
}

static char *put(char *to, const char *s, size_t n)
{
    memcpy(to, s, n);
    return to + n;
}

static char *put_clock(char *to, const struct date *d)
{
    to = put_digits(to, d->hour, 2);
    *to++ = ':';
    to = put_digits(to, d->minute, 2);
    *to++ = ':';
    return put_digits(to, d->second, 2);
}

char *text_rfc3339(int64_t wall_ms, char to[32])
{
    struct date d = date_from_ms(wall_ms);
    char *p = put_digits(to, d.year, 4);
    *p++ = '-';
    p = put_digits(p, d.month, 2);
    *p++ = '-';
    p = put_digits(p, d.day, 2);
    *p++ = 'T';
    p = put_clock(p, &d);
    *p++ = '.';
    p = put_digits(p, d.ms, 3);
    put(p, "Z", 2);
    return to;
}

char *text_http_date(int64_t wall_ms, char to[32])
{
    struct date d = date_from_ms(wall_ms);
    char *p = put(to, day_names + 3 * d.weekday, 3);
    p = put(p, ", ", 2);
    p = put_digits(p, d.day, 2);
    *p++ = ' ';
    p = put(p, month_names + 3 * (d.month - 1), 3);
    *p++ = ' ';
    p = put_digits(p, d.year, 4);
    *p++ = ' ';
    p = put_clock(p, &d);
    put(p, " GMT", 5);
    return to;
}

/* ---- reading: each step takes its part off *s or fails ---- */

static bool take_digits(const char **s, int width, int *ret)
{
    int v = 0;
    for (int i = 0; i < width; i++, (*s)++) {
        if (**s < '0' || **s > '9')
            return false;
        v = v * 10 + (**s - '0');
    }
    *ret = v;
    return true;
}

static bool take(const char **s, const char *literal)
{
    size_t n = strlen(literal);
    if (strncasecmp(*s, literal, n))
        return false;
    *s += n;
    return true;
}

static bool take_clock(const char **s, struct date *ret)
{
    return take_digits(s, 2, &ret->hour) && take(s, ":") && take_digits(s, 2, &ret->minute) &&
           take(s, ":") && take_digits(s, 2, &ret->second);
}

static bool take_fraction(const char **s, int *ret_ms)
{
    *ret_ms = 0;
    if (!take(s, "."))
        return true;
    int digits = 0;
    for (; **s >= '0' && **s <= '9'; (*s)++, digits++)
        if (digits < 3)
            *ret_ms = *ret_ms * 10 + (**s - '0');
    for (int i = digits; i < 3; i++)
        *ret_ms *= 10;
    return digits > 0;
}

static bool take_zone(const char **s, int64_t *ret_ms)
{
    int hour, minute;
    *ret_ms = 0;
    if (take(s, "Z"))
        return true;
    bool east = **s == '+';
    if (!east && **s != '-')
        return false;
    (*s)++;
    if (!take_digits(s, 2, &hour) || !take(s, ":") || !take_digits(s, 2, &minute) || hour > 23 || minute > 59)
        return false;
    *ret_ms = (east ? 1 : -1) * (hour * 3600000ll + minute * 60000ll);
    return true;
}

int text_parse_rfc3339(const char *s, int64_t *ret_ms, struct err *err)
{
    const char *p = s;
    struct date d = {0};
    int64_t zone = 0;
    bool ok = take_digits(&p, 4, &d.year) && take(&p, "-") && take_digits(&p, 2, &d.month) && take(&p, "-") &&
              take_digits(&p, 2, &d.day) && (take(&p, "T") || take(&p, " ")) && take_clock(&p, &d) &&
              take_fraction(&p, &d.ms) && take_zone(&p, &zone) && !*p && date_is_valid(&d);
    if (!ok)
        return err_set(err, ERR_INVALID_ARGUMENT,
                       "'%.40s' is not a time: allowed is RFC 3339, such as 2026-01-31T10:00:00Z", s);
    *ret_ms = date_to_ms(&d) - zone;
    return 0;
}

static bool take_month(const char **s, int *ret)
{
    for (int i = 0; i < 12; i++)
        if (!strncasecmp(*s, month_names + 3 * i, 3)) {
            *ret = i + 1;
            *s += 3;
            return true;
        }
    return false;
}

static bool take_weekday(const char **s)
{
    const char *from = *s;
    while ((**s | 32) >= 'a' && (**s | 32) <= 'z')
        (*s)++;
    return *s - from >= 3;
}

/* Sun, 06 Nov 1994 08:49:37 GMT */
static bool take_imf(const char *p, struct date *ret)
{
    return take_weekday(&p) && take(&p, ", ") && take_digits(&p, 2, &ret->day) && take(&p, " ") &&
           take_month(&p, &ret->month) && take(&p, " ") && take_digits(&p, 4, &ret->year) && take(&p, " ") &&
           take_clock(&p, ret) && (take(&p, " GMT") || take(&p, " UTC") || take(&p, " +0000")) && !*p;
}

/* Sunday, 06-Nov-94 08:49:37 GMT */
static bool take_rfc850(const char *p, struct date *ret)
{
    bool ok = take_weekday(&p) && take(&p, ", ") && take_digits(&p, 2, &ret->day) && take(&p, "-") &&
              take_month(&p, &ret->month) && take(&p, "-") && take_digits(&p, 2, &ret->year) && take(&p, " ") &&
              take_clock(&p, ret) && take(&p, " GMT") && !*p;
    ret->year += ret->year < 70 ? 2000 : 1900;
    return ok;
}

/* Sun Nov  6 08:49:37 1994 */
static bool take_asctime(const char *p, struct date *ret)
{
    return take_weekday(&p) && take(&p, " ") && take_month(&p, &ret->month) && take(&p, " ") &&
           (take(&p, " ") ? take_digits(&p, 1, &ret->day) : take_digits(&p, 2, &ret->day)) && take(&p, " ") &&
           take_clock(&p, ret) && take(&p, " ") && take_digits(&p, 4, &ret->year) && !*p;
}

int text_parse_http_date(const char *s, int64_t *ret_ms, struct err *err)
{
    struct date d = {0};
    if (!(take_imf(s, &d) || take_rfc850(s, &d) || take_asctime(s, &d)) || !date_is_valid(&d))
        return err_set(err, ERR_INVALID_ARGUMENT,
                       "'%.40s' is not an HTTP date such as Sun, 06 Nov 1994 08:49:37 GMT", s);
    *ret_ms = date_to_ms(&d);
    return 0;
}
