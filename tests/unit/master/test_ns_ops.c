/* SPDX-License-Identifier: Apache-2.0
 *
 * The operations of the namespace through meta_api, over a real meta and a folder as store.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "ns_fixture.h"
#include "master/tasks.h"

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

static void test_mkdir_and_list(void **state)
{
    struct ns *n = *state;
    struct ns_names names;
    struct list_result r;
    struct inode i;
    OK(ns_mkdir(n, NULL, "/a/b/c", true));
    FAILS(ns_mkdir(n, NULL, "/x/y", false), ERR_NOT_FOUND, "/x/y does not have a valid parent");
    FAILS(ns_mkdir(n, NULL, "/a", false), ERR_ALREADY_EXISTS, "/a already exists");
    FAILS(ns_mkdir(n, NULL, "a", false), ERR_INVALID_PATH, "Path \"a\" is invalid");
    OK(ns_write(n, NULL, "/a/f", "hello", WRITE_MUST_CACHE, false));
    OK(ns_mkdir(n, NULL, "/a/b2", false));
    OK(ns_list(n, NULL, "/a", NULL, &names, &r));
    assert_string_equal(names.text, "/a/b,/a/b2,/a/f");
    assert_int_equal(r.total, 3);
    struct list_options o = {.read = {.sync_interval_ms = -2}, .position = -1, .prefix = "b", .after = "b"};
    OK(ns_list(n, NULL, "/a", &o, &names, &r));
    assert_string_equal(names.text, "/a/b2");
    o = (struct list_options){.read = {.sync_interval_ms = -2}, .position = 1, .limit = 1};
    OK(ns_list(n, NULL, "/a", &o, &names, &r));
    assert_string_equal(names.text, "/a/b2");
    assert_true(r.has_more);
    o = (struct list_options){.read = {.sync_interval_ms = -2}, .position = -1, .is_recursive = true};
    OK(ns_list(n, NULL, "/", &o, &names, &r));
    assert_string_equal(names.text, "/a,/a/b,/a/b/c,/a/b2,/a/f");
    o.after = "a/b/c";
    OK(ns_list(n, NULL, "/", &o, &names, &r));
    assert_string_equal(names.text, "/a/b2,/a/f");
    OK(ns_stat(n, NULL, "/a/b/c", &i));
    assert_int_equal(i.mode, 0755);
    FAILS(ns_stat(n, NULL, "/a/q", &i), ERR_NOT_FOUND, "Path \"/a/q\" does not exist.");
}

static void test_write(void **state)
{
    struct ns *n = *state;
    struct inode i, j;
    OK(ns_write(n, &identity_system, "/f", "one", WRITE_MUST_CACHE, false));
    OK(ns_stat(n, NULL, "/f", &i));
    assert_int_equal(i.length, 3);
    assert_int_equal(i.persistence, PERSIST_NOT);
    assert_true(i.flags & INODE_COMPLETED);
    FAILS(ns_write(n, NULL, "/f", "two", WRITE_MUST_CACHE, false), ERR_ALREADY_EXISTS,
          "/f already exists. If you want to overwrite the file, you need to specify the overwrite option.");
    OK(ns_write(n, NULL, "/f", "three", WRITE_THROUGH, true));
    OK(ns_stat(n, NULL, "/f", &j));
    assert_int_equal(i.ino, j.ino);
    assert_int_not_equal(i.cid, j.cid);
    assert_int_equal(j.persistence, PERSIST_DONE);
    assert_true(ns_in_store(n, "f"));
    OK(ns_mkdir(n, NULL, "/d", false));
    FAILS(ns_write(n, NULL, "/d", "x", WRITE_MUST_CACHE, true), ERR_IS_DIRECTORY,
          "/d already exists. Directories cannot be overwritten with create");
    OK(ns_write(n, NULL, "/p/q/r", "deep", WRITE_THROUGH, false));
    assert_true(ns_in_store(n, "p/q/r"));
    /* a file that stays out of the store takes the old object away */
    OK(ns_write(n, NULL, "/f", "4", WRITE_MUST_CACHE, true));
    assert_false(ns_in_store(n, "f"));
}

