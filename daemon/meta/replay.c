/* SPDX-License-Identifier: Apache-2.0
 *
 * replay: see the header.  The newest 10,000 are kept.
 * Record "user:key" → "<time ms> <fingerprint of operation, paths and request>".  Threads: any; one at a time trims.
 */
#include "meta/replay.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RING_MAX 10000
#define KEY_BYTES_MAX 200

static void record_key(const struct call *call, char to[KEY_BYTES_MAX + 80])
{
    snprintf(to, KEY_BYTES_MAX + 80, "%.64s:%.200s", call->who->user, call->idempotency_key);
}

static uint64_t fingerprint(const struct call *call, const char *op, const char *path, const char *path2)
{
    const char *const parts[] = {op, path, path2};
    uint64_t h = TEXT_PRINT_START ^ call->request_print;
    for (size_t i = 0; i < array_len(parts); i++)
        h = text_print(h, parts[i], parts[i] ? strlen(parts[i]) : 0);
    return h;
}

static int parse(const char *value, int64_t *ret_time, uint64_t *ret_print)
{
    return sscanf(value, "%" SCNd64 " %" SCNx64, ret_time, ret_print) == 2 ? 0 : -1;
}

int replay_before(struct meta *m, const struct call *call, const char *op, const char *path, const char *path2, struct err *err)
{
    if (!call->idempotency_key || call->is_dry_run)
        return 0;
    if (strlen(call->idempotency_key) > KEY_BYTES_MAX)
        return err_set(err, ERR_INVALID_ARGUMENT, "an idempotency key has at most %d bytes", KEY_BYTES_MAX);
    char key[KEY_BYTES_MAX + 80];
    record_key(call, key);
    AUTO(buf) value;
    buf_init(&value, 256);
    struct err why;
    int rc = meta_record(m, RECORD_OPERATION, key, &value, &why);
    if (rc == -ERR_NOT_FOUND)
        return 0;
    if (rc)
        return err_set(err, why.code, "%s", why.text);
    int64_t at;
    uint64_t print;
    if (parse(buf_str(&value), &at, &print))
        return err_set(err, ERR_CORRUPT, "the record of an idempotency key is damaged");
    if (print != fingerprint(call, op, path, path2))
        return err_set(err, ERR_CONFLICT, "the idempotency key '%.64s' was used for another request", call->idempotency_key);
    if (call->result) {
        call->result->is_replay = true;
        call->result->index = meta_applied_index(m);
    }
    return 1;
}

void replay_put(const struct call *call, struct entry *e, const char *op, const char *path, const char *path2)
{
    if (!call->idempotency_key)
        return;
    char key[KEY_BYTES_MAX + 80], value[64];
    record_key(call, key);
    snprintf(value, sizeof value, "%" PRId64 " %" PRIx64, call->now_ms, fingerprint(call, op, path, path2));
    entry_guard_record(e, RECORD_OPERATION, key, NULL, 0, ERR_STALE); /* the next try finds the other's record */
    entry_put_record(e, RECORD_OPERATION, key, value, strlen(value));
}

/* ---- trimming ---- */

struct old {
    int64_t at;
    char *key;
};
struct olds {
    size_t n, cap;
    struct old *items;
};

static int collect(void *arg, const char *key, const void *value, size_t len)
{
    struct olds *o = arg;
    struct old one = {0};
    uint64_t print;
    char text[64];
    snprintf(text, sizeof text, "%.*s", (int)len, (const char *)value);
    if (parse(text, &one.at, &print))
        one.at = 0; /* damaged: goes first */
    one.key = xstrdup(key);
    if (o->n == o->cap) {
        o->cap = o->cap ? 2 * o->cap : 1024;
        o->items = xrealloc(o->items, o->cap * sizeof *o->items);
    }
    o->items[o->n++] = one;
    return 0;
}

static int by_age(const void *a, const void *b)
{
    int64_t x = ((const struct old *)a)->at, y = ((const struct old *)b)->at;
    return x < y ? -1 : x > y;
}

static int remove_some(struct meta *m, const struct olds *o, size_t from, size_t to, struct err *err)
{
    struct call call = call_system("trim", clock_mono_ms() + 30000, NULL);
    AUTO(entry) e;
    entry_init(&e, ENTRY_TASK, call.now_ms);
    for (size_t i = from; i < to; i++)
        entry_remove_record(&e, RECORD_OPERATION, o->items[i].key);
    return meta_propose(m, &call, &e, err);
}

void replay_trim(struct meta *m)
{
    struct olds o = {0};
    struct err err;
    int rc = meta_records(m, RECORD_OPERATION, NULL, collect, &o, &err);
    if (!rc && o.n > RING_MAX) {
        qsort(o.items, o.n, sizeof *o.items, by_age);
        size_t many = o.n - RING_MAX;
        for (size_t at = 0; at < many && !rc; at += 100)
            rc = remove_some(m, &o, at, at + 100 < many ? at + 100 : many, &err);
    }
    if (rc)
        log_warn(meta, "old idempotency keys could not be trimmed, trying again in a minute: %s", err.text);
    for (size_t i = 0; i < o.n; i++)
        free(o.items[i].key);
    free(o.items);
}
