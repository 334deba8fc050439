/* SPDX-License-Identifier: Apache-2.0
 *
 * varint: numbers as 1 to 10 bytes, seven bits each, least first; signed ones in zigzag.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

#define VARINT_MAX 10

static inline size_t varint_put(uint8_t *to, uint64_t v)
{
    size_t n = 0;
    for (; v >= 0x80; v >>= 7)
        to[n++] = (uint8_t)(v | 0x80);
    to[n++] = (uint8_t)v;
    return n;
}

/* Bytes read, 0 when they end early or the number is too large. */
static inline size_t varint_get(const uint8_t *at, const uint8_t *end, uint64_t *ret)
{
    uint64_t v = 0;
    for (size_t n = 0; n < VARINT_MAX && at + n < end; n++) {
        uint8_t b = at[n];
        if (n == VARINT_MAX - 1 && b > 1)
            return 0;
        v |= (uint64_t)(b & 0x7f) << (7 * n);
        if (!(b & 0x80)) {
            *ret = v;
            return n + 1;
        }
    }
    return 0;
}

static inline uint64_t varint_zigzag(int64_t v)
{
    return ((uint64_t)v << 1) ^ (uint64_t)(v >> 63);
}

static inline int64_t varint_unzigzag(uint64_t v)
{
    return (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
}