static void test_nothing_before_commit(void **state)
{
    struct ns *n = *state;
    struct call c = ns_call(n, NULL);
    struct write_plan plan;
    struct create_options o = {.write_type = WRITE_MUST_CACHE, .mode = -1, .ttl_ms = -1, .replication_max = -1};
    OK(n->api->write_begin(n->m, &c, "/v", &o, &plan, &n->err));
    FAILS(ns_stat(n, NULL, "/v", NULL), ERR_NOT_FOUND, "Path");
    n->api->write_abort(n->m, &c, &plan);
    FAILS(ns_stat(n, NULL, "/v", NULL), ERR_NOT_FOUND, "Path");
    /* the visible kind */
    struct inode i;
    OK(n->api->create(n->m, &c, "/v", &o, &plan, &n->err));
    OK(ns_stat(n, NULL, "/v", &i));
    assert_false(i.flags & INODE_COMPLETED);
    struct write_outcome out = {.length = 7, .is_cached = true};
    OK(n->api->write_commit(n->m, &c, &plan, &out, &n->err));
    OK(ns_stat(n, NULL, "/v", &i));
    assert_true(i.flags & INODE_COMPLETED);
    assert_int_equal(i.length, 7);
    OK(n->api->create(n->m, &c, "/w", &o, &plan, &n->err));
    n->api->write_abort(n->m, &c, &plan);
    FAILS(ns_stat(n, NULL, "/w", NULL), ERR_NOT_FOUND, "Path");
}

static void test_conditions(void **state)
{
    struct ns *n = *state;
    struct inode i;
    char tag[64];
    struct create_options o = {.write_type = WRITE_MUST_CACHE, .mode = -1, .ttl_ms = -1, .replication_max = -1, .if_none_match = true};
    struct call c = ns_call(n, NULL);
    OK(ns_write_as(n, &c, "/f", "1", &o));
    FAILS(ns_write_as(n, &c, "/f", "2", &o), ERR_PRECONDITION_FAILED, "/f");
    OK(ns_stat(n, NULL, "/f", &i));
    o.if_none_match = false;
    o.if_match = file_info_tag(&i, tag);
    struct write_plan late;
    c = ns_call(n, NULL);
    OK(n->api->write_begin(n->m, &c, "/f", &o, &late, &n->err));
    OK(ns_write_as(n, &c, "/f", "22", &o)); /* the tag holds once */
    struct write_outcome out = {.length = 3, .is_cached = true};
    FAILS(n->api->write_commit(n->m, &c, &late, &out, &n->err), ERR_PRECONDITION_FAILED, "");
    FAILS(ns_write_as(n, &c, "/f", "333", &o), ERR_PRECONDITION_FAILED, "");
    OK(ns_stat(n, NULL, "/f", &i));
    assert_int_equal(i.length, 2);
}

