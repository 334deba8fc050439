/* SPDX-License-Identifier: Apache-2.0
 *
 * mounts_record: see the header.  A secret is an option whose driver calls it one; it is sealed
 * with its name as context, so that it opens as nothing else.
 */
#include "master/mounts_record.h"

#include "api/path.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define OPTIONS_MAX 100
#define OPTION_VALUE_MAX 8192

void mounts_record_done(struct mount_record *r)
{
    for (size_t i = 0; i < r->option_count; i++) {
        free((char *)r->options[i].name);
        free((char *)r->options[i].value);
    }
    free(r->options);
    free(r->path);
    free(r->uri);
    free(r->failure);
    *r = (struct mount_record){0};
}

char *mounts_record_key(mount_id id, char to[16])
{
    snprintf(to, 16, "%010u", id);
    return to;
}

bool mounts_record_is_secret(const char *uri, const char *option)
{
    const struct ufs_driver *d = ufs_driver_for(uri);
    for (const struct ufs_option *o = d ? d->options : NULL; o && o->name; o++)
        if (!strcmp(o->name, option))
            return !strcmp(o->type, "secret");
    return strcasestr(option, "secret") || strcasestr(option, "password");
}

/* "//a/./b" is "/a/b": one folder has one name.  In place. */
static void fold(char *path)
{
    char *to = path;
    for (const char *from = path; *from; from++) {
        bool is_end = from[1] == '/' || from[1] == 0;
        if (*from == '/' && from[1] == '/')
            continue;
        if (*from == '.' && is_end && to > path && to[-1] == '/') {
            from += from[1] == '/';
            continue;
        }
        *to++ = *from;
    }
    *to = 0;
}

char *mounts_record_uri(const char *uri)
{
    const char *scheme = strstr(uri, "://");
    size_t least = scheme ? (size_t)(scheme - uri) + 3 : 1;
    char *ret = xstrdup(uri);
    if (uri[0] == '/')
        fold(ret);
    else if (text_starts(uri, "file:///"))
        fold(ret + 7);
    size_t len = strlen(ret);
    while (len > least && ret[len - 1] == '/')
        ret[--len] = 0;
    return ret;
}

/* "/a" and "file:///a" name the same folder, "s3://b" and "S3A://b" the same bucket. Returns the rest, by reference the scheme. */
static const char *behind_scheme(const char *uri, const char **ret_scheme)
{
    *ret_scheme = text_starts(uri, "file://") || uri[0] == '/' ? "file" : "";
    if (text_starts(uri, "file://"))
        return uri + 7;
    bool is_s3 = !strncasecmp(uri, "s3://", 5), is_s3a = !strncasecmp(uri, "s3a://", 6);
    if (is_s3 || is_s3a)
        *ret_scheme = "s3";
    return is_s3 ? uri + 5 : is_s3a ? uri + 6 : uri;
}

bool mounts_record_is_below(const char *uri, const char *top)
{
    const char *scheme, *scheme_of_top;
    const char *a = behind_scheme(uri, &scheme), *b = behind_scheme(top, &scheme_of_top);
    size_t n = strlen(b);
    if (strcmp(scheme, scheme_of_top) != 0 || strncmp(a, b, n) != 0)
        return false;
    return a[n] == 0 || a[n] == '/' || (n && b[n - 1] == '/');
}

struct ufs_properties mounts_record_properties(const struct mount_record *r)
{
    return (struct ufs_properties){.count = r->option_count, .items = (const void *)r->options};
}

/* ---- to and from JSON ---- */
static void write_option(struct json_out *o, const struct mount_record *r, const struct mount_option *option,
                         const struct crypto_key *key)
{
    json_begin_object(o, NULL);
    json_put_string(o, "name", option->name);
    if (!mounts_record_is_secret(r->uri, option->name)) {
        json_put_string(o, "value", option->value);
    } else {
        AUTO(buf) sealed = {0}, text = {0};
        buf_init(&sealed, BUF_MAX_ANY);
        buf_init(&text, BUF_MAX_ANY);
        crypto_seal(key, option->name, option->value, strlen(option->value), &sealed);
        text_base64(&text, sealed.data, sealed.len);
        json_put_string(o, "sealed", buf_str(&text));
    }
    json_end_object(o);
}

