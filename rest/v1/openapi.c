/* SPDX-License-Identifier: Apache-2.0
 *
 * openapi: see the header.  Routes that share method and path are one operation there; their selectors
 * are optional query parameters.
 */
#include "rest/v1/openapi.h"

#include "rest/v1/rq.h"

#include <ctype.h>

static bool is_same_operation(const struct route *a, const struct route *b)
{
    return !strcmp(a->path, b->path) && !strcmp(a->method, b->method);
}

static bool is_first_of_operation(size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (is_same_operation(&routes[k], &routes[i]))
            return false;
    return true;
}

static bool is_first_of_path(size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (!strcmp(routes[k].path, routes[i].path))
            return false;
    return true;
}

static void ref(struct json_out *o, const char *name)
{
    char text[96];
    snprintf(text, sizeof text, "#/components/schemas/%s", name);
    json_put_string(o, "$ref", text);
}

static void put_parameter(struct json_out *o, const char *in, const struct field *f)
{
    json_begin_object(o, NULL);
    json_put_string(o, "name", f->name);
    json_put_string(o, "in", in);
    json_put_bool(o, "required", f->flags & FIELD_REQUIRED || !strcmp(in, "path"));
    if (f->type == FIELD_TYPE_BOOL) /* ?dry_run is ?dry_run=true */
        json_put_bool(o, "allowEmptyValue", true);
    json_begin_object(o, "schema");
    schema_print_field(f, o);
    json_end_object(o);
    json_end_object(o);
}

static void put_parameters(struct json_out *o, const struct route *same, size_t first)
{
    static const struct field id = {"id", FIELD_TYPE_STRING, FIELD_REQUIRED, NULL, "Id or name", NULL};
    static const struct field path = {"path", FIELD_TYPE_PATH_BELOW, FIELD_REQUIRED, NULL, "Path in the namespace, without its first slash", NULL};
    const char *seen[64];
    size_t count = 0;
    json_begin_array(o, "parameters");
    if (strchr(same->path, '{'))
        put_parameter(o, "path", strchr(same->path, '{')[1] == 'p' ? &path : &id);
    for (size_t i = first; i < route_count; i++) {
        const struct route *r = &routes[i];
        if (!is_same_operation(r, same))
            continue;
        struct field selector = {r->selector, FIELD_TYPE_STRING, 0, NULL, r->summary, NULL};
        for (const struct field *f = r->query->fields; f && f->name; f++) {
            size_t k = 0;
            while (k < count && strcmp(seen[k], f->name))
                k++;
            if (k == count && count < array_len(seen)) {
                seen[count++] = f->name;
                put_parameter(o, "query", f);
            }
        }
        bool is_listed = false;
        for (size_t k = 0; k < count; k++)
            is_listed |= !strcmp(seen[k], r->selector);
        if (*r->selector && !is_listed && count < array_len(seen)) {
            seen[count++] = r->selector;
            put_parameter(o, "query", &selector);
        }
    }
    json_end_array(o);
}

/* Schemas of one kind of media that the routes of an operation take or give, each once. */
struct media {
    const struct schema *s[16];
    size_t count;
};

static void media_add(struct media *m, const struct schema *s)
{
    for (size_t i = 0; i < m->count; i++)
        if (m->s[i] == s)
            return;
    if (m->count < array_len(m->s))
        m->s[m->count++] = s;
}

static void put_json(struct json_out *o, const struct media *m)
{
    if (!m->count)
        return;
    json_begin_object(o, "application/json");
    json_begin_object(o, "schema");
    if (m->count == 1) {
        ref(o, m->s[0]->name);
    } else {
        json_begin_array(o, "anyOf");
        for (size_t i = 0; i < m->count; i++) {
            json_begin_object(o, NULL);
            ref(o, m->s[i]->name);
            json_end_object(o);
        }
        json_end_array(o);
    }
    json_end_object(o);
    json_end_object(o);
}

static void put_content(struct json_out *o, const struct media *m, bool has_bytes)
{
    json_begin_object(o, "content");
    if (has_bytes)
        json_put_raw(o, "application/octet-stream", "{\"schema\":{\"type\":\"string\",\"format\":\"binary\"}}");
    put_json(o, m);
    json_end_object(o);
}

static bool has_required(const struct schema *s)
{
    for (const struct field *f = s->fields; f && f->name; f++)
        if (f->flags & FIELD_REQUIRED)
            return true;
    return false;
}

