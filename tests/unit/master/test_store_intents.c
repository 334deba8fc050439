/* SPDX-License-Identifier: Apache-2.0
 *
 * Between intent and outcome: the process ends there, and the next start finishes; files that wait for their store.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "test_store_fixture.h"

#include "base/clock.h"
#include "master/acl.h"

#include <string.h>

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

static int count_one(void *arg, const char *key, const void *value, size_t len)
{
    (void)key, (void)value, (void)len;
    ++*(int *)arg;
    return 0;
}

static bool no_intents(void *arg)
{
    int n = 0;
    (void)arg;
    assert_int_equal(meta_records(f.meta, RECORD_INTENT, NULL, count_one, &n, NULL), 0);
    return n == 0;
}

/* Journals an intent of our own making, as an operation would have, and stops before anything follows. */
static void crash_after_put(struct intent i, struct entry *e)
{
    struct intent_claim *c;
    struct intents *in = master_intents(f.m);
    struct call call = store_fixture_call(&f);
    assert_int_equal(intents_claim(in, &call, &i, &c, NULL), 0);
    intents_put(c, e);
    assert_int_equal(meta_propose(f.meta, &call, e, NULL), 0);
    intents_release(in, c, true); /* forgets the ownership, not the record */
    assert_false(no_intents(NULL));
}

static void write_is_made_true(void **state)
{
    (void)state;
    AUTO(entry) e = {0};
    char *names = store_fixture_list(&f, "/");
    free(names);
    entry_init(&e, ENTRY_INTENT, clock_wall_ms());
    crash_after_put((struct intent){.kind = INTENT_WRITE, .mount = 1, .key = "new"}, &e);
    store_fixture_write(&f, "new", "bytes");
    store_fixture_stop(&f);
    store_fixture_start(&f);
    assert_true(store_fixture_until(no_intents, NULL, 5000));
    struct inode i;
    assert_int_equal(store_fixture_stat(&f, "/new", &i), 0);
    assert_int_equal(i.length, 5);
    assert_int_equal(i.mode, 0644); /* a record without what it should be born with, as older ones are */
}

static const char *const ann_groups[] = {"staff"};
static const struct identity ann = {.user = "ann", .group_count = 1, .groups = ann_groups, .can_write = true, .scope = "/"};

static void make_directory(const char *path, unsigned mode)
{
    struct call call = store_fixture_call(&f);
    struct mkdir_options o = {.mode = (int)mode, .ttl_ms = -1};
    const struct meta_api *api = master_meta_api(f.m);
    assert_int_equal(api->mkdir(api->impl, &call, path, &o, NULL), 0);
}

/* A write that ended between the store and its commit leaves the file that the commit would have made, not one for all to read. */
static void cut_write_keeps_mode_and_owner(void **state)
{
    (void)state;
    struct call call = store_fixture_call(&f);
    const struct meta_api *api = master_meta_api(f.m);
    struct create_options o = {.mode = 0600, .write_type = WRITE_THROUGH, .ttl_ms = -2, .replication_max = -1};
    struct write_plan plan = {0};
    struct inode i;
    make_directory("/d", 0777);
    call.who = &ann;
    assert_int_equal(api->write_begin(api->impl, &call, "/d/secret", &o, &plan, NULL), 0);
    store_fixture_write(&f, "d/secret", "bytes");
    api->write_abort(api->impl, &call, &plan);
    assert_true(store_fixture_until(no_intents, NULL, 5000));
    assert_int_equal(store_fixture_stat(&f, "/d/secret", &i), 0);
    assert_int_equal(i.mode, 0600);
    assert_string_equal(meta_principal_name(f.meta, i.owner), "ann");
    assert_string_equal(meta_principal_name(f.meta, i.group), "staff");
}

