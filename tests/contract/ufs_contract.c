/* SPDX-License-Identifier: Apache-2.0
 *
 * ufs_contract URI [--option name=value]… [--only text]: runs the contract of stores against one.
 * Prints the result of the live test first. Exit code: 0 when nothing failed.
 */
#include "base/clock.h"
#include "base/mem.h"
#include "ufs/contract.h"

#include <stdio.h>
#include <string.h>

#define OPTIONS_MAX 32

static size_t live_test(struct ufs *u)
{
    struct ufs_call c = {.deadline_ms = clock_mono_ms() + 10000};
    struct ufs_test_step steps[6];
    size_t failed = 0;

    size_t n = ufs_test(u, &c, false, steps, array_len(steps));
    for (size_t i = 0; i < n; i++) {
        printf("Live test: %s: %s in %lld ms %s\n", steps[i].name, steps[i].state,
               (long long)steps[i].ms, steps[i].err.text);
        failed += strcmp(steps[i].state, "failed") == 0;
    }
    return failed;
}

int main(int argc, char **argv)
{
    struct ufs_item items[OPTIONS_MAX];
    struct ufs_properties props = {.items = items};
    struct contract_options o = {0};
    struct ufs *u;
    struct err err;

    for (int i = 2; i + 1 < argc; i += 2) {
        char *eq = strchr(argv[i + 1], '=');
        if (strcmp(argv[i], "--only") == 0)
            o.only = argv[i + 1];
        if (strcmp(argv[i], "--option") != 0 || !eq || props.count == OPTIONS_MAX)
            continue;
        *eq = 0;
        items[props.count].name = argv[i + 1];
        items[props.count++].value = eq + 1;
    }
    if (argc < 2 || ufs_open(argv[1], &props, &u, &err) < 0) {
        fprintf(stderr, "%s\n", argc < 2 ? "ufs_contract URI [--option name=value]…" : err.text);
        return 2;
    }
    size_t failed = live_test(u);
    failed += failed ? 0 : contract_run(u, &o, stdout);
    struct ufs_stats s;
    ufs_stats_get(u, &s);
    printf("%llu calls, %llu errors, last: %s\n", (unsigned long long)s.calls,
           (unsigned long long)s.errors, s.last_error);
    ufs_close(u);
    return failed ? 1 : 0;
}
