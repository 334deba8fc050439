/* SPDX-License-Identifier: Apache-2.0
 *
 * What happens behind our back in a folder, and what must never come back.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "test_store_fixture.h"

#include "base/clock.h"
#include "base/file_util.h"
#include "base/thread.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct store_fixture f;

static int setup(void **state)
{
    (void)state;
    store_fixture_init(&f);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    store_fixture_done(&f);
    return 0;
}

static void gone(const char *key)
{
    char path[400];
    snprintf(path, sizeof path, "%s/%s", f.store_dir, key);
    assert_int_equal(file_remove_tree(path, NULL), 0);
}

static void assert_list(const char *path, const char *expected)
{
    char *names = store_fixture_list(&f, path);
    assert_string_equal(names, expected);
    free(names);
}

static int load(const char *path, bool recursive)
{
    struct call call = store_fixture_call(&f);
    const struct meta_api *api = master_meta_api(f.m);
    struct err err = {0};
    int rc = api->load_metadata(api->impl, &call, path, recursive, true, &err);
    if (rc < 0)
        print_message("load %s: %s\n", path, err.text);
    return rc;
}

static void loaded_once(void **state)
{
    (void)state;
    struct inode i;
    store_fixture_write(&f, "b/one", "1");
    store_fixture_write(&f, "a", "hello");
    store_fixture_write(&f, "bad\\name", "x");
    assert_list("/", "a b"); /* a name that is not allowed here is left out */
    assert_list("/b", "one");
    assert_int_equal(store_fixture_stat(&f, "/a", &i), 0);
    assert_int_equal(i.length, 5);
    assert_int_equal(i.persistence, PERSIST_DONE);
    assert_true(i.etag[0]);
    store_fixture_write(&f, "later", "x");
    assert_list("/", "a b"); /* never checked again by itself */
    assert_int_equal(store_fixture_stat(&f, "/nothing", NULL), -ERR_NOT_FOUND);
}

static void found_by_path(void **state)
{
    (void)state;
    store_fixture_write(&f, "x/y/z", "deep");
    assert_int_equal(store_fixture_stat(&f, "/x/y/z", NULL), 0); /* without any listing */
    assert_int_equal(store_fixture_stat(&f, "/x/y/none", NULL), -ERR_NOT_FOUND);
    store_fixture_write(&f, "x/y/more", "1");
    assert_list("/x/y", "more z");
}

static void behind_our_back(void **state)
{
    (void)state;
    struct inode before, after;
    store_fixture_write(&f, "d/same", "1");
    store_fixture_write(&f, "d/replaced", "old");
    store_fixture_write(&f, "d/removed", "1");
    store_fixture_write(&f, "d/file_then_folder", "1");
    store_fixture_write(&f, "d/folder_then_file/in", "1");
    store_fixture_write(&f, "d/tree/deep/er", "1");
    assert_int_equal(load("/", true), 0);
    assert_list("/d/tree/deep", "er");
    assert_int_equal(store_fixture_put(&f, "/d/tree/deep/mine", WRITE_MUST_CACHE, NULL), 0);
    assert_int_equal(store_fixture_stat(&f, "/d/replaced", &before), 0);
    store_fixture_write(&f, "d/replaced", "newer");
    store_fixture_write(&f, "d/created", "1");
    gone("d/removed");
    gone("d/file_then_folder");
    store_fixture_write(&f, "d/file_then_folder/in", "1");
    gone("d/folder_then_file");
    store_fixture_write(&f, "d/folder_then_file", "22");
    gone("d/tree");
    assert_int_equal(load("/", true), 0);
    assert_list("/d", "created file_then_folder folder_then_file replaced same tree");
    assert_list("/d/file_then_folder", "in");
    assert_list("/d/tree/deep", "mine"); /* unpersisted: stays, with the way to it */
    assert_int_equal(store_fixture_stat(&f, "/d/replaced", &after), 0);
    assert_int_equal(after.ino, before.ino);
    assert_int_not_equal(after.cid, before.cid);
    assert_int_equal(after.length, 5);
    assert_int_equal(store_fixture_stat(&f, "/d/folder_then_file", &after), 0);
    assert_int_equal(after.type, INODE_FILE);
}

