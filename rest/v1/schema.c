/* SPDX-License-Identifier: Apache-2.0
 *
 * schema: checking by the tables, and printing them as JSON schema.  Threads: any.
 */
#include "rest/v1/schema.h"

#include "base/mem.h"
#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int wrong(const struct field *f, const char *want, struct err *err)
{
    err_set(err, ERR_INVALID_ARGUMENT, "'%s' must be %s", f->name, want);
    return err ? err_field(err, f->name) : -(int)ERR_INVALID_ARGUMENT;
}

static bool is_choice(const char *choices, const char *s)
{
    size_t n = strlen(s);
    for (const char *c = choices; c; c = strchr(c, '|')) {
        c += *c == '|';
        size_t len = strcspn(c, "|");
        if (len == n && !memcmp(c, s, n))
            return true;
    }
    return false;
}

static const char *dots_of(const struct field *f)
{
    return f->choices ? strstr(f->choices, "..") : NULL;
}

static bool is_within(const struct field *f, int64_t v)
{
    const char *dots = dots_of(f);
    return !dots || (v >= strtoll(f->choices, NULL, 10) && (!dots[2] || v <= strtoll(dots + 2, NULL, 10)));
}

static int check_bounds(const struct field *f, int64_t v, const char *what, struct err *err)
{
    char want[80];
    if (is_within(f, v))
        return 0;
    snprintf(want, sizeof want, "%s %s", what, f->choices);
    return wrong(f, want, err);
}

/* Bounds count characters, as JSON schema does. */
static int check_length(const struct field *f, const char *s, struct err *err)
{
    int64_t n = 0;
    for (; *s; s++)
        n += ((unsigned char)*s & 0xC0) != 0x80;
    return check_bounds(f, n, "a text with a number of characters in", err);
}

static int check_choice(const struct field *f, const char *s, struct err *err)
{
    char want[160];
    if (dots_of(f))
        return check_length(f, s, err);
    if (!f->choices || is_choice(f->choices, s))
        return 0;
    snprintf(want, sizeof want, "one of %s", f->choices);
    return wrong(f, want, err);
}

static int check_time(const struct field *f, const char *s, struct err *err)
{
    int64_t ms;
    return text_parse_rfc3339(s, &ms, NULL) == 0 ? 0 : wrong(f, "a time such as 2026-01-31T10:00:00Z", err);
}

static int check_strings(const struct field *f, const struct json *v, struct err *err)
{
    for (size_t i = 0; i < json_size(v); i++)
        if (json_kind_of(json_at(v, i)) != JSON_STRING)
            return wrong(f, "a list of strings", err);
    return json_kind_of(v) == JSON_ARRAY ? 0 : wrong(f, "a list of strings", err);
}

static int check_object(const struct field *f, const struct json *v, struct err *err)
{
    const struct json *member;
    if (json_kind_of(v) != JSON_OBJECT)
        return wrong(f, "an object", err);
    for (const char *k = NULL; (k = json_next(v, k, &member));)
        if (json_kind_of(member) != JSON_STRING && json_kind_of(member) != JSON_NULL)
            return wrong(f, "an object of strings", err);
    return 0;
}

static int check_value(const struct field *f, const struct json *v, struct err *err)
{
    enum json_kind kind = json_kind_of(v);
    if (kind == JSON_NULL && f->flags & FIELD_NULLABLE)
        return 0;
    switch (f->type) {
    case FIELD_TYPE_STRING:
    case FIELD_TYPE_PATH:
    case FIELD_TYPE_PATH_BELOW:
    case FIELD_TYPE_MODE:
    case FIELD_TYPE_NAME:
        return kind == JSON_STRING ? check_choice(f, json_text(v, ""), err) : wrong(f, "a string", err);
    case FIELD_TYPE_TIME:
        return kind == JSON_STRING ? check_time(f, json_text(v, ""), err) : wrong(f, "a time", err);
    case FIELD_TYPE_INT:
        return kind == JSON_INT ? check_bounds(f, json_i64(v, 0), "a number in", err) : wrong(f, "a whole number", err);
    case FIELD_TYPE_BOOL:
        return kind == JSON_BOOL ? 0 : wrong(f, "true or false", err);
    case FIELD_TYPE_ID:
        return kind == JSON_STRING || kind == JSON_INT ? 0 : wrong(f, "an id", err);
    case FIELD_TYPE_STRINGS:
    case FIELD_TYPE_GROUPS:
        return check_strings(f, v, err);
    case FIELD_TYPE_OBJECT:
        return check_object(f, v, err);
    case FIELD_TYPE_TTL:
        return kind == JSON_OBJECT ? 0 : wrong(f, "an object with after_ms and action, or null", err);
    case FIELD_TYPE_ITEMS:
    case FIELD_TYPE_ANY:
        return 0;
    }
    return 0;
}

