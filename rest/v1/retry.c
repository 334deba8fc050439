/* SPDX-License-Identifier: Apache-2.0
 *
 * retry: Idempotency-Key where the change itself does not carry it: mounts, trees, the node.  The key is noted after the change,
 * in an entry of its own: between the two a power cut leaves a change without note, and a retry acts again or is told that it is done
 * (already_exists, not_found).  Noted before, it would claim what never happened.  Threads: any.
 */
#include "base/log.h"
#include "rest/v1/rq.h"

enum { WAIT_MS = 10000 };

/* A request with a key; lives on the stack of its thread. */
struct under_way {
    struct under_way *next;
    const char *user, *key;
};

static bool is_under_way(const struct rest *r, const struct under_way *mine)
{
    for (const struct under_way *u = r->under_way; u; u = u->next)
        if (!strcmp(u->user, mine->user) && !strcmp(u->key, mine->key))
            return true;
    return false;
}

static int enter(struct rest *r, struct under_way *mine, struct err *err)
{
    int64_t until = clock_mono_ms() + WAIT_MS;
    LOCK_SCOPE(&r->lock);
    while (is_under_way(r, mine))
        if (!cond_wait(&r->ended, &r->lock, until))
            return err_set(err, ERR_BUSY, "a request with the idempotency key '%.64s' is still under way", mine->key);
    mine->next = r->under_way;
    r->under_way = mine;
    return 0;
}

static void leave(struct rest *r, struct under_way *mine)
{
    LOCK_SCOPE(&r->lock);
    struct under_way **at = &r->under_way;
    while (*at != mine)
        at = &(*at)->next;
    *at = mine->next;
    cond_wake_all(&r->ended);
}

/* What was done is done: that it could not be noted is no reason to call it failed. */
static void note(struct rq *q)
{
    const struct admin_api *admin = fs_admin(q->fs);
    struct call call = q->call;
    struct err err;
    call.deadline_ms = clock_mono_ms() + WAIT_MS;
    if (admin->note_acted(admin->impl, &call, q->route->id, http_path(q->http), &err))
        log_warn(rest, "the idempotency key of a %s could not be noted, a retry will act again: %s", q->route->id, err.text);
}

static int act(struct rq *q, struct err *err)
{
    const char *key = q->call.idempotency_key;
    q->call.idempotency_key = NULL; /* no step of it may take the key for its own */
    int rc = q->route->run(q, err);
    q->call.idempotency_key = key;
    if (rc == 0)
        note(q);
    return rc;
}

static int once(struct rq *q, struct err *err)
{
    const struct admin_api *admin = fs_admin(q->fs);
    int was = admin->acted(admin->impl, &q->call, q->route->id, http_path(q->http), err);
    if (was < 0)
        return was;
    if (!was)
        return act(q, err);
    if (q->route->answer != &schema_change)
        return q->route->run(q, err);
    rq_put_change(q);
    return 0;
}

/* The copy of a file carries the key in the entry that makes it; that of a tree has no such. */
static bool needs_note(const struct rq *q)
{
    return q->route->flags & ROUTE_ONCE && (q->route->run != route_files_copy || rq_bool(q, "recursive", false));
}

int retry_run(struct rq *q, struct err *err)
{
    if (!q->call.idempotency_key || q->call.is_dry_run || !needs_note(q))
        return q->route->run(q, err);
    struct under_way mine = {.user = q->who.user, .key = q->call.idempotency_key};
    TRY(enter(q->rest, &mine, err));
    int rc = once(q, err);
    leave(q->rest, &mine);
    return rc;
}
