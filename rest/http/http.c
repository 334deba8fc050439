/* SPDX-License-Identifier: Apache-2.0
 *
 * http: the listener and the request, over civetweb.  Every byte is served by our own handler from
 * the begin_request callback: no document root, no form parser, no directory redirects of civetweb are
 * ever reached.  Threads: the server's pool runs handlers; start and stop from one thread.
 */
#include "rest/http/http.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "rest/http/http_request.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static int64_t body_length(const struct http_request *r)
{
    const char *te = http_header(r, "Transfer-Encoding");
    if (te && !strcasecmp(te, "chunked"))
        return -1;
    return http_header(r, "Content-Length") && r->info->content_length > 0 ? r->info->content_length : 0;
}

static int body_pull(struct source *src, void *to, size_t cap, size_t *ret_len, struct err *err)
{
    struct http_request *r = (struct http_request *)((char *)src - offsetof(struct http_request, body));
    *ret_len = 0;
    if (r->body_left == 0)
        return 0;
    size_t want = cap > (1u << 20) ? 1u << 20 : cap;
    if (r->body_left > 0 && (int64_t)want > r->body_left)
        want = (size_t)r->body_left;
    int n = mg_read(r->conn, to, want);
    if (n < 0 || (n == 0 && r->body_left > 0)) {
        r->is_broken = true;
        return err_set(err, ERR_CANCELLED, "the client stopped sending with %lld bytes to come",
                       (long long)r->body_left);
    }
    if (r->body_left > 0)
        r->body_left -= n;
    else if (n == 0)
        r->body_left = 0;
    *ret_len = (size_t)n;
    return 0;
}

/* A connection holds a thread, idle too: those beyond half of the threads end with their answer, so that some are left for who comes. */
static int on_connection(const struct mg_connection *conn, void **ret_data)
{
    struct http_connection *c = *ret_data = xnew(struct http_connection);
    *c = (struct http_connection){.server = mg_get_user_data(mg_get_context(conn)), .socket = SOCKET_NOT_SOUGHT};
    __atomic_add_fetch(&c->server->connections, 1, __ATOMIC_RELAXED);
    return 0;
}

static void on_connection_close(const struct mg_connection *conn)
{
    struct http_connection *c = mg_get_user_connection_data(conn);
    if (!c) /* it failed before it began */
        return;
    if (c->is_guarded)
        http_guard_remove(&c->server->guard, &c->guarded);
    __atomic_sub_fetch(&c->server->connections, 1, __ATOMIC_RELAXED);
    mg_set_user_connection_data(conn, NULL);
    free(c);
}

static void end_when_crowded(struct http_request *r)
{
    struct http_server *s = r->server;
    if (__atomic_load_n(&s->connections, __ATOMIC_RELAXED) <= s->threads / 2)
        return;
    mg_disable_connection_keep_alive(r->conn);
    http_add_header(r, "Connection", "close");
}

/* Before the first head the library does not tell where a connection comes from. */
static void begin_answer(struct http_connection *c, const struct mg_request_info *info)
{
    __atomic_store_n(&c->guarded.waits_since_ms, 0, __ATOMIC_RELAXED);
    if (!c->is_guarded)
        http_guard_add(&c->server->guard, &c->guarded, info->remote_addr, info->remote_port);
    c->is_guarded = true;
}

/* A request that is there wakes its thread at once, in the place of the client that has more to send: one change of
 * threads a request.  As it is, those that have come are answered one after another. */
static void *on_thread(const struct mg_context *ctx, int kind)
{
    enum { WORKER = 1 };
    (void)ctx;
    if (kind == WORKER)
        thread_batch();
    return NULL;
}

