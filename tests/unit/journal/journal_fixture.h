/* SPDX-License-Identifier: Apache-2.0
 *
 * journal_fixture: a folder and a client that remembers what it was told.  An entry is a u32 number,
 * which is also its waiter + 1; the client checks order and index as it goes.
 */
#pragma once
#include "base/clock.h"
#include "base/file_util.h"
#include "base/lock.h"
#include "journal/journal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NUMBERS_MAX 200000

struct fixture {
    char dir[64];
    struct journal_options options;
    struct journal *journal;
    struct lock lock;
    struct cond cond;
    /* under lock */
    uint8_t applied[NUMBERS_MAX]; /* times that the number came to apply */
    uint8_t answered[NUMBERS_MAX];
    uint8_t abandoned[NUMBERS_MAX];
    enum err_code why[NUMBERS_MAX];
    size_t applied_count, answered_count, abandoned_count, calls, durable_calls;
    uint32_t last_number;
    uint64_t last_index, previous_index;
    bool is_out_of_order;
    bool must_hold;       /* apply waits until this is false */
    bool must_fail;       /* apply fails */
    bool is_never_durable; /* make_durable answers 0 */
};

static inline void fixture_wait_while_held(struct fixture *f)
{
    int64_t by = clock_mono_ms() + 10000;
    while (f->must_hold && !clock_is_past(by))
        cond_wait(&f->cond, &f->lock, by);
}

static inline void fixture_take(struct fixture *f, const struct journal_entry *e)
{
    uint32_t number;
    memcpy(&number, e->data, sizeof number);
    bool is_first = e->position == 0;
    if (is_first ? e->index <= f->last_index : e->index != f->last_index)
        f->is_out_of_order = true;
    f->last_index = e->index;
    f->last_number = number;
    f->applied[number]++;
    f->applied_count++;
    if (e->waiter) {
        f->is_out_of_order |= (uintptr_t)e->waiter != number + 1u;
        f->answered[number]++;
        f->answered_count++;
    }
}

static inline int fixture_apply(void *arg, const struct journal_entry *entries, size_t n, struct err *err)
{
    struct fixture *f = arg;
    LOCK_SCOPE(&f->lock);
    fixture_wait_while_held(f);
    if (f->must_fail)
        return err_set(err, ERR_IO, "the state has no disk");
    f->is_out_of_order |= !entries[n - 1].is_last;
    f->calls++;
    for (size_t i = 0; i < n; i++)
        fixture_take(f, &entries[i]);
    cond_wake_all(&f->cond);
    return 0;
}

static inline void fixture_abandoned(void *arg, void *waiter, uint64_t batch, const struct err *why)
{
    struct fixture *f = arg;
    uintptr_t number = (uintptr_t)waiter - 1;
    (void)batch;
    LOCK_SCOPE(&f->lock);
    f->abandoned[number]++;
    f->why[number] = why->code;
    f->abandoned_count++;
    cond_wake_all(&f->cond);
}

static inline int fixture_make_durable(void *arg, uint64_t *ret, struct err *err)
{
    struct fixture *f = arg;
    (void)err;
    LOCK_SCOPE(&f->lock);
    f->durable_calls++;
    *ret = f->is_never_durable ? 0 : f->last_index;
    cond_wake_all(&f->cond);
    return 0;
}

static inline struct fixture *fixture_new(void)
{
    struct fixture *f = calloc(1, sizeof *f);
    snprintf(f->dir, sizeof f->dir, "/tmp/journal-test-XXXXXX");
    if (!mkdtemp(f->dir))
        abort();
    f->options = (struct journal_options){.dir = f->dir, .node_id = 1, .address = "127.0.0.1:19200", .incarnation = 1,
                                          .log_id = {1, 2, 3}, .reserve_bytes = 32 << 20};
    lock_init(&f->lock, RANK_LEAF);
    cond_init(&f->cond);
    return f;
}

static inline void fixture_free(struct fixture *f)
{
    if (file_remove_tree(f->dir, NULL) < 0)
        abort();
    cond_done(&f->cond);
    lock_done(&f->lock);
    free(f);
}

static inline int fixture_start(struct fixture *f, struct err *err)
{
    struct journal_client client = {f, fixture_apply, fixture_abandoned, fixture_make_durable, NULL};
    f->journal = NULL;
    return journal_start(&f->options, &client, clock_mono_ms() + 10000, &f->journal, err);
}

/* What a state would know after it was opened again. */
static inline void fixture_forget(struct fixture *f, uint64_t applied)
{
    f->options.applied = f->options.durable = f->last_index = applied;
    memset(f->applied, 0, sizeof f->applied);
    memset(f->answered, 0, sizeof f->answered);
    f->applied_count = f->answered_count = 0;
}

static inline int fixture_propose(struct fixture *f, uint32_t number, size_t len, struct err *err)
{
    char entry[JOURNAL_ENTRY_MAX] = {0};
    memcpy(entry, &number, sizeof number);
    return journal_propose(f->journal, entry, len, (void *)(uintptr_t)(number + 1), NULL, err);
}

static inline bool fixture_wait(struct fixture *f, const size_t *count, size_t wanted)
{
    int64_t by = clock_mono_ms() + 10000;
    LOCK_SCOPE(&f->lock);
    while (*count < wanted && !clock_is_past(by))
        cond_wait(&f->cond, &f->lock, by);
    return *count >= wanted;
}

static inline void fixture_set(struct fixture *f, bool *flag, bool value)
{
    LOCK_SCOPE(&f->lock);
    *flag = value;
    cond_wake_all(&f->cond);
}
