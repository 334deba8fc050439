/* SPDX-License-Identifier: Apache-2.0
 *
 * mounts: the table in memory and the counted stores.  A change of a record raises `wanted` on the apply thread before the change
 * can be seen; the next reader that finds the table older reads all records again (there are few) without a lock and puts the new
 * table in place.  So whoever proposed a change sees it.  Changes are mounts_change.c, live tests mounts_test.c.  Threads: any.
 */
#include "master/mounts.h"

#include "api/path.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "master/mounts_circuit.h"
#include "master/mounts_table.h"

#include <stdio.h>
#include <string.h>

/* ---- making a table ---- */
struct making {
    struct mounts *m;
    struct mount_table *table, *old;
    size_t cap;
    struct err err;
};

static void make_tag(struct mount_row *row)
{
    uint8_t digest[SHA256_LEN];
    crypto_sha256(row->raw, row->raw_len, digest);
    row->tag[0] = '"';
    text_hex(digest, 16, row->tag + 1);
    row->tag[33] = '"';
    row->tag[34] = 0;
}

static struct mount_slot *slot_for(const struct mount_record *r, struct mount_table *old)
{
    struct mount_slot *fresh = mounts_slot_new(r);
    struct mount_row *before = old ? mounts_table_id(old, r->id) : NULL;
    if (!before || before->slot->opened_for != fresh->opened_for)
        return fresh;
    mounts_slot_put(fresh);
    return mounts_slot_ref(before->slot);
}

static int take_mount(void *arg, const char *key, const void *value, size_t len)
{
    struct making *k = arg;
    struct mount_table *t = k->table;
    if (!strcmp(key, MOUNT_LAST_KEY)) {
        uint64_t last = 0;
        AUTO_FREE char *text = xstrndup(value, len);
        if (text_parse_u64(text, &last, NULL) < 0)
            return err_set(&k->err, ERR_CORRUPT, "the highest mount id '%.20s' is not a number", text);
        t->last_id = (mount_id)last;
        t->has_last = true;
        return 0;
    }
    if (t->count == k->cap) {
        k->cap = k->cap ? k->cap * 2 : 16;
        t->rows = xrealloc(t->rows, k->cap * sizeof *t->rows);
    }
    struct mount_row *row = &t->rows[t->count];
    *row = (struct mount_row){.mode = MOUNT_READ_WRITE};
    TRY(mounts_record_read(value, len, &k->m->key, &row->record, &k->err));
    row->raw = xmemdup(value, len);
    row->raw_len = len;
    row->slot = slot_for(&row->record, k->old);
    make_tag(row);
    t->count++;
    return 0;
}

/* The strictest of the modes that hold for a store. */
static int take_mode(void *arg, const char *key, const void *value, size_t len)
{
    struct mount_table *t = ((struct making *)arg)->table;
    enum mount_mode mode;
    AUTO_FREE char *text = xstrndup(value, len);
    if (mount_mode_parse(text, &mode, NULL) < 0)
        return 0;
    for (size_t i = 0; i < t->count; i++)
        if (mounts_record_is_below(t->rows[i].record.uri, key) && mode > t->rows[i].mode)
            t->rows[i].mode = mode;
    return 0;
}

static int by_path(const void *a, const void *b)
{
    return strcmp(((const struct mount_row *)a)->record.path, ((const struct mount_row *)b)->record.path);
}

static int make_table(struct mounts *m, struct mount_table *old, struct mount_table **ret, struct err *err)
{
    struct making k = {.m = m, .old = old, .table = xnew(struct mount_table)};
    k.table->refs = 1;
    k.table->generation = __atomic_load_n(&m->wanted, __ATOMIC_ACQUIRE);
    int rc = meta_records(m->options.meta, RECORD_MOUNT, NULL, take_mount, &k, &k.err);
    if (rc == 0)
        rc = meta_records(m->options.meta, RECORD_UFS_MODE, NULL, take_mode, &k, &k.err);
    if (rc < 0) {
        mounts_table_put(k.table);
        if (err)
            *err = k.err;
        return rc;
    }
    if (k.table->count)
        qsort(k.table->rows, k.table->count, sizeof *k.table->rows, by_path);
    *ret = k.table;
    return 0;
}

