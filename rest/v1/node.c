/* SPDX-License-Identifier: Apache-2.0
 *
 * node: the daemon itself over REST: health, overview, worker, journal, backup, doctor, settings, logs.
 * Threads: any.
 */
#include "base/conf.h"
#include "base/log.h"
#include "base/metrics.h"
#include "rest/v1/rq.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static int changed(struct rq *q)
{
    rq_put_change(q);
    return 0;
}

int route_health(struct rq *q, struct err *err)
{
    (void)err;
    json_begin_object(&q->json, NULL);
    json_put_string(&q->json, "status", "ok");
    json_end_object(&q->json);
    return 0;
}

int route_openapi(struct rq *q, struct err *err)
{
    (void)err;
    buf_adds(&q->out, q->rest->openapi);
    return 0;
}

/* ---- what the node holds ---- */

static void put_worker(struct json_out *o, const char *key, const struct data_status *d)
{
    json_begin_object(o, key);
    json_put_string(o, "name", "local");
    json_put_string(o, "state", "in_service");
    json_put_time(o, "started", d->started_ms);
    json_begin_array(o, "tiers");
    for (size_t i = 0; i < d->tier_count; i++) {
        const struct tier_status *t = &d->tiers[i];
        json_begin_object(o, NULL);
        json_put_string(o, "alias", t->alias);
        json_put_string(o, "path", t->path);
        json_put_u64(o, "quota_bytes", t->quota_bytes);
        json_put_u64(o, "used_bytes", t->used_bytes);
        json_put_u64(o, "pinned_bytes", t->pinned_bytes);
        json_put_u64(o, "dirty_bytes", t->dirty_bytes);
        json_put_bool(o, "ok", t->is_ok);
        json_put_string(o, "failure", *t->failure ? t->failure : NULL);
        json_end_object(o);
    }
    json_end_array(o);
    json_put_u64(o, "blocks", d->blocks);
    json_put_u64(o, "pages", d->pages);
    json_put_u64(o, "hits", d->hits);
    json_put_u64(o, "misses", d->misses);
    json_put_u64(o, "evicted_pages", d->evicted_pages);
    json_put_u64(o, "bad_pages", d->bad_pages);
    json_put_u64(o, "bytes_from_cache", d->bytes_from_cache);
    json_put_u64(o, "bytes_from_store", d->bytes_from_store);
    json_put_u64(o, "bytes_written", d->bytes_written);
    json_end_object(o);
}

static void put_journal(struct json_out *o, const char *key, const struct journal_status *j)
{
    json_begin_object(o, key);
    json_put_string(o, "state", j->state);
    json_put_string(o, "engine", j->engine);
    json_put_u64(o, "term", j->term);
    json_put_id(o, "last_index", j->last_index);
    json_put_id(o, "applied_index", j->applied_index);
    json_put_id(o, "durable_index", j->durable_index);
    json_put_id(o, "snapshot_index", j->snapshot_index);
    json_put_u64(o, "entries_since_checkpoint", j->entries_since_checkpoint);
    json_put_u64(o, "log_bytes", j->log_bytes);
    json_put_u64(o, "disk_bytes", j->disk_bytes);
    json_put_u64(o, "database_bytes", j->database_bytes);
    json_put_u64(o, "wal_bytes", j->wal_bytes);
    json_put_time(o, "last_checkpoint", j->last_checkpoint_ms);
    json_end_object(o);
}

static void put_counts(struct json_out *o, const struct namespace_counts *c)
{
    json_begin_object(o, "namespace");
    json_put_u64(o, "inodes", c->inodes);
    json_put_u64(o, "files", c->files);
    json_put_u64(o, "directories", c->directories);
    json_put_u64(o, "to_persist", c->to_persist);
    json_put_u64(o, "pinned", c->pinned);
    json_put_u64(o, "lost", c->lost);
    json_end_object(o);
}

static int attention_mount(void *arg, const struct mount_info *m)
{
    struct json_out *o = arg;
    if (strcmp(m->health, "failing"))
        return 0;
    json_begin_object(o, NULL);
    json_put_string(o, "code", "mount_failing");
    json_put_string(o, "subject", m->path);
    json_put_string(o, "text", m->last_error ? m->last_error : "");
    json_end_object(o);
    return 0;
}

