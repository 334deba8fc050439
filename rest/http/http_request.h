/* SPDX-License-Identifier: Apache-2.0
 *
 * http_request: what http.c and http_reply.c share; private to this folder.
 */
#pragma once
#include "rest/http/http.h"
#include "rest/http/http_guard.h"

#include <civetweb.h>

struct http_server {
    struct mg_context *ctx;
    http_handler handler;
    http_refuser refuser;
    void *arg;
    int port;
    unsigned busy, connections, threads; /* the first two atomic */
    bool is_ending;                      /* atomic */
    char last_log[200];
    struct http_guard guard;
};

struct http_connection {
    struct http_server *server;
    struct http_guarded guarded;
    bool is_guarded;
    int socket; /* SOCKET_NOT_SOUGHT; -1 when it cannot be told */
};
enum { SOCKET_NOT_SOUGHT = -2, PATIENCE_MS = 30000 /* for heads, pauses of uploads, readers that stall */ };

struct http_request {
    struct mg_connection *conn;
    const struct mg_request_info *info;
    struct http_server *server;
    /* body */
    struct source body;
    int64_t body_left; /* -1 chunked */
    /* answer */
    struct buf headers; /* extra header lines */
    struct buf head;    /* status line and headers until they are sent */
    struct sink sink;
    int status;
    int64_t length, sent; /* length -1: chunked */
    bool is_head, is_begun, is_broken;
};
void http_reply_done(struct http_request *r); /* closes what was not answered whole */
