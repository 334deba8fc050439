/* SPDX-License-Identifier: Apache-2.0
 *
 * The deciders of sync as tables of cases; the map of owned keys; the memory of what was seen.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "master/intents_map.h"
#include "master/sync_decide.h"
#include "master/sync_memory.h"
#include "master/sync_plan.h"

#include <stdio.h>

static const struct ufs_stat file5 = {.type = UFS_FILE, .length = 5, .mtime_ms = 100, .etag = "e1"};
static const struct ufs_stat file5_new = {.type = UFS_FILE, .length = 5, .mtime_ms = 200, .etag = "e2"};
static const struct ufs_stat file6 = {.type = UFS_FILE, .length = 6, .mtime_ms = 100, .etag = ""};
static const struct ufs_stat file5_bare = {.type = UFS_FILE, .length = 5, .mtime_ms = 100};
static const struct ufs_stat folder = {.type = UFS_DIRECTORY};
static const struct ufs_stat odd = {.type = UFS_OTHER};
#define FILE_INODE .type = INODE_FILE, .flags = INODE_COMPLETED, .length = 5, .store_mtime_ms = 100
static const struct inode known = {FILE_INODE, .etag = "e1", .persistence = PERSIST_DONE};
static const struct inode known_bare = {FILE_INODE, .persistence = PERSIST_DONE};
static const struct inode known_unsure = {.type = INODE_FILE, .flags = INODE_COMPLETED, .length = 5, .persistence = PERSIST_DONE};
static const struct inode only_here = {FILE_INODE, .persistence = PERSIST_NOT};
static const struct inode waiting = {FILE_INODE, .persistence = PERSIST_TODO};
static const struct inode lost = {FILE_INODE, .persistence = PERSIST_LOST};
static const struct inode open_file = {.type = INODE_FILE, .persistence = PERSIST_DONE};
static const struct inode dir = {.type = INODE_DIRECTORY, .flags = INODE_COMPLETED, .persistence = PERSIST_DONE};
static const struct inode dir_here = {.type = INODE_DIRECTORY, .flags = INODE_COMPLETED, .persistence = PERSIST_NOT};
static const struct inode point = {.type = INODE_DIRECTORY, .flags = INODE_COMPLETED | INODE_MOUNT_POINT, .persistence = PERSIST_DONE};
static const struct inode link_here = {.type = INODE_SYMLINK, .flags = INODE_COMPLETED, .persistence = PERSIST_DONE};

static void plan(void **state)
{
    (void)state;
    static const struct {
        const struct ufs_stat *store;
        const struct inode *inode;
        bool is_covered;
        enum sync_action expected;
    } cases[] = {
        {NULL, NULL, false, SYNC_NOTHING},
        {&file5, NULL, false, SYNC_CREATE},
        {&folder, NULL, false, SYNC_CREATE},
        {&odd, NULL, false, SYNC_NOTHING},
        {&file5, NULL, true, SYNC_NOTHING}, /* our own write is on its way, or our own removal */
        {&file5, &known, false, SYNC_NOTHING},
        {&file5_new, &known, false, SYNC_REPLACE},
        {&file6, &known, false, SYNC_REPLACE},
        {&file5_new, &known_bare, false, SYNC_REPLACE}, /* by time */
        {&file5_bare, &known, false, SYNC_NOTHING},
        {&file5, &known_bare, false, SYNC_LEARN},
        {&file5, &known_unsure, false, SYNC_LEARN},
        {&file5_new, &known, true, SYNC_NOTHING},
        {NULL, &known, false, SYNC_REMOVE},
        {NULL, &known, true, SYNC_NOTHING},
        {NULL, &only_here, false, SYNC_NOTHING}, /* never removed */
        {NULL, &waiting, false, SYNC_NOTHING},
        {NULL, &lost, false, SYNC_NOTHING},
        {NULL, &open_file, false, SYNC_NOTHING},
        {&file5_new, &waiting, false, SYNC_NOTHING},
        {&file5_new, &open_file, false, SYNC_NOTHING},
        {&file5, &lost, false, SYNC_REPLACE}, /* it came back */
        {NULL, &dir, false, SYNC_REMOVE},
        {NULL, &dir_here, false, SYNC_NOTHING},
        {&folder, &dir_here, false, SYNC_ADOPT},
        {&folder, &dir, false, SYNC_NOTHING},
        {NULL, &point, false, SYNC_NOTHING},
        {&folder, &point, false, SYNC_NOTHING},
        {NULL, &link_here, false, SYNC_NOTHING},
        {&folder, &known, false, SYNC_RETYPE},
        {&file5, &dir, false, SYNC_RETYPE},
        {&folder, &waiting, false, SYNC_NOTHING},
    };
    for (size_t i = 0; i < array_len(cases); i++) {
        struct sync_facts f = {cases[i].store, cases[i].inode, cases[i].is_covered};
        if (sync_plan(&f) != cases[i].expected)
            fail_msg("case %zu: %d, expected %d", i, (int)sync_plan(&f), (int)cases[i].expected);
    }
}

