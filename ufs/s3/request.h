/* SPDX-License-Identifier: Apache-2.0
 *
 * request: one opened bucket, and one signed request to it.
 */
#pragma once
#include "base/http_client.h"
#include "base/lock.h"
#include "ufs/s3/sign.h"
#include "ufs/ufs.h"

struct s3_store {
    struct ufs ufs;
    /* fixed after open */
    struct http_client *client;
    char *base;   /* "https://host:port", with the bucket before the host when it is virtual */
    char *host;   /* as the Host header says it */
    char *bucket;
    char *prefix; /* of every key: "" or "a/b/" */
    char *region, *access_key, *secret_key, *token, *endpoint;
    bool is_tls, is_virtual, bulk_delete, encrypt;
    unsigned mode;
    int64_t stall_ms;
    uint64_t part_size, parts_max, copy_max;
    /* atomic */
    int list_v1;          /* the server does not know version 2 */
    int conditional;      /* enum s3_conditional */
    uint64_t skipped;     /* names of listings that no file can have */
};
enum s3_conditional { S3_CONDITIONAL_AUTO, S3_CONDITIONAL_TRUE, S3_CONDITIONAL_FALSE };

#define REQUEST_PARAMS_MAX 10
#define REQUEST_HEADERS_MAX 10

/* Zeroed at first; method, key … are the caller's, the rest is the answer. */
struct request {
    const char *method;
    const char *key;  /* full key, or NULL for the bucket */
    const char *what; /* for sentences: "reading '/x'" */
    struct {
        const char *name, *value;
    } params[REQUEST_PARAMS_MAX];
    size_t param_count;
    struct http_header headers[REQUEST_HEADERS_MAX]; /* lower-case names */
    size_t header_count;
    const void *body; /* NULL: none */
    size_t body_len;
    struct sink *sink; /* for the body of a success; NULL: into `answer` */

    long status;
    struct buf answer;
    char etag[72], content_range[80], location[64];
    int64_t length, mtime_ms;
    uint64_t received;
};
void request_param(struct request *r, const char *name, const char *value);
void request_header(struct request *r, const char *name, const char *value);
void request_done(struct request *r);
/* One attempt. 2xx is success, all else an error by answer_error. */
int request_do(struct s3_store *s, const struct ufs_call *c, struct request *r, struct err *err) must_use;
/* The same again while the error may pass and there is time; for requests without a sink. */
int request_retry(struct s3_store *s, const struct ufs_call *c, struct request *r, struct err *err) must_use;

/* Full key of a key of the mount (owned by the caller); ERR_INVALID_PATH for what cannot be one. */
int request_key(const struct s3_store *s, const char *key, char **ret, struct err *err) must_use;
