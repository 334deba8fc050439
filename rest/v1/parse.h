/* SPDX-License-Identifier: Apache-2.0
 *
 * parse: the parts of a request that are ours to read: query, Range, Cookie.  Pure; fuzzed: fuzz_request.
 */
#pragma once
#include "base/buf.h"

#define QUERY_MAX 24
struct query {
    struct buf bytes;
    size_t count;
    struct {
        const char *name, *value; /* UTF-8, without 0 bytes; in `bytes` */
    } items[QUERY_MAX];
};
/* ERR_INVALID_ARGUMENT. Ended by query_done in any case. */
int parse_query(const char *s, struct query *ret, struct err *err) must_use;
void query_done(struct query *q);
const char *query_value(const struct query *q, const char *name); /* NULL when absent; "" for a bare name */

/* "bytes=a-b", "bytes=a-", "bytes=-n" (RFC 9110, 14.1.2).  False: ignore the header.  A range that begins behind the end is told
 * by *ret_len 0; else [*ret_off, +*ret_len) lies within `total`. */
bool parse_range(const char *s, uint64_t total, uint64_t *ret_off, uint64_t *ret_len);

/* The value of cookie `name` into `to`; false when the header (may be NULL) has none or it is longer. */
bool parse_cookie(const char *header, const char *name, char *to, size_t cap);
