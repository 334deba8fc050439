/* SPDX-License-Identifier: Apache-2.0
 *
 * Operations and the stores behind them: what lies there, several mounts, stores that refuse, and directories that
 * move on stores without rename.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "master/keys.h"
#include "master/store_part.h"
#include "ns_fixture.h"

#define OK(rc)                                                                                     \
    do {                                                                                           \
        int ok_rc_ = (rc);                                                                         \
        if (ok_rc_)                                                                                \
            fail_msg("%s: %d %s", #rc, ok_rc_, n->err.text);                                       \
    } while (0)
#define FAILS(rc, code, sentence)                                                                  \
    do {                                                                                           \
        int fails_rc_ = (rc);                                                                      \
        if (fails_rc_ != -(code) || strncmp(n->err.text, sentence, strlen(sentence)))              \
            fail_msg("%s: %d %s", #rc, fails_rc_, n->err.text);                                    \
    } while (0)

static int setup(void **state)
{
    *state = ns_new(NULL);
    return 0;
}

static int teardown(void **state)
{
    ns_free(*state);
    return 0;
}

static int mount_with(struct ns *n, const char *path, const char *uri, bool read_only, const struct mount_option *options, size_t count)
{
    const struct mount_api *a = master_mount_api(n->m);
    struct mount_spec spec = {.path = path, .uri = uri, .is_read_only = read_only, .freshness = FRESH_NEVER, .options = options, .option_count = count};
    struct call c = ns_call(n, NULL);
    mount_id id;
    return a->add(a->impl, &c, &spec, &id, &n->err);
}

static int mount_at(struct ns *n, const char *path, const char *uri, bool read_only, const char *fault)
{
    return mount_with(n, path, uri, read_only, &(struct mount_option){"isthmus.test.fault", fault}, fault ? 1 : 0);
}

/* A store that infers directories and moves them object by object, each copy 30 ms. */
static int mount_flat(struct ns *n, const char *path, const char *uri)
{
    static const struct mount_option options[] = {{"isthmus.test.mem.flat", "true"}, {"isthmus.test.fault", "copy:delay:30"}};
    return mount_with(n, path, uri, false, options, array_len(options));
}

