/* SPDX-License-Identifier: Apache-2.0
 *
 * identity_tokens: sessions and tokens.  The secret itself is never kept: the record's key is its
 * SHA-256, and a short public id stands for it in lists and logs.  Threads: any.
 */
#include "api/path.h"
#include "base/clock.h"
#include "base/conf.h"
#include "base/mem.h"
#include "base/text.h"
#include "identity/identity_service.h"
#include "meta/replay.h"

#include <stdio.h>
#include <string.h>

enum { SECRET_CHARS = 43, TOKENS_MAX = 10000 };

void secret_key(const char *secret, char to[2 * SHA256_LEN + 1])
{
    uint8_t digest[SHA256_LEN];
    crypto_sha256(secret, strlen(secret), digest);
    text_hex(digest, sizeof digest, to);
}

/* `op` names what is made when the caller's idempotency key counts; NULL: it does not. */
static int put_record(struct identity_service *s, const struct call *c, enum entry_kind kind, const struct id_record *r, const char *op, struct err *err)
{
    AUTO(entry) e = {0};
    AUTO(buf) value = {.max = 32 << 10};
    id_record_encode(r, &value);
    TRY(buf_check(&value, "the record", err));
    entry_init(&e, kind, c->now_ms);
    entry_guard_record(&e, r->kind, r->key, NULL, 0, ERR_ALREADY_EXISTS);
    entry_put_record(&e, r->kind, r->key, value.data, value.len);
    if (op)
        replay_put(c, &e, op, r->label, NULL);
    return meta_propose(s->meta, c, &e, err);
}

static int remove_record(struct identity_service *s, const struct call *c, enum record_kind kind, const char *key, struct err *err)
{
    AUTO(entry) e = {0};
    entry_init(&e, kind == RECORD_TOKEN ? ENTRY_TOKEN : ENTRY_SESSION, c->now_ms);
    entry_remove_record(&e, kind, key);
    return meta_propose(s->meta, c, &e, err);
}

int session_make(struct identity_service *s, const struct call *c, const struct id_record *user, char ret_session[64], struct who *ret, struct err *err)
{
    char key[2 * SHA256_LEN + 1];
    crypto_random_text(ret_session, SECRET_CHARS);
    secret_key(ret_session, key);
    struct id_record r = {.kind = RECORD_SESSION, .key = key, .user = user->key, .label = (char *)"", .scope = (char *)"", .from = (char *)c->from,
                          .can_write = true, .created_ms = c->now_ms, .expires_ms = c->now_ms + conf_duration(CONF_SESSION_MAX)};
    memcpy(r.id, key, 16);
    crypto_random_text(r.csrf, 32);
    TRY(put_record(s, c, ENTRY_SESSION, &r, NULL, err));
    return who_fill(s, user, &r, ret, err);
}

/* From a secret to an identity: the record, then its user. */
static int by_secret(struct identity_service *s, const struct call *c, enum record_kind kind, const char *secret, struct who *ret, struct err *err)
{
    static const char *const sentence[] = {"Sign in again: the session has ended", "the token is not valid"};
    char key[2 * SHA256_LEN + 1];
    struct id_record *by = NULL, *user = NULL;
    secret_key(secret, key);
    int rc = id_record_get(&s->cache, s->meta, kind, key, &by, err);
    if (rc == -ERR_NOT_FOUND)
        return err_set(err, ERR_UNAUTHENTICATED, "%s", sentence[kind == RECORD_TOKEN]);
    TRY(rc);
    int64_t last = __atomic_exchange_n(&by->last_used_ms, c->now_ms, __ATOMIC_RELAXED);
    bool is_idle = kind == RECORD_SESSION && last && c->now_ms - last > conf_duration(CONF_SESSION_IDLE);
    if (is_idle || (by->expires_ms && c->now_ms > by->expires_ms)) {
        __atomic_store_n(&by->last_used_ms, last, __ATOMIC_RELAXED);
        rc = err_set(err, ERR_UNAUTHENTICATED, "%s", sentence[kind == RECORD_TOKEN]);
    }
    if (!rc)
        rc = id_record_get(&s->cache, s->meta, RECORD_USER, by->user, &user, err);
    if (rc == -ERR_NOT_FOUND)
        rc = err_set(err, ERR_UNAUTHENTICATED, "the user %s is gone", by->user);
    if (!rc) {
        __atomic_store_n(&user->last_used_ms, c->now_ms, __ATOMIC_RELAXED);
        rc = who_fill(s, user, by, ret, err);
    }
    id_record_put(user);
    id_record_put(by);
    return rc;
}

int by_session(void *impl, const struct call *c, const char *session, struct who *ret, struct err *err)
{
    return by_secret(impl, c, RECORD_SESSION, session, ret, err);
}

