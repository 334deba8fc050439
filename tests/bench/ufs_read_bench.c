/* SPDX-License-Identifier: Apache-2.0
 *
 * ufs_read_bench URI KEY [name=value]…: one cold sequential read of an object through the whole stack
 * of a driver, into nothing. Prints bytes, ms and MiB/s, to be compared with curl on the same object.
 */
#include "base/clock.h"
#include "base/mem.h"
#include "ufs/ufs.h"

#include <stdio.h>
#include <string.h>

#define OPTIONS_MAX 32

struct counter {
    struct sink sink;
    uint64_t bytes;
    char *to; /* slices of a file are read, as any reader would */
};

static int count(struct sink *sink, const struct slice *s, struct err *err)
{
    struct counter *c = (struct counter *)sink;

    c->bytes += s->len;
    for (struct slice part = *s; !s->mem && part.off < s->off + s->len; part.off += part.len) {
        uint64_t left = s->off + s->len - part.off;
        part.len = left < (1 << 20) ? (size_t)left : 1 << 20;
        TRY(slice_copy(&part, c->to, err));
    }
    return 0;
}

int main(int argc, char **argv)
{
    struct ufs_item items[OPTIONS_MAX];
    struct ufs_properties props = {.items = items};
    struct ufs_call call = {.deadline_ms = clock_mono_ms() + 600000};
    struct counter c = {.sink = {count}, .to = xmalloc(1 << 20)};
    struct ufs *u = NULL;
    struct err err = {0};

    for (int i = 3; i < argc && props.count < OPTIONS_MAX; i++) {
        char *eq = strchr(argv[i], '=');
        if (!eq)
            continue;
        *eq = 0;
        items[props.count].name = argv[i];
        items[props.count++].value = eq + 1;
    }
    int64_t start = clock_mono_us();
    int rc = argc < 3 ? -1 : ufs_open(argv[1], &props, &u, &err);
    if (rc == 0)
        rc = ufs_read(u, &call, argv[2], 0, UINT64_MAX, NULL, &c.sink, &err);
    double s = (double)(clock_mono_us() - start) / 1e6;
    if (rc < 0)
        fprintf(stderr, "%s\n", argc < 3 ? "ufs_read_bench URI KEY [name=value]…" : err.text);
    else
        printf("%llu bytes in %.0f ms: %.0f MiB/s\n", (unsigned long long)c.bytes, s * 1000,
               (double)c.bytes / s / (1 << 20));
    ufs_close(u);
    free(c.to);
    return rc < 0;
}