static void test_rename(void **state)
{
    struct ns *n = *state;
    struct inode i, j;
    OK(ns_write(n, NULL, "/d/f", "x", WRITE_THROUGH, false));
    OK(ns_write(n, NULL, "/d/g", "yy", WRITE_MUST_CACHE, false));
    OK(ns_stat(n, NULL, "/d/f", &i));
    OK(ns_rename(n, NULL, "/d/f", "/h", false));
    OK(ns_stat(n, NULL, "/h", &j));
    assert_int_equal(i.ino, j.ino);
    assert_true(ns_in_store(n, "h"));
    assert_false(ns_in_store(n, "d/f"));
    FAILS(ns_stat(n, NULL, "/d/f", NULL), ERR_NOT_FOUND, "Path");
    FAILS(ns_rename(n, NULL, "/d/g", "/h", false), ERR_ALREADY_EXISTS, "/h already exists");
    OK(ns_rename(n, NULL, "/d/g", "/h", true)); /* not persisted over persisted: the object must go */
    assert_false(ns_in_store(n, "h"));
    OK(ns_stat(n, NULL, "/h", &j));
    assert_int_equal(j.length, 2);
    OK(ns_write(n, NULL, "/d/e/k", "k", WRITE_THROUGH, false));
    FAILS(ns_rename(n, NULL, "/d", "/d/e/z", false), ERR_INVALID_ARGUMENT, "Cannot rename because /d is a prefix of /d/e/z");
    FAILS(ns_rename(n, NULL, "/", "/z", false), ERR_INVALID_ARGUMENT, "The root directory cannot be renamed");
    FAILS(ns_rename(n, NULL, "/d", "/", false), ERR_INVALID_ARGUMENT, "Cannot rename a path to the root directory");
    FAILS(ns_rename(n, NULL, "/none", "/z", false), ERR_NOT_FOUND, "Path \"/none\" does not exist.");
    OK(ns_rename(n, NULL, "/d", "/moved", false));
    OK(ns_stat(n, NULL, "/moved/e/k", &j));
    assert_true(ns_in_store(n, "moved/e/k"));
    assert_false(ns_in_store(n, "d"));
    OK(ns_mkdir(n, NULL, "/only-here", false)); /* a directory the store never saw */
    OK(ns_rename(n, NULL, "/only-here", "/still", false));
    OK(ns_stat(n, NULL, "/still", &j));
    assert_string_equal(j.name, "still");
}

static void test_remove(void **state)
{
    struct ns *n = *state;
    OK(ns_write(n, NULL, "/d/a/f", "x", WRITE_THROUGH, false));
    OK(ns_write(n, NULL, "/d/g", "yy", WRITE_MUST_CACHE, false));
    FAILS(ns_remove(n, NULL, "/", true), ERR_INVALID_ARGUMENT, "Cannot delete the root directory");
    FAILS(ns_remove(n, NULL, "/d", false), ERR_NOT_EMPTY, "Cannot delete non-empty directory /d because recursive is set to false");
    struct call c = ns_call(n, NULL);
    c.is_dry_run = true;
    struct remove_options o = {.is_recursive = true};
    OK(n->api->remove(n->m, &c, "/d", &o, &n->err));
    assert_string_equal(n->result.effects[0].code, "files_removed");
    assert_int_equal(n->result.effects[0].count, 2);
    assert_int_equal(n->result.effects[0].bytes, 3);
    OK(ns_stat(n, NULL, "/d/g", NULL));
    OK(ns_remove(n, NULL, "/d", true));
    FAILS(ns_stat(n, NULL, "/d/g", NULL), ERR_NOT_FOUND, "Path");
    FAILS(ns_stat(n, NULL, "/d", NULL), ERR_NOT_FOUND, "Path");
    assert_false(ns_in_store(n, "d/a/f"));
    /* its rows go in the background */
    struct meta_counts counts;
    int64_t until = clock_mono_ms() + 10000;
    do {
        ns_pause();
        meta_counts(n->meta, &counts);
    } while (counts.inodes > 1 && !clock_is_past(until));
    assert_int_equal(counts.inodes, 1);
    OK(ns_write(n, NULL, "/f", "x", WRITE_THROUGH, false));
    OK(ns_remove(n, NULL, "/f", false));
    assert_false(ns_in_store(n, "f"));
}

