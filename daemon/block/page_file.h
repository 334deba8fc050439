/* SPDX-License-Identifier: Apache-2.0
 *
 * page_file: the layout of a block file, in memory only: no descriptor is touched here.
 *
 *   0            header, 256 bytes, closed by its own CRC32C
 *   256          one record for each page: CRC32C of each 64 KiB, the page's length, a check over
 *                both and over cid, seq and page number
 *   data_off     (a multiple of 4096) page 0, page 1, … at their places; absent ones are holes
 *
 * The metadata stands at the head because its size is known when the file is made, while the file's
 * length is not; it is in the same file because a second one would double the inodes and the opens
 * at adoption, and could be lost alone.  A page is present when its record's check holds: so there
 * is no bitmap that could promise a page whose checksums were not written.
 */
#pragma once
#include "api/types.h"

enum { PAGE_FILE_HEADER = 256, PAGE_FILE_GRANULE = 65536, PAGE_FILE_CLUSTER = 64 };
#define PAGE_FILE_DIRTY 1u
#define PAGE_FILE_PAGE_MIN 4096u
#define PAGE_FILE_PAGE_MAX (64u << 20)
#define PAGE_FILE_PAGES_MAX 65536u
#define PAGE_FILE_BLOCK_MAX (2u << 30)

struct page_file {
    inode_id ino;
    content_id cid;
    uint32_t seq, block_size, page_size;
    uint32_t capacity; /* bytes that the page area is laid out for */
    uint32_t length;   /* bytes of content in this block */
    uint32_t flags;
    uint64_t incarnation;
    char cluster[PAGE_FILE_CLUSTER]; /* ends in 0 */
};

void page_file_encode(const struct page_file *f, uint8_t to[PAGE_FILE_HEADER]);
/* Any bytes. ERR_CORRUPT. */
int page_file_decode(const void *data, size_t len, struct page_file *ret, struct err *err) must_use;

uint32_t page_file_pages(const struct page_file *f);
uint32_t page_file_page_len(const struct page_file *f, uint32_t page);
size_t page_file_record_bytes(uint32_t page_size);
uint64_t page_file_record_off(const struct page_file *f, uint32_t page);
uint64_t page_file_data_off(const struct page_file *f); /* of page 0; all before it is the head */
uint64_t page_file_page_off(const struct page_file *f, uint32_t page);

/* `to` has page_file_record_bytes. */
void page_file_record(const struct page_file *f, uint32_t page, const void *data, size_t len, uint8_t *to);
/* Does the record stand, with the length that the page must have? */
bool page_file_is_present(const struct page_file *f, uint32_t page, const uint8_t *record);
/* Are these the bytes that the record was made of? */
bool page_file_matches(const struct page_file *f, uint32_t page, const uint8_t *record, const void *data);
