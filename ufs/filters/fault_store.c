/* SPDX-License-Identifier: Apache-2.0
 *
 * fault_store: a store that fails now and then.  The dice start at a seed, so that one thread sees
 * the same faults again.  A delay keeps the caller's deadline.  Threads: any.
 */
#include "ufs/filters/fault_store.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "ufs/backoff.h"
#include "ufs/filters/filter.h"

#include <string.h>

#define RULES_MAX 32

struct rule {
    int call; /* enum filter_call, or -1 for all */
    double probability;
    enum err_code code; /* ERR_OK: a delay */
    int64_t delay_ms;
    uint64_t after_bytes; /* of a read */
};

struct fault_store {
    struct filter filter;
    struct rule rules[RULES_MAX];
    size_t count;
    uint64_t dice; /* atomic */
};

struct cut_sink {
    struct sink sink;
    struct sink *to;
    uint64_t left;
    enum err_code code;
};

static int call_from(const char *name, int *ret, struct err *err)
{
    *ret = -1;
    if (strcmp(name, "all") == 0)
        return 0;
    for (int i = 0; i < CALL_COUNT; i++)
        if (strcmp(name, filter_call_name(i)) == 0) {
            *ret = i;
            return 0;
        }
    return err_set(err, ERR_INVALID_ARGUMENT, "fault: no call of a store is named '%.20s'", name);
}

static enum err_code code_from(char *name)
{
    for (char *p = name; *p; p++)
        if (*p >= 'A' && *p <= 'Z')
            *p = (char)(*p + 'a' - 'A');
    return err_from_name(name);
}

static int parse_rule(char *text, struct rule *r, struct err *err)
{
    char *part[4] = {0}, *rest = text, *end;

    for (int i = 0; i < 4 && rest; i++)
        part[i] = strsep(&rest, ":");
    if (!part[2] || rest)
        return err_set(err, ERR_INVALID_ARGUMENT,
                       "fault: call:probability:error[:bytes] or call:delay:ms is allowed");
    *r = (struct rule){.probability = 1};
    TRY(call_from(part[0], &r->call, err));
    if (strcmp(part[1], "delay") == 0)
        return text_parse_duration(part[2], &r->delay_ms, err);
    r->probability = strtod(part[1], &end);
    r->code = code_from(part[2]);
    if (*end || end == part[1] || !(r->probability >= 0 && r->probability <= 1))
        return err_set(err, ERR_INVALID_ARGUMENT, "fault: '%.20s' is not a probability", part[1]);
    if (r->code == ERR_OK)
        return err_set(err, ERR_INVALID_ARGUMENT, "fault: no error is named '%.30s'", part[2]);
    return part[3] ? text_parse_u64(part[3], &r->after_bytes, err) : 0;
}

/* splitmix64 over a shared counter */
static double roll(struct fault_store *f)
{
    uint64_t z = __atomic_add_fetch(&f->dice, 0x9e3779b97f4a7c15u, __ATOMIC_RELAXED);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (double)((z ^ (z >> 31)) >> 11) / (double)((uint64_t)1 << 53);
}

static int fault_error(enum err_code code, const struct filter_op *op, struct err *err)
{
    return err_set(err, code, "a test made %s of '/%s' fail", filter_call_name(op->call), op->key);
}

static int delay(int64_t ms, const struct filter_op *op, struct err *err)
{
    int64_t until = clock_mono_ms() + ms;

    if (until > op->c->deadline_ms)
        until = op->c->deadline_ms;
    backoff_pause(until);
    if (clock_is_past(op->c->deadline_ms))
        return fault_error(ERR_TIMEOUT, op, err);
    return 0;
}

static int cut_push(struct sink *sink, const struct slice *s, struct err *err)
{
    struct cut_sink *c = (struct cut_sink *)sink;
    struct slice part = *s;

    if (part.len > c->left)
        part.len = c->left;
    c->left -= part.len;
    if (part.len)
        TRY(c->to->push(c->to, &part, err));
    if (part.len < s->len)
        return err_set(err, c->code, "a test cut the bytes of a read");
    return 0;
}

static int read_cut(struct fault_store *f, const struct filter_op *op, const struct rule *r,
                    struct err *err)
{
    struct filter_op mine = *op;
    struct cut_sink cut = {{cut_push}, op->sink, r->after_bytes, r->code};

    mine.sink = &cut.sink;
    return filter_pass(f->filter.ufs.next, &mine, err);
}

static int fault_around(struct filter *filter, const struct filter_op *op, struct err *err)
{
    struct fault_store *f = (struct fault_store *)filter;

    for (size_t i = 0; i < f->count; i++) {
        const struct rule *r = &f->rules[i];
        if ((r->call != -1 && r->call != (int)op->call) || roll(f) >= r->probability)
            continue;
        if (r->code == ERR_OK)
            TRY(delay(r->delay_ms, op, err));
        else if (r->after_bytes && op->call == CALL_READ)
            return read_cut(f, op, r, err);
        else
            return fault_error(r->code, op, err);
    }
    return filter_pass(f->filter.ufs.next, op, err);
}

static void fault_close(struct filter *f)
{
    free(f);
}

static const struct ufs_driver fault_driver = {.name = "fault", FILTER_CALLBACKS};

int fault_store_open(const char *spec, uint64_t seed, struct ufs *next, struct ufs **ret,
                     struct err *err)
{
    AUTO_FREE struct fault_store *f = xnew(struct fault_store);
    AUTO_FREE char *copy = xstrdup(spec);
    char *rest = copy;

    while (rest) {
        if (f->count == RULES_MAX)
            return err_set(err, ERR_INVALID_ARGUMENT, "fault: more than %d rules", RULES_MAX);
        TRY(parse_rule(strsep(&rest, ","), &f->rules[f->count++], err));
    }
    f->filter = (struct filter){.ufs = {.driver = &fault_driver, .next = next},
                                .around = fault_around,
                                .close = fault_close};
    f->dice = seed;
    *ret = &steal(&f)->filter.ufs;
    return 0;
}
