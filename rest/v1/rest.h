/* SPDX-License-Identifier: Apache-2.0
 *
 * rest: version 1 of the REST API, the embedded web UI and /metrics, as one HTTP handler.
 * routes.def is the table: routing, roles, OpenAPI and the lint for untested routes are made from it.
 */
#pragma once
#include "base/err.h"

struct fs;
struct http_request;
struct rest;
struct rest_options {
    struct fs *fs;
    const char *node;     /* shown to people */
    const char *log_path; /* for GET /logs; NULL when the log goes to stderr */
};
struct rest *rest_new(const struct rest_options *o);
void rest_free(struct rest *r);
/* The handler for http_options: arg is the struct rest. */
void rest_handle(void *arg, struct http_request *http);
void rest_refuse(void *arg, struct http_request *http, int status, const char *why);
/* Once at start: the module's metrics. */
void rest_metrics_register(void);
