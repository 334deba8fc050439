/* SPDX-License-Identifier: Apache-2.0
 *
 * json_out: writing JSON.  Listings stream through here at a hundred thousand entries a second, so
 * strings are scanned eight bytes at a time and copied in runs, and numbers are made by hand.
 * Threads: one writer for each buf.
 */
#include "base/json.h"
#include "base/text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

void json_out_init(struct json_out *o, struct buf *to)
{
    *o = (struct json_out){.to = to};
}

#define EACH(byte) (0x0101010101010101u * (byte))

/* Does one of the eight bytes need a closer look: control, quote, backslash or above 127?  */
static bool has_special(uint64_t x)
{
    uint64_t quote = x ^ EACH('"'), backslash = x ^ EACH('\\');
    uint64_t control = x - EACH(0x20);
    return ((control | (quote - EACH(1)) | (backslash - EACH(1)) | x) & EACH(0x80)) != 0;
}

/* Bytes from s that can be copied as they are. */
static size_t clean_run(const char *s, size_t len)
{
    size_t i = 0;
    while (i < len) {
        uint64_t eight;
        while (len - i >= 8 && (memcpy(&eight, s + i, 8), !has_special(eight)))
            i += 8;
        if (i == len)
            break;
        uint8_t c = (uint8_t)s[i];
        if (c < 0x20 || c == '"' || c == '\\')
            break;
        size_t n = c < 0x80 ? 1 : text_utf8_char(s + i, len - i);
        if (!n)
            break;
        i += n;
    }
    return i;
}

static void add_escape(struct buf *to, uint8_t c)
{
    static const char letters[0x20] = {['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'};
    if (c >= 0x80)
        buf_add(to, "\xef\xbf\xbd", 3); /* U+FFFD */
    else if (c == '"' || c == '\\')
        buf_add(to, (char[]){'\\', (char)c}, 2);
    else if (letters[c])
        buf_add(to, (char[]){'\\', letters[c]}, 2);
    else
        buf_add(to, (char[]){'\\', 'u', '0', '0', (char)('0' + (c >> 4)), "0123456789abcdef"[c & 15]}, 6);
}

/* `after` follows the closing quote unless it is 0. */
static void add_quoted(struct buf *to, const char *s, size_t len, char after)
{
    size_t run = clean_run(s, len);
    char *out = buf_room(to, run + 1);
    if (!out)
        return;
    *out = '"';
    memcpy(out + 1, s, run);
    buf_grew(to, run + 1);
    for (size_t i = run; i < len; i += run) {
        add_escape(to, (uint8_t)s[i++]);
        run = clean_run(s + i, len - i);
        buf_add(to, s + i, run);
    }
    buf_add(to, (char[]){'"', after}, after ? 2 : 1);
}

/* Comma and key: what stands before each value. */
static void lead(struct json_out *o, const char *key)
{
    if (o->need_comma)
        buf_addc(o->to, ',');
    o->need_comma = true;
    if (key)
        add_quoted(o->to, key, strlen(key), ':');
}

static void begin(struct json_out *o, const char *key, char c)
{
    lead(o, key);
    buf_addc(o->to, c);
    o->need_comma = false;
}

static void end(struct json_out *o, char c)
{
    buf_addc(o->to, c);
    o->need_comma = true;
}

void json_begin_object(struct json_out *o, const char *key)
{
    begin(o, key, '{');
}

void json_end_object(struct json_out *o)
{
    end(o, '}');
}

void json_begin_array(struct json_out *o, const char *key)
{
    begin(o, key, '[');
}

void json_end_array(struct json_out *o)
{
    end(o, ']');
}

void json_put_string_n(struct json_out *o, const char *key, const char *s, size_t len)
{
    lead(o, key);
    add_quoted(o->to, len ? s : "", len, 0);
}

void json_put_string(struct json_out *o, const char *key, const char *s)
{
    if (s)
        json_put_string_n(o, key, s, strlen(s));
    else
        json_put_null(o, key);
}

void json_put_u64(struct json_out *o, const char *key, uint64_t v)
{
    lead(o, key);
    buf_add_u64(o->to, v);
}

void json_put_i64(struct json_out *o, const char *key, int64_t v)
{
    lead(o, key);
    if (v < 0)
        buf_addc(o->to, '-');
    buf_add_u64(o->to, v < 0 ? 0 - (uint64_t)v : (uint64_t)v);
}

void json_put_id(struct json_out *o, const char *key, uint64_t v)
{
    lead(o, key);
    buf_addc(o->to, '"');
    buf_add_u64(o->to, v);
    buf_addc(o->to, '"');
}

void json_put_double(struct json_out *o, const char *key, double v)
{
    char text[40];
    if (!isfinite(v)) {
        json_put_null(o, key);
        return;
    }
    snprintf(text, sizeof text, "%.15g", v); /* 17 digits only where 15 are not the same number */
    double again = 0;
    if (sscanf(text, "%lf", &again) != 1 || memcmp(&again, &v, sizeof v))
        snprintf(text, sizeof text, "%.17g", v);
    char *comma = strchr(text, ','); /* of a locale */
    if (comma)
        *comma = '.';
    lead(o, key);
    buf_adds(o->to, text);
}

void json_put_bool(struct json_out *o, const char *key, bool v)
{
    lead(o, key);
    buf_add(o->to, v ? "true" : "false", v ? 4 : 5);
}

void json_put_null(struct json_out *o, const char *key)
{
    lead(o, key);
    buf_add(o->to, "null", 4);
}

void json_put_time(struct json_out *o, const char *key, int64_t wall_ms)
{
    char text[32];
    if (wall_ms <= 0) {
        json_put_null(o, key);
        return;
    }
    lead(o, key);
    text_rfc3339(wall_ms, text);
    add_quoted(o->to, text, strlen(text), 0);
}

void json_put_raw(struct json_out *o, const char *key, const char *json)
{
    lead(o, key);
    buf_adds(o->to, json);
}
