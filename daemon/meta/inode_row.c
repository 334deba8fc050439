/* SPDX-License-Identifier: Apache-2.0
 *
 * inode_row: see the header.  One table says in which order members come, of which form each is, and
 * what is usual for it, perhaps the value of another member.  A row is a varint mask of the members that
 * differ from what is usual, then their differences.  Append to the table only: the order is on disk.
 * Packing and unpacking are made from the table as straight code: they run several times in each operation.
 */
#include "meta/inode_row.h"

#include "base/mem.h"
#include "meta/varint.h"

#include <assert.h>
#include <string.h>

/* 32 bits are widened with their sign: -1 stays near 0. */
#define WIDE(v) ((uint64_t)(int64_t)(int32_t)(v))

/* X(member, form, usual), `i` is the inode. */
#define ROW_FIELDS(X)                                                                              \
    X(flags, u32, 0)                                                                               \
    X(parent, u64, 0)                                                                              \
    X(owner, u32, 0)                                                                               \
    X(group, u32, WIDE(i->owner))                                                                  \
    X(ctime_ms, u64, 0)                                                                            \
    X(attr_ver, u64, 0)                                                                            \
    X(cid, u64, 0)                                                                                 \
    X(length, u64, 0)                                                                              \
    X(type, u32, INODE_FILE)                                                                       \
    X(mode, u32, 0644)                                                                             \
    X(name, text, 0)                                                                               \
    X(persistence, u32, 0)                                                                         \
    X(mtime_ms, u64, i->ctime_ms)                                                                  \
    X(data_ver, u64, i->attr_ver)                                                                  \
    X(atime_ms, u64, i->mtime_ms)                                                                  \
    X(child_ver, u64, 0)                                                                           \
    X(nlink, u32, 1)                                                                               \
    X(block_size, u32, 64 << 20)                                                                   \
    X(ttl_ms, u64, -1)                                                                             \
    X(ttl_action, u32, 0)                                                                          \
    X(replication_min, u32, 0)                                                                     \
    X(replication_max, u32, -1)                                                                    \
    X(etag, text, 0)                                                                               \
    X(store_mtime_ms, u64, 0)

enum row_bit {
#define X(member, form, usual) BIT_##member,
    ROW_FIELDS(X)
#undef X
    BITS
};
static_assert(sizeof(enum inode_type) == 4 && sizeof(enum persistence) == 4, "enumerations are written as 32 bits");

static size_t put_text(uint8_t *to, const char *s, size_t cap)
{
    size_t len = strnlen(s, cap - 1), n = varint_put(to, len);
    memcpy(to + n, s, len);
    return n + len;
}

static size_t put_difference(uint8_t *to, uint64_t v, uint64_t usual)
{
    return v == usual ? 0 : varint_put(to, varint_zigzag((int64_t)(v - usual)));
}

#define PUT_u32(member, usual) put_difference(values + n, WIDE(i->member), (uint64_t)(usual))
#define PUT_u64(member, usual) put_difference(values + n, (uint64_t)i->member, (uint64_t)(usual))
#define PUT_text(member, usual) (*i->member ? put_text(values + n, i->member, sizeof i->member) : 0)

size_t inode_row_pack(const struct inode *i, uint8_t to[INODE_ROW_MAX])
{
    uint8_t values[INODE_ROW_MAX];
    size_t n = 0, more;
    uint64_t mask = 0;
#define X(member, form, usual)                                                                     \
    more = PUT_##form(member, usual);                                                              \
    mask |= (uint64_t)(more != 0) << BIT_##member;                                                 \
    n += more;
    ROW_FIELDS(X)
#undef X
    size_t head = varint_put(to, mask);
    assert(head + n <= INODE_ROW_MAX);
    memcpy(to + head, values, n);
    return head + n;
}

/* Each of these returns where the next value begins, NULL when this one is not whole or was NULL. */
static const uint8_t *take_text(const uint8_t *at, const uint8_t *end, char *to, size_t cap)
{
    uint64_t len = 0;
    size_t n = at ? varint_get(at, end, &len) : 0;
    if (!n || len >= cap || len > (size_t)(end - at) - n || memchr(at + n, 0, len))
        return NULL;
    memcpy(to, at + n, len);
    to[len] = 0;
    return at + n + len;
}

static const uint8_t *take_difference(const uint8_t *at, const uint8_t *end, uint64_t *v)
{
    uint64_t difference = 0;
    size_t n = at ? varint_get(at, end, &difference) : 0;
    *v += (uint64_t)varint_unzigzag(difference);
    return n ? at + n : NULL;
}

#define TAKE_u64(member, usual)                                                                    \
    v = (uint64_t)(usual);                                                                         \
    if (mask >> BIT_##member & 1)                                                                  \
        at = take_difference(at, end, &v);                                                         \
    i->member = (__typeof__(i->member))v;
#define TAKE_u32(member, usual)                                                                    \
    v = (uint64_t)(usual);                                                                         \
    if (mask >> BIT_##member & 1)                                                                  \
        at = take_difference(at, end, &v);                                                         \
    i->member = (__typeof__(i->member))(uint32_t)v;
#define TAKE_text(member, usual)                                                                   \
    if (mask >> BIT_##member & 1)                                                                  \
        at = take_text(at, end, i->member, sizeof i->member);                                      \
    else                                                                                           \
        *i->member = 0;

static const uint8_t *take_all(uint64_t mask, const uint8_t *at, const uint8_t *end, struct inode *i)
{
    uint64_t v;
#define X(member, form, usual) TAKE_##form(member, usual)
    ROW_FIELDS(X)
#undef X
    return at;
}

void inode_row_usual(struct inode *ret)
{
    ret->ino = 0;
    take_all(0, NULL, NULL, ret);
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
    at = n && !(mask >> BITS) ? take_all(mask, at + n, end, ret) : NULL;
    ret->ino = ino;
    if (!at || at != end || !is_sane(ret))
        return err_set(err, ERR_CORRUPT, "the row of inode %llu cannot be read", (unsigned long long)ino);
    return 0;
}
