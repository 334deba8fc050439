/* SPDX-License-Identifier: Apache-2.0
 *
 * s3_list: directories out of keys.  Keys arrive in byte order, in which all below "a/" stand
 * together, so a directory is new when it is not on the path of the key before.  A file hides a
 * directory of its name.  Keys that no path can name ("a//b", "./x") are left out, counted, and
 * reported once for each mount.  Memory: one page.  Threads: any.
 */
#include "base/log.h"
#include "base/mem.h"
#include "ufs/s3/answer.h"
#include "ufs/s3/s3_calls.h"

#include <stdio.h>
#include <string.h>

#define KEY_MAX 1024

/* Where a listing is. */
struct cursor {
    char *token, *marker;
    bool is_v1, is_end;
};

static void cursor_done(struct cursor *c)
{
    free(c->token);
    free(c->marker);
}

struct listing {
    struct s3_store *store;
    const struct ufs_call *call;
    const char *prefix; /* full: ends in '/' or is "" */
    bool recursive;
    const char *after_key; /* full key; nothing up to it is emitted; "" none */
    ufs_list_fn each;
    void *arg;
    char dir[KEY_MAX + 2];     /* the directory path of the key before, with its slash */
    struct buf files;          /* names, each with a 0, of files that begin the current name */
    bool seen;                 /* the directory exists */
};

static void next_page(struct cursor *at, struct answer_page *p)
{
    free(at->token);
    at->token = p->next_token ? xstrdup(p->next_token) : NULL;
    at->is_end = !p->is_truncated || (p->count == 0 && !p->next_token && !p->next_marker);
    if (at->is_end || (at->token && !at->is_v1))
        return;
    at->is_v1 = true; /* truncated without a token: the server speaks version 1 */
    const char *last = p->count ? p->entries[p->count - 1].key : NULL;
    free(at->marker);
    at->marker = xstrdup(p->next_marker ? p->next_marker : last ? last : "");
    at->is_end = at->marker[0] == 0;
}

static int ask(struct s3_store *s, const struct ufs_call *c, const char *prefix,
               const char *delimiter, const char *max, struct cursor *at, struct answer_page *ret,
               struct err *err)
{
    AUTO_FREE char *what = xasprintf("listing '%s/%s'", s->bucket, prefix);
    AUTO(request) r = {.method = "GET", .what = what};

    request_param(&r, "prefix", prefix);
    request_param(&r, "max-keys", max);
    request_param(&r, "encoding-type", "url");
    if (delimiter)
        request_param(&r, "delimiter", delimiter);
    if (!at->is_v1)
        request_param(&r, "list-type", "2");
    if (at->token && !at->is_v1)
        request_param(&r, "continuation-token", at->token);
    else if (at->marker)
        request_param(&r, at->is_v1 ? "marker" : "start-after", at->marker);
    int rc = request_do(s, c, &r, err);
    if (rc == -ERR_NOT_FOUND)
        return err_set(err, ERR_STORE_NO_BUCKET, "%s: there is no bucket %s", what, s->bucket);
    TRY(rc);
    TRY(answer_page(r.answer.data, r.answer.len, ret, err));
    next_page(at, ret);
    return 0;
}

/* Asks by version 2, or 1 for servers that refuse it. */
static int ask_either(struct s3_store *s, const struct ufs_call *c, const char *prefix,
                      const char *delimiter, const char *max, struct cursor *at,
                      struct answer_page *ret, struct err *err)
{
    at->is_v1 = at->is_v1 || __atomic_load_n(&s->list_v1, __ATOMIC_RELAXED);
    int rc = ask(s, c, prefix, delimiter, max, at, ret, err);
    if (rc != -ERR_NOT_SUPPORTED || at->is_v1)
        return rc;
    at->is_v1 = true;
    TRY(ask(s, c, prefix, delimiter, max, at, ret, err));
    __atomic_store_n(&s->list_v1, 1, __ATOMIC_RELAXED);
    return 0;
}

int s3_list_count(struct s3_store *s, const struct ufs_call *c, const char *prefix,
                  const char *except, unsigned max, unsigned *ret, struct err *err)
{
    AUTO(cursor) at = {0};
    struct answer_page p;
    char limit[16];

    snprintf(limit, sizeof(limit), "%u", max);
    TRY(ask_either(s, c, prefix, NULL, limit, &at, &p, err));
    *ret = p.undecodable;
    for (size_t i = 0; i < p.count; i++)
        *ret += !except || strcmp(p.entries[i].key, except) != 0;
    answer_page_done(&p);
    return 0;
}

static void skip(struct listing *l, const char *key)
{
    if (__atomic_fetch_add(&l->store->skipped, 1, __ATOMIC_RELAXED) == 0)
        log_warn(ufs, "bucket %s has keys that no path can name, such as '%.100s'; they are left out",
                 l->store->bucket, key);
}

static bool is_component(const char *name, size_t len)
{
    return len > 0 && !(len == 1 && name[0] == '.') && !(len == 2 && name[0] == '.' && name[1] == '.');
}

static bool is_path(const char *rel)
{
    while (*rel) {
        size_t n = strcspn(rel, "/");
        if (!is_component(rel, n))
            return false;
        rel += n + (rel[n] == '/');
    }
    return true;
}

