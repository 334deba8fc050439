/* SPDX-License-Identifier: Apache-2.0
 *
 * write: whole contents to the cache, the store or both, and dirty ones from the cache to the store.
 *
 *   type           acknowledged when                                     cache fails
 *   MUST_CACHE     in the cache (on disk if that tier is a disk)         the write fails
 *   CACHE_THROUGH  in the store                                          it is not cached
 *   THROUGH        in the store                                          -
 *   ASYNC_THROUGH  on a disk tier, synced with its folders               the write fails
 *
 * Threads: any; a write runs on its caller's.
 */
#include "base/clock.h"
#include "base/fault.h"
#include "base/log.h"
#include "base/mem.h"
#include "worker/parts.h"

#include <string.h>

enum { CHUNK = 1 << 20 };

/* Counts what passes and gives a copy to the cache while the cache takes it. */
struct tee {
    struct source source;
    struct source *from;
    struct block_writer *cache; /* NULL: none, or it failed */
    uint64_t length;
};

static int tee_pull(struct source *src, void *to, size_t cap, size_t *ret_len, struct err *err)
{
    struct tee *t = (struct tee *)src;
    struct err cache_err;
    size_t n = 0;
    TRY(t->from->pull(t->from, to, cap, &n, err));
    t->length += n;
    if (t->cache && block_writer_add(t->cache, to, n, &cache_err) < 0) {
        log_debug(worker, "a write goes on without the cache: %s", cache_err.text);
        block_writer_free(steal(&t->cache));
    }
    *ret_len = n;
    return 0;
}

static struct ufs_call store_call(const struct call *call)
{
    return (struct ufs_call){.deadline_ms = call->deadline_ms, .request_id = call->request_id};
}

static int to_store(struct worker *w, const struct call *call, const struct content_ref *c, struct source *from, bool if_absent,
                    struct ufs_stat *ret, struct err *err)
{
    struct mount_store store = {0};
    struct ufs_call uc = store_call(call);
    if (!c->mount || !c->key)
        return err_set(err, ERR_INVALID_ARGUMENT, "the content belongs to no store");
    TRY(w->stores.get(w->stores.impl, c->mount, true, &store, err));
    FAULT("worker.before_store");
    int rc = store.is_read_only ? err_set(err, ERR_READ_ONLY, "the mount is read-only")
                                : ufs_write(store.ufs, &uc, c->key, from, if_absent, ret, err);
    FAULT("worker.after_store");
    w->stores.put(w->stores.impl, &store);
    return rc;
}

static void in_store(const struct ufs_stat *st, struct write_outcome *out)
{
    memcpy(out->etag, st->etag, sizeof out->etag);
    out->store_mtime_ms = st->mtime_ms;
    out->is_in_store = true;
}

static int write_through(struct worker *w, const struct call *call, const struct content_ref *c, bool cache, struct source *from,
                         bool if_absent, struct write_outcome *out, struct err *err)
{
    struct block_key key = parts_key(c);
    key.length = from->length > 0 ? (uint64_t)from->length : 0;
    struct tee t = {.source = {.pull = tee_pull, .length = from->length}, .from = from};
    struct ufs_stat st = {0};
    bool is_durable;
    if (cache)
        t.cache = block_writer_new(w->block, &key, BLOCK_CLEAN);
    int rc = to_store(w, call, c, &t.source, if_absent, &st, err);
    if (rc == 0) {
        in_store(&st, out);
        out->length = t.length;
        out->is_cached = t.cache && block_writer_commit(t.cache, &is_durable, NULL) == 0;
        parts_count(w, bytes_written_ufs, t.length);
        parts_count(w, writes_failed, cache && !out->is_cached);
    }
    block_writer_free(t.cache);
    return rc;
}

