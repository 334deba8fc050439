/* SPDX-License-Identifier: Apache-2.0
 *
 * s3_write: a source becomes an object.  One part is held in memory, so that it can be hashed and
 * sent again; what fits into it goes by one PUT, more goes by parts.  Parts are as large as the
 * option says, larger when the length is known and would need too many, and they grow with their
 * number when it is not.  Create-if-absent looks first, because servers may ignore the condition,
 * and adds the condition where the server knows it.  Threads: any.
 */
#include "base/clock.h"
#include "base/mem.h"
#include "ufs/s3/s3_calls.h"

#include <stdio.h>
#include <string.h>

#define MIB ((uint64_t)1 << 20)
#define PART_LIMIT ((uint64_t)1 << 30)

static uint64_t round_up(uint64_t n)
{
    return (n + MIB - 1) / MIB * MIB;
}

/* Bytes of part number `i` (from 0). */
static uint64_t part_length(const struct s3_store *s, int64_t length, unsigned i)
{
    uint64_t size = s->part_size;

    if (length >= 0 && (uint64_t)length > size * s->parts_max)
        return round_up(((uint64_t)length + s->parts_max - 1) / s->parts_max);
    if (length < 0)
        size <<= 4 * i / s->parts_max; /* doubled in each quarter */
    return size < PART_LIMIT ? size : PART_LIMIT;
}

/* Fills `part` with up to `want` bytes; fewer at the end of the source. */
static int fill(struct source *from, struct buf *part, size_t want, struct err *err)
{
    buf_reset(part);
    while (part->len < want) {
        size_t n = 0, ask = want - part->len;
        if (ask > MIB)
            ask = MIB;
        char *room = buf_room(part, ask);
        if (!room)
            return buf_check(part, "a part of an upload", err);
        TRY(from->pull(from, room, ask, &n, err));
        if (n == 0)
            break;
        buf_grew(part, n);
    }
    return 0;
}

static int check_absent(struct s3_store *s, const struct ufs_call *c, const char *full,
                        struct err *err)
{
    struct ufs_stat st;

    int rc = s3_head(s, c, full, &st, err);
    if (rc == 0)
        return err_set(err, ERR_ALREADY_EXISTS, "'%s' exists", full);
    return rc == -ERR_NOT_FOUND ? 0 : rc;
}

static int put_once(struct s3_store *s, const struct ufs_call *c, const char *full,
                    const struct buf *data, bool is_conditional, struct ufs_stat *ret,
                    struct err *err)
{
    AUTO_FREE char *what = xasprintf("writing '%s'", full);
    AUTO(request) r = {.method = "PUT", .key = full, .what = what,
                       .body = data->len ? data->data : "", .body_len = data->len};

    if (is_conditional)
        request_header(&r, "if-none-match", "*");
    if (s->encrypt)
        request_header(&r, "x-amz-server-side-encryption", "AES256");
    int rc = is_conditional ? request_do(s, c, &r, err) : request_retry(s, c, &r, err);
    if (rc == -ERR_PRECONDITION_FAILED && is_conditional)
        return err_set(err, ERR_ALREADY_EXISTS, "'%s' exists", full);
    TRY(rc);
    *ret = (struct ufs_stat){.type = UFS_FILE, .length = data->len, .mode = s->mode,
                             .mtime_ms = clock_wall_ms()};
    snprintf(ret->etag, sizeof(ret->etag), "%s", r.etag);
    return ret->etag[0] ? 0 : s3_head(s, c, full, ret, err);
}

static int put(struct s3_store *s, const struct ufs_call *c, const char *full,
               const struct buf *data, bool if_absent, struct ufs_stat *ret, struct err *err)
{
    bool is_conditional =
        if_absent && __atomic_load_n(&s->conditional, __ATOMIC_RELAXED) != S3_CONDITIONAL_FALSE;

    int rc = put_once(s, c, full, data, is_conditional, ret, err);
    if (rc != -ERR_NOT_SUPPORTED || !is_conditional)
        return rc;
    __atomic_store_n(&s->conditional, S3_CONDITIONAL_FALSE, __ATOMIC_RELAXED);
    return put_once(s, c, full, data, false, ret, err);
}

static int put_parts(struct multipart *m, struct source *from, struct buf *part, uint64_t *ret_length,
                     struct err *err)
{
    uint64_t length = 0;

    for (unsigned i = 0; part->len > 0; i++) {
        if (i >= m->store->parts_max)
            return err_set(err, ERR_TOO_LARGE, "'%s' needs more than %llu parts", m->full,
                           (unsigned long long)m->store->parts_max);
        TRY(multipart_put(m, part->data, part->len, err));
        length += part->len;
        TRY(fill(from, part, (size_t)part_length(m->store, from->length, i + 1), err));
    }
    *ret_length = length;
    return 0;
}

static int write_parts(struct s3_store *s, const struct ufs_call *c, const char *full,
                       struct source *from, struct buf *part, bool if_absent, struct ufs_stat *ret,
                       struct err *err)
{
    AUTO(multipart) m = {.store = s, .call = c, .full = full};
    uint64_t length;

    TRY(multipart_begin(&m, err));
    TRY(put_parts(&m, from, part, &length, err));
    if (from->length >= 0 && length != (uint64_t)from->length)
        return err_set(err, ERR_STORE_ERROR, "'%s' got %llu of %lld bytes", full,
                       (unsigned long long)length, (long long)from->length);
    if (if_absent)
        TRY(check_absent(s, c, full, err));
    return multipart_end(&m, length, ret, err);
}

int s3_write(struct ufs *u, const struct ufs_call *c, const char *key, struct source *from,
             bool if_absent, struct ufs_stat *ret, struct err *err)
{
    struct s3_store *s = (struct s3_store *)u;
    AUTO_FREE char *full = NULL;
    AUTO(buf) part = {0};
    struct ufs_stat st;

    if (!key[0])
        return err_set(err, ERR_IS_DIRECTORY, "the root of a bucket is a directory");
    TRY(request_key(s, key, &full, err));
    if (if_absent)
        TRY(check_absent(s, c, full, err));
    buf_init(&part, PART_LIMIT + MIB);
    size_t first = (size_t)part_length(s, from->length, 0);
    TRY(fill(from, &part, first, err));
    bool is_whole = part.len < first || (uint64_t)from->length == part.len;
    if (is_whole && from->length >= 0 && (uint64_t)from->length != part.len)
        return err_set(err, ERR_STORE_ERROR, "'%s' got %zu of %lld bytes", full, part.len,
                       (long long)from->length);
    int rc = is_whole ? put(s, c, full, &part, if_absent, &st, err)
                      : write_parts(s, c, full, from, &part, if_absent, &st, err);
    if (rc == 0 && ret)
        *ret = st;
    return rc;
}