static int add_finding(void *arg, const struct inconsistency *i, struct err *err)
{
    (void)err;
    buf_addf(arg, "%s %s;", i->what, i->path);
    return 0;
}

static void consistency(void **state)
{
    (void)state;
    const struct meta_api *api = master_meta_api(f.m);
    AUTO(buf) found = {0};
    buf_init(&found, 10000);
    store_fixture_write(&f, "d/a", "1");
    store_fixture_write(&f, "d/b", "1");
    assert_int_equal(load("/", true), 0);
    gone("d/a");
    store_fixture_write(&f, "d/b", "22");
    store_fixture_write(&f, "d/c", "3");
    for (int repair = 0; repair < 2; repair++) {
        struct call call = store_fixture_call(&f);
        buf_reset(&found);
        assert_int_equal(api->check_consistency(api->impl, &call, "/", repair, add_finding, &found, NULL), 0);
        assert_string_equal(buf_str(&found), "changed /d/b;missing_here /d/c;missing_in_store /d/a;");
        assert_list("/d", repair ? "b c" : "a b");
    }
    struct call call = store_fixture_call(&f);
    buf_reset(&found);
    assert_int_equal(api->check_consistency(api->impl, &call, "/", false, add_finding, &found, NULL), 0);
    assert_string_equal(buf_str(&found), "");
}

static void many_pages(void **state)
{
    (void)state;
    struct call call = store_fixture_call(&f);
    char name[32];
    for (int i = 0; i < 1500; i++) {
        snprintf(name, sizeof name, "m/f%04d", i);
        store_fixture_write(&f, name, "1");
    }
    char *names = store_fixture_list(&f, "/m");
    assert_int_equal(strlen(names), 1500 * 6 - 1);
    free(names);
    for (int i = 0; i < 1500; i += 2) {
        snprintf(name, sizeof name, "m/f%04d", i);
        gone(name);
    }
    assert_int_equal(load("/m", false), 0);
    names = store_fixture_list(&f, "/m");
    assert_int_equal(strlen(names), 750 * 6 - 1);
    free(names);
    (void)call;
}

/* Files come and go through the door while the folder is compared all the time: what was removed last stays removed. */
static struct {
    int stop; /* atomic */
    int compared;
} race;

static void compare_always(void *arg)
{
    (void)arg;
    while (!__atomic_load_n(&race.stop, __ATOMIC_RELAXED)) {
        struct call_result result = {0};
        struct call call = call_system("race", clock_mono_ms() + 10000, &result);
        const struct meta_api *api = master_meta_api(f.m);
        (void)!api->load_metadata(api->impl, &call, "/r", false, true, NULL);
        race.compared++;
    }
}

static void never_resurrects(void **state)
{
    (void)state;
    struct thread t = {0};
    const struct meta_api *api = master_meta_api(f.m);
    char name[64], path[80];
    store_fixture_write(&f, "r/keep", "1");
    assert_int_equal(load("/r", false), 0);
    race.stop = race.compared = 0;
    thread_start(&t, "compare", compare_always, NULL);
    int64_t end = clock_mono_ms() + 2000;
    int rounds = 0;
    for (; !clock_is_past(end); rounds++) {
        struct err err = {0};
        snprintf(name, sizeof name, "r/f%d", rounds % 7);
        snprintf(path, sizeof path, "/%s", name);
        store_fixture_write(&f, name, "bytes");
        struct call call = store_fixture_call(&f);
        int rc = api->content_changed(api->impl, &call, path, &err);
        assert_int_equal(rc, 0);
        struct remove_options o = {.unchecked = true};
        call = store_fixture_call(&f);
        rc = api->remove(api->impl, &call, path, &o, &err);
        if (rc < 0)
            print_message("remove: %s\n", err.text);
        assert_int_equal(rc, 0);
        assert_false(store_fixture_has(&f, name));
        assert_int_equal(store_fixture_stat(&f, path, NULL), -ERR_NOT_FOUND);
    }
    __atomic_store_n(&race.stop, 1, __ATOMIC_RELAXED);
    thread_join(&t);
    assert_true(race.compared > 3 && rounds > 3);
    assert_list("/r", "keep");
}