int by_token(void *impl, const struct call *c, const char *token, struct who *ret, struct err *err)
{
    return by_secret(impl, c, RECORD_TOKEN, token, ret, err);
}

/* ---- lists, and finding a record by its public id ---- */

struct scan {
    struct identity_service *s;
    enum record_kind kind;
    const char *id; /* wanted, or NULL for all */
    int (*token)(void *arg, const struct token_info *);
    int (*session)(void *arg, const struct session_info *);
    void *arg;
    size_t count;
    char found_key[2 * SHA256_LEN + 1];
    char found_user[64];
};

static int64_t last_used(struct identity_service *s, enum record_kind kind, const char *key)
{
    struct id_record *r;
    if (id_record_get(&s->cache, s->meta, kind, key, &r, NULL))
        return 0;
    int64_t ms = __atomic_load_n(&r->last_used_ms, __ATOMIC_RELAXED);
    id_record_put(r);
    return ms;
}

static int scan_each(void *arg, const char *key, const void *value, size_t len)
{
    struct scan *x = arg;
    struct id_record *r;
    int rc = 0;
    if (id_record_decode(x->kind, key, value, len, &r, NULL))
        return 0;
    x->count++;
    if (x->id) {
        if (!strcmp(r->id, x->id)) {
            snprintf(x->found_key, sizeof x->found_key, "%s", key);
            snprintf(x->found_user, sizeof x->found_user, "%s", r->user);
        }
    } else if (x->token) {
        struct token_info t = {r->id, r->label, r->user, r->scope, r->role, r->can_write, r->created_ms, r->expires_ms, last_used(x->s, x->kind, key)};
        rc = x->token(x->arg, &t);
    } else if (x->session) {
        struct session_info i = {r->id, r->user, r->from, r->created_ms, last_used(x->s, x->kind, key)};
        rc = x->session(x->arg, &i);
    }
    id_record_put(r);
    return rc;
}

static int scan(struct scan *x, struct err *err)
{
    return meta_records(x->s->meta, x->kind, NULL, scan_each, x, err);
}

/* Finds by id, for its owner or an admin; to others it does not exist. */
static int find_own(struct scan *x, const struct call *c, const char *what, struct err *err)
{
    TRY(scan(x, err));
    bool may = c->who->role == ROLE_ADMIN || !strcmp(x->found_user, c->who->user);
    if (!x->found_key[0] || !may)
        return err_set(err, ERR_NOT_FOUND, "no %s has the id '%.30s'", what, x->id);
    return 0;
}

int sign_out(void *impl, const struct call *c, const char *session_id, struct err *err)
{
    struct scan x = {.s = impl, .kind = RECORD_SESSION, .id = session_id};
    TRY(find_own(&x, c, "session", err));
    return c->is_dry_run ? 0 : remove_record(impl, c, RECORD_SESSION, x.found_key, err);
}

int token_remove(void *impl, const struct call *c, const char *id, struct err *err)
{
    struct scan x = {.s = impl, .kind = RECORD_TOKEN, .id = id};
    TRY(find_own(&x, c, "token", err));
    return c->is_dry_run ? 0 : remove_record(impl, c, RECORD_TOKEN, x.found_key, err);
}

int token_list(void *impl, const struct call *c, int (*each)(void *arg, const struct token_info *), void *arg, struct err *err)
{
    (void)c;
    struct scan x = {.s = impl, .kind = RECORD_TOKEN, .token = each, .arg = arg};
    return scan(&x, err);
}

int session_list(void *impl, const struct call *c, int (*each)(void *arg, const struct session_info *), void *arg, struct err *err)
{
    (void)c;
    struct scan x = {.s = impl, .kind = RECORD_SESSION, .session = each, .arg = arg};
    return scan(&x, err);
}

static int check_spec(struct identity_service *s, const struct call *c, const struct token_spec *t, char scope[PATH_MAX_BYTES + 1], struct err *err)
{
    struct scan x = {.s = s, .kind = RECORD_TOKEN, .id = ""};
    size_t n = strlen(t->label);
    if (n == 0 || n > 200 || !text_is_utf8(t->label, n)) {
        err_set(err, ERR_INVALID_ARGUMENT, "a token needs a label of 1 to 200 characters");
        return err ? err_field(err, "label") : -(int)ERR_INVALID_ARGUMENT;
    }
    if (t->role > c->who->role)
        return err_set(err, ERR_PERMISSION_DENIED, "a token cannot have a higher role than %s, which is %s", c->who->user, role_name(c->who->role));
    if (t->can_write && !c->who->can_write)
        return err_set(err, ERR_PERMISSION_DENIED, "a token that may only read cannot make one that may write");
    if (t->expires_ms && t->expires_ms <= c->now_ms) {
        err_set(err, ERR_INVALID_ARGUMENT, "the token would have expired already");
        return err ? err_field(err, "expires") : -(int)ERR_INVALID_ARGUMENT;
    }
    TRY(path_clean(t->scope ? t->scope : c->who->scope, scope, err));
    if (!path_is_below(scope, c->who->scope))
        return err_set(err, ERR_PERMISSION_DENIED, "the scope must lie below %s", c->who->scope);
    TRY(scan(&x, err));
    return x.count < TOKENS_MAX ? 0 : err_set(err, ERR_QUOTA, "there are %d tokens: revoke some first", TOKENS_MAX);
}

