/* SPDX-License-Identifier: Apache-2.0
 *
 * file_changes: changes of the namespace by JSON bodies and verbs.  Threads: any.
 */
#include "rest/v1/rq.h"

static int done(struct rq *q)
{
    rq_put_change(q);
    return 0;
}

static int entry_or_change(struct rq *q, struct err *err)
{
    return q->call.is_dry_run ? done(q) : rq_put_entry(q, q->target, err);
}

/* "ttl": {"after_ms":…,"action":…} | null */
static int parse_ttl(struct rq *q, bool *ret_is_given, int64_t *ret_ms, enum ttl_action *ret_action, struct err *err)
{
    const struct json *ttl = json_get(q->body, "ttl"), *after = json_get(ttl, "after_ms");
    *ret_is_given = ttl != NULL;
    *ret_ms = -1;
    *ret_action = TTL_FREE;
    if (!ttl || json_kind_of(ttl) == JSON_NULL)
        return 0;
    if (!after || json_kind_of(after) != JSON_INT || json_i64(after, -1) < 0) {
        err_set(err, ERR_INVALID_ARGUMENT, "'ttl' must be {\"after_ms\":n,\"action\":…} with n of at least 0, or null");
        return err_field(err, "ttl");
    }
    *ret_ms = json_i64(after, -1);
    return ttl_action_parse(json_text(json_get(ttl, "action"), "FREE"), ret_action, err);
}

static int make_directory(struct rq *q, struct err *err)
{
    const struct meta_api *meta = fs_meta(q->fs);
    const char *type = rq_string(q, "write_type", "");
    struct mkdir_options o = {.is_recursive = rq_bool(q, "recursive", false), .allow_exists = rq_bool(q, "allow_exists", false),
                              .mode = -1, .write_through = !strcmp(type, "THROUGH") || !strcmp(type, "CACHE_THROUGH")};
    bool is_given;
    TRY(rq_mode(rq_string(q, "mode", NULL), &o.mode, err));
    TRY(parse_ttl(q, &is_given, &o.ttl_ms, &o.ttl_action, err));
    return meta->mkdir(meta->impl, &q->call, q->target, &o, err);
}

int route_files_put(struct rq *q, struct err *err)
{
    const struct meta_api *meta = fs_meta(q->fs);
    const char *target = rq_string(q, "target", NULL);
    if (!strcmp(rq_string(q, "type", ""), "directory")) {
        TRY(make_directory(q, err));
        return entry_or_change(q, err);
    }
    if (!target || !*target) {
        err_set(err, ERR_INVALID_ARGUMENT, "a symbolic link needs a 'target'");
        return err_field(err, "target");
    }
    TRY(meta->symlink(meta->impl, &q->call, target, q->target, err));
    return entry_or_change(q, err);
}

enum { XATTRS_MAX = 64 };
struct xattr_list {
    struct xattr_change items[XATTRS_MAX];
    struct buf values[XATTRS_MAX];
    size_t count;
};

static void xattrs_done(struct xattr_list *l)
{
    for (size_t i = 0; i < l->count; i++)
        buf_done(&l->values[i]);
}

static int parse_xattrs(struct rq *q, struct xattr_list *l, struct err *err)
{
    const struct json *given = json_get(q->body, "xattrs"), *v;
    for (const char *k = NULL; given && (k = json_next(given, k, &v));) {
        if (l->count == XATTRS_MAX)
            return err_set(err, ERR_TOO_LARGE, "more than %d attributes at once", XATTRS_MAX);
        struct buf *value = &l->values[l->count];
        struct xattr_change *x = &l->items[l->count++];
        *x = (struct xattr_change){.name = k};
        buf_init(value, 64 << 10);
        if (json_kind_of(v) == JSON_NULL)
            continue;
        const char *text = json_text(v, "");
        TRY(text_unbase64(value, text, strlen(text), err));
        x->value = value->data ? value->data : "";
        x->len = value->len;
    }
    return 0;
}

static int parse_time_member(struct rq *q, const char *name, int64_t *ret, struct err *err)
{
    const char *s = rq_string(q, name, NULL);
    return s ? text_parse_rfc3339(s, ret, err) : 0;
}

static int parse_attributes(struct rq *q, struct attr_change *c, struct xattr_list *xattrs, struct err *err)
{
    const struct json *pinned = json_get(q->body, "pinned");
    *c = (struct attr_change){.owner = rq_string(q, "owner", NULL), .group = rq_string(q, "group", NULL), .mode = -1,
                              .pinned = pinned ? json_bool(pinned, false) : -1,
                              .replication_min = json_i64(json_get(q->body, "replication_min"), INT64_MIN),
                              .replication_max = json_i64(json_get(q->body, "replication_max"), INT64_MIN),
                              .is_recursive = rq_bool(q, "recursive", false), .if_match = rq_if_match(q)};
    TRY(rq_mode(rq_string(q, "mode", NULL), &c->mode, err));
    TRY(parse_ttl(q, &c->set_ttl, &c->ttl_ms, &c->ttl_action, err));
    TRY(parse_time_member(q, "modified", &c->mtime_ms, err));
    TRY(parse_time_member(q, "accessed", &c->atime_ms, err));
    TRY(parse_xattrs(q, xattrs, err));
    c->xattrs = xattrs->items;
    c->xattr_count = xattrs->count;
    return 0;
}

