/* SPDX-License-Identifier: Apache-2.0
 *
 * mounts_change: mount, update, unmount and maintenance modes: the rules, the live test, and then one entry each.  What a caller
 * relied on (the table's highest id, the old record, the absence of the path) is guarded, so two at once cannot both win.
 */
#include "api/path.h"
#include "base/clock.h"
#include "base/conf.h"
#include "base/fault.h"
#include "base/mem.h"
#include "base/text.h"
#include "master/mounts_table.h"

#include <stdio.h>
#include <string.h>

enum { TRIES = 5, RECORD_MAX = 48 * 1024 };

static int need_role(const struct call *call, enum role role, struct err *err)
{
    if (call->who->role >= role || call->who->is_super)
        return 0;
    return err_set(err, ERR_PERMISSION_DENIED, "changing mounts needs the role %s", role_name(role));
}

static int propose(struct mounts *m, const struct call *call, const struct entry *e, struct err *err)
{
    TRY(buf_check(&e->bytes, "the entry of a mount", err));
    return call->is_dry_run ? 0 : meta_propose(m->options.meta, call, e, err);
}

static int write_record(struct mounts *m, const struct mount_record *r, struct buf *to, struct err *err)
{
    buf_init(to, RECORD_MAX);
    mounts_record_write(r, &m->key, to);
    return buf_check(to, "the options of a mount", err);
}

/* ---- format ---- */
static int parse_options(struct mount_option *ret, size_t max, char *copy, size_t *ret_n, struct err *err)
{
    char *save = NULL;
    for (char *one = strtok_r(copy, ";", &save); one; one = strtok_r(NULL, ";", &save)) {
        char *eq = strchr(one, '=');
        if (!eq || eq == one || *ret_n == max)
            return err_set(err, ERR_CONFIG, "options of the root store are written as key=value;key=value, found '%.40s'", eq ? "too many" : one);
        *eq = 0;
        ret[(*ret_n)++] = (struct mount_option){one, eq + 1};
    }
    return 0;
}

static int check_opens(const struct mount_record *r, struct err *err)
{
    struct ufs *u;
    TRY(mounts_slot_open_record(r, &u, err));
    ufs_close(u);
    return 0;
}

int mounts_root_record(struct entry *e, const char *uri, const char *options, const struct crypto_key *key, struct err *err)
{
    struct mount_option list[64];
    struct mount_spec spec = {.path = "/", .uri = uri, .freshness = FRESH_NEVER, .interval_ms = -1, .options = list};
    struct mount_record r = {0};
    AUTO_FREE char *copy = xstrdup(options ? options : "");
    AUTO(buf) raw = {0};
    TRY(parse_options(list, array_len(list), copy, &spec.option_count, err));
    TRY(mounts_record_make(&spec, NULL, &r, err));
    r.id = 1;
    int rc = check_opens(&r, err);
    if (rc == 0) {
        char id[16];
        buf_init(&raw, RECORD_MAX);
        mounts_record_write(&r, key, &raw);
        entry_put_record(e, RECORD_MOUNT, mounts_record_key(1, id), raw.data, raw.len);
        entry_put_record(e, RECORD_MOUNT, MOUNT_LAST_KEY, "1", 1);
        rc = buf_check(&raw, "the options of the root store", err);
    }
    mounts_record_done(&r);
    return rc;
}

/* ---- add ---- */
static int exists_error(const char *path, struct err *err)
{
    err_set(err, ERR_ALREADY_EXISTS, "Mount point target path %.120s already exists in Alluxio namespace. Try mounting to another path.", path);
    return err_field(err, "path");
}

static int check_uri(struct mount_table *t, const struct mount_record *r, struct err *err)
{
    for (size_t i = 0; i < t->count; i++) {
        const char *other = t->rows[i].record.uri;
        bool inside = mounts_record_is_below(r->uri, other);
        if (!inside && !mounts_record_is_below(other, r->uri))
            continue;
        err_set(err, ERR_INVALID_ARGUMENT, "Mount point %.100s is a prefix of %.100s", inside ? other : r->uri, inside ? r->uri : other);
        return err_field(err, "uri");
    }
    return 0;
}

