/* SPDX-License-Identifier: Apache-2.0
 *
 * mounts: the mount table over REST.  Threads: any.
 */
#include "api/path.h"
#include "rest/v1/rq.h"

enum { OPTIONS_MAX = 64 };

static void put_mount(struct json_out *o, const struct mount_info *m)
{
    json_begin_object(o, NULL);
    json_put_u64(o, "id", m->id);
    json_put_string(o, "path", m->path);
    json_put_string(o, "uri", m->uri);
    json_put_string(o, "kind", m->kind);
    json_put_bool(o, "read_only", m->is_read_only);
    json_put_bool(o, "shared", m->is_shared);
    json_put_string(o, "mode", mount_mode_name(m->mode));
    json_put_string(o, "freshness", freshness_name(m->freshness));
    json_put_i64(o, "interval_ms", m->interval_ms);
    json_begin_object(o, "options");
    for (size_t i = 0; i < m->option_count; i++)
        json_put_string(o, m->options[i].name, m->options[i].value);
    json_end_object(o);
    json_put_i64(o, "total_bytes", m->total_bytes);
    json_put_i64(o, "used_bytes", m->used_bytes);
    json_put_string(o, "health", m->health);
    json_put_u64(o, "calls", m->calls);
    json_put_u64(o, "errors", m->errors);
    json_put_u64(o, "bytes_read", m->bytes_read);
    json_put_u64(o, "bytes_written", m->bytes_written);
    json_put_string(o, "last_error", m->last_error && *m->last_error ? m->last_error : NULL);
    json_put_time(o, "last_error_at", m->last_error_ms);
    json_put_time(o, "last_check", m->last_check_ms);
    json_put_string(o, "etag", m->tag);
    json_end_object(o);
}

struct mount_find {
    struct rq *q;
    const char *path; /* print the one at this path, or with NULL all */
    mount_id id;      /* find the path of this one */
    char found[PATH_MAX_BYTES + 1], uri[PATH_MAX_BYTES + 1];
    uint64_t count;
};

static int print_each(void *arg, const struct mount_info *m)
{
    struct mount_find *f = arg;
    if (f->path && strcmp(f->path, m->path))
        return 0;
    if (f->path)
        rq_put_tag(f->q, m->tag);
    put_mount(&f->q->json, m);
    f->count++;
    return 0;
}

static int find_each(void *arg, const struct mount_info *m)
{
    struct mount_find *f = arg;
    if (m->id == f->id) {
        snprintf(f->found, sizeof f->found, "%s", m->path);
        snprintf(f->uri, sizeof f->uri, "%s", m->uri);
    }
    return 0;
}

int route_mounts_list(struct rq *q, struct err *err)
{
    const struct mount_api *api = fs_mounts(q->fs);
    struct mount_find f = {.q = q};
    json_begin_object(&q->json, NULL);
    json_begin_array(&q->json, "items");
    TRY(api->list(api->impl, &q->call, print_each, &f, err));
    rq_end_list(q, NULL, (int64_t)f.count);
    json_end_object(&q->json);
    return 0;
}

static int print_one(struct rq *q, const char *path, struct err *err)
{
    const struct mount_api *api = fs_mounts(q->fs);
    struct mount_find f = {.q = q, .path = path};
    if (!q->call.is_dry_run)
        TRY(api->list(api->impl, &q->call, print_each, &f, err));
    if (q->call.is_dry_run || (q->result.is_replay && !f.count)) { /* done once, and unmounted since */
        rq_put_change(q);
        return 0;
    }
    return f.count ? 0 : err_set(err, ERR_NOT_FOUND, "nothing is mounted at %s", path);
}

struct spec {
    struct mount_spec spec;
    struct mount_option options[OPTIONS_MAX];
};