/* Forgets files that cannot be directories of what comes now; tells whether one is (of `len` bytes). */
static bool is_hidden(struct listing *l, const char *name, size_t len)
{
    size_t kept = 0;
    bool found = false;

    for (size_t at = 0; at < l->files.len;) {
        const char *file = l->files.data + at;
        size_t n = strlen(file);
        at += n + 1;
        if (strncmp(file, name, n) != 0)
            break; /* each is the beginning of the next */
        found = found || (n < len && name[n] == '/') || n == len;
        kept = at;
    }
    l->files.len = kept;
    return found;
}

static int emit(struct listing *l, const char *name, const struct ufs_stat *st, struct err *err)
{
    int rc = l->each(l->arg, name, st, err);

    if (rc == 0 && st->type == UFS_FILE)
        buf_add(&l->files, name, strlen(name) + 1);
    return rc;
}

/* Directories on the way to `rel` that the key before did not pass. */
static int emit_directories(struct listing *l, const char *rel, struct err *err)
{
    const struct ufs_stat st = {.type = UFS_DIRECTORY, .mode = l->store->mode};
    size_t skip_to = strlen(l->prefix);

    for (const char *slash = strchr(rel, '/'); slash; slash = strchr(slash + 1, '/')) {
        size_t len = (size_t)(slash - rel);
        if (strncmp(l->dir, rel, len + 1) == 0)
            continue;
        AUTO_FREE char *name = xstrndup(rel, len);
        if (strncmp(l->after_key, l->prefix, skip_to) == 0 &&
            strncmp(l->after_key + skip_to, rel, len + 1) == 0)
            continue; /* emitted before `after` was */
        int rc = l->each(l->arg, name, &st, err);
        if (rc)
            return rc;
    }
    const char *last = strrchr(rel, '/');
    snprintf(l->dir, sizeof(l->dir), "%.*s", (int)(last ? last - rel + 1 : 0), rel);
    return 0;
}

static int take(struct listing *l, const struct answer_entry *e, struct err *err)
{
    const char *rel = e->key + strlen(l->prefix);
    size_t len = strlen(rel);

    if (strncmp(e->key, l->prefix, strlen(l->prefix)) != 0 || strcmp(e->key, l->after_key) <= 0)
        return 0;
    l->seen = true;
    if (len == 0)
        return 0; /* the directory's own marker */
    if (!is_path(rel) || len > KEY_MAX) {
        skip(l, e->key);
        return 0;
    }
    if (is_hidden(l, rel, rel[len - 1] == '/' ? len - 1 : len)) {
        skip(l, e->key);
        return 0;
    }
    int rc = emit_directories(l, rel, err);
    if (rc || rel[len - 1] == '/')
        return rc;
    struct ufs_stat st = {.type = UFS_FILE, .length = e->size, .mtime_ms = e->mtime_ms,
                          .mode = l->store->mode};
    snprintf(st.etag, sizeof(st.etag), "%.71s", e->etag);
    return emit(l, rel, &st, err);
}

static int take_page(struct listing *l, const struct answer_page *p, struct err *err)
{
    l->seen = l->seen || p->undecodable;
    for (unsigned i = 0; i < p->undecodable; i++)
        skip(l, l->prefix);
    for (size_t i = 0; i < p->count; i++) {
        int rc = take(l, &p->entries[i], err);
        if (rc)
            return rc;
    }
    return 0;
}

static int run(struct listing *l, struct err *err)
{
    AUTO(cursor) at = {.marker = l->after_key[0] ? xstrdup(l->after_key) : NULL};
    struct answer_page p;
    int rc = 0;

    while (rc == 0 && !at.is_end) {
        TRY(ask_either(l->store, l->call, l->prefix, l->recursive ? NULL : "/", "1000", &at, &p, err));
        rc = take_page(l, &p, err);
        answer_page_done(&p);
    }
    return rc;
}

/* Nothing begins with the prefix: there is no such directory, or it is a file. */
static int explain_empty(struct s3_store *s, const struct ufs_call *c, const char *key,
                         const char *full, struct err *err)
{
    struct ufs_stat st;

    int rc = s3_head(s, c, full, &st, err);
    if (rc == 0)
        return err_set(err, ERR_NOT_DIRECTORY, "'/%s' is a file", key);
    return rc;
}

/* Behind the directory "d/" in a listing of children is behind all keys below it. */
static char *start_key(const char *prefix, const char *after, bool recursive)
{
    size_t len = after ? strlen(after) : 0;

    if (!len)
        return xstrdup("");
    if (after[len - 1] == '/' && !recursive)
        return xasprintf("%s%s\xf4\x8f\xbf\xbf", prefix, after); /* U+10FFFF sorts last */
    return xasprintf("%s%s", prefix, after);
}

int s3_list(struct ufs *u, const struct ufs_call *c, const char *key, bool recursive,
            const char *after, ufs_list_fn each, void *arg, struct err *err)
{
    struct s3_store *s = (struct s3_store *)u;
    AUTO_FREE char *full = NULL;

    TRY(request_key(s, key, &full, err));
    AUTO_FREE char *prefix = xasprintf("%s%s", full, key[0] ? "/" : "");
    AUTO_FREE char *from = start_key(prefix, after, recursive);
    AUTO_FREE struct listing *l = xnew(struct listing);
    *l = (struct listing){.store = s, .call = c, .prefix = prefix, .recursive = recursive,
                          .after_key = from, .each = each, .arg = arg};
    buf_init(&l->files, BUF_MAX_ANY);
    int rc = run(l, err);
    buf_done(&l->files);
    if (rc == 0 && !l->seen && !after && key[0])
        return explain_empty(s, c, key, full, err);
    return rc;
}
