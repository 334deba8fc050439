/* SPDX-License-Identifier: Apache-2.0
 *
 * text: the spellings that cross files and wires: sizes, durations, times, hex, base64, percent.
 */
#pragma once
#include "base/buf.h"

/* "64MB", "1.5g", "512", "4KiB": binary units, case-insensitive. ERR_INVALID_ARGUMENT says what is allowed. */
int text_parse_size(const char *s, uint64_t *ret_bytes, struct err *err) must_use;
/* "30s", "5min", "1d", "250ms", "2h", plain number = ms; "-1" = -1 (never). */
int text_parse_duration(const char *s, int64_t *ret_ms, struct err *err) must_use;
int text_parse_u64(const char *s, uint64_t *ret, struct err *err) must_use; /* decimal, whole string */
int text_parse_i64(const char *s, int64_t *ret, struct err *err) must_use;
int text_parse_bool(const char *s, bool *ret, struct err *err) must_use; /* true false */
/* Unit stays until the value passes 5*1024 of it: 4352B, 26.41KB, 10.45GB.  Returns `to`. */
char *text_human_size(uint64_t bytes, char to[24]);
char *text_rfc3339(int64_t wall_ms, char to[32]);                         /* 2026-01-31T10:00:00.123Z */
int text_parse_rfc3339(const char *s, int64_t *ret_ms, struct err *err) must_use;
char *text_http_date(int64_t wall_ms, char to[32]);                       /* RFC 9110 IMF-fixdate */
int text_parse_http_date(const char *s, int64_t *ret_ms, struct err *err) must_use;

void text_copy(char *to, size_t cap, const char *s); /* as much as fits, and a 0 */
char *text_put_hex(char *to, uint64_t v); /* shortest form; returns its end, without a 0 */
bool text_is_loopback(const char *host); /* an address of this machine alone, or localhost */
/* FNV-1a over `from` (TEXT_PRINT_START, or what came before), the bytes and an end mark.  Whoever wants a collision finds one. */
#define TEXT_PRINT_START 0xcbf29ce484222325u
uint64_t text_print(uint64_t from, const void *data, size_t len);
void text_hex(const void *data, size_t len, char *to); /* 2*len characters and a 0 */
int text_unhex(const char *s, size_t len, void *to, struct err *err) must_use; /* len/2 bytes */
void text_base64(struct buf *to, const void *data, size_t len);
void text_base64url(struct buf *to, const void *data, size_t len); /* no padding */
int text_unbase64(struct buf *to, const char *s, size_t len, struct err *err) must_use; /* both alphabets, padding optional */
/* Percent-encodes all but RFC 3986 unreserved characters and those in `keep`. */
void text_percent(struct buf *to, const char *s, size_t len, const char *keep);
/* ERR_INVALID_ARGUMENT on a broken escape or an encoded 0 byte. `plus_is_space` for query strings. */
int text_unpercent(struct buf *to, const char *s, size_t len, bool plus_is_space, struct err *err) must_use;
bool text_is_utf8(const char *s, size_t len);
size_t text_utf8_char(const char *s, size_t len); /* bytes of the valid character at s; 0 when there is none */
bool text_glob(const char *pattern, const char *s); /* * ? only; linear time */
bool text_starts(const char *s, const char *prefix);
bool text_ends(const char *s, const char *suffix);
bool text_equal_constant_time(const void *a, const void *b, size_t len);
