/* SPDX-License-Identifier: Apache-2.0
 *
 * fs: whole reads and writes; trees are in fs_tree.c.
 */
#include "fs/fs.h"

#include "base/mem.h"
#include "fs/fs_parts.h"

#include <string.h>

enum { READ_TRIES = 3 };

struct fs *fs_new(const struct fs_parts *parts)
{
    struct fs *fs = xnew(struct fs);
    fs->parts = *parts;
    return fs;
}

void fs_free(struct fs *fs)
{
    free(fs);
}

const struct meta_api *fs_meta(const struct fs *fs)
{
    return fs->parts.meta;
}

const struct data_api *fs_data(const struct fs *fs)
{
    return fs->parts.data;
}

const struct mount_api *fs_mounts(const struct fs *fs)
{
    return fs->parts.mounts;
}

const struct identity_api *fs_identity(const struct fs *fs)
{
    return fs->parts.identity;
}

const struct admin_api *fs_admin(const struct fs *fs)
{
    return fs->parts.admin;
}

/* Passes slices on and remembers that something left. */
struct counting_sink {
    struct sink sink;
    struct sink *to;
    uint64_t bytes;
};

static int counting_push(struct sink *sink, const struct slice *s, struct err *err)
{
    struct counting_sink *c = (struct counting_sink *)sink;
    c->bytes += s->len;
    return c->to->push(c->to, s, err);
}

static int check_readable(const struct read_plan *plan, struct err *err)
{
    const struct inode *i = &plan->info.inode;
    if (i->type != INODE_FILE)
        return err_set(err, ERR_IS_DIRECTORY, "Path \"%s\" must be a file.", plan->info.path);
    if (!(i->flags & INODE_COMPLETED))
        return err_set(err, ERR_INCOMPLETE, "The file %s is still being written", plan->info.path);
    if (i->persistence == PERSIST_LOST)
        return err_set(err, ERR_LOST, "No copy of %s is left", plan->info.path);
    return 0;
}

static int read_once(struct fs *fs, const struct call *call, const struct read_plan *plan, enum read_type type,
                     fs_range_fn range, void *arg, struct sink *to, struct err *err)
{
    uint64_t off = 0, len = plan->content.length;
    TRY(check_readable(plan, err));
    TRY(range(arg, plan, &off, &len, err));
    if (len == 0)
        return 0;
    struct read_request rq = {.content = &plan->content, .off = off, .len = len,
                              .type = type ? type : plan->read_type, .is_sequential = len > plan->content.length / 2};
    struct read_result got = {0};
    return fs->parts.data->read(fs->parts.data->impl, call, &rq, to, &got, err);
}

int fs_read(struct fs *fs, const struct call *call, const char *path, const struct read_options *o, enum read_type type,
            fs_range_fn range, void *arg, struct sink *to, struct err *err)
{
    const struct meta_api *meta = fs->parts.meta;
    struct counting_sink counted = {.sink.push = counting_push, .to = to};
    struct read_options readable = *o;
    readable.access = FS_READ;
    for (int tries = 0;; tries++) {
        struct read_plan plan = {0};
        TRY(meta->stat(meta->impl, call, path, &readable, &plan, err));
        int rc = read_once(fs, call, &plan, type, range, arg, &counted.sink, err);
        if (rc == -ERR_LOST && counted.bytes == 0)
            (void)meta->content_lost(meta->impl, call, plan.content.ino, plan.content.cid, NULL);
        read_plan_done(&plan);
        /* the store, not the namespace, said so: the namespace is behind */
        bool has_changed = rc == -ERR_PRECONDITION_FAILED || rc == -ERR_NOT_FOUND;
        if (!has_changed || counted.bytes || tries == READ_TRIES)
            return rc;
        TRY(meta->content_changed(meta->impl, call, path, err));
    }
}

static bool is_replay(const struct call *call)
{
    return call->result && call->result->is_replay;
}

int fs_write(struct fs *fs, const struct call *call, const char *path, const struct create_options *o,
             struct source *from, struct err *err)
{
    const struct meta_api *meta = fs->parts.meta;
    const struct data_api *data = fs->parts.data;
    struct write_plan plan = {0};
    struct write_outcome outcome = {0};
    TRY(meta->write_begin(meta->impl, call, path, o, &plan, err));
    if (is_replay(call) || call->is_dry_run) {
        meta->write_abort(meta->impl, call, &plan);
        return 0;
    }
    struct content_ref content = plan.content;
    AUTO_FREE char *key = content.key = content.key ? xstrdup(content.key) : NULL;
    int rc = data->write(data->impl, call, &content, plan.type, from, !o->overwrite, &outcome, err);
    if (rc < 0) {
        meta->write_abort(meta->impl, call, &plan);
        return rc;
    }
    rc = meta->write_commit(meta->impl, call, &plan, &outcome, err);
    content.length = outcome.length;
    memcpy(content.etag, outcome.etag, sizeof content.etag);
    if (rc < 0 || is_replay(call))
        data->drop(data->impl, content.cid, true);
    else if (outcome.is_in_store)
        data->committed(data->impl, &content);
    return rc;
}

void fs_cached(struct fs *fs, const struct inode *inode, struct content_cached *ret)
{
    *ret = (struct content_cached){0};
    if (inode->type != INODE_FILE || !inode->cid)
        return;
    struct content_ref content = {.ino = inode->ino, .cid = inode->cid, .length = inode->length, .block_size = inode->block_size};
    fs->parts.data->cached(fs->parts.data->impl, &content, ret);
}
