/* SPDX-License-Identifier: Apache-2.0
 *
 * http_reply: the answer.  The head waits for the first bytes of the body and leaves with them in one
 * write; large slices go out straight from their memory, or from their file by the kernel.  Threads: the one of the request.
 */
#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "rest/http/http_request.h"
#include "rest/http/http_socket.h"

#include <stdio.h>
#include <string.h>

enum { COALESCE_BYTES = 64 << 10, WRITE_STEP = 1 << 20, DRAIN_BYTES = 16 << 20 };

const char *http_reason(int status)
{
    switch (status) {
    case 200: return "OK";
    case 201: return "Created";
    case 202: return "Accepted";
    case 204: return "No Content";
    case 206: return "Partial Content";
    case 302: return "Found";
    case 304: return "Not Modified";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 410: return "Gone";
    case 411: return "Length Required";
    case 412: return "Precondition Failed";
    case 413: return "Content Too Large";
    case 415: return "Unsupported Media Type";
    case 416: return "Range Not Satisfiable";
    case 429: return "Too Many Requests";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 502: return "Bad Gateway";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    case 505: return "HTTP Version Not Supported";
    case 507: return "Insufficient Storage";
    default: return status < 400 ? "OK" : "Error";
    }
}

void http_add_header(struct http_request *r, const char *name, const char *value)
{
    size_t name_len = strlen(name), len = strlen(value);
    char *to = buf_room(&r->headers, name_len + len + 4);
    if (!to)
        return;
    memcpy(to, name, name_len);
    char *p = to + name_len;
    *p++ = ':';
    *p++ = ' ';
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)value[i] >= 32 && value[i] != 127)
            *p++ = value[i];
    *p++ = '\r';
    *p++ = '\n';
    buf_grew(&r->headers, (size_t)(p - to));
}

static const char *date_now(void)
{
    static _Thread_local int64_t made_for = -1;
    static _Thread_local char text[32];
    int64_t now = clock_wall_ms();
    if (now / 1000 != made_for) {
        made_for = now / 1000;
        text_http_date(now, text);
    }
    return text;
}

static void make_head(struct http_request *r, const char *type)
{
    struct buf *h = &r->head;
    buf_adds(h, "HTTP/1.1 ");
    buf_add_u64(h, (uint64_t)r->status);
    buf_addc(h, ' ');
    buf_adds(h, http_reason(r->status));
    buf_adds(h, "\r\nDate: ");
    buf_adds(h, date_now());
    if (type) {
        buf_adds(h, "\r\nContent-Type: ");
        buf_adds(h, type);
    }
    if (r->length >= 0 && r->status != 204 && r->status != 304) {
        buf_adds(h, "\r\nContent-Length: ");
        buf_add_u64(h, (uint64_t)r->length);
    } else if (r->length < 0) {
        buf_adds(h, "\r\nTransfer-Encoding: chunked");
    }
    if (r->body_left > DRAIN_BYTES)
        buf_adds(h, "\r\nConnection: close");
    buf_adds(h, "\r\nX-Content-Type-Options: nosniff\r\n");
    buf_add(h, r->headers.data, r->headers.len);
    buf_add(h, "\r\n", 2);
}

static int send_all(struct http_request *r, const void *data, size_t len, struct err *err)
{
    for (size_t done = 0; done < len && !r->is_broken;) {
        size_t step = len - done < WRITE_STEP ? len - done : WRITE_STEP;
        if (mg_write(r->conn, (const char *)data + done, step) != (int)step)
            r->is_broken = true;
        done += step;
    }
    return r->is_broken ? err_set(err, ERR_CANCELLED, "the client went away") : 0;
}

static int send_head(struct http_request *r, struct err *err)
{
    int rc = r->head.len ? send_all(r, r->head.data, r->head.len, err) : 0;
    buf_reset(&r->head);
    return rc;
}

static int send_memory(struct http_request *r, const void *data, size_t len, struct err *err)
{
    if (r->head.len && len <= COALESCE_BYTES) {
        buf_add(&r->head, data, len);
        return send_head(r, err);
    }
    TRY(send_head(r, err));
    return send_all(r, data, len, err);
}

static bool is_for_kernel(const struct http_request *r, const struct slice *s)
{
    return s->fd >= 0 && !r->info->is_ssl;
}

