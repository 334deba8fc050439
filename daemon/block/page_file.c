/* SPDX-License-Identifier: Apache-2.0
 *
 * page_file: see the header.  Numbers are little-endian.  Threads: any; nothing is kept.
 */
#include "block/page_file.h"

#include "base/crypto.h"

#include <endian.h>
#include <string.h>

static const char magic[8] = "ISTHBLK1";
enum { VERSION = 1, AT_CRC = PAGE_FILE_HEADER - 4 };

static void put32(uint8_t *to, uint32_t v)
{
    v = htole32(v);
    memcpy(to, &v, 4);
}

static void put64(uint8_t *to, uint64_t v)
{
    v = htole64(v);
    memcpy(to, &v, 8);
}

static uint32_t get32(const uint8_t *p)
{
    uint32_t v;
    memcpy(&v, p, 4);
    return le32toh(v);
}

static uint64_t get64(const uint8_t *p)
{
    uint64_t v;
    memcpy(&v, p, 8);
    return le64toh(v);
}

void page_file_encode(const struct page_file *f, uint8_t to[PAGE_FILE_HEADER])
{
    memset(to, 0, PAGE_FILE_HEADER);
    memcpy(to, magic, 8);
    put32(to + 8, VERSION);
    put32(to + 12, f->page_size);
    put64(to + 16, f->ino);
    put64(to + 24, f->cid);
    put32(to + 32, f->seq);
    put32(to + 36, f->capacity);
    put32(to + 40, f->block_size);
    put32(to + 44, f->length);
    put32(to + 48, f->flags);
    put64(to + 56, f->incarnation);
    memcpy(to + 64, f->cluster, strnlen(f->cluster, PAGE_FILE_CLUSTER - 1));
    put32(to + AT_CRC, crypto_crc32c(0, to, AT_CRC));
}

static bool is_sane(const struct page_file *f)
{
    return f->page_size >= PAGE_FILE_PAGE_MIN && f->page_size <= PAGE_FILE_PAGE_MAX && f->capacity &&
           f->capacity <= f->block_size && f->block_size <= PAGE_FILE_BLOCK_MAX && f->length <= f->capacity &&
           page_file_pages(f) <= PAGE_FILE_PAGES_MAX && f->seq < 1u << 24 && f->cid < (uint64_t)1 << 40;
}

int page_file_decode(const void *data, size_t len, struct page_file *ret, struct err *err)
{
    const uint8_t *p = data;
    if (len < PAGE_FILE_HEADER || memcmp(p, magic, 8))
        return err_set(err, ERR_CORRUPT, "not a block file");
    if (get32(p + AT_CRC) != crypto_crc32c(0, p, AT_CRC))
        return err_set(err, ERR_CORRUPT, "the header's checksum does not match");
    if (get32(p + 8) != VERSION)
        return err_set(err, ERR_CORRUPT, "a block file of version %u", get32(p + 8));
    struct page_file f = {.ino = get64(p + 16), .cid = get64(p + 24), .seq = get32(p + 32), .block_size = get32(p + 40),
                          .page_size = get32(p + 12), .capacity = get32(p + 36), .length = get32(p + 44),
                          .flags = get32(p + 48), .incarnation = get64(p + 56)};
    memcpy(f.cluster, p + 64, PAGE_FILE_CLUSTER - 1);
    if (!is_sane(&f))
        return err_set(err, ERR_CORRUPT, "the header's numbers cannot be");
    *ret = f;
    return 0;
}

uint32_t page_file_pages(const struct page_file *f)
{
    return (uint32_t)(((uint64_t)f->capacity + f->page_size - 1) / f->page_size);
}

/* Lengths follow from the block's length: a written block may end before its capacity. */
uint32_t page_file_page_len(const struct page_file *f, uint32_t page)
{
    uint64_t off = (uint64_t)page * f->page_size;
    if (off >= f->length)
        return 0;
    uint64_t left = f->length - off;
    return (uint32_t)(left < f->page_size ? left : f->page_size);
}

size_t page_file_record_bytes(uint32_t page_size)
{
    return 4 * ((size_t)(page_size + PAGE_FILE_GRANULE - 1) / PAGE_FILE_GRANULE + 2);
}

uint64_t page_file_record_off(const struct page_file *f, uint32_t page)
{
    return PAGE_FILE_HEADER + (uint64_t)page * page_file_record_bytes(f->page_size);
}

uint64_t page_file_data_off(const struct page_file *f)
{
    return (page_file_record_off(f, page_file_pages(f)) + 4095) / 4096 * 4096;
}

uint64_t page_file_page_off(const struct page_file *f, uint32_t page)
{
    return page_file_data_off(f) + (uint64_t)page * f->page_size;
}

static uint32_t record_check(const struct page_file *f, uint32_t page, const uint8_t *record)
{
    uint8_t where[16];
    put64(where, f->cid);
    put32(where + 8, f->seq);
    put32(where + 12, page);
    uint32_t crc = crypto_crc32c(0, where, sizeof where);
    return crypto_crc32c(crc, record, page_file_record_bytes(f->page_size) - 4) ^ 0x49537468u;
}

void page_file_record(const struct page_file *f, uint32_t page, const void *data, size_t len, uint8_t *to)
{
    size_t bytes = page_file_record_bytes(f->page_size);
    memset(to, 0, bytes);
    for (size_t i = 0; i * PAGE_FILE_GRANULE < len; i++) {
        size_t left = len - i * PAGE_FILE_GRANULE;
        size_t n = left < PAGE_FILE_GRANULE ? left : PAGE_FILE_GRANULE;
        put32(to + 4 * i, crypto_crc32c(0, (const char *)data + i * PAGE_FILE_GRANULE, n));
    }
    put32(to + bytes - 8, (uint32_t)len);
    put32(to + bytes - 4, record_check(f, page, to));
}

bool page_file_is_present(const struct page_file *f, uint32_t page, const uint8_t *record)
{
    size_t bytes = page_file_record_bytes(f->page_size);
    uint32_t len = get32(record + bytes - 8);
    return len && len == page_file_page_len(f, page) && get32(record + bytes - 4) == record_check(f, page, record);
}

bool page_file_matches(const struct page_file *f, uint32_t page, const uint8_t *record, const void *data)
{
    size_t len = page_file_page_len(f, page);
    if (!page_file_is_present(f, page, record))
        return false;
    for (size_t i = 0; i * PAGE_FILE_GRANULE < len; i++) {
        size_t left = len - i * PAGE_FILE_GRANULE;
        size_t n = left < PAGE_FILE_GRANULE ? left : PAGE_FILE_GRANULE;
        if (get32(record + 4 * i) != crypto_crc32c(0, (const char *)data + i * PAGE_FILE_GRANULE, n))
            return false;
    }
    return true;
}