static void test_permission(void **state)
{
    struct ns *n = *state;
    FAILS(ns_mkdir(n, &ann, "/p", false), ERR_PERMISSION_DENIED,
          "Permission denied: user=ann, access=-wx, path=/p: failed at /, inode owner=system, inode group=system, inode mode=rwxr-xr-x");
    OK(ns_mkdir(n, NULL, "/home", false));
    struct call c = ns_call(n, NULL);
    struct attr_change a = {.owner = "ann", .group = "staff", .mode = 0750, .pinned = -1, .replication_min = INT64_MIN, .replication_max = INT64_MIN};
    OK(n->api->set_attr(n->m, &c, "/home", &a, &n->err));
    OK(ns_write(n, &ann, "/home/f", "x", WRITE_MUST_CACHE, false));
    FAILS(ns_stat(n, &bob, "/home/f", NULL), ERR_PERMISSION_DENIED, "Permission denied: user=bob, access=--x, path=/home/f: failed at home");
    FAILS(ns_remove(n, &bob, "/home/f", false), ERR_PERMISSION_DENIED, "Permission denied");
    FAILS(ns_mkdir(n, &reader, "/home/x", false), ERR_PERMISSION_DENIED, "Permission denied: user=bob may read only");
    struct acl_entry e = {.kind = 'u', .perm = 5, .name = "bob"};
    c = ns_call(n, &ann);
    OK(n->api->set_acl(n->m, &c, "/home", ACL_MODIFY, &e, 1, false, NULL, &n->err));
    OK(ns_stat(n, &bob, "/home/f", NULL));
    struct acl_entry all[16];
    size_t many;
    c = ns_call(n, &ann);
    OK(n->api->get_acl(n->m, &c, "/home", all, 16, &many, &n->err));
    assert_int_equal(many, 5);
    c = ns_call(n, &bob);
    FAILS(n->api->set_acl(n->m, &c, "/home", ACL_REMOVE_ALL, NULL, 0, false, NULL, &n->err), ERR_PERMISSION_DENIED, "");
    c = ns_call(n, &ann);
    OK(n->api->set_acl(n->m, &c, "/home", ACL_REMOVE_ALL, NULL, 0, false, NULL, &n->err));
    FAILS(ns_stat(n, &bob, "/home/f", NULL), ERR_PERMISSION_DENIED, "Permission denied");
    /* a scope holds even for its owner */
    struct identity scoped = ann;
    scoped.scope = "/home/sub";
    FAILS(ns_stat(n, &scoped, "/home/f", NULL), ERR_PERMISSION_DENIED, "Permission denied");
    a = (struct attr_change){.owner = "bob", .mode = -1, .pinned = -1, .replication_min = INT64_MIN, .replication_max = INT64_MIN};
    c = ns_call(n, &ann);
    FAILS(n->api->set_attr(n->m, &c, "/home", &a, &n->err), ERR_PERMISSION_DENIED, "Permission denied: user=ann is not a super user");
}

static void test_default_acl(void **state)
{
    struct ns *n = *state;
    struct inode i;
    OK(ns_mkdir(n, NULL, "/d", false));
    struct acl_entry e[] = {{.kind = 'u', .is_default = true, .perm = 7, .name = "bob"}};
    struct call c = ns_call(n, NULL);
    OK(n->api->set_acl(n->m, &c, "/d", ACL_MODIFY, e, 1, false, NULL, &n->err));
    OK(ns_mkdir(n, NULL, "/d/sub/deep", true));
    OK(ns_stat(n, NULL, "/d/sub/deep", &i));
    assert_true(i.flags & INODE_HAS_DEFAULT_ACL);
    assert_true(i.flags & INODE_HAS_ACL);
    OK(ns_mkdir(n, &bob, "/d/sub/deep/mine", false)); /* by the inherited entry */
    c = ns_call(n, &bob);
    OK(n->api->access(n->m, &c, "/d/sub", 7, &n->err));
    FAILS(n->api->access(n->m, &c, "/d", 2, &n->err), ERR_PERMISSION_DENIED, "");
}