/* Keys, tokens, the log: whoever reads or changes the node's own folders as files is past all that keeps them. */
static int check_own(const struct mount_record *r, struct err *err)
{
    char conf[PATH_MAX_BYTES + 8];
    snprintf(conf, sizeof conf, "%s/conf", conf_text(CONF_HOME));
    const char *own[] = {conf, conf_text(CONF_JOURNAL_DIR), conf_text(CONF_META_DIR), conf_text(CONF_WORKER_MEM_DIR), conf_text(CONF_WORKER_SSD_DIR)};
    for (size_t i = 0; i < array_len(own); i++) {
        if (!own[i] || own[i][0] != '/' || (!mounts_record_is_below(r->uri, own[i]) && !mounts_record_is_below(own[i], r->uri)))
            continue;
        err_set(err, ERR_INVALID_ARGUMENT, "%.100s cannot be a store: this node keeps its own files in %.100s", r->uri, own[i]);
        return err_field(err, "uri");
    }
    return 0;
}

/* Would the mount point hide something of the store above?  A store that does not answer hides nothing that anyone could see. */
static int check_shadow(struct mounts *m, const struct call *call, const char *path, struct err *err)
{
    struct mount_at at;
    struct mount_use u = {0};
    struct ufs_stat st;
    TRY(mounts_resolve(m, path, &at, err));
    if (mounts_store_get(m, at.id, false, &u, NULL) < 0)
        return 0;
    struct ufs_call c = mounts_call(m, call);
    int64_t most = clock_mono_ms() + 5000;
    c.deadline_ms = c.deadline_ms < most ? c.deadline_ms : most;
    int rc = ufs_stat(u.ufs, &c, at.relative, &st, NULL);
    mounts_store_put(m, &u);
    if (rc == 0) {
        AUTO(buf) uri = {0};
        buf_init(&uri, PATH_MAX_BYTES * 2);
        if (mounts_uri_of(m, at.id, at.relative, &uri, NULL) < 0)
            buf_reset(&uri);
        return err_set(err, ERR_ALREADY_EXISTS, "Mount path %.80s shadows an existing path %.80s in the parent underlying filesystem", path,
                       buf_str(&uri));
    }
    if (rc != -ERR_NOT_FOUND)
        call_effect(call, "warn", "parent_store_not_checked", 1, 0);
    return 0;
}

static int walk_parent(struct mounts *m, const char *path, struct walk *w, struct err *err)
{
    TRY(meta_walk(m->options.meta, path, w, err));
    if (w->count == w->depth)
        return exists_error(path, err);
    if (w->last.type != INODE_DIRECTORY)
        return err_set(err, ERR_NOT_DIRECTORY, "%.120s does not have a valid parent", path);
    if (w->count + 1 < w->depth) {
        char parent[PATH_MAX_BYTES + 1];
        path_parent(path, parent);
        return err_set(err, ERR_NOT_FOUND, "Path \"%.120s\" does not exist.", parent);
    }
    return 0;
}

static int owner_of(struct mounts *m, const struct call *call, const struct ufs_stat *root, struct inode *i, struct err *err)
{
    const char *owner = root->owner[0] ? root->owner : call->who->user;
    const char *group = root->group[0] ? root->group : call->who->group_count ? call->who->groups[0] : owner;
    TRY(meta_principal(m->options.meta, call, owner, &i->owner, err));
    return meta_principal(m->options.meta, call, group, &i->group, err);
}

