/* SPDX-License-Identifier: Apache-2.0
 *
 * people: sessions, users and tokens over REST.  Threads: any.
 */
#include "rest/v1/rq.h"

static int changed(struct rq *q)
{
    rq_put_change(q);
    return 0;
}

static void put_session(struct rq *q, const struct who *w)
{
    struct json_out *o = &q->json;
    json_begin_object(o, NULL);
    json_put_string(o, "user", w->user);
    json_put_string(o, "role", role_name(w->id.role));
    json_begin_array(o, "groups");
    for (size_t i = 0; i < w->id.group_count; i++)
        json_put_string(o, NULL, w->id.groups[i]);
    json_end_array(o);
    json_put_string(o, "csrf", *w->csrf ? w->csrf : NULL);
    json_put_bool(o, "must_change_password", w->must_change_password);
    json_begin_object(o, "cluster");
    json_put_string(o, "node", q->rest->o.node);
    json_put_string(o, "version", ISTHMUS_VERSION);
    json_end_object(o);
    json_end_object(o);
}

int route_session_get(struct rq *q, struct err *err)
{
    (void)err;
    put_session(q, &q->who);
    return 0;
}

int route_session_create(struct rq *q, struct err *err)
{
    const struct identity_api *id = fs_identity(q->fs);
    char session[64];
    TRY(id->sign_in(id->impl, &q->call, rq_string(q, "name", ""), rq_string(q, "password", ""), session, &q->who, err));
    q->has_who = true;
    auth_set_cookie(q, session);
    put_session(q, &q->who);
    return 0;
}

int route_session_delete(struct rq *q, struct err *err)
{
    const struct identity_api *id = fs_identity(q->fs);
    if (q->by_cookie)
        TRY(id->sign_out(id->impl, &q->call, q->who.session, err));
    if (!q->call.is_dry_run)
        auth_set_cookie(q, NULL);
    return changed(q);
}

static int session_each(void *arg, const struct session_info *s)
{
    struct rq *q = arg;
    if (q->who.id.role < ROLE_ADMIN && strcmp(s->user, q->who.user))
        return 0;
    json_begin_object(&q->json, NULL);
    json_put_string(&q->json, "id", s->id);
    json_put_string(&q->json, "user", s->user);
    json_put_string(&q->json, "from", s->from);
    json_put_time(&q->json, "created", s->created_ms);
    json_put_time(&q->json, "last_used", s->last_used_ms);
    json_put_bool(&q->json, "current", q->by_cookie && !strcmp(s->id, q->who.session));
    json_end_object(&q->json);
    return 0;
}

static int token_each(void *arg, const struct token_info *t)
{
    struct rq *q = arg;
    if (q->who.id.role < ROLE_ADMIN && strcmp(t->user, q->who.user))
        return 0;
    json_begin_object(&q->json, NULL);
    json_put_string(&q->json, "id", t->id);
    json_put_string(&q->json, "label", t->label);
    json_put_string(&q->json, "user", t->user);
    json_put_string(&q->json, "scope", t->scope);
    json_put_string(&q->json, "role", role_name(t->role));
    json_put_bool(&q->json, "read_only", !t->can_write);
    json_put_time(&q->json, "created", t->created_ms);
    json_put_time(&q->json, "expires", t->expires_ms);
    json_put_time(&q->json, "last_used", t->last_used_ms);
    json_end_object(&q->json);
    return 0;
}

static int user_each(void *arg, const struct user_info *u)
{
    struct rq *q = arg;
    json_begin_object(&q->json, NULL);
    json_put_string(&q->json, "name", u->name);
    json_put_string(&q->json, "role", role_name(u->role));
    json_begin_array(&q->json, "groups");
    for (size_t i = 0; i < u->group_count; i++)
        json_put_string(&q->json, NULL, u->groups[i]);
    json_end_array(&q->json);
    json_put_time(&q->json, "created", u->created_ms);
    json_put_time(&q->json, "last_seen", u->last_seen_ms);
    json_put_bool(&q->json, "disabled", u->is_disabled);
    json_end_object(&q->json);
    return 0;
}

static void begin_items(struct rq *q)
{
    json_begin_object(&q->json, NULL);
    json_begin_array(&q->json, "items");
}

