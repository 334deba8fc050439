/* SPDX-License-Identifier: Apache-2.0
 *
 * paths: see the header.
 */
#include "cli/paths.h"

#include "api/path.h"
#include "base/mem.h"
#include "base/text.h"
#include "cli/client.h"

#include <stdio.h>
#include <string.h>

enum { PAGE = 1000, GLOB_MAX = 1000000 };

int paths_take(const char *typed, char ret[PATH_MAX_BYTES + 1], struct err *err)
{
    const char *scheme = strstr(typed, "://"), *p = typed;
    if (scheme && scheme < typed + strcspn(typed, "/")) {
        if (!text_starts(typed, "isthmus://") && !text_starts(typed, "alluxio://"))
            return err_set(err, ERR_INVALID_PATH, "Path \"%.100s\" is invalid: the scheme must be isthmus", typed);
        p = strchr(scheme + 3, '/');
        p = p ? p : "/";
    }
    AUTO_FREE char *absolute = xasprintf("%s%s", *p == '/' ? "" : "/", p);
    return path_clean(absolute, ret, err);
}

void path_list_done(struct path_list *l)
{
    for (size_t i = 0; i < l->count; i++)
        free(l->items[i]);
    free(l->items);
    *l = (struct path_list){0};
}

void path_list_add(struct path_list *l, const char *path)
{
    if (!(l->count & (l->count - 1))) /* full at powers of two */
        l->items = xrealloc(l->items, (l->count ? 2 * l->count : 1) * sizeof *l->items);
    l->items[l->count++] = xstrdup(path);
}

/* ---- globs: component by component, each prefix list made from the one before ---- */

struct glob {
    const char *pattern; /* one component */
    bool dirs_only;
    struct path_list *to;
};

static int glob_child(void *arg, const struct json *entry, struct err *err)
{
    struct glob *g = arg;
    if ((g->dirs_only && !paths_is_directory(entry)) || !text_glob(g->pattern, json_text(json_get(entry, "name"), "")))
        return 0;
    if (g->to->count == GLOB_MAX)
        return err_set(err, ERR_TOO_LARGE, "more than %d paths match", GLOB_MAX);
    path_list_add(g->to, json_text(json_get(entry, "path"), ""));
    return 0;
}

static int glob_level(struct cli *c, const struct path_list *from, const char *name, bool is_last, struct path_list *to, struct err *err)
{
    char path[PATH_MAX_BYTES + 1];
    struct glob g = {name, !is_last, to};
    for (size_t i = 0; i < from->count; i++) {
        if (strchr(name, '*')) {
            int rc = paths_list(c, from->items[i], "", glob_child, &g, err);
            if (rc < 0 && rc != -ERR_NOT_FOUND && rc != -ERR_NOT_DIRECTORY)
                return rc;
            continue;
        }
        struct json *entry = NULL;
        TRY(path_join(from->items[i], name, path, err));
        if (paths_stat(c, path, &entry, NULL) == 0)
            path_list_add(to, path);
        json_free(entry);
    }
    return 0;
}

static int expand(struct cli *c, char *path, struct path_list *to, struct err *err)
{
    AUTO(path_list) now = {0};
    path_list_add(&now, "/");
    char *rest = path + 1;
    for (char *name; (name = strsep(&rest, "/"));) {
        struct path_list next = {0};
        int rc = glob_level(c, &now, name, !rest, &next, err);
        path_list_done(&now);
        now = next;
        TRY(rc);
    }
    for (size_t i = 0; i < now.count; i++)
        path_list_add(to, now.items[i]);
    return now.count ? 0 : err_set(err, ERR_NOT_FOUND, "%.200s does not exist.", path);
}

int paths_expand(struct cli *c, const char *typed, struct path_list *to, struct err *err)
{
    char path[PATH_MAX_BYTES + 1];
    TRY(paths_take(typed, path, err));
    if (!strchr(path, '*')) {
        path_list_add(to, path);
        return 0;
    }
    AUTO_FREE char *copy = xstrdup(path);
    int rc = expand(c, copy, to, err);
    return rc == -ERR_NOT_FOUND ? err_set(err, ERR_NOT_FOUND, "%.200s does not exist.", path) : rc;
}

int paths_each(struct cli *c, const struct args *a, size_t from, size_t to, path_fn fn)
{
    int code = 0;
    for (size_t i = from; i < to; i++) {
        AUTO(path_list) list = {0};
        struct err err = {0};
        if (paths_expand(c, a->items[i], &list, &err) < 0) {
            fprintf(stderr, "%s\n", err.text);
            code = CLI_FAILED;
        }
        for (size_t k = 0; k < list.count; k++) {
            int rc = fn(c, a, list.items[k], &err);
            if (rc < 0) {
                fflush(stdout);
                fprintf(stderr, "%s\n", err.text);
            }
            if (rc)
                code = rc < 0 ? CLI_FAILED : rc;
        }
    }
    return code;
}

/* ---- entries ---- */

int paths_stat(struct cli *c, const char *path, struct json **ret, struct err *err)
{
    return client_files(c, "GET", path, "", NULL, ret, err);
}

bool paths_is_directory(const struct json *entry)
{
    return !strcmp(json_text(json_get(entry, "type"), ""), "directory");
}

static int give_page(const struct json *page, int (*each)(void *arg, const struct json *entry, struct err *err), void *arg, struct err *err)
{
    const struct json *items = json_get(page, "items");
    for (size_t i = 0; i < json_size(items); i++)
        TRY(each(arg, json_at(items, i), err));
    return 0;
}

int paths_list(struct cli *c, const char *path, const char *query,
               int (*each)(void *arg, const struct json *entry, struct err *err), void *arg, struct err *err)
{
    AUTO_FREE char *cursor = NULL;
    do {
        AUTO_FREE char *suffix = xasprintf("?list&limit=%d%s%s%s", PAGE, query, cursor ? "&cursor=" : "", cursor ? cursor : "");
        struct json *page = NULL;
        TRY(client_files(c, "GET", path, suffix, NULL, &page, err));
        int rc = give_page(page, each, arg, err);
        const char *next = json_text(json_get(page, "next_cursor"), NULL);
        free(cursor);
        cursor = next ? xstrdup(next) : NULL;
        json_free(page);
        TRY(rc);
    } while (cursor);
    return 0;
}