static int parse_spec(struct rq *q, struct spec *s, struct err *err)
{
    const struct json *options = json_get(q->body, "options"), *v;
    s->spec = (struct mount_spec){.path = rq_string(q, "path", ""), .uri = rq_string(q, "uri", ""),
                                  .is_read_only = rq_bool(q, "read_only", false), .is_shared = rq_bool(q, "shared", false),
                                  .interval_ms = json_i64(json_get(q->body, "interval_ms"), 0), .options = s->options,
                                  .if_match = rq_if_match(q)};
    TRY(freshness_parse(rq_string(q, "freshness", "never"), &s->spec.freshness, err));
    for (const char *k = NULL; options && (k = json_next(options, k, &v));) {
        if (s->spec.option_count == OPTIONS_MAX)
            return err_set(err, ERR_TOO_LARGE, "more than %d options", OPTIONS_MAX);
        if (json_kind_of(v) == JSON_STRING)
            s->options[s->spec.option_count++] = (struct mount_option){k, json_text(v, "")};
    }
    return 0;
}

int route_mounts_create(struct rq *q, struct err *err)
{
    const struct mount_api *api = fs_mounts(q->fs);
    struct spec s;
    mount_id id;
    char clean[PATH_MAX_BYTES + 1];
    TRY(parse_spec(q, &s, err));
    rq_subject(q, s.spec.path);
    if (!q->result.is_replay)
        TRY(api->add(api->impl, &q->call, &s.spec, &id, err));
    TRY(path_clean(s.spec.path, clean, err));
    return print_one(q, clean, err);
}

int route_mounts_test(struct rq *q, struct err *err)
{
    const struct mount_api *api = fs_mounts(q->fs);
    struct spec s;
    struct mount_test_step steps[16];
    size_t n = 0;
    bool is_ok = true;
    TRY(parse_spec(q, &s, err));
    if (q->call.is_dry_run) { /* the test itself writes to the store */
        rq_put_change(q);
        return 0;
    }
    q->call.deadline_ms = clock_mono_ms() + 10000;
    TRY(api->test(api->impl, &q->call, &s.spec, steps, array_len(steps), &n, err));
    json_begin_object(&q->json, NULL);
    json_begin_array(&q->json, "steps");
    for (size_t i = 0; i < n; i++) {
        json_begin_object(&q->json, NULL);
        json_put_string(&q->json, "step", steps[i].name);
        json_put_string(&q->json, "state", steps[i].state);
        json_put_i64(&q->json, "ms", steps[i].ms);
        if (!strcmp(steps[i].state, "failed")) {
            is_ok = false;
            json_begin_object(&q->json, "error");
            json_put_string(&q->json, "code", err_name(steps[i].err.code));
            json_put_string(&q->json, "message", steps[i].err.text);
            json_put_string(&q->json, "field", steps[i].err.field[0] ? steps[i].err.field : NULL);
            json_end_object(&q->json);
        }
        json_end_object(&q->json);
    }
    json_end_array(&q->json);
    json_put_bool(&q->json, "ok", is_ok && n);
    json_end_object(&q->json);
    return 0;
}

static int find_mount(struct rq *q, struct mount_find *f, struct err *err)
{
    const struct mount_api *api = fs_mounts(q->fs);
    uint64_t id;
    *f = (struct mount_find){.q = q};
    if (text_parse_u64(q->target, &id, NULL) || id == 0 || id > UINT32_MAX)
        return err_set(err, ERR_NOT_FOUND, "no mount has the id '%.40s'", q->target);
    f->id = (mount_id)id;
    TRY(api->list(api->impl, &q->call, find_each, f, err));
    return f->found[0] ? 0 : err_set(err, ERR_NOT_FOUND, "no mount has the id '%.40s'", q->target);
}

struct current {
    struct mount_find *find;
    struct spec *spec;
    struct rq *q;
};

