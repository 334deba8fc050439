/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_page_file: a block file's head may be any bytes.  What is accepted has numbers by which no
 * record lies outside of the head, and the same header comes out when it is written again.
 */
#include "base/crypto.h"
#include "block/page_file.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const uint8_t *head, size_t size)
{
    struct page_file f, again;
    uint8_t out[PAGE_FILE_HEADER];
    if (page_file_decode(head, size, &f, NULL) < 0)
        return;
    uint64_t end = page_file_data_off(&f);
    assert(end % 4096 == 0 && page_file_record_off(&f, page_file_pages(&f)) <= end);
    for (uint32_t i = 0; i < page_file_pages(&f) && i < 64; i++) {
        uint64_t at = page_file_record_off(&f, i);
        assert(page_file_page_len(&f, i) <= f.page_size);
        if (at + page_file_record_bytes(f.page_size) <= size)
            page_file_is_present(&f, i, head + at);
    }
    page_file_encode(&f, out);
    assert(page_file_decode(out, sizeof out, &again, NULL) == 0);
    assert(again.cid == f.cid && again.seq == f.seq && again.length == f.length && strcmp(again.cluster, f.cluster) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t head[65536];
    check(data, size);
    if (size < PAGE_FILE_HEADER || size > sizeof head)
        return 0;
    memcpy(head, data, size); /* once more with magic, version and checksum that fit */
    memcpy(head, "ISTHBLK1\1\0\0\0", 12);
    uint32_t crc = crypto_crc32c(0, head, PAGE_FILE_HEADER - 4);
    for (int i = 0; i < 4; i++)
        head[PAGE_FILE_HEADER - 4 + i] = (uint8_t)(crc >> (8 * i));
    check(head, size);
    return 0;
}
