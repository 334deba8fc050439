/* SPDX-License-Identifier: Apache-2.0
 *
 * buf: bytes that grow up to a limit set at birth.  A write past the limit sets `failed` and drops
 * the bytes, and so does every later one: writers need not check each step, the reader checks once
 * with buf_check.  The data always ends in a 0 byte beyond `len`.  Threads: one at a time.
 */
#pragma once
#include "base/err.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

struct buf {
    char *data; /* NULL until the first byte */
    size_t len, cap;
    size_t max; /* bytes it may hold */
    bool failed;
};

#define BUF_MAX_ANY ((size_t)1 << 40) /* for bytes whose size no client controls */

void buf_init(struct buf *b, size_t max);
void buf_done(struct buf *b); /* frees; b can be initialised again; accepts a zeroed struct */
void buf_reset(struct buf *b); /* empties, keeps the memory */
void buf_add(struct buf *b, const void *data, size_t len);
void buf_adds(struct buf *b, const char *s);
void buf_addc(struct buf *b, char c);
void buf_addf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void buf_addv(struct buf *b, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));
void buf_add_u64(struct buf *b, uint64_t v); /* decimal, without printf */
/* Room for `len` more bytes, to be filled by the caller and then counted with buf_grew; NULL past the limit. */
char *buf_room(struct buf *b, size_t len);
void buf_grew(struct buf *b, size_t len);
/* ERR_TOO_LARGE when anything was dropped. `what` names the content in the sentence. */
int buf_check(const struct buf *b, const char *what, struct err *err) must_use;
/* The data as a string owned by the caller (free); b is empty afterwards. Never NULL. */
char *buf_take(struct buf *b);
const char *buf_str(const struct buf *b); /* valid until the next write; "" when empty */
