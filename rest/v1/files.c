/* SPDX-License-Identifier: Apache-2.0
 *
 * files: what is known of files, as JSON: entries, listings, ACLs, attributes, usage.  Threads: any.
 */
#include "rest/v1/rq.h"

int route_files_get(struct rq *q, struct err *err)
{
    const struct meta_api *meta = fs_meta(q->fs);
    struct read_plan plan = {0};
    struct read_options o;
    char tag[64];
    rq_read_options(q, &o);
    o.want_ufs_path = true;
    TRY(meta->stat(meta->impl, &q->call, q->target, &o, &plan, err));
    rq_put_tag(q, file_info_tag(&plan.info.inode, tag));
    const char *known = http_header(q->http, "If-None-Match");
    if (known && strstr(known, tag))
        q->status = 304;
    else
        entry_json(q, NULL, &plan.info, &plan);
    read_plan_done(&plan);
    return 0;
}

int route_files_by_id(struct rq *q, struct err *err)
{
    const struct meta_api *meta = fs_meta(q->fs);
    AUTO(buf) path = {.max = PATH_MAX_BYTES + 1};
    uint64_t ino;
    if (text_parse_u64(q->target, &ino, NULL))
        return err_set(err, ERR_NOT_FOUND, "no file has the id '%.40s'", q->target);
    TRY(meta->by_id(meta->impl, &q->call, ino, &path, err));
    return rq_put_entry(q, buf_str(&path), err);
}

/* ---- listing: the cursor is the last name given, so that it survives changes and restarts ---- */

struct list_state {
    struct rq *q;
    struct buf last;
    size_t top_len;
    bool is_recursive;
};

static int list_each(void *arg, const struct file_info *info, struct err *err)
{
    (void)err;
    struct list_state *s = arg;
    entry_json(s->q, NULL, info, NULL);
    buf_reset(&s->last);
    buf_adds(&s->last, s->is_recursive ? info->path + s->top_len : info->name);
    return 0;
}

static int parse_cursor(const char *cursor, struct buf *to, struct err *err)
{
    if (text_unbase64(to, cursor, strlen(cursor), NULL) || to->len < 2 || to->data[0] != 'n' || strlen(to->data) != to->len ||
        !text_is_utf8(to->data, to->len)) {
        err_set(err, ERR_INVALID_ARGUMENT, "the cursor is not one that this server gave");
        return err_field(err, "cursor");
    }
    return 0;
}

static void make_cursor(const struct buf *last, struct buf *to)
{
    AUTO(buf) plain = {.max = 8192};
    buf_addc(&plain, 'n');
    buf_add(&plain, last->data, last->len);
    text_base64url(to, plain.data, plain.len);
}

int route_files_list(struct rq *q, struct err *err)
{
    const struct meta_api *meta = fs_meta(q->fs);
    struct list_options o = {.limit = (size_t)rq_int(q, "limit", 1000), .position = rq_int(q, "offset", -1),
                             .prefix = rq_query(q, "prefix"), .is_recursive = rq_flag(q, "recursive")};
    struct list_result got = {0};
    struct list_state s = {.q = q, .is_recursive = o.is_recursive, .top_len = q->target[1] ? strlen(q->target) + 1 : 1};
    AUTO(buf) cursor = {.max = 16384};
    AUTO(buf) next = {.max = 16384};
    const char *given = rq_query(q, "cursor");
    rq_read_options(q, &o.read);
    if (given) {
        TRY(parse_cursor(given, &cursor, err));
        o.after = cursor.data + 1;
        o.position = -1;
    }
    buf_init(&s.last, 8192);
    json_begin_object(&q->json, NULL);
    json_put_string(&q->json, "path", q->target);
    json_begin_array(&q->json, "items");
    int rc = meta->list(meta->impl, &q->call, q->target, &o, list_each, &s, &got, err);
    if (got.has_more && s.last.len)
        make_cursor(&s.last, &next);
    buf_done(&s.last);
    TRY(rc);
    rq_end_list(q, got.has_more && next.len ? next.data : NULL, o.is_recursive || o.prefix ? -1 : (int64_t)got.total);
    json_put_time(&q->json, "verified", got.verified_ms);
    json_put_bool(&q->json, "checking", got.is_checking);
    json_end_object(&q->json);
    return 0;
}

/* ---- ACL ---- */

