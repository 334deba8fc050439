/* SPDX-License-Identifier: Apache-2.0
 *
 * test_identity: users, sessions and tokens over a real store of metadata.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/file_util.h"
#include "base/mem.h"
#include "identity/identity.h"
#include "identity/identity_backoff.h"
#include "meta/meta.h"

#include <stdio.h>
#include <string.h>

#define FIRST "first-password"
static char folder[] = "/tmp/isthmus-identity-XXXXXX";
static struct meta *meta;
static struct identity_service *service;
static const struct identity_api *api;
static char first_token[80];

static void changed(void *arg, enum record_kind kind, const char *key, uint64_t index)
{
    (void)arg;
    (void)index;
    if (service)
        identity_on_record_changed(service, kind, key);
}

static int start(void **state)
{
    (void)state;
    struct err err;
    char journal[80], db[80];
    assert_non_null(mkdtemp(folder));
    snprintf(journal, sizeof journal, "%s/journal", folder);
    snprintf(db, sizeof db, "%s/meta", folder);
    assert_int_equal(file_mkdirs(journal, 0700, &err), 0);
    assert_int_equal(file_mkdirs(db, 0700, &err), 0);
    struct meta_options o = {.dir = db, .journal_dir = journal, .cache_bytes = 1 << 20, .sqlite_cache_bytes = 8 << 20, .readers = 2,
                             .journal_reserve_bytes = 1 << 20, .address = "127.0.0.1:19200"};
    struct entry e;
    entry_init(&e, ENTRY_FORMAT, clock_wall_ms());
    assert_int_equal(identity_first_admin(&e, "admin", FIRST, clock_wall_ms(), &err), 0);
    assert_int_equal(identity_first_token(&e, "admin", "test", clock_wall_ms(), first_token, &err), 0);
    if (meta_format(&o, "admin", "staff", &e, &err))
        fail_msg("%s", err.text);
    entry_done(&e);
    service = identity_new(&(struct identity_options){.supergroup = "supergroup"});
    struct meta_listener l = {.record_changed = changed};
    if (meta_open(&o, &l, clock_mono_ms() + 20000, &meta, &err))
        fail_msg("%s", err.text);
    identity_attach(service, meta);
    api = identity_service_api(service);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    meta_close(meta);
    identity_free(service);
    return file_remove_tree(folder, NULL);
}

static struct call_result result;
static struct call as(const struct identity *who, const char *from)
{
    return (struct call){.who = who, .deadline_ms = clock_mono_ms() + 10000, .now_ms = clock_wall_ms(), .request_id = "t",
                         .via = "rest", .from = from, .result = &result};
}

static void make_user(const char *name, const char *password, enum role role)
{
    struct call c = as(&identity_system, "");
    struct err err;
    struct user_change u = {.name = name, .password = password, .role = (int)role, .is_disabled = -1};
    if (api->user_create(api->impl, &c, &u, &err))
        fail_msg("%s", err.text);
}

static void test_sign_in(void **state)
{
    (void)state;
    struct err err;
    struct who w, again;
    char session[64];
    struct call c = as(NULL, "10.0.0.1");
    assert_int_equal(api->sign_in(api->impl, &c, "admin", "wrong-password", session, &w, &err), -ERR_UNAUTHENTICATED);
    assert_int_equal(api->sign_in(api->impl, &c, "nobody", FIRST, session, &w, &err), -ERR_UNAUTHENTICATED);
    assert_int_equal(api->sign_in(api->impl, &c, "admin", FIRST, session, &w, &err), 0);
    assert_string_equal(w.user, "admin");
    assert_int_equal(w.id.role, ROLE_ADMIN);
    assert_true(w.id.is_super && w.must_change_password && w.csrf[0]);
    assert_int_equal(api->by_session(api->impl, &c, session, &again, &err), 0);
    assert_string_equal(again.csrf, w.csrf);
    who_done(&again);
    assert_int_equal(api->by_token(api->impl, &c, session, &again, &err), -ERR_UNAUTHENTICATED);
    struct call own = as(&w.id, "");
    assert_int_equal(api->sign_out(api->impl, &own, w.session, &err), 0);
    assert_int_equal(api->by_session(api->impl, &c, session, &again, &err), -ERR_UNAUTHENTICATED);
    who_done(&w);
}

static void test_tokens(void **state)
{
    (void)state;
    struct err err;
    struct who admin, w;
    char token[80], id[24];
    struct call c = as(NULL, "");
    assert_int_equal(api->by_token(api->impl, &c, first_token, &admin, &err), 0);
    assert_true(admin.is_token);
    make_user("ann", "ann-password", ROLE_OPERATOR);
    assert_int_equal(api->by_password(api->impl, &c, "ann", "ann-password", &w, &err), 0);
    struct call ann = as(&w.id, "");
    struct token_spec spec = {.label = "ci", .scope = "/data", .role = ROLE_ADMIN, .can_write = true};
    assert_int_equal(api->token_create(api->impl, &ann, &spec, token, id, &err), -ERR_PERMISSION_DENIED);
    spec.role = ROLE_VIEWER;
    spec.can_write = false;
    assert_int_equal(api->token_create(api->impl, &ann, &spec, token, id, &err), 0);
    struct who t;
    assert_int_equal(api->by_token(api->impl, &c, token, &t, &err), 0);
    assert_int_equal(t.id.role, ROLE_VIEWER);
    assert_string_equal(t.id.scope, "/data");
    assert_false(t.id.can_write);
    struct call by_token = as(&t.id, "");
    spec.scope = "/other";
    assert_int_equal(api->token_create(api->impl, &by_token, &spec, token, id, &err), -ERR_PERMISSION_DENIED);
    who_done(&t);
    /* disabling the user ends the token at once */
    struct call sys = as(&identity_system, "");
    struct user_change off = {.name = "ann", .role = -1, .is_disabled = 1};
    assert_int_equal(api->user_change(api->impl, &sys, &off, &err), 0);
    assert_int_equal(api->by_token(api->impl, &c, token, &t, &err), -ERR_UNAUTHENTICATED);
    assert_int_equal(api->by_password(api->impl, &c, "ann", "ann-password", &t, &err), -ERR_UNAUTHENTICATED);
    who_done(&w);
    who_done(&admin);
}

