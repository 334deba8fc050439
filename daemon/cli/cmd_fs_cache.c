/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_fs_cache: what is cached, what is in the store, and whether the two agree.
 */
#include "base/clock.h"
#include "base/mem.h"
#include "cli/client.h"
#include "cli/paths.h"
#include "cli/show.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* ---- free ---- */

static int free_path(struct cli *c, const struct args *a, const char *path, struct err *err)
{
    TRY(client_files(c, "POST", path, ":free", args_has(a, "f") ? "{\"recursive\":true,\"forced\":true}" : "{\"recursive\":true}", NULL, err));
    printf("%s was successfully freed from Isthmus space.\n", path);
    return 0;
}

static int fs_free(struct cli *c, const struct args *a, struct err *err)
{
    (void)err;
    return paths_each(c, a, 0, a->count, free_path);
}

/* ---- files below a path that need something ---- */

struct wanted {
    struct path_list need, have;
    bool (*needs)(const struct json *entry);
};

static int wanted_each(void *arg, const struct json *e, struct err *err)
{
    struct wanted *w = arg;
    (void)err;
    if (!strcmp(json_text(json_get(e, "type"), ""), "file"))
        path_list_add(w->needs(e) ? &w->need : &w->have, json_text(json_get(e, "path"), ""));
    return 0;
}

static int gather(struct cli *c, const char *path, struct wanted *w, struct err *err)
{
    struct json *e = NULL;
    TRY(paths_stat(c, path, &e, err));
    int rc = paths_is_directory(e) ? paths_list(c, path, "&recursive=true", wanted_each, w, err) : wanted_each(w, e, err);
    json_free(e);
    return rc;
}

static void wanted_done(struct wanted *w)
{
    path_list_done(&w->need);
    path_list_done(&w->have);
}

/* ---- load ---- */

static bool needs_load(const struct json *e)
{
    return json_i64(json_get(e, "cached_bytes"), 0) < json_i64(json_get(e, "length"), 0);
}

static int load_all(struct cli *c, const struct wanted *w, struct err *err)
{
    for (size_t i = 0; i < w->have.count; i++)
        printf("%s already in Isthmus fully\n", w->have.items[i]);
    for (size_t i = 0; i < w->need.count; i++) {
        TRY(client_files(c, "POST", w->need.items[i], ":load", "{}", NULL, err));
        printf("%s loaded\n", w->need.items[i]);
        fflush(stdout);
    }
    return 0;
}

static int load_path(struct cli *c, const struct args *a, const char *path, struct err *err)
{
    AUTO(wanted) w = {.needs = needs_load};
    (void)a;
    TRY(gather(c, path, &w, err));
    return load_all(c, &w, err);
}

static int load(struct cli *c, const struct args *a, struct err *err)
{
    static const char *const later[] = {"submit", "progress", "stop"};
    for (size_t i = 0; i < array_len(later); i++)
        if (args_has(a, later[i]))
            return err_set(err, ERR_NOT_SUPPORTED, "not supported yet: `fs load --%s` belongs to the job service", later[i]);
    return paths_each(c, a, 0, a->count, load_path);
}

/* ---- persist ---- */

static bool needs_persist(const struct json *e)
{
    return strcmp(json_text(json_get(e, "persistence"), ""), "PERSISTED") != 0;
}

static int persist_all(struct cli *c, const struct wanted *w)
{
    int code = 0;
    printf("Found %zu files to persist.\n", w->need.count);
    for (size_t i = 0; i < w->need.count; i++) {
        const char *path = w->need.items[i];
        struct err err = {0};
        int rc = client_files(c, "POST", path, ":persist", "{\"wait\":true}", NULL, &err);
        if (rc == 0)
            printf("(%zu/%zu) Successfully persisted file: %s\n", i + 1, w->need.count, path);
        else if (rc == -ERR_TIMEOUT)
            printf("Timed out waiting for file to be persisted: %s\n", path);
        else
            printf("Failed to persist file %s: %s\n", path, err.text);
        fflush(stdout);
        code = rc < 0 ? CLI_FAILED : code;
    }
    return code;
}

static int persist_path(struct cli *c, const struct args *a, const char *path, struct err *err)
{
    AUTO(wanted) w = {.needs = needs_persist};
    (void)a;
    TRY(gather(c, path, &w, err));
    return persist_all(c, &w);
}

static int persist(struct cli *c, const struct args *a, struct err *err)
{
    (void)err;
    return paths_each(c, a, 0, a->count, persist_path);
}

/* ---- the store's view ---- */

