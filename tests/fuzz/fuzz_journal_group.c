/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_journal_group: the bytes that a journal reads from its disk: groups, heads, markers, batches of
 * libraft's segments.  The first byte chooses; checksums are mended first in one of two runs, since
 * else nothing behind them would be reached.
 */
#include "base/crypto.h"
#include "journal/group.h"
#include "journal/segment.h"

#include <stdlib.h>
#include <string.h>

static volatile uint8_t touched; /* each byte of a result is read, so that the sanitizer sees it */

static void touch(const uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len; i++)
        touched = (uint8_t)(touched ^ data[i]);
}

static void mend_crc(uint8_t *data, size_t len, size_t covered)
{
    if (len < 12 || covered < 12 || covered > len)
        return;
    uint32_t crc = crypto_crc32c(crypto_crc32c(0, data, 8), data + 12, covered - 12);
    memcpy(data + 8, &crc, sizeof crc);
}

static void try_group(uint8_t *data, size_t len, bool must_mend)
{
    struct group_view v;
    struct group_id id;
    uint32_t bytes = 0;
    if (must_mend && len >= 40) {
        memcpy(&bytes, data + 16, sizeof bytes);
        mend_crc(data, len, bytes);
    }
    if (group_decode(data, len, &v, NULL) < 0)
        return;
    const uint8_t *at = v.data;
    for (uint32_t i = 0; i < v.count; i++) {
        touch(at, group_length(&v, i));
        at += group_length(&v, i);
    }
    (void)!group_id_decode(&v, &id, NULL);
}

static int each(void *arg, const struct segment_record *r, struct err *err)
{
    (void)arg, (void)err;
    touch(r->data, r->len);
    return 0;
}

static void try_segment(const uint8_t *data, size_t len)
{
    size_t at = 0;
    (void)segment_has_format(data, len);
    while (at < len && segment_batch(data, len, &at, each, NULL, NULL) == 0)
        ;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct group_marker m;
    if (size < 1)
        return 0;
    size_t len = size - 1;
    uint8_t *copy = malloc(len ? len : 1);
    memcpy(copy, data + 1, len);
    switch (data[0] % 4) {
    case 0:
    case 1:
        try_group(copy, len, data[0] % 4);
        break;
    case 2:
        mend_crc(copy, len, len);
        (void)!group_marker_decode(copy, len, &m, NULL);
        break;
    default:
        try_segment(copy, len);
    }
    free(copy);
    return 0;
}
