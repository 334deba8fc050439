/* SPDX-License-Identifier: Apache-2.0
 *
 * http_client: requests to stores and nodes.  The only user of libcurl.  Connections are kept and
 * reused per client (a small pool of easy handles); proxies from the environment are ignored.
 */
#pragma once
#include "base/buf.h"
#include "base/slice.h"

struct http_client;
struct http_client_options {
    const char *ca_file;           /* NULL: the system's */
    const char *unix_socket;       /* NULL: TCP */
    bool verify_peer;
    int64_t connect_timeout_ms;
    unsigned connections_max;      /* easy handles kept; more callers wait until the deadline */
};
struct http_client *http_client_new(const struct http_client_options *o);
void http_client_free(struct http_client *c);

struct http_header {
    const char *name, *value;
};
struct http_exchange {
    /* request */
    const char *method;            /* "GET" … */
    const char *url;               /* sent as it is: no dot-segment removal */
    const struct http_header *headers;
    size_t header_count;
    struct source *body;           /* NULL: none; with length >= 0 a Content-Length, else chunked */
    int64_t deadline_ms;           /* monotonic; the socket is closed when it passes */
    int64_t stall_ms;              /* 0, or: fail when no byte moves for so long */
    /* answer */
    struct sink *sink;             /* for 2xx bodies; NULL: into `body_out` */
    struct buf body_out;           /* bodies of other answers (at most 1 MiB kept), or all when sink is NULL; buf_init'ed by the caller */
    long status;
    int64_t content_length;        /* -1 when not said */
    uint64_t received;             /* bytes of body */
    void (*on_header)(void *arg, const char *name, const char *value); /* lower-case names; may be NULL */
    void *arg;
};
/* Blocks until the answer is complete.  An HTTP status of any kind is success here.
 * ERR_STORE_DNS, ERR_STORE_UNREACHABLE, ERR_STORE_TLS, ERR_TIMEOUT; ERR_STORE_ERROR for a body cut short; the sink's and source's own errors. */
int http_client_do(struct http_client *c, struct http_exchange *x, struct err *err) must_use;
/* Both ends of the connection of the last exchange had one address. false before the first one, and over Unix sockets.
 * A tunnel or a proxy that listens here counts as here. */
bool http_client_is_same_host(const struct http_client *c);
