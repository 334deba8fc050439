/* SPDX-License-Identifier: Apache-2.0
 *
 * request: builds the URL, signs, sends, and turns the answer into an error or nothing.
 * Integrity: bodies are in memory (a part at most), so their SHA-256 is signed over plain HTTP; over
 * TLS the payload is unsigned and large bodies carry Content-MD5 instead, which costs less.  The
 * chunked signature of AWS is never used: Swift refuses it and RGW stores its encoding as metadata.
 * Threads: any.
 */
#include "ufs/s3/request.h"

#include "base/clock.h"
#include "base/crypto.h"
#include "base/mem.h"
#include "base/text.h"
#include "ufs/backoff.h"
#include "ufs/s3/answer.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define ANSWER_MAX ((size_t)16 << 20)
#define ATTEMPTS 4
#define SMALL_BODY ((size_t)64 << 10)

/* What belongs to one sending of a request. */
struct sending {
    char time[17], hash[65], md5[32];
    struct buf path, query, url, authorization;
    struct http_header headers[REQUEST_HEADERS_MAX + 8];
    size_t header_count;
};

void request_param(struct request *r, const char *name, const char *value)
{
    if (r->param_count < REQUEST_PARAMS_MAX) {
        r->params[r->param_count].name = name;
        r->params[r->param_count++].value = value;
    }
}

void request_header(struct request *r, const char *name, const char *value)
{
    if (r->header_count < REQUEST_HEADERS_MAX)
        r->headers[r->header_count++] = (struct http_header){name, value};
}

void request_done(struct request *r)
{
    buf_done(&r->answer);
}

int request_key(const struct s3_store *s, const char *key, char **ret, struct err *err)
{
    for (const char *p = key; *p;) {
        size_t n = strcspn(p, "/");
        if (n == 0 || (n == 1 && p[0] == '.') || (n == 2 && p[0] == '.' && p[1] == '.') ||
            (p[n] == '/' && !p[n + 1]))
            return err_set(err, ERR_INVALID_PATH, "'%.100s' is not a path in a bucket", key);
        p += n + (p[n] == '/');
    }
    if (strlen(s->prefix) + strlen(key) > 1024)
        return err_set(err, ERR_NAME_TOO_LONG, "keys of a bucket have at most 1024 bytes");
    *ret = xasprintf("%s%s", s->prefix, key);
    return 0;
}

static int by_name(const void *a, const void *b)
{
    const struct http_header *x = a, *y = b;
    return strcmp(x->name, y->name);
}

static void build_query(const struct request *r, struct buf *to)
{
    struct http_header sorted[REQUEST_PARAMS_MAX];

    for (size_t i = 0; i < r->param_count; i++)
        sorted[i] = (struct http_header){r->params[i].name, r->params[i].value};
    qsort(sorted, r->param_count, sizeof(sorted[0]), by_name);
    for (size_t i = 0; i < r->param_count; i++) {
        buf_addf(to, "%s%s=", i ? "&" : "", sorted[i].name);
        text_percent(to, sorted[i].value, strlen(sorted[i].value), "");
    }
}

static void build_url(const struct s3_store *s, const struct request *r, struct sending *x)
{
    if (!s->is_virtual)
        buf_addf(&x->path, "/%s", s->bucket);
    if (s->is_virtual || r->key)
        buf_addc(&x->path, '/');
    if (r->key)
        text_percent(&x->path, r->key, strlen(r->key), "/");
    build_query(r, &x->query);
    buf_addf(&x->url, "%s%s", s->base, buf_str(&x->path));
    if (x->query.len)
        buf_addf(&x->url, "?%s", buf_str(&x->query));
}

static void add(struct sending *x, const char *name, const char *value)
{
    x->headers[x->header_count++] = (struct http_header){name, value};
}

static bool has_header(const struct request *r, const char *name)
{
    for (size_t i = 0; i < r->header_count; i++)
        if (strcmp(r->headers[i].name, name) == 0)
            return true;
    return false;
}

static void hash_body(const struct s3_store *s, const struct request *r, struct sending *x)
{
    uint8_t hash[SHA256_LEN];

    snprintf(x->hash, sizeof(x->hash), "%s", r->body_len ? "UNSIGNED-PAYLOAD" : SIGN_EMPTY_HASH);
    if (r->body_len && (!s->is_tls || r->body_len <= SMALL_BODY)) {
        crypto_sha256(r->body, r->body_len, hash);
        text_hex(hash, sizeof(hash), x->hash);
        return;
    }
    if (!r->body_len || has_header(r, "content-md5"))
        return;
    AUTO(buf) text = {0};
    buf_init(&text, sizeof(x->md5));
    crypto_md5(r->body, r->body_len, hash);
    text_base64(&text, hash, MD5_LEN);
    snprintf(x->md5, sizeof(x->md5), "%s", buf_str(&text));
    add(x, "content-md5", x->md5);
}