/* What the body leaves out stays as it is. */
static int keep_each(void *arg, const struct mount_info *m)
{
    struct current *c = arg;
    struct mount_spec *s = &c->spec->spec;
    if (m->id != c->find->id)
        return 0;
    if (!json_get(c->q->body, "read_only"))
        s->is_read_only = m->is_read_only;
    if (!json_get(c->q->body, "shared"))
        s->is_shared = m->is_shared;
    if (!json_get(c->q->body, "freshness"))
        s->freshness = m->freshness;
    if (!json_get(c->q->body, "interval_ms"))
        s->interval_ms = m->interval_ms;
    if (!json_get(c->q->body, "options"))
        for (size_t i = 0; i < m->option_count && i < OPTIONS_MAX; i++)
            c->spec->options[s->option_count++] = (struct mount_option){xstrdup(m->options[i].name), xstrdup(m->options[i].value)};
    return 0;
}

int route_mounts_patch(struct rq *q, struct err *err)
{
    const struct mount_api *api = fs_mounts(q->fs);
    struct mount_find f;
    struct spec s;
    TRY(find_mount(q, &f, err));
    TRY(parse_spec(q, &s, err));
    bool keeps = !json_get(q->body, "options");
    struct current c = {&f, &s, q};
    int rc = api->list(api->impl, &q->call, keep_each, &c, err);
    s.spec.path = f.found;
    s.spec.uri = f.uri;
    if (!rc && !q->result.is_replay)
        rc = api->update(api->impl, &q->call, &s.spec, err);
    for (size_t i = 0; keeps && i < s.spec.option_count; i++) {
        free((char *)s.options[i].name);
        free((char *)s.options[i].value);
    }
    TRY(rc);
    return print_one(q, f.found, err);
}

int route_mounts_delete(struct rq *q, struct err *err)
{
    const struct mount_api *api = fs_mounts(q->fs);
    struct mount_find f;
    TRY(find_mount(q, &f, err));
    TRY(api->remove(api->impl, &q->call, f.found, rq_if_match(q), err));
    rq_put_change(q);
    return 0;
}

int route_stores_mode(struct rq *q, struct err *err)
{
    const struct mount_api *api = fs_mounts(q->fs);
    enum mount_mode mode;
    rq_subject(q, rq_string(q, "ufs_root", ""));
    TRY(mount_mode_parse(rq_string(q, "mode", ""), &mode, err));
    TRY(api->set_mode(api->impl, &q->call, rq_string(q, "ufs_root", ""), mode, err));
    rq_put_change(q);
    return 0;
}

/* "a|b" as a list; empty words are left out. */
static void put_words(struct json_out *o, const char *key, const char *words)
{
    json_begin_array(o, key);
    for (const char *w = words; w && *w;) {
        size_t n = strcspn(w, "|");
        if (n)
            json_put_string_n(o, NULL, w, n);
        w += n + (w[n] == '|');
    }
    json_end_array(o);
}

static int kind_each(void *arg, const struct mount_kind *k)
{
    struct json_out *o = arg;
    json_begin_object(o, NULL);
    json_put_string(o, "kind", k->name);
    json_put_string(o, "label", k->label);
    put_words(o, "schemes", k->schemes);
    json_begin_array(o, "fields");
    for (size_t i = 0; i < k->field_count; i++) {
        const struct mount_kind_field *f = &k->fields[i];
        json_begin_object(o, NULL);
        json_put_string(o, "name", f->name);
        json_put_string(o, "type", f->type);
        json_put_string(o, "default", f->value);
        put_words(o, "choices", f->choices);
        json_put_bool(o, "required", f->is_required);
        json_put_string(o, "help", f->help);
        json_end_object(o);
    }
    json_end_array(o);
    json_end_object(o);
    return 0;
}

int route_stores_kinds(struct rq *q, struct err *err)
{
    const struct mount_api *api = fs_mounts(q->fs);
    json_begin_object(&q->json, NULL);
    json_begin_array(&q->json, "items");
    TRY(api->kinds(api->impl, kind_each, &q->json, err));
    rq_end_list(q, NULL, -1);
    json_end_object(&q->json);
    return 0;
}