static void test_expired_token(void **state)
{
    (void)state;
    struct err err;
    struct who admin, w;
    char token[80], id[24];
    struct call c = as(NULL, "");
    assert_int_equal(api->by_token(api->impl, &c, first_token, &admin, &err), 0);
    struct call a = as(&admin.id, "");
    struct token_spec spec = {.label = "short", .can_write = true, .expires_ms = a.now_ms + 1000};
    assert_int_equal(api->token_create(api->impl, &a, &spec, token, id, &err), 0);
    assert_int_equal(api->by_token(api->impl, &c, token, &w, &err), 0);
    who_done(&w);
    c.now_ms += 2000;
    assert_int_equal(api->by_token(api->impl, &c, token, &w, &err), -ERR_UNAUTHENTICATED);
    who_done(&admin);
}

static void test_last_admin_stays(void **state)
{
    (void)state;
    struct err err;
    struct call sys = as(&identity_system, "");
    struct user_change demote = {.name = "admin", .role = ROLE_VIEWER, .is_disabled = -1};
    assert_int_equal(api->user_change(api->impl, &sys, &demote, &err), -ERR_CONFLICT);
    assert_int_equal(api->user_remove(api->impl, &sys, "admin", &err), -ERR_CONFLICT);
    make_user("root2", "root2-password", ROLE_ADMIN);
    assert_int_equal(api->user_remove(api->impl, &sys, "root2", &err), 0);
    assert_int_equal(api->user_remove(api->impl, &sys, "root2", &err), -ERR_NOT_FOUND);
}

static void test_own_password(void **state)
{
    (void)state;
    struct err err;
    struct who w;
    struct call c = as(NULL, "");
    make_user("bob", "bob-password", ROLE_VIEWER);
    assert_int_equal(api->by_password(api->impl, &c, "bob", "bob-password", &w, &err), 0);
    struct call bob = as(&w.id, "");
    struct user_change u = {.name = "bob", .password = "new-password-1", .role = -1, .is_disabled = -1};
    assert_int_equal(api->user_change(api->impl, &bob, &u, &err), -ERR_PERMISSION_DENIED); /* the old one is missing */
    u.old_password = "wrong-password";
    assert_int_equal(api->user_change(api->impl, &bob, &u, &err), -ERR_PERMISSION_DENIED);
    u.old_password = "bob-password";
    u.role = ROLE_ADMIN;
    assert_int_equal(api->user_change(api->impl, &bob, &u, &err), -ERR_PERMISSION_DENIED);
    u.role = -1;
    assert_int_equal(api->user_change(api->impl, &bob, &u, &err), 0);
    who_done(&w);
    assert_int_equal(api->by_password(api->impl, &c, "bob", "bob-password", &w, &err), -ERR_UNAUTHENTICATED);
    assert_int_equal(api->by_password(api->impl, &c, "bob", "new-password-1", &w, &err), 0);
    who_done(&w);
    struct user_change other = {.name = "admin", .password = "taken-over-1", .role = -1, .is_disabled = -1};
    assert_int_equal(api->user_change(api->impl, &bob, &other, &err), -ERR_PERMISSION_DENIED);
}

static void test_bad_names(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "a b", "a/b", "-x", "a:b", "\xff", "a\nb"};
    struct call sys = as(&identity_system, "");
    struct err err;
    for (size_t i = 0; i < array_len(bad); i++) {
        struct user_change u = {.name = bad[i], .password = "good-password", .role = -1, .is_disabled = -1};
        assert_int_equal(api->user_create(api->impl, &sys, &u, &err), -ERR_INVALID_ARGUMENT);
    }
    struct user_change shortly = {.name = "carl", .password = "short", .role = -1, .is_disabled = -1};
    assert_int_equal(api->user_create(api->impl, &sys, &shortly, &err), -ERR_INVALID_ARGUMENT);
    assert_string_equal(err.field, "password");
}

static void test_backoff(void **state)
{
    (void)state;
    static struct backoff b;
    struct err err;
    backoff_init(&b);
    for (int i = 0; i < BACKOFF_FREE_TRIES; i++) {
        assert_int_equal(backoff_check(&b, "eve", "1.2.3.4", &err), 0);
        backoff_failed(&b, "eve", "1.2.3.4");
    }
    assert_int_equal(backoff_check(&b, "eve", "1.2.3.4", &err), -ERR_RATE_LIMITED);
    assert_int_equal(backoff_check(&b, "eve", "5.6.7.8", &err), -ERR_RATE_LIMITED);
    assert_int_equal(backoff_check(&b, "ann", "1.2.3.4", &err), 0);
    backoff_succeeded(&b, "eve", "1.2.3.4");
    assert_int_equal(backoff_check(&b, "eve", "1.2.3.4", &err), 0);
    backoff_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sign_in), cmocka_unit_test(test_tokens), cmocka_unit_test(test_expired_token),
        cmocka_unit_test(test_last_admin_stays), cmocka_unit_test(test_own_password), cmocka_unit_test(test_bad_names),
        cmocka_unit_test(test_backoff),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
