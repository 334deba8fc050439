/* SPDX-License-Identifier: Apache-2.0
 *
 * The mount table: its rules and messages, secrets, a store that is dead, and a directory whose bytes must be moved.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "test_store_fixture.h"

#include "base/clock.h"
#include "master/mounts_circuit.h"
#include "master/mounts_record.h"
#include "ufs/filters/fault_store.h"

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static struct store_fixture f;
static char other[400];

static int setup(void **state)
{
    (void)state;
    store_fixture_init(&f);
    snprintf(other, sizeof other, "%s/other", f.dir);
    return mkdir(other, 0755);
}

static int teardown(void **state)
{
    (void)state;
    store_fixture_done(&f);
    return 0;
}

static int mount_with(const char *path, const char *uri, const struct mount_option *options, size_t n, bool read_only, struct err *err)
{
    const struct mount_api *api = master_mount_api(f.m);
    struct call call = store_fixture_call(&f);
    struct mount_spec spec = {.path = path, .uri = uri, .freshness = FRESH_NEVER, .options = options, .option_count = n, .is_read_only = read_only};
    mount_id id;
    return api->add(api->impl, &call, &spec, &id, err);
}

static void assert_refused(const char *path, const char *uri, enum err_code code, const char *words)
{
    struct err err = {0};
    assert_int_equal(mount_with(path, uri, NULL, 0, false, &err), -(int)code);
    if (!strstr(err.text, words))
        fail_msg("'%s' lacks '%s'", err.text, words);
}

static void rules(void **state)
{
    (void)state;
    struct err err = {0};
    char uri[500];
    store_fixture_write(&f, "there/file", "1");
    free(store_fixture_list(&f, "/"));
    assert_refused("/there", other, ERR_ALREADY_EXISTS, "already exists in Alluxio namespace. Try mounting to another path.");
    assert_refused("/m", "/nowhere/at/all", ERR_NOT_FOUND, "does not exist");
    assert_refused("/m", "gopher://x", ERR_INVALID_ARGUMENT, "no driver");
    assert_refused("/no/parent", other, ERR_NOT_FOUND, "does not exist");
    snprintf(uri, sizeof uri, "%s/there", f.store_dir);
    assert_refused("/m", uri, ERR_INVALID_ARGUMENT, "is a prefix of");
    store_fixture_write(&f, "shadowed", "1"); /* not known here yet */
    assert_refused("/shadowed", other, ERR_ALREADY_EXISTS, "shadows an existing path");
    int rc = mount_with("/m", other, NULL, 0, false, &err);
    if (rc < 0)
        print_message("%s\n", err.text);
    assert_int_equal(rc, 0);
    assert_refused("/m", other, ERR_ALREADY_EXISTS, "already exists");
    assert_refused("/m2", other, ERR_INVALID_ARGUMENT, "is a prefix of");
}

static int unmount_within(int64_t ms, struct err *err)
{
    const struct mount_api *api = master_mount_api(f.m);
    struct call_result result = {0}; /* of its own: it runs beside others */
    struct call call = call_system("unmount", clock_mono_ms() + ms, &result);
    return api->remove(api->impl, &call, "/m", NULL, err);
}

static void begin_upload(struct write_plan *plan)
{
    const struct meta_api *api = master_meta_api(f.m);
    struct call call = store_fixture_call(&f);
    struct create_options o = {.mode = -1, .write_type = WRITE_THROUGH, .ttl_ms = -2, .replication_max = -1};
    *plan = (struct write_plan){0};
    assert_int_equal(api->write_begin(api->impl, &call, "/m/up", &o, plan, NULL), 0);
}

static int end_upload(struct write_plan *plan)
{
    const struct meta_api *api = master_meta_api(f.m);
    struct call call = store_fixture_call(&f);
    struct write_outcome out = {.length = 5, .is_in_store = true};
    char path[500];
    snprintf(path, sizeof path, "%s/up", other);
    FILE *to = fopen(path, "w");
    assert_non_null(to);
    fputs("bytes", to);
    fclose(to);
    return api->write_commit(api->impl, &call, plan, &out, NULL);
}

