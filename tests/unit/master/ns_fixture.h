/* SPDX-License-Identifier: Apache-2.0
 *
 * A master over a real meta in a folder of its own, with a store as its root: for tests of operations through meta_api.
 */
#pragma once
#include "api/path.h"
#include "base/clock.h"
#include "base/file_util.h"
#include "base/mem.h"
#include "master/master.h"
#include "master/mounts.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct ns {
    char dir[64];
    char *db, *log, *uri;
    struct crypto_key key;
    struct meta *meta;
    struct master *m;
    const struct meta_api *api;
    struct call_result result;
    struct err err;
};

static const char *const ann_groups[] = {"staff"};
static const struct identity ann = {.user = "ann", .group_count = 1, .groups = ann_groups, .can_write = true, .scope = "/"};
static const struct identity bob = {.user = "bob", .can_write = true, .scope = "/"};
static const struct identity reader = {.user = "bob", .can_write = false, .scope = "/"};

static inline struct call ns_call(struct ns *n, const struct identity *who)
{
    n->result = (struct call_result){0};
    n->err = (struct err){0};
    struct call c = call_system("test", clock_mono_ms() + 20000, &n->result);
    c.who = who ? who : &identity_system;
    return c;
}

static inline void ns_open(struct ns *n)
{
    struct meta_options o = {.dir = n->db, .journal_dir = n->log, .cache_bytes = 4u << 20, .sqlite_cache_bytes = 4u << 20, .readers = 4, .journal_reserve_bytes = 1u << 20, .address = "127.0.0.1:0"};
    struct master_options mo = {.key = &n->key, .umask = 022, .supergroup = "supergroup", .write_type = WRITE_MUST_CACHE};
    n->m = master_new(&mo);
    struct meta_listener l = {n->m, master_on_record_changed, master_on_content_gone, master_on_marked};
    if (meta_open(&o, &l, clock_mono_ms() + 20000, &n->meta, &n->err) || master_start(n->m, n->meta, &n->err))
        fail_msg("start: %s", n->err.text);
    n->api = master_meta_api(n->m);
}

static inline void ns_close(struct ns *n)
{
    master_stop(n->m);
    meta_close(n->meta);
    master_free(n->m);
}

/* `uri` NULL: a folder beside the database. */
static inline struct ns *ns_new(const char *uri)
{
    struct ns *n = xnew(struct ns);
    snprintf(n->dir, sizeof n->dir, "/tmp/isthmus-ns-XXXXXX");
    assert_non_null(mkdtemp(n->dir));
    n->db = xasprintf("%s/db", n->dir);
    n->log = xasprintf("%s/log", n->dir);
    n->uri = uri ? xstrdup(uri) : xasprintf("%s/store", n->dir);
    assert_int_equal(file_mkdirs(n->log, 0700, &n->err), 0);
    if (!uri)
        assert_int_equal(file_mkdirs(n->uri, 0755, &n->err), 0);
    struct meta_options o = {.dir = n->db, .journal_dir = n->log, .cache_bytes = 4u << 20, .sqlite_cache_bytes = 4u << 20, .readers = 4, .journal_reserve_bytes = 1u << 20, .address = "127.0.0.1:0"};
    AUTO(entry) e;
    entry_init(&e, ENTRY_FORMAT, clock_wall_ms());
    if (mounts_root_record(&e, n->uri, NULL, &n->key, &n->err) || meta_format(&o, "system", "system", &e, &n->err))
        fail_msg("format: %s", n->err.text);
    ns_open(n);
    return n;
}

static inline void ns_free(struct ns *n)
{
    ns_close(n);
    AUTO_FREE char *rm = xasprintf("rm -rf %s", n->dir);
    assert_int_equal(system(rm), 0);
    free(n->db);
    free(n->log);
    free(n->uri);
    free(n);
}

static inline int ns_mkdir(struct ns *n, const struct identity *who, const char *path, bool is_recursive)
{
    struct call c = ns_call(n, who);
    struct mkdir_options o = {.is_recursive = is_recursive, .mode = -1, .ttl_ms = -1};
    return n->api->mkdir(n->m, &c, path, &o, &n->err);
}

