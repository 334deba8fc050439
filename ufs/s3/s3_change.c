/* SPDX-License-Identifier: Apache-2.0
 *
 * s3_change: removing, folders and copies.  A folder is an empty object whose key ends in '/'; made
 * so that it stays when nothing is in it, together with parents that nothing else infers.
 * The retry filter repeats these calls; only parts of a copy are repeated here.  Threads: any.
 */
#include "base/crypto.h"
#include "base/mem.h"
#include "base/text.h"
#include "base/xml.h"
#include "ufs/s3/answer.h"
#include "ufs/s3/s3_calls.h"

#include <stdio.h>
#include <string.h>

#define BATCH 1000

static int delete_key(struct s3_store *s, const struct ufs_call *c, const char *full,
                      struct err *err)
{
    AUTO_FREE char *what = xasprintf("removing '%s'", full);
    AUTO(request) r = {.method = "DELETE", .key = full, .what = what};

    int rc = request_do(s, c, &r, err);
    return rc == -ERR_NOT_FOUND ? 0 : rc;
}

int s3_remove(struct ufs *u, const struct ufs_call *c, const char *key, struct err *err)
{
    struct s3_store *s = (struct s3_store *)u;
    AUTO_FREE char *full = NULL;

    TRY(request_key(s, key, &full, err));
    return delete_key(s, c, full, err);
}

/* Characters that XML 1.0 cannot carry. */
static bool needs_single(const char *key)
{
    for (; *key; key++)
        if ((unsigned char)*key < ' ')
            return true;
    return false;
}

/* Swift refuses a batch without Content-MD5. */
static int delete_batch(struct s3_store *s, const struct ufs_call *c, const struct buf *body,
                        size_t n, struct err *err)
{
    AUTO(request) r = {.method = "POST", .what = "removing files", .body = body->data,
                       .body_len = body->len};
    AUTO(buf) md5 = {0};
    uint8_t hash[MD5_LEN];
    size_t failed;
    struct err first = {0};

    buf_init(&md5, 64);
    crypto_md5(body->data, body->len, hash);
    text_base64(&md5, hash, sizeof(hash));
    request_param(&r, "delete", "");
    request_header(&r, "content-md5", buf_str(&md5));
    request_header(&r, "content-type", "application/xml");
    TRY(request_do(s, c, &r, err));
    TRY(answer_deleted(r.answer.data, r.answer.len, &failed, &first));
    if (failed)
        return err_set(err, first.code, "%zu of %zu files were not removed: %s", failed, n,
                       first.text);
    return 0;
}

/* Up to BATCH keys from *at on; those that need it go one by one. */
static int remove_some(struct s3_store *s, const struct ufs_call *c, const char *const *keys,
                       size_t n, size_t *at, struct err *err)
{
    AUTO(buf) body = {0};
    size_t count = 0;

    buf_init(&body, BUF_MAX_ANY);
    buf_adds(&body, "<Delete><Quiet>true</Quiet>");
    for (; *at < n && count < BATCH; ++*at) {
        AUTO_FREE char *full = NULL;
        TRY(request_key(s, keys[*at], &full, err));
        if (!s->bulk_delete || needs_single(full)) {
            TRY(delete_key(s, c, full, err));
            continue;
        }
        buf_adds(&body, "<Object><Key>");
        xml_escape(&body, full, strlen(full));
        buf_adds(&body, "</Key></Object>");
        count++;
    }
    buf_adds(&body, "</Delete>");
    return count ? delete_batch(s, c, &body, count, err) : 0;
}

int s3_remove_many(struct ufs *u, const struct ufs_call *c, const char *const *keys, size_t n,
                   struct err *err)
{
    struct s3_store *s = (struct s3_store *)u;
    struct err why;
    int rc = 0;

    for (size_t at = 0; at < n;) {
        int one = remove_some(s, c, keys, n, &at, &why);
        if (one < 0 && rc == 0) {
            rc = one;
            if (err)
                *err = why;
        }
        if (one < 0 && one != -ERR_STORE_DENIED)
            break; /* what follows would fail alike */
    }
    return rc;
}

static int put_marker(struct s3_store *s, const struct ufs_call *c, const char *dir, size_t len,
                      struct err *err)
{
    AUTO_FREE char *marker = xasprintf("%.*s/", (int)len, dir);
    AUTO_FREE char *what = xasprintf("making '%s'", marker);
    AUTO(request) r = {.method = "PUT", .key = marker, .what = what, .body = ""};

