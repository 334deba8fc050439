/* SPDX-License-Identifier: Apache-2.0
 *
 * auth: who sends this request: bearer token, name and password, or the cookie of a session with the
 * header that proves that a page of ours sent it.  Threads: any.
 */
#include "rest/v1/rq.h"

#include <strings.h>

static const char *cookie_name(const struct rq *q)
{
    return http_is_tls(q->http) ? "__Host-isthmus" : "isthmus";
}

bool auth_cookie(const struct rq *q, char to[80])
{
    return parse_cookie(http_header(q->http, "Cookie"), cookie_name(q), to, 80);
}

void auth_set_cookie(struct rq *q, const char *session)
{
    char line[200];
    snprintf(line, sizeof line, "%s=%s; Path=/; HttpOnly; SameSite=Strict%s%s", cookie_name(q), session ? session : "",
             http_is_tls(q->http) ? "; Secure" : "", session ? "" : "; Max-Age=0");
    http_add_header(q->http, "Set-Cookie", line);
}

static int by_basic(struct rq *q, const struct call *call, const char *encoded, struct err *err)
{
    const struct identity_api *id = fs_identity(q->fs);
    AUTO(buf) text = {.max = 1024};
    if (text_unbase64(&text, encoded, strlen(encoded), NULL) || !text.len || strlen(text.data) != text.len)
        return err_set(err, ERR_UNAUTHENTICATED, "the Authorization header is not valid");
    char *colon = strchr(text.data, ':');
    if (!colon)
        return err_set(err, ERR_UNAUTHENTICATED, "the Authorization header is not valid");
    *colon = 0;
    return id->by_password(id->impl, call, text.data, colon + 1, &q->who, err);
}

static int by_header(struct rq *q, const struct call *call, const char *header, struct err *err)
{
    const struct identity_api *id = fs_identity(q->fs);
    if (!strncasecmp(header, "Bearer ", 7))
        return id->by_token(id->impl, call, header + 7, &q->who, err);
    if (!strncasecmp(header, "Basic ", 6))
        return by_basic(q, call, header + 6, err);
    return err_set(err, ERR_UNAUTHENTICATED, "the Authorization header must be Bearer or Basic");
}

static int by_cookie(struct rq *q, const struct call *call, struct err *err)
{
    const struct identity_api *id = fs_identity(q->fs);
    char session[80];
    if (!auth_cookie(q, session))
        return err_set(err, ERR_UNAUTHENTICATED, "Sign in first");
    TRY(id->by_session(id->impl, call, session, &q->who, err));
    q->has_who = q->by_cookie = true;
    const char *csrf = http_header(q->http, "X-CSRF-Token");
    if (!(q->route->flags & ROUTE_CHANGES))
        return 0;
    if (!csrf || strlen(csrf) != strlen(q->who.csrf) || !text_equal_constant_time(csrf, q->who.csrf, strlen(csrf)))
        return err_set(err, ERR_PERMISSION_DENIED, "the header X-CSRF-Token is missing or wrong");
    return 0;
}

/* A scope is a fence.  What is not about paths below it can be read as a viewer would, and makes at most a token below it. */
static int check_scope(const struct rq *q, struct err *err)
{
    const struct route *r = q->route;
    const char *scope = q->who.id.scope;
    bool is_fenced = scope && scope[0] && scope[1];
    if (!is_fenced || text_starts(r->path, "/files") || !strcmp(r->id, "tokens_create"))
        return 0;
    if (r->role <= ROLE_VIEWER && !(r->flags & ROUTE_CHANGES))
        return 0;
    return err_set(err, ERR_PERMISSION_DENIED, "this token acts on paths below %.200s only", scope);
}

int auth_check(struct rq *q, struct err *err)
{
    const char *header = http_header(q->http, "Authorization");
    struct call call = {.deadline_ms = clock_mono_ms() + 10000, .now_ms = clock_wall_ms(), .request_id = q->request_id,
                        .via = "rest", .from = http_peer(q->http)};
    if (header) {
        TRY(by_header(q, &call, header, err));
        q->has_who = true;
    } else {
        TRY(by_cookie(q, &call, err));
    }
    if (q->who.id.role < q->route->role)
        return err_set(err, ERR_PERMISSION_DENIED, "this needs the role %s; %s has the role %s", role_name(q->route->role),
                       q->who.user, role_name(q->who.id.role));
    if (q->route->flags & ROUTE_CHANGES && !q->who.id.can_write)
        return err_set(err, ERR_PERMISSION_DENIED, "this token may only read");
    return check_scope(q, err);
}
