/* SPDX-License-Identifier: Apache-2.0
 *
 * group: see the header.
 */
#include "journal/group.h"

#include "base/crypto.h"

#include <assert.h>
#include <string.h>

#define GROUP_MAGIC 0x474a5349u  /* "ISJG" */
#define MARKER_MAGIC 0x4d4a5349u /* "ISJM" */
#define FORMAT_VERSION 1
#define CRC_AT 8       /* in both */
#define CRC_FROM 12

static void put(uint8_t *to, uint64_t v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        to[i] = (uint8_t)(v >> (8 * i));
}

static uint64_t get(const uint8_t *p, size_t n)
{
    uint64_t v = 0;
    for (size_t i = 0; i < n; i++)
        v |= (uint64_t)p[i] << (8 * i);
    return v;
}

/* Over the part before the crc and the part behind it. */
static uint32_t crc_of(const uint8_t *p, size_t len)
{
    return crypto_crc32c(crypto_crc32c(0, p, CRC_AT), p + CRC_FROM, len - CRC_FROM);
}

bool group_id_is_equal(const struct group_id *a, const struct group_id *b)
{
    return !memcmp(a->log_id, b->log_id, sizeof a->log_id) && a->base == b->base &&
           a->incarnation == b->incarnation;
}

void group_id_encode(const struct group_id *id, uint8_t to[GROUP_ID_LEN])
{
    memcpy(to, id->log_id, 16);
    put(to + 16, id->base, 8);
    put(to + 24, id->incarnation, 8);
}

static void id_decode(const uint8_t *p, struct group_id *ret)
{
    memcpy(ret->log_id, p, 16);
    ret->base = get(p + 16, 8);
    ret->incarnation = get(p + 24, 8);
}

uint32_t group_tag(const struct group_id *id)
{
    uint8_t bytes[GROUP_ID_LEN];
    group_id_encode(id, bytes);
    return crypto_crc32c(0, bytes, sizeof bytes);
}

static size_t size_without_pad(size_t count, size_t data_len)
{
    return GROUP_HEADER_LEN + 4 * count + data_len;
}

size_t group_size(size_t count, size_t data_len)
{
    return (size_without_pad(count, data_len) + 7) & ~(size_t)7;
}

void group_encode(const struct group_view *v, const uint32_t *lengths, const void *data, size_t data_len,
                  void *to)
{
    uint8_t *p = to;
    size_t bytes = size_without_pad(v->count, data_len);
    put(p, GROUP_MAGIC, 4);
    put(p + 4, FORMAT_VERSION, 2);
    put(p + 6, v->kind, 2);
    put(p + 12, v->count, 4);
    put(p + 16, bytes, 4);
    put(p + 20, v->tag, 4);
    put(p + 24, v->proposer, 8);
    put(p + 32, v->sequence, 8);
    for (uint32_t i = 0; i < v->count; i++)
        put(p + GROUP_HEADER_LEN + 4 * (size_t)i, lengths[i], 4);
    memcpy(p + GROUP_HEADER_LEN + 4 * (size_t)v->count, data, data_len);
    memset(p + bytes, 0, group_size(v->count, data_len) - bytes);
    put(p + CRC_AT, crc_of(p, bytes), 4);
}

uint32_t group_length(const struct group_view *v, uint32_t i)
{
    return (uint32_t)get(v->lengths + 4 * (size_t)i, 4);
}

static int check_lengths(const struct group_view *v, size_t left, struct err *err)
{
    for (uint32_t i = 0; i < v->count; i++) {
        uint32_t n = group_length(v, i);
        if (n > left || n > JOURNAL_ENTRY_MAX)
            return err_set(err, ERR_CORRUPT, "entry %u of a journal group has a length of %u bytes", i, n);
        left -= n;
    }
    if (left)
        return err_set(err, ERR_CORRUPT, "a journal group has %zu bytes too many", left);
    return 0;
}

int group_decode(const void *data, size_t len, struct group_view *ret, struct err *err)
{
    const uint8_t *p = data;
    if (len < GROUP_HEADER_LEN || get(p, 4) != GROUP_MAGIC)
        return err_set(err, ERR_CORRUPT, "a record of the journal is not a group");
    if (get(p + 4, 2) != FORMAT_VERSION)
        return err_set(err, ERR_CORRUPT, "a journal group has version %u, this program knows %u",
                       (unsigned)get(p + 4, 2), FORMAT_VERSION);
    size_t bytes = get(p + 16, 4);
    if (bytes < GROUP_HEADER_LEN || bytes > len || len - bytes > 7)
        return err_set(err, ERR_CORRUPT, "a journal group of %zu bytes stands in a record of %zu", bytes, len);
    if (get(p + CRC_AT, 4) != crc_of(p, bytes))
        return err_set(err, ERR_CORRUPT, "the checksum of a journal group does not match");
    struct group_view v = {.kind = (enum group_kind)get(p + 6, 2),
                           .count = (uint32_t)get(p + 12, 4),
                           .tag = (uint32_t)get(p + 20, 4),
                           .proposer = get(p + 24, 8),
                           .sequence = get(p + 32, 8),
                           .lengths = p + GROUP_HEADER_LEN};
    if (v.kind != GROUP_ENTRIES && v.kind != GROUP_HEAD)
        return err_set(err, ERR_CORRUPT, "a journal group has the unknown kind %u", (unsigned)v.kind);
    if (v.count == 0 || v.count > (bytes - GROUP_HEADER_LEN) / 4)
        return err_set(err, ERR_CORRUPT, "a journal group says that it has %u entries", v.count);
    v.data = v.lengths + 4 * (size_t)v.count;
    TRY(check_lengths(&v, bytes - size_without_pad(v.count, 0), err));
    *ret = v;
    return 0;
}

int group_id_decode(const struct group_view *v, struct group_id *ret, struct err *err)
{
    if (v->kind != GROUP_HEAD || v->count != 1 || group_length(v, 0) != GROUP_ID_LEN)
        return err_set(err, ERR_CORRUPT, "a journal group is not the head of a log");
    id_decode(v->data, ret);
    return 0;
}

void group_marker_encode(const struct group_marker *m, uint8_t to[GROUP_MARKER_LEN])
{
    put(to, MARKER_MAGIC, 4);
    put(to + 4, FORMAT_VERSION, 4);
    put(to + 12, 0, 4);
    group_id_encode(&m->id, to + 16);
    put(to + 48, m->index, 8);
    put(to + 56, m->last, 8);
    put(to + CRC_AT, crc_of(to, GROUP_MARKER_LEN), 4);
}

int group_marker_decode(const void *data, size_t len, struct group_marker *ret, struct err *err)
{
    const uint8_t *p = data;
    if (len != GROUP_MARKER_LEN || get(p, 4) != MARKER_MAGIC || get(p + 4, 4) != FORMAT_VERSION)
        return err_set(err, ERR_CORRUPT, "the journal's snapshot is not a marker of this program");
    if (get(p + CRC_AT, 4) != crc_of(p, len))
        return err_set(err, ERR_CORRUPT, "the checksum of the journal's marker does not match");
    id_decode(p + 16, &ret->id);
    ret->index = get(p + 48, 8);
    ret->last = get(p + 56, 8);
    return 0;
}