void mounts_table_put(struct mount_table *t)
{
    if (!t || __atomic_sub_fetch(&t->refs, 1, __ATOMIC_ACQ_REL))
        return;
    for (size_t i = 0; i < t->count; i++) {
        mounts_record_done(&t->rows[i].record);
        mounts_slot_put(t->rows[i].slot);
        free(t->rows[i].raw);
    }
    free(t->rows);
    free(t);
}

static struct mount_table *ref_current(struct mounts *m)
{
    LOCK_SCOPE(&m->lock);
    if (m->table)
        __atomic_add_fetch(&m->table->refs, 1, __ATOMIC_RELAXED);
    return m->table;
}

/* Puts `fresh` in place unless somebody was faster; takes one reference of it for the caller. */
static struct mount_table *publish(struct mounts *m, struct mount_table *fresh)
{
    struct mount_table *drop = fresh;
    lock_take(&m->lock);
    if (!m->table || m->table->generation < fresh->generation) {
        drop = m->table;
        m->table = fresh;
    }
    struct mount_table *now = m->table;
    __atomic_add_fetch(&now->refs, 1, __ATOMIC_RELAXED);
    lock_drop(&m->lock);
    mounts_table_put(drop);
    return now;
}

int mounts_table_get(struct mounts *m, struct mount_table **ret, struct err *err)
{
    struct mount_table *t = ref_current(m), *fresh;
    if (t && t->generation >= __atomic_load_n(&m->wanted, __ATOMIC_ACQUIRE)) {
        *ret = t;
        return 0;
    }
    int rc = make_table(m, t, &fresh, err);
    mounts_table_put(t);
    TRY(rc);
    *ret = publish(m, fresh);
    return 0;
}

/* ---- finding ---- */
struct mount_row *mounts_table_at(struct mount_table *t, const char *path)
{
    for (size_t i = 0; i < t->count; i++)
        if (!strcmp(t->rows[i].record.path, path))
            return &t->rows[i];
    return NULL;
}

struct mount_row *mounts_table_over(struct mount_table *t, const char *path)
{
    struct mount_row *best = NULL;
    for (size_t i = 0; i < t->count; i++) /* sorted: a longer prefix comes later */
        if (path_is_below(path, t->rows[i].record.path))
            best = &t->rows[i];
    return best;
}

struct mount_row *mounts_table_id(struct mount_table *t, mount_id id)
{
    for (size_t i = 0; i < t->count; i++)
        if (t->rows[i].record.id == id)
            return &t->rows[i];
    return NULL;
}

int mounts_resolve(struct mounts *m, const char *path, struct mount_at *ret, struct err *err)
{
    struct mount_table *t;
    TRY(mounts_table_get(m, &t, err));
    struct mount_row *row = mounts_table_over(t, path);
    if (!row) {
        mounts_table_put(t);
        return err_set(err, ERR_INTERNAL, "no store is mounted at the root");
    }
    size_t root_len = strlen(row->record.path);
    *ret = (struct mount_at){.id = row->record.id,
                             .root_len = root_len,
                             .relative = path + root_len + (root_len > 1 && path[root_len] == '/'),
                             .is_read_only = row->record.is_read_only,
                             .is_shared = row->record.is_shared,
                             .mode = row->mode,
                             .freshness = row->record.freshness,
                             .interval_ms = row->record.interval_ms,
                             .generation = t->generation};
    mounts_table_put(t);
    return 0;
}

int mounts_uri_of(struct mounts *m, mount_id id, const char *key, struct buf *to, struct err *err)
{
    struct mount_table *t;
    TRY(mounts_table_get(m, &t, err));
    struct mount_row *row = mounts_table_id(t, id);
    if (row) {
        size_t n = strlen(row->record.uri);
        buf_adds(to, row->record.uri);
        if (key[0] && (!n || row->record.uri[n - 1] != '/'))
            buf_addc(to, '/');
        buf_adds(to, key);
    }
    mounts_table_put(t);
    return row ? 0 : err_set(err, ERR_NOT_FOUND, "there is no mount %u", id);
}

int mounts_path_of(struct mounts *m, mount_id id, struct buf *to, struct err *err)
{
    struct mount_table *t;
    TRY(mounts_table_get(m, &t, err));
    struct mount_row *row = mounts_table_id(t, id);
    if (row)
        buf_adds(to, row->record.path);
    mounts_table_put(t);
    return row ? 0 : err_set(err, ERR_NOT_FOUND, "there is no mount %u", id);
}

