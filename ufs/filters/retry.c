/* SPDX-License-Identifier: Apache-2.0
 *
 * retry: repeats a call whose error may pass, with a pause that doubles and is jittered, inside the
 * caller's deadline.  Only what can be repeated is: a write cannot, its source is used up (a driver
 * repeats the parts it still holds); a listing only until its first name, a read goes on at the byte
 * it reached if its version is pinned by an etag.  Errors of the caller's own sink end the call.
 * When time runs out the error that says why the store failed is kept.  Threads: any.
 */
#include "ufs/filters/retry.h"

#include "base/mem.h"
#include "ufs/backoff.h"
#include "ufs/filters/filter.h"

struct retry {
    struct filter filter;
    uint64_t attempts;
};

/* What has reached the caller, and whether the caller itself failed. */
struct progress {
    struct sink sink;
    struct sink *to;
    ufs_list_fn each;
    void *arg;
    uint64_t bytes, names;
    bool is_callers;
};

static int push(struct sink *sink, const struct slice *s, struct err *err)
{
    struct progress *p = (struct progress *)sink;
    int rc = p->to->push(p->to, s, err);
    p->is_callers = rc != 0;
    p->bytes += rc < 0 ? 0 : s->len;
    return rc;
}

static int each_name(void *arg, const char *name, const struct ufs_stat *st, struct err *err)
{
    struct progress *p = arg;
    int rc = p->each(p->arg, name, st, err);
    p->names++;
    p->is_callers = rc != 0;
    return rc;
}

static bool can_repeat(const struct filter_op *op, const struct progress *p)
{
    if (p->is_callers || op->call == CALL_WRITE)
        return false;
    if (op->call == CALL_LIST)
        return p->names == 0;
    return op->call != CALL_READ || p->bytes == 0 || op->etag;
}

static int attempt_once(struct retry *r, const struct filter_op *op, struct progress *p,
                        struct err *err)
{
    struct filter_op mine = *op;

    if (op->call == CALL_READ) {
        mine.sink = &p->sink;
        mine.off += p->bytes;
        mine.len -= p->bytes;
    }
    if (op->call == CALL_LIST) {
        mine.each = each_name;
        mine.arg = p;
    }
    return filter_pass(r->filter.ufs.next, &mine, err);
}

static int retry_around(struct filter *f, const struct filter_op *op, struct err *err)
{
    struct retry *r = (struct retry *)f;
    struct progress p = {.sink = {push}, .to = op->sink, .each = op->each, .arg = op->arg};
    struct err now, kept = {0};

    for (unsigned i = 0;; i++) {
        int rc = attempt_once(r, op, &p, &now);
        if (rc >= 0)
            return rc;
        if (kept.code == ERR_OK || rc != -ERR_TIMEOUT)
            kept = now;
        if (op->call == CALL_READ && op->len && p.bytes == op->len)
            return 0; /* failed behind the last byte */
        if (!backoff_is_passing(rc) || !can_repeat(op, &p) || i + 1 >= r->attempts ||
            !backoff_wait(i, op->c->deadline_ms))
            break;
    }
    if (err)
        *err = kept;
    return -(int)kept.code;
}

static void retry_close(struct filter *f)
{
    free(f);
}

static const struct ufs_driver retry_driver = {.name = "retry", FILTER_CALLBACKS};

struct ufs *retry_open(uint64_t attempts, struct ufs *next)
{
    struct retry *r = xnew(struct retry);
    r->filter = (struct filter){.ufs = {.driver = &retry_driver, .next = next},
                                .around = retry_around,
                                .close = retry_close};
    r->attempts = attempts ? attempts : 1;
    return &r->filter.ufs;
}
