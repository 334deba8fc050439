/* SPDX-License-Identifier: Apache-2.0
 *
 * conf_parse: the syntax of properties files as Java reads them: comments with # and !, key and
 * value parted by =, : or space, a backslash at the end of a line that joins the next one, \uXXXX.
 * Unlike Java, text is UTF-8 and white space at the end of a value is dropped.  Threads: any.
 */
#include "base/conf.h"

#include "base/mem.h"
#include "base/text.h"

#include <string.h>

enum { KEY_BYTES = 256, VALUE_BYTES = 65536 };

struct reader {
    const char *s, *end;
    const char *name;
    int line;
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\f';
}

static bool is_newline(char c)
{
    return c == '\n' || c == '\r';
}

static void skip_blanks(struct reader *r)
{
    while (r->s < r->end && is_blank(*r->s))
        r->s++;
}

/* Past "\n", "\r" or "\r\n". */
static void skip_newline(struct reader *r)
{
    char c = *r->s++;
    if (c == '\r' && r->s < r->end && *r->s == '\n')
        r->s++;
    r->line++;
}

static void skip_line(struct reader *r)
{
    while (r->s < r->end && !is_newline(*r->s))
        r->s++;
}

static int take_hex(struct reader *r, unsigned *ret, struct err *err)
{
    uint8_t two[2];
    if (r->end - r->s < 4 || text_unhex(r->s, 4, two, NULL) < 0)
        return err_set(err, ERR_CONFIG, "%s:%d: \\u is not followed by four hexadecimal digits", r->name, r->line);
    *ret = (unsigned)two[0] << 8 | two[1];
    r->s += 4;
    return 0;
}

static void add_utf8(struct buf *to, unsigned c)
{
    char out[4];
    size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    static const unsigned char heads[] = {0, 0, 0xc0, 0xe0, 0xf0};
    for (size_t i = n; i-- > 1; c >>= 6)
        out[i] = (char)(0x80 | (c & 0x3f));
    out[0] = (char)(heads[n] | c);
    buf_add(to, out, n);
}

/* After "\u"; two halves of a pair become one character. */
static int take_unicode(struct reader *r, struct buf *to, struct err *err)
{
    unsigned c = 0, low = 0;
    TRY(take_hex(r, &c, err));
    if (c >= 0xd800 && c < 0xdc00 && r->end - r->s >= 2 && r->s[0] == '\\' && r->s[1] == 'u') {
        r->s += 2;
        TRY(take_hex(r, &low, err));
        if (low < 0xdc00 || low > 0xdfff)
            return err_set(err, ERR_CONFIG, "%s:%d: half a surrogate pair", r->name, r->line);
        c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
    }
    if (c == 0 || (c >= 0xd800 && c <= 0xdfff))
        return err_set(err, ERR_CONFIG, "%s:%d: \\u%04x is not a character", r->name, r->line, c);
    add_utf8(to, c);
    return 0;
}

/* After a backslash. */
static int take_escape(struct reader *r, struct buf *to, struct err *err)
{
    if (r->s == r->end)
        return 0;
    if (is_newline(*r->s)) {
        skip_newline(r);
        skip_blanks(r);
        return 0;
    }
    char c = *r->s++;
    if (c == 'u')
        return take_unicode(r, to, err);
    buf_addc(to, c == 't' ? '\t' : c == 'n' ? '\n' : c == 'r' ? '\r' : c == 'f' ? '\f' : c);
    return 0;
}

static bool ends_key(char c)
{
    return is_blank(c) || c == '=' || c == ':';
}

/* One key, or (is_value) the rest of the line.  `kept` is the length up to the last byte that is no plain blank. */
static int take_token(struct reader *r, bool is_value, struct buf *to, struct err *err)
{
    size_t kept = 0;
    while (r->s < r->end && !is_newline(*r->s) && (is_value || !ends_key(*r->s))) {
        char c = *r->s++;
        if (c == '\\')
            TRY(take_escape(r, to, err));
        else
            buf_addc(to, c);
        if (!is_blank(c))
            kept = to->len;
    }
    if (to->failed)
        return err_set(err, ERR_CONFIG, "%s:%d: the %s is longer than %zu bytes", r->name, r->line,
                       is_value ? "value" : "key", to->max);
    if (!text_is_utf8(buf_str(to), to->len) || memchr(buf_str(to), 0, to->len))
        return err_set(err, ERR_CONFIG, "%s:%d: the %s is not UTF-8 text", r->name, r->line, is_value ? "value" : "key");
    if (to->len > kept)
        to->data[to->len = kept] = 0;
    return 0;
}

static int take_pair(struct reader *r, struct buf *key, struct buf *value, struct err *err)
{
    TRY(take_token(r, false, key, err));
    skip_blanks(r);
    if (r->s < r->end && (*r->s == '=' || *r->s == ':'))
        r->s++;
    skip_blanks(r);
    TRY(take_token(r, true, value, err));
    if (!key->len)
        return err_set(err, ERR_CONFIG, "%s:%d: a value without a key", r->name, r->line);
    return 0;
}

int conf_parse(const char *text, size_t len, const char *name,
               int (*each)(void *arg, const char *key, const char *value, int line, struct err *err),
               void *arg, struct err *err)
{
    struct reader r = {.s = text, .end = len ? text + len : text, .name = name, .line = 1};
    AUTO(buf) key;
    AUTO(buf) value;
    buf_init(&key, KEY_BYTES);
    buf_init(&value, VALUE_BYTES);
    if (len >= 3 && !memcmp(text, "\xef\xbb\xbf", 3)) /* some editors' mark */
        r.s += 3;
    for (;;) {
        skip_blanks(&r);
        if (r.s == r.end)
            return 0;
        int line = r.line;
        buf_reset(&key);
        buf_reset(&value);
        if (is_newline(*r.s)) {
            skip_newline(&r);
        } else if (*r.s == '#' || *r.s == '!') {
            skip_line(&r);
        } else {
            TRY(take_pair(&r, &key, &value, err));
            TRY(each(arg, buf_str(&key), buf_str(&value), line, err));
        }
    }
}
