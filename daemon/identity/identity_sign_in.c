/* SPDX-License-Identifier: Apache-2.0
 *
 * identity_sign_in: passwords.  A wrong name costs the same time as a wrong password.  At most two hashes
 * are computed at once, so that guessing cannot take the machine.  Threads: any.
 */
#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "identity/identity_service.h"
#include "meta/meta.h"

#include <string.h>

enum { HASHES_AT_ONCE = 2, MATCH_MS = 60000 };
/* a hash that no password has: scrypt work for names that do not exist */
#define NOBODY_HASH "scrypt$16384$8$1$AAAAAAAAAAAAAAAAAAAAAA==$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

int password_rules(const char *name, const char *password, struct err *err)
{
    size_t n = strlen(password);
    if (n < IDENTITY_PASSWORD_MIN || n > 256 || !text_is_utf8(password, n)) {
        err_set(err, ERR_INVALID_ARGUMENT, "a password needs %d to 256 characters", IDENTITY_PASSWORD_MIN);
        return err ? err_field(err, "password") : -(int)ERR_INVALID_ARGUMENT;
    }
    if (!strcmp(name, password)) {
        err_set(err, ERR_INVALID_ARGUMENT, "the password must not be the name");
        return err ? err_field(err, "password") : -(int)ERR_INVALID_ARGUMENT;
    }
    return 0;
}

static int hash_begin(struct identity_service *s, struct err *err)
{
    LOCK_SCOPE(&s->hash_lock);
    if (s->hashing >= HASHES_AT_ONCE)
        return err_set(err, ERR_RATE_LIMITED, "Many sign-ins at once: try again in 1 s");
    s->hashing++;
    return 0;
}

static void hash_end(struct identity_service *s)
{
    LOCK_SCOPE(&s->hash_lock);
    s->hashing--;
}

int password_check(struct identity_service *s, const struct id_record *user, const char *password, struct err *err)
{
    TRY(hash_begin(s, err));
    bool is_right = crypto_password_matches(password, user ? user->hash : NOBODY_HASH);
    hash_end(s);
    if (!user || !is_right || user->is_disabled)
        return err_set(err, ERR_UNAUTHENTICATED, "The name or the password is wrong");
    return 0;
}

static bool is_in(const struct id_record *user, const char *group)
{
    for (size_t i = 0; i < user->group_count; i++)
        if (!strcmp(user->groups[i], group))
            return true;
    return false;
}

int who_fill(struct identity_service *s, const struct id_record *user, const struct id_record *by, struct who *ret, struct err *err)
{
    if (user->is_disabled)
        return err_set(err, ERR_UNAUTHENTICATED, "the user %s is disabled", user->key);
    memset(ret, 0, offsetof(struct who, scope));
    text_copy(ret->user, sizeof ret->user, user->key);
    for (size_t i = 0; i < user->group_count; i++)
        ret->groups[i] = xstrdup(user->groups[i]);
    text_copy(ret->scope, sizeof ret->scope, by && *by->scope ? by->scope : "/");
    text_copy(ret->session, sizeof ret->session, by ? by->id : "");
    text_copy(ret->csrf, sizeof ret->csrf, by ? by->csrf : "");
    ret->is_token = by && by->kind == RECORD_TOKEN;
    ret->must_change_password = user->must_change;
    enum role role = by && by->role && by->role < user->role ? by->role : user->role;
    ret->id = (struct identity){.user = ret->user, .group_count = user->group_count, .groups = (const char *const *)ret->groups,
                                .role = role, .can_write = !by || by->can_write, .scope = ret->scope};
    ret->id.is_super = role == ROLE_ADMIN || (*s->supergroup && is_in(user, s->supergroup));
    return 0;
}

void who_done(struct who *w)
{
    for (size_t i = 0; i < w->id.group_count; i++)
        free(w->groups[i]);
    w->id.group_count = 0;
}

/* The user with a right password; every failure looks and lasts the same. */
static int prove(struct identity_service *s, const struct call *c, const char *name, const char *password,
                 struct id_record **ret, struct err *err)
{
    struct id_record *user = NULL;
    TRY(backoff_check(&s->backoff, name, c->from, err));
    int rc = id_record_get(&s->cache, s->meta, RECORD_USER, name, &user, err);
    if (rc && rc != -ERR_NOT_FOUND)
        return rc;
    rc = password_check(s, user, password, err);
    if (rc == -ERR_UNAUTHENTICATED) {
        unsigned left = backoff_failed(&s->backoff, name, c->from);
        err_set(err, ERR_UNAUTHENTICATED, left ? "The name or the password is wrong; %u more tries before waiting" : "The name or the password is wrong", left);
    }
    if (rc) {
        id_record_put(user);
        return rc;
    }
    backoff_succeeded(&s->backoff, name, c->from);
    __atomic_store_n(&user->last_used_ms, c->now_ms, __ATOMIC_RELAXED);
    *ret = user;
    return 0;
}

int sign_in(void *impl, const struct call *c, const char *user, const char *password, char ret_session[64], struct who *ret, struct err *err)
{
    struct id_record *record;
    TRY(prove(SERVICE(impl), c, user, password, &record, err));
    int rc = session_make(SERVICE(impl), c, record, ret_session, ret, err);
    id_record_put(record);
    return rc;
}

/* ---- Basic: the same pair comes with every request, so a match is remembered for a minute ---- */

static void digest_of(struct identity_service *s, const char *user, const char *password, uint8_t to[SHA256_LEN])
{
    struct crypto_digest *d = crypto_digest_new("sha256");
    crypto_digest_add(d, s->match_salt, sizeof s->match_salt);
    crypto_digest_add(d, user, strlen(user) + 1);
    crypto_digest_add(d, password, strlen(password));
    crypto_digest_end(d, to);
    crypto_digest_free(d);
}

static bool was_matched(struct identity_service *s, const uint8_t digest[SHA256_LEN])
{
    LOCK_SCOPE(&s->match_lock);
    size_t at = (digest[0] | (size_t)digest[1] << 8) % MATCHES;
    return s->matches[at].until_ms > clock_mono_ms() && !memcmp(s->matches[at].digest, digest, SHA256_LEN);
}

static void remember_match(struct identity_service *s, const uint8_t digest[SHA256_LEN])
{
    LOCK_SCOPE(&s->match_lock);
    size_t at = (digest[0] | (size_t)digest[1] << 8) % MATCHES;
    memcpy(s->matches[at].digest, digest, SHA256_LEN);
    s->matches[at].until_ms = clock_mono_ms() + MATCH_MS;
}

void forget_matches(struct identity_service *s)
{
    LOCK_SCOPE(&s->match_lock);
    memset(s->matches, 0, sizeof s->matches);
}

int by_password(void *impl, const struct call *c, const char *user, const char *password, struct who *ret, struct err *err)
{
    struct identity_service *s = impl;
    struct id_record *record;
    uint8_t digest[SHA256_LEN];
    digest_of(s, user, password, digest);
    if (was_matched(s, digest))
        TRY(id_record_get(&s->cache, s->meta, RECORD_USER, user, &record, err));
    else
        TRY(prove(s, c, user, password, &record, err));
    remember_match(s, digest);
    int rc = who_fill(s, record, NULL, ret, err);
    id_record_put(record);
    return rc;
}