static int socket_of(struct http_request *r, const struct slice *first)
{
    struct http_connection *c = r->info->conn_data;
    if (c->socket == SOCKET_NOT_SOUGHT) {
        c->socket = http_socket_find(r->info);
        if (c->socket >= 0)
            http_socket_prepare(c->socket, !is_for_kernel(r, first));
    }
    return c->socket;
}

static int send_file(struct http_request *r, const struct slice *s, struct err *err)
{
    TRY(send_head(r, err));
    int rc = http_socket_send(socket_of(r, s), s, PATIENCE_MS, &r->server->is_ending, err);
    r->is_broken |= rc < 0;
    return rc;
}

static int send_slice(struct http_request *r, const struct slice *s, struct err *err)
{
    bool has_socket = s->len > COALESCE_BYTES && socket_of(r, s) >= 0;
    if (has_socket && is_for_kernel(r, s))
        return send_file(r, s, err);
    if (s->mem)
        return send_memory(r, s->mem, s->len, err);
    size_t step = s->len < WRITE_STEP ? s->len : WRITE_STEP;
    AUTO_FREE char *copy = xmalloc(step);
    for (size_t done = 0; done < s->len;) {
        struct slice part = *s;
        part.off += done;
        part.len = s->len - done < step ? s->len - done : step;
        TRY(slice_copy(&part, copy, err));
        TRY(send_memory(r, copy, part.len, err));
        done += part.len;
    }
    return 0;
}

static int reply_push(struct sink *sink, const struct slice *s, struct err *err)
{
    struct http_request *r = (struct http_request *)((char *)sink - offsetof(struct http_request, sink));
    if (s->len == 0)
        return 0;
    if (r->length >= 0 && r->sent + (int64_t)s->len > r->length)
        return err_set(err, ERR_INTERNAL, "more bytes than the answer promised");
    r->sent += (int64_t)s->len;
    if (r->is_head)
        return 0;
    if (r->length >= 0)
        return send_slice(r, s, err);
    char chunk[24];
    int n = snprintf(chunk, sizeof chunk, "%zx\r\n", s->len);
    TRY(send_memory(r, chunk, (size_t)n, err));
    TRY(send_slice(r, s, err));
    return send_all(r, "\r\n", 2, err);
}

void http_begin(struct http_request *r, int status, const char *type, int64_t length)
{
    if (r->is_begun)
        return;
    r->is_begun = true;
    r->status = status;
    r->length = length;
    r->sink.push = reply_push;
    make_head(r, type);
}

struct sink *http_sink(struct http_request *r)
{
    return &r->sink;
}

void http_end(struct http_request *r, bool is_complete)
{
    bool has_all = r->is_head || r->length < 0 || r->sent == r->length;
    send_head(r, NULL);
    if (r->length < 0 && is_complete && !r->is_head)
        send_all(r, "0\r\n\r\n", 5, NULL);
    if (!is_complete || !has_all)
        r->is_broken = true;
}

void http_reply(struct http_request *r, int status, const char *type, const void *body, size_t len)
{
    http_begin(r, status, type, (int64_t)len);
    struct slice s = {.mem = body, .fd = -1, .len = len};
    bool is_whole = len == 0 || reply_push(&r->sink, &s, NULL) == 0;
    http_end(r, is_whole);
}

/* A client that still sends does not see the answer of a connection that is closed: read what it sends, within reason. */
static void drain(struct http_request *r)
{
    AUTO_FREE char *rest = xmalloc(COALESCE_BYTES);
    size_t n = 1;
    for (size_t done = 0; n && done < DRAIN_BYTES; done += n)
        if (r->body.pull(&r->body, rest, COALESCE_BYTES, &n, NULL))
            return;
    r->is_broken |= n != 0;
}

void http_reply_done(struct http_request *r)
{
    if (!r->is_begun)
        http_reply(r, 500, NULL, NULL, 0);
    if (r->body_left != 0 && !r->is_broken)
        drain(r);
    if (r->is_broken)
        mg_close_connection(r->conn);
}

bool http_is_answered(const struct http_request *r)
{
    return r->is_begun;
}

int http_status(const struct http_request *r)
{
    return r->status;
}

uint64_t http_sent(const struct http_request *r)
{
    return (uint64_t)r->sent;
}