static void put_acl_entry(struct json_out *o, const struct acl_entry *e)
{
    char text[120];
    const char *kind = e->kind == 'u' ? "user" : e->kind == 'g' ? "group" : e->kind == 'm' ? "mask" : "other";
    snprintf(text, sizeof text, "%s%s:%s:%c%c%c", e->is_default ? "default:" : "", kind, e->name, e->perm & 4 ? 'r' : '-',
             e->perm & 2 ? 'w' : '-', e->perm & 1 ? 'x' : '-');
    json_put_string(o, NULL, text);
}

enum { ACL_ENTRIES_MAX = 256 };

int route_files_acl_get(struct rq *q, struct err *err)
{
    const struct meta_api *meta = fs_meta(q->fs);
    AUTO_FREE struct acl_entry *entries = xcalloc(ACL_ENTRIES_MAX, sizeof *entries);
    size_t n = 0;
    struct read_plan plan = {0};
    struct read_options o;
    TRY(meta->stat(meta->impl, &q->call, q->target, rq_read_options(q, &o), &plan, err));
    int rc = meta->get_acl(meta->impl, &q->call, q->target, entries, ACL_ENTRIES_MAX, &n, err);
    json_begin_object(&q->json, NULL);
    json_put_string(&q->json, "owner", plan.info.owner);
    json_put_string(&q->json, "group", plan.info.group);
    json_begin_array(&q->json, "entries");
    for (size_t i = 0; i < n; i++)
        put_acl_entry(&q->json, &entries[i]);
    json_end_array(&q->json);
    json_end_object(&q->json);
    read_plan_done(&plan);
    return rc;
}

static int bad_acl(const char *text, struct err *err)
{
    err_set(err, ERR_INVALID_ARGUMENT, "'%.80s' is not an ACL entry such as user:ann:rw- or default:group::r-x", text);
    return err ? err_field(err, "entries") : -(int)ERR_INVALID_ARGUMENT;
}

static int parse_perm(const char *s, unsigned *ret)
{
    if (strlen(s) != 3 || (s[0] != 'r' && s[0] != '-') || (s[1] != 'w' && s[1] != '-') || (s[2] != 'x' && s[2] != '-'))
        return -1;
    *ret = (s[0] == 'r' ? 4u : 0) | (s[1] == 'w' ? 2u : 0) | (s[2] == 'x' ? 1u : 0);
    return 0;
}

static int parse_acl_entry(const char *text, bool needs_perm, struct acl_entry *ret, struct err *err)
{
    static const struct {
        const char *name;
        char kind;
    } kinds[] = {{"user:", 'u'}, {"group:", 'g'}, {"mask:", 'm'}, {"other:", 'o'}};
    const char *p = text;
    *ret = (struct acl_entry){0};
    if (text_starts(p, "default:")) {
        ret->is_default = true;
        p += 8;
    }
    for (size_t i = 0; i < array_len(kinds) && !ret->kind; i++)
        if (text_starts(p, kinds[i].name)) {
            ret->kind = kinds[i].kind;
            p += strlen(kinds[i].name);
        }
    size_t name = strcspn(p, ":");
    if (!ret->kind || name >= sizeof ret->name)
        return bad_acl(text, err);
    memcpy(ret->name, p, name);
    bool has_perm = p[name] == ':' && p[name + 1];
    if ((!has_perm && needs_perm) || (has_perm && parse_perm(p + name + 1, &ret->perm)))
        return bad_acl(text, err);
    return 0;
}

int route_files_acl_put(struct rq *q, struct err *err)
{
    static const struct {
        const char *name;
        enum acl_action action;
    } actions[] = {{"set", ACL_SET}, {"modify", ACL_MODIFY}, {"remove", ACL_REMOVE}, {"remove_all", ACL_REMOVE_ALL}, {"remove_default", ACL_REMOVE_DEFAULT}};
    const struct meta_api *meta = fs_meta(q->fs);
    const struct json *list = json_get(q->body, "entries");
    AUTO_FREE struct acl_entry *entries = xcalloc(ACL_ENTRIES_MAX, sizeof *entries);
    size_t n = list ? json_size(list) : 0;
    enum acl_action action = ACL_SET;
    for (size_t i = 0; i < array_len(actions); i++)
        if (!strcmp(actions[i].name, rq_string(q, "action", "")))
            action = actions[i].action;
    if (n > ACL_ENTRIES_MAX)
        return err_set(err, ERR_TOO_LARGE, "more than %d ACL entries", ACL_ENTRIES_MAX);
    for (size_t i = 0; i < n; i++)
        TRY(parse_acl_entry(json_text(json_at(list, i), ""), action != ACL_REMOVE, &entries[i], err));
    TRY(meta->set_acl(meta->impl, &q->call, q->target, action, entries, n, rq_bool(q, "recursive", false), rq_if_match(q), err));
    rq_put_change(q);
    return 0;
}