static int point_inode(struct mounts *m, const struct call *call, const struct mount_record *r, const struct ufs_stat *root,
                       inode_id parent, struct inode *ret, struct err *err)
{
    *ret = (struct inode){.ino = meta_new_id(m->options.meta), .type = INODE_DIRECTORY, .flags = INODE_COMPLETED | INODE_MOUNT_POINT,
                          .nlink = 1, .parent = parent, .persistence = PERSIST_DONE, .ttl_ms = -1, .replication_max = -1,
                          .ctime_ms = call->now_ms, .mtime_ms = call->now_ms, .atime_ms = call->now_ms};
    ret->mode = r->is_shared ? 0777 : root->mode ? root->mode & 07777 : 0755;
    snprintf(ret->name, sizeof ret->name, "%s", path_name(r->path));
    return owner_of(m, call, root, ret, err);
}

static void guard_walk(struct entry *e, const struct walk *w, size_t n)
{
    struct inode_version *chain = xcalloc(n, sizeof *chain);
    for (size_t i = 0; i < n; i++)
        chain[i] = (struct inode_version){w->nodes[i].ino, w->nodes[i].attr_ver};
    entry_guard_chain(e, w->epoch, chain, n);
    free(chain);
}

/* The highest id is guarded: it makes additions one after the other. */
static void guard_last(struct entry *e, const struct mount_table *t)
{
    char text[16];
    int n = snprintf(text, sizeof text, "%u", t->last_id);
    entry_guard_record(e, RECORD_MOUNT, MOUNT_LAST_KEY, t->has_last ? text : NULL, t->has_last ? (size_t)n : 0, ERR_STALE);
}

static mount_id next_id(const struct mount_table *t)
{
    mount_id id = t->last_id;
    for (size_t i = 0; i < t->count; i++)
        if (t->rows[i].record.id > id)
            id = t->rows[i].record.id;
    return id + 1;
}

static int put_new(struct mounts *m, const struct call *call, const struct mount_table *t, const struct mount_record *r,
                   const struct walk *w, const struct inode *point, struct err *err)
{
    AUTO(buf) raw = {0};
    AUTO(entry) e = {0};
    char id[16], last[16];
    TRY(write_record(m, r, &raw, err));
    entry_init(&e, ENTRY_MOUNT, call->now_ms);
    guard_walk(&e, w, w->count);
    guard_last(&e, t);
    entry_guard_dentry(&e, point->parent, point->name, 0, ERR_ALREADY_EXISTS);
    entry_put_inode(&e, point);
    entry_put_dentry(&e, point->parent, point->name, point->ino, INODE_DIRECTORY);
    entry_touch(&e, point->parent, call->now_ms);
    entry_put_record(&e, RECORD_MOUNT, mounts_record_key(r->id, id), raw.data, raw.len);
    int n = snprintf(last, sizeof last, "%u", r->id);
    entry_put_record(&e, RECORD_MOUNT, MOUNT_LAST_KEY, last, (size_t)n);
    entry_raise_epoch(&e); /* what was resolved by the old table is stale */
    TRY(propose(m, call, &e, err));
    FAULT("mount.after_entry");
    return 0;
}

static int add_once(struct mounts *m, const struct call *call, struct mount_table *t, struct mount_record *r, const struct ufs_stat *root,
                    struct err *err)
{
    AUTO(walk) w = {0};
    struct inode point;
    TRY(check_uri(t, r, err));
    if (mounts_table_at(t, r->path))
        return exists_error(r->path, err);
    TRY(walk_parent(m, r->path, &w, err));
    TRY(point_inode(m, call, r, root, w.last.ino, &point, err));
    r->id = next_id(t);
    return put_new(m, call, t, r, &w, &point, err);
}

/* Rules in the order in which people meet them; what reaches a store comes before the entry is made. */
static int add_checks(struct mounts *m, const struct call *call, const struct mount_record *r, struct ufs_stat *root, struct err *err)
{
    AUTO(walk) w = {0};
    unsigned capabilities = 0;
    TRY(check_own(r, err));
    TRY(walk_parent(m, r->path, &w, err));
    TRY(mounts_test_live(m, call, r, root, &capabilities, err));
    if (!(capabilities & UFS_CAP_ATTRIBUTES))
        *root = (struct ufs_stat){0};
    return check_shadow(m, call, r->path, err);
}

