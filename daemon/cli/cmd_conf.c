/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_conf: settings: what holds, from where, and whether it is allowed.
 */
#include "base/conf.h"
#include "base/mem.h"
#include "base/text.h"
#include "cli/client.h"
#include "cli/command.h"
#include "cli/show.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* ---- units ---- */

static const struct unit {
    const char *name;
    bool is_time;
    uint64_t size; /* bytes or ms */
} units[] = {{"B", false, 1}, {"KB", false, 1ull << 10}, {"MB", false, 1ull << 20}, {"GB", false, 1ull << 30}, {"TB", false, 1ull << 40},
             {"PB", false, 1ull << 50}, {"MS", true, 1}, {"S", true, 1000}, {"M", true, 60000}, {"H", true, 3600000}, {"D", true, 86400000}};

static int find_unit(const char *name, const struct unit **ret, struct err *err)
{
    *ret = NULL;
    for (size_t i = 0; name && i < array_len(units); i++)
        if (!strcasecmp(units[i].name, name))
            *ret = &units[i];
    if (name && !*ret)
        return err_set(err, ERR_INVALID_ARGUMENT, "%.40s is not a unit: B, KB, MB, GB, TB, PB of sizes; MS, S, M, H, D of times", name);
    return 0;
}

static int convert(const char *value, const struct unit *u, char to[32], struct err *err)
{
    uint64_t bytes;
    int64_t ms;
    if (u->is_time)
        TRY(text_parse_duration(value, &ms, err));
    else
        TRY(text_parse_size(value, &bytes, err));
    if (u->is_time)
        snprintf(to, 32, "%" PRId64, ms / (int64_t)u->size);
    else
        snprintf(to, 32, "%" PRIu64, bytes / u->size);
    return 0;
}

/* ---- rows: of this home, or of the running daemon ---- */

struct setting_row {
    const char *key, *value, *source;
};
struct conf_view {
    const char *key; /* only this one, or NULL */
    bool with_source;
    const struct unit *unit;
    struct json_out *json; /* NULL: text */
};

static int show_one(const struct conf_view *v, const struct setting_row *r, struct err *err)
{
    char number[32];
    const char *value = r->value;
    if (v->unit && *value) {
        TRY(convert(value, v->unit, number, err));
        value = number;
    }
    if (v->json) {
        json_begin_object(v->json, NULL);
        json_put_string(v->json, "key", r->key);
        json_put_string(v->json, "value", value);
        json_put_string(v->json, "source", r->source);
        json_end_object(v->json);
        return 0;
    }
    printf("%s%s%s", v->key ? "" : r->key, v->key ? "" : "=", value);
    if (v->with_source)
        printf(" (%s)", r->source);
    putchar('\n');
    return 0;
}

static int show_local(struct cli *c, const struct conf_view *v, struct err *err)
{
    char source[512];
    TRY(cli_conf(c, err));
    for (unsigned id = 0; id < CONF_COUNT; id++) {
        const char *key = conf_option((enum conf_id)id)->key;
        struct setting_row r = {key, conf_shown((enum conf_id)id), conf_source_text((enum conf_id)id, source)};
        if (!v->key || !strcmp(v->key, key))
            TRY(show_one(v, &r, err));
    }
    return 0;
}

static int show_remote(struct cli *c, const struct conf_view *v, struct err *err)
{
    struct json *j = NULL;
    int rc = 0;
    TRY(client_get(c, "/config", &j, err));
    const struct json *items = json_get(j, "items");
    for (size_t i = 0; rc == 0 && i < json_size(items); i++) {
        const struct json *e = json_at(items, i);
        struct setting_row r = {json_text(json_get(e, "key"), ""), json_text(json_get(e, "value"), ""), json_text(json_get(e, "source"), "")};
        if (!v->key || !strcmp(v->key, r.key))
            rc = show_one(v, &r, err);
    }
    json_free(j);
    return rc;
}

static int get_conf(struct cli *c, const struct args *a, struct err *err)
{
    AUTO(buf) text = {.max = 1 << 20};
    struct json_out o;
    struct conf_view v = {.key = a->count ? a->items[0] : NULL, .with_source = args_has(a, "source"), .json = c->is_json ? &o : NULL};
    if (v.key && !conf_find(v.key, NULL))
        return err_set(err, ERR_NOT_FOUND, "%.100s is not a valid configuration key", v.key);
    TRY(find_unit(args_value(a, "unit"), &v.unit, err));
    if (v.unit && !v.key)
        return err_set(err, ERR_INVALID_ARGUMENT, "--unit needs a key");
    json_out_init(&o, &text);
    json_begin_array(&o, NULL);
    TRY(args_has(a, "master") ? show_remote(c, &v, err) : show_local(c, &v, err));
    json_end_array(&o);
    if (c->is_json)
        puts(buf_str(&text));
    return 0;
}

static void show_verdict(bool is_valid, const char *why)
{
    AUTO(buf) text = {.max = 1 << 16};
    struct json_out o;
    json_out_init(&o, &text);
    json_begin_object(&o, NULL);
    json_put_bool(&o, "valid", is_valid);
    json_put_string(&o, "error", is_valid ? NULL : why);
    json_end_object(&o);
    puts(buf_str(&text));
}

static int validate_conf(struct cli *c, const struct args *a, struct err *err)
{
    (void)a;
    bool is_valid = cli_conf(c, err) == 0; /* loading checks every key and value */
    if (c->is_json)
        show_verdict(is_valid, err->text);
    else if (is_valid)
        puts("Validation succeeded.");
    else
        printf("Validation failed: %s\n", err->text);
    return is_valid ? 0 : CLI_FAILED;
}

static const struct flag conf_flags[] = {{NULL, "source", NULL, "say where the value comes from"},
                                         {NULL, "unit", "unit", "a size in B, KB, MB, GB, TB, PB or a time in MS, S, M, H, D"},
                                         {NULL, "master", NULL, "as the running daemon has it"},
                                         {0}};

const struct command cmd_conf[] = {
    {"", "getConf", "[key]", 0, 1, conf_flags, COMMAND_READS, "Prints the value of a setting, or all of them.", get_conf, NULL},
    {"", "validateConf", "", 0, 0, NULL, COMMAND_READS, "Checks the settings of this home.", validate_conf, NULL},
    {0}};
