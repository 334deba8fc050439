/* SPDX-License-Identifier: Apache-2.0
 *
 * content: file bytes out and in.  Range and conditions follow RFC 9110: one range is answered with
 * 206, several or a malformed one with the whole file.  The head is sent with the first byte, so that a file that turns
 * out to have changed in its store can still be read anew.  Threads: any.
 */
#include "rest/v1/parse.h"
#include "rest/v1/rq.h"

enum { KEYED_BODY_MAX = 1 << 20 };

struct get_state {
    struct sink sink; /* begins the answer at the first slice */
    struct rq *q;
    uint64_t off, len, total;
    bool is_range, is_not_modified;
    const char *type;
    char tag[64], modified[32], range[80];
};

static const char *type_of(const char *name)
{
    static const char *const types[][2] = {
        {".txt", "text/plain; charset=utf-8"}, {".csv", "text/csv; charset=utf-8"}, {".json", "application/json"}, {".html", "text/html"}, {".png", "image/png"},
        {".jpg", "image/jpeg"}, {".jpeg", "image/jpeg"}, {".gif", "image/gif"}, {".webp", "image/webp"}, {".pdf", "application/pdf"}, {".mp4", "video/mp4"},
        {".mp3", "audio/mpeg"}, {".zip", "application/zip"}, {".gz", "application/gzip"}, {".xml", "application/xml"}, {".md", "text/markdown; charset=utf-8"}};
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot && i < array_len(types); i++)
        if (!strcmp(dot, types[i][0]))
            return types[i][1];
    return "application/octet-stream";
}

static bool matches(const char *list, const char *tag)
{
    return !strcmp(list, "*") || strstr(list, tag);
}

static int check_conditions(struct get_state *s, struct err *err)
{
    const char *if_match = http_header(s->q->http, "If-Match");
    const char *if_none_match = http_header(s->q->http, "If-None-Match");
    if (if_match && !file_tag_matches(if_match, s->tag))
        return err_set(err, ERR_PRECONDITION_FAILED, "the file has changed: its tag is %s", s->tag);
    if (if_none_match && matches(if_none_match, s->tag))
        s->is_not_modified = true;
    return 0;
}

static int choose_range(void *arg, const struct read_plan *plan, uint64_t *off, uint64_t *len, struct err *err)
{
    struct get_state *s = arg;
    struct http_request *http = s->q->http;
    const struct inode *i = &plan->info.inode;
    s->total = plan->content.length;
    file_info_tag(i, s->tag);
    text_http_date(i->mtime_ms, s->modified);
    s->type = type_of(plan->info.name);
    s->is_not_modified = false;
    TRY(check_conditions(s, err));
    const char *if_range = http_header(http, "If-Range");
    s->off = 0;
    s->len = s->total;
    s->is_range = (!if_range || !strcmp(if_range, s->tag)) && parse_range(http_header(http, "Range"), s->total, &s->off, &s->len);
    if (s->is_range && s->len == 0) {
        snprintf(s->range, sizeof s->range, "bytes */%llu", (unsigned long long)s->total);
        http_add_header(http, "Content-Range", s->range);
        return err_set(err, ERR_RANGE, "the range begins behind the end: the file has %llu bytes", (unsigned long long)s->total);
    }
    *off = s->off;
    *len = s->is_not_modified || !strcmp(http_method(http), "HEAD") ? 0 : s->len;
    return 0;
}

static void begin(struct get_state *s)
{
    struct rq *q = s->q;
    struct http_request *http = q->http;
    http_add_header(http, "X-Request-Id", q->request_id);
    http_add_header(http, "ETag", s->tag);
    http_add_header(http, "Last-Modified", s->modified);
    http_add_header(http, "Accept-Ranges", "bytes");
    http_add_header(http, "Cache-Control", "private, no-cache");
    http_add_header(http, "Content-Security-Policy", "sandbox"); /* foreign HTML and SVG never act as a page of ours */
    if (s->is_range) {
        snprintf(s->range, sizeof s->range, "bytes %llu-%llu/%llu", (unsigned long long)s->off,
                 (unsigned long long)(s->off + s->len - 1), (unsigned long long)s->total);
        http_add_header(http, "Content-Range", s->range);
    }
    if (rq_flag(q, "download")) {
        AUTO(buf) line = {.max = 4096};
        const char *name = strrchr(q->target, '/') + 1;
        buf_adds(&line, "attachment; filename*=UTF-8''");
        text_percent(&line, name, strlen(name), "");
        http_add_header(http, "Content-Disposition", buf_str(&line));
    }
    http_begin(http, s->is_not_modified ? 304 : s->is_range ? 206 : 200, s->type, s->is_not_modified ? 0 : (int64_t)s->len);
}

