/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_fs_attr: owner, group, mode, life time, pins and copies.  Each is one PATCH of an entry.
 */
#include "base/mem.h"
#include "base/text.h"
#include "cli/client.h"
#include "cli/paths.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static void begin(struct json_out *o, struct buf *body)
{
    json_out_init(o, body);
    json_begin_object(o, NULL);
}

static int patch(struct cli *c, const char *path, struct json_out *o, struct err *err)
{
    json_end_object(o);
    return client_files(c, "PATCH", path, "", buf_str(o->to), NULL, err);
}

static int chgrp_path(struct cli *c, const struct args *a, const char *path, struct err *err)
{
    AUTO(buf) body = {.max = 1 << 16};
    struct json_out o;
    begin(&o, &body);
    json_put_string(&o, "group", a->items[0]);
    json_put_bool(&o, "recursive", args_has(a, "R"));
    TRY(patch(c, path, &o, err));
    printf("Changed group of %s to %s\n", path, a->items[0]);
    return 0;
}

static int fs_chgrp(struct cli *c, const struct args *a, struct err *err)
{
    (void)err;
    return paths_each(c, a, 1, a->count, chgrp_path);
}

static int chmod_path(struct cli *c, const struct args *a, const char *path, struct err *err)
{
    AUTO(buf) body = {.max = 1 << 16};
    struct json_out o;
    begin(&o, &body);
    json_put_string(&o, "mode", a->items[0]);
    json_put_bool(&o, "recursive", args_has(a, "R"));
    TRY(patch(c, path, &o, err));
    printf("Changed permission of %s to %s\n", path, a->items[0]);
    return 0;
}

static int fs_chmod(struct cli *c, const struct args *a, struct err *err)
{
    (void)err;
    return paths_each(c, a, 1, a->count, chmod_path);
}

static int chown_path(struct cli *c, const struct args *a, const char *path, struct err *err)
{
    AUTO(buf) body = {.max = 1 << 16};
    struct json_out o;
    AUTO_FREE char *owner = xstrdup(a->items[0]);
    char *group = strchr(owner, ':');
    if (group)
        *group++ = 0;
    if (!*owner || (group && !*group))
        return err_set(err, ERR_INVALID_ARGUMENT, "%.80s is not <owner> or <owner>:<group>", a->items[0]);
    begin(&o, &body);
    json_put_string(&o, "owner", owner);
    if (group)
        json_put_string(&o, "group", group);
    json_put_bool(&o, "recursive", args_has(a, "R"));
    TRY(patch(c, path, &o, err));
    if (group)
        printf("Changed owner:group of %s to %s:%s.\n", path, owner, group);
    else
        printf("Changed owner of %s to %s\n", path, owner);
    return 0;
}

static int fs_chown(struct cli *c, const struct args *a, struct err *err)
{
    (void)err;
    return paths_each(c, a, 1, a->count, chown_path);
}

/* ---- life time ---- */

static int ttl_action(const struct args *a, const char **ret, struct err *err)
{
    static const char *const actions[][2] = {{"delete", "DELETE"}, {"free", "FREE"}, {"delete_alluxio", "DELETE_ALLUXIO"}};
    const char *typed = args_value(a, "action");
    *ret = typed ? NULL : "DELETE";
    for (size_t i = 0; typed && i < array_len(actions); i++)
        if (!strcasecmp(typed, actions[i][0]))
            *ret = actions[i][1];
    return *ret ? 0 : err_set(err, ERR_INVALID_ARGUMENT, "%.40s is not an action: delete or free", typed);
}

static int set_ttl(struct cli *c, const struct args *a, struct err *err)
{
    char path[PATH_MAX_BYTES + 1];
    const char *action;
    int64_t ms;
    AUTO(buf) body = {.max = 1 << 16};
    struct json_out o;
    TRY(paths_take(a->items[0], path, err));
    TRY(ttl_action(a, &action, err));
    TRY(text_parse_duration(a->items[1], &ms, err));
    if (ms < 0)
        return err_set(err, ERR_INVALID_ARGUMENT, "TTL value must be >= 0; unsetTtl removes it");
    begin(&o, &body);
    json_begin_object(&o, "ttl");
    json_put_i64(&o, "after_ms", ms);
    json_put_string(&o, "action", action);
    json_end_object(&o);
    TRY(patch(c, path, &o, err));
    printf("TTL of path '%s' was successfully set to %" PRId64 " milliseconds, with expiry action set to %s\n", path, ms, action);
    return 0;
}

