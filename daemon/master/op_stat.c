/* SPDX-License-Identifier: Apache-2.0
 *
 * op_stat: one inode of a path, and what the data side needs to read it.  Threads: any.
 */
#include "master/op.h"

#include <stdio.h>
#include <string.h>

int op_open(struct master *m, const struct call *call, const char *path, const struct read_options *o, struct place *ret,
            struct sync_state *ret_state, struct err *err)
{
    static const struct read_options usual = {.sync_interval_ms = -2};
    TRY(place_open(m, call, path, ret, err));
    TRY(ops_check_last(m, call, ret, place_is_found(ret) || place_last(ret)->type != INODE_DIRECTORY ? 0 : ACCESS_EXECUTE, err));
    TRY(mounts_check(m->mounts, &ret->at, ret->path, false, "read", err));
    struct sync_wish wish = {.kind = SYNC_STAT, .read = o ? *o : usual};
    TRY(place_sync(m, call, ret, &wish, ret_state, err));
    TRY(place_need(ret, err));
    return ops_check_last(m, call, ret, o ? o->access & 7 : 0, err);
}

void op_fill_info(struct master *m, const char *path, const struct inode *i, mount_id mount, bool is_pinned, struct file_info *ret)
{
    ret->inode = *i;
    ret->path = path;
    ret->name = path_name(path);
    ret->owner = ops_name(m, i->owner);
    ret->group = ops_name(m, i->group);
    ret->mount = mount;
    ret->ufs_path = "";
    ret->is_pinned = is_pinned;
}

int op_content(struct master *m, const struct place *p, const struct inode *i, struct content_ref *ret, struct err *err)
{
    *ret = (struct content_ref){.ino = i->ino, .cid = i->cid, .length = i->length, .block_size = i->block_size, .mount = p->at.id};
    ret->is_persisted = i->persistence == PERSIST_DONE;
    ret->is_pinned = place_is_pinned(p);
    memcpy(ret->etag, i->etag, sizeof ret->etag);
    return keys_of_place(m, p, &ret->key, err);
}

static int ufs_path(struct master *m, const struct place *p, const char *key, struct read_plan *ret, struct err *err)
{
    AUTO(buf) b;
    buf_init(&b, 4 * PATH_MAX_BYTES);
    TRY(mounts_uri_of(m->mounts, p->at.id, key, &b, err));
    ret->info.ufs_path = buf_take(&b);
    return 0;
}

static int plan(struct master *m, const struct read_options *o, const struct place *p, int64_t verified_ms, struct read_plan *ret,
                struct err *err)
{
    struct path_defaults d = {.read_type = m->options.read_type};
    TRY(path_conf_defaults(m->path_conf, p->path, &d, err));
    TRY(op_content(m, p, &p->walk.last, &ret->content, err));
    ret->read_type = d.read_type;
    ret->path = xstrdup(p->path);
    op_fill_info(m, ret->path, &p->walk.last, p->at.id, place_is_pinned(p), &ret->info);
    ret->info.verified_ms = verified_ms;
    ret->info.ufs_path = NULL;
    if (o && o->want_ufs_path)
        return ufs_path(m, p, ret->content.key, ret, err);
    ret->info.ufs_path = xstrdup("");
    return 0;
}

int op_stat(void *impl, const struct call *call, const char *path, const struct read_options *o, struct read_plan *ret, struct err *err)
{
    AUTO(place) p = {0};
    struct sync_state state = {0};
    struct read_plan out = {0};
    TRY(op_open(impl, call, path, o, &p, &state, err));
    int rc = plan(impl, o, &p, state.verified_ms, &out, err);
    if (rc)
        read_plan_done(&out);
    else
        *ret = out;
    return rc;
}

int op_by_id(void *impl, const struct call *call, inode_id ino, struct buf *ret_path, struct err *err)
{
    struct master *m = impl;
    AUTO(buf) path;
    buf_init(&path, PATH_MAX_BYTES + 1);
    TRY(meta_path(m->meta, ino, &path, err));
    AUTO(place) p = {0};
    TRY(place_open(m, call, buf_str(&path), &p, err));
    if (!place_is_found(&p) || p.walk.last.ino != ino) /* removed, its row not yet reclaimed */
        return err_set(err, ERR_NOT_FOUND, "no inode has the id %llu", (unsigned long long)ino);
    TRY(ops_check_last(m, call, &p, 0, err));
    buf_add(ret_path, path.data, path.len);
    return 0;
}

int op_access(void *impl, const struct call *call, const char *path, unsigned rwx, struct err *err)
{
    AUTO(place) p = {0};
    TRY(op_open(impl, call, path, NULL, &p, NULL, err));
    return ops_check_last(impl, call, &p, rwx & 7, err);
}

int op_read_link(void *impl, const struct call *call, const char *path, struct buf *ret, struct err *err)
{
    struct master *m = impl;
    AUTO(place) p = {0};
    TRY(op_open(m, call, path, NULL, &p, NULL, err));
    if (p.walk.last.type != INODE_SYMLINK)
        return err_set(err, ERR_INVALID_ARGUMENT, "Path \"%.180s\" must be a symlink.", p.path);
    return meta_attr(m->meta, p.walk.last.ino, "target", ret, err);
}