const struct field *schema_field(const struct schema *s, const char *name)
{
    for (const struct field *f = s->fields; f && f->name; f++)
        if (!strcmp(f->name, name))
            return f;
    return NULL;
}

static int unknown_member(const struct schema *s, const char *name, struct err *err)
{
    char known[180] = "";
    size_t at = 0;
    for (const struct field *f = s->fields; f && f->name && at < sizeof known - 1; f++)
        at += (size_t)snprintf(known + at, sizeof known - at, "%s%s", at ? ", " : "", f->name);
    err_set(err, ERR_INVALID_ARGUMENT, "'%.40s' is not known here; known: %s", name, known);
    return err ? err_field(err, name) : -(int)ERR_INVALID_ARGUMENT;
}

int schema_verify(const struct schema *s, const struct json *body, struct err *err)
{
    const struct json *v;
    if (s->kind != SCHEMA_OBJECT)
        return 0;
    if (json_kind_of(body) != JSON_OBJECT)
        return err_set(err, ERR_INVALID_ARGUMENT, "the body must be a JSON object");
    for (const char *k = NULL; (k = json_next(body, k, &v));) {
        const struct field *f = schema_field(s, k);
        if (!f)
            return unknown_member(s, k, err);
        TRY(check_value(f, v, err));
    }
    for (const struct field *f = s->fields; f->name; f++)
        if (f->flags & FIELD_REQUIRED && !json_get(body, f->name))
            return wrong(f, "given", err);
    return 0;
}

int schema_verify_text(const struct field *f, const char *value, struct err *err)
{
    int64_t n;
    bool yes;
    switch (f->type) {
    case FIELD_TYPE_STRING:
        return check_choice(f, value, err);
    case FIELD_TYPE_INT:
        return text_parse_i64(value, &n, NULL) == 0 ? check_bounds(f, n, "a number in", err) : wrong(f, "a whole number", err);
    case FIELD_TYPE_ID:
        return text_parse_i64(value, &n, NULL) == 0 && n >= 0 ? 0 : wrong(f, "an id", err);
    case FIELD_TYPE_BOOL:
        return !*value || text_parse_bool(value, &yes, NULL) == 0 ? 0 : wrong(f, "true or false", err);
    case FIELD_TYPE_TIME:
        return check_time(f, value, err);
    default:
        return 0;
    }
}

static void print_bounds(const struct field *f, struct json_out *o)
{
    bool is_number = f->type == FIELD_TYPE_INT;
    json_put_i64(o, is_number ? "minimum" : "minLength", strtoll(f->choices, NULL, 10));
    if (dots_of(f)[2])
        json_put_i64(o, is_number ? "maximum" : "maxLength", strtoll(dots_of(f) + 2, NULL, 10));
}

static void print_choices(const struct field *f, struct json_out *o)
{
    json_begin_array(o, "enum");
    for (const char *c = f->choices; c; c = strchr(c, '|')) {
        c += *c == '|';
        json_put_string_n(o, NULL, c, strcspn(c, "|"));
    }
    json_end_array(o);
}

static void print_type(const char *type, bool is_nullable, struct json_out *o)
{
    if (!is_nullable) {
        json_put_string(o, "type", type);
        return;
    }
    json_begin_array(o, "type");
    json_put_string(o, NULL, type);
    json_put_string(o, NULL, "null");
    json_end_array(o);
}

/* As api/path.h takes them.  That a name is not empty and no dots alone is too much for a pattern. */
#define PATH_CHARACTERS "[^\\u0000-\\u001F\\u007F\\\\]"

/* Of a user or a group, as identity takes it. */
#define NAME_CHARACTERS "\\u0000-\\u0020\\u007F:/\\\\\"'*?<>|,"
#define NAME_PATTERN "^[^-" NAME_CHARACTERS "][^" NAME_CHARACTERS "]{0,62}$"