static void test_recursive_attr(void **state)
{
    struct ns *n = *state;
    struct inode i;
    char path[64];
    OK(ns_mkdir(n, NULL, "/t/a", true));
    for (int k = 0; k < 700; k++) {
        snprintf(path, sizeof path, "/t/a/f%d", k);
        OK(ns_write(n, NULL, path, "", WRITE_MUST_CACHE, false));
    }
    struct call c = ns_call(n, NULL);
    struct attr_change a = {.owner = "ann", .group = "staff", .mode = 0700, .pinned = -1, .replication_min = INT64_MIN, .replication_max = INT64_MIN, .is_recursive = true};
    OK(n->api->set_attr(n->m, &c, "/t", &a, &n->err));
    int64_t until = clock_mono_ms() + 10000;
    do {
        OK(ns_stat(n, NULL, "/t/a/f99", &i)); /* the last in name order */
    } while (i.mode != 0700 && !clock_is_past(until));
    assert_int_equal(i.mode, 0700);
    OK(ns_stat(n, NULL, "/t/a/f0", &i));
    assert_int_equal(i.mode, 0700);
    assert_string_equal(meta_principal_name(n->meta, i.owner), "ann");
    struct usage u;
    c = ns_call(n, NULL);
    OK(n->api->usage(n->m, &c, "/t", &u, &n->err));
    assert_int_equal(u.files, 700);
    assert_int_equal(u.directories, 1);
}

struct failed_task {
    uint64_t id;
    char error[240];
};

static int find_failed(void *arg, const struct task_info *i)
{
    struct failed_task *f = arg;
    if (i->id == f->id && !strcmp(i->state, "failed"))
        snprintf(f->error, sizeof f->error, "%s", i->error);
    return 0;
}

/* As chmod -R: it goes on behind what is somebody else's, and says so. */
static void test_recursive_not_permitted(void **state)
{
    struct ns *n = *state;
    struct inode i;
    char path[64];
    struct attr_change a = {.mode = 0750, .pinned = -1, .replication_min = INT64_MIN, .replication_max = INT64_MIN, .is_recursive = true};
    OK(ns_mkdir(n, NULL, "/t", false));
    struct call c = ns_call(n, NULL);
    struct attr_change give = {.owner = "ann", .mode = 0777, .pinned = -1, .replication_min = INT64_MIN, .replication_max = INT64_MIN};
    OK(n->api->set_attr(n->m, &c, "/t", &give, &n->err));
    OK(ns_write(n, &ann, "/t/a", "", WRITE_MUST_CACHE, false));
    OK(ns_write(n, &bob, "/t/b", "", WRITE_MUST_CACHE, false));
    OK(ns_write(n, &ann, "/t/c", "", WRITE_MUST_CACHE, false));
    c = ns_call(n, &ann);
    FAILS(n->api->set_attr(n->m, &c, "/t", &a, &n->err), ERR_PERMISSION_DENIED,
          "1 of 3 names below /t were not changed, the first: Permission denied: user=ann is not the owner of /t/b");
    OK(ns_stat(n, NULL, "/t", &i));
    assert_int_equal(i.mode, 0750);
    OK(ns_stat(n, NULL, "/t/c", &i)); /* behind it */
    assert_int_equal(i.mode, 0750);
    OK(ns_stat(n, NULL, "/t/b", &i));
    assert_int_equal(i.mode, 0644);
    a.mode = 0777;
    c = ns_call(n, NULL);
    OK(n->api->set_attr(n->m, &c, "/t", &a, &n->err)); /* a super user may */
    for (int k = 0; k < 2500; k++) {
        snprintf(path, sizeof path, "/t/f%d", k);
        OK(ns_write(n, k == 7 ? &bob : &ann, path, "", WRITE_MUST_CACHE, false));
    }
    a.mode = 0700;
    c = ns_call(n, &ann);
    c.deadline_ms = clock_mono_ms() - 1; /* no time before the answer: the pool does it */
    struct entry e;
    entry_init(&e, ENTRY_SET_ATTR, c.now_ms);
    OK(ns_stat(n, NULL, "/t", &i));
    struct subtree_change below = {.kind = SUBTREE_ATTR, .attr = &a};
    struct failed_task f = {.id = tasks_put(n->m, &c, &e, i.ino, "/t", &below)};
    struct call in_time = ns_call(n, NULL);
    OK(meta_propose(n->meta, &in_time, &e, &n->err));
    entry_done(&e);
    c.result = &n->result;
    OK(tasks_work(n->m, &c, f.id, &n->err));
    assert_int_equal(n->result.task_id, f.id);
    int64_t until = clock_mono_ms() + 10000;
    do {
        OK(master_tasks(n->m, find_failed, &f));
        ns_pause();
    } while (!f.error[0] && !clock_is_past(until));
    assert_non_null(strstr(f.error, "2 of 2503 names below /t were not changed, the first: Permission denied: user=ann is not the owner of /t/b"));
}