static void put_body(struct json_out *o, size_t first)
{
    struct media m = {.count = 0};
    bool has_bytes = false, is_required = true;
    for (size_t i = first; i < route_count; i++) {
        const struct schema *body = routes[i].body;
        if (!is_same_operation(&routes[i], &routes[first]))
            continue;
        has_bytes |= body->kind == SCHEMA_BYTES;
        is_required &= has_required(body);
        if (body->kind == SCHEMA_OBJECT)
            media_add(&m, body);
    }
    if (!m.count && !has_bytes)
        return;
    json_begin_object(o, "requestBody");
    json_put_bool(o, "required", is_required);
    put_content(o, &m, has_bytes);
    json_end_object(o);
}

static void put_answer(struct json_out *o, int status, const char *description, const struct media *m, bool has_bytes)
{
    char code[8];
    snprintf(code, sizeof code, "%d", status);
    json_begin_object(o, code);
    json_put_string(o, "description", description);
    put_content(o, m, has_bytes);
    json_end_object(o);
}

static void put_answers(struct json_out *o, size_t first)
{
    const struct route *r = &routes[first];
    struct media m = {.count = 0};
    bool has_bytes = false, changes = false;
    for (size_t i = first; i < route_count; i++) {
        if (!is_same_operation(&routes[i], r))
            continue;
        changes |= routes[i].flags & ROUTE_CHANGES;
        has_bytes |= routes[i].answer->kind == SCHEMA_BYTES;
        if (routes[i].answer->kind != SCHEMA_BYTES)
            media_add(&m, routes[i].answer);
    }
    if (changes) /* what a dry run answers */
        media_add(&m, &schema_change);
    json_begin_object(o, "responses");
    put_answer(o, r->status, r->summary, &m, has_bytes);
    if (has_bytes && !changes)
        put_answer(o, 206, "A range of it", &(struct media){.count = 0}, true);
    if (r->status == 201) /* a replaced file, a dry run */
        put_answer(o, 200, "As above", &m, has_bytes);
    json_begin_object(o, "default");
    json_put_string(o, "description", "An error");
    put_content(o, &(struct media){.s = {&schema_error}, .count = 1}, false);
    json_end_object(o);
    json_end_object(o);
}

static void put_operation(struct json_out *o, size_t first)
{
    const struct route *r = &routes[first];
    char method[8] = "";
    for (size_t i = 0; r->method[i] && i < sizeof method - 1; i++)
        method[i] = (char)tolower(r->method[i]);
    json_begin_object(o, method);
    json_put_string(o, "operationId", r->id);
    json_put_string(o, "summary", r->summary);
    json_put_string(o, "x-role", role_name(r->role));
    put_parameters(o, r, first);
    put_body(o, first);
    put_answers(o, first);
    if (r->flags & ROUTE_OPEN)
        json_put_raw(o, "security", "[]");
    json_end_object(o);
}

static bool is_body(const struct schema *s)
{
    for (size_t i = 0; i < route_count; i++)
        if (routes[i].body == s)
            return true;
    return false;
}

static void put_components(struct json_out *o)
{
    json_begin_object(o, "components");
    json_put_raw(o, "securitySchemes", "{\"bearer\":{\"type\":\"http\",\"scheme\":\"bearer\"},\"basic\":{\"type\":\"http\",\"scheme\":\"basic\"}}");
    json_begin_object(o, "schemas");
    for (size_t i = 0; schemas[i]; i++)
        schema_print(schemas[i], is_body(schemas[i]), o);
    json_end_object(o);
    json_end_object(o);
}

char *openapi_make(void)
{
    struct buf text;
    struct json_out o;
    buf_init(&text, BUF_MAX_ANY);
    json_out_init(&o, &text);
    json_begin_object(&o, NULL);
    json_put_string(&o, "openapi", "3.1.0");
    json_put_raw(&o, "info", "{\"title\":\"Isthmus\",\"version\":\"" ISTHMUS_VERSION "\",\"license\":{\"name\":\"Apache-2.0\",\"identifier\":\"Apache-2.0\"}}");
    json_put_raw(&o, "servers", "[{\"url\":\"/api/v1\"}]");
    json_put_raw(&o, "security", "[{\"bearer\":[]},{\"basic\":[]}]");
    json_begin_object(&o, "paths");
    for (size_t i = 0; i < route_count; i++) {
        if (!is_first_of_path(i))
            continue;
        json_begin_object(&o, routes[i].path);
        for (size_t k = i; k < route_count; k++)
            if (!strcmp(routes[k].path, routes[i].path) && is_first_of_operation(k))
                put_operation(&o, k);
        json_end_object(&o);
    }
    json_end_object(&o);
    put_components(&o);
    json_end_object(&o);
    return buf_take(&text);
}
