/* SPDX-License-Identifier: Apache-2.0
 *
 * router: from a request to the row of routes.def, the checks that all share, and the answer.
 * Threads: any of the server's pool.
 */
#include "api/path.h"
#include "base/crypto.h"
#include "base/conf.h"
#include "base/log.h"
#include "base/metrics.h"
#include "rest/ui/ui.h"
#include "rest/v1/openapi.h"
#include "rest/v1/rq.h"

#include <strings.h>

#define BASE "/api/v1"

const struct route routes[] = {
#define ROUTE(id, method, path, selector, role, flags, query, body, answer, status, summary)       \
    {#id, method, path, selector, ROLE_##role, flags, &schema_##query, &schema_##body, &schema_##answer, status, summary, route_##id},
#include "rest/v1/routes.def"
#undef ROUTE
};
const size_t route_count = array_len(routes);

enum { M_REQUESTS, M_ERRORS, M_FAULTS, M_BYTES_OUT, M_TIME, M_COUNT };
static struct metric metric_table[M_COUNT] = {
    [M_REQUESTS] = {.name = "Master.TotalRpcs", .kind = METRIC_COUNTER, .help = "Requests answered"},
    [M_ERRORS] = {.name = "Rest.ClientErrors", .kind = METRIC_COUNTER, .help = "Answers 4xx"},
    [M_FAULTS] = {.name = "Rest.ServerErrors", .kind = METRIC_COUNTER, .help = "Answers 5xx"},
    [M_BYTES_OUT] = {.name = "Rest.BytesSent", .kind = METRIC_COUNTER, .help = "Bytes of bodies sent"},
    [M_TIME] = {.name = "Rest.RequestTime", .kind = METRIC_HISTOGRAM, .help = "Time to answer in us"},
};

void rest_metrics_register(void)
{
    metrics_register(metric_table, M_COUNT);
}

/* A route's path taken apart once, because each request is compared with many: head, {part} or {path}, tail. */
static struct pattern {
    size_t head, tail_len;
    const char *tail; /* NULL: no part, `head` is all */
    bool is_path, is_verb; /* is_verb: behind a path, of which it could be the end */
} patterns[array_len(routes)];

static void take_apart(const char *path, struct pattern *ret)
{
    const char *brace = strchr(path, '{');
    *ret = (struct pattern){.head = strlen(path)};
    if (!brace)
        return;
    ret->tail = strchr(brace, '}') + 1;
    ret->tail_len = strlen(ret->tail);
    ret->is_path = brace[1] == 'p';
    ret->is_verb = ret->is_path && ret->tail_len;
    ret->head = (size_t)(brace - path) - (ret->is_path && brace > path); /* the slash belongs to {path} */
}

struct rest *rest_new(const struct rest_options *o)
{
    struct rest *r = xnew(struct rest);
    r->o = *o;
    r->openapi = openapi_make();
    lock_init(&r->lock, RANK_REST);
    cond_init(&r->ended);
    for (size_t i = 0; i < route_count; i++)
        take_apart(routes[i].path, &patterns[i]);
    return r;
}

void rest_free(struct rest *r)
{
    if (!r)
        return;
    free(r->openapi);
    cond_done(&r->ended);
    lock_done(&r->lock);
    free(r);
}

/* ---- parameters ---- */

const char *rq_query(const struct rq *q, const char *name)
{
    return query_value(&q->query, name);
}

bool rq_flag(const struct rq *q, const char *name)
{
    const char *v = rq_query(q, name);
    return v && (!*v || !strcmp(v, "true"));
}

int64_t rq_int(const struct rq *q, const char *name, int64_t otherwise)
{
    const char *v = rq_query(q, name);
    int64_t n;
    return v && text_parse_i64(v, &n, NULL) == 0 ? n : otherwise;
}

int64_t rq_time(const struct rq *q, const char *name, int64_t otherwise)
{
    const char *v = rq_query(q, name);
    int64_t ms;
    return v && text_parse_rfc3339(v, &ms, NULL) == 0 ? ms : otherwise;
}

const char *rq_string(const struct rq *q, const char *member, const char *otherwise)
{
    return json_text(json_get(q->body, member), otherwise);
}

bool rq_bool(const struct rq *q, const char *member, bool otherwise)
{
    return json_bool(json_get(q->body, member), otherwise);
}

int rq_mode(const char *octal, int *ret, struct err *err)
{
    if (!octal)
        return 0;
    char *end;
    long v = strtol(octal, &end, 8);
    if (octal[0] < '0' || octal[0] > '7' || *end || v > 07777) { /* strtol takes spaces and signs in front */
        err_set(err, ERR_INVALID_ARGUMENT, "Invalid mode %.20s", octal);
        return err ? err_field(err, "mode") : -(int)ERR_INVALID_ARGUMENT;
    }
    *ret = (int)v;
    return 0;
}

const struct read_options *rq_read_options(const struct rq *q, struct read_options *to)
{
    *to = (struct read_options){.sync_interval_ms = rq_int(q, "sync_interval_ms", -2)};
    return to;
}

/* What a retry has in common with the first try beside operation and paths: the query, and of content the length and what the client says of it. */
static uint64_t print_head(const struct rq *q)
{
    static const char *const names[] = {"Content-Length", "Content-MD5", "Content-Digest", "Repr-Digest", "Digest"};
    const char *query = http_query(q->http);
    uint64_t h = text_print(TEXT_PRINT_START, query, strlen(query));
    for (size_t i = 0; i < array_len(names); i++) {
        const char *v = http_header(q->http, names[i]);
        if (v)
            h = text_print(h, v, strlen(v));
    }
    return h;
}

static int check_query(struct rq *q, struct err *err)
{
    for (size_t i = 0; i < q->query.count; i++) {
        const char *name = q->query.items[i].name;
        const struct field *f = schema_field(q->route->query, name);
        if (f) {
            TRY(schema_verify_text(f, q->query.items[i].value, err));
        } else if (strcmp(name, q->route->selector)) {
            err_set(err, ERR_INVALID_ARGUMENT, "the query parameter '%.40s' is not known here", name);
            return err_field(err, name);
        }
    }
    for (const struct field *f = q->route->query->fields; f && f->name; f++)
        if (f->flags & FIELD_REQUIRED && !rq_query(q, f->name)) {
            err_set(err, ERR_INVALID_ARGUMENT, "the query parameter '%s' is missing", f->name);
            return err_field(err, f->name);
        }
    return 0;
}

static int parse_body(struct rq *q, struct err *err)
{
    if (q->route->flags & ROUTE_RAW_BODY || q->route->body->kind != SCHEMA_OBJECT)
        return 0;
    AUTO(buf) text = {.max = conf_size(CONF_WEB_BODY_MAX) + 1};
    TRY(http_body_read(q->http, conf_size(CONF_WEB_BODY_MAX), &text, err));
    if (q->call.idempotency_key)
        q->call.request_print = text_print(q->call.request_print, text.data, text.len);
    if (text.len == 0) /* all members optional: no body is an empty object */
        buf_adds(&text, "{}");
    q->body = json_parse(text.data, text.len, err);
    if (!q->body)
        return err ? -(int)err->code : -(int)ERR_INVALID_ARGUMENT;
    return schema_verify(q->route->body, q->body, err);
}

/* ---- routing ---- */

/* Does `path` (encoded, below BASE) fit?  The part for {…} is returned by reference. */
static bool fits(const struct route *r, const char *path, size_t len, const char **ret_part, size_t *ret_len)
{
    const struct pattern *p = &patterns[r - routes];
    *ret_part = NULL;
    *ret_len = 0;
    if (!p->tail)
        return len == p->head && !memcmp(r->path, path, len);
    if (len < p->head + p->tail_len || memcmp(r->path, path, p->head) || memcmp(path + len - p->tail_len, p->tail, p->tail_len))
        return false;
    *ret_part = path + p->head;
    *ret_len = len - p->head - p->tail_len;
    if (p->is_path)
        return *ret_len == 0 || path[p->head] == '/';
    return *ret_len > 0 && !memchr(*ret_part, '/', *ret_len);
}

static const struct route *find(struct rq *q, const char *path, const char **ret_part, size_t *ret_len, bool *ret_path_known)
{
    const char *method = http_method(q->http);
    size_t path_len = strlen(path);
    if (!strcmp(method, "HEAD"))
        method = "GET";
    for (size_t i = 0; i < route_count; i++) {
        const struct route *r = &routes[i];
        if (!fits(r, path, path_len, ret_part, ret_len))
            continue;
        if (!patterns[i].is_verb)
            *ret_path_known = true;
        if (!strcmp(r->method, method) && (!*r->selector || rq_query(q, r->selector)))
            return r;
    }
    return NULL;
}

/* The methods of a path that is there; one that ends like a verb is both a file's and the verb's. */
static void add_allow(struct rq *q, const char *path)
{
    const char *part;
    char allow[64] = "";
    size_t len = strlen(path), part_len, at = 0;
    for (size_t i = 0; i < route_count; i++) {
        bool is_get = !strcmp(routes[i].method, "GET");
        if (fits(&routes[i], path, len, &part, &part_len) && !strstr(allow, routes[i].method) && at < sizeof allow - 20)
            at += (size_t)snprintf(allow + at, sizeof allow - at, "%s%s%s", at ? ", " : "", routes[i].method, is_get ? ", HEAD" : "");
    }
    http_add_header(q->http, "Allow", allow);
}

static int decode_target(struct rq *q, const char *part, size_t len, struct err *err)
{
    AUTO(buf) text = {.max = 4 * PATH_MAX_BYTES};
    if (!part)
        return 0;
    TRY(text_unpercent(&text, part, len, false, err));
    if (strchr(q->route->path, '{')[1] == 'p') {
        const char *path = text.len ? text.data : "/";
        if (path[0] == '/' && path[1] == '/') /* an encoded first slash */
            path++;
        return path_clean(path, q->target, err);
    }
    if (text.len >= 256 || !text_is_utf8(text.data, text.len))
        return err_set(err, ERR_NOT_FOUND, "nothing has this id");
    memcpy(q->target, text.data, text.len + 1);
    return 0;
}

static int route(struct rq *q, struct err *err)
{
    const char *path = http_path(q->http) + strlen(BASE), *part;
    size_t len;
    bool is_known = false;
    TRY(parse_query(http_query(q->http), &q->query, err));
    q->route = find(q, path, &part, &len, &is_known);
    if (!q->route && is_known) {
        add_allow(q, path);
        return err_set(err, ERR_METHOD_NOT_ALLOWED, "%s is not possible here", http_method(q->http));
    }
    if (!q->route)
        return err_set(err, ERR_NOT_FOUND, "no such route: %s %.120s", http_method(q->http), path);
    return decode_target(q, part, len, err);
}

/* ---- one request ---- */

static int64_t deadline(const struct route *r)
{
    return clock_mono_ms() + (r->flags & ROUTE_CONTENT ? 6 * 3600000 : r->flags & ROUTE_LONG ? 600000 : 30000);
}

static int fill_call(struct rq *q, struct err *err)
{
    const char *key = http_header(q->http, "Idempotency-Key");
    const char *index = http_header(q->http, "X-Isthmus-Index");
    uint64_t min_index = 0;
    if (key && (!*key || strlen(key) > 128 || !text_is_utf8(key, strlen(key))))
        return err_set(err, ERR_INVALID_ARGUMENT, "Idempotency-Key must have 1 to 128 characters");
    if (index && text_parse_u64(index, &min_index, NULL))
        return err_set(err, ERR_INVALID_ARGUMENT, "X-Isthmus-Index must be a number");
    q->call = (struct call){.who = q->has_who ? &q->who.id : NULL, .deadline_ms = deadline(q->route),
                            .now_ms = clock_wall_ms(), .request_id = q->request_id, .via = q->by_cookie ? "ui" : "rest",
                            .from = http_peer(q->http), .idempotency_key = q->route->flags & ROUTE_CHANGES ? key : NULL,
                            .min_index = min_index, .is_dry_run = rq_flag(q, "dry_run"), .result = &q->result};
    const struct admin_api *admin = fs_admin(q->fs);
    if (min_index && admin->applied_index(admin->impl) < min_index)
        return admin->wait_index(admin->impl, min_index, clock_mono_ms() + 2000, err);
    return 0;
}

/* Two that read the head differently would see the body end in two places (RFC 9112, 6.3): a number is one, and one of both. */
static int check_framing(const struct rq *q, struct err *err)
{
    const char *len = http_header(q->http, "Content-Length");
    if (!len)
        return 0;
    if (!*len || strspn(len, "0123456789") != strlen(len))
        return err_set(err, ERR_INVALID_ARGUMENT, "Content-Length must be a number, not '%.40s'", len);
    if (http_header(q->http, "Transfer-Encoding"))
        return err_set(err, ERR_INVALID_ARGUMENT, "Content-Length and Transfer-Encoding exclude each other");
    return 0;
}

static int serve(struct rq *q, struct err *err)
{
    TRY(check_framing(q, err));
    TRY(route(q, err));
    if (!(q->route->flags & ROUTE_OPEN))
        TRY(auth_check(q, err));
    TRY(fill_call(q, err));
    if (q->call.idempotency_key)
        q->call.request_print = print_head(q);
    TRY(check_query(q, err));
    TRY(parse_body(q, err));
    buf_init(&q->out, 64 << 20);
    json_out_init(&q->json, &q->out);
    q->status = q->route->status;
    return retry_run(q, err);
}

static void write_error(struct buf *to, const struct err *err, const char *request_id)
{
    struct json_out j;
    json_out_init(&j, to);
    json_begin_object(&j, NULL);
    json_put_string(&j, "code", err_name(err->code));
    json_put_string(&j, "message", err->text);
    json_put_string(&j, "detail", err_sentence(err->code));
    if (err->field[0])
        json_put_string(&j, "field", err->field);
    json_put_string(&j, "request_id", request_id);
    json_end_object(&j);
}

static void put_error(struct rq *q, const struct err *err)
{
    if (http_is_answered(q->http)) { /* too late for words: break the connection */
        http_end(q->http, false);
        return;
    }
    buf_reset(&q->out);
    write_error(&q->out, err, q->request_id);
    q->status = err_http(err->code);
    if (q->status == 401)
        http_add_header(q->http, "WWW-Authenticate", "Bearer");
    if (q->status == 429 || q->status == 503)
        http_add_header(q->http, "Retry-After", "1");
}

static void send(struct rq *q)
{
    char index[24];
    http_add_header(q->http, "X-Request-Id", q->request_id);
    if (q->result.index) {
        snprintf(index, sizeof index, "%llu", (unsigned long long)q->result.index);
        http_add_header(q->http, "X-Isthmus-Index", index);
    }
    if (q->result.is_replay)
        http_add_header(q->http, "Idempotent-Replayed", "true");
    http_add_header(q->http, "Cache-Control", "no-store");
    bool is_bare = q->status == 304;
    http_reply(q->http, q->status, is_bare ? NULL : q->type ? q->type : "application/json", q->out.data, is_bare ? 0 : q->out.len);
}

static void log_end(struct rq *q, const struct err *err, int64_t us)
{
    int status = http_status(q->http);
    bool changes = q->route && q->route->flags & ROUTE_CHANGES && q->has_who;
    metric_add(&metric_table[M_REQUESTS], 1);
    metric_add(&metric_table[M_BYTES_OUT], (int64_t)http_sent(q->http));
    metric_time(&metric_table[M_TIME], us);
    if (status >= 400)
        metric_add(&metric_table[status >= 500 ? M_FAULTS : M_ERRORS], 1);
    if (changes)
        log_info(audit, "user=%s via=%s from=%s cmd=%s path=%s status=%d index=%llu dry_run=%d", q->who.user, q->call.via ? q->call.via : "rest",
                 http_peer(q->http), q->route->id, q->target, status, (unsigned long long)q->result.index, q->call.is_dry_run);
    if (err->code && (status >= 500 && err->code != ERR_CANCELLED))
        log_warn(rest, "%s %s: %s (%s:%d) status=%d", http_method(q->http), http_path(q->http), err->text, err->file, err->line, status);
    else if (us / 1000 > conf_duration(CONF_WEB_SLOW) && !(q->route && q->route->flags & (ROUTE_CONTENT | ROUTE_LONG)))
        log_info(rest, "slow: %s %s took %lld ms status=%d", http_method(q->http), http_path(q->http), (long long)(us / 1000), status);
    else
        log_debug(rest, "%s %s status=%d us=%lld", http_method(q->http), http_path(q->http), status, (long long)us);
}

static void handle_api(struct rest *rest, struct http_request *http)
{
    struct rq q;
    memset(&q, 0, offsetof(struct rq, query)); /* the rest is filled before it is read */
    q.query.count = 0;
    buf_init(&q.query.bytes, 0);
    q.rest = rest;
    q.fs = rest->o.fs;
    q.http = http;
    q.body = NULL;
    q.type = NULL;
    buf_init(&q.out, 1 << 20);
    json_out_init(&q.json, &q.out);
    struct err err = {0};
    int64_t start = clock_mono_us();
    crypto_unique_text(q.request_id, 12);
    log_request(q.request_id);
    int rc = serve(&q, &err);
    if (rc < 0 && !err.code)
        err_set(&err, (enum err_code)-rc, "%s", err_sentence((enum err_code)-rc));
    if (rc == 0 && !http_is_answered(http))
        rc = buf_check(&q.out, "the answer", &err);
    if (rc < 0)
        put_error(&q, &err);
    if (!http_is_answered(http))
        send(&q);
    log_end(&q, &err, clock_mono_us() - start);
    log_request("");
    json_free(q.body);
    buf_done(&q.out);
    query_done(&q.query);
    if (q.has_who)
        who_done(&q.who);
}

/* Whoever sent it is told in the words of the API, although no route was found. */
void rest_refuse(void *arg, struct http_request *http, int status, const char *why)
{
    char id[sizeof ((struct rq *)0)->request_id];
    struct err err;
    AUTO(buf) body = {.max = 4 << 10};
    (void)arg;
    crypto_unique_text(id, 12);
    if (status == 405) {
        err_set(&err, ERR_METHOD_NOT_ALLOWED, "%s is not possible here", http_method(http));
        http_add_header(http, "Allow", "GET, HEAD, POST, PUT, PATCH, DELETE");
    } else {
        err_set(&err, status < 500 ? ERR_INVALID_ARGUMENT : ERR_NOT_SUPPORTED, "the request cannot be read as HTTP/1.1 with a head of at most 16 KiB: %s", why);
    }
    write_error(&body, &err, id);
    http_add_header(http, "X-Request-Id", id);
    http_reply(http, status, "application/json", body.data, body.len);
}

static void handle_metrics(struct rest *rest, struct http_request *http)
{
    struct rq q = {.rest = rest, .fs = rest->o.fs, .http = http};
    static const struct route plain = {.id = "prometheus", .role = ROLE_VIEWER};
    struct err err = {0};
    AUTO(buf) text = {.max = 16 << 20};
    q.route = &plain;
    if (auth_check(&q, &err) < 0) {
        http_add_header(http, "WWW-Authenticate", "Bearer");
        http_reply(http, err_http(err.code), "text/plain", err.text, strlen(err.text));
    } else {
        metrics_prometheus(&text);
        http_reply(http, 200, "text/plain; version=0.0.4", text.data, text.len);
    }
    if (q.has_who)
        who_done(&q.who);
}

void rest_handle(void *arg, struct http_request *http)
{
    const char *path = http_path(http);
    if (text_starts(path, BASE "/"))
        handle_api(arg, http);
    else if (!strcmp(path, "/metrics"))
        handle_metrics(arg, http);
    else
        ui_handle(http);
}
