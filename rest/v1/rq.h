/* SPDX-License-Identifier: Apache-2.0
 *
 * rq: one request on its way through version 1: who asks, its parameters, its answer in the making.
 * Private to rest/v1.  Handlers fill rq->out (through rq->json) and leave sending to the router, except those
 * that stream.
 */
#pragma once
#include "base/clock.h"
#include "base/json.h"
#include "base/lock.h"
#include "base/mem.h"
#include "base/text.h"
#include "fs/fs.h"
#include "rest/http/http.h"
#include "rest/v1/parse.h"
#include "rest/v1/rest.h"
#include "rest/v1/schema.h"

#include <stdio.h>
#include <string.h>

#define RQ_LIST_MAX 10000

enum route_flag {
    ROUTE_OPEN = 1,      /* needs no identity */
    ROUTE_CHANGES = 2,   /* needs write scope and, with a cookie, the CSRF header */
    ROUTE_CONTENT = 4,   /* carries file bytes: no total deadline */
    ROUTE_RAW_BODY = 8,  /* the body is not JSON */
    ROUTE_LONG = 16,     /* ten minutes instead of 30 s */
    ROUTE_ONCE = 32,     /* the router sees to Idempotency-Key: the change does not carry it (retry.c) */
};

struct rq;
typedef int (*route_fn)(struct rq *q, struct err *err);
struct route {
    const char *id, *method, *path, *selector;
    enum role role;
    unsigned flags;
    const struct schema *query, *body, *answer;
    int status;
    const char *summary;
    route_fn run;
};
extern const struct route routes[];
extern const size_t route_count;

struct under_way;
struct rest {
    struct rest_options o;
    char *openapi; /* made once */
    struct lock lock;            /* of the two below */
    struct cond ended;           /* one of them */
    struct under_way *under_way; /* requests with a key (retry.c) */
};

struct rq {
    struct rest *rest;
    struct fs *fs;
    struct http_request *http;
    const struct route *route;
    struct call call;
    struct call_result result;
    struct who who;
    bool has_who, by_cookie;
    char request_id[24];
    char target[PATH_MAX_BYTES + 1]; /* {path}, clean; or {id} decoded */
    struct query query;
    struct json *body; /* NULL when there is none */
    /* the answer */
    struct buf out;
    struct json_out json;
    int status;
    const char *type; /* NULL: application/json */
};

/* Parameters; the router has checked them against the route's tables. */
const char *rq_query(const struct rq *q, const char *name); /* NULL when absent; "" for a bare name */
bool rq_flag(const struct rq *q, const char *name);         /* true for "true" and a bare name */
int64_t rq_int(const struct rq *q, const char *name, int64_t otherwise);
int64_t rq_time(const struct rq *q, const char *name, int64_t otherwise);
const char *rq_string(const struct rq *q, const char *member, const char *otherwise); /* of the body */
bool rq_bool(const struct rq *q, const char *member, bool otherwise);
int rq_mode(const char *octal, int *ret, struct err *err) must_use; /* NULL leaves *ret */
const struct read_options *rq_read_options(const struct rq *q, struct read_options *to);
void rq_subject(struct rq *q, const char *what); /* what a change without {…} in its path is about, for the audit line */
/* Answers. */
void rq_put_change(struct rq *q);          /* index, effects, task; or the dry run's form */
void rq_put_tag(struct rq *q, const char *tag); /* ETag header */
/* If-Match / If-None-Match of a change for this tag ("" when there is none yet). */
const char *rq_if_match(const struct rq *q);
void rq_end_list(struct rq *q, const char *next_cursor, int64_t total); /* closes "items", adds the rest */
int rq_put_entry(struct rq *q, const char *path, struct err *err) must_use; /* stat and print; sets ETag */

/* Entry as JSON; `plan` adds what only single entries have. */
void entry_json(struct rq *q, const char *key, const struct file_info *info, const struct read_plan *plan);

/* The route's handler; with an Idempotency-Key, where the router sees to it, at most once.  A handler that answers more than a change finds
 * result.is_replay set and shows without acting. (retry.c) */
int retry_run(struct rq *q, struct err *err) must_use;

/* identity (auth.c) */
int auth_check(struct rq *q, struct err *err) must_use;
void auth_set_cookie(struct rq *q, const char *session); /* NULL clears */
/* The request's cookie value into `to`; false when it has none. */
bool auth_cookie(const struct rq *q, char to[80]);

#define ROUTE(id, ...) int route_##id(struct rq *q, struct err *err);
#include "rest/v1/routes.def"
#undef ROUTE
