/* SPDX-License-Identifier: Apache-2.0
 *
 * schema: the members of bodies, queries and answers as tables: what comes in is checked by them,
 * the OpenAPI document is printed from them.
 */
#pragma once
#include "base/json.h"

enum field_type {
    FIELD_TYPE_STRING, FIELD_TYPE_INT, FIELD_TYPE_BOOL, FIELD_TYPE_OBJECT, /* of strings or nulls */
    FIELD_TYPE_STRINGS, FIELD_TYPE_TIME, FIELD_TYPE_ID, FIELD_TYPE_PATH,
    FIELD_TYPE_PATH_BELOW, /* in an address: the slash before it is not its own */
    FIELD_TYPE_MODE, /* octal */
    FIELD_TYPE_NAME, /* of a user */
    FIELD_TYPE_GROUPS, FIELD_TYPE_TTL, FIELD_TYPE_ITEMS, FIELD_TYPE_ANY,
};
#define FIELD_REQUIRED 1u
#define FIELD_NULLABLE 2u
struct field {
    const char *name; /* NULL ends a table */
    enum field_type type;
    unsigned flags;
    const char *choices; /* a|b|c, or bounds "min..max" (of an int; of a string its characters), or NULL */
    const char *help;
    const struct schema *items; /* FIELD_TYPE_ITEMS */
};
enum schema_kind { SCHEMA_OBJECT, SCHEMA_BYTES, SCHEMA_ANY, SCHEMA_NONE };
struct schema {
    const char *name;
    enum schema_kind kind;
    const struct field *fields;
};
#define SCHEMAS(X)                                                                                 \
    X(none) X(any) X(error) X(bytes) X(health) X(session) X(credentials) X(session_item) X(sessions) X(entry) X(listing) X(change) X(acl) X(acl_change)    \
    X(usage) X(make) X(attributes) X(rename) X(copy) X(free) X(recursive) X(persist) X(load_metadata) X(check) X(mount)           \
    X(mount_item) X(mounts) X(mount_change) X(mount_test) X(store_mode) X(user_item) X(users) X(user) X(user_change) X(token_item) X(tokens) X(token) X(token_made) X(backup) X(config_change)   \
    X(path_conf) X(log_level) X(dry) X(list) X(stat) X(content_get) X(content_put) X(remove) X(changes) X(config) X(logs)
#define X(name) extern const struct schema schema_##name;
SCHEMAS(X)
#undef X
extern const struct schema *const schemas[]; /* all, ends with NULL */

/* Types, required members, unknown members (refused, with what is known). ERR_INVALID_ARGUMENT with err_field. */
int schema_verify(const struct schema *s, const struct json *body, struct err *err) must_use;
/* The JSON schema of one.  A body has no other members, an answer may get more in a later version. */
void schema_print(const struct schema *s, bool is_body, struct json_out *o);
void schema_print_field(const struct field *f, struct json_out *o);
const struct field *schema_field(const struct schema *s, const char *name); /* NULL */
/* A query parameter's text by its field. ERR_INVALID_ARGUMENT with err_field. */
int schema_verify_text(const struct field *f, const char *value, struct err *err) must_use;