static void put_file(struct ns *n, const char *key, const char *text)
{
    AUTO_FREE char *path = xasprintf("%s/%s", n->uri, key);
    char dir[PATH_MAX_BYTES + 1];
    path_parent(path, dir);
    assert_int_equal(file_mkdirs(dir, 0755, &n->err), 0);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void test_behind_our_back(void **state)
{
    struct ns *n = *state;
    struct inode i;
    struct ns_names names;
    struct list_result r;
    put_file(n, "lake/a/one", "1");
    put_file(n, "lake/two", "22");
    OK(ns_stat(n, NULL, "/lake/a/one", &i));
    assert_int_equal(i.length, 1);
    assert_int_equal(i.persistence, PERSIST_DONE);
    OK(ns_list(n, NULL, "/lake", NULL, &names, &r));
    assert_string_equal(names.text, "/lake/a,/lake/two");
    FAILS(ns_mkdir(n, NULL, "/lake/two", false), ERR_ALREADY_EXISTS, "/lake/two already exists");
    /* a recursive delete takes nothing that nobody could have seen */
    put_file(n, "wide/x/y/z", "z");
    put_file(n, "wide/w", "w");
    OK(ns_list(n, NULL, "/wide", NULL, &names, &r));
    FAILS(ns_remove(n, NULL, "/wide", true), ERR_CONFLICT, "Cannot delete \"/wide\": UFS dir not in sync: \"x/y\" was not known here");
    assert_true(ns_in_store(n, "wide/x/y/z"));
    OK(ns_remove(n, NULL, "/wide", true)); /* known by now */
    assert_false(ns_in_store(n, "wide/x/y/z"));
    put_file(n, "again/x", "x");
    struct call unchecked_call = ns_call(n, NULL);
    struct remove_options unchecked = {.is_recursive = true, .unchecked = true};
    OK(n->api->remove(n->m, &unchecked_call, "/again", &unchecked, &n->err));
    assert_false(ns_in_store(n, "again/x"));
    /* nor one that was only here until the store had one of that name */
    OK(ns_mkdir(n, NULL, "/only", false));
    OK(ns_stat(n, NULL, "/only", &i));
    assert_int_equal(i.persistence, PERSIST_NOT);
    put_file(n, "only/x", "x");
    FAILS(ns_remove(n, NULL, "/only", true), ERR_CONFLICT, "Cannot delete \"/only\": UFS dir not in sync: \"x\" was not known here");
    assert_true(ns_in_store(n, "only/x"));
    OK(ns_stat(n, NULL, "/only/x", &i));
    OK(ns_remove(n, NULL, "/only", true));
    /* a dry run tells of what was never looked at, and so makes it known */
    put_file(n, "deep/x/y/z", "z");
    struct call c = ns_call(n, NULL);
    struct remove_options o = {.is_recursive = true};
    c.is_dry_run = true;
    OK(n->api->remove(n->m, &c, "/deep", &o, &n->err));
    const struct effect *files = NULL;
    for (size_t k = 0; k < n->result.effect_count; k++)
        if (!strcmp(n->result.effects[k].code, "files_removed"))
            files = &n->result.effects[k];
    assert_non_null(files);
    assert_int_equal(files->count, 1);
    assert_true(ns_in_store(n, "deep/x/y/z"));
    FAILS(ns_remove(n, NULL, "/deep", false), ERR_NOT_EMPTY, "Cannot delete non-empty directory /deep");
    OK(ns_remove(n, NULL, "/deep", true));
    assert_false(ns_in_store(n, "deep/x/y/z"));
    FAILS(ns_stat(n, NULL, "/deep/x", &i), ERR_NOT_FOUND, "Path");
}

static void test_mounts(void **state)
{
    struct ns *n = *state;
    struct ns_names names;
    struct list_result r;
    OK(mount_at(n, "/m", "mem://ns-mounts", false, NULL));
    OK(ns_write(n, NULL, "/m/f", "x", WRITE_THROUGH, false));
    OK(ns_write(n, NULL, "/g", "y", WRITE_THROUGH, false));
    OK(ns_list(n, NULL, "/m", NULL, &names, &r));
    assert_string_equal(names.text, "/m/f");
    assert_false(ns_in_store(n, "m/f"));
    FAILS(ns_rename(n, NULL, "/g", "/m/g", false), ERR_CROSS_MOUNT, "Renaming /g to /m/g crosses mount points");
    FAILS(ns_rename(n, NULL, "/m", "/q", false), ERR_CONFLICT, "/m is a mount point and cannot be renamed");
    FAILS(ns_remove(n, NULL, "/m", true), ERR_CONFLICT, "/m is a mount point");
    OK(ns_mkdir(n, NULL, "/d", false));
    OK(mount_at(n, "/d/ro", "mem://ns-mounts-ro", true, NULL));
    FAILS(ns_rename(n, NULL, "/d", "/e", false), ERR_CONFLICT, "/d holds a mount point");
    FAILS(ns_mkdir(n, NULL, "/d/ro/x", false), ERR_READ_ONLY, "A write operation on /d/ro/x under a readonly mount point /d/ro is not allowed");
    FAILS(ns_remove(n, NULL, "/d", true), ERR_CONFLICT, "/d holds a mount point");
    struct remove_options o = {.is_recursive = true, .with_mount_points = true};
    struct call c = ns_call(n, NULL);
    OK(n->api->remove(n->m, &c, "/d", &o, &n->err));
    FAILS(ns_stat(n, NULL, "/d", NULL), ERR_NOT_FOUND, "Path");
    c = ns_call(n, NULL);
    OK(n->api->remove(n->m, &c, "/m", &o, &n->err));
    FAILS(ns_stat(n, NULL, "/m/f", NULL), ERR_NOT_FOUND, "Path");
    OK(mount_at(n, "/back", "mem://ns-mounts", false, NULL)); /* unmounting took nothing from the store */
    OK(ns_stat(n, NULL, "/back/f", NULL));
}

static void test_refusing_store(void **state)
{
    struct ns *n = *state;
    struct inode i;
    OK(mount_at(n, "/m", "mem://ns-refuse", false, "rename:1:store_denied"));
    OK(ns_write(n, NULL, "/m/f", "x", WRITE_THROUGH, false));
    int rc = ns_rename(n, NULL, "/m/f", "/m/g", false);
    assert_int_equal(rc, -ERR_STORE_DENIED);
    OK(ns_stat(n, NULL, "/m/f", &i)); /* as before */
    assert_int_equal(i.length, 1);
    FAILS(ns_stat(n, NULL, "/m/g", NULL), ERR_NOT_FOUND, "Path");
}

/* Is the content at the key that stat names? */
static bool is_readable(struct ns *n, const char *path, char *key, size_t cap)
{
    struct call c = ns_call(n, NULL);
    struct read_options o = {.sync_interval_ms = -2};
    struct read_plan plan = {0};
    if (n->api->stat(n->m, &c, path, &o, &plan, &n->err))
        return false;
    const struct store_api *s = master_store_api(n->m);
    struct mount_store st;
    struct ufs_stat us;
    struct ufs_call uc = {c.deadline_ms, NULL};
    assert_int_equal(s->get(s->impl, plan.content.mount, false, &st, &n->err), 0);
    int rc = ufs_stat(st.ufs, &uc, plan.content.key, &us, &n->err);
    s->put(s->impl, &st);
    snprintf(key, cap, "%s", plan.content.key);
    read_plan_done(&plan);
    return !rc;
}

static void test_moving_directory(void **state)
{
    struct ns *n = *state;
    char key[256];
    OK(mount_flat(n, "/m", "mem://ns-move"));
    for (int k = 0; k < 20; k++) {
        char path[64];
        snprintf(path, sizeof path, "/m/a/s%d/f", k);
        OK(ns_write(n, NULL, path, "x", WRITE_THROUGH, false));
    }
    OK(ns_rename(n, NULL, "/m/a", "/m/b", false));
    FAILS(ns_stat(n, NULL, "/m/a/s1/f", NULL), ERR_NOT_FOUND, "Path");
    OK(ns_write(n, NULL, "/m/b/new", "new", WRITE_THROUGH, false)); /* while it moves */
    int64_t until = clock_mono_ms() + 15000;
    bool is_moved = false;
    while (!is_moved && !clock_is_past(until)) {
        is_moved = is_readable(n, "/m/b/s7/f", key, sizeof key) && !strcmp(key, "b/s7/f");
        is_moved = is_moved && is_readable(n, "/m/b/new", key, sizeof key) && !strcmp(key, "b/new");
        ns_pause();
    }
    assert_true(is_moved);
    OK(ns_rename(n, NULL, "/m/b/s7/f", "/m/b/g", false));
    assert_true(is_readable(n, "/m/b/g", key, sizeof key));
    assert_string_equal(key, "b/g");
    OK(ns_remove(n, NULL, "/m/b", true));
    FAILS(ns_stat(n, NULL, "/m/b/g", NULL), ERR_NOT_FOUND, "Path");
    FAILS(ns_stat(n, NULL, "/m/a", NULL), ERR_NOT_FOUND, "Path");
}

static void expect_at(struct ns *n, const char *path)
{
    char key[256];
    bool is_there = is_readable(n, path, key, sizeof key);
    if (!is_there || strcmp(key, path + strlen("/m/")))
        fail_msg("%s has the key %s, where there is %s", path, key, is_there ? "an object" : "nothing");
}

static void until_at(struct ns *n, const char *path)
{
    char key[256];
    int64_t until = clock_mono_ms() + 10000;
    while (!clock_is_past(until) && !(is_readable(n, path, key, sizeof key) && !strcmp(key, path + strlen("/m/"))))
        ns_pause();
    expect_at(n, path);
}

/* A change below a directory that moves waits for it, and had the directory's old place in its own key before. */
static void test_changes_in_moving_directory(void **state)
{
    struct ns *n = *state;
    static const struct {
        const char *from, *to, *file; /* a rename; without `from` a write, without `to` a recursive remove */
    } cases[] = {{"/m/file", "/m/b/file", "/m/b/file"}, {"/m/dir", "/m/b/dir", "/m/b/dir/f"},
                 {NULL, "/m/b/new", "/m/b/new"}, {"/m/b/s/f", "/m/f", "/m/f"},
                 {"/m/b/s", "/m/s", "/m/s/f"}, {"/m/b/s", NULL, "/m/b/1"}};
    static const char *const files[] = {"/m/a/1", "/m/a/2", "/m/a/s/f", "/m/file", "/m/dir/f"};
    for (size_t i = 0; i < array_len(cases); i++) {
        const char *from = cases[i].from, *to = cases[i].to;
        AUTO_FREE char *uri = xasprintf("mem://ns-into-moving-%zu", i);
        OK(mount_flat(n, "/m", uri));
        for (size_t k = 0; k < array_len(files); k++)
            OK(ns_write(n, NULL, files[k], "x", WRITE_THROUGH, false));
        OK(ns_rename(n, NULL, "/m/a", "/m/b", false));
        if (!from)
            OK(ns_write(n, NULL, to, "new", WRITE_THROUGH, false));
        else if (to)
            OK(ns_rename(n, NULL, from, to, false));
        else
            OK(ns_remove(n, NULL, from, true));
        until_at(n, cases[i].file);
        until_at(n, "/m/b/1");
        FAILS(ns_stat(n, NULL, "/m/a", NULL), ERR_NOT_FOUND, "Path"); /* nothing was put there again */
        FAILS(ns_stat(n, NULL, from ? from : "/m/a/new", NULL), ERR_NOT_FOUND, "Path");
        struct call c = ns_call(n, NULL);
        struct remove_options o = {.is_recursive = true, .with_mount_points = true};
        OK(n->api->remove(n->m, &c, "/m", &o, &n->err));
    }
}

static int count_intent(void *arg, const struct intent_info *i)
{
    (void)i;
    ++*(int *)arg;
    return 0;
}

/* Back to the old name while the objects are still on their way to the new one. */
static void test_move_back(void **state)
{
    struct ns *n = *state;
    int open = 1;
    OK(mount_flat(n, "/m", "mem://ns-back"));
    OK(ns_write(n, NULL, "/m/a/1", "x", WRITE_THROUGH, false));
    OK(ns_write(n, NULL, "/m/a/s/f", "x", WRITE_THROUGH, false));
    OK(ns_rename(n, NULL, "/m/a", "/m/b", false));
    OK(ns_mkdir(n, NULL, "/m/a", false));
    OK(ns_rename(n, NULL, "/m/b/1", "/m/a/1", false));
    OK(ns_rename(n, NULL, "/m/b", "/m/c", false));
    OK(ns_rename(n, NULL, "/m/c", "/m/b", false));
    for (int64_t until = clock_mono_ms() + 10000; open && !clock_is_past(until);) {
        ns_pause();
        open = 0;
        OK(intents_list(n->m->intents, 0, count_intent, &open));
    }
    expect_at(n, "/m/a/1");
    expect_at(n, "/m/b/s/f");
    FAILS(ns_stat(n, NULL, "/m/c", NULL), ERR_NOT_FOUND, "Path");
}

static void take_from_store(struct ns *n, const char *path, const char *key, const char *dir)
{
    struct call c = ns_call(n, NULL);
    struct read_plan plan = {0};
    struct mount_store st;
    struct ufs_call uc = {c.deadline_ms, NULL};
    const struct store_api *s = master_store_api(n->m);
    OK(n->api->stat(n->m, &c, path, NULL, &plan, &n->err));
    OK(s->get(s->impl, plan.info.mount, true, &st, &n->err));
    if (key)
        OK(ufs_remove(st.ufs, &uc, key, &n->err));
    OK(ufs_rmdir(st.ufs, &uc, dir, &n->err));
    s->put(s->impl, &st);
    read_plan_done(&plan);
}

/* An inferred directory goes from its store with its last file. It stays here when that was our own removal. */
static void test_inferred_directories(void **state)
{
    struct ns *n = *state;
    struct call c = ns_call(n, NULL);
    OK(mount_flat(n, "/m", "mem://ns-inferred"));
    OK(ns_write(n, NULL, "/m/ours/f", "x", WRITE_THROUGH, false));
    OK(ns_write(n, NULL, "/m/theirs/f", "x", WRITE_THROUGH, false));
    OK(n->api->load_metadata(n->m, &c, "/m", true, true, &n->err)); /* both are known to be in the store */
    OK(ns_remove(n, NULL, "/m/ours/f", false));
    take_from_store(n, "/m/ours", NULL, "ours");
    take_from_store(n, "/m/theirs", "theirs/f", "theirs");
    c = ns_call(n, NULL);
    OK(n->api->load_metadata(n->m, &c, "/m", true, true, &n->err));
    OK(ns_stat(n, NULL, "/m/ours", NULL));
    FAILS(ns_stat(n, NULL, "/m/theirs", NULL), ERR_NOT_FOUND, "Path");
    OK(ns_remove(n, NULL, "/m/ours", true));
}

static void test_write_fails(void **state)
{
    struct ns *n = *state;
    struct call c = ns_call(n, NULL);
    struct write_plan plan;
    struct create_options o = {.write_type = WRITE_THROUGH, .mode = -1, .ttl_ms = -1, .replication_max = -1, .overwrite = true};
    OK(ns_write(n, NULL, "/f", "old", WRITE_THROUGH, false));
    OK(n->api->write_begin(n->m, &c, "/f", &o, &plan, &n->err));
    n->api->write_abort(n->m, &c, &plan);
    struct inode i;
    OK(ns_stat(n, NULL, "/f", &i));
    assert_int_equal(i.length, 3);
    OK(ns_write(n, NULL, "/f", "newer", WRITE_THROUGH, true)); /* recovery gave the key back */
    OK(ns_stat(n, NULL, "/f", &i));
    assert_int_equal(i.length, 5);
    /* bytes that reached the store and were never committed are what the store has */
    c = ns_call(n, NULL);
    OK(n->api->write_begin(n->m, &c, "/f", &o, &plan, &n->err));
    put_file(n, "f", "seven77");
    n->api->write_abort(n->m, &c, &plan);
    int64_t until = clock_mono_ms() + 10000;
    do {
        OK(ns_stat(n, NULL, "/f", &i));
        ns_pause();
    } while (i.length != 7 && !clock_is_past(until));
    assert_int_equal(i.length, 7);
}

static void test_decisions(void **state)
{
    (void)state;
    enum { NO, D = INODE_DIRECTORY, F = INODE_FILE, L = INODE_SYMLINK };
    static const struct {
        int from, persistence, to, to_persistence;
        unsigned caps;
        bool same;
        enum store_part want;
    } cases[] = {
        {F, PERSIST_DONE, NO, 0, 0, false, STORE_RENAME},
        {F, PERSIST_DONE, F, PERSIST_DONE, 0, false, STORE_RENAME}, /* replaces the target's object */
        {F, PERSIST_DONE, NO, 0, 0, true, STORE_NOTHING},
        {F, PERSIST_TODO, NO, 0, 0, false, STORE_REMOVE_SOURCE},
        {F, PERSIST_NOT, NO, 0, 0, false, STORE_NOTHING},
        {F, PERSIST_NOT, F, PERSIST_NOT, 0, false, STORE_NOTHING},
        {F, PERSIST_NOT, F, PERSIST_DONE, 0, false, STORE_REMOVE_TARGET},
        {F, PERSIST_LOST, F, PERSIST_DONE, 0, false, STORE_REMOVE_TARGET},
        {L, PERSIST_NOT, F, PERSIST_DONE, 0, false, STORE_REMOVE_TARGET},
        {D, PERSIST_NOT, NO, 0, UFS_CAP_DIR_RENAME, false, STORE_RENAME},
        {D, PERSIST_DONE, NO, 0, 0, false, STORE_MOVE_LATER},
        {D, PERSIST_DONE, NO, 0, 0, true, STORE_NOTHING},
    };
    for (size_t i = 0; i < array_len(cases); i++) {
        struct inode from = {.type = (enum inode_type)cases[i].from, .persistence = (enum persistence)cases[i].persistence};
        struct inode to = {.type = (enum inode_type)cases[i].to, .persistence = (enum persistence)cases[i].to_persistence};
        if (store_part_rename(&from, cases[i].to ? &to : NULL, cases[i].caps, cases[i].same) != cases[i].want)
            fail_msg("case %zu", i);
    }
    static const char *const keys[][3] = {{"a", "b/c", "a/b/c"}, {"", "b", "b"}, {"a/x", "", "a/x"}, {"", "", ""}};
    for (size_t i = 0; i < array_len(keys); i++) {
        AUTO_FREE char *key = keys_join(keys[i][0], keys[i][1]);
        assert_string_equal(key, keys[i][2]);
    }
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_behind_our_back), T(test_mounts), T(test_refusing_store), T(test_moving_directory), T(test_changes_in_moving_directory),
        T(test_move_back), T(test_inferred_directories), T(test_write_fails), cmocka_unit_test(test_decisions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
