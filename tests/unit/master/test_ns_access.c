/* SPDX-License-Identifier: Apache-2.0
 *
 * The permission decision and access control lists, as tables of cases.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/mem.h"
#include "master/access.h"

#include <stdio.h>
#include <string.h>

static const char *const ann_groups[] = {"staff", "dev"};
static const struct identity ann = {.user = "ann", .group_count = 2, .groups = ann_groups, .can_write = true};
static const char *const bob_groups[] = {"guests"};
static const struct identity bob = {.user = "bob", .group_count = 1, .groups = bob_groups, .can_write = true};
static const struct identity nobody = {.user = "eve", .can_write = true};
static const char *const root_groups[] = {"supergroup"};
static const struct identity member = {.user = "zoe", .group_count = 1, .groups = root_groups, .can_write = true};
static const struct identity super = {.user = "top", .is_super = true};

static void test_modes(void **state)
{
    (void)state;
    static const struct {
        const struct identity *who;
        const char *owner, *group;
        uint32_t mode;
        unsigned asked;
        bool ok;
    } cases[] = {
        {&ann, "ann", "x", 0700, 7, true},       {&ann, "ann", "staff", 0077, 4, false}, /* the owner's own bits decide */
        {&ann, "bob", "staff", 0750, 5, true},   {&ann, "bob", "staff", 0705, 4, false}, /* then the group's */
        {&ann, "bob", "dev", 0060, 6, true},     {&ann, "bob", "guests", 0755, 5, true},
        {&ann, "bob", "guests", 0755, 2, false}, {&nobody, "bob", "guests", 0777, 7, true},
        {&nobody, "bob", "guests", 0770, 1, false}, {&super, "bob", "guests", 0, 7, true},
        {&member, "bob", "guests", 0, 7, true},  {&nobody, "bob", "guests", 0, 0, true},
    };
    for (size_t i = 0; i < array_len(cases); i++) {
        struct access_subject s = {cases[i].owner, cases[i].group, cases[i].mode, NULL};
        if (access_allows(cases[i].who, "supergroup", &s, cases[i].asked) != cases[i].ok)
            fail_msg("case %zu", i);
    }
}

/* "u::7 g::5 u:ann:7 m::1 …"; default entries begin with d. */
static void parse(const char *text, struct acl *a)
{
    a->n = 0;
    for (const char *p = text; *p;) {
        struct acl_entry e = {0};
        if (*p == 'd') {
            e.is_default = true;
            p++;
        }
        int n = 0;
        e.kind = *p;
        if (sscanf(p + 1, "::%u%n", &e.perm, &n) != 1)
            assert_int_equal(sscanf(p + 1, ":%63[^:]:%u%n", e.name, &e.perm, &n), 2);
        a->entries[a->n++] = e;
        p += 1 + n;
        p += *p == ' ';
    }
}

static void print(const struct acl *a, char to[1024])
{
    *to = 0;
    for (size_t i = 0, at = 0; i < a->n; i++)
        at += (size_t)snprintf(to + at, 1024 - at, "%s%s%c:%s:%u", i ? " " : "", a->entries[i].is_default ? "d" : "", a->entries[i].kind, a->entries[i].name,
                      a->entries[i].perm);
}

static void test_lists(void **state)
{
    (void)state;
    static const struct {
        const struct identity *who;
        const char *acl;
        uint32_t mode;
        unsigned asked;
        bool ok;
    } cases[] = {
        {&ann, "u::7 g::0 o::0 u:ann:6 m::7", 0770, 6, true},
        {&ann, "u::7 g::0 o::0 u:ann:6 m::4", 0740, 2, false}, /* the mask takes w */
        {&ann, "u::7 g::0 o::0 u:ann:6 m::4", 0740, 4, true},
        {&ann, "u::7 g::0 o::7 u:ann:0 m::7", 0777, 4, false}, /* a named entry is final */
        {&ann, "u::7 g::0 o::7 g:dev:5 m::7", 0777, 5, true},
        {&ann, "u::7 g::0 o::7 g:dev:0 m::7", 0777, 1, false}, /* a group that matches and denies ends it */
        {&ann, "u::7 g::0 o::0 g:staff:1 g:dev:6 m::7", 0770, 6, true},
        {&bob, "u::7 g::0 o::5 g:dev:7 m::7", 0775, 5, true}, /* no group matches: others */
        {&nobody, "u::7 g::7 o::0 u:ann:7 m::7", 0770, 1, false},
        {&super, "u::0 g::0 o::0 m::0", 0, 7, true},
    };
    for (size_t i = 0; i < array_len(cases); i++) {
        struct acl a;
        parse(cases[i].acl, &a);
        struct access_subject s = {"owner", "none", cases[i].mode, &a};
        if (access_allows(cases[i].who, "", &s, cases[i].asked) != cases[i].ok)
            fail_msg("case %zu", i);
    }
}