/* What a type is in JSON schema, and what else it says of its values. */
static const struct {
    const char *type; /* NULL: anything */
    const char *format, *pattern;
    struct {
        const char *name, *json;
    } more[2];
} shapes[FIELD_TYPE_ANY + 1] = {
    [FIELD_TYPE_STRING] = {.type = "string"},
    [FIELD_TYPE_INT] = {.type = "integer"},
    [FIELD_TYPE_BOOL] = {.type = "boolean"},
    [FIELD_TYPE_OBJECT] = {.type = "object", .more = {{"additionalProperties", "{\"type\":[\"string\",\"null\"]}"}, {"propertyNames", "{\"pattern\":\"^[^\\\\u0000]*$\"}"}}},
    [FIELD_TYPE_STRINGS] = {.type = "array", .more = {{"items", "{\"type\":\"string\"}"}}},
    [FIELD_TYPE_TIME] = {.type = "string", .format = "date-time"},
    [FIELD_TYPE_ID] = {.type = "string", .pattern = "^[0-9]{1,18}$"},
    [FIELD_TYPE_PATH] = {.type = "string", .pattern = "^/" PATH_CHARACTERS "*$"},
    [FIELD_TYPE_PATH_BELOW] = {.type = "string", .pattern = "^" PATH_CHARACTERS "*$"},
    [FIELD_TYPE_MODE] = {.type = "string", .pattern = "^[0-7]{1,4}$"},
    [FIELD_TYPE_NAME] = {.type = "string", .pattern = NAME_PATTERN},
    [FIELD_TYPE_GROUPS] = {.type = "array", .more = {{"items", "{\"type\":\"string\",\"minLength\":1,\"maxLength\":63}"}, {"maxItems", "16"}}},
    [FIELD_TYPE_TTL] = {.type = "object",
                        .more = {{"properties", "{\"after_ms\":{\"type\":\"integer\",\"minimum\":0},\"action\":{\"type\":\"string\",\"enum\":[\"DELETE\",\"FREE\",\"DELETE_ALLUXIO\"]}}"},
                                 {"required", "[\"after_ms\"]"}}},
    [FIELD_TYPE_ITEMS] = {.type = "array"},
};

static void print_ref(const char *member, const struct schema *s, struct json_out *o)
{
    char ref[96];
    snprintf(ref, sizeof ref, "#/components/schemas/%s", s->name);
    json_begin_object(o, member);
    json_put_string(o, "$ref", ref);
    json_end_object(o);
}

void schema_print_field(const struct field *f, struct json_out *o)
{
    if (shapes[f->type].type)
        print_type(shapes[f->type].type, f->flags & FIELD_NULLABLE, o);
    if (shapes[f->type].format)
        json_put_string(o, "format", shapes[f->type].format);
    if (shapes[f->type].pattern)
        json_put_string(o, "pattern", shapes[f->type].pattern);
    for (size_t i = 0; i < array_len(shapes[f->type].more) && shapes[f->type].more[i].name; i++)
        json_put_raw(o, shapes[f->type].more[i].name, shapes[f->type].more[i].json);
    if (dots_of(f))
        print_bounds(f, o);
    else if (f->choices)
        print_choices(f, o);
    if (f->type == FIELD_TYPE_ITEMS)
        print_ref("items", f->items, o);
    json_put_string(o, "description", f->help);
}

static void print_members(const struct schema *s, struct json_out *o)
{
    json_put_string(o, "type", "object");
    json_begin_object(o, "properties");
    for (const struct field *f = s->fields; f->name; f++) {
        json_begin_object(o, f->name);
        schema_print_field(f, o);
        json_end_object(o);
    }
    json_end_object(o);
    json_begin_array(o, "required");
    for (const struct field *f = s->fields; f->name; f++)
        if (f->flags & FIELD_REQUIRED)
            json_put_string(o, NULL, f->name);
    json_end_array(o);
}

void schema_print(const struct schema *s, bool is_body, struct json_out *o)
{
    json_begin_object(o, s->name);
    if (s->kind == SCHEMA_OBJECT)
        print_members(s, o);
    if (s->kind == SCHEMA_OBJECT && is_body)
        json_put_bool(o, "additionalProperties", false);
    json_end_object(o);
}
