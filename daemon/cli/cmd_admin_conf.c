/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_admin_conf: settings of paths, and settings that change while the daemon runs.
 */
#include "base/mem.h"
#include "base/text.h"
#include "cli/client.h"
#include "cli/paths.h"
#include "cli/show.h"

#include <stdio.h>
#include <string.h>

static int put_path_conf(struct cli *c, const char *path, const char *key, const char *value, struct err *err)
{
    AUTO(buf) body = {.max = 1 << 16};
    struct json_out o;
    json_out_init(&o, &body);
    json_begin_object(&o, NULL);
    json_put_string(&o, "path", path);
    json_put_string(&o, "key", key);
    json_put_string(&o, "value", value);
    json_end_object(&o);
    return client_call(c, "PUT", "/config/paths", buf_str(&body), NULL, err);
}

static int path_conf_add(struct cli *c, const struct args *a, struct err *err)
{
    char path[PATH_MAX_BYTES + 1];
    const char *pair;
    TRY(paths_take(a->items[0], path, err));
    if (!args_has(a, "property"))
        return err_set(err, ERR_INVALID_ARGUMENT, "pathConf add needs --property key=value");
    for (size_t at = 0; (pair = args_next(a, "property", &at));) {
        const char *equal = strchr(pair, '=');
        if (!equal)
            return err_set(err, ERR_INVALID_ARGUMENT, "%.80s is not key=value", pair);
        AUTO_FREE char *key = xstrndup(pair, (size_t)(equal - pair));
        TRY(put_path_conf(c, path, key, equal + 1, err));
    }
    return 0;
}

static const char *member(const struct json *row, const char *name)
{
    return json_text(json_get(row, name), "");
}

static bool is_at(const char *conf_path, const char *path)
{
    size_t n = strlen(conf_path);
    return n == 1 || (!strncmp(conf_path, path, n) && (path[n] == 0 || path[n] == '/'));
}

/* Of a key set on several paths above, the longest path counts. */
static bool is_overruled(const struct json *items, const struct json *row, const char *path)
{
    for (size_t i = 0; i < json_size(items); i++) {
        const struct json *other = json_at(items, i);
        if (!strcmp(member(other, "key"), member(row, "key")) && is_at(member(other, "path"), path) &&
            strlen(member(other, "path")) > strlen(member(row, "path")))
            return true;
    }
    return false;
}

static int path_conf_show(struct cli *c, const struct args *a, struct err *err)
{
    char path[PATH_MAX_BYTES + 1];
    struct json *j = NULL;
    AUTO(buf) text = {.max = BUF_MAX_ANY};
    struct json_out o;
    TRY(paths_take(a->items[0], path, err));
    TRY(client_get(c, "/config/paths", &j, err));
    json_out_init(&o, &text);
    json_begin_object(&o, NULL);
    json_begin_array(&o, "items");
    const struct json *items = json_get(j, "items");
    for (size_t i = 0; i < json_size(items); i++) {
        const struct json *row = json_at(items, i);
        bool is_here = !strcmp(member(row, "path"), path);
        if (!is_here && !(args_has(a, "all") && is_at(member(row, "path"), path) && !is_overruled(items, row, path)))
            continue;
        if (!c->is_json)
            printf("%s=%s\n", member(row, "key"), member(row, "value"));
        json_begin_object(&o, NULL);
        json_put_string(&o, "path", member(row, "path"));
        json_put_string(&o, "key", member(row, "key"));
        json_put_string(&o, "value", member(row, "value"));
        json_end_object(&o);
    }
    json_end_array(&o);
    json_end_object(&o);
    if (c->is_json)
        puts(buf_str(&text));
    json_free(j);
    return 0;
}

static int path_conf_list(struct cli *c, const struct args *a, struct err *err)
{
    struct json *j = NULL;
    const char *last = "";
    (void)a;
    TRY(client_get(c, "/config/paths", &j, err));
    const struct json *items = json_get(j, "items");
    for (size_t i = 0; !c->is_json && i < json_size(items); i++) {
        const char *path = member(json_at(items, i), "path");
        if (strcmp(path, last)) /* rows come by path */
            puts(path);
        last = path;
    }
    if (c->is_json)
        show_json(j);
    json_free(j);
    return 0;
}

static bool is_in_list(const char *list, const char *key)
{
    size_t n = strlen(key);
    for (const char *p = list; *p; p += strcspn(p, ",") + (p[strcspn(p, ",")] == ','))
        if (strcspn(p, ",") == n && !memcmp(p, key, n))
            return true;
    return false;
}

static int path_conf_remove(struct cli *c, const struct args *a, struct err *err)
{
    char path[PATH_MAX_BYTES + 1];
    const char *keys = args_value(a, "keys");
    struct json *j = NULL;
    int rc = 0;
    TRY(paths_take(a->items[0], path, err));
    TRY(client_get(c, "/config/paths", &j, err));
    const struct json *items = json_get(j, "items");
    for (size_t i = 0; rc == 0 && i < json_size(items); i++) {
        const struct json *row = json_at(items, i);
        bool is_meant = !strcmp(member(row, "path"), path) || (args_has(a, "R") && is_at(path, member(row, "path")));
        if (is_meant && (!keys || is_in_list(keys, member(row, "key"))))
            rc = put_path_conf(c, member(row, "path"), member(row, "key"), NULL, err);
    }
    json_free(j);
    return rc;
}

/* One call for each, so that one that is refused keeps the others. */
static int update_conf(struct cli *c, const struct args *a, struct err *err)
{
    size_t done = 0;
    (void)err;
    for (size_t i = 0; i < a->count; i++) {
        const char *equal = strchr(a->items[i], '=');
        AUTO_FREE char *key = xstrndup(a->items[i], equal ? (size_t)(equal - a->items[i]) : strlen(a->items[i]));
        AUTO(buf) body = {.max = 1 << 16};
        struct json_out o;
        struct err why = {0};
        json_out_init(&o, &body);
        json_begin_object(&o, NULL);
        json_begin_object(&o, "values");
        json_put_string(&o, key, equal ? equal + 1 : "");
        json_end_object(&o);
        json_end_object(&o);
        if (client_call(c, "PATCH", "/config", buf_str(&body), NULL, &why) < 0)
            printf("Failed to Update %s: %s\n", key, why.text);
        else
            done++;
    }
    printf("Updated %zu configs\n", done);
    return done == a->count ? 0 : CLI_FAILED;
}

static const struct flag add_flags[] = {{NULL, "property", "k=v", "a setting; may be repeated"}, {0}};
static const struct flag show_flags[] = {{NULL, "all", NULL, "also what holds from paths above"}, {0}};
static const struct flag remove_flags[] = {{"R", "recursive", NULL, "of paths below too"}, {NULL, "keys", "k,k", "these keys only"}, {0}};

const struct command cmd_admin_conf[] = {
    {"fsadmin", "pathConf add", "<path>", 1, 1, add_flags, 0, "Sets a setting for a path and all below.", path_conf_add, NULL},
    {"fsadmin", "pathConf show", "<path>", 1, 1, show_flags, COMMAND_READS, "Prints the settings of a path.", path_conf_show, NULL},
    {"fsadmin", "pathConf list", "", 0, 0, NULL, COMMAND_READS, "Lists paths with settings.", path_conf_list, NULL},
    {"fsadmin", "pathConf remove", "<path>", 1, 1, remove_flags, 0, "Removes settings of a path.", path_conf_remove, NULL},
    {"fsadmin", "updateConf", "<key=value>...", 1, -1, NULL, 0, "Changes settings of the running daemon, until it ends.", update_conf, NULL},
    {0}};
