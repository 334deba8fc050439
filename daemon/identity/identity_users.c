/* SPDX-License-Identifier: Apache-2.0
 *
 * identity_users: users and their changes.  Every change of a user also replaces one generation record under a
 * guard: two changes at once cannot both be right about who is the last administrator.  Threads: any.
 */
#include "base/mem.h"
#include "base/text.h"
#include "identity/identity_service.h"
#include "meta/replay.h"

#include <stdio.h>
#include <string.h>

#define GENERATION "identity.generation"
enum { TRIES = 8, USERS_MAX = 10000 };

static int name_check(const char *what, const char *name, struct err *err)
{
    size_t n = strlen(name);
    bool is_ok = n > 0 && n < 64 && name[0] != '-';
    for (size_t i = 0; i < n; i++)
        is_ok &= (unsigned char)name[i] >= 128 || (name[i] > 32 && name[i] < 127 && !strchr(":/\\\"'*?<>|,", name[i]));
    if (is_ok && text_is_utf8(name, n))
        return 0;
    err_set(err, ERR_INVALID_ARGUMENT, "a %s name has 1 to 63 characters without spaces and : / \\ \" ' * ? < > | ,", what);
    return err ? err_field(err, what) : -(int)ERR_INVALID_ARGUMENT;
}

struct admins {
    const char *except;
    size_t admins, users;
};

static int admins_each(void *arg, const char *key, const void *value, size_t len)
{
    struct admins *a = arg;
    struct id_record *r;
    if (id_record_decode(RECORD_USER, key, value, len, &r, NULL))
        return 0;
    a->users++;
    a->admins += r->role == ROLE_ADMIN && !r->is_disabled && strcmp(key, a->except);
    id_record_put(r);
    return 0;
}

/* One change under the generation's guard. `next` NULL removes. `was`: what it was made from, or NULL. */
struct user_edit {
    const char *op, *name;
    const struct id_record *next;
    const struct buf *was;
    bool is_new, needs_other_admin;
};

static int edit(struct identity_service *s, const struct call *c, const struct user_edit *u, struct err *err)
{
    AUTO(entry) e = {0};
    AUTO(buf) generation = {.max = 64};
    AUTO(buf) value = {.max = 32 << 10};
    struct admins a = {.except = u->name};
    uint64_t n = 0;
    char next[24];
    int done = replay_before(s->meta, c, u->op, u->name, NULL, err);
    if (done)
        return done;
    int rc = meta_record(s->meta, RECORD_CONFIG, GENERATION, &generation, NULL);
    if (rc == 0)
        TRY(text_parse_u64(generation.data, &n, err));
    TRY(meta_records(s->meta, RECORD_USER, NULL, admins_each, &a, err));
    if (u->needs_other_admin && a.admins == 0)
        return err_set(err, ERR_CONFLICT, "%s is the last administrator", u->name);
    if (u->is_new && a.users >= USERS_MAX)
        return err_set(err, ERR_QUOTA, "there are %d users", USERS_MAX);
    if (c->is_dry_run)
        return 0;
    snprintf(next, sizeof next, "%llu", (unsigned long long)n + 1);
    entry_init(&e, ENTRY_USER, c->now_ms);
    entry_guard_record(&e, RECORD_CONFIG, GENERATION, rc ? NULL : generation.data, generation.len, ERR_STALE);
    entry_put_record(&e, RECORD_CONFIG, GENERATION, next, strlen(next));
    if (u->is_new)
        entry_guard_record(&e, RECORD_USER, u->name, NULL, 0, ERR_ALREADY_EXISTS);
    if (u->was)
        entry_guard_record(&e, RECORD_USER, u->name, u->was->data, u->was->len, ERR_STALE);
    if (u->next) {
        id_record_encode(u->next, &value);
        entry_put_record(&e, RECORD_USER, u->name, value.data, value.len);
    } else {
        entry_remove_record(&e, RECORD_USER, u->name);
    }
    replay_put(c, &e, u->op, u->name, NULL);
    return meta_propose(s->meta, c, &e, err);
}