static int unset_ttl_path(struct cli *c, const struct args *a, const char *path, struct err *err)
{
    (void)a;
    TRY(client_files(c, "PATCH", path, "", "{\"ttl\":null}", NULL, err));
    printf("TTL of file '%s' was successfully removed.\n", path);
    return 0;
}

static int unset_ttl(struct cli *c, const struct args *a, struct err *err)
{
    (void)err;
    return paths_each(c, a, 0, a->count, unset_ttl_path);
}

/* ---- pins and copies ---- */

static int pin_one(struct cli *c, const char *path, bool is_pinned, struct err *err)
{
    TRY(client_files(c, "PATCH", path, "", is_pinned ? "{\"pinned\":true}" : "{\"pinned\":false}", NULL, err));
    printf("File '%s' was successfully %s.\n", path, is_pinned ? "pinned" : "unpinned");
    return 0;
}

static int pin_path(struct cli *c, const struct args *a, const char *path, struct err *err)
{
    (void)a;
    return pin_one(c, path, true, err);
}

static int unpin_path(struct cli *c, const struct args *a, const char *path, struct err *err)
{
    (void)a;
    return pin_one(c, path, false, err);
}

static int fs_pin(struct cli *c, const struct args *a, struct err *err)
{
    if (a->count > 1)
        return err_set(err, ERR_NOT_SUPPORTED, "not supported yet: pinning to a medium belongs to several workers");
    return paths_each(c, a, 0, 1, pin_path);
}

static int fs_unpin(struct cli *c, const struct args *a, struct err *err)
{
    (void)err;
    return paths_each(c, a, 0, 1, unpin_path);
}

static int replication_path(struct cli *c, const struct args *a, const char *path, struct err *err)
{
    static const char *const names[][3] = {{"max", "replication_max", "replicationMax"}, {"min", "replication_min", "replicationMin"}};
    AUTO(buf) body = {.max = 1 << 16};
    struct json_out o;
    int64_t n;
    begin(&o, &body);
    for (size_t i = 0; i < array_len(names); i++)
        if (args_has(a, names[i][0])) {
            TRY(text_parse_i64(args_value(a, names[i][0]), &n, err));
            json_put_i64(&o, names[i][1], n);
        }
    json_put_bool(&o, "recursive", args_has(a, "R"));
    TRY(patch(c, path, &o, err));
    printf("Changed the replication level of %s\n", path);
    for (size_t i = 0; i < array_len(names); i++)
        if (args_has(a, names[i][0]))
            printf("%s was set to %s\n", names[i][2], args_value(a, names[i][0]));
    return 0;
}

static int set_replication(struct cli *c, const struct args *a, struct err *err)
{
    if (!args_has(a, "max") && !args_has(a, "min"))
        return err_set(err, ERR_INVALID_ARGUMENT, "setReplication needs --min or --max");
    return paths_each(c, a, 0, a->count, replication_path);
}

static const struct flag recursive_flags[] = {{"R", NULL, NULL, "everything below too"}, {0}};
static const struct flag ttl_flags[] = {{NULL, "action", "action", "delete (default) or free"}, {0}};
static const struct flag replication_flags[] = {{"R", NULL, NULL, "everything below too"}, {NULL, "max", "n", "copies at most, -1 any number"},
                                                {NULL, "min", "n", "copies at least"}, {0}};

const struct command cmd_fs_attr[] = {
    {"fs", "chgrp", "<group> <path>...", 2, -1, recursive_flags, 0, "Changes the group.", fs_chgrp, NULL},
    {"fs", "chmod", "<mode> <path>...", 2, -1, recursive_flags, 0, "Changes the permission; the mode is octal.", fs_chmod, NULL},
    {"fs", "chown", "<owner>[:<group>] <path>...", 2, -1, recursive_flags, 0, "Changes the owner.", fs_chown, NULL},
    {"fs", "setTtl", "<path> <time>", 2, 2, ttl_flags, 0, "Sets the time to live: ms, or a number with s, min, h, d.", set_ttl, NULL},
    {"fs", "unsetTtl", "<path>...", 1, -1, NULL, 0, "Removes the time to live.", unset_ttl, NULL},
    {"fs", "pin", "<path>", 1, 9, NULL, 0, "Keeps files in the cache.", fs_pin, NULL},
    {"fs", "unpin", "<path>", 1, 1, NULL, 0, "Lets files leave the cache.", fs_unpin, NULL},
    {"fs", "setReplication", "<path>...", 1, -1, replication_flags, 0, "Sets how many copies the cache should hold.", set_replication, NULL},
    {0}};
