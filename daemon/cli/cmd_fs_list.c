/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_fs_list: ls.  In the order of names a listing is printed page by page; only a wish for another
 * order keeps it whole.
 */
#include "base/mem.h"
#include "cli/client.h"
#include "cli/paths.h"
#include "cli/show.h"

#include <stdio.h>
#include <string.h>

struct row {
    char *line, *text; /* text: what the order compares, or NULL: key */
    int64_t key;
};

struct listing {
    struct cli *c;
    const char *time_member, *sort;
    bool is_human, pinned_only, reverse, keep, has_printed;
    struct row *rows;
    size_t count;
};

static int64_t sort_key(const struct listing *l, const struct json *e)
{
    static const char *const times[][2] = {{"creationTime", "created"}, {"lastAccessTime", "accessed"}, {"lastModificationTime", "modified"}};
    for (size_t i = 0; i < array_len(times); i++)
        if (!strcmp(l->sort, times[i][0]))
            return show_time_of(e, times[i][1]);
    uint64_t length = (uint64_t)json_i64(json_get(e, "length"), 0);
    if (!strcmp(l->sort, "inMemoryPercentage"))
        return show_percent((uint64_t)json_i64(json_get(e, "cached_mem_bytes"), 0), length);
    return (int64_t)length;
}

static void keep_row(struct listing *l, const struct json *e, char *line)
{
    const char *by = !strcmp(l->sort, "name") || !strcmp(l->sort, "path") ? json_text(json_get(e, l->sort), "") : NULL;
    if (!(l->count & (l->count - 1)))
        l->rows = xrealloc(l->rows, (l->count ? 2 * l->count : 1) * sizeof *l->rows);
    l->rows[l->count++] = (struct row){line, by ? xstrdup(by) : NULL, by ? 0 : sort_key(l, e)};
}

static void print_line(struct listing *l, const char *line)
{
    if (l->c->is_json && l->has_printed)
        putchar(',');
    fputs(line, stdout);
    l->has_printed = true;
}

static int add_entry(void *arg, const struct json *e, struct err *err)
{
    struct listing *l = arg;
    AUTO(buf) line = {.max = 1 << 20};
    (void)err;
    if (l->pinned_only && !json_bool(json_get(e, "pinned"), false))
        return 0;
    if (l->c->is_json)
        json_dump(e, &line);
    else
        show_ls_line(e, l->time_member, l->is_human, &line);
    if (l->keep)
        keep_row(l, e, buf_take(&line));
    else
        print_line(l, buf_str(&line));
    return 0;
}

static int compare(const void *a, const void *b)
{
    const struct row *x = a, *y = b;
    if (x->text && y->text)
        return strcmp(x->text, y->text);
    return x->key < y->key ? -1 : x->key > y->key;
}

static void print_kept(struct listing *l)
{
    if (l->count)
        qsort(l->rows, l->count, sizeof *l->rows, compare);
    for (size_t i = 0; i < l->count; i++) {
        struct row *r = &l->rows[l->reverse ? l->count - 1 - i : i];
        print_line(l, r->line);
        free(r->line);
        free(r->text);
    }
    free(l->rows);
    l->rows = NULL;
    l->count = 0;
}

static int list_itself(struct listing *l, const char *path, const char *query, struct err *err)
{
    struct json *e = NULL;
    TRY(client_files(l->c, "GET", path, query, NULL, &e, err));
    int rc = add_entry(l, e, err);
    json_free(e);
    return rc;
}

static int choose(const struct args *a, struct listing *l, struct err *err)
{
    static const char *const stamps[][2] = {{"createdTime", "created"}, {"creationTime", "created"}, {"lastAccessTime", "accessed"}, {"lastModificationTime", "modified"}};
    static const char *const sorts[] = {"creationTime", "inMemoryPercentage", "lastAccessTime", "lastModificationTime", "name", "path", "size"};
    const char *shown = args_value(a, "timestamp"), *sort = args_value(a, "sort");
    l->time_member = shown ? NULL : "modified";
    for (size_t i = 0; shown && i < array_len(stamps); i++)
        if (!strcmp(shown, stamps[i][0]))
            l->time_member = stamps[i][1];
    for (size_t i = 0; sort && i < array_len(sorts); i++)
        if (!strcmp(sort, sorts[i]))
            l->sort = sorts[i];
    if (!l->time_member)
        return err_set(err, ERR_INVALID_ARGUMENT, "Unrecognized timestamp option: %.40s", shown);
    if (sort && !l->sort)
        return err_set(err, ERR_INVALID_ARGUMENT, "Unsupported sort option: %.40s", sort);
    l->reverse = args_has(a, "r");
    l->keep = l->sort || l->reverse;
    if (!l->sort)
        l->sort = "name";
    return 0;
}

static int ls_path(struct cli *c, const struct args *a, const char *path, struct err *err)
{
    struct listing l = {.c = c, .is_human = args_has(a, "h"), .pinned_only = args_has(a, "p")};
    bool force = args_has(a, "f");
    TRY(choose(a, &l, err));
    AUTO_FREE char *query = xasprintf("%s%s", args_has(a, "R") ? "&recursive=true" : "", force ? "&sync_interval_ms=0" : "");
    if (c->is_json)
        fputs("{\"items\":[", stdout);
    int rc = args_has(a, "d") ? -ERR_NOT_DIRECTORY : paths_list(c, path, query, add_entry, &l, err);
    if (rc == -ERR_NOT_DIRECTORY)
        rc = list_itself(&l, path, force ? "?sync_interval_ms=0" : "", err);
    print_kept(&l);
    if (c->is_json)
        puts("]}");
    return rc;
}

static int ls(struct cli *c, const struct args *a, struct err *err)
{
    struct listing l = {0};
    TRY(choose(a, &l, err));
    return paths_each(c, a, 0, a->count, ls_path);
}

static const struct flag ls_flags[] = {
    {"d", NULL, NULL, "directories themselves, not what is in them"},
    {"f", NULL, NULL, "compare with the store first"},
    {"h", NULL, NULL, "sizes for people"},
    {"m", "omit-mount-info", NULL, "leave out facts of mounts; they are not shown anyhow"},
    {"p", NULL, NULL, "pinned ones only"},
    {"R", NULL, NULL, "everything below"},
    {"r", NULL, NULL, "the other way round"},
    {NULL, "sort", "by", "creationTime, inMemoryPercentage, lastAccessTime, lastModificationTime, name, path or size"},
    {NULL, "timestamp", "which", "createdTime, lastAccessTime or lastModificationTime"},
    {0}};

const struct command cmd_fs_list[] = {
    {"fs", "ls", "<path>...", 1, -1, ls_flags, COMMAND_READS, "Lists directories.", ls, NULL},
    {0}};
