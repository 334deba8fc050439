/* SPDX-License-Identifier: Apache-2.0
 *
 * json: reading, over jansson, whose values are our nodes under another type.  Names that are
 * jansson's as well as ours are spelled otherwise in this file.  Writing is in json_out.c.
 * Threads: one tree, one thread at a time, or many that only read.
 */
#define JSON_OBJECT KIND_OBJECT
#define JSON_ARRAY KIND_ARRAY
#define JSON_STRING KIND_STRING
#define JSON_REAL KIND_REAL
#define JSON_NULL KIND_NULL
#include "base/json.h"
#undef JSON_OBJECT
#undef JSON_ARRAY
#undef JSON_STRING
#undef JSON_REAL
#undef JSON_NULL

#include "base/mem.h"
#include "base/text.h"

#include <string.h>

#define json_text jansson_string
#include <jansson.h>
#undef json_text

enum { DEPTH_MAX = 64 };

static const json_t *to_jansson(const struct json *j)
{
    return (const json_t *)j;
}

/* Past the string that begins at s[i]. */
static size_t skip_string(const char *s, size_t len, size_t i)
{
    for (i++; i < len && s[i] != '"'; i++)
        i += s[i] == '\\';
    return i;
}

/* jansson's own limit is higher and counts its recursion, so nesting is counted before. */
static bool is_too_deep(const char *s, size_t len)
{
    int depth = 0;
    for (size_t i = 0; i < len; i++) {
        if (s[i] == '"')
            i = skip_string(s, len, i);
        else if (s[i] == '{' || s[i] == '[')
            depth++;
        else if (s[i] == '}' || s[i] == ']')
            depth--;
        if (depth > DEPTH_MAX)
            return true;
    }
    return false;
}

struct json *json_parse(const char *text, size_t len, struct err *err)
{
    json_error_t why;
    int rc;
    if (is_too_deep(text, len)) {
        rc = err_set(err, ERR_INVALID_ARGUMENT, "JSON is nested more than %d deep", DEPTH_MAX);
        (void)rc;
        return NULL;
    }
    json_t *j = json_loadb(len ? text : "", len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &why);
    if (!j) {
        char *near = strstr(why.text, " near '"); /* may quote a secret */
        if (near)
            *near = 0;
        rc = err_set(err, ERR_INVALID_ARGUMENT, "not JSON: %s (line %d, column %d)", why.text, why.line, why.column);
        (void)rc;
    }
    return (struct json *)j;
}

void json_free(struct json *root)
{
    json_decref((json_t *)root);
}

/* 3.0 is the number 3: some clients write all numbers so.  Beyond 2^53 such a number is not exact. */
static bool is_whole(double v)
{
    return v >= -9007199254740992.0 && v <= 9007199254740992.0 && v == (double)(int64_t)v;
}

enum json_kind json_kind_of(const struct json *j)
{
    switch (json_typeof(to_jansson(j))) {
    case JSON_OBJECT:
        return KIND_OBJECT;
    case JSON_ARRAY:
        return KIND_ARRAY;
    case JSON_STRING:
        return KIND_STRING;
    case JSON_INTEGER:
        return JSON_INT;
    case JSON_REAL:
        return is_whole(json_real_value(to_jansson(j))) ? JSON_INT : KIND_REAL;
    case JSON_TRUE:
    case JSON_FALSE:
        return JSON_BOOL;
    case JSON_NULL:
        break;
    }
    return KIND_NULL;
}

const struct json *json_get(const struct json *object, const char *key)
{
    return (const struct json *)json_object_get(to_jansson(object), key);
}

size_t json_size(const struct json *j)
{
    const json_t *n = to_jansson(j);
    return json_is_object(n) ? json_object_size(n) : json_array_size(n);
}

const struct json *json_at(const struct json *array, size_t i)
{
    return (const struct json *)json_array_get(to_jansson(array), i);
}

const char *json_next(const struct json *object, const char *prev_key, const struct json **ret_value)
{
    json_t *o = (json_t *)object; /* jansson's iterators are not const */
    void *at = prev_key ? json_object_iter_next(o, json_object_key_to_iter(prev_key)) : json_object_iter(o);
    if (!at)
        return NULL;
    *ret_value = (const struct json *)json_object_iter_value(at);
    return json_object_iter_key(at);
}

/* Hidden: libjansson exports a function of this name, which ours must not stand in for. */
__attribute__((visibility("hidden"))) const char *json_text(const struct json *j, const char *otherwise)
{
    const char *s = json_string_value(to_jansson(j));
    return s ? s : otherwise;
}

static bool is_i64(const json_t *j, int64_t *ret)
{
    if (json_is_integer(j)) {
        *ret = json_integer_value(j);
        return true;
    }
    if (json_is_real(j) && is_whole(json_real_value(j))) {
        *ret = (int64_t)json_real_value(j);
        return true;
    }
    return json_is_string(j) && text_parse_i64(json_string_value(j), ret, NULL) == 0;
}

int64_t json_i64(const struct json *j, int64_t otherwise)
{
    int64_t v;
    return is_i64(to_jansson(j), &v) ? v : otherwise;
}

bool json_bool(const struct json *j, bool otherwise)
{
    return json_is_boolean(to_jansson(j)) ? json_is_true(to_jansson(j)) : otherwise;
}

/* A member that is there and not null. */
static const json_t *member(const struct json *object, const char *key)
{
    const json_t *j = json_object_get(to_jansson(object), key);
    return json_is_null(j) ? NULL : j;
}

static int refuse(const char *key, const char *allowed, struct err *err)
{
    struct err local;
    err = err ? err : &local;
    int rc = err_set(err, ERR_INVALID_ARGUMENT, "'%.60s' must be %s", key, allowed);
    (void)rc;
    return err_field(err, key);
}

int json_take_string(const struct json *object, const char *key, const char **ret, struct err *err)
{
    const json_t *j = member(object, key);
    if (!j)
        return 0;
    if (!json_is_string(j))
        return refuse(key, "a string", err);
    *ret = json_string_value(j);
    return 0;
}

int json_take_i64(const struct json *object, const char *key, int64_t *ret, struct err *err)
{
    const json_t *j = member(object, key);
    if (j && !is_i64(j, ret))
        return refuse(key, "a whole number", err);
    return 0;
}

int json_take_bool(const struct json *object, const char *key, bool *ret, struct err *err)
{
    const json_t *j = member(object, key);
    if (!j)
        return 0;
    if (!json_is_boolean(j))
        return refuse(key, "true or false", err);
    *ret = json_is_true(j);
    return 0;
}

static int dump_some(const char *data, size_t len, void *to)
{
    buf_add(to, data, len);
    return 0;
}

void json_dump(const struct json *j, struct buf *to)
{
    if (json_dump_callback(to_jansson(j), dump_some, to, JSON_COMPACT | JSON_ENCODE_ANY) < 0)
        to->failed = true;
}
