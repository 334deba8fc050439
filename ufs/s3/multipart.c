/* SPDX-License-Identifier: Apache-2.0
 *
 * multipart: an object made of parts: begin, put or copy parts in order, end.  Until the end nothing
 * is to be seen; an upload that is given up is aborted, also when the deadline has passed, because
 * parts that stay behind cost money and are in no listing.  Threads: one at a time for each upload.
 */
#include "base/clock.h"
#include "base/mem.h"
#include "base/xml.h"
#include "ufs/backoff.h"
#include "ufs/s3/answer.h"
#include "ufs/s3/s3_calls.h"

#include <stdio.h>
#include <string.h>

#define ABORT_MS 5000
#define ATTEMPTS 4

int multipart_begin(struct multipart *m, struct err *err)
{
    AUTO_FREE char *what = xasprintf("starting to write '%s'", m->full);
    AUTO(request) r = {.method = "POST", .key = m->full, .what = what, .body = ""};

    buf_init(&m->parts, BUF_MAX_ANY);
    request_param(&r, "uploads", "");
    if (m->store->encrypt)
        request_header(&r, "x-amz-server-side-encryption", "AES256");
    TRY(request_retry(m->store, m->call, &r, err));
    m->id = answer_text(r.answer.data, r.answer.len, "UploadId");
    if (!m->id)
        return err_set(err, ERR_STORE_ERROR, "%s: the store gave no id for the upload", what);
    return 0;
}

static int note_part(struct multipart *m, const char *etag, struct err *err)
{
    if (!etag || !etag[0])
        return err_set(err, ERR_STORE_ERROR, "the store gave no ETag for part %u of '%s'", m->count,
                       m->full);
    buf_addf(&m->parts, "<Part><PartNumber>%u</PartNumber><ETag>&quot;", m->count);
    xml_escape(&m->parts, etag, strlen(etag));
    buf_adds(&m->parts, "&quot;</ETag></Part>");
    return 0;
}

int multipart_put(struct multipart *m, const void *data, size_t len, struct err *err)
{
    AUTO_FREE char *what = xasprintf("writing part %u of '%s'", ++m->count, m->full);
    AUTO(request) r = {.method = "PUT", .key = m->full, .what = what, .body = data, .body_len = len};
    char number[16];

    snprintf(number, sizeof(number), "%u", m->count);
    request_param(&r, "partNumber", number);
    request_param(&r, "uploadId", m->id);
    TRY(request_retry(m->store, m->call, &r, err));
    return note_part(m, r.etag, err);
}

int multipart_copy(struct multipart *m, const char *source, const char *etag, uint64_t off,
                   uint64_t len, struct err *err)
{
    AUTO_FREE char *what = xasprintf("copying part %u of '%s'", ++m->count, m->full);
    AUTO_FREE char *quoted = xasprintf("\"%s\"", etag);
    AUTO(request) r = {.method = "PUT", .key = m->full, .what = what, .body = ""};
    char number[16], range[64];

    snprintf(number, sizeof(number), "%u", m->count);
    snprintf(range, sizeof(range), "bytes=%llu-%llu", (unsigned long long)off,
             (unsigned long long)(off + len - 1));
    request_param(&r, "partNumber", number);
    request_param(&r, "uploadId", m->id);
    request_header(&r, "x-amz-copy-source", source);
    request_header(&r, "x-amz-copy-source-range", range);
    request_header(&r, "x-amz-copy-source-if-match", quoted);
    TRY(request_retry(m->store, m->call, &r, err));
    TRY(answer_hidden_error(r.answer.data, r.answer.len, what, err));
    AUTO_FREE char *part = answer_text(r.answer.data, r.answer.len, "ETag");
    return note_part(m, part, err);
}

static int complete_once(struct multipart *m, const char *what, const struct buf *body,
                         struct err *err)
{
    AUTO(request) r = {.method = "POST", .key = m->full, .what = what, .body = body->data,
                       .body_len = body->len};

    request_param(&r, "uploadId", m->id);
    request_header(&r, "content-type", "application/xml");
    TRY(request_do(m->store, m->call, &r, err));
    return answer_hidden_error(r.answer.data, r.answer.len, what, err);
}

/* RGW leaves the ETag out of its answer, and a completed upload may be gone when it is asked about again: the object
 * itself tells. */
int multipart_end(struct multipart *m, uint64_t length, struct ufs_stat *ret, struct err *err)
{
    AUTO_FREE char *what = xasprintf("finishing '%s'", m->full);
    AUTO(buf) body = {0};
    struct ufs_stat st;
    int rc;

    buf_init(&body, BUF_MAX_ANY);
    buf_addf(&body, "<CompleteMultipartUpload>%s</CompleteMultipartUpload>", buf_str(&m->parts));
    for (unsigned i = 0;; i++) {
        rc = complete_once(m, what, &body, err);
        if (rc == -ERR_NOT_FOUND && i > 0)
            rc = 0; /* ended by the attempt whose answer was lost; the length below decides */
        if (!backoff_is_passing(rc) || i + 1 >= ATTEMPTS || !backoff_wait(i, m->call->deadline_ms))
            break;
    }
    TRY(rc);
    free(m->id);
    m->id = NULL;
    TRY(s3_head(m->store, m->call, m->full, &st, err));
    if (st.length != length)
        return err_set(err, ERR_STORE_ERROR, "'%s' has %llu bytes after %llu were written", m->full,
                       (unsigned long long)st.length, (unsigned long long)length);
    if (ret)
        *ret = st;
    return 0;
}

void multipart_done(struct multipart *m)
{
    if (m->id) {
        struct ufs_call last = {.deadline_ms = clock_mono_ms() + ABORT_MS};
        AUTO(request) r = {.method = "DELETE", .key = m->full, .what = "giving up an upload"};
        request_param(&r, "uploadId", m->id);
        int ignored = request_retry(m->store, &last, &r, NULL);
        (void)ignored; /* the store's own clean-up of old uploads is left */
    }
    free(m->id);
    buf_done(&m->parts);
}
