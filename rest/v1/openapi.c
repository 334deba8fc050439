/* SPDX-License-Identifier: Apache-2.0
 *
 * openapi: see the header.  Routes that share method and path are one operation there; their selectors
 * are optional query parameters.
 */
#include "rest/v1/openapi.h"

#include "rest/v1/rq.h"

#include <ctype.h>

static bool is_first_of_operation(size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (!strcmp(routes[k].path, routes[i].path) && !strcmp(routes[k].method, routes[i].method))
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
    json_begin_object(o, "schema");
    schema_print_field(f, o);
    json_end_object(o);
    json_end_object(o);
}

static void put_parameters(struct json_out *o, const struct route *same, size_t first)
{
    static const struct field id = {"id", FIELD_TYPE_STRING, FIELD_REQUIRED, NULL, "Id or name", NULL};
    static const struct field path = {"path", FIELD_TYPE_STRING, FIELD_REQUIRED, NULL, "Path in the namespace", NULL};
    const char *seen[64];
    size_t count = 0;
    json_begin_array(o, "parameters");
    if (strchr(same->path, '{'))
        put_parameter(o, "path", strchr(same->path, '{')[1] == 'p' ? &path : &id);
    for (size_t i = first; i < route_count; i++) {
        const struct route *r = &routes[i];
        if (strcmp(r->path, same->path) || strcmp(r->method, same->method))
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

static void put_media(struct json_out *o, const struct schema *s)
{
    json_begin_object(o, "content");
    json_begin_object(o, s->kind == SCHEMA_BYTES ? "application/octet-stream" : "application/json");
    json_begin_object(o, "schema");
    if (s->kind == SCHEMA_BYTES) {
        json_put_string(o, "type", "string");
        json_put_string(o, "format", "binary");
    } else {
        ref(o, s->name);
    }
    json_end_object(o);
    json_end_object(o);
    json_end_object(o);
}

static void put_answers(struct json_out *o, const struct route *r, bool is_shared)
{
    static const int also[] = {206, 201, 200};
    char code[8];
    json_begin_object(o, "responses");
    snprintf(code, sizeof code, "%d", r->status);
    json_begin_object(o, code);
    json_put_string(o, "description", r->summary);
    put_media(o, is_shared ? &schema_any : r->answer);
    json_end_object(o);
    for (size_t i = 0; i < array_len(also); i++)
        if (also[i] != r->status && (r->flags & ROUTE_CHANGES || r->flags & ROUTE_CONTENT)) {
            snprintf(code, sizeof code, "%d", also[i]);
            json_begin_object(o, code);
            json_put_string(o, "description", "As above");
            json_end_object(o);
        }
    json_begin_object(o, "default");
    json_put_string(o, "description", "An error");
    put_media(o, &(struct schema){.name = "error", .kind = SCHEMA_OBJECT});
    json_end_object(o);
    json_end_object(o);
}

static bool is_shared_operation(size_t first)
{
    for (size_t i = first + 1; i < route_count; i++)
        if (!strcmp(routes[i].path, routes[first].path) && !strcmp(routes[i].method, routes[first].method))
            return true;
    return false;
}

static void put_operation(struct json_out *o, size_t first)
{
    const struct route *r = &routes[first];
    char method[8] = "", id[64];
    for (size_t i = 0; r->method[i] && i < sizeof method - 1; i++)
        method[i] = (char)tolower(r->method[i]);
    bool is_shared = is_shared_operation(first);
    json_begin_object(o, method);
    snprintf(id, sizeof id, "%s", r->id);
    json_put_string(o, "operationId", id);
    json_put_string(o, "summary", r->summary);
    json_put_string(o, "x-role", role_name(r->role));
    put_parameters(o, r, first);
    if (r->body->kind == SCHEMA_OBJECT || r->body->kind == SCHEMA_BYTES) {
        json_begin_object(o, "requestBody");
        put_media(o, is_shared ? &schema_any : r->body);
        json_end_object(o);
    }
    put_answers(o, r, is_shared);
    if (r->flags & ROUTE_OPEN)
        json_put_raw(o, "security", "[]");
    json_end_object(o);
}

static void put_components(struct json_out *o)
{
    json_begin_object(o, "components");
    json_put_raw(o, "securitySchemes", "{\"bearer\":{\"type\":\"http\",\"scheme\":\"bearer\"},\"basic\":{\"type\":\"http\",\"scheme\":\"basic\"}}");
    json_begin_object(o, "schemas");
    json_put_raw(o, "error",
                 "{\"type\":\"object\",\"properties\":{\"code\":{\"type\":\"string\"},\"message\":{\"type\":\"string\"},\"detail\":{\"type\":\"string\"},"
                 "\"field\":{\"type\":\"string\"},\"request_id\":{\"type\":\"string\"}},\"required\":[\"code\",\"message\",\"detail\",\"request_id\"]}");
    for (size_t i = 0; schemas[i]; i++)
        schema_print(schemas[i], o);
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
