/* SPDX-License-Identifier: Apache-2.0
 *
 * answers: the pieces of answers that many routes share.  Threads: any.
 */
#include "rest/v1/rq.h"

void rq_subject(struct rq *q, const char *what)
{
    snprintf(q->target, sizeof q->target, "%s", what);
}

void rq_put_change(struct rq *q)
{
    struct json_out *o = &q->json;
    json_begin_object(o, NULL);
    if (q->call.is_dry_run)
        json_put_bool(o, "dry_run", true);
    json_put_id(o, "index", q->result.index);
    json_begin_array(o, "effects");
    for (size_t i = 0; i < q->result.effect_count; i++) {
        const struct effect *e = &q->result.effects[i];
        json_begin_object(o, NULL);
        json_put_string(o, "severity", e->severity);
        json_put_string(o, "code", e->code);
        json_put_u64(o, "count", e->count);
        json_put_u64(o, "bytes", e->bytes);
        json_end_object(o);
    }
    json_end_array(o);
    if (q->result.task_id)
        json_put_id(o, "task", q->result.task_id);
    else
        json_put_null(o, "task");
    json_end_object(o);
    if (q->call.is_dry_run)
        q->status = 200;
}

void rq_put_tag(struct rq *q, const char *tag)
{
    http_add_header(q->http, "ETag", tag);
}

const char *rq_if_match(const struct rq *q)
{
    return http_header(q->http, "If-Match");
}

void rq_end_list(struct rq *q, const char *next_cursor, int64_t total)
{
    struct json_out *o = &q->json;
    const struct admin_api *admin = fs_admin(q->fs);
    json_end_array(o);
    json_put_string(o, "next_cursor", next_cursor);
    if (total < 0)
        json_put_null(o, "total");
    else
        json_put_i64(o, "total", total);
    json_put_id(o, "as_of_index", admin->applied_index(admin->impl));
}

static void put_ttl(struct json_out *o, const struct inode *i)
{
    if (i->ttl_ms < 0) {
        json_put_null(o, "ttl");
        return;
    }
    json_begin_object(o, "ttl");
    json_put_i64(o, "after_ms", i->ttl_ms);
    json_put_string(o, "action", ttl_action_name(i->ttl_action));
    json_end_object(o);
}

static void put_mode(struct json_out *o, unsigned mode)
{
    char text[8];
    size_t at = sizeof text - 1;
    text[at] = 0;
    do
        text[--at] = (char)('0' + (mode & 7));
    while ((mode >>= 3) && at);
    json_put_string_n(o, "mode", text + at, sizeof text - 1 - at);
}

static void put_target(struct rq *q, const struct file_info *info)
{
    const struct meta_api *meta = fs_meta(q->fs);
    AUTO(buf) target = {.max = PATH_MAX_BYTES + 1};
    bool is_known = info->inode.type == INODE_SYMLINK && meta->read_link(meta->impl, &q->call, info->path, &target, NULL) == 0;
    json_put_string(&q->json, "target", is_known ? buf_str(&target) : NULL);
}

void entry_json(struct rq *q, const char *key, const struct file_info *info, const struct read_plan *plan)
{
    struct json_out *o = &q->json;
    const struct inode *i = &info->inode;
    struct content_cached cached;
    char tag[64];
    fs_cached(q->fs, i, &cached);
    bool is_dir = i->type == INODE_DIRECTORY;
    json_begin_object(o, key);
    json_put_id(o, "id", i->ino);
    json_put_string(o, "path", info->path);
    json_put_string(o, "name", info->name);
    json_put_string(o, "type", inode_type_name(i->type));
    json_put_u64(o, "length", is_dir ? 0 : i->length);
    put_mode(o, i->mode);
    json_put_string(o, "owner", info->owner);
    json_put_string(o, "group", info->group);
    json_put_time(o, "created", i->ctime_ms);
    json_put_time(o, "modified", i->mtime_ms);
    json_put_time(o, "accessed", i->atime_ms);
    json_put_bool(o, "completed", is_dir || i->flags & INODE_COMPLETED);
    json_put_string(o, "persistence", persistence_name(i->persistence));
    json_put_bool(o, "pinned", info->is_pinned);
    json_put_u64(o, "cached_bytes", cached.mem_bytes + cached.disk_bytes);
    json_put_u64(o, "cached_mem_bytes", cached.mem_bytes);
    json_put_u64(o, "block_size", i->block_size);
    put_ttl(o, i);
    json_put_u64(o, "replication_min", i->replication_min);
    json_put_i64(o, "replication_max", i->replication_max);
    json_put_bool(o, "mount_point", i->flags & INODE_MOUNT_POINT);
    json_put_u64(o, "mount_id", info->mount);
    json_put_time(o, "verified", info->verified_ms);
    if (is_dir)
        json_put_u64(o, "children", i->length);
    else
        json_put_null(o, "children");
    json_put_string(o, "etag", file_info_tag(i, tag));
    json_put_bool(o, "extended_acl", i->flags & (INODE_HAS_ACL | INODE_HAS_DEFAULT_ACL));
    if (plan) {
        json_put_string(o, "ufs_path", info->ufs_path && *info->ufs_path ? info->ufs_path : NULL);
        json_put_string(o, "store_etag", *i->etag ? i->etag : NULL);
        put_target(q, info);
    }
    json_end_object(o);
}

int rq_put_entry(struct rq *q, const char *path, struct err *err)
{
    const struct meta_api *meta = fs_meta(q->fs);
    struct read_plan plan = {0};
    struct read_options o;
    char tag[64];
    rq_read_options(q, &o);
    o.want_ufs_path = true;
    int rc = meta->stat(meta->impl, &q->call, path, &o, &plan, err);
    if (rc == -ERR_NOT_FOUND && q->route->flags & ROUTE_CHANGES) { /* made, and taken away since by another */
        rq_put_change(q);
        return 0;
    }
    TRY(rc);
    rq_put_tag(q, file_info_tag(&plan.info.inode, tag));
    entry_json(q, NULL, &plan.info, &plan);
    read_plan_done(&plan);
    return 0;
}
