/* SPDX-License-Identifier: Apache-2.0
 *
 * answer: reads the XML of S3 servers.  Keys are decoded when the answer says that they are encoded
 * (encoding-type=url; servers differ in what they encode, so keys are never compared raw).  One
 * table says what each error code means to us.  Threads: any.
 */
#include "ufs/s3/answer.h"

#include "base/mem.h"
#include "base/text.h"
#include "base/xml.h"

#include <string.h>

#define NODES_MAX 200000
#define KEY_MAX 8192

/* https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html */
static const struct {
    const char *name;
    enum err_code code;
} codes[] = {
    {"AccessDenied", ERR_STORE_DENIED},
    {"AllAccessDisabled", ERR_STORE_DENIED},
    {"AccountProblem", ERR_STORE_DENIED},
    {"AuthorizationHeaderMalformed", ERR_STORE_AUTH},
    {"AuthorizationQueryParametersError", ERR_STORE_AUTH},
    {"BucketAlreadyExists", ERR_ALREADY_EXISTS},
    {"BucketAlreadyOwnedByYou", ERR_ALREADY_EXISTS},
    {"BandwidthLimitExceeded", ERR_STORE_BUSY},
    {"ConditionalRequestConflict", ERR_STORE_BUSY},
    {"EntityTooLarge", ERR_TOO_LARGE},
    {"ExpiredToken", ERR_STORE_AUTH},
    {"InsufficientStorage", ERR_STORE_FULL},
    {"InternalError", ERR_STORE_ERROR},
    {"InvalidAccessKeyId", ERR_STORE_AUTH},
    {"InvalidBucketName", ERR_STORE_NO_BUCKET},
    {"InvalidObjectName", ERR_NAME_TOO_LONG},
    {"InvalidRange", ERR_RANGE},
    {"InvalidSecurity", ERR_STORE_AUTH},
    {"InvalidToken", ERR_STORE_AUTH},
    {"KeyTooLongError", ERR_NAME_TOO_LONG},
    {"NoSuchBucket", ERR_STORE_NO_BUCKET},
    {"NoSuchKey", ERR_NOT_FOUND},
    {"NoSuchUpload", ERR_NOT_FOUND},
    {"NotImplemented", ERR_NOT_SUPPORTED},
    {"NotSignedUp", ERR_STORE_AUTH},
    {"PreconditionFailed", ERR_PRECONDITION_FAILED},
    {"QuotaExceeded", ERR_STORE_FULL},
    {"RequestTimeTooSkewed", ERR_STORE_CLOCK},
    {"RequestTimeout", ERR_STORE_BUSY},
    {"RequestExpired", ERR_STORE_CLOCK},
    {"ServiceUnavailable", ERR_STORE_BUSY},
    {"SignatureDoesNotMatch", ERR_STORE_AUTH},
    {"SlowDown", ERR_STORE_BUSY},
    {"Throttling", ERR_STORE_BUSY},
    {"TokenRefreshRequired", ERR_STORE_AUTH},
    {"TooManyRequests", ERR_STORE_BUSY},
    {"UserSuspended", ERR_STORE_DENIED},
    {"XAmzContentSHA256Mismatch", ERR_STORE_ERROR},
    {"BadDigest", ERR_STORE_ERROR},
};

static enum err_code code_of(const char *name)
{
    for (size_t i = 0; i < array_len(codes); i++)
        if (strcmp(codes[i].name, name) == 0)
            return codes[i].code;
    return ERR_OK;
}

static enum err_code code_of_status(long status)
{
    switch (status) {
    case 401:
        return ERR_STORE_AUTH;
    case 403:
        return ERR_STORE_DENIED;
    case 404:
        return ERR_NOT_FOUND;
    case 408:
    case 429:
    case 503:
        return ERR_STORE_BUSY;
    case 412:
        return ERR_PRECONDITION_FAILED;
    case 413:
        return ERR_TOO_LARGE;
    case 416:
        return ERR_RANGE;
    case 501:
        return ERR_NOT_SUPPORTED;
    case 507:
        return ERR_STORE_FULL;
    default: /* what a request got wrong once it gets wrong again */
        return status >= 500 ? ERR_STORE_ERROR : ERR_STORE_DENIED;
    }
}

/* Server text that goes into a sentence: one line, printable. */
static void plain(const char *text, char *to, size_t size)
{
    size_t n = 0;
    for (; *text && n + 1 < size; text++)
        to[n++] = (unsigned char)*text < ' ' || *text == 127 ? ' ' : *text;
    to[n] = 0;
}

static int error_of(const struct xml_node *root, long status, const char *what, struct err *err)
{
    char name[48], message[120];

    plain(xml_text(root, "Code"), name, sizeof(name));
    plain(xml_text(root, "Message"), message, sizeof(message));
    enum err_code code = code_of(name);
    if (code == ERR_OK)
        code = code_of_status(status);
    return err_set(err, code, "%.60s: %s%s%s", what, name[0] ? name : err_sentence(code),
                   name[0] || message[0] ? ": " : "", message[0] ? message : name[0] ? err_sentence(code) : "");
}

int answer_error(long status, const char *body, size_t len, const char *what, struct err *err)
{
    struct xml_node *root = len ? xml_parse(body, len, 1000, NULL) : NULL;

    if (root && strcmp(root->name, "Error") == 0 && xml_text(root, "Code")[0]) {
        int rc = error_of(root, status, what, err);
        xml_free(root);
        return rc;
    }
    xml_free(root);
    enum err_code code = code_of_status(status);
    return err_set(err, code, "%.100s: %s (HTTP %ld)", what, err_sentence(code), status);
}

