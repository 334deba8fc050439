/* SPDX-License-Identifier: Apache-2.0
 *
 * text_code: hex, base64, percent escapes and UTF-8.  Input comes from outside and is checked to
 * the last bit: a text that decodes at all is one that could have been encoded.  Threads: any.
 */
#include "base/text.h"

#include <arpa/inet.h>
#include <string.h>

void text_copy(char *to, size_t cap, const char *s)
{
    size_t len = strnlen(s, cap - 1);
    memcpy(to, s, len);
    to[len] = 0;
}

char *text_put_hex(char *to, uint64_t v)
{
    int shift = v ? 60 - __builtin_clzll(v) / 4 * 4 : 0;
    for (; shift >= 0; shift -= 4)
        *to++ = "0123456789abcdef"[v >> shift & 15];
    return to;
}

bool text_is_loopback(const char *host)
{
    struct in_addr v4;
    struct in6_addr v6;
    if (!strcmp(host, "localhost"))
        return true;
    if (inet_pton(AF_INET, host, &v4) == 1)
        return (ntohl(v4.s_addr) >> 24) == 127;
    return inet_pton(AF_INET6, host, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

uint64_t text_print(uint64_t from, const void *data, size_t len)
{
    const unsigned char *s = data;
    for (size_t i = 0; i < len; i++)
        from = (from ^ s[i]) * 0x100000001b3u;
    return (from ^ 0xff) * 0x100000001b3u;
}

void text_hex(const void *data, size_t len, char *to)
{
    const uint8_t *p = data;
    for (size_t i = 0; i < len; i++) {
        *to++ = "0123456789abcdef"[p[i] >> 4];
        *to++ = "0123456789abcdef"[p[i] & 15];
    }
    *to = 0;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if ((c | 32) >= 'a' && (c | 32) <= 'f')
        return (c | 32) - 'a' + 10;
    return -1;
}

/* -1: not two digits */
static int hex_byte(const char *s)
{
    int high = hex_digit(s[0]), low = high < 0 ? -1 : hex_digit(s[1]);
    return low < 0 ? -1 : high << 4 | low;
}

int text_unhex(const char *s, size_t len, void *to, struct err *err)
{
    uint8_t *out = to;
    if (len % 2)
        return err_set(err, ERR_INVALID_ARGUMENT, "hexadecimal text has an odd length of %zu", len);
    for (size_t i = 0; i < len; i += 2) {
        int v = hex_byte(s + i);
        if (v < 0)
            return err_set(err, ERR_INVALID_ARGUMENT, "hexadecimal text has another character at %zu", i);
        *out++ = (uint8_t)v;
    }
    return 0;
}

static void base64(struct buf *to, const uint8_t *p, size_t len, const char *alphabet, bool pad)
{
    char *out = buf_room(to, (len + 2) / 3 * 4);
    if (!out)
        return;
    char *start = out;
    for (; len >= 3; p += 3, len -= 3) {
        *out++ = alphabet[p[0] >> 2];
        *out++ = alphabet[(p[0] & 3) << 4 | p[1] >> 4];
        *out++ = alphabet[(p[1] & 15) << 2 | p[2] >> 6];
        *out++ = alphabet[p[2] & 63];
    }
    if (len) {
        unsigned second = len > 1 ? p[1] : 0;
        *out++ = alphabet[p[0] >> 2];
        *out++ = alphabet[(p[0] & 3u) << 4 | second >> 4];
        if (len > 1)
            *out++ = alphabet[(second & 15) << 2];
        for (size_t i = len; pad && i < 3; i++)
            *out++ = '=';
    }
    buf_grew(to, (size_t)(out - start));
}

void text_base64(struct buf *to, const void *data, size_t len)
{
    base64(to, data, len, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", true);
}

void text_base64url(struct buf *to, const void *data, size_t len)
{
    base64(to, data, len, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", false);
}

static int base64_digit(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' || c == '-' ? 62 : c == '/' || c == '_' ? 63 : -1;
}

/* Digits without their padding; SIZE_MAX when the padding does not fit. */
static size_t base64_digits(const char *s, size_t len)
{
    size_t n = len;
    while (n && len - n < 2 && s[n - 1] == '=')
        n--;
    if ((n != len && len % 4) || n % 4 == 1)
        return SIZE_MAX;
    return n;
}

int text_unbase64(struct buf *to, const char *s, size_t len, struct err *err)
{
    size_t n = base64_digits(s, len);
    if (n == SIZE_MAX)
        return err_set(err, ERR_INVALID_ARGUMENT, "base64 text of %zu characters is incomplete", len);
    char *out = buf_room(to, n * 3 / 4);
    if (!out)
        return buf_check(to, "decoded base64", err);
    unsigned bits = 0, have = 0;
    size_t wrote = 0;
    for (size_t i = 0; i < n; i++) {
        int d = base64_digit(s[i]);
        if (d < 0)
            return err_set(err, ERR_INVALID_ARGUMENT, "base64 text has another character at %zu", i);
        bits = bits << 6 | (unsigned)d;
        have += 6;
        if (have >= 8) {
            have -= 8;
            out[wrote++] = (char)(bits >> have & 255);
        }
    }
    if (bits & ((1u << have) - 1))
        return err_set(err, ERR_INVALID_ARGUMENT, "base64 text has bits beyond its last byte");
    buf_grew(to, wrote);
    return 0;
}

static bool is_unreserved(char c)
{
    return ((c | 32) >= 'a' && (c | 32) <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' ||
           c == '~';
}

void text_percent(struct buf *to, const char *s, size_t len, const char *keep)
{
    for (size_t i = 0; i < len;) {
        size_t run = i;
        while (run < len && (is_unreserved(s[run]) || (s[run] && strchr(keep, s[run]))))
            run++;
        buf_add(to, s + i, run - i);
        if (run < len) {
            uint8_t c = (uint8_t)s[run++];
            buf_add(to, (char[]){'%', "0123456789ABCDEF"[c >> 4], "0123456789ABCDEF"[c & 15]}, 3);
        }
        i = run;
    }
}

int text_unpercent(struct buf *to, const char *s, size_t len, bool plus_is_space, struct err *err)
{
    char *out = buf_room(to, len);
    size_t wrote = 0;
    if (!out)
        return buf_check(to, "decoded text", err);
    for (size_t i = 0; i < len; i++) {
        char c = s[i];
        if (c == '%') {
            int v = len - i > 2 ? hex_byte(s + i + 1) : -1;
            if (v <= 0)
                return err_set(err, ERR_INVALID_ARGUMENT,
                               v ? "a percent sign at %zu is not followed by two hexadecimal digits"
                                 : "an encoded 0 byte at %zu is not allowed", i);
            c = (char)v;
            i += 2;
        } else if (c == '+' && plus_is_space) {
            c = ' ';
        }
        out[wrote++] = c;
    }
    buf_grew(to, wrote);
    return 0;
}

static bool is_tail(const char *s, size_t n)
{
    for (size_t i = 1; i < n; i++)
        if (((uint8_t)s[i] & 0xc0) != 0x80)
            return false;
    return true;
}

/* RFC 3629, table of section 4: no overlong forms, no surrogates, nothing above U+10FFFF */
size_t text_utf8_char(const char *s, size_t len)
{
    if (!len)
        return 0;
    uint8_t a = (uint8_t)s[0], b = len > 1 ? (uint8_t)s[1] : 0;
    size_t n = a < 0x80 ? 1 : a < 0xc2 ? 0 : a < 0xe0 ? 2 : a < 0xf0 ? 3 : a < 0xf5 ? 4 : 0;
    if (n > len || !is_tail(s, n))
        return 0;
    if ((a == 0xe0 && b < 0xa0) || (a == 0xed && b > 0x9f) || (a == 0xf0 && b < 0x90) || (a == 0xf4 && b > 0x8f))
        return 0;
    return n;
}

bool text_is_utf8(const char *s, size_t len)
{
    for (size_t i = 0; i < len;) {
        uint64_t eight;
        if (len - i >= 8 && (memcpy(&eight, s + i, 8), !(eight & 0x8080808080808080u))) {
            i += 8;
            continue;
        }
        size_t n = text_utf8_char(s + i, len - i);
        if (!n)
            return false;
        i += n;
    }
    return true;
}
