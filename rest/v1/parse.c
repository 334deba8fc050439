/* SPDX-License-Identifier: Apache-2.0
 *
 * parse: see the header.
 */
#include "rest/v1/parse.h"

#include "base/text.h"

#include <stdlib.h>
#include <string.h>

static int add_part(struct query *q, const char *s, size_t len, size_t *ret_at, struct err *err)
{
    *ret_at = q->bytes.len;
    if (len)
        TRY(text_unpercent(&q->bytes, s, len, true, err));
    if (!text_is_utf8(q->bytes.data ? q->bytes.data + *ret_at : "", q->bytes.len - *ret_at))
        return err_set(err, ERR_INVALID_ARGUMENT, "the query is not UTF-8");
    buf_addc(&q->bytes, 0);
    return 0;
}

int parse_query(const char *s, struct query *ret, struct err *err)
{
    size_t at[QUERY_MAX][2];
    ret->count = 0;
    buf_init(&ret->bytes, 64 << 10);
    for (size_t len; *s; s += len + (s[len] == '&')) {
        len = strcspn(s, "&");
        if (len == 0)
            continue;
        if (ret->count == QUERY_MAX)
            return err_set(err, ERR_INVALID_ARGUMENT, "more than %d query parameters", QUERY_MAX);
        size_t name = strcspn(s, "=&"), value = name < len ? name + 1 : len;
        TRY(add_part(ret, s, name, &at[ret->count][0], err));
        TRY(add_part(ret, s + value, len - value, &at[ret->count][1], err));
        ret->count++;
    }
    TRY(buf_check(&ret->bytes, "the query", err));
    for (size_t i = 0; i < ret->count; i++) { /* the bytes do not move any more */
        ret->items[i].name = ret->bytes.data + at[i][0];
        ret->items[i].value = ret->bytes.data + at[i][1];
    }
    return 0;
}

void query_done(struct query *q)
{
    buf_done(&q->bytes);
    q->count = 0;
}

const char *query_value(const struct query *q, const char *name)
{
    for (size_t i = 0; i < q->count; i++)
        if (!strcmp(q->items[i].name, name))
            return q->items[i].value;
    return NULL;
}

bool parse_range(const char *s, uint64_t total, uint64_t *ret_off, uint64_t *ret_len)
{
    if (!s || !text_starts(s, "bytes=") || strchr(s, ','))
        return false;
    const char *dash = strchr(s += 6, '-');
    char *end;
    if (!dash)
        return false;
    if (dash == s) { /* suffix */
        uint64_t n = strtoull(dash + 1, &end, 10);
        if (end == dash + 1 || *end)
            return false;
        *ret_len = n < total ? n : total;
        *ret_off = total - *ret_len;
        return true;
    }
    uint64_t first = strtoull(s, &end, 10), last = UINT64_MAX;
    if (end != dash || *s == '+' || *s == '-')
        return false;
    if (dash[1]) {
        last = strtoull(dash + 1, &end, 10);
        if (*end || last < first)
            return false;
    }
    *ret_off = first;
    *ret_len = first >= total ? 0 : (last >= total ? total - 1 : last) - first + 1;
    return true;
}

bool parse_cookie(const char *header, const char *name, char *to, size_t cap)
{
    size_t n = strlen(name);
    for (const char *p = header; p && *p; p = strchr(p, ';')) {
        p += strspn(p, "; ");
        size_t len = strcspn(p, ";");
        if (len > n && !strncmp(p, name, n) && p[n] == '=' && len - n - 1 < cap) {
            memcpy(to, p + n + 1, len - n - 1);
            to[len - n - 1] = 0;
            return true;
        }
    }
    return false;
}