void mounts_record_write(const struct mount_record *r, const struct crypto_key *key, struct buf *to)
{
    struct json_out o;
    json_out_init(&o, to);
    json_begin_object(&o, NULL);
    json_put_i64(&o, "id", r->id);
    json_put_string(&o, "path", r->path);
    json_put_string(&o, "uri", r->uri);
    json_put_bool(&o, "read_only", r->is_read_only);
    json_put_bool(&o, "shared", r->is_shared);
    json_put_string(&o, "freshness", freshness_name(r->freshness));
    json_put_i64(&o, "interval_ms", r->interval_ms);
    json_begin_array(&o, "options");
    for (size_t i = 0; i < r->option_count; i++)
        write_option(&o, r, &r->options[i], key);
    json_end_array(&o);
    json_end_object(&o);
}

static char *open_secret(const char *name, const char *sealed64, const struct crypto_key *key, char **ret_failure)
{
    AUTO(buf) sealed = {0}, plain = {0};
    struct err err = {0};
    buf_init(&sealed, BUF_MAX_ANY);
    buf_init(&plain, BUF_MAX_ANY);
    if (text_unbase64(&sealed, sealed64, strlen(sealed64), &err) == 0 &&
        crypto_open(key, name, sealed.data, sealed.len, &plain, &err) == 0)
        return buf_take(&plain);
    if (!*ret_failure)
        *ret_failure = xasprintf("the secret '%.60s' cannot be opened with this node's key: give it again", name);
    return xstrdup("");
}

static int read_options(const struct json *list, const struct crypto_key *key, struct mount_record *ret, struct err *err)
{
    size_t n = list ? json_size(list) : 0;
    if (n > OPTIONS_MAX)
        return err_set(err, ERR_CORRUPT, "a mount's record has %zu options", n);
    ret->options = n ? xcalloc(n, sizeof *ret->options) : NULL;
    for (size_t i = 0; i < n; i++) {
        const struct json *o = json_at(list, i);
        const char *name = json_text(json_get(o, "name"), NULL);
        const char *value = json_text(json_get(o, "value"), NULL);
        const char *sealed = json_text(json_get(o, "sealed"), NULL);
        if (!name || (!value && !sealed))
            return err_set(err, ERR_CORRUPT, "a mount's record has a broken option");
        ret->options[i].value = value ? xstrdup(value) : open_secret(name, sealed, key, &ret->failure);
        ret->options[i].name = xstrdup(name);
        ret->option_count++;
    }
    return 0;
}

static int read_members(const struct json *j, const struct crypto_key *key, struct mount_record *r, struct err *err)
{
    const char *path = json_text(json_get(j, "path"), NULL), *uri = json_text(json_get(j, "uri"), NULL);
    int64_t id = json_i64(json_get(j, "id"), 0);
    char clean[PATH_MAX_BYTES + 1];
    if (!path || !uri || id < 1 || id > UINT32_MAX || path_clean(path, clean, NULL) < 0)
        return err_set(err, ERR_CORRUPT, "a mount's record has no id, path or uri");
    r->id = (mount_id)id;
    r->path = xstrdup(clean);
    r->uri = xstrdup(uri);
    r->is_read_only = json_bool(json_get(j, "read_only"), false);
    r->is_shared = json_bool(json_get(j, "shared"), false);
    r->interval_ms = json_i64(json_get(j, "interval_ms"), -1);
    if (freshness_parse(json_text(json_get(j, "freshness"), "manual"), &r->freshness, NULL) < 0)
        r->freshness = FRESH_MANUAL;
    return read_options(json_get(j, "options"), key, r, err);
}