static int on_request(struct mg_connection *conn)
{
    const struct mg_request_info *info = mg_get_request_info(conn);
    struct http_server *s = info->user_data;
    struct http_connection *c = info->conn_data;
    struct http_request r = {.conn = conn, .info = info, .server = s};
    r.is_head = !strcmp(info->request_method, "HEAD");
    r.body_left = body_length(&r);
    r.body = (struct source){.pull = body_pull, .length = r.body_left};
    buf_init(&r.headers, 16 << 10);
    buf_init(&r.head, 96 << 10); /* a small body joins it */
    __atomic_add_fetch(&s->busy, 1, __ATOMIC_RELAXED);
    begin_answer(c, info);
    end_when_crowded(&r);
    s->handler(s->arg, &r);
    http_reply_done(&r);
    if (info->conn_data) /* else the answer closed it */
        __atomic_store_n(&c->guarded.waits_since_ms, clock_mono_ms(), __ATOMIC_RELAXED);
    __atomic_sub_fetch(&s->busy, 1, __ATOMIC_RELAXED);
    buf_done(&r.headers);
    buf_done(&r.head);
    return r.status ? r.status : 500;
}

/* The head begins with a word that may be a method, and the library knows none like it: all else of the head is not read then. */
static bool is_unknown_method(const struct mg_request_info *info)
{
    static const char *const known[] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT"};
    const char *method = info ? info->request_method : NULL;
    size_t len = method ? strspn(method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") : 0;
    if (len == 0 || len > 20 || method[len])
        return false;
    for (size_t i = 0; i < array_len(known); i++)
        if (!strcmp(method, known[i]))
            return false;
    return true;
}

/* The library closes the connection behind it. */
static int on_error(struct mg_connection *conn, int status, const char *why)
{
    struct http_server *s = mg_get_user_data(mg_get_context(conn));
    if (!s || !s->refuser)
        return 1;
    struct http_request r = {.conn = conn, .info = mg_get_request_info(conn), .server = s};
    if (status == 400 && is_unknown_method(r.info))
        status = 405;
    buf_init(&r.headers, 16 << 10);
    buf_init(&r.head, 96 << 10);
    http_add_header(&r, "Connection", "close");
    s->refuser(s->arg, &r, status, why);
    buf_done(&r.headers);
    buf_done(&r.head);
    return 0;
}

static int on_log(const struct mg_connection *conn, const char *message)
{
    struct http_server *s = mg_get_user_data(mg_get_context(conn));
    if (s && !s->ctx) /* while starting: the reason why it cannot */
        snprintf(s->last_log, sizeof s->last_log, "%s", message);
    return 1;
}

static pthread_once_t library_once = PTHREAD_ONCE_INIT;
static unsigned library_features;

static void library_start(void)
{
    library_features = mg_init_library(MG_FEATURES_SSL);
}

static int check(const struct http_options *o, struct err *err)
{
    pthread_once(&library_once, library_start);
    if (o->tls_certificate && !(library_features & MG_FEATURES_SSL))
        return err_set(err, ERR_CONFIG, "the HTTP library found no usable TLS library");
    if (strchr(o->bind, ':') && !mg_check_feature(MG_FEATURES_IPV6))
        return err_set(err, ERR_CONFIG, "address %s: the HTTP library was built without IPv6", o->bind);
    if (!o->tls_certificate && !text_is_loopback(o->bind))
        return err_set(err, ERR_CONFIG,
                       "address %s is not loopback: it needs TLS (isthmus.web.tls.enabled=true)", o->bind);
    return 0;
}

int http_server_start(const struct http_options *o, struct http_server **ret, struct err *err)
{
    TRY(check(o, err));
    struct http_server *s = xnew(struct http_server);
    s->handler = o->handler;
    s->refuser = o->refuser;
    s->arg = o->arg;
    s->threads = o->threads;
    http_guard_init(&s->guard);
    char listen[80], threads[16], patience[16];
    bool is_v6 = strchr(o->bind, ':') != NULL;
    snprintf(listen, sizeof listen, "%s%s%s:%d%s", is_v6 ? "[" : "", strcmp(o->bind, "localhost") ? o->bind : "127.0.0.1",
             is_v6 ? "]" : "", o->port, o->tls_certificate ? "s" : "");
    snprintf(threads, sizeof threads, "%u", o->threads);
    snprintf(patience, sizeof patience, "%d", PATIENCE_MS);
    const char *options[] = {"listening_ports", listen, "num_threads", threads, "enable_keep_alive", "yes",
                             "keep_alive_timeout_ms", "60000", "request_timeout_ms", patience, "tcp_nodelay", "1",
                             "max_request_size", "16384", "decode_url", "no", "connection_queue", "512", "listen_backlog", "1024",
                             "enable_auth_domain_check", "no", "enable_directory_listing", "no",
                             o->tls_certificate ? "ssl_certificate" : NULL, o->tls_certificate, NULL};
    struct mg_callbacks callbacks = {.begin_request = on_request, .http_error = on_error, .log_message = on_log, .init_thread = on_thread,
                                     .init_connection = on_connection, .connection_close = on_connection_close};
    struct mg_context *ctx = mg_start(&callbacks, s, options);
    if (!ctx) {
        int rc = err_set(err, ERR_CONFIG, "cannot serve HTTP on %s: %s", listen,
                         s->last_log[0] ? s->last_log : strerror(errno));
        http_guard_done(&s->guard);
        free(s);
        return rc;
    }
    struct mg_server_port port;
    s->port = mg_get_server_ports(ctx, 1, &port) == 1 ? port.port : o->port;
    s->ctx = ctx;
    http_guard_start(&s->guard, s->port, s->threads);
    *ret = s;
    return 0;
}

void http_server_stop(struct http_server *s)
{
    if (!s)
        return;
    __atomic_store_n(&s->is_ending, true, __ATOMIC_RELAXED);
    mg_stop(s->ctx);
    http_guard_done(&s->guard);
    free(s);
}

int http_server_port(const struct http_server *s)
{
    return s->port;
}

unsigned http_server_busy(const struct http_server *s)
{
    return __atomic_load_n(&s->busy, __ATOMIC_RELAXED);
}

const char *http_method(const struct http_request *r)
{
    return r->info->request_method;
}

const char *http_path(const struct http_request *r)
{
    const char *uri = r->info->request_uri;
    if (uri[0] != '/') { /* absolute form: skip scheme and authority */
        const char *authority = strstr(uri, "://");
        const char *slash = authority ? strchr(authority + 3, '/') : NULL;
        return slash ? slash : "/";
    }
    return uri;
}

const char *http_query(const struct http_request *r)
{
    return r->info->query_string ? r->info->query_string : "";
}

const char *http_header(const struct http_request *r, const char *name)
{
    for (int i = 0; i < r->info->num_headers; i++)
        if (!strcasecmp(r->info->http_headers[i].name, name))
            return r->info->http_headers[i].value;
    return NULL;
}

const char *http_peer(const struct http_request *r)
{
    return r->info->remote_addr;
}

bool http_is_tls(const struct http_request *r)
{
    return r->info->is_ssl;
}

int64_t http_body_length(const struct http_request *r)
{
    return r->body.length;
}

struct source *http_body(struct http_request *r)
{
    const char *expect = http_header(r, "Expect");
    if (expect && r->body_left != 0 && !strcasecmp(expect, "100-continue"))
        mg_write(r->conn, "HTTP/1.1 100 Continue\r\n\r\n", 25);
    return &r->body;
}

int http_body_read(struct http_request *r, size_t max, struct buf *to, struct err *err)
{
    if (r->body.length > (int64_t)max)
        return err_set(err, ERR_TOO_LARGE, "the body has %lld bytes, %zu are allowed", (long long)r->body.length, max);
    struct source *body = http_body(r);
    for (size_t n = 1; n;) {
        if (to->len > max)
            return err_set(err, ERR_TOO_LARGE, "the body is larger than the %zu bytes allowed", max);
        size_t step = max + 1 - to->len; /* one more than allowed tells that it is larger */
        step = step < 64 << 10 ? step : 64 << 10;
        char *room = buf_room(to, step);
        if (!room)
            return buf_check(to, "the body", err);
        TRY(body->pull(body, room, step, &n, err));
        buf_grew(to, n);
    }
    return 0;
}
