/* SPDX-License-Identifier: Apache-2.0
 *
 * inode_row: see the header.  One table says in which order members come, what is usual for each, and
 * relative to which member it is written.  A row is a varint mask of the members that differ from
 * what is usual, then their differences.  Append to the table only: the order is on disk.
 */
#include "meta/inode_row.h"

#include "base/mem.h"
#include "meta/varint.h"

#include <assert.h>
#include <string.h>

enum row_type { ROW_U32, ROW_U64, ROW_TEXT };
struct row_field {
    uint16_t offset, size;
    uint8_t type;
    int8_t base; /* number of the field that this one is usually equal to, or -1 */
    int64_t usual;
};

#define AT(member) offsetof(struct inode, member), sizeof(((struct inode *)0)->member)
static const struct row_field fields[] = {
    {AT(flags), ROW_U32, -1, 0},
    {AT(parent), ROW_U64, -1, 0},
    {AT(owner), ROW_U32, -1, 0},
    {AT(group), ROW_U32, 2, 0},
    {AT(ctime_ms), ROW_U64, -1, 0},
    {AT(attr_ver), ROW_U64, -1, 0},
    {AT(cid), ROW_U64, -1, 0},
    {AT(length), ROW_U64, -1, 0},
    {AT(type), ROW_U32, -1, INODE_FILE},
    {AT(mode), ROW_U32, -1, 0644},
    {AT(name), ROW_TEXT, -1, 0},
    {AT(persistence), ROW_U32, -1, 0},
    {AT(mtime_ms), ROW_U64, 4, 0},
    {AT(data_ver), ROW_U64, 5, 0},
    {AT(atime_ms), ROW_U64, 12, 0},
    {AT(child_ver), ROW_U64, -1, 0},
    {AT(nlink), ROW_U32, -1, 1},
    {AT(block_size), ROW_U32, -1, 64 << 20},
    {AT(ttl_ms), ROW_U64, -1, -1},
    {AT(ttl_action), ROW_U32, -1, 0},
    {AT(replication_min), ROW_U32, -1, 0},
    {AT(replication_max), ROW_U32, -1, -1},
    {AT(etag), ROW_TEXT, -1, 0},
    {AT(store_mtime_ms), ROW_U64, -1, 0},
};
static_assert(sizeof(enum inode_type) == 4 && sizeof(enum persistence) == 4, "enumerations are read as 32 bits");

static uint64_t get(const struct inode *i, const struct row_field *f)
{
    const char *p = (const char *)i + f->offset;
    if (f->type == ROW_U64) {
        uint64_t v;
        memcpy(&v, p, sizeof v);
        return v;
    }
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return (uint64_t)(int64_t)(int32_t)v;
}

static void set(struct inode *i, const struct row_field *f, uint64_t v)
{
    char *p = (char *)i + f->offset;
    uint32_t small = (uint32_t)v;
    if (f->type == ROW_U64)
        memcpy(p, &v, sizeof v);
    else
        memcpy(p, &small, sizeof small);
}

static uint64_t usual(const struct inode *i, const struct row_field *f)
{
    return f->base >= 0 ? get(i, &fields[f->base]) : (uint64_t)f->usual;
}

static size_t put_text(uint8_t *to, const struct inode *i, const struct row_field *f)
{
    const char *s = (const char *)i + f->offset;
    size_t len = strnlen(s, f->size - 1u), n = varint_put(to, len);
    memcpy(to + n, s, len);
    return n + len;
}

size_t inode_row_pack(const struct inode *i, uint8_t to[INODE_ROW_MAX])
{
    uint8_t values[INODE_ROW_MAX];
    size_t n = 0;
    uint64_t mask = 0;
    for (size_t k = 0; k < array_len(fields); k++) {
        const struct row_field *f = &fields[k];
        if (f->type == ROW_TEXT) {
            if (!*((const char *)i + f->offset))
                continue;
            n += put_text(values + n, i, f);
        } else {
            uint64_t v = get(i, f) - usual(i, f);
            if (!v)
                continue;
            n += varint_put(values + n, varint_zigzag((int64_t)v));
        }
        mask |= 1ull << k;
    }
    size_t head = varint_put(to, mask);
    assert(head + n <= INODE_ROW_MAX);
    memcpy(to + head, values, n);
    return head + n;
}

/* Bytes read, 0 when they are not a text that fits. */
static size_t get_text(const uint8_t *at, const uint8_t *end, struct inode *i, const struct row_field *f)
{
    uint64_t len = 0;
    size_t n = varint_get(at, end, &len);
    if (!n || len >= f->size || len > (size_t)(end - at) - n || memchr(at + n, 0, len))
        return 0;
    char *to = (char *)i + f->offset;
    memcpy(to, at + n, len);
    to[len] = 0;
    return n + len;
}

static size_t get_number(const uint8_t *at, const uint8_t *end, struct inode *i, const struct row_field *f)
{
    uint64_t v = 0;
    size_t n = varint_get(at, end, &v);
    if (n)
        set(i, f, usual(i, f) + (uint64_t)varint_unzigzag(v));
    return n;
}

void inode_row_usual(struct inode *ret)
{
    ret->ino = 0;
    for (size_t k = 0; k < array_len(fields); k++) {
        if (fields[k].type == ROW_TEXT)
            *((char *)ret + fields[k].offset) = 0;
        else
            set(ret, &fields[k], usual(ret, &fields[k]));
    }
}

static bool is_sane(const struct inode *i)
{
    return i->type >= INODE_FILE && i->type <= INODE_SYMLINK && (unsigned)i->persistence <= PERSIST_LOST &&
           (unsigned)i->ttl_action <= TTL_DELETE_ALLUXIO;
}

int inode_row_unpack(inode_id ino, const void *row, size_t len, struct inode *ret, struct err *err)
{
    const uint8_t *at = row, *end = at + len;
    uint64_t mask = 0;
    size_t n = varint_get(at, end, &mask);
    bool is_good = n && !(mask >> array_len(fields));
    at += n;
    for (size_t k = 0; is_good && k < array_len(fields); k++) {
        const struct row_field *f = &fields[k];
        if (mask >> k & 1) {
            n = f->type == ROW_TEXT ? get_text(at, end, ret, f) : get_number(at, end, ret, f);
            is_good = n > 0;
            at += n;
        } else if (f->type == ROW_TEXT) {
            *((char *)ret + f->offset) = 0;
        } else {
            set(ret, f, usual(ret, f));
        }
    }
    ret->ino = ino;
    if (!is_good || at != end || !is_sane(ret))
        return err_set(err, ERR_CORRUPT, "the row of inode %llu cannot be read", (unsigned long long)ino);
    return 0;
}