int mounts_record_read(const void *data, size_t len, const struct crypto_key *key, struct mount_record *ret, struct err *err)
{
    struct mount_record r = {0};
    struct json *j = json_parse(data, len, NULL);
    if (!j)
        return err_set(err, ERR_CORRUPT, "a mount's record is not JSON");
    int rc = read_members(j, key, &r, err);
    json_free(j);
    if (rc < 0) {
        mounts_record_done(&r);
        return rc;
    }
    *ret = r;
    return 0;
}

/* ---- from a person ---- */
static const char *old_value(const struct mount_record *old, const char *name)
{
    for (size_t i = 0; old && i < old->option_count; i++)
        if (!strcmp(old->options[i].name, name))
            return old->options[i].value;
    return NULL;
}

static int take_option(const struct mount_option *o, const struct mount_record *old, struct mount_record *r, struct err *err)
{
    const char *value = o->value ? o->value : "";
    if (!o->name || !o->name[0] || strlen(o->name) > 200 || strlen(value) > OPTION_VALUE_MAX) {
        err_set(err, ERR_INVALID_ARGUMENT, "an option of a mount has a name of 1 to 200 bytes and a value of at most %d", OPTION_VALUE_MAX);
        return err_field(err, "options");
    }
    if (old_value(r, o->name)) {
        err_set(err, ERR_INVALID_ARGUMENT, "the option '%.100s' is given twice", o->name);
        return err_field(err, "options");
    }
    if (!strcmp(value, MOUNT_MASK) && mounts_record_is_secret(r->uri, o->name)) {
        value = old_value(old, o->name);
        if (!value) {
            err_set(err, ERR_INVALID_ARGUMENT, "the option '%.100s' has no stored value to keep", o->name);
            return err_field(err, "options");
        }
    }
    r->options[r->option_count++] = (struct mount_option){xstrdup(o->name), xstrdup(value)};
    return 0;
}

static int take_spec(const struct mount_spec *spec, const struct mount_record *old, struct mount_record *r, struct err *err)
{
    char clean[PATH_MAX_BYTES + 1];
    TRY(path_clean(spec->path ? spec->path : "", clean, err));
    r->path = xstrdup(clean);
    r->uri = spec->uri && spec->uri[0] ? mounts_record_uri(spec->uri) : old ? xstrdup(old->uri) : xstrdup("");
    if (!ufs_driver_for(r->uri)) {
        err_set(err, ERR_INVALID_ARGUMENT, "no driver knows the store '%.120s'", r->uri);
        return err_field(err, "uri");
    }
    if (spec->freshness == FRESH_INTERVAL && spec->interval_ms < 0) {
        err_set(err, ERR_INVALID_ARGUMENT, "the interval of a check must be 0 (on each access) or more milliseconds");
        return err_field(err, "interval_ms");
    }
    if (spec->option_count > OPTIONS_MAX)
        return err_set(err, ERR_INVALID_ARGUMENT, "a mount has %zu options, %d are allowed", spec->option_count, OPTIONS_MAX);
    r->is_read_only = spec->is_read_only;
    r->is_shared = spec->is_shared;
    r->freshness = spec->freshness;
    r->interval_ms = spec->freshness == FRESH_INTERVAL ? spec->interval_ms : -1;
    r->options = spec->option_count ? xcalloc(spec->option_count, sizeof *r->options) : NULL;
    for (size_t i = 0; i < spec->option_count; i++)
        TRY(take_option(&spec->options[i], old, r, err));
    return 0;
}

int mounts_record_make(const struct mount_spec *spec, const struct mount_record *old, struct mount_record *ret, struct err *err)
{
    struct mount_record r = {.id = old ? old->id : 0};
    int rc = take_spec(spec, old, &r, err);
    if (rc < 0) {
        mounts_record_done(&r);
        return rc;
    }
    *ret = r;
    return 0;
}