static int end_items(struct rq *q)
{
    rq_end_list(q, NULL, -1);
    json_end_object(&q->json);
    return 0;
}

int route_sessions_list(struct rq *q, struct err *err)
{
    const struct identity_api *id = fs_identity(q->fs);
    begin_items(q);
    TRY(id->session_list(id->impl, &q->call, session_each, q, err));
    return end_items(q);
}

int route_sessions_delete(struct rq *q, struct err *err)
{
    const struct identity_api *id = fs_identity(q->fs);
    TRY(id->sign_out(id->impl, &q->call, q->target, err));
    return changed(q);
}

int route_users_list(struct rq *q, struct err *err)
{
    const struct identity_api *id = fs_identity(q->fs);
    begin_items(q);
    TRY(id->user_list(id->impl, &q->call, user_each, q, err));
    return end_items(q);
}

enum { GROUPS_MAX = 16 };

static int parse_user(struct rq *q, const char *name, struct user_change *c, const char **groups, struct err *err)
{
    const struct json *list = json_get(q->body, "groups"), *disabled = json_get(q->body, "disabled");
    const char *role = rq_string(q, "role", NULL);
    *c = (struct user_change){.name = name, .password = rq_string(q, "password", NULL), .old_password = rq_string(q, "old_password", NULL),
                              .role = role ? (int)role_from_name(role) : -1, .set_groups = list != NULL, .groups = groups,
                              .group_count = list ? json_size(list) : 0, .is_disabled = disabled ? json_bool(disabled, false) : -1};
    if (c->group_count > GROUPS_MAX)
        return err_set(err, ERR_TOO_LARGE, "a user can be in at most %d groups", GROUPS_MAX);
    for (size_t i = 0; i < c->group_count; i++)
        groups[i] = json_text(json_at(list, i), "");
    return 0;
}

int route_users_create(struct rq *q, struct err *err)
{
    const struct identity_api *id = fs_identity(q->fs);
    const char *groups[GROUPS_MAX];
    struct user_change c;
    rq_subject(q, rq_string(q, "name", ""));
    TRY(parse_user(q, rq_string(q, "name", ""), &c, groups, err));
    TRY(id->user_create(id->impl, &q->call, &c, err));
    return changed(q);
}

int route_users_patch(struct rq *q, struct err *err)
{
    const struct identity_api *id = fs_identity(q->fs);
    const char *groups[GROUPS_MAX];
    struct user_change c;
    TRY(parse_user(q, q->target, &c, groups, err));
    TRY(id->user_change(id->impl, &q->call, &c, err));
    return changed(q);
}

int route_users_delete(struct rq *q, struct err *err)
{
    const struct identity_api *id = fs_identity(q->fs);
    TRY(id->user_remove(id->impl, &q->call, q->target, err));
    return changed(q);
}

int route_tokens_list(struct rq *q, struct err *err)
{
    const struct identity_api *id = fs_identity(q->fs);
    begin_items(q);
    TRY(id->token_list(id->impl, &q->call, token_each, q, err));
    return end_items(q);
}

int route_tokens_create(struct rq *q, struct err *err)
{
    const struct identity_api *id = fs_identity(q->fs);
    const char *role = rq_string(q, "role", NULL), *expires = rq_string(q, "expires", NULL);
    struct token_spec s = {.label = rq_string(q, "label", ""), .scope = rq_string(q, "scope", NULL),
                           .role = role ? role_from_name(role) : ROLE_NONE, .can_write = !rq_bool(q, "read_only", false)};
    char token[80] = "", token_id[24] = "";
    if (expires)
        TRY(text_parse_rfc3339(expires, &s.expires_ms, err));
    rq_subject(q, s.label);
    TRY(id->token_create(id->impl, &q->call, &s, token, token_id, err));
    if (q->call.is_dry_run)
        return changed(q);
    json_begin_object(&q->json, NULL);
    json_put_string(&q->json, "id", token_id);
    json_put_string(&q->json, "token", q->result.is_replay ? NULL : token);
    json_put_id(&q->json, "index", q->result.index);
    json_end_object(&q->json);
    return 0;
}

int route_tokens_delete(struct rq *q, struct err *err)
{
    const struct identity_api *id = fs_identity(q->fs);
    TRY(id->token_remove(id->impl, &q->call, q->target, err));
    return changed(q);
}
