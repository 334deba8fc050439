/* SPDX-License-Identifier: Apache-2.0
 *
 * entry_read: entries that come from the log or another node: every byte is checked, nothing is
 * copied.  entry_text() is the same walk for people.
 */
#include "meta/entry_items.h"

#include "base/text.h"
#include "meta/inode_row.h"
#include "meta/varint.h"

#include <string.h>

static int corrupt(struct err *err, const char *what)
{
    return err_set(err, ERR_CORRUPT, "a journal entry cannot be read: %s", what);
}

int entry_read(struct entry_reader *r, const void *data, size_t len, struct err *err)
{
    const uint8_t *p = data;
    if (len < ENTRY_HEAD)
        return corrupt(err, "it is too short");
    if (p[0] != ENTRY_VERSION)
        return corrupt(err, "its version is not known");
    if (p[1] >= ENTRY_KIND_COUNT)
        return corrupt(err, "its kind is not known");
    uint64_t time = 0;
    for (int i = 0; i < 8; i++)
        time |= (uint64_t)p[2 + i] << (8 * i);
    *r = (struct entry_reader){p + ENTRY_HEAD, p + len, (enum entry_kind)p[1], (int64_t)time};
    return 0;
}

static bool is_name(const struct entry_span *s)
{
    return s->len >= 1 && s->len <= NAME_MAX_BYTES && !memchr(s->data, '/', s->len) && !memchr(s->data, 0, s->len);
}

static bool is_chain(struct entry_span s)
{
    struct inode_version v;
    size_t n = 0;
    while (s.len && n <= ENTRY_CHAIN_MAX) {
        if (!entry_chain_next(&s, &v))
            return false;
        n++;
    }
    return n <= ENTRY_CHAIN_MAX;
}

static bool is_row(const struct entry_span *s)
{
    struct inode i;
    return inode_row_unpack(0, s->data, s->len, &i, NULL) == 0;
}

static bool is_span_good(char member, const struct entry_span *s)
{
    switch (member) {
    case 'n':
        return is_name(s);
    case 's':
        return s->len <= ENTRY_TEXT_MAX && !memchr(s->data, 0, s->len);
    case 'c':
        return is_chain(*s);
    case 'r':
        return is_row(s);
    default:
        return true;
    }
}

static bool is_number_good(char member, uint64_t v)
{
    switch (member) {
    case 'e':
        return v > 0 && v < ERR_COUNT_;
    case 'k':
        return v < RECORD_KIND_COUNT;
    case 't':
        return v >= INODE_FILE && v <= INODE_SYMLINK;
    case 'm':
        return v >= MARK_TTL && v <= MARK_PINNED;
    default:
        return true;
    }
}

static bool read_span(struct entry_reader *r, char member, struct entry_span *ret)
{
    uint64_t len = 0;
    size_t n = varint_get(r->at, r->end, &len);
    r->at += n;
    if (!n)
        return false;
    if (member == 'o' && len-- == 0) {
        *ret = (struct entry_span){0};
        return true;
    }
    if (len > (size_t)(r->end - r->at))
        return false;
    *ret = (struct entry_span){r->at, (size_t)len};
    r->at += len;
    return is_span_good(member, ret);
}

static bool read_number(struct entry_reader *r, char member, uint64_t *ret)
{
    uint64_t v = 0;
    size_t n = varint_get(r->at, r->end, &v);
    r->at += n;
    *ret = member == 'i' ? (uint64_t)varint_unzigzag(v) : v;
    return n && is_number_good(member, v);
}

int entry_next(struct entry_reader *r, struct entry_item *ret, struct err *err)
{
    if (r->at == r->end)
        return 0;
    const struct entry_layout *l = entry_layout(*r->at);
    if (!l)
        return corrupt(err, "it holds an unknown item");
    ret->kind = (enum entry_item_kind)*r->at++;
    size_t u = 0, s = 0;
    for (const char *m = l->members; *m; m++) {
        bool is_span = *m == 'n' || *m == 's' || *m == 'b' || *m == 'o' || *m == 'c' || *m == 'r';
        if (is_span ? !read_span(r, *m, &ret->s[s++]) : !read_number(r, *m, &ret->u[u++]))
            return corrupt(err, l->name);
    }
    if (ret->kind == ITEM_PUT_INODE && !ret->u[0])
        return corrupt(err, "an id is 0");
    if (ret->kind == ITEM_PUT_PRINCIPAL && (!ret->u[0] || ret->u[0] > ENTRY_PRINCIPALS_MAX || !ret->s[0].len))
        return corrupt(err, "a principal has no name or no possible id");
    return 1;
}

