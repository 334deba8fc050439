/* SPDX-License-Identifier: Apache-2.0
 *
 * sign: AWS Signature Version 4 of one request.  Pure.
 */
#pragma once
#include "base/buf.h"
#include "base/http_client.h"

struct sign_keys {
    const char *access_key, *secret_key, *region, *service;
};
struct sign_request {
    const char *method;
    const char *path;                 /* percent-encoded as it is sent */
    const char *query;                /* sorted, percent-encoded, without '?' */
    const struct http_header *headers; /* lower-case names, with host and x-amz-date; all are signed */
    size_t header_count;
    const char *payload_hash;         /* hex, or UNSIGNED-PAYLOAD */
    const char *time;                 /* 20130524T000000Z */
};
/* The value of the Authorization header. */
void sign_authorization(const struct sign_keys *k, const struct sign_request *r, struct buf *to);
#define SIGN_EMPTY_HASH "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
