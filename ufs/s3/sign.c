/* SPDX-License-Identifier: Apache-2.0
 *
 * sign: AWS Signature Version 4 as S3 wants it: the path is encoded once and never normalised, so
 * that keys with "//" or "./" keep their names.  ("Authenticating Requests: Using the
 * Authorization Header", Amazon S3 API Reference.)  Threads: any.
 */
#include "ufs/s3/sign.h"

#include "base/crypto.h"
#include "base/mem.h"
#include "base/text.h"

#include <string.h>

#define HEADERS_MAX 32
#define ALGORITHM "AWS4-HMAC-SHA256"

static int by_name(const void *a, const void *b)
{
    const struct http_header *x = a, *y = b;
    return strcmp(x->name, y->name);
}

static void add_names(const struct http_header *h, size_t n, struct buf *to)
{
    for (size_t i = 0; i < n; i++)
        buf_addf(to, "%s%s", i ? ";" : "", h[i].name);
}

/* Runs of blanks become one; those at the ends go. */
static void add_value(const char *value, struct buf *to)
{
    bool is_pending = false, is_first = true;

    for (const char *p = value; *p; p++) {
        if (*p == ' ') {
            is_pending = !is_first;
            continue;
        }
        if (is_pending)
            buf_addc(to, ' ');
        buf_addc(to, *p);
        is_pending = is_first = false;
    }
}

static void canonical_hash(const struct sign_request *r, const struct http_header *h, char hex[65])
{
    AUTO(buf) text = {0};
    uint8_t hash[SHA256_LEN];

    buf_init(&text, BUF_MAX_ANY);
    buf_addf(&text, "%s\n%s\n%s\n", r->method, r->path, r->query);
    for (size_t i = 0; i < r->header_count; i++) {
        buf_addf(&text, "%s:", h[i].name);
        add_value(h[i].value, &text);
        buf_addc(&text, '\n');
    }
    buf_addc(&text, '\n');
    add_names(h, r->header_count, &text);
    buf_addf(&text, "\n%s", r->payload_hash);
    crypto_sha256(text.data, text.len, hash);
    text_hex(hash, sizeof(hash), hex);
}

static void mac(const uint8_t *key, size_t len, const char *text, uint8_t to[SHA256_LEN])
{
    uint8_t out[SHA256_LEN];

    crypto_hmac_sha256(key, len, text, strlen(text), out);
    memcpy(to, out, sizeof(out));
}

static void signing_key(const struct sign_keys *k, const char *day, uint8_t key[SHA256_LEN])
{
    AUTO_FREE char *first = xasprintf("AWS4%s", k->secret_key);

    mac((const uint8_t *)first, strlen(first), day, key);
    mac(key, SHA256_LEN, k->region, key);
    mac(key, SHA256_LEN, k->service, key);
    mac(key, SHA256_LEN, "aws4_request", key);
    explicit_bzero(first, strlen(first));
}

void sign_authorization(const struct sign_keys *k, const struct sign_request *r, struct buf *to)
{
    struct http_header sorted[HEADERS_MAX];
    struct sign_request mine = *r;
    uint8_t key[SHA256_LEN];
    char day[9], hex[65];
    AUTO(buf) text = {0};

    if (mine.header_count > HEADERS_MAX)
        mine.header_count = HEADERS_MAX;
    memcpy(sorted, r->headers, mine.header_count * sizeof(sorted[0]));
    qsort(sorted, mine.header_count, sizeof(sorted[0]), by_name);
    memcpy(day, r->time, 8);
    day[8] = 0;
    canonical_hash(&mine, sorted, hex);
    buf_init(&text, BUF_MAX_ANY);
    buf_addf(&text, ALGORITHM "\n%s\n%s/%s/%s/aws4_request\n%s", r->time, day, k->region, k->service,
             hex);
    signing_key(k, day, key);
    mac(key, sizeof(key), buf_str(&text), key);
    text_hex(key, sizeof(key), hex);
    buf_addf(to, ALGORITHM " Credential=%s/%s/%s/%s/aws4_request,SignedHeaders=", k->access_key, day,
             k->region, k->service);
    add_names(sorted, mine.header_count, to);
    buf_addf(to, ",Signature=%s", hex);
    explicit_bzero(key, sizeof(key));
}