static int load_metadata_path(struct cli *c, const struct args *a, const char *path, struct err *err)
{
    static const char *const bodies[2][2] = {{"{\"forced\":false}", "{\"forced\":true}"},
                                             {"{\"recursive\":true,\"forced\":false}", "{\"recursive\":true,\"forced\":true}"}};
    int64_t start = clock_mono_ms();
    TRY(client_files(c, "POST", path, ":load-metadata", bodies[args_has(a, "R")][args_has(a, "F")], NULL, err));
    printf("Time elapsed %" PRId64 "\n", clock_mono_ms() - start);
    return 0;
}

static int load_metadata(struct cli *c, const struct args *a, struct err *err)
{
    (void)err;
    return paths_each(c, a, 0, a->count, load_metadata_path);
}

/* Alluxio marks the path so that the next access compares; here it is compared at once. */
static int needs_sync_path(struct cli *c, const struct args *a, const char *path, struct err *err)
{
    (void)a;
    TRY(client_files(c, "POST", path, ":load-metadata", "{\"forced\":true}", NULL, err));
    printf("%s has been compared with its store\n", path);
    return 0;
}

static int needs_sync(struct cli *c, const struct args *a, struct err *err)
{
    (void)err;
    return paths_each(c, a, 0, a->count, needs_sync_path);
}

static void print_inconsistent(const struct json *items, const char *path, bool repair)
{
    size_t n = json_size(items);
    if (!n) {
        printf("%s is consistent with the under storage system.\n", path);
        return;
    }
    if (repair)
        printf("%s has: %zu inconsistent files. Repairing with 1 threads.\n", path, n);
    else
        puts("The following files are inconsistent:");
    for (size_t i = 0; i < n; i++) {
        const char *p = json_text(json_get(json_at(items, i), "path"), "");
        if (repair)
            printf("repairing path: %s\n%s repaired\n", p, p);
        else
            printf("%s (%s)\n", p, json_text(json_get(json_at(items, i), "what"), ""));
    }
}

static int check_path(struct cli *c, const struct args *a, const char *path, struct err *err)
{
    struct json *j = NULL;
    bool repair = args_has(a, "r");
    TRY(client_files(c, "POST", path, ":check", repair ? "{\"repair\":true}" : "{}", &j, err));
    bool is_consistent = json_size(json_get(j, "items")) == 0;
    if (c->is_json)
        show_json(j);
    else
        print_inconsistent(json_get(j, "items"), path, repair);
    json_free(j);
    return is_consistent || repair ? 0 : 1;
}

static int check_consistency(struct cli *c, const struct args *a, struct err *err)
{
    (void)err;
    return paths_each(c, a, 0, a->count, check_path);
}

static const struct flag free_flags[] = {{"f", NULL, NULL, "pinned files too"}, {0}};
static const struct flag load_flags[] = {{NULL, "local", NULL, "taken and ignored: there is one worker"},
                                         {NULL, "submit", NULL, "not supported yet"}, {NULL, "progress", NULL, "not supported yet"},
                                         {NULL, "stop", NULL, "not supported yet"}, {0}};
static const struct flag persist_flags[] = {{"p", "parallelism", "n", "taken and ignored: files go one after another"},
                                            {"t", "timeout", "ms", "taken and ignored: the store's own deadline holds"},
                                            {"w", "wait", "ms", "taken and ignored: files are written at once"},
                                            {0}};
static const struct flag metadata_flags[] = {{"R", NULL, NULL, "everything below"}, {"F", NULL, NULL, "even when it was just done"},
                                             {"v2", NULL, NULL, "taken and ignored"}, {0}};
static const struct flag check_flags[] = {{"r", NULL, NULL, "take the store's state"}, {"t", "threads", "n", "taken and ignored"}, {0}};

const struct command cmd_fs_cache[] = {
    {"fs", "free", "<path>...", 1, -1, free_flags, 0, "Drops cached bytes; the files stay.", fs_free, NULL},
    {"fs", "load", "<path>...", 1, -1, load_flags, 0, "Brings content into the cache.", load, NULL},
    {"fs", "persist", "<path>...", 1, -1, persist_flags, 0, "Writes files to their store.", persist, NULL},
    {"fs", "loadMetadata", "<path>...", 1, -1, metadata_flags, 0, "Compares metadata with the store.", load_metadata, NULL},
    {"fs", "needsSync", "<path>...", 1, -1, NULL, 0, "Compares a path with its store now.", needs_sync, NULL},
    {"fs", "checkConsistency", "<path>...", 1, -1, check_flags, COMMAND_READS, "Lists what differs from the store; exit code 1 when something does.", check_consistency, NULL},
    {0}};
