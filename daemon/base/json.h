/* SPDX-License-Identifier: Apache-2.0
 *
 * json: writing straight into a buf, without a tree, and reading into one with limits.
 * The only user of jansson is json.c.
 */
#pragma once
#include "base/buf.h"

/* ---- writing: commas and escapes are the writer's work. A NULL key inside arrays. ---- */
struct json_out {
    struct buf *to;
    bool need_comma;
};
void json_out_init(struct json_out *o, struct buf *to);
void json_begin_object(struct json_out *o, const char *key);
void json_end_object(struct json_out *o);
void json_begin_array(struct json_out *o, const char *key);
void json_end_array(struct json_out *o);
void json_put_string(struct json_out *o, const char *key, const char *s); /* NULL writes null; invalid UTF-8 becomes U+FFFD */
void json_put_string_n(struct json_out *o, const char *key, const char *s, size_t len);
void json_put_i64(struct json_out *o, const char *key, int64_t v);
void json_put_u64(struct json_out *o, const char *key, uint64_t v);
void json_put_id(struct json_out *o, const char *key, uint64_t v); /* as a string: it may pass 2^53 */
void json_put_double(struct json_out *o, const char *key, double v);
void json_put_bool(struct json_out *o, const char *key, bool v);
void json_put_null(struct json_out *o, const char *key);
void json_put_time(struct json_out *o, const char *key, int64_t wall_ms); /* RFC 3339; 0 or less writes null */
void json_put_raw(struct json_out *o, const char *key, const char *json); /* already JSON */

/* ---- reading (no name here is one of jansson's: a static link would refuse it) ---- */
struct json; /* a node; children are borrowed from their root */
/* ERR_INVALID_ARGUMENT with line and column. Depth ≤ 64, duplicate keys refused. Owned by the caller: json_free. */
struct json *json_parse(const char *text, size_t len, struct err *err);
void json_free(struct json *root); /* roots only; accepts NULL */
enum json_kind { JSON_NULL, JSON_BOOL, JSON_INT, JSON_REAL, JSON_STRING, JSON_ARRAY, JSON_OBJECT };
enum json_kind json_kind_of(const struct json *j);
const struct json *json_get(const struct json *object, const char *key); /* NULL when absent or not an object */
size_t json_size(const struct json *j);                       /* members or elements */
const struct json *json_at(const struct json *array, size_t i);
/* Iterates an object: pass NULL first; returns the key or NULL at the end. */
const char *json_next(const struct json *object, const char *prev_key, const struct json **ret_value);
const char *json_text(const struct json *j, const char *otherwise); /* borrowed; `otherwise` when not a string */
int64_t json_i64(const struct json *j, int64_t otherwise);             /* also accepts a decimal string */
bool json_bool(const struct json *j, bool otherwise);
/* Typed members with clear errors (and err_field): absent or null leaves *ret untouched and returns 0. */
int json_take_string(const struct json *object, const char *key, const char **ret, struct err *err) must_use;
int json_take_i64(const struct json *object, const char *key, int64_t *ret, struct err *err) must_use;
int json_take_bool(const struct json *object, const char *key, bool *ret, struct err *err) must_use;
void json_dump(const struct json *j, struct buf *to); /* compact */
