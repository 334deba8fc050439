/* SPDX-License-Identifier: Apache-2.0
 *
 * http_request: what http.c and http_reply.c share; private to this folder.
 */
#pragma once
#include "rest/http/http.h"

#include <civetweb.h>

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