int entry_check(const void *data, size_t len, struct err *err)
{
    struct entry_reader r;
    struct entry_item item;
    int rc;
    TRY(entry_read(&r, data, len, err));
    while ((rc = entry_next(&r, &item, err)) > 0)
        ;
    return rc;
}

bool entry_chain_next(struct entry_span *chain, struct inode_version *ret)
{
    const uint8_t *at = chain->data, *end = at + chain->len;
    uint64_t ino = 0, ver = 0;
    size_t n = varint_get(at, end, &ino), k = n ? varint_get(at + n, end, &ver) : 0;
    if (!k)
        return false;
    *ret = (struct inode_version){ino, ver};
    *chain = (struct entry_span){at + n + k, chain->len - n - k};
    return true;
}

/* ---- for people ---- */

static void text_quoted(struct buf *to, const struct entry_span *s)
{
    buf_addc(to, '"');
    text_percent(to, s->data, s->len, "!#$&'()*+,/:;=?@[] ");
    buf_addc(to, '"');
}

static void text_chain(struct buf *to, struct entry_span s)
{
    struct inode_version v;
    for (const char *sep = ""; entry_chain_next(&s, &v); sep = ",")
        buf_addf(to, "%s%llu@%llu.%llu", sep, (unsigned long long)v.ino, (unsigned long long)(v.ver >> 16),
                 (unsigned long long)(v.ver & 0xffff));
}

static void text_row(struct buf *to, const struct entry_span *s)
{
    struct inode i;
    if (inode_row_unpack(0, s->data, s->len, &i, NULL) < 0)
        return;
    buf_addf(to, "{%s mode=%04o owner=%u group=%u length=%llu cid=%llu}", inode_type_name(i.type), i.mode, i.owner, i.group,
             (unsigned long long)i.length, (unsigned long long)i.cid);
}

static void text_span(struct buf *to, char member, const struct entry_span *s)
{
    if (member == 'n' || member == 's')
        text_quoted(to, s);
    else if (member == 'c')
        text_chain(to, *s);
    else if (member == 'r')
        text_row(to, s);
    else if (s->data)
        buf_addf(to, "<%zu bytes>", s->len); /* may be secret */
    else
        buf_adds(to, "none");
}

static void text_number(struct buf *to, char member, uint64_t v)
{
    if (member == 'e')
        buf_adds(to, err_name((enum err_code)v));
    else if (member == 'k')
        buf_adds(to, record_kind_name((enum record_kind)v));
    else if (member == 't')
        buf_adds(to, inode_type_name((enum inode_type)v));
    else if (member == 'i')
        buf_addf(to, "%lld", (long long)v);
    else
        buf_add_u64(to, v);
}

static void text_item(struct buf *to, const struct entry_item *item)
{
    const struct entry_layout *l = entry_layout(item->kind);
    const char *label = l->labels;
    const uint64_t *u = item->u;
    const struct entry_span *s = item->s;
    buf_addf(to, " %s(", l->name);
    for (const char *m = l->members; *m; m++) {
        size_t len = strcspn(label, " ");
        buf_addf(to, "%s%.*s=", m == l->members ? "" : " ", (int)len, label);
        label += len + (label[len] == ' ');
        if (strchr("nsbocr", *m))
            text_span(to, *m, s++);
        else
            text_number(to, *m, *u++);
    }
    buf_addc(to, ')');
}

int entry_text(const void *data, size_t len, struct buf *to, struct err *err)
{
    struct entry_reader r;
    struct entry_item item;
    char time[32];
    int rc;
    TRY(entry_read(&r, data, len, err));
    buf_addf(to, "%s %s", text_rfc3339(r.time_ms, time), entry_kind_name(r.kind));
    while ((rc = entry_next(&r, &item, err)) > 0)
        text_item(to, &item);
    return rc;
}
