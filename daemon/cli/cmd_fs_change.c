/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_fs_change: what makes, moves and removes entries of the namespace.
 */
#include "base/json.h"
#include "base/mem.h"
#include "cli/client.h"
#include "cli/paths.h"

#include <stdio.h>
#include <string.h>

static int mkdir_path(struct cli *c, const struct args *a, const char *path, struct err *err)
{
    (void)a;
    TRY(client_files(c, "PUT", path, "", "{\"type\":\"directory\",\"recursive\":true}", NULL, err));
    printf("Successfully created directory %s\n", path);
    return 0;
}

static int fs_mkdir(struct cli *c, const struct args *a, struct err *err)
{
    (void)err;
    return paths_each(c, a, 0, a->count, mkdir_path);
}

static int touch_path(struct cli *c, const struct args *a, const char *path, struct err *err)
{
    struct source_mem nothing;
    (void)a;
    source_mem_init(&nothing, "", 0);
    TRY(client_write(c, path, "&recursive=true", &nothing.source, err));
    printf("%s has been created\n", path);
    return 0;
}

static int touch(struct cli *c, const struct args *a, struct err *err)
{
    (void)err;
    return paths_each(c, a, 0, a->count, touch_path);
}

static int refuse_directory(struct cli *c, const char *path, struct err *err)
{
    struct json *e = NULL;
    TRY(paths_stat(c, path, &e, err));
    bool is_dir = paths_is_directory(e);
    json_free(e);
    return is_dir ? err_set(err, ERR_IS_DIRECTORY, "%.180s is a directory, you must use the \"-R\" option", path) : 0;
}

static int rm_path(struct cli *c, const struct args *a, const char *path, struct err *err)
{
    bool only_here = args_has(a, "isthmusOnly") || args_has(a, "alluxioOnly");
    AUTO_FREE char *suffix = xasprintf("?recursive=%s&only_here=%s&unchecked=%s&with_mount_points=%s", args_has(a, "R") ? "true" : "false",
                                       only_here ? "true" : "false", args_has(a, "U") ? "true" : "false", args_has(a, "m") ? "true" : "false");
    if (!args_has(a, "R"))
        TRY(refuse_directory(c, path, err));
    TRY(client_files(c, "DELETE", path, suffix, NULL, NULL, err));
    printf("%s has been removed%s\n", path, only_here ? " only from Isthmus space" : "");
    return 0;
}

static int rm(struct cli *c, const struct args *a, struct err *err)
{
    (void)err;
    return paths_each(c, a, 0, a->count, rm_path);
}

static int mv(struct cli *c, const struct args *a, struct err *err)
{
    char from[PATH_MAX_BYTES + 1], to[PATH_MAX_BYTES + 1];
    AUTO(buf) body = {.max = 1 << 16};
    struct json_out o;
    TRY(paths_take(a->items[0], from, err));
    TRY(paths_take(a->items[1], to, err));
    json_out_init(&o, &body);
    json_begin_object(&o, NULL);
    json_put_string(&o, "to", to);
    json_end_object(&o);
    TRY(client_files(c, "POST", from, ":rename", buf_str(&body), NULL, err));
    printf("Renamed %s to %s\n", from, to);
    return 0;
}

static const struct flag rm_flags[] = {{"R", NULL, NULL, "directories with all below"},
                                       {"U", NULL, NULL, "do not compare with the store first"},
                                       {NULL, "isthmusOnly", NULL, "leave the store alone"},
                                       {NULL, "alluxioOnly", NULL, "the same"},
                                       {"m", "deleteMountPoint", NULL, "unmount mount points below"},
                                       {0}};

const struct command cmd_fs_change[] = {
    {"fs", "mkdir", "<path>...", 1, -1, NULL, 0, "Makes directories, and those above them.", fs_mkdir, NULL},
    {"fs", "touch", "<path>...", 1, -1, NULL, 0, "Makes empty files.", touch, NULL},
    {"fs", "rm", "<path>...", 1, -1, rm_flags, 0, "Removes files; with -R directories.", rm, NULL},
    {"fs", "mv", "<src> <dst>", 2, 2, NULL, 0, "Renames or moves.", mv, NULL},
    {0}};