/* The public id: of the secret, or of the idempotency key, so that a replay can tell it too. */
static void choose_id(const struct call *c, const char *key, char to[24])
{
    char digest[2 * SHA256_LEN + 1], text[300];
    snprintf(text, sizeof text, "%s:%s", c->who->user, c->idempotency_key ? c->idempotency_key : "");
    secret_key(text, digest);
    snprintf(to, 24, "%.16s", c->idempotency_key ? digest : key);
}

static int make_token(struct identity_service *s, const struct call *c, const struct token_spec *t, const char *scope, char ret_token[80], char ret_id[24], struct err *err)
{
    char key[2 * SHA256_LEN + 1];
    memcpy(ret_token, "ist_", 4);
    crypto_random_text(ret_token + 4, SECRET_CHARS);
    secret_key(ret_token, key);
    struct id_record r = {.kind = RECORD_TOKEN, .key = key, .user = (char *)c->who->user, .label = (char *)t->label, .scope = (char *)scope, .from = (char *)"",
                          .can_write = t->can_write, .role = t->role ? t->role : c->who->role, .created_ms = c->now_ms, .expires_ms = t->expires_ms};
    choose_id(c, key, r.id);
    memcpy(ret_id, r.id, sizeof r.id);
    int was = replay_before(s->meta, c, "token", t->label, NULL, err);
    return was ? was : put_record(s, c, ENTRY_TOKEN, &r, "token", err);
}

int token_create(void *impl, const struct call *c, const struct token_spec *t, char ret_token[80], char ret_id[24], struct err *err)
{
    char scope[PATH_MAX_BYTES + 1];
    TRY(check_spec(impl, c, t, scope, err));
    if (c->is_dry_run)
        return 0;
    int rc = make_token(impl, c, t, scope, ret_token, ret_id, err);
    if (rc == -ERR_STALE) /* the same request came twice and the other was faster */
        rc = make_token(impl, c, t, scope, ret_token, ret_id, err);
    return rc > 0 ? 0 : rc;
}

int identity_first_token(struct entry *e, const char *user, const char *label, int64_t now_ms, char ret_token[80], struct err *err)
{
    char key[2 * SHA256_LEN + 1];
    AUTO(buf) value = {.max = 8192};
    memcpy(ret_token, "ist_", 4);
    crypto_random_text(ret_token + 4, SECRET_CHARS);
    secret_key(ret_token, key);
    struct id_record r = {.kind = RECORD_TOKEN, .key = key, .user = (char *)user, .label = (char *)label, .scope = (char *)"/", .from = (char *)"",
                          .can_write = true, .role = ROLE_ADMIN, .created_ms = now_ms};
    memcpy(r.id, key, 16);
    id_record_encode(&r, &value);
    entry_put_record(e, RECORD_TOKEN, key, value.data, value.len);
    return buf_check(&value, "the record", err);
}

/* ---- the end of their lives ---- */

struct sweep {
    int64_t now_ms;
    enum record_kind kind;
    size_t count;
    char keys[64][2 * SHA256_LEN + 1];
};

static int sweep_each(void *arg, const char *key, const void *value, size_t len)
{
    struct sweep *w = arg;
    struct id_record *r;
    if (id_record_decode(w->kind, key, value, len, &r, NULL))
        return 0;
    if (r->expires_ms && r->expires_ms < w->now_ms && w->count < array_len(w->keys))
        snprintf(w->keys[w->count++], sizeof w->keys[0], "%s", key);
    id_record_put(r);
    return w->count == array_len(w->keys);
}

void identity_tick(void *service)
{
    struct identity_service *s = service;
    static const enum record_kind kinds[] = {RECORD_SESSION, RECORD_TOKEN};
    for (size_t k = 0; k < array_len(kinds); k++) {
        struct sweep w = {.now_ms = clock_wall_ms(), .kind = kinds[k]};
        struct call call = call_system("sweep", clock_mono_ms() + 10000, NULL);
        if (meta_records(s->meta, kinds[k], NULL, sweep_each, &w, NULL) < 0)
            return;
        for (size_t i = 0; i < w.count; i++)
            if (remove_record(s, &call, kinds[k], w.keys[i], NULL) < 0)
                return;
    }
}