static int attention_finding(void *arg, const struct finding *f)
{
    struct json_out *o = arg;
    json_begin_object(o, NULL);
    json_put_string(o, "code", f->code);
    json_put_string(o, "subject", f->severity);
    json_put_string(o, "text", f->text);
    json_end_object(o);
    return 0;
}

int route_overview(struct rq *q, struct err *err)
{
    const struct admin_api *admin = fs_admin(q->fs);
    const struct data_api *data = fs_data(q->fs);
    const struct mount_api *mounts = fs_mounts(q->fs);
    struct journal_status j = {0};
    struct namespace_counts c = {0};
    struct data_status d = {0};
    admin->journal(admin->impl, &j);
    admin->counts(admin->impl, &c);
    data->status(data->impl, &d);
    json_begin_object(&q->json, NULL);
    json_put_string(&q->json, "node", q->rest->o.node);
    json_put_string(&q->json, "version", ISTHMUS_VERSION);
    put_counts(&q->json, &c);
    put_worker(&q->json, "worker", &d);
    put_journal(&q->json, "journal", &j);
    json_begin_array(&q->json, "attention");
    TRY(mounts->list(mounts->impl, &q->call, attention_mount, &q->json, err));
    TRY(admin->attention(admin->impl, &q->call, attention_finding, &q->json, err));
    json_end_array(&q->json);
    json_end_object(&q->json);
    return 0;
}

int route_workers_list(struct rq *q, struct err *err)
{
    (void)err;
    const struct data_api *data = fs_data(q->fs);
    struct data_status d = {0};
    data->status(data->impl, &d);
    json_begin_object(&q->json, NULL);
    json_begin_array(&q->json, "items");
    put_worker(&q->json, NULL, &d);
    rq_end_list(q, NULL, 1);
    json_end_object(&q->json);
    return 0;
}

int route_journal_get(struct rq *q, struct err *err)
{
    (void)err;
    const struct admin_api *admin = fs_admin(q->fs);
    struct journal_status j = {0};
    admin->journal(admin->impl, &j);
    put_journal(&q->json, NULL, &j);
    return 0;
}

int route_journal_checkpoint(struct rq *q, struct err *err)
{
    const struct admin_api *admin = fs_admin(q->fs);
    if (!q->call.is_dry_run)
        TRY(admin->checkpoint(admin->impl, &q->call, err));
    return changed(q);
}

/* The answer begins with the first byte, so that a refusal is still an error in words. */
struct backup_sink {
    struct sink sink;
    struct rq *q;
};

static int backup_push(struct sink *sink, const struct slice *s, struct err *err)
{
    struct rq *q = ((struct backup_sink *)sink)->q;
    if (!http_is_answered(q->http)) {
        http_add_header(q->http, "X-Request-Id", q->request_id);
        http_add_header(q->http, "Content-Disposition", "attachment; filename=isthmus-backup.isb");
        http_begin(q->http, 200, "application/octet-stream", -1);
    }
    struct sink *to = http_sink(q->http);
    return to->push(to, s, err);
}

int route_backups_create(struct rq *q, struct err *err)
{
    const struct admin_api *admin = fs_admin(q->fs);
    struct backup_sink s = {.sink.push = backup_push, .q = q};
    uint64_t entries;
    TRY(admin->backup(admin->impl, &q->call, rq_string(q, "passphrase", ""), &s.sink, &entries, err));
    if (q->call.is_dry_run)
        return changed(q);
    http_end(q->http, true);
    return 0;
}

static int finding_each(void *arg, const struct finding *f)
{
    struct json_out *o = arg;
    json_begin_object(o, NULL);
    json_put_string(o, "severity", f->severity);
    json_put_string(o, "code", f->code);
    json_put_string(o, "text", f->text);
    json_end_object(o);
    return 0;
}

