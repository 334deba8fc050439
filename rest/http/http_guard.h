/* SPDX-License-Identifier: Apache-2.0
 *
 * http_guard: ends connections that say nothing when others need their threads.  Private to this folder.
 */
#pragma once
#include "base/lock.h"
#include "base/thread.h"

enum { HTTP_GUARD_PATIENCE_MS = 2000 };

/* A connection that has had a request: where it comes from, and since when it waits for the next. */
struct http_guarded {
    struct http_guarded *next, **at;
    char address[64];
    int port;
    int64_t waits_since_ms; /* atomic; 0: a request is being answered */
};
struct http_guard {
    struct ticker *ticker; /* NULL until the start */
    int port;
    unsigned threads;
    struct lock lock;
    struct http_guarded *first; /* under lock */
    /* the ticker's */
    struct http_seen *seen; /* at the last look, when there were many */
    size_t seen_count;
};
/* In three steps, because connections come as soon as the server has a port. */
void http_guard_init(struct http_guard *g);
void http_guard_start(struct http_guard *g, int port, unsigned threads);
void http_guard_done(struct http_guard *g); /* nothing is guarded any more */
/* With its first request; c is the caller's, and answers now. */
void http_guard_add(struct http_guard *g, struct http_guarded *c, const char *address, int port);
void http_guard_remove(struct http_guard *g, struct http_guarded *c);
