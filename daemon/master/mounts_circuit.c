/* SPDX-License-Identifier: Apache-2.0
 *
 * mounts_circuit: see the header.  A call that ran into its own short deadline says nothing about the store; one that
 * waited long does.  Threads: any.
 */
#include "master/mounts_circuit.h"

#include "base/clock.h"
#include "base/lock.h"
#include "base/mem.h"
#include "ufs/filters/filter.h"

#include <stdio.h>

enum { FAILURES_TO_OPEN = 3, LONG_WAIT_MS = 2000, PROBE_MS = 10000 };

struct circuit {
    struct filter filter;
    char label[160];  /* fixed after open */
    struct lock lock;
    /* under lock */
    unsigned failures;
    unsigned opened; /* times in a row */
    int64_t open_until_ms; /* 0: closed */
    int64_t probe_until_ms; /* somebody probes until then; 0: nobody */
};

static bool may_pass(struct circuit *c, int64_t now, int64_t *ret_left)
{
    LOCK_SCOPE(&c->lock);
    if (!c->open_until_ms)
        return true;
    if (now >= c->open_until_ms && now >= c->probe_until_ms) {
        c->probe_until_ms = now + PROBE_MS;
        return true;
    }
    *ret_left = now < c->open_until_ms ? c->open_until_ms - now : 1000;
    return false;
}

/* Calls whose length depends on what they carry may end late on a healthy store. */
static bool is_short(enum filter_call call)
{
    return call == CALL_STAT || call == CALL_MKDIR || call == CALL_RMDIR || call == CALL_REMOVE || call == CALL_SPACE || call == CALL_SET_ATTR;
}

static bool is_dead_sign(enum filter_call call, int rc, int64_t took_ms)
{
    return rc == -ERR_STORE_UNREACHABLE || rc == -ERR_STORE_DNS ||
           (rc == -ERR_TIMEOUT && is_short(call) && took_ms >= LONG_WAIT_MS);
}

static void learn(struct circuit *c, enum filter_call call, int rc, int64_t now, int64_t took_ms)
{
    static const int64_t pause_ms[] = {1000, 2000, 5000};
    LOCK_SCOPE(&c->lock);
    c->probe_until_ms = 0;
    if (!is_dead_sign(call, rc, took_ms)) {
        if (rc != -ERR_TIMEOUT) {
            c->failures = c->opened = 0;
            c->open_until_ms = 0;
        }
        return;
    }
    if (++c->failures < FAILURES_TO_OPEN)
        return;
    c->open_until_ms = now + pause_ms[c->opened < array_len(pause_ms) ? c->opened : array_len(pause_ms) - 1];
    c->opened++;
}

static int around(struct filter *f, const struct filter_op *op, struct err *err)
{
    struct circuit *c = (struct circuit *)f;
    int64_t start = clock_mono_ms(), left = 0;
    if (!may_pass(c, start, &left))
        return err_set(err, ERR_STORE_UNREACHABLE, "the store %s did not answer; it is asked again in %lld ms", c->label, (long long)left);
    int rc = filter_pass(f->ufs.next, op, err);
    int64_t now = clock_mono_ms();
    learn(c, op->call, rc, now, now - start);
    return rc;
}

static void circuit_close(struct filter *f)
{
    struct circuit *c = (struct circuit *)f;
    lock_done(&c->lock);
    free(c);
}

static const struct ufs_driver circuit_driver = {.name = "circuit", .schemes = "", .label = "circuit", FILTER_CALLBACKS};

struct ufs *mounts_circuit_open(const char *label, struct ufs *next)
{
    struct circuit *c = xnew(struct circuit);
    c->filter = (struct filter){.ufs = {.driver = &circuit_driver, .next = next}, .around = around, .close = circuit_close};
    snprintf(c->label, sizeof c->label, "%.150s", label);
    lock_init(&c->lock, RANK_LEAF);
    return &c->filter.ufs;
}

bool mounts_circuit_is_broken(const struct ufs *u)
{
    if (!u || u->driver != &circuit_driver)
        return false;
    struct circuit *c = (struct circuit *)u;
    LOCK_SCOPE(&c->lock);
    return c->open_until_ms != 0;
}