static void test_idempotency(void **state)
{
    struct ns *n = *state;
    struct call c = ns_call(n, &identity_system);
    struct mkdir_options o = {.mode = -1, .ttl_ms = -1};
    c.idempotency_key = "k1";
    OK(n->api->mkdir(n->m, &c, "/once", &o, &n->err));
    assert_false(n->result.is_replay);
    OK(n->api->mkdir(n->m, &c, "/once", &o, &n->err));
    assert_true(n->result.is_replay);
    FAILS(n->api->mkdir(n->m, &c, "/other", &o, &n->err), ERR_CONFLICT, "the idempotency key 'k1' was used for another request");
    c = ns_call(n, &identity_system);
    c.idempotency_key = "k2";
    struct create_options co = {.write_type = WRITE_MUST_CACHE, .mode = -1, .ttl_ms = -1, .replication_max = -1};
    OK(ns_write_as(n, &c, "/f", "1", &co));
    OK(ns_write_as(n, &c, "/f", "1", &co));
    assert_true(n->result.is_replay);
    struct rename_options ro = {0};
    c = ns_call(n, &identity_system);
    c.idempotency_key = "k3";
    OK(n->api->rename(n->m, &c, "/f", "/g", &ro, &n->err));
    OK(n->api->rename(n->m, &c, "/f", "/g", &ro, &n->err));
    assert_true(n->result.is_replay);
    struct remove_options rm = {0};
    c = ns_call(n, &identity_system);
    c.idempotency_key = "k4";
    OK(n->api->remove(n->m, &c, "/g", &rm, &n->err));
    OK(n->api->remove(n->m, &c, "/g", &rm, &n->err));
    assert_true(n->result.is_replay);
}

static int keep_name(void *arg, const char *name, const void *value, size_t len)
{
    snprintf(arg, 64, "%s=%.*s", name, (int)len, (const char *)value);
    return 0;
}

static void test_side_attributes(void **state)
{
    struct ns *n = *state;
    OK(ns_write(n, NULL, "/f", "x", WRITE_MUST_CACHE, false));
    struct xattr_change x = {"user.color", "red", 3};
    struct attr_change a = {.mode = -1, .pinned = -1, .replication_min = INT64_MIN, .replication_max = INT64_MIN, .xattr_count = 1, .xattrs = &x};
    struct call c = ns_call(n, NULL);
    OK(n->api->set_attr(n->m, &c, "/f", &a, &n->err));
    AUTO(buf) b;
    buf_init(&b, 1000);
    OK(n->api->get_xattr(n->m, &c, "/f", "user.color", &b, &n->err));
    assert_string_equal(buf_str(&b), "red");
    char seen[64] = "";
    OK(n->api->list_xattr(n->m, &c, "/f", keep_name, seen, &n->err));
    assert_string_equal(seen, "user.color=red");
    x.value = NULL;
    OK(n->api->set_attr(n->m, &c, "/f", &a, &n->err));
    FAILS(n->api->get_xattr(n->m, &c, "/f", "user.color", &b, &n->err), ERR_NOT_FOUND, "/f has no extended attribute 'user.color'");
    char big[33 << 10] = "";
    x = (struct xattr_change){"big", big, sizeof big};
    FAILS(n->api->set_attr(n->m, &c, "/f", &a, &n->err), ERR_TOO_LARGE, "");
    OK(n->api->symlink(n->m, &c, "../f", "/link", &n->err));
    buf_reset(&b);
    OK(n->api->read_link(n->m, &c, "/link", &b, &n->err));
    assert_string_equal(buf_str(&b), "../f");
    FAILS(n->api->read_link(n->m, &c, "/f", &b, &n->err), ERR_INVALID_ARGUMENT, "Path \"/f\" must be a symlink.");
    struct inode i;
    OK(ns_stat(n, NULL, "/f", &i));
    buf_reset(&b);
    OK(n->api->by_id(n->m, &c, i.ino, &b, &n->err));
    assert_string_equal(buf_str(&b), "/f");
    bool live[2];
    OK(n->api->contents_live(n->m, &c, (inode_id[]){i.ino, i.ino}, (content_id[]){i.cid, i.cid + 1}, 2, live, &n->err));
    assert_true(live[0]);
    assert_false(live[1]);
    OK(n->api->content_lost(n->m, &c, i.ino, i.cid, &n->err));
    OK(ns_stat(n, NULL, "/f", &i));
    assert_int_equal(i.persistence, PERSIST_LOST);
}