static int fill(struct block_writer *to, const struct call *call, struct source *from, uint64_t *ret_length, struct err *err)
{
    AUTO_FREE char *chunk = xmalloc(CHUNK);
    size_t n = 1;
    for (uint64_t length = 0; n; *ret_length = length) {
        TRY(from->pull(from, chunk, CHUNK, &n, err));
        TRY(block_writer_add(to, chunk, n, err));
        length += n;
        if (clock_is_past(call->deadline_ms))
            return err_set(err, ERR_TIMEOUT, "the deadline passed while writing");
    }
    return 0;
}

static int write_dirty(struct worker *w, const struct call *call, const struct content_ref *c, enum block_write kind,
                       struct source *from, struct write_outcome *out, struct err *err)
{
    struct block_key key = parts_key(c);
    key.length = from->length > 0 ? (uint64_t)from->length : 0;
    struct block_writer *to = block_writer_new(w->block, &key, kind);
    int rc = fill(to, call, from, &out->length, err);
    if (rc == 0)
        rc = block_writer_commit(to, &out->is_durable, err);
    block_writer_free(to);
    if (rc < 0)
        return rc;
    out->is_cached = true;
    if (c->is_pinned)
        block_set_pinned(w->block, c->cid, true);
    FAULT("worker.before_dirty_ack");
    return 0;
}

int parts_write(void *impl, const struct call *call, const struct content_ref *c, enum write_type type, struct source *from,
                bool if_absent, struct write_outcome *ret, struct err *err)
{
    struct worker *w = impl;
    struct write_outcome out = {0};
    int rc = -1;
    TRY(parts_check(c, err));
    switch (type) {
    case WRITE_MUST_CACHE:
        rc = write_dirty(w, call, c, BLOCK_DIRTY, from, &out, err);
        break;
    case WRITE_ASYNC_THROUGH:
        rc = write_dirty(w, call, c, BLOCK_DIRTY_DURABLE, from, &out, err);
        break;
    case WRITE_CACHE_THROUGH:
    case WRITE_THROUGH:
        rc = write_through(w, call, c, type == WRITE_CACHE_THROUGH, from, if_absent, &out, err);
        if (rc == 0 && c->is_pinned && out.is_cached)
            block_set_pinned(w->block, c->cid, true);
        break;
    default:
        return err_set(err, ERR_INVALID_ARGUMENT, "write type %d is not one that writes", (int)type);
    }
    TRY(rc);
    parts_count(w, bytes_written, out.length);
    *ret = out;
    return 0;
}

/* A source over a content that must be in the cache whole. */
struct cached_source {
    struct source source;
    struct worker *w;
    struct block_key key;
    uint64_t pos;
};

static int cached_pull(struct source *src, void *to, size_t cap, size_t *ret_len, struct err *err)
{
    struct cached_source *s = (struct cached_source *)src;
    struct block_pinned p;
    *ret_len = 0;
    if (s->pos >= s->key.length || !cap)
        return 0;
    uint64_t left = s->key.length - s->pos;
    int rc = block_pin(s->w->block, &s->key, s->pos, cap < left ? cap : (size_t)left, &p, err);
    if (rc == -ERR_NOT_FOUND)
        return err_set(err, ERR_LOST, "bytes from %llu of content %llu are in no cache and were not persisted",
                       (unsigned long long)s->pos, (unsigned long long)s->key.cid);
    TRY(rc);
    rc = slice_copy(&p.slice, to, err);
    slice_unref(&p.slice);
    TRY(rc);
    *ret_len = p.slice.len;
    s->pos += p.slice.len;
    return 0;
}

int parts_persist(void *impl, const struct call *call, const struct content_ref *c, struct write_outcome *ret, struct err *err)
{
    struct worker *w = impl;
    struct ufs_stat st = {0};
    struct write_outcome out = {.length = c->length, .is_cached = true};
    if (c->length) /* an empty file has no content, so no id of one */
        TRY(parts_check(c, err));
    struct cached_source s = {.source = {.pull = cached_pull, .length = (int64_t)c->length}, .w = w, .key = parts_key(c)};
    TRY(to_store(w, call, c, &s.source, false, &st, err));
    in_store(&st, &out);
    parts_count(w, bytes_written_ufs, c->length);
    *ret = out;
    return 0;
}