/* The same rule, looked at closely: a listing that is older than a removal. */
static void old_listing_is_refused(void **state)
{
    (void)state;
    struct inode root, gone_inode;
    store_fixture_write(&f, "x", "1");
    assert_int_equal(load("/", false), 0);
    assert_int_equal(store_fixture_stat(&f, "/x", &gone_inode), 0);
    uint64_t index = meta_applied_index(f.meta); /* here the store's call began; its answer holds x */
    struct remove_options o = {.unchecked = true};
    struct call call = store_fixture_call(&f);
    const struct meta_api *api = master_meta_api(f.m);
    assert_int_equal(api->remove(api->impl, &call, "/x", &o, NULL), 0);
    assert_int_equal(meta_inode(f.meta, INODE_ROOT, &root, NULL), 0);
    AUTO(entry) e = {0};
    entry_init(&e, ENTRY_SYNC, clock_wall_ms());
    entry_guard_unchanged_since(&e, INODE_ROOT, index);
    gone_inode.ino = meta_new_id(f.meta);
    entry_put_inode(&e, &gone_inode);
    entry_put_dentry(&e, INODE_ROOT, "x", gone_inode.ino, INODE_FILE);
    call = store_fixture_call(&f);
    assert_int_equal(meta_propose(f.meta, &call, &e, NULL), -ERR_STALE);
}

static bool is_under_way(void *arg)
{
    return meta_applied_index(f.meta) > *(uint64_t *)arg + 20;
}

static bool is_compared(void *arg)
{
    (void)arg;
    return load("/", false) == 0; /* a slow machine needs more than one call's time */
}

/* A folder of a thousand folders went from the store; the node stops between two steps, and goes on when it is asked again. */
static void stops_while_removing(void **state)
{
    (void)state;
    char name[32];
    const struct meta_api *api = master_meta_api(f.m);
    for (int i = 0; i < 1000; i++) {
        snprintf(name, sizeof name, "t/d%04d/f", i);
        store_fixture_write(&f, name, "1");
    }
    assert_int_equal(load("/", true), 0);
    gone("t");
    uint64_t index = meta_applied_index(f.meta);
    struct call call = store_fixture_call(&f);
    call.deadline_ms = clock_mono_ms() + 1;
    assert_int_equal(api->load_metadata(api->impl, &call, "/", false, true, NULL), -ERR_TIMEOUT); /* the comparison goes on */
    assert_true(store_fixture_until(is_under_way, &index, 5000));
    store_fixture_stop(&f);
    store_fixture_start(&f);
    char *left = store_fixture_list(&f, "/t");
    assert_true(strlen(left) > 6 * 100);
    free(left);
    assert_true(store_fixture_until(is_compared, NULL, 60000));
    assert_list("/", "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(loaded_once, setup, teardown),
        cmocka_unit_test_setup_teardown(found_by_path, setup, teardown),
        cmocka_unit_test_setup_teardown(behind_our_back, setup, teardown),
        cmocka_unit_test_setup_teardown(consistency, setup, teardown),
        cmocka_unit_test_setup_teardown(many_pages, setup, teardown),
        cmocka_unit_test_setup_teardown(never_resurrects, setup, teardown),
        cmocka_unit_test_setup_teardown(old_listing_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(stops_while_removing, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