static void cut_write_inherits_after_restart(void **state)
{
    (void)state;
    struct call call = store_fixture_call(&f);
    const struct meta_api *api = master_meta_api(f.m);
    struct acl_entry given[] = {{.kind = 'u', .is_default = true, .perm = 7, .name = "bob"}}, list[ACL_MAX];
    struct inode i;
    size_t n = 0, bob = 0;
    AUTO(entry) e = {0};
    make_directory("/d", 0755);
    assert_int_equal(api->set_acl(api->impl, &call, "/d", ACL_MODIFY, given, 1, false, NULL, NULL), 0);
    struct intent intent = {.kind = INTENT_WRITE, .mount = 1, .key = "d/f", .birth = {.is_known = true, .mode = 0640}};
    assert_int_equal(meta_principal(f.meta, &call, "ann", &intent.birth.owner, NULL), 0);
    entry_init(&e, ENTRY_INTENT, clock_wall_ms());
    crash_after_put(intent, &e);
    store_fixture_write(&f, "d/f", "bytes");
    store_fixture_stop(&f);
    store_fixture_start(&f);
    api = master_meta_api(f.m);
    assert_true(store_fixture_until(no_intents, NULL, 5000));
    assert_int_equal(store_fixture_stat(&f, "/d/f", &i), 0);
    assert_int_equal(i.mode, 0640);
    assert_true(i.flags & INODE_HAS_ACL);
    assert_string_equal(meta_principal_name(f.meta, i.owner), "ann");
    assert_int_equal(api->get_acl(api->impl, &call, "/d/f", list, ACL_MAX, &n, NULL), 0);
    while (bob < n && strcmp(list[bob].name, "bob"))
        bob++;
    assert_true(bob < n && list[bob].perm == 7);
}

/* Over a file that is only cached: the file stays what it is, and the object of nobody goes. */
static void write_over_cached_is_undone(void **state)
{
    (void)state;
    struct inode i;
    AUTO(entry) e = {0};
    assert_int_equal(store_fixture_put(&f, "/cached", WRITE_MUST_CACHE, NULL), 0);
    assert_int_equal(store_fixture_stat(&f, "/cached", &i), 0);
    entry_init(&e, ENTRY_INTENT, clock_wall_ms());
    crash_after_put((struct intent){.kind = INTENT_WRITE, .mount = 1, .key = "cached", .ino = i.ino, .cid = i.cid + 1}, &e);
    store_fixture_write(&f, "cached", "bytes");
    store_fixture_stop(&f);
    store_fixture_start(&f);
    assert_true(store_fixture_until(no_intents, NULL, 5000));
    assert_false(store_fixture_has(&f, "cached"));
    assert_int_equal(store_fixture_stat(&f, "/cached", &i), 0);
    assert_int_equal(i.persistence, PERSIST_NOT);
}

static void removal_is_finished(void **state)
{
    (void)state;
    AUTO(entry) e = {0};
    struct inode i;
    store_fixture_write(&f, "d/a", "1");
    store_fixture_write(&f, "d/sub/b", "1");
    store_fixture_write(&f, "x", "1");
    free(store_fixture_list(&f, "/"));
    assert_int_equal(store_fixture_stat(&f, "/x", &i), 0);
    entry_init(&e, ENTRY_REMOVE, clock_wall_ms());
    entry_remove_dentry(&e, INODE_ROOT, "x");
    entry_remove_inode(&e, i.ino);
    crash_after_put((struct intent){.kind = INTENT_REMOVE, .mount = 1, .key = "x"}, &e);
    AUTO(entry) e2 = {0};
    entry_init(&e2, ENTRY_INTENT, clock_wall_ms());
    crash_after_put((struct intent){.kind = INTENT_REMOVE, .mount = 1, .key = "d", .is_directory = true}, &e2);
    store_fixture_stop(&f);
    store_fixture_start(&f);
    assert_true(store_fixture_until(no_intents, NULL, 5000));
    assert_false(store_fixture_has(&f, "x"));
    assert_false(store_fixture_has(&f, "d"));
    assert_int_equal(store_fixture_stat(&f, "/x", NULL), -ERR_NOT_FOUND);
}

static void owners_exclude(void **state)
{
    (void)state;
    struct intents *in = master_intents(f.m);
    struct call call = store_fixture_call(&f);
    struct intent_claim *c, *other;
    struct intent i = {.kind = INTENT_WRITE, .mount = 1, .key = "a/b"};
    assert_int_equal(intents_claim(in, &call, &i, &c, NULL), 0);
    assert_true(intents_covers(in, 1, "a/b/c"));
    call.deadline_ms = clock_mono_ms() + 50;
    i.key = "a";
    assert_int_equal(intents_claim(in, &call, &i, &other, NULL), -ERR_BUSY);
    intents_release(in, c, true);
    assert_int_equal(intents_claim(in, &call, &i, &c, NULL), 0);
    intents_release(in, c, true);
}