int answer_hidden_error(const char *body, size_t len, const char *what, struct err *err)
{
    struct xml_node *root = len ? xml_parse(body, len, 1000, NULL) : NULL;
    int rc = 0;

    if (root && strcmp(root->name, "Error") == 0)
        rc = error_of(root, 500, what, err);
    xml_free(root);
    return rc;
}

void answer_unquote(char *etag)
{
    char *from = etag[0] == 'W' && etag[1] == '/' ? etag + 2 : etag;
    size_t len = strlen(from);

    if (len >= 2 && from[0] == '"' && from[len - 1] == '"') {
        from++;
        len -= 2;
    }
    memmove(etag, from, len);
    etag[len] = 0;
}

char *answer_text(const char *body, size_t len, const char *element)
{
    struct xml_node *root = len ? xml_parse(body, len, 1000, NULL) : NULL;
    const struct xml_node *n = root ? xml_child(root, element) : NULL;
    char *text = n ? xstrdup(n->text) : NULL;

    if (text)
        answer_unquote(text);
    xml_free(root);
    return text;
}

/* NULL when it cannot be decoded. */
static char *decode(const char *text, bool is_encoded)
{
    AUTO(buf) out = {0};

    if (!is_encoded)
        return xstrdup(text);
    buf_init(&out, KEY_MAX);
    if (text_unpercent(&out, text, strlen(text), true, NULL) < 0 || out.failed)
        return NULL;
    return buf_take(&out);
}

static void entry_from(const struct xml_node *n, bool is_encoded, struct answer_page *p)
{
    bool is_prefix = strcmp(n->name, "CommonPrefixes") == 0;
    struct answer_entry *e = &p->entries[p->count];

    *e = (struct answer_entry){.is_prefix = is_prefix};
    e->key = decode(xml_text(n, is_prefix ? "Prefix" : "Key"), is_encoded);
    if (!e->key || (!is_prefix && text_parse_u64(xml_text(n, "Size"), &e->size, NULL) < 0)) {
        free(e->key);
        p->undecodable++;
        return;
    }
    if (text_parse_rfc3339(xml_text(n, "LastModified"), &e->mtime_ms, NULL) < 0)
        e->mtime_ms = 0;
    e->etag = xstrdup(xml_text(n, "ETag"));
    answer_unquote(e->etag);
    p->count++;
}

static int by_key(const void *a, const void *b)
{
    const struct answer_entry *x = a, *y = b;
    return strcmp(x->key, y->key);
}

static char *text_or_null(const struct xml_node *root, const char *name)
{
    const char *text = xml_text(root, name);
    return text[0] ? xstrdup(text) : NULL;
}

static void page_from(const struct xml_node *root, struct answer_page *p)
{
    bool is_encoded = strcmp(xml_text(root, "EncodingType"), "url") == 0;
    size_t n = 0;

    for (const struct xml_node *c = root->child; c; c = c->next)
        n++;
    p->entries = xcalloc(n + 1, sizeof(*p->entries));
    for (const struct xml_node *c = root->child; c; c = c->next)
        if (strcmp(c->name, "Contents") == 0 || strcmp(c->name, "CommonPrefixes") == 0)
            entry_from(c, is_encoded, p);
    qsort(p->entries, p->count, sizeof(*p->entries), by_key);
    p->is_truncated = strcmp(xml_text(root, "IsTruncated"), "true") == 0;
    p->next_token = text_or_null(root, "NextContinuationToken");
    AUTO_FREE char *marker = text_or_null(root, "NextMarker");
    p->next_marker = marker ? decode(marker, is_encoded) : NULL;
}

int answer_page(const char *xml, size_t len, struct answer_page *ret, struct err *err)
{
    struct err why;

    struct xml_node *root = xml_parse(xml, len, NODES_MAX, &why);
    if (!root)
        return err_set(err, ERR_STORE_ERROR, "the listing cannot be read: %s", why.text);
    if (strcmp(root->name, "ListBucketResult") != 0) {
        int rc = err_set(err, ERR_STORE_ERROR, "the listing is a <%.40s>", root->name);
        xml_free(root);
        return rc;
    }
    *ret = (struct answer_page){0};
    page_from(root, ret);
    xml_free(root);
    return 0;
}

void answer_page_done(struct answer_page *p)
{
    for (size_t i = 0; i < p->count; i++) {
        free(p->entries[i].key);
        free(p->entries[i].etag);
    }
    free(p->entries);
    free(p->next_token);
    free(p->next_marker);
    *p = (struct answer_page){0};
}

int answer_deleted(const char *body, size_t len, size_t *ret_failed, struct err *err)
{
    struct err why;
    size_t failed = 0;

    struct xml_node *root = xml_parse(body, len, NODES_MAX, &why);
    if (!root)
        return err_set(err, ERR_STORE_ERROR, "the answer to a batch delete cannot be read: %s",
                       why.text);
    int rc = strcmp(root->name, "Error") == 0 ? error_of(root, 500, "batch delete", err) : 0;
    for (const struct xml_node *c = root->child; c && rc == 0; c = c->next) {
        if (strcmp(c->name, "Error") != 0 || strcmp(xml_text(c, "Code"), "NoSuchKey") == 0)
            continue;
        if (failed++ == 0)
            error_of(c, 500, xml_text(c, "Key"), err);
    }
    xml_free(root);
    *ret_failed = failed;
    return rc;
}
