/* SPDX-License-Identifier: Apache-2.0
 *
 * buf: see the header.
 */
#include "base/buf.h"

#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void buf_init(struct buf *b, size_t max)
{
    *b = (struct buf){.max = max};
}

void buf_done(struct buf *b)
{
    free(b->data);
    *b = (struct buf){.max = b->max};
}

void buf_reset(struct buf *b)
{
    b->len = 0;
    b->failed = false;
    if (b->data)
        b->data[0] = 0;
}

char *buf_room(struct buf *b, size_t len)
{
    if (b->failed || len > b->max || b->len > b->max - len) {
        b->failed = true;
        return NULL;
    }
    size_t want = b->len + len + 1;
    if (want > b->cap) {
        size_t cap = b->cap ? b->cap : 256; /* most are texts of a line or a few */
        while (cap < want)
            cap *= 2;
        b->data = xrealloc(b->data, cap);
        b->cap = cap;
    }
    return b->data + b->len;
}

void buf_grew(struct buf *b, size_t len)
{
    b->len += len;
    b->data[b->len] = 0;
}

void buf_add(struct buf *b, const void *data, size_t len)
{
    char *to = buf_room(b, len);
    if (!to)
        return;
    if (len)
        memcpy(to, data, len);
    buf_grew(b, len);
}

void buf_adds(struct buf *b, const char *s)
{
    buf_add(b, s, strlen(s));
}

void buf_addc(struct buf *b, char c)
{
    buf_add(b, &c, 1);
}

void buf_addv(struct buf *b, const char *fmt, va_list ap)
{
    va_list again;
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    char *to = n < 0 ? NULL : buf_room(b, (size_t)n);
    if (to) {
        vsnprintf(to, (size_t)n + 1, fmt, again);
        buf_grew(b, (size_t)n);
    }
    va_end(again);
}

void buf_addf(struct buf *b, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    buf_addv(b, fmt, ap);
    va_end(ap);
}

void buf_add_u64(struct buf *b, uint64_t v)
{
    char digits[20];
    size_t n = sizeof digits;
    do
        digits[--n] = (char)('0' + v % 10);
    while (v /= 10);
    buf_add(b, digits + n, sizeof digits - n);
}

int buf_check(const struct buf *b, const char *what, struct err *err)
{
    if (b->failed)
        return err_set(err, ERR_TOO_LARGE, "%s is larger than its limit of %zu bytes", what, b->max);
    return 0;
}

char *buf_take(struct buf *b)
{
    char *data = b->data ? b->data : xcalloc(1, 1);
    *b = (struct buf){.max = b->max};
    return data;
}

const char *buf_str(const struct buf *b)
{
    return b->data ? b->data : "";
}