static void sign(const struct s3_store *s, const struct request *r, struct sending *x)
{
    struct tm tm;
    time_t now = (time_t)(clock_wall_ms() / 1000);

    gmtime_r(&now, &tm);
    strftime(x->time, sizeof(x->time), "%Y%m%dT%H%M%SZ", &tm);
    for (size_t i = 0; i < r->header_count; i++)
        add(x, r->headers[i].name, r->headers[i].value);
    hash_body(s, r, x);
    if (!s->access_key)
        return;
    add(x, "x-amz-date", x->time);
    add(x, "x-amz-content-sha256", x->hash);
    if (s->token)
        add(x, "x-amz-security-token", s->token);
    add(x, "host", s->host);
    struct sign_keys keys = {s->access_key, s->secret_key, s->region, "s3"};
    struct sign_request sr = {r->method, buf_str(&x->path), buf_str(&x->query), x->headers,
                              x->header_count, x->hash, x->time};
    sign_authorization(&keys, &sr, &x->authorization);
    x->header_count--; /* the client sends host by itself */
    add(x, "authorization", buf_str(&x->authorization));
}

static void on_header(void *arg, const char *name, const char *value)
{
    struct request *r = arg;

    if (strcmp(name, "etag") == 0) {
        snprintf(r->etag, sizeof(r->etag), "%.71s", value);
        answer_unquote(r->etag);
    } else if (strcmp(name, "content-range") == 0)
        snprintf(r->content_range, sizeof(r->content_range), "%s", value);
    else if (strcmp(name, "x-amz-bucket-region") == 0)
        snprintf(r->location, sizeof(r->location), "%.63s", value);
    else if (strcmp(name, "last-modified") == 0 &&
             text_parse_http_date(value, &r->mtime_ms, NULL) < 0)
        r->mtime_ms = 0;
}

/* Swift answers unsigned requests by 400 or 412 and HTML. */
static int failed(const struct s3_store *s, const struct request *r, struct err *err)
{
    bool is_conditional = has_header(r, "if-match") || has_header(r, "if-none-match") ||
                          has_header(r, "x-amz-copy-source-if-match");

    if (r->status >= 300 && r->status < 400 && r->location[0])
        return err_set(err, ERR_STORE_DENIED,
                       "bucket %.60s is in region %s: set isthmus.underfs.s3.region to it", s->bucket,
                       r->location);
    int rc = answer_error(r->status, r->answer.data, r->answer.len, r->what, err);
    bool is_refused = rc == -ERR_STORE_DENIED || (rc == -ERR_PRECONDITION_FAILED && !is_conditional);
    if (is_refused && !s->access_key)
        return err_set(err, ERR_STORE_AUTH, "%.100s: the store wants credentials (HTTP %ld)", r->what,
                       r->status);
    if (is_refused && rc == -ERR_PRECONDITION_FAILED)
        return err_set(err, ERR_STORE_DENIED, "%.100s: the store refused it (HTTP 412)", r->what);
    return rc;
}

static int send_once(struct s3_store *s, const struct ufs_call *c, struct request *r,
                     struct sending *x, struct err *err)
{
    struct source_mem body;

    source_mem_init(&body, r->body ? r->body : "", r->body_len);
    struct http_exchange e = {.method = r->method,
                              .url = buf_str(&x->url),
                              .headers = x->headers,
                              .header_count = x->header_count,
                              .body = r->body ? &body.source : NULL,
                              .deadline_ms = c->deadline_ms,
                              .stall_ms = s->stall_ms,
                              .sink = r->sink,
                              .on_header = on_header,
                              .arg = r};
    buf_init(&e.body_out, ANSWER_MAX);
    int rc = http_client_do(s->client, &e, err);
    r->status = e.status;
    r->length = e.content_length;
    r->received = e.received;
    buf_done(&r->answer);
    r->answer = e.body_out;
    TRY(rc);
    TRY(buf_check(&r->answer, "the answer of the store", err));
    return r->status >= 200 && r->status < 300 ? 0 : failed(s, r, err);
}

int request_do(struct s3_store *s, const struct ufs_call *c, struct request *r, struct err *err)
{
    struct sending x = {0};

    buf_init(&x.path, BUF_MAX_ANY);
    buf_init(&x.query, BUF_MAX_ANY);
    buf_init(&x.url, BUF_MAX_ANY);
    buf_init(&x.authorization, BUF_MAX_ANY);
    r->etag[0] = r->content_range[0] = r->location[0] = 0;
    r->mtime_ms = 0;
    build_url(s, r, &x);
    sign(s, r, &x);
    int rc = send_once(s, c, r, &x, err);
    buf_done(&x.path);
    buf_done(&x.query);
    buf_done(&x.url);
    buf_done(&x.authorization);
    return rc;
}

int request_retry(struct s3_store *s, const struct ufs_call *c, struct request *r, struct err *err)
{
    for (unsigned i = 0;; i++) {
        int rc = request_do(s, c, r, err);
        if (!backoff_is_passing(rc) || i + 1 >= ATTEMPTS || !backoff_wait(i, c->deadline_ms))
            return rc;
    }
}
