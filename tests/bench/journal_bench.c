/* SPDX-License-Identifier: Apache-2.0
 *
 * journal_bench: durable proposals per second through the journal alone, with a client that only
 * counts: 1, 16 and 64 callers that each wait for their entry to be applied.
 *   journal_bench FOLDER [seconds [bytes]]
 */
#include "base/clock.h"
#include "base/file_util.h"
#include "base/lock.h"
#include "base/mem.h"
#include "base/thread.h"
#include "journal/journal.h"

#include <stdio.h>
#include <string.h>

struct caller {
    struct lock lock;
    struct cond cond;
    bool is_done;
    struct thread thread;
    uint64_t count;
    uint32_t *latencies_us;
};

static struct journal *journal;
static uint64_t last_index;
static int stopping;
static size_t entry_len = 200;
#define LATENCIES 400000

static void finish(struct caller *c)
{
    LOCK_SCOPE(&c->lock);
    c->is_done = true;
    cond_wake_one(&c->cond);
}

static int on_apply(void *arg, const struct journal_entry *e, size_t n, struct err *err)
{
    (void)arg, (void)err;
    last_index = e[n - 1].index;
    for (size_t i = 0; i < n; i++)
        if (e[i].waiter)
            finish(e[i].waiter);
    return 0;
}

static void on_abandoned(void *arg, void *waiter, uint64_t batch, const struct err *why)
{
    (void)arg, (void)batch;
    fprintf(stderr, "abandoned: %s\n", why->text);
    finish(waiter);
}

static int on_make_durable(void *arg, uint64_t *ret, struct err *err)
{
    (void)arg, (void)err;
    *ret = last_index;
    return 0;
}

static void call_run(void *arg)
{
    struct caller *c = arg;
    char entry[JOURNAL_ENTRY_MAX] = {0};
    struct err err;
    while (!__atomic_load_n(&stopping, __ATOMIC_RELAXED)) {
        int64_t from = clock_mono_us();
        c->is_done = false;
        if (journal_propose(journal, entry, entry_len, c, NULL, &err) < 0) {
            fprintf(stderr, "refused: %s\n", err.text);
            return;
        }
        LOCK_SCOPE(&c->lock);
        while (!c->is_done)
            cond_wait(&c->cond, &c->lock, CLOCK_NEVER);
        if (c->count < LATENCIES)
            c->latencies_us[c->count] = (uint32_t)(clock_mono_us() - from);
        c->count++;
    }
}

static int by_value(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static void report(struct caller *callers, unsigned n, double seconds)
{
    struct journal_info info;
    uint64_t sum = 0;
    size_t k = 0;
    uint32_t *all = xcalloc((size_t)n * LATENCIES, sizeof *all);
    for (unsigned i = 0; i < n; i++) {
        size_t have = callers[i].count < LATENCIES ? callers[i].count : LATENCIES;
        memcpy(all + k, callers[i].latencies_us, have * sizeof *all);
        k += have;
        sum += callers[i].count;
    }
    qsort(all, k, sizeof *all, by_value);
    journal_info(journal, &info);
    printf("callers %u: %.0f proposals/s, us p50 %u p99 %u max %u, %.1f a group, log %.1f MiB in memory, %.1f on disk\n",
           n, (double)sum / seconds, k ? all[k / 2] : 0, k ? all[k * 99 / 100] : 0, k ? all[k - 1] : 0,
           (double)info.entries / (double)info.groups, (double)info.log_bytes / (1 << 20),
           (double)info.disk_bytes / (1 << 20));
    free(all);
}

static void bench(struct journal_options *o, unsigned n, double seconds)
{
    struct journal_client client = {NULL, on_apply, on_abandoned, on_make_durable, NULL};
    struct err err;
    if (journal_start(o, &client, clock_mono_ms() + 10000, &journal, &err) < 0) {
        fprintf(stderr, "%s\n", err.text);
        exit(1);
    }
    struct caller *callers = xcalloc(n, sizeof *callers);
    stopping = 0;
    int64_t from = clock_mono_us();
    for (unsigned i = 0; i < n; i++) {
        lock_init(&callers[i].lock, RANK_LEAF);
        cond_init(&callers[i].cond);
        callers[i].latencies_us = xcalloc(LATENCIES, sizeof(uint32_t));
        thread_start(&callers[i].thread, "caller", call_run, &callers[i]);
    }
    while (clock_mono_us() - from < (int64_t)(seconds * 1e6))
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    __atomic_store_n(&stopping, 1, __ATOMIC_RELAXED);
    for (unsigned i = 0; i < n; i++)
        thread_join(&callers[i].thread);
    report(callers, n, (double)(clock_mono_us() - from) / 1e6);
    journal_stop(journal);
    for (unsigned i = 0; i < n; i++)
        free(callers[i].latencies_us);
    free(callers);
    o->applied = o->durable = last_index;
}

int main(int argc, char **argv)
{
    static const unsigned counts[] = {1, 16, 64};
    struct err err;
    if (argc < 2 || (argc > 3 && strtoul(argv[3], NULL, 10) > JOURNAL_ENTRY_MAX)) {
        fprintf(stderr, "usage: journal_bench FOLDER [seconds [bytes]]\n");
        return 2;
    }
    double seconds = argc > 2 ? strtod(argv[2], NULL) : 2;
    entry_len = argc > 3 ? strtoul(argv[3], NULL, 10) : entry_len;
    struct journal_options o = {
        .dir = argv[1], .node_id = 1, .address = "127.0.0.1:19200", .log_id = {1}, .reserve_bytes = 64 << 20};
    if (journal_format(&o, &err) < 0) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    for (size_t i = 0; i < array_len(counts); i++)
        bench(&o, counts[i], seconds);
    return file_remove_tree(argv[1], NULL) < 0;
}
