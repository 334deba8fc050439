/* SPDX-License-Identifier: Apache-2.0
 *
 * http: the HTTP server as the front ends see it.  One handler gets every request, on one thread of
 * the server's pool; it reads the body (all, part or none) and answers exactly once.
 * What is sent for one answer goes out in as few writes as possible; a body that breaks off closes
 * the connection, so that a client never takes a part for the whole.
 */
#pragma once
#include "base/buf.h"
#include "base/slice.h"

struct http_server;
struct http_request;
typedef void (*http_handler)(void *arg, struct http_request *r);
/* What came is no request that could be read: answers `status`; `r` has no path and perhaps no method or header.
 * With 405 it has a method, which nobody knows. */
typedef void (*http_refuser)(void *arg, struct http_request *r, int status, const char *why);

struct http_options {
    const char *bind;        /* address; anything but loopback needs tls_certificate */
    int port;                /* 0: the system chooses */
    unsigned threads;
    const char *tls_certificate; /* PEM with chain and key, or NULL: plain HTTP */
    http_handler handler;
    http_refuser refuser; /* NULL: a line of text */
    void *arg;            /* of both */
};
/* ERR_CONFIG: address in use, certificate unreadable, plain HTTP asked for beyond loopback. */
int http_server_start(const struct http_options *o, struct http_server **ret, struct err *err) must_use;
void http_server_stop(struct http_server *s); /* ends open requests' waiting reads; accepts NULL */
int http_server_port(const struct http_server *s);
unsigned http_server_busy(const struct http_server *s); /* requests being answered now */

/* ---- the request; strings are valid until the handler returns ---- */
const char *http_method(const struct http_request *r);
const char *http_path(const struct http_request *r);  /* as sent: percent-encoded, without query */
const char *http_query(const struct http_request *r); /* as sent, "" when none */
const char *http_header(const struct http_request *r, const char *name); /* NULL when absent; the name in any case */
const char *http_peer(const struct http_request *r);  /* address */
bool http_is_tls(const struct http_request *r);
int64_t http_body_length(const struct http_request *r); /* 0 none, -1 chunked */
/* The body as a source; one for a request. ERR_CANCELLED when the client goes away, ERR_TIMEOUT when it stalls. */
struct source *http_body(struct http_request *r);
int http_body_read(struct http_request *r, size_t max, struct buf *to, struct err *err) must_use; /* all of it; ERR_TOO_LARGE */

/* ---- the answer ---- */
void http_add_header(struct http_request *r, const char *name, const char *value); /* control characters are dropped */
/* Whole answer in one write. `type` NULL: no Content-Type. For HEAD the body stays away, its length is told. */
void http_reply(struct http_request *r, int status, const char *type, const void *body, size_t len);
/* Answer in parts: `length` bytes will come, or -1 for chunked. */
void http_begin(struct http_request *r, int status, const char *type, int64_t length);
struct sink *http_sink(struct http_request *r); /* after http_begin; ERR_CANCELLED when the client is gone */
/* Ends it. `is_complete` false, or fewer bytes than promised: the connection is closed. */
void http_end(struct http_request *r, bool is_complete);
bool http_is_answered(const struct http_request *r); /* begun */
int http_status(const struct http_request *r);       /* of the answer, 0 not yet */
uint64_t http_sent(const struct http_request *r);    /* bytes of body */
const char *http_reason(int status);