/* ---- the rest ---- */

static int xattr_each(void *arg, const char *name, const void *value, size_t len)
{
    struct rq *q = arg;
    AUTO(buf) text = {.max = 1 << 20};
    text_base64(&text, value, len);
    json_put_string(&q->json, name, buf_str(&text));
    return 0;
}

int route_files_xattrs(struct rq *q, struct err *err)
{
    const struct meta_api *meta = fs_meta(q->fs);
    json_begin_object(&q->json, NULL);
    json_begin_object(&q->json, "xattrs");
    TRY(meta->list_xattr(meta->impl, &q->call, q->target, xattr_each, q, err));
    json_end_object(&q->json);
    json_end_object(&q->json);
    return 0;
}

int route_files_usage(struct rq *q, struct err *err)
{
    const struct meta_api *meta = fs_meta(q->fs);
    struct usage u = {0};
    TRY(meta->usage(meta->impl, &q->call, q->target, &u, err));
    json_begin_object(&q->json, NULL);
    json_put_u64(&q->json, "files", u.files);
    json_put_u64(&q->json, "directories", u.directories);
    json_put_u64(&q->json, "bytes", u.bytes);
    json_put_u64(&q->json, "cached_bytes", u.cached_bytes);
    json_end_object(&q->json);
    return 0;
}

int route_files_blocks(struct rq *q, struct err *err)
{
    const struct meta_api *meta = fs_meta(q->fs);
    struct read_plan plan = {0};
    struct read_options o;
    struct content_cached cached;
    TRY(meta->stat(meta->impl, &q->call, q->target, rq_read_options(q, &o), &plan, err));
    const struct inode *i = &plan.info.inode;
    fs_cached(q->fs, i, &cached);
    uint64_t size = i->block_size ? i->block_size : 1, at = 0;
    json_begin_object(&q->json, NULL);
    json_put_u64(&q->json, "block_size", i->block_size);
    json_put_u64(&q->json, "cached_mem_bytes", cached.mem_bytes);
    json_put_u64(&q->json, "cached_disk_bytes", cached.disk_bytes);
    json_begin_array(&q->json, "items");
    for (uint64_t seq = 0; i->type == INODE_FILE && at < i->length && seq < RQ_LIST_MAX; seq++, at += size) {
        json_begin_object(&q->json, NULL);
        json_put_id(&q->json, "id", i->cid << 24 | seq);
        json_put_u64(&q->json, "offset", at);
        json_put_u64(&q->json, "length", i->length - at < size ? i->length - at : size);
        json_end_object(&q->json);
    }
    json_end_array(&q->json);
    json_end_object(&q->json);
    read_plan_done(&plan);
    return 0;
}

int route_changes(struct rq *q, struct err *err)
{
    enum { MAX = 1000 };
    const struct admin_api *admin = fs_admin(q->fs);
    AUTO_FREE struct admin_change *changes = xcalloc(MAX, sizeof *changes);
    struct call call = q->call;
    call.deadline_ms = clock_mono_ms() + rq_int(q, "wait_ms", 0);
    uint64_t from = (uint64_t)rq_int(q, "from", 0);
    int n = admin->changes(admin->impl, &call, from, changes, MAX, err);
    TRY(n);
    json_begin_object(&q->json, NULL);
    json_begin_array(&q->json, "items");
    for (int i = 0; i < n; i++) {
        json_begin_object(&q->json, NULL);
        json_put_id(&q->json, "index", changes[i].index);
        json_put_string(&q->json, "kind", changes[i].kind);
        json_put_id(&q->json, "id", changes[i].ino);
        json_put_id(&q->json, "parent", changes[i].parent);
        json_end_object(&q->json);
    }
    json_end_array(&q->json);
    json_put_id(&q->json, "next_from", n ? changes[n - 1].index : from);
    json_end_object(&q->json);
    return 0;
}
