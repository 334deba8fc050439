/* SPDX-License-Identifier: Apache-2.0
 *
 * s3_read: status and bytes of objects.  A file hides a directory of the same name.  A server that
 * ignores ranges or conditions is found out before a byte is passed on.  Threads: any.
 */
#include "base/mem.h"
#include "ufs/s3/s3_calls.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void from_answer(const struct s3_store *s, const struct request *r, struct ufs_stat *ret)
{
    *ret = (struct ufs_stat){.type = UFS_FILE,
                             .length = r->length > 0 ? (uint64_t)r->length : 0,
                             .mtime_ms = r->mtime_ms,
                             .mode = s->mode};
    snprintf(ret->etag, sizeof(ret->etag), "%s", r->etag);
}

/* HEAD has no body to say why: a listing of nothing tells credentials and rights apart. */
static int explain_denied(struct s3_store *s, const struct ufs_call *c, const char *full, int rc,
                          struct err *err)
{
    unsigned n;
    struct err why;

    int asked = s3_list_count(s, c, full, NULL, 1, &n, &why);
    if (asked == 0)
        return rc;
    if (err)
        *err = why;
    return asked;
}

int s3_head(struct s3_store *s, const struct ufs_call *c, const char *full, struct ufs_stat *ret,
            struct err *err)
{
    AUTO_FREE char *what = xasprintf("looking at '%s'", full);
    AUTO(request) r = {.method = "HEAD", .key = full, .what = what};

    int rc = request_do(s, c, &r, err);
    if (rc == -ERR_STORE_DENIED && (r.status == 403 || r.status == 400))
        return explain_denied(s, c, full, rc, err);
    TRY(rc);
    from_answer(s, &r, ret);
    return 0;
}

static int stat_directory(struct s3_store *s, const struct ufs_call *c, const char *full,
                          struct ufs_stat *ret, struct err *err)
{
    AUTO_FREE char *prefix = xasprintf("%s%s", full, full[0] ? "/" : "");
    unsigned n = 0;

    TRY(s3_list_count(s, c, prefix, NULL, 1, &n, err));
    if (n == 0)
        return err_set(err, ERR_NOT_FOUND, "the bucket has no '%s'", full);
    *ret = (struct ufs_stat){.type = UFS_DIRECTORY, .mode = s->mode};
    return 0;
}

/* The root is there as soon as the bucket answers. */
static int stat_root(struct s3_store *s, const struct ufs_call *c, struct ufs_stat *ret,
                     struct err *err)
{
    unsigned n;

    TRY(s3_list_count(s, c, s->prefix, NULL, 1, &n, err));
    *ret = (struct ufs_stat){.type = UFS_DIRECTORY, .mode = s->mode};
    return 0;
}

int s3_stat(struct ufs *u, const struct ufs_call *c, const char *key, struct ufs_stat *ret,
            struct err *err)
{
    struct s3_store *s = (struct s3_store *)u;
    AUTO_FREE char *full = NULL;

    if (!key[0])
        return stat_root(s, c, ret, err);
    TRY(request_key(s, key, &full, err));
    int rc = s3_head(s, c, full, ret, err);
    return rc == -ERR_NOT_FOUND ? stat_directory(s, c, full, ret, err) : rc;
}

/* Checks the answer at its first byte and lets no more than was asked through. */
struct range_sink {
    struct sink sink;
    struct sink *to;
    const struct request *request;
    const char *etag;
    uint64_t off, len, pushed;
};

static int check_answer(const struct range_sink *g, struct err *err)
{
    const struct request *r = g->request;

    if (g->etag && strcmp(r->etag, g->etag) != 0)
        return err_set(err, ERR_PRECONDITION_FAILED, "'%s' has changed", r->key);
    uint64_t start = 0;
    if (strncmp(r->content_range, "bytes ", 6) == 0)
        start = strtoull(r->content_range + 6, NULL, 10);
    if (start != g->off)
        return err_set(err, ERR_STORE_ERROR, "the store sent another range of '%s' than was asked",
                       r->key);
    return 0;
}

static int range_push(struct sink *sink, const struct slice *slice, struct err *err)
{
    struct range_sink *g = (struct range_sink *)sink;
    struct slice part = *slice;

    if (g->pushed == 0)
        TRY(check_answer(g, err));
    if (part.len > g->len - g->pushed)
        return err_set(err, ERR_STORE_ERROR, "the store sent more of '%s' than was asked",
                       g->request->key);
    g->pushed += part.len;
    return g->to->push(g->to, &part, err);
}

/* The answer ended; did it bring all there is? Length of the object from "bytes a-b/n". */
static int check_whole(const struct range_sink *g, struct err *err)
{
    const char *slash = strchr(g->request->content_range, '/');
    uint64_t total = slash && slash[1] != '*' ? strtoull(slash + 1, NULL, 10) : UINT64_MAX;

    if (total == UINT64_MAX || g->off >= total)
        return 0;
    uint64_t expected = g->len < total - g->off ? g->len : total - g->off;
    if (g->pushed != expected)
        return err_set(err, ERR_STORE_ERROR, "'%s' ended after %llu of %llu bytes", g->request->key,
                       (unsigned long long)g->pushed, (unsigned long long)expected);
    return 0;
}

int s3_read(struct ufs *u, const struct ufs_call *c, const char *key, uint64_t off, uint64_t len,
            const char *etag, struct sink *to, struct err *err)
{
    struct s3_store *s = (struct s3_store *)u;
    AUTO_FREE char *full = NULL;
    char range[64], quoted[80];

    TRY(request_key(s, key, &full, err));
    AUTO_FREE char *what = xasprintf("reading '%s'", full);
    AUTO(request) r = {.method = "GET", .key = full, .what = what};
    struct range_sink g = {{range_push}, to, &r, etag, off, len, 0};
    r.sink = &g.sink;
    if (len == 0)
        return 0;
    if (off > 0 || len < INT64_MAX) {
        if (len < INT64_MAX - off)
            snprintf(range, sizeof(range), "bytes=%llu-%llu", (unsigned long long)off,
                     (unsigned long long)(off + len - 1));
        else
            snprintf(range, sizeof(range), "bytes=%llu-", (unsigned long long)off);
        request_header(&r, "range", range);
    }
    if (etag) {
        snprintf(quoted, sizeof(quoted), "\"%s\"", etag);
        request_header(&r, "if-match", quoted);
    }
    int rc = request_do(s, c, &r, err);
    if (rc == -ERR_RANGE)
        return 0; /* behind the end */
    TRY(rc);
    return check_whole(&g, err);
}