static int add_record(struct mounts *m, const struct call *call, struct mount_record *r, struct err *err)
{
    struct ufs_stat root = {0};
    TRY(add_checks(m, call, r, &root, err));
    for (int i = 0;; i++) {
        struct mount_table *t;
        TRY(mounts_table_get(m, &t, err));
        int rc = add_once(m, call, t, r, &root, err);
        mounts_table_put(t);
        if (rc != -ERR_STALE || i == TRIES)
            return rc;
    }
}

int mounts_add(void *impl, const struct call *call, const struct mount_spec *spec, mount_id *ret, struct err *err)
{
    struct mount_record r = {0};
    TRY(need_role(call, ROLE_ADMIN, err));
    TRY(mounts_record_make(spec, NULL, &r, err));
    int rc = add_record(impl, call, &r, err);
    if (rc == 0)
        *ret = r.id;
    mounts_record_done(&r);
    return rc;
}

/* ---- update ---- */
static int find_point(struct mount_table *t, const char *path, const char *if_match, struct mount_row **ret, struct err *err)
{
    char clean[PATH_MAX_BYTES + 1];
    TRY(path_clean(path ? path : "", clean, err));
    struct mount_row *row = mounts_table_at(t, clean);
    if (!row)
        return err_set(err, ERR_NOT_FOUND, "%.160s is not a mount point", clean);
    if (if_match && strcmp(if_match, "*") && strcmp(if_match, row->tag))
        return err_set(err, ERR_PRECONDITION_FAILED, "the mount %.120s was changed meanwhile", clean);
    *ret = row;
    return 0;
}

static int put_update(struct mounts *m, const struct call *call, const struct mount_row *old, const struct mount_record *r, struct err *err)
{
    AUTO(buf) raw = {0};
    AUTO(entry) e = {0};
    char id[16];
    TRY(write_record(m, r, &raw, err));
    entry_init(&e, ENTRY_UPDATE_MOUNT, call->now_ms);
    mounts_record_key(r->id, id);
    entry_guard_record(&e, RECORD_MOUNT, id, old->raw, old->raw_len, ERR_PRECONDITION_FAILED);
    entry_put_record(&e, RECORD_MOUNT, id, raw.data, raw.len);
    return propose(m, call, &e, err);
}

static int update_in(struct mounts *m, const struct call *call, struct mount_table *t, const struct mount_spec *spec, struct err *err)
{
    struct mount_row *old = NULL;
    struct mount_record r = {0};
    TRY(find_point(t, spec->path, spec->if_match, &old, err));
    TRY(mounts_record_make(spec, &old->record, &r, err));
    int rc = 0;
    if (strcmp(r.uri, old->record.uri)) {
        err_set(err, ERR_INVALID_ARGUMENT, "the store of a mount cannot be changed: unmount it and mount the other one");
        rc = err_field(err, "uri");
    }
    if (rc == 0)
        rc = mounts_test_live(m, call, &r, NULL, NULL, err);
    if (rc == 0)
        rc = put_update(m, call, old, &r, err);
    mounts_record_done(&r);
    return rc;
}

int mounts_update(void *impl, const struct call *call, const struct mount_spec *spec, struct err *err)
{
    struct mount_table *t;
    TRY(need_role(call, ROLE_OPERATOR, err));
    TRY(mounts_table_get(impl, &t, err));
    int rc = update_in(impl, call, t, spec, err);
    mounts_table_put(t);
    return rc;
}

