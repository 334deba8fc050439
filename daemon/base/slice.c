/* SPDX-License-Identifier: Apache-2.0
 *
 * slice: see the header.  Threads: references may be taken and dropped from any.
 */
#include "base/slice.h"

#include "base/buf.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

void slice_ref(const struct slice *s)
{
    __atomic_add_fetch(&s->owner->refs, 1, __ATOMIC_RELAXED);
}

void slice_unref(const struct slice *s)
{
    if (s->owner && __atomic_sub_fetch(&s->owner->refs, 1, __ATOMIC_ACQ_REL) == 0)
        s->owner->release(s->owner);
}

int slice_copy(const struct slice *s, void *to, struct err *err)
{
    if (s->mem) {
        memcpy(to, s->mem, s->len);
        return 0;
    }
    for (size_t done = 0; done < s->len;) {
        ssize_t n = pread(s->fd, (char *)to + done, s->len - done, (off_t)(s->off + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_set_errno(err, ERR_IO, errno, "read of %zu bytes at %llu", s->len,
                                 (unsigned long long)s->off);
        if (n == 0)
            return err_set(err, ERR_CORRUPT, "file ends before byte %llu",
                           (unsigned long long)(s->off + s->len));
        done += (size_t)n;
    }
    return 0;
}

static int buf_push(struct sink *sink, const struct slice *s, struct err *err)
{
    struct sink_buf *b = (struct sink_buf *)sink;
    char *to = buf_room(b->to, s->len);
    if (!to)
        return buf_check(b->to, "the content", err);
    TRY(slice_copy(s, to, err));
    buf_grew(b->to, s->len);
    return 0;
}

void sink_buf_init(struct sink_buf *s, struct buf *to)
{
    *s = (struct sink_buf){.sink.push = buf_push, .to = to};
}

static int mem_pull(struct source *src, void *to, size_t cap, size_t *ret_len, struct err *err)
{
    (void)err;
    struct source_mem *m = (struct source_mem *)src;
    size_t n = m->left < cap ? m->left : cap;
    if (n)
        memcpy(to, m->data, n);
    m->data += n;
    m->left -= n;
    *ret_len = n;
    return 0;
}

void source_mem_init(struct source_mem *s, const void *data, size_t len)
{
    *s = (struct source_mem){
        .source = {.pull = mem_pull, .length = (int64_t)len}, .data = data, .left = len};
}