int route_doctor(struct rq *q, struct err *err)
{
    const struct admin_api *admin = fs_admin(q->fs);
    json_begin_object(&q->json, NULL);
    json_begin_array(&q->json, "items");
    TRY(admin->doctor(admin->impl, &q->call, finding_each, &q->json, err));
    rq_end_list(q, NULL, -1);
    json_end_object(&q->json);
    return 0;
}

static int task_each(void *arg, const struct task_info *t)
{
    struct json_out *o = arg;
    json_begin_object(o, NULL);
    json_put_id(o, "id", t->id);
    json_put_string(o, "kind", t->kind);
    json_put_string(o, "path", t->path);
    json_put_string(o, "state", t->state);
    json_put_u64(o, "done", t->done);
    json_put_u64(o, "total", t->total);
    json_put_string(o, "error", t->error && *t->error ? t->error : NULL);
    json_put_time(o, "started", t->started_ms);
    json_end_object(o);
    return 0;
}

int route_tasks_list(struct rq *q, struct err *err)
{
    const struct admin_api *admin = fs_admin(q->fs);
    json_begin_object(&q->json, NULL);
    json_begin_array(&q->json, "items");
    TRY(admin->tasks(admin->impl, &q->call, task_each, &q->json, err));
    rq_end_list(q, NULL, -1);
    json_end_object(&q->json);
    return 0;
}

/* ---- settings ---- */

static void put_option(struct json_out *o, enum conf_id id)
{
    static const char *const types[] = {"text", "size", "duration", "int", "bool", "choice", "path", "secret"};
    const struct conf_option *c = conf_option(id);
    char source[512];
    json_begin_object(o, NULL);
    json_put_string(o, "key", c->key);
    json_put_string(o, "value", conf_shown(id));
    json_put_string(o, "default", c->value);
    json_put_string(o, "type", types[c->type]);
    json_put_string(o, "bounds", c->bounds);
    json_put_string(o, "source", conf_source_text(id, source));
    json_put_bool(o, "live", c->flags & CONF_LIVE);
    json_put_bool(o, "path_scope", c->flags & CONF_PATH_SCOPE);
    json_put_string(o, "help", c->help);
    json_end_object(o);
}

int route_config_get(struct rq *q, struct err *err)
{
    const char *key = rq_query(q, "key");
    enum conf_id only = 0;
    if (key && !conf_find(key, &only))
        return err_set(err, ERR_NOT_FOUND, "%.100s is not a setting", key);
    json_begin_object(&q->json, NULL);
    json_begin_array(&q->json, "items");
    for (unsigned id = 0; id < CONF_COUNT; id++)
        if (!key || id == only)
            put_option(&q->json, (enum conf_id)id);
    rq_end_list(q, NULL, key ? 1 : CONF_COUNT);
    json_end_object(&q->json);
    return 0;
}

int route_config_patch(struct rq *q, struct err *err)
{
    const struct json *values = json_get(q->body, "values"), *v;
    enum conf_id id;
    for (int pass = 0; pass < 2; pass++) { /* check all before changing any */
        for (const char *k = NULL; (k = json_next(values, k, &v));) {
            const struct conf_option *c = conf_find(k, &id);
            if (!c)
                return err_set(err, ERR_NOT_FOUND, "%.100s is not a setting", k);
            if (!(c->flags & CONF_LIVE))
                return err_set(err, ERR_CONFLICT, "%.100s needs a restart: set it in the file", k);
            TRY(pass && !q->call.is_dry_run ? conf_set_live(id, json_text(v, ""), err) : conf_check(id, json_text(v, ""), err));
        }
    }
    call_effect(&q->call, "info", "settings_changed", json_size(values), 0);
    return changed(q);
}

static int path_conf_each(void *arg, const char *path, const char *key, const char *value)
{
    struct json_out *o = arg;
    json_begin_object(o, NULL);
    json_put_string(o, "path", path);
    json_put_string(o, "key", key);
    json_put_string(o, "value", value);
    json_end_object(o);
    return 0;
}

int route_config_paths_get(struct rq *q, struct err *err)
{
    const struct meta_api *meta = fs_meta(q->fs);
    json_begin_object(&q->json, NULL);
    json_begin_array(&q->json, "items");
    TRY(meta->path_conf_list(meta->impl, &q->call, path_conf_each, &q->json, err));
    rq_end_list(q, NULL, -1);
    json_end_object(&q->json);
    return 0;
}

