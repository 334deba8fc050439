/* SPDX-License-Identifier: Apache-2.0
 *
 * identity_service: the struct that the files of this folder share.  Private to this folder.
 */
#pragma once
#include "base/crypto.h"
#include "identity/identity_backoff.h"
#include "identity/identity_record.h"

enum { MATCHES = 256 };

struct identity_service {
    struct identity_api api; /* fixed after init */
    struct meta *meta;       /* fixed after identity_attach */
    char supergroup[64];
    struct id_cache cache;
    struct backoff backoff;
    struct lock hash_lock; /* guards hashing */
    unsigned hashing;
    struct lock match_lock;
    uint8_t match_salt[16];
    struct { /* under match_lock: name and password pairs that matched within the last minute */
        uint8_t digest[SHA256_LEN];
        int64_t until_ms;
    } matches[MATCHES];
};
#define SERVICE(impl) ((struct identity_service *)(impl))

/* identity_sign_in.c */
int sign_in(void *impl, const struct call *c, const char *user, const char *password, char ret_session[64], struct who *ret, struct err *err);
int by_password(void *impl, const struct call *c, const char *user, const char *password, struct who *ret, struct err *err);
/* Checks one password against a record, with at most two hashes at once. */
int password_check(struct identity_service *s, const struct id_record *user, const char *password, struct err *err) must_use;
int password_rules(const char *name, const char *password, struct err *err) must_use;
/* Fills `ret` from a user and, when not NULL, a token or session of that user. */
int who_fill(struct identity_service *s, const struct id_record *user, const struct id_record *by, struct who *ret, struct err *err) must_use;
void forget_matches(struct identity_service *s);
/* identity_tokens.c */
void secret_key(const char *secret, char to[2 * SHA256_LEN + 1]);
int session_make(struct identity_service *s, const struct call *c, const struct id_record *user, char ret_session[64], struct who *ret, struct err *err) must_use;
int by_session(void *impl, const struct call *c, const char *session, struct who *ret, struct err *err);
int by_token(void *impl, const struct call *c, const char *token, struct who *ret, struct err *err);
int sign_out(void *impl, const struct call *c, const char *session_id, struct err *err);
int token_list(void *impl, const struct call *c, int (*each)(void *arg, const struct token_info *), void *arg, struct err *err);
int token_create(void *impl, const struct call *c, const struct token_spec *t, char ret_token[80], char ret_id[24], struct err *err);
int token_remove(void *impl, const struct call *c, const char *id, struct err *err);
int session_list(void *impl, const struct call *c, int (*each)(void *arg, const struct session_info *), void *arg, struct err *err);
/* identity_users.c */
int user_list(void *impl, const struct call *c, int (*each)(void *arg, const struct user_info *), void *arg, struct err *err);
int user_create(void *impl, const struct call *c, const struct user_change *u, struct err *err);
int user_change(void *impl, const struct call *c, const struct user_change *u, struct err *err);
int user_remove(void *impl, const struct call *c, const char *name, struct err *err);