static void never_journaled_is_dropped(void **state)
{
    (void)state;
    struct intents *in = master_intents(f.m);
    struct call call = store_fixture_call(&f);
    struct intent_claim *c;
    struct intent i = {.kind = INTENT_REMOVE, .mount = 1, .key = "precious"};
    store_fixture_write(&f, "precious", "1");
    assert_int_equal(intents_claim(in, &call, &i, &c, NULL), 0);
    intents_release(in, c, false); /* the outcome of the proposal was unknown; in truth it never came */
    for (int n = 0; n < 100 && intents_covers(in, 1, "precious"); n++)
        assert_int_equal(meta_wait_index(f.meta, meta_applied_index(f.meta) + 1, clock_mono_ms() + 20, NULL) <= 0, true);
    assert_false(intents_covers(in, 1, "precious"));
    assert_true(store_fixture_has(&f, "precious"));
}

static bool is_persisted(void *arg)
{
    struct inode i;
    return store_fixture_stat(&f, arg, &i) == 0 && i.persistence == PERSIST_DONE;
}

static void persisted_after_failures(void **state)
{
    (void)state;
    struct err err = {0};
    f.persist_failures = 3;
    int rc = store_fixture_put(&f, "/p/file", WRITE_ASYNC_THROUGH, &err);
    if (rc < 0)
        print_message("%s\n", err.text);
    assert_int_equal(rc, 0);
    assert_true(store_fixture_until(is_persisted, (void *)"/p/file", 10000));
    assert_true(f.persists >= 4);
    assert_true(store_fixture_has(&f, "p/file"));
    assert_true(store_fixture_until(no_intents, NULL, 2000));
    struct mark left;
    assert_int_equal(meta_marks(f.meta, MARK_PERSIST, INT64_MAX, &left, 1, NULL), 0);
}

static void persist_survives_restart(void **state)
{
    (void)state;
    f.persist_failures = 1 << 20;
    assert_int_equal(store_fixture_put(&f, "/q", WRITE_ASYNC_THROUGH, NULL), 0);
    store_fixture_stop(&f);
    f.persist_failures = 0;
    store_fixture_start(&f);
    assert_true(store_fixture_until(is_persisted, (void *)"/q", 10000));
    assert_true(store_fixture_has(&f, "q"));
}

static void persist_on_wish(void **state)
{
    (void)state;
    const struct meta_api *api = master_meta_api(f.m);
    struct err err = {0};
    assert_int_equal(store_fixture_put(&f, "/w/a", WRITE_MUST_CACHE, NULL), 0);
    assert_int_equal(store_fixture_put(&f, "/w/b", WRITE_MUST_CACHE, NULL), 0);
    struct call call = store_fixture_call(&f);
    int rc = api->persist(api->impl, &call, "/w", true, &err);
    if (rc < 0)
        print_message("%s\n", err.text);
    assert_int_equal(rc, 0);
    assert_true(store_fixture_has(&f, "w/a") && store_fixture_has(&f, "w/b"));
    assert_true(is_persisted((void *)"/w/b"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(write_is_made_true, setup, teardown),
        cmocka_unit_test_setup_teardown(cut_write_keeps_mode_and_owner, setup, teardown),
        cmocka_unit_test_setup_teardown(cut_write_inherits_after_restart, setup, teardown),
        cmocka_unit_test_setup_teardown(write_over_cached_is_undone, setup, teardown),
        cmocka_unit_test_setup_teardown(removal_is_finished, setup, teardown),
        cmocka_unit_test_setup_teardown(owners_exclude, setup, teardown),
        cmocka_unit_test_setup_teardown(never_journaled_is_dropped, setup, teardown),
        cmocka_unit_test_setup_teardown(persisted_after_failures, setup, teardown),
        cmocka_unit_test_setup_teardown(persist_survives_restart, setup, teardown),
        cmocka_unit_test_setup_teardown(persist_on_wish, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