static int refuse_mode(struct mounts *m, const struct mount_at *at, const char *what, struct err *err)
{
    AUTO(buf) uri = {0};
    buf_init(&uri, PATH_MAX_BYTES * 2);
    if (mounts_uri_of(m, at->id, at->relative, &uri, NULL) < 0)
        buf_adds(&uri, "?");
    return err_set(err, ERR_MAINTENANCE, "Operation %s not allowed on ufs path %.120s under maintenance mode %s", what, buf_str(&uri),
                   mount_mode_name(at->mode));
}

int mounts_check(struct mounts *m, const struct mount_at *at, const char *path, bool for_write, const char *what, struct err *err)
{
    if (for_write && at->is_read_only)
        return err_set(err, ERR_READ_ONLY, "A write operation on %.100s under a readonly mount point %.*s is not allowed", path,
                       (int)(at->root_len < 80 ? at->root_len : 80), path);
    if (at->mode == MOUNT_NO_ACCESS || (for_write && at->mode == MOUNT_READ_ONLY))
        return refuse_mode(m, at, what, err);
    return 0;
}

bool mounts_has_below(struct mounts *m, const char *path)
{
    struct mount_table *t;
    bool found = false;
    if (mounts_table_get(m, &t, NULL) < 0)
        return true; /* refuses a removal rather than losing a mount */
    for (size_t i = 0; i < t->count && !found; i++)
        found = path_is_below(t->rows[i].record.path, path) && strcmp(t->rows[i].record.path, path);
    mounts_table_put(t);
    return found;
}

uint64_t mounts_generation(struct mounts *m)
{
    return __atomic_load_n(&m->wanted, __ATOMIC_ACQUIRE);
}

/* ---- stores ---- */
static int may_use(const struct mount_row *row, bool for_write, struct err *err)
{
    if (for_write && row->record.is_read_only)
        return err_set(err, ERR_READ_ONLY, "the mount %.120s is read-only", row->record.path);
    if (row->mode == MOUNT_NO_ACCESS || (for_write && row->mode == MOUNT_READ_ONLY))
        return err_set(err, ERR_MAINTENANCE, "Operation %s not allowed on ufs path %.120s under maintenance mode %s",
                       for_write ? "write" : "read", row->record.uri, mount_mode_name(row->mode));
    return 0;
}

static int get_from(struct mount_table *t, mount_id id, bool for_write, struct mount_use *ret, struct err *err)
{
    struct mount_row *row = mounts_table_id(t, id);
    struct ufs *u;
    if (!row)
        return err_set(err, ERR_NOT_FOUND, "there is no mount %u", id);
    TRY(may_use(row, for_write, err));
    TRY(mounts_slot_open(row->slot, &row->record, &u, err));
    *ret = (struct mount_use){.ufs = u, .capabilities = ufs_capabilities(u), .slot = mounts_slot_ref(row->slot)};
    return 0;
}

int mounts_store_get(struct mounts *m, mount_id id, bool for_write, struct mount_use *ret, struct err *err)
{
    struct mount_table *t;
    TRY(mounts_table_get(m, &t, err));
    int rc = get_from(t, id, for_write, ret, err);
    mounts_table_put(t);
    return rc;
}

void mounts_store_put(struct mounts *m, struct mount_use *u)
{
    (void)m;
    mounts_slot_put(u->slot);
    *u = (struct mount_use){0};
}

struct ufs_call mounts_call(const struct mounts *m, const struct call *call)
{
    int64_t own = clock_mono_ms() + m->options.store_timeout_ms;
    return (struct ufs_call){.deadline_ms = call->deadline_ms < own ? call->deadline_ms : own, .request_id = call->request_id};
}

void mounts_default_modes(struct mounts *m, mount_id id, unsigned *ret_file, unsigned *ret_directory)
{
    struct mount_use u = {0};
    *ret_file = 0644;
    *ret_directory = 0755;
    if (mounts_store_get(m, id, false, &u, NULL) < 0)
        return;
    *ret_file = u.slot->mode_file;
    *ret_directory = u.slot->mode_directory;
    mounts_store_put(m, &u);
}