static void test_change(void **state)
{
    (void)state;
    static const struct {
        const char *before;
        enum acl_action action;
        const char *change, *after; /* NULL: refused */
        bool is_file;
    } cases[] = {
        {"u::7 g::5 o::0", ACL_MODIFY, "u:ann:6", "u::7 g::5 o::0 u:ann:6 m::7", false},
        {"u::7 g::5 o::0", ACL_MODIFY, "u:ann:6 m::4", "u::7 g::5 o::0 u:ann:6 m::4", false},
        {"u::7 g::5 o::0 u:ann:6 m::7", ACL_MODIFY, "u:ann:1", "u::7 g::5 o::0 u:ann:1 m::5", false},
        {"u::7 g::5 o::0 u:ann:6 m::7", ACL_REMOVE, "u:ann:0", "u::7 g::5 o::0", false},
        {"u::7 g::5 o::0", ACL_REMOVE, "u::0", NULL, false},
        {"u::7 g::5 o::0 u:ann:6 m::7", ACL_SET, "u::6 g::4 o::4", "u::6 g::4 o::4", false},
        {"u::7 g::5 o::0", ACL_SET, "u::6 g::4", NULL, false},
        {"u::7 g::5 o::0 u:ann:6 m::7 du::7 dg::5 do::0", ACL_REMOVE_ALL, "", "u::7 g::5 o::0", false},
        {"u::7 g::5 o::0 u:ann:6 m::7 du::7 dg::5 do::0", ACL_REMOVE_DEFAULT, "", "u::7 g::5 o::0 u:ann:6 m::7", false},
        {"u::7 g::5 o::1", ACL_MODIFY, "du:ann:4", "u::7 g::5 o::1 du:ann:4 du::7 dg::5 do::1 dm::5", false},
        {"u::7 g::5 o::1", ACL_MODIFY, "du:ann:4", NULL, true}, /* files have no defaults */
        {"u::7 g::5 o::1", ACL_MODIFY, "o:ann:4", NULL, false},
        {"u::7 g::5 o::1", ACL_MODIFY, "x::4", NULL, false},
        {"u::7 g::5 o::1", ACL_MODIFY, "u::9", NULL, false},
    };
    for (size_t i = 0; i < array_len(cases); i++) {
        struct acl a, change;
        struct err err = {0};
        char text[1024];
        parse(cases[i].before, &a);
        parse(cases[i].change, &change);
        int rc = acl_change(&a, cases[i].action, change.entries, change.n, !cases[i].is_file, &err);
        print(&a, text);
        const char *want = cases[i].after ? cases[i].after : cases[i].before;
        if ((rc == 0) != (cases[i].after != NULL) || strcmp(text, want))
            fail_msg("case %zu: rc %d, %s (%s)", i, rc, text, err.text);
    }
}

static void test_inherit(void **state)
{
    (void)state;
    static const struct {
        const char *parent;
        uint32_t asked;
        bool is_directory;
        const char *child;
        uint32_t mode;
    } cases[] = {
        {"du::7 dg::5 do::1", 0666, false, "u::6 g::4 o::0", 0640},
        {"du::7 dg::7 do::5", 0777, true, "u::7 g::7 o::5 du::7 dg::7 do::5", 0775},
        {"du::7 dg::7 du:ann:7 dm::7 do::0", 0640, false, "u::6 g::7 u:ann:7 m::4 o::0", 0640},
    };
    for (size_t i = 0; i < array_len(cases); i++) {
        struct acl parent, child;
        char text[1024];
        parse(cases[i].parent, &parent);
        acl_inherit(&parent, cases[i].asked, cases[i].is_directory, &child);
        print(&child, text);
        if (strcmp(text, cases[i].child) || acl_mode(&child, cases[i].asked) != cases[i].mode)
            fail_msg("case %zu: %s %o", i, text, acl_mode(&child, cases[i].asked));
    }
}

static void test_bytes(void **state)
{
    (void)state;
    struct acl a, back;
    struct err err;
    char one[1024], two[1024];
    parse("u::7 g::5 o::0 u:ann:6 g:dev:1 m::4 du::7 dg::5 do::0", &a);
    AUTO(buf) access = {0}, def = {0};
    buf_init(&access, 4096);
    buf_init(&def, 4096);
    acl_encode(&a, false, &access);
    acl_encode(&a, true, &def);
    uint32_t mode = acl_mode(&a, 0);
    assert_int_equal(mode, 0740);
    acl_from_mode(&back, mode);
    assert_int_equal(acl_decode(&back, false, mode, access.data, access.len, &err), 0);
    assert_int_equal(acl_decode(&back, true, mode, def.data, def.len, &err), 0);
    print(&a, one);
    print(&back, two);
    assert_int_equal(strlen(one), strlen(two));
    for (size_t i = 0; i < a.n; i++) {
        const struct acl_entry *e = acl_find(&back, a.entries[i].is_default, a.entries[i].kind, a.entries[i].name);
        assert_non_null(e);
        assert_int_equal(e->perm, a.entries[i].perm);
    }
    assert_int_equal(acl_decode(&back, false, mode, access.data, access.len - 1, &err), -ERR_CORRUPT);
    assert_int_equal(acl_decode(&back, false, mode, "z\1\0", 3, &err), -ERR_CORRUPT);
}

static void test_sentence(void **state)
{
    (void)state;
    struct err err;
    struct access_subject s = {"root", "wheel", 0755, NULL};
    assert_int_equal(access_denied(&bob, "/p", "/", &s, ACCESS_WRITE, &err), -ERR_PERMISSION_DENIED);
    assert_string_equal(err.text, "Permission denied: user=bob, access=-w-, path=/p: failed at /, inode owner=root, inode group=wheel, "
                                  "inode mode=rwxr-xr-x");
    struct access_subject sticky = {"root", "wheel", 01777, NULL};
    assert_true(access_allows_unlink(&bob, "", &sticky, "bob"));
    assert_false(access_allows_unlink(&bob, "", &sticky, "ann"));
    assert_true(access_allows_unlink(&super, "", &sticky, "ann"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_modes),   cmocka_unit_test(test_lists), cmocka_unit_test(test_change),
        cmocka_unit_test(test_inherit), cmocka_unit_test(test_bytes), cmocka_unit_test(test_sentence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
