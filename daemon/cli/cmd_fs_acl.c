/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_fs_acl: access control lists.
 */
#include "base/mem.h"
#include "base/text.h"
#include "cli/client.h"
#include "cli/paths.h"
#include "cli/show.h"

#include <stdio.h>
#include <string.h>

static int getfacl_path(struct cli *c, const struct args *a, const char *path, struct err *err)
{
    struct json *j = NULL;
    (void)a;
    TRY(client_files(c, "GET", path, "?acl", NULL, &j, err));
    const struct json *entries = json_get(j, "entries");
    if (c->is_json) {
        show_json(j);
    } else {
        printf("# file: %s\n# owner: %s\n# group: %s\n", path, json_text(json_get(j, "owner"), ""), json_text(json_get(j, "group"), ""));
        for (size_t i = 0; i < json_size(entries); i++)
            puts(json_text(json_at(entries, i), ""));
    }
    json_free(j);
    return 0;
}

static int getfacl(struct cli *c, const struct args *a, struct err *err)
{
    (void)err;
    return paths_each(c, a, 0, a->count, getfacl_path);
}

/* "user:ann:rw-,group::r-x", each with "default:" before it when `is_default`. */
static void put_entries(struct json_out *o, const char *list, bool is_default)
{
    AUTO_FREE char *copy = xstrdup(list);
    char *rest = copy;
    json_begin_array(o, "entries");
    for (char *one; (one = strsep(&rest, ","));) {
        if (!*one)
            continue;
        AUTO_FREE char *entry = xasprintf("%s%s", is_default && !text_starts(one, "default:") ? "default:" : "", one);
        json_put_string(o, NULL, entry);
    }
    json_end_array(o);
}

static const struct {
    const char *flag, *action;
} actions[] = {{"set", "set"}, {"m", "modify"}, {"x", "remove"}, {"b", "remove_all"}, {"k", "remove_default"}};

static int setfacl_path(struct cli *c, const struct args *a, const char *path, struct err *err)
{
    AUTO(buf) body = {.max = 1 << 16};
    struct json_out o;
    json_out_init(&o, &body);
    json_begin_object(&o, NULL);
    for (size_t i = 0; i < array_len(actions); i++)
        if (args_has(a, actions[i].flag)) {
            json_put_string(&o, "action", actions[i].action);
            put_entries(&o, args_value(a, actions[i].flag), args_has(a, "d"));
        }
    json_put_bool(&o, "recursive", args_has(a, "R"));
    json_end_object(&o);
    return client_files(c, "PUT", path, "?acl", buf_str(&body), NULL, err);
}

static int setfacl(struct cli *c, const struct args *a, struct err *err)
{
    int given = 0;
    for (size_t i = 0; i < array_len(actions); i++)
        given += args_has(a, actions[i].flag);
    if (given != 1)
        return err_set(err, ERR_INVALID_ARGUMENT, "setfacl needs one of --set, -m, -x, -b, -k");
    return paths_each(c, a, 0, a->count, setfacl_path);
}

static const struct flag setfacl_flags[] = {{"d", NULL, NULL, "the entries are for what is made in the directory later"},
                                            {"R", NULL, NULL, "everything below too"},
                                            {NULL, "set", "entries", "replace the whole list: user::rwx,user:ann:rw-,group::r-x,other::---"},
                                            {"m", NULL, "entries", "add or change entries"},
                                            {"x", NULL, "entries", "remove entries"},
                                            {"b", NULL, NULL, "remove all but owner, group and other"},
                                            {"k", NULL, NULL, "remove the default list"},
                                            {0}};

const struct command cmd_fs_acl[] = {
    {"fs", "getfacl", "<path>...", 1, -1, NULL, COMMAND_READS, "Prints access control lists.", getfacl, NULL},
    {"fs", "setfacl", "<path>...", 1, -1, setfacl_flags, 0, "Changes access control lists.", setfacl, NULL},
    {0}};
