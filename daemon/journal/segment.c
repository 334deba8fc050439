/* SPDX-License-Identifier: Apache-2.0
 *
 * segment: see the header.
 *
 * batch:  crc of the header u32 · crc of the data u32 · header · data of the records, each padded to 8
 * header: count u64 · count × (term u64 · type u8 · 3 unused · length u32)
 */
#include "journal/segment.h"

#include "base/file_util.h"
#include "base/mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FORMAT 1
#define COUNT_MAX (8u << 15) /* what libraft takes: a segment of 8 MiB in records of 32 bytes */
#define BLOCK 4096

static uint64_t get(const uint8_t *p, size_t n)
{
    uint64_t v = 0;
    for (size_t i = 0; i < n; i++)
        v |= (uint64_t)p[i] << (8 * i);
    return v;
}

/* libraft's: polynomial 04c11db7, most significant bit first, no inversions. */
static uint32_t crc32_of(const uint8_t *p, size_t len)
{
    uint32_t table[256], crc = 0;
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t c = i << 24;
        for (int k = 0; k < 8; k++)
            c = (c << 1) ^ (c & 0x80000000u ? 0x04c11db7u : 0);
        table[i] = c;
    }
    for (size_t i = 0; i < len; i++)
        crc = (crc << 8) ^ table[(crc >> 24) ^ p[i]];
    return crc;
}

bool segment_has_format(const uint8_t *bytes, size_t len)
{
    return len >= SEGMENT_FORMAT_LEN && get(bytes, 8) == FORMAT;
}

static size_t pad8(size_t n)
{
    return (n + 7) & ~(size_t)7;
}

/* Length of the data, or SIZE_MAX when it does not fit in `room`. */
static size_t data_length(const uint8_t *headers, uint64_t count, size_t room)
{
    size_t sum = 0;
    for (uint64_t i = 0; i < count; i++) {
        sum += pad8(get(headers + 16 * i + 12, 4));
        if (sum > room)
            return SIZE_MAX;
    }
    return sum;
}

int segment_batch(const uint8_t *bytes, size_t len, size_t *at,
                  int (*each)(void *arg, const struct segment_record *r, struct err *err), void *arg,
                  struct err *err)
{
    size_t room = len - *at;
    const uint8_t *crcs = bytes + *at, *header = crcs + 8;
    uint64_t count = room >= 16 ? get(header, 8) : 0;
    if (count == 0 || count > COUNT_MAX || count * 16 > room - 16)
        return err_set(err, ERR_CORRUPT, "no batch of records at byte %zu", *at);
    size_t header_len = 8 + 16 * count;
    if (get(crcs, 4) != crc32_of(header, header_len))
        return err_set(err, ERR_CORRUPT, "a batch of records at byte %zu has a damaged header", *at);
    const uint8_t *data = header + header_len;
    size_t data_len = data_length(header + 8, count, room - 8 - header_len);
    if (data_len == SIZE_MAX || get(crcs + 4, 4) != crc32_of(data, data_len))
        return err_set(err, ERR_CORRUPT, "a batch of records at byte %zu is damaged", *at);
    for (uint64_t i = 0; i < count; i++) {
        const uint8_t *h = header + 8 + 16 * i;
        struct segment_record r = {.term = get(h, 8), .type = h[8], .data = data, .len = get(h + 12, 4)};
        TRY(each(arg, &r, err));
        data += pad8(r.len);
    }
    *at += 8 + header_len + data_len;
    return 0;
}

/* ── names ─────────────────────────────────────────────────────────────────────────────────── */

void segment_list_done(struct segment_list *l)
{
    free(l->names);
    *l = (struct segment_list){0};
}

static bool name_parse(const char *file, struct segment_name *ret)
{
    int used = -1;
    *ret = (struct segment_name){0};
    if (strlen(file) >= sizeof ret->file)
        return false;
    memcpy(ret->file, file, strlen(file) + 1);
    if (sscanf(file, "%" SCNu64 "-%" SCNu64 "%n", &ret->first, &ret->last, &used) == 2 && used >= 0 && !file[used])
        return ret->first > 0 && ret->first <= ret->last;
    ret->is_open = sscanf(file, "open-%" SCNu64 "%n", &ret->counter, &used) == 1 && used >= 0 && !file[used];
    return ret->is_open;
}

