/* SPDX-License-Identifier: Apache-2.0
 *
 * stats: counts calls, errors and bytes of one mount.  Answers that are part of normal life (no such
 * file, exists already, a condition that did not hold) are calls and not errors.  Threads: any;
 * counters are atomic, the last error is copied under a lock.
 */
#include "ufs/filters/stats.h"

#include "base/clock.h"
#include "base/lock.h"
#include "base/mem.h"
#include "ufs/filters/filter.h"

#include <stdio.h>

struct stats {
    struct filter filter;
    uint64_t calls, errors, bytes_read, bytes_written, ranges_read; /* atomic */
    struct lock lock;
    int64_t last_error_ms; /* under lock */
    char last_error[240];  /* under lock */
};

struct counting_sink {
    struct sink sink;
    struct sink *to;
    uint64_t *bytes;
};

struct counting_source {
    struct source source;
    struct source *from;
    uint64_t *bytes;
};

static void count(uint64_t *counter, uint64_t n)
{
    __atomic_fetch_add(counter, n, __ATOMIC_RELAXED);
}

static int count_push(struct sink *sink, const struct slice *s, struct err *err)
{
    struct counting_sink *c = (struct counting_sink *)sink;
    count(c->bytes, s->len);
    return c->to->push(c->to, s, err);
}

static int count_pull(struct source *src, void *to, size_t cap, size_t *ret_len, struct err *err)
{
    struct counting_source *c = (struct counting_source *)src;
    TRY(c->from->pull(c->from, to, cap, ret_len, err));
    count(c->bytes, *ret_len);
    return 0;
}

static bool is_failure(int rc)
{
    switch (-rc) {
    case ERR_NOT_FOUND:
    case ERR_ALREADY_EXISTS:
    case ERR_NOT_EMPTY:
    case ERR_IS_DIRECTORY:
    case ERR_NOT_DIRECTORY:
    case ERR_PRECONDITION_FAILED:
    case ERR_NOT_SUPPORTED:
    case ERR_INVALID_ARGUMENT:
    case ERR_INVALID_PATH:
    case ERR_CANCELLED:
        return false;
    default:
        return rc < 0;
    }
}

static void note(struct stats *s, const struct err *err)
{
    count(&s->errors, 1);
    LOCK_SCOPE(&s->lock);
    s->last_error_ms = clock_wall_ms();
    snprintf(s->last_error, sizeof(s->last_error), "%s", err->text);
}

static int stats_around(struct filter *f, const struct filter_op *op, struct err *err)
{
    struct stats *s = (struct stats *)f;
    struct filter_op mine = *op;
    struct err own = {0};
    struct counting_sink sink = {{count_push}, op->sink, &s->bytes_read};
    struct counting_source source = {{count_pull, op->source ? op->source->length : 0}, op->source,
                                     &s->bytes_written};

    count(&s->calls, 1);
    if (op->call == CALL_READ) {
        count(&s->ranges_read, 1);
        mine.sink = &sink.sink;
    }
    if (op->call == CALL_WRITE)
        mine.source = &source.source;
    if (!err)
        err = &own;
    int rc = filter_pass(f->ufs.next, &mine, err);
    if (is_failure(rc))
        note(s, err);
    return rc;
}

static void stats_close(struct filter *f)
{
    struct stats *s = (struct stats *)f;
    lock_done(&s->lock);
    free(s);
}

static const struct ufs_driver stats_driver = {.name = "stats", FILTER_CALLBACKS};

struct ufs *stats_open(struct ufs *next)
{
    struct stats *s = xnew(struct stats);
    s->filter = (struct filter){.ufs = {.driver = &stats_driver, .next = next},
                                .around = stats_around,
                                .close = stats_close};
    lock_init(&s->lock, RANK_UFS);
    return &s->filter.ufs;
}

bool stats_get(const struct ufs *u, struct ufs_stats *ret)
{
    if (u->driver != &stats_driver)
        return false;
    struct stats *s = (struct stats *)(uintptr_t)u;
    LOCK_SCOPE(&s->lock);
    *ret = (struct ufs_stats){.calls = __atomic_load_n(&s->calls, __ATOMIC_RELAXED),
                              .errors = __atomic_load_n(&s->errors, __ATOMIC_RELAXED),
                              .bytes_read = __atomic_load_n(&s->bytes_read, __ATOMIC_RELAXED),
                              .bytes_written = __atomic_load_n(&s->bytes_written, __ATOMIC_RELAXED),
                              .ranges_read = __atomic_load_n(&s->ranges_read, __ATOMIC_RELAXED),
                              .last_error_ms = s->last_error_ms};
    snprintf(ret->last_error, sizeof(ret->last_error), "%s", s->last_error);
    return true;
}