static void test_ttl_pin_free(void **state)
{
    struct ns *n = *state;
    struct inode i;
    OK(ns_write(n, NULL, "/d/old", "x", WRITE_THROUGH, false));
    OK(ns_write(n, NULL, "/d/kept", "x", WRITE_THROUGH, false));
    OK(ns_write(n, NULL, "/d/free", "x", WRITE_MUST_CACHE, false));
    struct attr_change a = {.mode = -1, .set_ttl = true, .ttl_ms = 0, .ttl_action = TTL_DELETE, .pinned = -1, .replication_min = INT64_MIN, .replication_max = INT64_MIN};
    struct call c = ns_call(n, NULL);
    OK(n->api->set_attr(n->m, &c, "/d/old", &a, &n->err));
    a.ttl_ms = 3600000;
    OK(n->api->set_attr(n->m, &c, "/d/kept", &a, &n->err));
    master_tick_ttl(n->m);
    int64_t until = clock_mono_ms() + 10000;
    while ((!ns_stat(n, NULL, "/d/old", NULL) || ns_in_store(n, "d/old")) && !clock_is_past(until))
        ns_pause();
    FAILS(ns_stat(n, NULL, "/d/old", NULL), ERR_NOT_FOUND, "Path");
    assert_false(ns_in_store(n, "d/old"));
    OK(ns_stat(n, NULL, "/d/kept", &i));
    assert_int_equal(i.ttl_ms, 3600000);
    a = (struct attr_change){.mode = -1, .pinned = 1, .replication_min = 2, .replication_max = 3};
    OK(n->api->set_attr(n->m, &c, "/d", &a, &n->err));
    struct read_plan plan;
    struct read_options ro = {.sync_interval_ms = -2, .want_ufs_path = true};
    OK(n->api->stat(n->m, &c, "/d/kept", &ro, &plan, &n->err));
    assert_true(plan.info.is_pinned);
    assert_true(plan.content.is_pinned);
    assert_non_null(strstr(plan.info.ufs_path, "store/d/kept"));
    read_plan_done(&plan);
    FAILS(n->api->free(n->m, &c, "/d", false, false, &n->err), ERR_NOT_EMPTY, "Cannot free directory /d which is not empty. Please set");
    FAILS(n->api->free(n->m, &c, "/d/free", false, true, &n->err), ERR_NOT_PERSISTED, "Cannot free file /d/free which is not persisted");
    FAILS(n->api->free(n->m, &c, "/d/kept", false, false, &n->err), ERR_CONFLICT, "Cannot free file /d/kept which is pinned. Please unpin it");
    OK(n->api->free(n->m, &c, "/d/kept", false, true, &n->err));
}