static int get_push(struct sink *sink, const struct slice *slice, struct err *err)
{
    struct get_state *s = (struct get_state *)sink;
    if (!http_is_answered(s->q->http))
        begin(s);
    struct sink *to = http_sink(s->q->http);
    return to->push(to, slice, err);
}

int route_files_content(struct rq *q, struct err *err)
{
    struct get_state s = {.sink.push = get_push, .q = q};
    struct read_options o;
    enum read_type type = 0;
    const char *wanted = rq_query(q, "read_type");
    if (wanted)
        TRY(read_type_parse(wanted, &type, err));
    TRY(fs_read(q->fs, &q->call, q->target, rq_read_options(q, &o), type, choose_range, &s, &s.sink, err));
    if (!http_is_answered(q->http))
        begin(&s);
    http_end(q->http, true);
    return 0;
}

static int put_options(struct rq *q, struct create_options *o, struct err *err)
{
    const char *wanted = rq_query(q, "write_type"), *none = http_header(q->http, "If-None-Match");
    *o = (struct create_options){.is_recursive = rq_flag(q, "recursive"), .overwrite = rq_flag(q, "overwrite"), .mode = -1,
                                 .block_size = (uint64_t)rq_int(q, "block_size", 0), .ttl_ms = -2, .replication_max = -1,
                                 .if_match = rq_if_match(q), .if_none_match = none && !strcmp(none, "*"),
                                 .mtime_ms = rq_time(q, "modified", 0), .content_type = http_header(q->http, "Content-Type")};
    TRY(rq_mode(rq_query(q, "mode"), &o->mode, err));
    if (o->if_match)
        o->overwrite = true;
    return wanted ? write_type_parse(wanted, &o->write_type, err) : 0;
}

/* What would be taken for something else than asked: a part of a file for the whole, or replaced though the caller said not to. */
static int check_put(struct rq *q, struct err *err)
{
    const char *none = http_header(q->http, "If-None-Match");
    if (http_header(q->http, "Content-Range"))
        return err_set(err, ERR_INVALID_ARGUMENT, "a file is written as a whole: Content-Range is not possible here");
    if (none && strcmp(none, "*") != 0)
        return err_set(err, ERR_INVALID_ARGUMENT, "If-None-Match of a write can only be *");
    return 0;
}

/* Content that fits into memory is compared byte by byte with what came under the same key; of larger one only what the head says. */
struct memory_source {
    struct source source;
    struct buf bytes;
    size_t off;
};

static int memory_pull(struct source *src, void *to, size_t cap, size_t *ret_len, struct err *err)
{
    (void)err;
    struct memory_source *m = (struct memory_source *)src;
    size_t left = m->bytes.len - m->off;
    *ret_len = left < cap ? left : cap;
    if (*ret_len)
        memcpy(to, m->bytes.data + m->off, *ret_len);
    m->off += *ret_len;
    return 0;
}

static int write_content(struct rq *q, const struct create_options *o, struct err *err)
{
    int64_t len = http_body_length(q->http);
    if (!q->call.idempotency_key || len < 0 || len > KEYED_BODY_MAX)
        return fs_write(q->fs, &q->call, q->target, o, http_body(q->http), err);
    struct memory_source m = {.source = {memory_pull, len}};
    buf_init(&m.bytes, KEYED_BODY_MAX + 1);
    int rc = http_body_read(q->http, KEYED_BODY_MAX, &m.bytes, err);
    if (!rc) {
        q->call.request_print = text_print(q->call.request_print, m.bytes.data, m.bytes.len);
        rc = fs_write(q->fs, &q->call, q->target, o, &m.source, err);
    }
    buf_done(&m.bytes);
    return rc;
}

int route_files_put_content(struct rq *q, struct err *err)
{
    const struct meta_api *meta = fs_meta(q->fs);
    struct create_options o;
    struct read_plan before = {0};
    struct read_options quiet = {.load = LOAD_NEVER, .sync_interval_ms = -1};
    TRY(check_put(q, err));
    TRY(put_options(q, &o, err));
    if (o.overwrite && meta->stat(meta->impl, &q->call, q->target, &quiet, &before, NULL) == 0)
        q->status = 200; /* replaced */
    read_plan_done(&before);
    TRY(write_content(q, &o, err));
    if (q->call.is_dry_run) {
        rq_put_change(q);
        return 0;
    }
    return rq_put_entry(q, q->target, err);
}
