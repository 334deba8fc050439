/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_fs_mount: stores in the namespace.
 */
#include "base/mem.h"
#include "base/text.h"
#include "cli/client.h"
#include "cli/mount_table.h"
#include "cli/paths.h"
#include "cli/show.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static int show_table(struct cli *c, struct err *err)
{
    struct json *j = NULL;
    AUTO(buf) text = {.max = 1 << 24};
    TRY(client_get(c, "/mounts", &j, err));
    if (c->is_json) {
        show_json(j);
    } else {
        mount_table_show(json_get(j, "items"), &text);
        fputs(buf_str(&text), stdout);
    }
    json_free(j);
    return 0;
}

/* "options": from --option k=v …; left out when there is none and `may_omit`. */
static int put_options(struct json_out *o, const struct args *a, bool may_omit, struct err *err)
{
    const char *pair;
    if (may_omit && !args_has(a, "option"))
        return 0;
    json_begin_object(o, "options");
    for (size_t at = 0; (pair = args_next(a, "option", &at));) {
        const char *equal = strchr(pair, '=');
        if (!equal || equal == pair)
            return err_set(err, ERR_INVALID_ARGUMENT, "an option must be key=value");
        AUTO_FREE char *key = xstrndup(pair, (size_t)(equal - pair));
        json_put_string(o, key, equal + 1);
    }
    json_end_object(o);
    return 0;
}

static int put_mount(struct json_out *o, const struct args *a, bool is_update, struct err *err)
{
    const char *freshness = args_value(a, "freshness"), *interval = args_value(a, "interval");
    int64_t ms;
    TRY(put_options(o, a, is_update, err));
    json_put_bool(o, "read_only", args_has(a, "readonly"));
    json_put_bool(o, "shared", args_has(a, "shared"));
    if (freshness || interval)
        json_put_string(o, "freshness", freshness ? freshness : "interval");
    if (interval) {
        TRY(text_parse_duration(interval, &ms, err));
        json_put_i64(o, "interval_ms", ms);
    }
    return 0;
}

static int fs_mount(struct cli *c, const struct args *a, struct err *err)
{
    char path[PATH_MAX_BYTES + 1];
    AUTO(buf) body = {.max = 1 << 20};
    struct json_out o;
    if (a->count == 0)
        return show_table(c, err);
    if (a->count != 2)
        return err_set(err, ERR_INVALID_ARGUMENT, "mount needs <path> and <uri>");
    TRY(paths_take(a->items[0], path, err));
    json_out_init(&o, &body);
    json_begin_object(&o, NULL);
    json_put_string(&o, "path", path);
    json_put_string(&o, "uri", a->items[1]);
    TRY(put_mount(&o, a, false, err));
    json_end_object(&o);
    TRY(client_call(c, "POST", "/mounts", buf_str(&body), NULL, err));
    printf("Mounted %s at %s\n", a->items[1], path);
    return 0;
}

static int find_id(struct cli *c, const char *path, int64_t *ret, struct err *err)
{
    struct json *j = NULL;
    TRY(client_get(c, "/mounts", &j, err));
    const struct json *items = json_get(j, "items");
    *ret = 0;
    for (size_t i = 0; i < json_size(items); i++)
        if (!strcmp(json_text(json_get(json_at(items, i), "path"), ""), path))
            *ret = json_i64(json_get(json_at(items, i), "id"), 0);
    json_free(j);
    return *ret ? 0 : err_set(err, ERR_NOT_FOUND, "%.180s is not a mount point", path);
}

static int unmount_path(struct cli *c, const struct args *a, const char *path, struct err *err)
{
    char target[64];
    int64_t id;
    (void)a;
    TRY(find_id(c, path, &id, err));
    snprintf(target, sizeof target, "/mounts/%" PRId64, id);
    TRY(client_call(c, "DELETE", target, NULL, NULL, err));
    printf("Unmounted %s\n", path);
    return 0;
}

static int unmount(struct cli *c, const struct args *a, struct err *err)
{
    (void)err;
    return paths_each(c, a, 0, a->count, unmount_path);
}

static int update_mount(struct cli *c, const struct args *a, struct err *err)
{
    char path[PATH_MAX_BYTES + 1], target[64];
    int64_t id;
    AUTO(buf) body = {.max = 1 << 20};
    struct json_out o;
    TRY(paths_take(a->items[0], path, err));
    json_out_init(&o, &body);
    json_begin_object(&o, NULL);
    TRY(put_mount(&o, a, true, err));
    json_end_object(&o);
    TRY(find_id(c, path, &id, err));
    snprintf(target, sizeof target, "/mounts/%" PRId64, id);
    TRY(client_call(c, "PATCH", target, buf_str(&body), NULL, err));
    printf("Updated mount point options at %s\n", path);
    return 0;
}

static const struct flag mount_flags[] = {{NULL, "readonly", NULL, "refuse changes"},
                                          {NULL, "shared", NULL, "everybody may use it"},
                                          {NULL, "option", "k=v", "an option of the store; may be repeated"},
                                          {NULL, "freshness", "when", "never, interval or manual: when to compare with the store"},
                                          {NULL, "interval", "time", "age of the last comparison allowed"},
                                          {0}};

const struct command cmd_fs_mount[] = {
    {"fs", "mount", "[<path> <uri>]", 0, 2, mount_flags, COMMAND_READS, "Mounts a store; without arguments prints the table.", fs_mount, NULL},
    {"fs", "unmount", "<path>...", 1, -1, NULL, 0, "Unmounts a store; nothing in it is changed.", unmount, NULL},
    {"fs", "updateMount", "<path>", 1, 1, mount_flags, 0, "Changes a mount: --readonly and --shared as given or else off; --option replaces all options, ****** keeps a secret.", update_mount, NULL},
    {0}};