static int edit_again(struct identity_service *s, const struct call *c, const struct user_edit *u, struct err *err)
{
    int rc = -ERR_STALE;
    for (int i = 0; i < TRIES && rc == -ERR_STALE; i++)
        rc = edit(s, c, u, err);
    return rc > 0 ? 0 : rc;
}

static int set_groups(struct id_record *r, const struct user_change *u, struct err *err)
{
    for (size_t i = 0; i < u->group_count; i++)
        TRY(name_check("group", u->groups[i], err));
    for (size_t i = 0; i < r->group_count; i++)
        free(r->groups[i]);
    r->group_count = 0;
    for (size_t i = 0; i < u->group_count && i < IDENTITY_GROUPS_MAX; i++)
        r->groups[r->group_count++] = xstrdup(u->groups[i]);
    return 0;
}

static struct id_record *blank(const char *name)
{
    struct id_record *r = xnew(struct id_record);
    *r = (struct id_record){.refs = 1, .kind = RECORD_USER, .key = xstrdup(name), .user = xstrdup(""), .label = xstrdup(""),
                            .scope = xstrdup(""), .from = xstrdup(""), .can_write = true, .role = ROLE_VIEWER};
    return r;
}

static int need_admin(const struct call *c, struct err *err)
{
    if (c->who->role == ROLE_ADMIN)
        return 0;
    return err_set(err, ERR_PERMISSION_DENIED, "this needs the role admin; %s has the role %s", c->who->user, role_name(c->who->role));
}

int user_create(void *impl, const struct call *c, const struct user_change *u, struct err *err)
{
    TRY(need_admin(c, err));
    TRY(name_check("user", u->name, err));
    if (!u->password) {
        err_set(err, ERR_INVALID_ARGUMENT, "a new user needs a password");
        return err_field(err, "password");
    }
    TRY(password_rules(u->name, u->password, err));
    struct id_record *r = blank(u->name);
    r->created_ms = c->now_ms;
    r->role = u->role > 0 ? (enum role)u->role : ROLE_VIEWER;
    int rc = set_groups(r, u, err);
    if (!rc)
        rc = crypto_password_hash(u->password, r->hash, err);
    if (!rc)
        rc = edit_again(impl, c, &(struct user_edit){.op = "user_create", .name = u->name, .next = r, .is_new = true}, err);
    id_record_put(r);
    return rc == -ERR_ALREADY_EXISTS ? err_set(err, ERR_ALREADY_EXISTS, "the user %s exists already", u->name) : rc;
}

/* What a user may change of itself: the password, knowing the old one. */
static int check_change(struct identity_service *s, const struct call *c, const struct id_record *now, const struct user_change *u, struct err *err)
{
    bool is_self = !strcmp(c->who->user, u->name);
    bool only_password = u->role < 0 && !u->set_groups && u->is_disabled < 0;
    if (!is_self || !only_password)
        TRY(need_admin(c, err));
    if (u->password)
        TRY(password_rules(u->name, u->password, err));
    if (is_self && u->password) {
        TRY(backoff_check(&s->backoff, u->name, c->from, err));
        int rc = u->old_password ? password_check(s, now, u->old_password, err) : -ERR_UNAUTHENTICATED;
        if (rc == -ERR_UNAUTHENTICATED) {
            if (u->old_password)
                backoff_failed(&s->backoff, u->name, c->from);
            err_set(err, ERR_PERMISSION_DENIED, "the old password is wrong");
            return err ? err_field(err, "old_password") : -(int)ERR_PERMISSION_DENIED;
        }
        TRY(rc);
        backoff_succeeded(&s->backoff, u->name, c->from);
    }
    return 0;
}

static int apply_change(struct id_record *r, const struct user_change *u, struct err *err)
{
    if (u->role >= 0)
        r->role = (enum role)u->role;
    if (u->is_disabled >= 0)
        r->is_disabled = u->is_disabled;
    if (u->set_groups)
        TRY(set_groups(r, u, err));
    if (u->password) {
        TRY(crypto_password_hash(u->password, r->hash, err));
        r->must_change = false;
    }
    return 0;
}