/* ---- life ---- */
int mounts_open(const struct mounts_options *o, struct mounts **ret, struct err *err)
{
    struct mounts *m = xnew(struct mounts);
    struct mount_table *t;
    m->options = *o;
    if (m->options.store_timeout_ms <= 0)
        m->options.store_timeout_ms = 30000;
    m->key = *o->key;
    m->wanted = 1;
    lock_init(&m->lock, RANK_MASTER);
    m->pool = pool_new("mounts", 4, 256);
    int rc = mounts_table_get(m, &t, err);
    if (rc < 0) {
        mounts_close(m);
        return rc;
    }
    mounts_table_put(t);
    *ret = m;
    return 0;
}

void mounts_close(struct mounts *m)
{
    if (!m)
        return;
    pool_free(m->pool);
    mounts_table_put(m->table);
    lock_done(&m->lock);
    free(m);
}

void mounts_on_record_changed(struct mounts *m, enum record_kind kind, const char *key, uint64_t index)
{
    (void)key, (void)index;
    if (kind == RECORD_MOUNT || kind == RECORD_UFS_MODE)
        __atomic_add_fetch(&m->wanted, 1, __ATOMIC_ACQ_REL);
}

/* ---- the API ---- */
static int list_row(struct mount_row *row, int (*each)(void *arg, const struct mount_info *), void *arg)
{
    const struct mount_record *r = &row->record;
    const struct ufs_driver *d = ufs_driver_for(r->uri);
    struct mount_option *options = r->option_count ? xcalloc(r->option_count, sizeof *options) : NULL;
    struct ufs_stats stats = {0};
    for (size_t i = 0; i < r->option_count; i++)
        options[i] = (struct mount_option){r->options[i].name,
                                           mounts_record_is_secret(r->uri, r->options[i].name) ? MOUNT_MASK : r->options[i].value};
    struct mount_info info = {.id = r->id, .path = r->path, .uri = r->uri, .kind = d ? d->name : "unknown",
                              .is_read_only = r->is_read_only, .is_shared = r->is_shared, .mode = row->mode,
                              .freshness = r->freshness, .interval_ms = r->interval_ms, .option_count = r->option_count,
                              .options = options, .tag = row->tag};
    lock_take(&row->slot->lock);
    struct ufs *u = row->slot->ufs;
    bool failed = row->slot->has_failed, answered = row->slot->has_answered;
    info.total_bytes = row->slot->space.total_bytes;
    info.used_bytes = row->slot->space.used_bytes;
    info.last_check_ms = row->slot->last_check_ms;
    lock_drop(&row->slot->lock);
    if (u)
        ufs_stats_get(u, &stats);
    info.calls = stats.calls, info.errors = stats.errors;
    info.bytes_read = stats.bytes_read, info.bytes_written = stats.bytes_written;
    info.last_error_ms = stats.last_error_ms;
    info.last_error = r->failure ? r->failure : stats.last_error;
    info.health = r->failure || failed || mounts_circuit_is_broken(u) ? "failing" : answered ? "ok" : "unknown";
    int rc = each(arg, &info);
    free(options);
    return rc;
}

static int mounts_list(void *impl, const struct call *call, int (*each)(void *arg, const struct mount_info *), void *arg, struct err *err)
{
    struct mounts *m = impl;
    struct mount_table *t;
    int rc = 0;
    (void)call;
    TRY(mounts_table_get(m, &t, err));
    for (size_t i = 0; i < t->count && rc == 0; i++) {
        mounts_slot_refresh(m, &t->rows[i]);
        rc = list_row(&t->rows[i], each, arg);
    }
    mounts_table_put(t);
    return rc;
}

static int store_get(void *impl, mount_id id, bool for_write, struct mount_store *ret, struct err *err)
{
    struct mount_use u;
    TRY(mounts_store_get(impl, id, for_write, &u, err));
    *ret = (struct mount_store){.ufs = u.ufs, .handle = u.slot};
    return 0;
}

static void store_put(void *impl, struct mount_store *s)
{
    (void)impl;
    mounts_slot_put(s->handle);
    *s = (struct mount_store){0};
}

void mounts_fill_api(struct mounts *m, struct mount_api *ret, struct store_api *ret_store)
{
    *ret = (struct mount_api){.impl = m, .list = mounts_list, .add = mounts_add, .update = mounts_update, .remove = mounts_remove,
                              .set_mode = mounts_set_mode, .test = mounts_test, .kinds = mounts_kinds};
    *ret_store = (struct store_api){.impl = m, .get = store_get, .put = store_put};
}
