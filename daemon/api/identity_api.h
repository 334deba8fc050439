/* SPDX-License-Identifier: Apache-2.0
 *
 * identity_api: who somebody is.  Passwords are scrypt hashes, tokens and session ids are kept as
 * SHA-256 only; a value is shown once, when it is made.  Changes need the admin role, except on
 * oneself (own password, own tokens of at most one's own role).
 */
#pragma once
#include "api/types.h"

/* An identity with its storage; free with who_done. */
struct who {
    struct identity id;
    char user[64];
    char *groups[16];
    char scope[PATH_MAX_BYTES];
    char session[24];   /* public id of the session or token, for logs and lists */
    char csrf[48];      /* of a session; "" for tokens */
    bool is_token;
    bool must_change_password;
};
void who_done(struct who *w);

struct user_info {
    const char *name;
    enum role role;
    size_t group_count;
    const char *const *groups;
    int64_t created_ms, last_seen_ms;
    bool is_disabled;
};
struct token_info {
    const char *id, *label, *user, *scope;
    enum role role;
    bool can_write;
    int64_t created_ms, expires_ms, last_used_ms; /* expires 0: never */
};
struct session_info {
    const char *id, *user, *from;
    int64_t created_ms, last_used_ms;
};
struct user_change {
    const char *name;
    const char *password;   /* NULL leave */
    const char *old_password; /* needed to change one's own */
    int role;               /* -1 leave */
    bool set_groups;
    size_t group_count;
    const char *const *groups;
    int is_disabled;        /* -1 leave */
};
struct token_spec {
    const char *label, *scope; /* scope NULL: "/" */
    enum role role;            /* ROLE_NONE: the caller's */
    bool can_write;
    int64_t expires_ms;        /* wall clock, 0 never */
};

struct identity_api {
    void *impl;
    /* ERR_UNAUTHENTICATED, ERR_RATE_LIMITED with the seconds to wait in the sentence. Takes 0.1 s for passwords. */
    int (*sign_in)(void *impl, const struct call *, const char *user, const char *password, char ret_session[64], struct who *ret, struct err *);
    int (*by_session)(void *impl, const struct call *, const char *session, struct who *ret, struct err *); /* fast: cached */
    int (*by_token)(void *impl, const struct call *, const char *token, struct who *ret, struct err *);     /* fast: cached */
    int (*by_password)(void *impl, const struct call *, const char *user, const char *password, struct who *ret, struct err *); /* Basic; a match is cached for a minute */
    int (*sign_out)(void *impl, const struct call *, const char *session_id, struct err *);
    int (*user_list)(void *impl, const struct call *, int (*each)(void *arg, const struct user_info *), void *arg, struct err *);
    int (*user_create)(void *impl, const struct call *, const struct user_change *, struct err *);
    int (*user_change)(void *impl, const struct call *, const struct user_change *, struct err *); /* the last admin stays one */
    int (*user_remove)(void *impl, const struct call *, const char *name, struct err *);
    int (*token_list)(void *impl, const struct call *, int (*each)(void *arg, const struct token_info *), void *arg, struct err *);
    int (*token_create)(void *impl, const struct call *, const struct token_spec *, char ret_token[80], char ret_id[24], struct err *);
    int (*token_remove)(void *impl, const struct call *, const char *id, struct err *);
    int (*session_list)(void *impl, const struct call *, int (*each)(void *arg, const struct session_info *), void *arg, struct err *);
};