int route_config_paths_put(struct rq *q, struct err *err)
{
    const struct meta_api *meta = fs_meta(q->fs);
    rq_subject(q, rq_string(q, "path", ""));
    TRY(meta->path_conf_set(meta->impl, &q->call, rq_string(q, "path", ""), rq_string(q, "key", ""), rq_string(q, "value", NULL), err));
    return changed(q);
}

/* ---- logs and metrics ---- */

int route_log_levels_get(struct rq *q, struct err *err)
{
    (void)err;
    json_begin_object(&q->json, NULL);
    json_begin_array(&q->json, "items");
    for (unsigned i = 0; i < LOG_SUBSYSTEM_COUNT; i++) {
        json_begin_object(&q->json, NULL);
        json_put_string(&q->json, "subsystem", log_subsystem_name((enum log_subsystem)i));
        json_put_string(&q->json, "level", log_level_name(log_level_get((enum log_subsystem)i)));
        json_end_object(&q->json);
    }
    rq_end_list(q, NULL, LOG_SUBSYSTEM_COUNT);
    json_end_object(&q->json);
    return 0;
}

static bool is_subsystem(const char *name)
{
    bool is_one = !strcmp(name, "all");
    for (unsigned i = 0; i < LOG_SUBSYSTEM_COUNT && !is_one; i++)
        is_one = !strcmp(name, log_subsystem_name((enum log_subsystem)i));
    return is_one;
}

int route_log_levels_put(struct rq *q, struct err *err)
{
    const char *subsystem = rq_string(q, "subsystem", "");
    rq_subject(q, subsystem);
    if (!is_subsystem(subsystem)) {
        err_set(err, ERR_INVALID_ARGUMENT, "no subsystem is named '%.40s'", subsystem);
        return err_field(err, "subsystem");
    }
    if (!q->call.is_dry_run)
        TRY(log_level_set(subsystem, rq_string(q, "level", ""), err));
    return changed(q);
}

/* The last `lines` lines, looking back over at most 1 MiB. */
static int read_tail(const char *path, int64_t lines, struct buf *to, struct err *err)
{
    enum { BACK = 1 << 20 };
    struct stat st;
    AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st))
        return err_set_errno(err, ERR_IO, errno, "cannot read the log");
    off_t from = st.st_size > BACK ? st.st_size - BACK : 0;
    AUTO_FREE char *text = xmalloc(BACK + 1);
    ssize_t n = pread(fd, text, BACK, from);
    if (n < 0)
        return err_set_errno(err, ERR_IO, errno, "cannot read the log");
    char *start = text + n;
    for (int64_t seen = 0; start > text; start--)
        if (start[-1] == '\n' && start != text + n && ++seen == lines)
            break;
    buf_add(to, start, (size_t)(text + n - start));
    return 0;
}

int route_logs_get(struct rq *q, struct err *err)
{
    AUTO(buf) text = {.max = 2 << 20};
    if (!q->rest->o.log_path)
        return err_set(err, ERR_NOT_SUPPORTED, "the log goes to the terminal or the journal of the system");
    TRY(read_tail(q->rest->o.log_path, rq_int(q, "lines", 200), &text, err));
    json_begin_object(&q->json, NULL);
    json_begin_array(&q->json, "items");
    for (char *line = text.data; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL)
        json_put_string_n(&q->json, NULL, line, strcspn(line, "\n"));
    rq_end_list(q, NULL, -1);
    json_end_object(&q->json);
    return 0;
}

int route_metrics(struct rq *q, struct err *err)
{
    (void)err;
    json_begin_object(&q->json, NULL);
    json_begin_object(&q->json, "metrics");
    metrics_json(&q->json);
    json_end_object(&q->json);
    json_end_object(&q->json);
    return 0;
}

int route_metrics_clear(struct rq *q, struct err *err)
{
    (void)err;
    if (!q->call.is_dry_run)
        metrics_clear();
    return changed(q);
}