/* ---- unmount ---- */
static int put_unmount(struct mounts *m, const struct call *call, const struct mount_row *row, struct err *err)
{
    AUTO(walk) w = {0};
    AUTO(entry) e = {0};
    char id[16];
    TRY(meta_walk(m->options.meta, row->record.path, &w, err));
    entry_init(&e, ENTRY_UNMOUNT, call->now_ms);
    mounts_record_key(row->record.id, id);
    entry_guard_record(&e, RECORD_MOUNT, id, row->raw, row->raw_len, ERR_STALE);
    entry_remove_record(&e, RECORD_MOUNT, id);
    if (w.count == w.depth) { /* else: the directory is gone, only the record is left */
        guard_walk(&e, &w, w.count - 1);
        entry_guard_dentry(&e, w.last.parent, w.last.name, w.last.ino, ERR_STALE);
        m->options.detach(m->options.detach_arg, &e, &w.last, w.last.name);
    }
    entry_raise_epoch(&e);
    return propose(m, call, &e, err);
}

/* An upload whose mount goes leaves an object in the store of which nobody hears: it ends first, or the mount stays. */
static int unmount_quiet(struct mounts *m, const struct call *call, const struct mount_row *row, struct err *err)
{
    struct err why = {0};
    if (call->is_dry_run)
        return put_unmount(m, call, row, err);
    int rc = m->options.hold(m->options.detach_arg, call, row->record.id, &why);
    if (rc < 0)
        return err_set(err, why.code, "%.160s cannot be unmounted now: %s", row->record.path, why.text);
    rc = put_unmount(m, call, row, err);
    m->options.let_go(m->options.detach_arg, row->record.id);
    return rc;
}

static int remove_in(struct mounts *m, const struct call *call, struct mount_table *t, const char *path, const char *if_match, struct err *err)
{
    struct mount_row *row = NULL;
    TRY(find_point(t, path, if_match, &row, err));
    if (!row->record.path[1])
        return err_set(err, ERR_CONFLICT, "the root mount cannot be unmounted");
    for (size_t i = 0; i < t->count; i++)
        if (&t->rows[i] != row && path_is_below(t->rows[i].record.path, row->record.path))
            return err_set(err, ERR_NOT_EMPTY, "%.100s holds the mount point %.100s: unmount that first", row->record.path,
                           t->rows[i].record.path);
    if (!m->options.detach)
        return err_set(err, ERR_NOT_SUPPORTED, "this build cannot unmount");
    return unmount_quiet(m, call, row, err);
}

int mounts_remove(void *impl, const struct call *call, const char *path, const char *if_match, struct err *err)
{
    TRY(need_role(call, ROLE_ADMIN, err));
    for (int i = 0;; i++) {
        struct mount_table *t;
        TRY(mounts_table_get(impl, &t, err));
        int rc = remove_in(impl, call, t, path, if_match, err);
        mounts_table_put(t);
        if (rc != -ERR_STALE || i == TRIES)
            return rc;
    }
}

/* ---- maintenance ---- */
static bool is_root_of_any(struct mount_table *t, const char *uri)
{
    for (size_t i = 0; i < t->count; i++)
        if (mounts_record_is_below(t->rows[i].record.uri, uri))
            return true;
    return false;
}

int mounts_set_mode(void *impl, const struct call *call, const char *ufs_root, enum mount_mode mode, struct err *err)
{
    struct mounts *m = impl;
    struct mount_table *t;
    AUTO(entry) e = {0};
    AUTO_FREE char *uri = mounts_record_uri(ufs_root);
    TRY(need_role(call, ROLE_OPERATOR, err));
    TRY(mounts_table_get(m, &t, err));
    bool found = is_root_of_any(t, uri);
    mounts_table_put(t);
    if (!found) {
        err_set(err, ERR_NOT_FOUND, "no mount uses the store %.160s", uri);
        return err_field(err, "ufs");
    }
    entry_init(&e, ENTRY_UPDATE_MOUNT, call->now_ms);
    const char *name = mount_mode_name(mode);
    if (mode == MOUNT_READ_WRITE)
        entry_remove_record(&e, RECORD_UFS_MODE, uri);
    else
        entry_put_record(&e, RECORD_UFS_MODE, uri, name, strlen(name));
    return propose(m, call, &e, err);
}