static int by_order(const void *pa, const void *pb)
{
    const struct segment_name *a = pa, *b = pb;
    if (a->is_open != b->is_open)
        return a->is_open ? 1 : -1;
    uint64_t x = a->is_open ? a->counter : a->first, y = b->is_open ? b->counter : b->first;
    return x < y ? -1 : x > y;
}

static void add(struct segment_list *l, const struct segment_name *n)
{
    l->names = xrealloc(l->names, (l->count + 1) * sizeof *l->names);
    l->names[l->count++] = *n;
}

static void note_snapshot(struct segment_list *l, const char *file)
{
    uint64_t term, index, stamp;
    int used = -1;
    if (sscanf(file, "snapshot-%" SCNu64 "-%" SCNu64 "-%" SCNu64 "%n", &term, &index, &stamp, &used) == 3 &&
        used >= 0 && !file[used] && index > l->snapshot)
        l->snapshot = index;
}

int segment_list(const char *dir, struct segment_list *ret, struct err *err)
{
    struct segment_list l = {0};
    DIR *d = opendir(dir);
    if (!d)
        return err_set_errno(err, ERR_OK, errno, "cannot read the journal's folder '%s'", dir);
    for (struct dirent *e; (e = readdir(d));) {
        struct segment_name n;
        if (name_parse(e->d_name, &n))
            add(&l, &n);
        else
            note_snapshot(&l, e->d_name);
    }
    closedir(d);
    if (l.count)
        qsort(l.names, l.count, sizeof *l.names, by_order);
    *ret = l;
    return 0;
}

uint64_t segment_disk_bytes(const char *dir)
{
    uint64_t sum = 0;
    DIR *d = opendir(dir);
    struct stat sb;
    for (struct dirent *e; d && (e = readdir(d));)
        if (strcmp(e->d_name, "ballast") && fstatat(dirfd(d), e->d_name, &sb, 0) == 0 && S_ISREG(sb.st_mode))
            sum += (uint64_t)sb.st_blocks * 512;
    if (d)
        closedir(d);
    return sum;
}

/* ── repair ────────────────────────────────────────────────────────────────────────────────── */

/* Two tails of an open segment make libraft 0.15 refuse a healthy log:
 * - The first write of a segment was torn: its first block is missing, later ones are there.  Nothing
 *   in it was ever acknowledged (that needs the whole write), so the segment goes.
 * - Fewer than 16 bytes are left behind the last batch ("short read").  A block of zeros cures it. */
static int repair_open(const char *path, struct err *err)
{
    uint8_t first[8] = {0};
    struct stat sb;
    AUTO_FD int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &sb) != 0)
        return err_set_errno(err, ERR_IO, errno, "cannot open '%s'", path);
    ssize_t n = pread(fd, first, sizeof first, 0);
    if (n < 0)
        return err_set_errno(err, ERR_IO, errno, "cannot read '%s'", path);
    if (get(first, 8) == 0) {
        if (unlink(path) != 0)
            return err_set_errno(err, ERR_IO, errno, "cannot remove '%s'", path);
    } else if (ftruncate(fd, (sb.st_size + 2 * BLOCK - 1) / BLOCK * BLOCK) != 0) {
        return err_set_errno(err, ERR_OK, errno, "cannot extend '%s'", path);
    }
    return 0;
}

int segment_repair(const char *dir, struct err *err)
{
    AUTO(segment_list) l = {0};
    TRY(segment_list(dir, &l, err));
    for (size_t i = 0; i < l.count; i++) {
        AUTO_FREE char *path = xasprintf("%s/%s", dir, l.names[i].file);
        if (l.names[i].is_open)
            TRY(repair_open(path, err));
    }
    return file_sync_dir(dir, err);
}
