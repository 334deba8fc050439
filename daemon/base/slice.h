/* SPDX-License-Identifier: Apache-2.0
 *
 * slice: the one type of file bytes, from the disk or socket they come from to the one they go to.
 * A slice is memory or a range of a descriptor, counted: whoever keeps it past the call takes a
 * reference.  Reads push slices into a sink, writes pull bytes from a source; no layer stores
 * bytes that it does not own.
 */
#pragma once
#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

struct slice_owner {
    void (*release)(struct slice_owner *o); /* called when the last reference goes */
    int refs;                               /* atomic */
};

struct slice {
    const void *mem; /* bytes in memory, or NULL: then bytes [off, off+len) of fd */
    int fd;
    bool is_mapped;  /* mem is a shared file mapping that stays valid while owner lives */
    uint64_t off;    /* in fd */
    size_t len;
    struct slice_owner *owner; /* NULL: valid for the call only */
};

void slice_ref(const struct slice *s);   /* keeps owner alive; needs an owner */
void slice_unref(const struct slice *s); /* accepts slices without owner */
/* Copies the bytes of `s` to `to`.  Blocks on the descriptor.  ERR_IO, ERR_CORRUPT when the file is shorter. */
int slice_copy(const struct slice *s, void *to, struct err *err) must_use;

/* Where read bytes go.  Slices come in order and without gaps. */
struct sink {
    int (*push)(struct sink *sink, const struct slice *s, struct err *err);
};
/* Where written bytes come from. 0 bytes is the end. */
struct source {
    int (*pull)(struct source *src, void *to, size_t cap, size_t *ret_len, struct err *err);
    int64_t length; /* bytes that will come, or -1 when not known */
};

/* A sink that appends to a buf, and a source over memory: for small things and tests. */
struct buf;
struct sink_buf {
    struct sink sink;
    struct buf *to;
};
void sink_buf_init(struct sink_buf *s, struct buf *to);
struct source_mem {
    struct source source;
    const char *data;
    size_t left;
};
void source_mem_init(struct source_mem *s, const void *data, size_t len);