static void test_path_conf(void **state)
{
    struct ns *n = *state;
    struct inode i;
    struct call c = ns_call(n, NULL);
    OK(n->api->path_conf_set(n->m, &c, "/through", "isthmus.user.file.writetype.default", "THROUGH", &n->err));
    FAILS(n->api->path_conf_set(n->m, &c, "/through", "isthmus.user.file.writetype.default", "SOMEHOW", &n->err), ERR_INVALID_ARGUMENT, "");
    FAILS(n->api->path_conf_set(n->m, &c, "/through", "nonsense", "1", &n->err), ERR_INVALID_ARGUMENT, "");
    OK(ns_write(n, NULL, "/through/f", "x", 0, false));
    OK(ns_write(n, NULL, "/throughout", "x", 0, false)); /* a prefix ends at a component */
    OK(ns_stat(n, NULL, "/through/f", &i));
    assert_int_equal(i.persistence, PERSIST_DONE);
    OK(ns_stat(n, NULL, "/throughout", &i));
    assert_int_equal(i.persistence, PERSIST_NOT);
    OK(n->api->path_conf_set(n->m, &c, "/through", "isthmus.user.file.writetype.default", NULL, &n->err));
    OK(ns_write(n, NULL, "/through/g", "x", 0, false));
    OK(ns_stat(n, NULL, "/through/g", &i));
    assert_int_equal(i.persistence, PERSIST_NOT);
}

static void test_restart(void **state)
{
    struct ns *n = *state;
    struct inode i;
    OK(ns_write(n, NULL, "/a/b/f", "hello", WRITE_THROUGH, false));
    ns_close(n);
    ns_open(n);
    OK(ns_stat(n, NULL, "/a/b/f", &i));
    assert_int_equal(i.length, 5);
    OK(ns_rename(n, NULL, "/a/b", "/c", false));
    ns_close(n);
    ns_open(n);
    OK(ns_stat(n, NULL, "/c/f", &i));
    assert_true(ns_in_store(n, "c/f"));
}

/* ---- many at once ---- */

struct racer {
    struct ns *n;
    int id;
    int made, moved;
};

static void race(void *arg)
{
    struct racer *r = arg;
    for (int k = 0; k < 60; k++) {
        struct call_result result = {0};
        struct call c = call_system("race", clock_mono_ms() + 20000, &result);
        struct err err;
        char a[64];
        snprintf(a, sizeof a, "/r/same%d", k);
        struct mkdir_options o = {.mode = -1, .ttl_ms = -1};
        int rc = r->n->api->mkdir(r->n->m, &c, a, &o, &err);
        r->made += !rc;
        if (rc && rc != -ERR_ALREADY_EXISTS)
            r->made += 1000000;
        struct rename_options ro = {0};
        rc = r->n->api->rename(r->n->m, &c, r->id % 2 ? "/x/y" : "/z", r->id % 2 ? "/z" : "/x/y", &ro, &err);
        r->moved += !rc;
        if (rc && rc != -ERR_NOT_FOUND && rc != -ERR_ALREADY_EXISTS && rc != -ERR_BUSY)
            r->moved += 1000000;
    }
}

static void test_races(void **state)
{
    struct ns *n = *state;
    OK(ns_mkdir(n, NULL, "/r", false));
    OK(ns_mkdir(n, NULL, "/x/y", true));
    struct racer racers[4];
    struct thread threads[4];
    for (int i = 0; i < 4; i++) {
        racers[i] = (struct racer){.n = n, .id = i};
        thread_start(&threads[i], "race", race, &racers[i]);
    }
    int made = 0;
    for (int i = 0; i < 4; i++) {
        thread_join(&threads[i]);
        made += racers[i].made;
        assert_true(racers[i].moved < 1000);
    }
    assert_int_equal(made, 60); /* each name by exactly one */
    int there = !ns_stat(n, NULL, "/z", NULL);
    there += !ns_stat(n, NULL, "/x/y", NULL);
    assert_int_equal(there, 1);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_mkdir_and_list), T(test_write),          T(test_nothing_before_commit), T(test_conditions), T(test_rename),
        T(test_remove),         T(test_permission),     T(test_default_acl),           T(test_recursive_attr), T(test_recursive_not_permitted), T(test_idempotency),
        T(test_side_attributes), T(test_ttl_pin_free),  T(test_path_conf),             T(test_restart),    T(test_races),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