static void decide(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        struct sync_question q;
        enum sync_decision expected;
    } cases[] = {
        {"never", {.asked_interval_ms = -2, .freshness = FRESH_NEVER, .is_known = true}, SYNC_SERVE},
        {"manual", {.asked_interval_ms = -2, .freshness = FRESH_MANUAL, .is_known = true}, SYNC_SERVE},
        {"each access", {.asked_interval_ms = -2, .freshness = FRESH_INTERVAL, .is_known = true, .verified_ms = 999}, SYNC_WAIT},
        {"young", {.asked_interval_ms = -2, .freshness = FRESH_INTERVAL, .mount_interval_ms = 100, .is_known = true, .verified_ms = 950}, SYNC_SERVE},
        {"old", {.asked_interval_ms = -2, .freshness = FRESH_INTERVAL, .mount_interval_ms = 100, .is_known = true, .verified_ms = 100}, SYNC_BESIDE},
        {"asked: always", {.asked_interval_ms = 0, .freshness = FRESH_NEVER, .is_known = true, .verified_ms = 999}, SYNC_WAIT},
        {"asked: age", {.asked_interval_ms = 50, .freshness = FRESH_NEVER, .is_known = true, .verified_ms = 900}, SYNC_WAIT},
        {"asked: never", {.asked_interval_ms = -1, .freshness = FRESH_INTERVAL, .is_known = true}, SYNC_SERVE},
        {"load always", {.load = LOAD_ALWAYS, .asked_interval_ms = -2, .is_known = true}, SYNC_WAIT},
        {"missing, nothing known", {.asked_interval_ms = -2, .freshness = FRESH_NEVER}, SYNC_WAIT},
        {"missing, load never", {.load = LOAD_NEVER, .asked_interval_ms = -2, .freshness = FRESH_NEVER}, SYNC_SERVE},
        {"missing, listed once", {.asked_interval_ms = -2, .freshness = FRESH_NEVER, .is_parent_loaded = true}, SYNC_SERVE},
        {"missing, asked just now", {.asked_interval_ms = -2, .freshness = FRESH_NEVER, .absent_ms = 990}, SYNC_SERVE},
        {"missing, listed long ago", {.asked_interval_ms = -2, .freshness = FRESH_INTERVAL, .mount_interval_ms = 100, .is_parent_loaded = true, .verified_ms = 10}, SYNC_WAIT},
        {"missing, listed now", {.asked_interval_ms = -2, .freshness = FRESH_INTERVAL, .mount_interval_ms = 100, .is_parent_loaded = true, .verified_ms = 950}, SYNC_SERVE},
        {"missing, load always", {.load = LOAD_ALWAYS, .asked_interval_ms = -2, .absent_ms = 999}, SYNC_WAIT},
    };
    for (size_t i = 0; i < array_len(cases); i++) {
        struct sync_question q = cases[i].q;
        q.now_ms = 1000;
        if (sync_decide(&q) != cases[i].expected)
            fail_msg("%s: %d, expected %d", cases[i].what, (int)sync_decide(&q), (int)cases[i].expected);
    }
}

static void map(void **state)
{
    (void)state;
    struct intents_map *m = intents_map_new();
    assert_true(intents_map_take(m, 1, "a/b"));
    assert_false(intents_map_take(m, 1, "a/b"));
    assert_false(intents_map_take(m, 1, "a"));
    assert_false(intents_map_take(m, 1, ""));
    assert_false(intents_map_take(m, 1, "a/b/c/d"));
    assert_true(intents_map_take(m, 1, "a/bc"));
    assert_true(intents_map_take(m, 2, "a/b"));
    assert_true(intents_map_covers(m, 1, "a/b/x"));
    assert_true(intents_map_covers(m, 1, "a")); /* its directory: the store may not have it yet, or no longer */
    assert_false(intents_map_covers(m, 1, "b"));
    intents_map_drop(m, 1, "a/b");
    assert_false(intents_map_covers(m, 1, "a/b/x"));
    assert_false(intents_map_take(m, 1, "a")); /* a/bc is still owned */
    intents_map_drop(m, 1, "a/bc");
    assert_true(intents_map_take(m, 1, "a"));
    intents_map_drop(m, 1, "a");
    intents_map_drop(m, 2, "a/b");
    assert_true(intents_map_take(m, 1, ""));
    assert_false(intents_map_take(m, 1, "z"));
    intents_map_free(m);
}

static void memory(void **state)
{
    (void)state;
    struct sync_memory *m = sync_memory_new();
    struct sync_seen seen = {0};
    char name[32];
    sync_memory_absent(m, 1, "/a/b", 77);
    assert_int_equal(sync_memory_absent_when(m, 1, "/a/b", 1), 77);
    assert_int_equal(sync_memory_absent_when(m, 1, "/a/b/c", 2), 77);
    assert_int_equal(sync_memory_absent_when(m, 1, "/a/b/c", 4), 0); /* /a/b was made here since */
    assert_int_equal(sync_memory_absent_when(m, 1, "/a/bc", 1), 0);
    assert_int_equal(sync_memory_absent_when(m, 2, "/a/b", 1), 0); /* other mounts */
    sync_memory_verified(m, 5, 88);
    assert_int_equal(sync_memory_when(m, 5), 88);
    assert_int_equal(sync_memory_when(m, 6), 0);
    assert_false(sync_seen_has(&seen, "n0"));
    for (int i = 0; i < 10000; i++) {
        snprintf(name, sizeof name, "n%d", i);
        sync_seen_add(&seen, name);
    }
    assert_int_equal(seen.count, 10000);
    assert_true(sync_seen_has(&seen, "n9999"));
    assert_false(sync_seen_has(&seen, "n10000"));
    sync_seen_done(&seen);
    sync_memory_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(plan), cmocka_unit_test(decide), cmocka_unit_test(map), cmocka_unit_test(memory)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