/* Else the writer hears that it failed, and its object stays in a store where nobody looks. */
static void unmount_waits_for_uploads(void **state)
{
    (void)state;
    struct write_plan plan;
    struct err err = {0};
    struct inode i;
    assert_int_equal(mount_with("/m", other, NULL, 0, false, &err), 0);
    begin_upload(&plan);
    assert_int_equal(unmount_within(100, &err), -ERR_BUSY);
    assert_non_null(strstr(err.text, "/m cannot be unmounted now: uploads, moves or removals in its store are not finished (1 names)"));
    assert_int_equal(end_upload(&plan), 0);
    assert_int_equal(store_fixture_stat(&f, "/m/up", &i), 0);
    assert_int_equal(unmount_within(5000, &err), 0);
    assert_int_equal(store_fixture_stat(&f, "/m/up", &i), -ERR_NOT_FOUND);
}

static void *unmount_beside(void *ret)
{
    *(int *)ret = unmount_within(5000, NULL);
    return NULL;
}

static void unmount_goes_on_after_uploads(void **state)
{
    (void)state;
    const struct meta_api *api = master_meta_api(f.m);
    struct write_plan plan, late = {0};
    struct create_options o = {.mode = -1, .write_type = WRITE_THROUGH, .ttl_ms = -2, .replication_max = -1};
    pthread_t thread;
    int unmounted = 1;
    assert_int_equal(mount_with("/m", other, NULL, 0, false, NULL), 0);
    begin_upload(&plan);
    assert_int_equal(pthread_create(&thread, NULL, unmount_beside, &unmounted), 0);
    poll(NULL, 0, 100);
    struct call call = store_fixture_call(&f);
    call.deadline_ms = clock_mono_ms() + 100;
    assert_int_equal(api->write_begin(api->impl, &call, "/m/late", &o, &late, NULL), -ERR_BUSY); /* none begins while it waits */
    assert_int_equal(end_upload(&plan), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(unmounted, 0);
}

static int count_failed(void *arg, const struct intent_info *i)
{
    *(bool *)arg |= i->attempts > 0;
    return 0;
}

static bool recovery_failed(void *arg)
{
    bool is_failed = false;
    (void)arg;
    assert_int_equal(intents_list(master_intents(f.m), -1000, count_failed, &is_failed), 0);
    return is_failed;
}

/* A mount whose store does not answer could never go otherwise. */
static void unmount_leaves_what_cannot_end(void **state)
{
    (void)state;
    const struct meta_api *api = master_meta_api(f.m);
    const struct mount_api *mounts = master_mount_api(f.m);
    struct call call = store_fixture_call(&f);
    struct write_plan plan;
    assert_int_equal(mount_with("/m", other, NULL, 0, false, NULL), 0);
    begin_upload(&plan);
    assert_int_equal(mounts->set_mode(mounts->impl, &call, other, MOUNT_NO_ACCESS, NULL), 0);
    api->write_abort(api->impl, &call, &plan);
    assert_true(store_fixture_until(recovery_failed, NULL, 5000));
    assert_int_equal(unmount_within(1000, NULL), 0);
}

static int find_m(void *arg, const struct mount_info *i)
{
    if (!strcmp(i->path, "/m"))
        snprintf(arg, 200, "%u %s %s %s", i->id, i->kind, i->option_count ? i->options[0].value : "-", mount_mode_name(i->mode));
    return 0;
}

static void shown(char to[200])
{
    const struct mount_api *api = master_mount_api(f.m);
    struct call call = store_fixture_call(&f);
    to[0] = 0;
    assert_int_equal(api->list(api->impl, &call, find_m, to, NULL), 0);
}

static void mounted(void **state)
{
    (void)state;
    const struct mount_api *api = master_mount_api(f.m);
    struct mount_at at;
    char text[200], path[500];
    struct err err = {0};
    assert_int_equal(mount_with("/m", other, NULL, 0, true, &err), 0);
    snprintf(path, sizeof path, "%s/file", other);
    FILE *out = fopen(path, "w");
    assert_non_null(out);
    fclose(out);
    char *names = store_fixture_list(&f, "/m");
    assert_string_equal(names, "file");
    free(names);
    assert_int_equal(mounts_resolve(master_mounts(f.m), "/m/a/b", &at, NULL), 0);
    assert_int_equal(at.id, 2);
    assert_string_equal(at.relative, "a/b");
    assert_int_equal(mounts_resolve(master_mounts(f.m), "/mm", &at, NULL), 0);
    assert_int_equal(at.id, 1);
    assert_int_equal(mounts_resolve(master_mounts(f.m), "/m", &at, NULL), 0);
    assert_string_equal(at.relative, "");
    assert_int_equal(mounts_check(master_mounts(f.m), &at, "/m/x", true, "create", &err), -ERR_READ_ONLY);
    assert_string_equal(err.text, "A write operation on /m/x under a readonly mount point /m is not allowed");
    struct call call = store_fixture_call(&f);
    assert_int_equal(api->set_mode(api->impl, &call, other, MOUNT_NO_ACCESS, NULL), 0);
    shown(text);
    assert_string_equal(text, "2 file - noAccess");
    assert_int_equal(mounts_resolve(master_mounts(f.m), "/m/x", &at, NULL), 0);
    assert_int_equal(mounts_check(master_mounts(f.m), &at, "/m/x", false, "read", &err), -ERR_MAINTENANCE);
    assert_non_null(strstr(err.text, "Operation read not allowed on ufs path"));
    assert_non_null(strstr(err.text, "under maintenance mode noAccess"));
    assert_int_equal(api->set_mode(api->impl, &call, other, MOUNT_READ_WRITE, NULL), 0);
    store_fixture_stop(&f);
    store_fixture_start(&f);
    api = master_mount_api(f.m);
    shown(text);
    assert_string_equal(text, "2 file - readWrite");
    call = store_fixture_call(&f);
    assert_int_equal(api->remove(api->impl, &call, "/", NULL, &err), -ERR_CONFLICT);
    assert_int_equal(api->remove(api->impl, &call, "/m", "\"other\"", &err), -ERR_PRECONDITION_FAILED);
    int rc = api->remove(api->impl, &call, "/m", NULL, &err);
    if (rc < 0)
        print_message("%s\n", err.text);
    assert_int_equal(rc, 0);
    names = store_fixture_list(&f, "/");
    assert_string_equal(names, "");
    free(names);
    assert_int_equal(mount_with("/m", other, NULL, 0, false, &err), 0);
    shown(text);
    assert_string_equal(text, "3 file - readWrite"); /* ids are never given again */
}

static void secrets(void **state)
{
    (void)state;
    struct mount_option o = {"s3a.secretKey", "very secret"};
    struct mount_spec spec = {.path = "/s", .uri = "s3://bucket/x", .options = &o, .option_count = 1};
    struct mount_record r = {0}, back = {0}, kept = {0};
    struct crypto_key wrong = {{1}};
    AUTO(buf) raw = {0};
    buf_init(&raw, 10000);
    assert_int_equal(mounts_record_make(&spec, NULL, &r, NULL), 0);
    mounts_record_write(&r, &f.key, &raw);
    assert_null(strstr(buf_str(&raw), "very secret"));
    r.id = 7;
    buf_reset(&raw);
    mounts_record_write(&r, &f.key, &raw);
    assert_int_equal(mounts_record_read(raw.data, raw.len, &f.key, &back, NULL), 0);
    assert_string_equal(back.options[0].value, "very secret");
    o.value = MOUNT_MASK;
    assert_int_equal(mounts_record_make(&spec, &back, &kept, NULL), 0);
    assert_string_equal(kept.options[0].value, "very secret");
    mounts_record_done(&kept);
    assert_int_equal(mounts_record_make(&spec, NULL, &kept, NULL), -ERR_INVALID_ARGUMENT);
    mounts_record_done(&back);
    assert_int_equal(mounts_record_read(raw.data, raw.len, &wrong, &back, NULL), 0);
    assert_non_null(back.failure);
    mounts_record_done(&back);
    assert_int_equal(mounts_record_read("{\"id\":1}", 8, &f.key, &back, NULL), -ERR_CORRUPT);
    assert_int_equal(mounts_record_read("[", 1, &f.key, &back, NULL), -ERR_CORRUPT);
    mounts_record_done(&r);
}

static void uris(void **state)
{
    (void)state;
    assert_true(mounts_record_is_below("s3://b/x", "s3://b"));
    assert_true(mounts_record_is_below("file:///a/b", "/a"));
    assert_true(mounts_record_is_below("/a", "/"));
    assert_false(mounts_record_is_below("/ab", "/a"));
    assert_true(mounts_record_is_below("s3a://b/x", "S3://b"));
    assert_false(mounts_record_is_below("s3://b", "/b"));
    static const char *const names[][2] = {{"//a/./b/.", "/a/b"}, {"file:////a//b/", "file:///a/b"}, {"/", "/"}, {"/.", "/"}, {"/a/.b/..c", "/a/.b/..c"}, {"s3://b//k/", "s3://b//k"}};
    for (size_t i = 0; i < array_len(names); i++) {
        AUTO_FREE char *name = mounts_record_uri(names[i][0]);
        assert_string_equal(name, names[i][1]);
    }
    assert_false(mounts_record_is_below("s3://bucket2", "s3://bucket"));
}

static void circuit(void **state)
{
    (void)state;
    struct ufs *mem, *bad;
    struct ufs_properties none = {0};
    struct ufs_call c = {.deadline_ms = clock_mono_ms() + 10000};
    struct ufs_stat st;
    struct err err = {0};
    assert_int_equal(ufs_driver_for("mem://circuit")->open("mem://circuit", &none, &mem, NULL), 0);
    assert_int_equal(fault_store_open("stat:1:STORE_UNREACHABLE", 1, mem, &bad, &err), 0);
    struct ufs *u = mounts_circuit_open("mem://circuit", bad);
    for (int i = 0; i < 3; i++) {
        assert_false(mounts_circuit_is_broken(u));
        assert_int_equal(ufs_stat(u, &c, "x", &st, &err), -ERR_STORE_UNREACHABLE);
    }
    assert_true(mounts_circuit_is_broken(u));
    assert_int_equal(ufs_stat(u, &c, "x", &st, &err), -ERR_STORE_UNREACHABLE);
    assert_non_null(strstr(err.text, "is asked again in"));
    ufs_close(u);
}

/* A mounted store dies: its paths fail fast, the others do not notice. */
static void dead_store(void **state)
{
    (void)state;
    struct mount_option o = {"isthmus.test.fault", "all:1:STORE_UNREACHABLE"};
    struct mount_record r = {.id = 2, .path = (char *)"/dead", .uri = (char *)"mem://dead", .freshness = FRESH_INTERVAL, .interval_ms = 0,
                             .option_count = 1, .options = &o};
    struct inode point, root;
    AUTO(buf) raw = {0};
    AUTO(entry) e = {0};
    buf_init(&raw, 10000);
    mounts_record_write(&r, &f.key, &raw);
    assert_int_equal(meta_inode(f.meta, INODE_ROOT, &root, NULL), 0);
    point = (struct inode){.ino = meta_new_id(f.meta), .type = INODE_DIRECTORY, .flags = INODE_COMPLETED | INODE_MOUNT_POINT, .nlink = 1,
                           .parent = INODE_ROOT, .name = "dead", .mode = 0755, .owner = root.owner, .group = root.group,
                           .persistence = PERSIST_DONE, .ttl_ms = -1, .replication_max = -1};
    entry_init(&e, ENTRY_MOUNT, clock_wall_ms());
    entry_put_inode(&e, &point);
    entry_put_dentry(&e, INODE_ROOT, "dead", point.ino, INODE_DIRECTORY);
    entry_put_record(&e, RECORD_MOUNT, "0000000002", raw.data, raw.len);
    struct call call = store_fixture_call(&f);
    assert_int_equal(meta_propose(f.meta, &call, &e, NULL), 0);
    for (int i = 0; i < 4; i++) /* the circuit opens */
        assert_int_equal(store_fixture_stat(&f, "/dead/x", NULL), -ERR_STORE_UNREACHABLE);
    int64_t start = clock_mono_ms();
    for (int i = 0; i < 100; i++)
        (void)!store_fixture_stat(&f, "/dead/x", NULL);
    assert_int_equal(store_fixture_stat(&f, "/nothing", NULL), -ERR_NOT_FOUND);
    int64_t took = clock_mono_ms() - start;
    if (took > 3000)
        fail_msg("100 lookups on a dead store took %lld ms", (long long)took);
    assert_int_equal(store_fixture_stat(&f, "/dead", NULL), 0); /* what is known is served */
}

static bool has_moved(void *arg)
{
    struct inode i;
    return store_fixture_stat(&f, arg, &i) == 0 && !(i.flags & INODE_HAS_STORE_KEY);
}

/* What op_rename journals on a store that can only copy: the name changes at once, the bytes follow. */
static void rename_in_namespace(const char *from, const char *to)
{
    AUTO(walk) w = {0};
    AUTO(entry) e = {0};
    struct intent_claim *c;
    struct intents *in = master_intents(f.m);
    char path[64];
    snprintf(path, sizeof path, "/%s", from);
    assert_int_equal(meta_walk(f.meta, path, &w, NULL), 0);
    assert_int_equal(w.count, w.depth);
    struct call call = store_fixture_call(&f);
    struct intent i = {.kind = INTENT_MOVE, .mount = 1, .key = from, .target = to, .ino = w.last.ino, .is_directory = true};
    assert_int_equal(intents_claim(in, &call, &i, &c, NULL), 0);
    struct inode moved = w.last;
    snprintf(moved.name, sizeof moved.name, "%s", to);
    entry_init(&e, ENTRY_RENAME, call.now_ms);
    entry_remove_dentry(&e, INODE_ROOT, from);
    entry_put_dentry(&e, INODE_ROOT, to, moved.ino, INODE_DIRECTORY);
    entry_set_inode(&e, moved.ino, FIELD_PLACE, &moved, 0);
    mover_add(&e, &moved, 1, from, call.now_ms);
    intents_put(c, &e);
    assert_int_equal(meta_propose(f.meta, &call, &e, NULL), 0);
    assert_int_equal(intents_run(in, &call, c, NULL), 0);
}

/* A key that was found through a directory on its way is stale when the directory has arrived. */
static void assert_stale(const struct walk *before)
{
    AUTO(entry) e = {0};
    struct inode_version chain[] = {{before->nodes[0].ino, before->nodes[0].attr_ver}, {before->nodes[1].ino, before->nodes[1].attr_ver}};
    struct call call = store_fixture_call(&f);
    entry_init(&e, ENTRY_TASK, call.now_ms);
    entry_guard_chain(&e, before->epoch, chain, 2);
    assert_int_equal(meta_propose(f.meta, &call, &e, NULL), -ERR_STALE);
}

static void directory_moves(void **state)
{
    (void)state;
    char key[64];
    for (int i = 0; i < 130; i++) {
        snprintf(key, sizeof key, "d/f%03d", i);
        store_fixture_write(&f, key, "12345");
    }
    store_fixture_write(&f, "d/sub/x", "1");
    free(store_fixture_list(&f, "/"));
    free(store_fixture_list(&f, "/d"));
    store_fixture_write(&f, "d/unknown", "1"); /* never loaded here */
    rename_in_namespace("d", "e");
    AUTO(walk) before = {0};
    assert_int_equal(meta_walk(f.meta, "/e", &before, NULL), 0);
    assert_int_equal(store_fixture_stat(&f, "/e/f000", NULL), 0);
    assert_true(store_fixture_until(has_moved, (void *)"/e", 10000));
    if (before.last.flags & INODE_HAS_STORE_KEY) /* else it had arrived already */
        assert_stale(&before);
    assert_true(store_fixture_until(has_moved, (void *)"/e/f129", 10000));
    assert_true(store_fixture_until(has_moved, (void *)"/e/f000", 10000));
    assert_true(store_fixture_has(&f, "e/f000") && store_fixture_has(&f, "e/sub/x"));
    assert_true(store_fixture_has(&f, "e/unknown") && store_fixture_has(&f, "e/f129"));
    assert_false(store_fixture_has(&f, "d"));
    struct call call = store_fixture_call(&f);
    const struct meta_api *api = master_meta_api(f.m);
    assert_int_equal(api->load_metadata(api->impl, &call, "/", true, true, NULL), 0);
    char *names = store_fixture_list(&f, "/");
    assert_string_equal(names, "e");
    free(names);
    struct inode i;
    assert_int_equal(store_fixture_stat(&f, "/e/f100", &i), 0);
    assert_int_equal(i.length, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(rules, setup, teardown),
        cmocka_unit_test_setup_teardown(unmount_waits_for_uploads, setup, teardown),
        cmocka_unit_test_setup_teardown(unmount_goes_on_after_uploads, setup, teardown),
        cmocka_unit_test_setup_teardown(unmount_leaves_what_cannot_end, setup, teardown),
        cmocka_unit_test_setup_teardown(mounted, setup, teardown),
        cmocka_unit_test(secrets),
        cmocka_unit_test(uris),
        cmocka_unit_test(circuit),
        cmocka_unit_test_setup_teardown(dead_store, setup, teardown),
        cmocka_unit_test_setup_teardown(directory_moves, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
