/* SPDX-License-Identifier: Apache-2.0
 *
 * crc32c: the checksum of cached pages (Castagnoli polynomial, reflected).  With SSE4.2 three
 * stretches are computed side by side, since the instruction has a latency of three cycles and a
 * throughput of one, and joined by tables that stand for "followed by n zero bytes"; elsewhere
 * eight bytes at a time from tables.  Tables are made before main and fixed after.  Threads: any.
 */
#include "base/crypto.h"

#include <string.h>

#define POLYNOMIAL 0x82f63b78u

static uint32_t by_eight[8][256];

static void make_byte_tables(void)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t crc = i;
        for (int k = 0; k < 8; k++)
            crc = crc & 1 ? crc >> 1 ^ POLYNOMIAL : crc >> 1;
        by_eight[0][i] = crc;
    }
    for (uint32_t i = 0; i < 256; i++)
        for (int t = 1; t < 8; t++)
            by_eight[t][i] = by_eight[t - 1][i] >> 8 ^ by_eight[0][by_eight[t - 1][i] & 255];
}

static uint64_t load64(const uint8_t *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    v = __builtin_bswap64(v);
#endif
    return v;
}

static uint32_t crc_tables(uint32_t crc, const uint8_t *p, size_t len)
{
    for (; len >= 8; p += 8, len -= 8) {
        uint64_t v = load64(p) ^ crc;
        crc = by_eight[7][v & 255] ^ by_eight[6][v >> 8 & 255] ^ by_eight[5][v >> 16 & 255] ^
              by_eight[4][v >> 24 & 255] ^ by_eight[3][v >> 32 & 255] ^ by_eight[2][v >> 40 & 255] ^
              by_eight[1][v >> 48 & 255] ^ by_eight[0][v >> 56];
    }
    while (len--)
        crc = crc >> 8 ^ by_eight[0][(crc ^ *p++) & 255];
    return crc;
}

static uint32_t (*crc_run)(uint32_t crc, const uint8_t *p, size_t len) = crc_tables;

#ifdef __x86_64__

enum { LONG_BYTES = 8192, SHORT_BYTES = 256 };
static uint32_t after_long[4][256], after_short[4][256];

/* CRC registers are linear: what n zero bytes do to each of the 32 bits says what they do to any. */
static void make_zeros_table(uint32_t to[4][256], size_t zeros)
{
    static const uint8_t zero[SHORT_BYTES];
    uint32_t bit[32];
    for (int i = 0; i < 32; i++) {
        bit[i] = 1u << i;
        for (size_t n = 0; n < zeros; n += SHORT_BYTES)
            bit[i] = crc_tables(bit[i], zero, SHORT_BYTES);
    }
    for (int t = 0; t < 4; t++)
        for (unsigned i = 0; i < 256; i++) {
            to[t][i] = 0;
            for (int k = 0; k < 8; k++)
                to[t][i] ^= i >> k & 1 ? bit[8 * t + k] : 0;
        }
}

static inline uint64_t shift(const uint32_t t[4][256], uint64_t crc)
{
    return t[0][crc & 255] ^ t[1][crc >> 8 & 255] ^ t[2][crc >> 16 & 255] ^ t[3][crc >> 24 & 255];
}

/* Three stretches of n bytes each. */
__attribute__((target("sse4.2"))) static inline uint64_t three(uint64_t a, const uint8_t *p, size_t n,
                                                               const uint32_t t[4][256])
{
    uint64_t b = 0, c = 0;
    for (size_t i = 0; i < n; i += 8) {
        a = __builtin_ia32_crc32di(a, load64(p + i));
        b = __builtin_ia32_crc32di(b, load64(p + n + i));
        c = __builtin_ia32_crc32di(c, load64(p + 2 * n + i));
    }
    return shift(t, shift(t, a) ^ b) ^ c;
}

__attribute__((target("sse4.2"))) static uint32_t crc_sse42(uint32_t crc, const uint8_t *p, size_t len)
{
    uint64_t v = crc;
    for (; len >= 3 * LONG_BYTES; p += 3 * LONG_BYTES, len -= 3 * LONG_BYTES)
        v = three(v, p, LONG_BYTES, after_long);
    for (; len >= 3 * SHORT_BYTES; p += 3 * SHORT_BYTES, len -= 3 * SHORT_BYTES)
        v = three(v, p, SHORT_BYTES, after_short);
    for (; len >= 8; p += 8, len -= 8)
        v = __builtin_ia32_crc32di(v, load64(p));
    for (; len; len--)
        v = __builtin_ia32_crc32qi((uint32_t)v, *p++);
    return (uint32_t)v;
}

static void pick(void)
{
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("sse4.2"))
        return;
    make_zeros_table(after_long, LONG_BYTES);
    make_zeros_table(after_short, SHORT_BYTES);
    crc_run = crc_sse42;
}

#else

static void pick(void)
{
}

#endif

__attribute__((constructor)) static void start(void)
{
    make_byte_tables();
    pick();
}

uint32_t crypto_crc32c(uint32_t crc, const void *data, size_t len)
{
    return ~crc_run(~crc, data, len);
}

uint32_t crypto_crc32c_tables(uint32_t crc, const void *data, size_t len)
{
    return ~crc_tables(~crc, data, len);
}