/* A file of `text`; with WRITE_THROUGH its bytes are put into the store as the data side would. */
static inline int ns_write_as(struct ns *n, const struct call *c, const char *path, const char *text, const struct create_options *o)
{
    struct write_plan plan = {0};
    struct write_outcome out = {.length = strlen(text), .is_cached = true};
    int rc = n->api->write_begin(n->m, c, path, o, &plan, &n->err);
    if (rc)
        return rc;
    if (plan.state && plan.type == WRITE_THROUGH) {
        const struct store_api *s = master_store_api(n->m);
        struct mount_store st;
        struct source_mem src;
        struct ufs_stat now;
        struct ufs_call uc = {c->deadline_ms, NULL};
        source_mem_init(&src, text, strlen(text));
        assert_int_equal(s->get(s->impl, plan.content.mount, true, &st, &n->err), 0);
        assert_int_equal(ufs_write(st.ufs, &uc, plan.content.key, &src.source, false, &now, &n->err), 0);
        s->put(s->impl, &st);
        memcpy(out.etag, now.etag, sizeof out.etag);
        out.store_mtime_ms = now.mtime_ms;
        out.is_in_store = true;
    }
    return n->api->write_commit(n->m, c, &plan, &out, &n->err);
}

static inline int ns_write(struct ns *n, const struct identity *who, const char *path, const char *text, enum write_type type, bool overwrite)
{
    struct call c = ns_call(n, who);
    struct create_options o = {.write_type = type, .mode = -1, .ttl_ms = -1, .replication_max = -1, .overwrite = overwrite, .is_recursive = true};
    return ns_write_as(n, &c, path, text, &o);
}

/* The inode of a path, or a negative error. */
static inline int ns_stat(struct ns *n, const struct identity *who, const char *path, struct inode *ret)
{
    struct call c = ns_call(n, who);
    struct read_options o = {.sync_interval_ms = -2};
    struct read_plan plan = {0};
    int rc = n->api->stat(n->m, &c, path, &o, &plan, &n->err);
    if (rc)
        return rc;
    if (ret)
        *ret = plan.info.inode;
    read_plan_done(&plan);
    return 0;
}

static inline int ns_remove(struct ns *n, const struct identity *who, const char *path, bool is_recursive)
{
    struct call c = ns_call(n, who);
    struct remove_options o = {.is_recursive = is_recursive};
    return n->api->remove(n->m, &c, path, &o, &n->err);
}

static inline int ns_rename(struct ns *n, const struct identity *who, const char *from, const char *to, bool overwrite)
{
    struct call c = ns_call(n, who);
    struct rename_options o = {.overwrite = overwrite};
    return n->api->rename(n->m, &c, from, to, &o, &n->err);
}

struct ns_names {
    char text[4096];
    size_t n;
};
static inline int ns_take_name(void *arg, const struct file_info *i, struct err *err)
{
    (void)err;
    struct ns_names *s = arg;
    size_t at = strlen(s->text);
    snprintf(s->text + at, sizeof s->text - at, "%s%s", s->n++ ? "," : "", i->path);
    return 0;
}
static inline int ns_list(struct ns *n, const struct identity *who, const char *path, const struct list_options *o, struct ns_names *ret,
                          struct list_result *result)
{
    struct call c = ns_call(n, who);
    struct list_options usual = {.read = {.sync_interval_ms = -2}, .position = -1};
    *ret = (struct ns_names){0};
    return n->api->list(n->m, &c, path, o ? o : &usual, ns_take_name, ret, result, &n->err);
}

/* Between two looks at work that goes on behind. */
static inline void ns_pause(void)
{
    nanosleep(&(struct timespec){0, 2000000}, NULL);
}

static inline bool ns_in_store(struct ns *n, const char *key)
{
    AUTO_FREE char *path = xasprintf("%s/%s", n->uri, key);
    return access(path, F_OK) == 0;
}
