/* SPDX-License-Identifier: Apache-2.0
 *
 * answer: what S3 servers say in XML: listings, errors, results.  Pure; any bytes are survived.
 */
#pragma once
#include "base/buf.h"

struct answer_entry {
    char *key;      /* decoded; ends in the delimiter for a common prefix */
    char *etag;     /* without quotes; "" */
    uint64_t size;
    int64_t mtime_ms;
    bool is_prefix;
};
/* One page; entries in order of their keys. */
struct answer_page {
    struct answer_entry *entries;
    size_t count;
    bool is_truncated;
    char *next_token, *next_marker; /* NULL: absent */
    unsigned undecodable;           /* keys that no file can have */
};
int answer_page(const char *xml, size_t len, struct answer_page *ret, struct err *err) must_use; /* ERR_STORE_ERROR */
void answer_page_done(struct answer_page *p);

/* What a failed request means. `body` may be XML, HTML or nothing. `what` names the request in the sentence.
 * Returns -code always. */
int answer_error(long status, const char *body, size_t len, const char *what, struct err *err);
/* A 200 whose body is an <Error> after all (copy, complete): as answer_error; else 0. */
int answer_hidden_error(const char *body, size_t len, const char *what, struct err *err) must_use;
/* Text of the first element so named below the root, unquoted if quoted; NULL when absent or no XML. Owned by the caller. */
char *answer_text(const char *body, size_t len, const char *element);
/* Keys that a batch delete did not remove: their number, and the first error. ERR_STORE_ERROR when the body is no answer. */
int answer_deleted(const char *body, size_t len, size_t *ret_failed, struct err *err) must_use;
void answer_unquote(char *etag); /* "\"x\"" and "W/\"x\"" become "x" */