static int change_once(struct identity_service *s, const struct call *c, const struct user_change *u, struct err *err)
{
    AUTO(buf) value = {.max = 64 << 10};
    struct id_record *r;
    int rc = meta_record(s->meta, RECORD_USER, u->name, &value, err);
    if (rc == -ERR_NOT_FOUND)
        return err_set(err, ERR_NOT_FOUND, "no user is named '%.64s'", u->name);
    TRY(rc);
    TRY(id_record_decode(RECORD_USER, u->name, value.data, value.len, &r, err));
    bool was_admin = r->role == ROLE_ADMIN && !r->is_disabled;
    rc = check_change(s, c, r, u, err);
    if (!rc)
        rc = apply_change(r, u, err);
    bool is_admin = r->role == ROLE_ADMIN && !r->is_disabled;
    if (!rc)
        rc = edit(s, c, &(struct user_edit){.op = "user_change", .name = u->name, .next = r, .was = &value, .needs_other_admin = was_admin && !is_admin}, err);
    id_record_put(r);
    return rc;
}

int user_change(void *impl, const struct call *c, const struct user_change *u, struct err *err)
{
    struct identity_service *s = impl;
    int rc = replay_before(s->meta, c, "user_change", u->name, NULL, err);
    if (rc)
        return rc < 0 ? rc : 0;
    rc = -ERR_STALE;
    for (int i = 0; i < TRIES && rc == -ERR_STALE; i++)
        rc = change_once(s, c, u, err);
    forget_matches(s);
    return rc > 0 ? 0 : rc;
}

int user_remove(void *impl, const struct call *c, const char *name, struct err *err)
{
    struct identity_service *s = impl;
    struct id_record *r;
    TRY(need_admin(c, err));
    int rc = replay_before(s->meta, c, "user_remove", name, NULL, err);
    if (rc)
        return rc < 0 ? rc : 0;
    rc = id_record_get(&s->cache, s->meta, RECORD_USER, name, &r, err);
    if (rc == -ERR_NOT_FOUND)
        return err_set(err, ERR_NOT_FOUND, "no user is named '%.64s'", name);
    TRY(rc);
    bool was_admin = r->role == ROLE_ADMIN && !r->is_disabled;
    id_record_put(r);
    rc = edit_again(s, c, &(struct user_edit){.op = "user_remove", .name = name, .needs_other_admin = was_admin}, err);
    forget_matches(s);
    return rc;
}

struct users {
    struct identity_service *s;
    int (*each)(void *arg, const struct user_info *);
    void *arg;
};

static int users_each(void *arg, const char *key, const void *value, size_t len)
{
    struct users *x = arg;
    struct id_record *r, *cached;
    int64_t seen = 0;
    if (id_record_decode(RECORD_USER, key, value, len, &r, NULL))
        return 0;
    if (id_record_get(&x->s->cache, x->s->meta, RECORD_USER, key, &cached, NULL) == 0) {
        seen = __atomic_load_n(&cached->last_used_ms, __ATOMIC_RELAXED);
        id_record_put(cached);
    }
    struct user_info u = {.name = key, .role = r->role, .group_count = r->group_count, .groups = (const char *const *)r->groups,
                          .created_ms = r->created_ms, .last_seen_ms = seen, .is_disabled = r->is_disabled};
    int rc = x->each(x->arg, &u);
    id_record_put(r);
    return rc;
}

int user_list(void *impl, const struct call *c, int (*each)(void *arg, const struct user_info *), void *arg, struct err *err)
{
    (void)c;
    struct users x = {impl, each, arg};
    return meta_records(SERVICE(impl)->meta, RECORD_USER, NULL, users_each, &x, err);
}

int identity_first_admin(struct entry *e, const char *name, const char *password, int64_t now_ms, struct err *err)
{
    AUTO(buf) value = {.max = 32 << 10};
    TRY(name_check("user", name, err));
    struct id_record *r = blank(name);
    r->role = ROLE_ADMIN;
    r->must_change = true;
    r->created_ms = now_ms;
    int rc = crypto_password_hash(password, r->hash, err);
    if (!rc) {
        id_record_encode(r, &value);
        entry_put_record(e, RECORD_USER, name, value.data, value.len);
    }
    id_record_put(r);
    return rc;
}