    request_header(&r, "content-type", "application/x-directory");
    return request_do(s, c, &r, err);
}

/* Markers from the deepest missing parent up; the first that is there ends it. */
static int make_parents(struct s3_store *s, const struct ufs_call *c, const char *full,
                        struct err *err)
{
    size_t len = strlen(full);

    for (;;) {
        while (len > strlen(s->prefix) && full[len - 1] != '/')
            len--;
        if (len <= strlen(s->prefix))
            return 0;
        AUTO_FREE char *parent = xstrndup(full, len);
        unsigned n = 0;
        TRY(s3_list_count(s, c, parent, NULL, 1, &n, err));
        if (n)
            return 0;
        TRY(put_marker(s, c, full, --len, err));
    }
}

int s3_mkdir(struct ufs *u, const struct ufs_call *c, const char *key, unsigned mode,
             struct err *err)
{
    struct s3_store *s = (struct s3_store *)u;
    AUTO_FREE char *full = NULL;
    struct ufs_stat st;
    (void)mode;

    if (!key[0])
        return 0;
    TRY(request_key(s, key, &full, err));
    int rc = s3_stat(u, c, key, &st, err);
    if (rc == 0 && st.type == UFS_FILE)
        return err_set(err, ERR_NOT_DIRECTORY, "'/%s' is a file", key);
    if (rc < 0 && rc != -ERR_NOT_FOUND)
        return rc;
    TRY(make_parents(s, c, full, err));
    return put_marker(s, c, full, strlen(full), err);
}

int s3_rmdir(struct ufs *u, const struct ufs_call *c, const char *key, struct err *err)
{
    struct s3_store *s = (struct s3_store *)u;
    AUTO_FREE char *full = NULL;
    unsigned n = 0;

    if (!key[0])
        return err_set(err, ERR_INVALID_PATH, "the root of a store cannot be removed");
    TRY(request_key(s, key, &full, err));
    AUTO_FREE char *marker = xasprintf("%s/", full);
    TRY(s3_list_count(s, c, marker, marker, 2, &n, err));
    if (n)
        return err_set(err, ERR_NOT_EMPTY, "directory '/%s' is not empty", key);
    return delete_key(s, c, marker, err);
}

static int copy_parts(struct s3_store *s, const struct ufs_call *c, const char *source,
                      const struct ufs_stat *st, const char *to, struct err *err)
{
    AUTO(multipart) m = {.store = s, .call = c, .full = to};

    TRY(multipart_begin(&m, err));
    for (uint64_t off = 0; off < st->length; off += s->copy_max) {
        uint64_t left = st->length - off;
        TRY(multipart_copy(&m, source, st->etag, off, left < s->copy_max ? left : s->copy_max, err));
    }
    return multipart_end(&m, st->length, NULL, err);
}

static int copy_whole(struct s3_store *s, const struct ufs_call *c, const char *source,
                      const char *to, struct err *err)
{
    AUTO_FREE char *what = xasprintf("copying to '%s'", to);
    AUTO(request) r = {.method = "PUT", .key = to, .what = what, .body = ""};

    request_header(&r, "x-amz-copy-source", source);
    if (s->encrypt)
        request_header(&r, "x-amz-server-side-encryption", "AES256");
    TRY(request_do(s, c, &r, err));
    return answer_hidden_error(r.answer.data, r.answer.len, what, err);
}

int s3_copy(struct ufs *u, const struct ufs_call *c, const char *from, const char *to,
            struct err *err)
{
    struct s3_store *s = (struct s3_store *)u;
    AUTO_FREE char *full_from = NULL, *full_to = NULL;
    AUTO(buf) source = {0};
    struct ufs_stat st;

    TRY(request_key(s, from, &full_from, err));
    TRY(request_key(s, to, &full_to, err));
    if (strcmp(from, to) == 0)
        return 0;
    TRY(s3_head(s, c, full_from, &st, err));
    buf_init(&source, BUF_MAX_ANY);
    buf_addf(&source, "/%s/", s->bucket);
    text_percent(&source, full_from, strlen(full_from), "/");
    if (st.length > s->copy_max)
        return copy_parts(s, c, buf_str(&source), &st, full_to, err);
    return copy_whole(s, c, buf_str(&source), full_to, err);
}