int route_files_patch(struct rq *q, struct err *err)
{
    const struct meta_api *meta = fs_meta(q->fs);
    struct attr_change c;
    AUTO_FREE struct xattr_list *xattrs = xnew(struct xattr_list);
    int rc = parse_attributes(q, &c, xattrs, err);
    if (!rc)
        rc = meta->set_attr(meta->impl, &q->call, q->target, &c, err);
    xattrs_done(xattrs);
    TRY(rc);
    return entry_or_change(q, err);
}

int route_files_delete(struct rq *q, struct err *err)
{
    const struct meta_api *meta = fs_meta(q->fs);
    struct remove_options o = {.is_recursive = rq_flag(q, "recursive"), .only_here = rq_flag(q, "only_here"),
                               .unchecked = rq_flag(q, "unchecked"), .with_mount_points = rq_flag(q, "with_mount_points"),
                               .if_match = rq_if_match(q)};
    TRY(meta->remove(meta->impl, &q->call, q->target, &o, err));
    return done(q);
}

int route_files_rename(struct rq *q, struct err *err)
{
    const struct meta_api *meta = fs_meta(q->fs);
    struct rename_options o = {.overwrite = rq_bool(q, "overwrite", false), .if_match = rq_if_match(q)};
    TRY(meta->rename(meta->impl, &q->call, q->target, rq_string(q, "to", ""), &o, err));
    return done(q);
}

/* If-Match of what changes no metadata: looked at before, not in one step with it. */
static int check_match(struct rq *q, struct err *err)
{
    const struct meta_api *meta = fs_meta(q->fs);
    const char *wanted = rq_if_match(q);
    struct read_options o = {.sync_interval_ms = -2};
    struct read_plan plan = {0};
    char tag[64];
    if (!wanted)
        return 0;
    TRY(meta->stat(meta->impl, &q->call, q->target, &o, &plan, err));
    bool is_same = file_tag_matches(wanted, file_info_tag(&plan.info.inode, tag));
    read_plan_done(&plan);
    return is_same ? 0 : err_set(err, ERR_PRECONDITION_FAILED, "'%.120s' is not what %.80s names any more", q->target, wanted);
}

int route_files_copy(struct rq *q, struct err *err)
{
    struct copy_options o = {.overwrite = rq_bool(q, "overwrite", false), .is_recursive = rq_bool(q, "recursive", false)};
    const char *type = rq_string(q, "write_type", NULL);
    TRY(check_match(q, err));
    if (type)
        TRY(write_type_parse(type, &o.write_type, err));
    TRY(fs_copy(q->fs, &q->call, q->target, rq_string(q, "to", ""), &o, err));
    return done(q);
}

int route_files_free(struct rq *q, struct err *err)
{
    const struct meta_api *meta = fs_meta(q->fs);
    TRY(check_match(q, err));
    TRY(meta->free(meta->impl, &q->call, q->target, rq_bool(q, "recursive", false), rq_bool(q, "forced", false), err));
    return done(q);
}

int route_files_load(struct rq *q, struct err *err)
{
    TRY(check_match(q, err));
    TRY(fs_load(q->fs, &q->call, q->target, rq_bool(q, "recursive", false), err));
    return done(q);
}

int route_files_persist(struct rq *q, struct err *err)
{
    const struct meta_api *meta = fs_meta(q->fs);
    TRY(check_match(q, err));
    TRY(meta->persist(meta->impl, &q->call, q->target, rq_bool(q, "wait", true), err));
    return done(q);
}

int route_files_load_metadata(struct rq *q, struct err *err)
{
    const struct meta_api *meta = fs_meta(q->fs);
    TRY(check_match(q, err));
    TRY(meta->load_metadata(meta->impl, &q->call, q->target, rq_bool(q, "recursive", false), rq_bool(q, "forced", true), err));
    return done(q);
}

static int check_each(void *arg, const struct inconsistency *i, struct err *err)
{
    (void)err;
    struct rq *q = arg;
    json_begin_object(&q->json, NULL);
    json_put_string(&q->json, "path", i->path);
    json_put_string(&q->json, "what", i->what);
    json_end_object(&q->json);
    return 0;
}

static int check_count(void *arg, const struct inconsistency *i, struct err *err)
{
    (void)i;
    (void)err;
    ++*(uint64_t *)arg;
    return 0;
}

static int check_dry(struct rq *q, bool repair, struct err *err)
{
    const struct meta_api *meta = fs_meta(q->fs);
    uint64_t count = 0;
    TRY(meta->check_consistency(meta->impl, &q->call, q->target, repair, check_count, &count, err));
    call_effect(&q->call, "info", repair ? "entries_to_repair" : "entries_that_differ", count, 0);
    return done(q);
}

int route_files_check(struct rq *q, struct err *err)
{
    const struct meta_api *meta = fs_meta(q->fs);
    TRY(check_match(q, err));
    if (q->call.is_dry_run)
        return check_dry(q, rq_bool(q, "repair", false), err);
    json_begin_object(&q->json, NULL);
    json_begin_array(&q->json, "items");
    TRY(meta->check_consistency(meta->impl, &q->call, q->target, rq_bool(q, "repair", false), check_each, q, err));
    json_end_array(&q->json);
    json_end_object(&q->json);
    return 0;
}
