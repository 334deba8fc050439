/* SPDX-License-Identifier: Apache-2.0
 *
 * test_store_fixture: see the header.
 */
#include "test_store_fixture.h"

#include "base/clock.h"
#include "base/file_util.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void must(int rc, const struct err *err)
{
    if (rc < 0) {
        fprintf(stderr, "%s (%s:%d)\n", err->text, err->file, err->line);
        abort();
    }
}

struct call store_fixture_call(struct store_fixture *f)
{
    f->result = (struct call_result){0};
    return call_system("test", clock_mono_ms() + 20000, &f->result);
}

static int fake_persist(void *impl, const struct call *call, const struct content_ref *c, struct write_outcome *ret, struct err *err)
{
    struct store_fixture *f = impl;
    const struct store_api *stores = master_store_api(f->m);
    struct mount_store s;
    struct source_mem from;
    struct ufs_stat st;
    struct ufs_call uc = {.deadline_ms = call->deadline_ms};
    __atomic_add_fetch(&f->persists, 1, __ATOMIC_RELAXED);
    if (__atomic_fetch_sub(&f->persist_failures, 1, __ATOMIC_RELAXED) > 0)
        return err_set(err, ERR_STORE_BUSY, "slow down");
    TRY(stores->get(stores->impl, c->mount, true, &s, err));
    source_mem_init(&from, "persisted", 9);
    int rc = ufs_write(s.ufs, &uc, c->key, &from.source, false, &st, err);
    stores->put(stores->impl, &s);
    TRY(rc);
    *ret = (struct write_outcome){.length = 9, .store_mtime_ms = st.mtime_ms, .is_cached = true, .is_in_store = true};
    memcpy(ret->etag, st.etag, sizeof ret->etag);
    return 0;
}

static void fake_committed(void *impl, const struct content_ref *c)
{
    (void)impl, (void)c;
}

static uint64_t fake_drop(void *impl, content_id cid, bool also_dirty)
{
    (void)impl, (void)cid, (void)also_dirty;
    return 0;
}

static void fake_pin(void *impl, content_id cid, bool is_pinned)
{
    (void)impl, (void)cid, (void)is_pinned;
}

void store_fixture_start(struct store_fixture *f)
{
    struct err err = {0};
    struct master_options o = {.data = &f->data, .key = &f->key, .umask = 022, .store_timeout_ms = 5000, .persist_retry_max_ms = 200};
    f->m = master_new(&o);
    struct meta_listener l = {.arg = f->m, .record_changed = master_on_record_changed, .content_gone = master_on_content_gone,
                              .marked = master_on_marked};
    must(meta_open(&f->options, &l, clock_mono_ms() + 20000, &f->meta, &err), &err);
    must(master_start(f->m, f->meta, &err), &err);
}

void store_fixture_stop(struct store_fixture *f)
{
    master_stop(f->m);
    meta_close(f->meta);
    master_free(f->m);
}

void store_fixture_init(struct store_fixture *f)
{
    struct err err = {0};
    memset(f, 0, sizeof *f);
    snprintf(f->dir, sizeof f->dir, "/tmp/store-test-XXXXXX");
    if (!mkdtemp(f->dir))
        abort();
    snprintf(f->meta_dir, sizeof f->meta_dir, "%s/meta", f->dir);
    snprintf(f->journal_dir, sizeof f->journal_dir, "%s/journal", f->dir);
    snprintf(f->store_dir, sizeof f->store_dir, "%s/store", f->dir);
    if (mkdir(f->store_dir, 0755))
        abort();
    f->options = (struct meta_options){.dir = f->meta_dir, .journal_dir = f->journal_dir, .cache_bytes = 8 << 20, .readers = 4,
                                       .sqlite_cache_bytes = 8 << 20, .journal_reserve_bytes = 1 << 20, .address = "127.0.0.1:19200"};
    f->data = (struct data_api){.impl = f, .persist = fake_persist, .committed = fake_committed, .drop = fake_drop, .pin = fake_pin};
    crypto_random(&f->key, sizeof f->key);
    AUTO(entry) first = {0};
    entry_init(&first, ENTRY_FORMAT, clock_wall_ms());
    must(mounts_root_record(&first, f->store_dir, NULL, &f->key, &err), &err);
    must(meta_format(&f->options, "alice", "staff", &first, &err), &err);
    store_fixture_start(f);
}

void store_fixture_done(struct store_fixture *f)
{
    struct err err = {0};
    store_fixture_stop(f);
    must(file_remove_tree(f->dir, &err), &err);
}

void store_fixture_write(struct store_fixture *f, const char *key, const char *text)
{
    char path[400];
    snprintf(path, sizeof path, "%s/%s", f->store_dir, key);
    for (char *p = path + strlen(f->store_dir) + 1; (p = strchr(p, '/')); p++) {
        *p = 0;
        mkdir(path, 0755);
        *p = '/';
    }
    FILE *out = fopen(path, "w");
    if (!out || fputs(text, out) < 0 || fclose(out))
        abort();
}

bool store_fixture_has(struct store_fixture *f, const char *key)
{
    char path[400];
    snprintf(path, sizeof path, "%s/%s", f->store_dir, key);
    return access(path, F_OK) == 0;
}

static int add_name(void *arg, const struct file_info *info, struct err *err)
{
    struct buf *b = arg;
    (void)err;
    buf_addf(b, "%s%s", b->len ? " " : "", info->name);
    return 0;
}

char *store_fixture_list(struct store_fixture *f, const char *path)
{
    struct call call = store_fixture_call(f);
    const struct meta_api *api = master_meta_api(f->m);
    struct list_options o = {.read = {.sync_interval_ms = -2}, .position = -1};
    struct list_result r = {0};
    struct err err = {0};
    AUTO(buf) b = {0};
    buf_init(&b, 1 << 20);
    if (api->list(api->impl, &call, path, &o, add_name, &b, &r, &err) < 0)
        buf_addf(&b, "error: %s", err.text);
    return buf_take(&b);
}

int store_fixture_stat(struct store_fixture *f, const char *path, struct inode *ret)
{
    struct call call = store_fixture_call(f);
    const struct meta_api *api = master_meta_api(f->m);
    struct read_options o = {.sync_interval_ms = -2};
    struct read_plan plan = {0};
    int rc = api->stat(api->impl, &call, path, &o, &plan, NULL);
    if (rc < 0)
        return rc;
    if (ret)
        *ret = plan.info.inode;
    read_plan_done(&plan);
    return 0;
}

int store_fixture_put(struct store_fixture *f, const char *path, enum write_type type, struct err *err)
{
    struct call call = store_fixture_call(f);
    const struct meta_api *api = master_meta_api(f->m);
    struct create_options o = {.is_recursive = true, .overwrite = true, .mode = -1, .write_type = type, .ttl_ms = -2, .replication_max = -1};
    struct write_outcome out = {.length = 9, .is_cached = true, .is_durable = true};
    struct write_plan plan = {0};
    int rc = api->write_begin(api->impl, &call, path, &o, &plan, err);
    if (rc < 0)
        return rc;
    rc = api->write_commit(api->impl, &call, &plan, &out, err);
    if (rc < 0)
        api->write_abort(api->impl, &call, &plan);
    return rc;
}

bool store_fixture_until(bool (*is_true)(void *arg), void *arg, int64_t ms)
{
    int64_t deadline = clock_mono_ms() + ms;
    while (!is_true(arg)) {
        if (clock_is_past(deadline))
            return false;
        poll(NULL, 0, 20);
    }
    return true;
}
