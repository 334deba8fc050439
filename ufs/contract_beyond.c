/* SPDX-License-Identifier: Apache-2.0
 *
 * contract_beyond: what Isthmus asks of a store over the field's list: uploads in parts, odd names,
 * versions, ranges at the edges, listings that go on, batches, create-if-absent, attributes.
 */
#include "base/mem.h"
#include "ufs/contract_tools.h"

#include <stdio.h>
#include <string.h>

#define PARTS ((uint64_t)17 << 20)

static int create_empty_file(struct contract *k)
{
    TRY(contract_put_pattern(k, "f", 0, false, UINT64_MAX));
    CHECK(contract_is(k, "f", UFS_FILE));
    return 0;
}

static int check_written(struct contract *k, uint64_t len, bool is_length_known)
{
    uint64_t n = 0;

    TRY(contract_put_pattern(k, "f", len, is_length_known, UINT64_MAX));
    TRY(contract_check_pattern(k, "f", 0, UINT64_MAX, &n));
    CHECK(n == len);
    return 0;
}

static int create_less_than_part(struct contract *k)
{
    return check_written(k, 1 << 20, false);
}

static int create_multipart(struct contract *k)
{
    struct ufs_call c = contract_call(k);
    struct ufs_stat st;
    AUTO(buf) b = {0};

    TRY(check_written(k, PARTS + 5, false));
    TRY(check_written(k, PARTS, true));
    TRY(ufs_stat(k->u, &c, contract_key(k, "f"), &st, k->err));
    buf_init(&b, PARTS + 1);
    TRY(contract_get(k, "f", st.etag[0] ? st.etag : NULL, &b));
    CHECK(b.len == PARTS);
    return 0;
}

static int create_and_abort(struct contract *k)
{
    AUTO(buf) b = {0};

    buf_init(&b, 4096);
    EXPECT(ERR_CANCELLED, contract_put_pattern(k, "f", PARTS + 5, false, PARTS));
    CHECK(contract_is_absent(k, "f"));
    EXPECT(ERR_CANCELLED, contract_put_pattern(k, "g", 100, true, 0));
    CHECK(contract_is_absent(k, "g"));
    TRY(contract_names(k, "", true, &b));
    CHECK(b.len == 0);
    return 0;
}

static const char *const odd_names[] = {
    "a b", "a+b", "a%41b", "q?x&y=z", "#hash", "semi;colon", "eq=ual", "at@colon:", "quote'\"", "<tag>&amp;",
    "back\\slash", "~tilde", "(paren)!*", "[br]{ace}|", "comma,dollar$", "\xc3\xbcml\xc3\xa4ut", "\xe6\x97\xa5\xe6\x9c\xac",
    "\xf0\x9f\x98\x80", "..dots", ".hidden", "trailing.", " lead", "trail ", "...", "-", "a..b",
};

static int check_odd(struct contract *k, const char *name)
{
    AUTO(buf) b = {0};

    buf_init(&b, 8192);
    TRY(contract_put(k, name, name));
    TRY(contract_get(k, name, NULL, &b));
    if (strcmp(buf_str(&b), name) != 0)
        return err_set(k->err, ERR_CORRUPT, "'%s' holds '%.100s'", name, buf_str(&b));
    CHECK(contract_is(k, name, UFS_FILE));
    return 0;
}

static int list_has(struct contract *k, const char *name)
{
    AUTO(buf) b = {0};
    AUTO_FREE char *line = xasprintf("\n%s\n", name);

    buf_init(&b, 1 << 16);
    TRY(contract_names(k, "odd", false, &b));
    AUTO_FREE char *all = xasprintf("\n%s", buf_str(&b));
    if (!strstr(all, line))
        return err_set(k->err, ERR_CORRUPT, "'%s' is not in the listing", name);
    return 0;
}

static int odd_keys(struct contract *k)
{
    for (size_t i = 0; i < array_len(odd_names); i++) {
        AUTO_FREE char *name = xasprintf("odd/%s", odd_names[i]);
        AUTO_FREE char *below = xasprintf("odd dir/%s/f", odd_names[i]);
        AUTO_FREE char *moved = xasprintf("odd/%s ", odd_names[i]);
        TRY(check_odd(k, name));
        TRY(list_has(k, odd_names[i]));
        TRY(contract_put(k, below, "x"));
        TRY(contract_rename(k, name, moved));
        CHECK(contract_is_absent(k, name) && contract_is(k, moved, UFS_FILE));
        TRY(contract_rename(k, moved, name));
    }
    return 0;
}

/* A key of 1024 bytes, prefix and all, in components of up to 200. */
static int long_key(struct contract *k)
{
    char name[1100];
    size_t len = 1024 - strlen(k->dir) - 1 - 12 /* for a mount below the bucket's root */;

    for (size_t i = 0; i < len; i++)
        name[i] = i % 201 == 200 && i + 1 < len ? '/' : 'k';
    name[len] = 0;
    return check_odd(k, name);
}

static int conditional_read(struct contract *k)
{
    struct ufs_call c = contract_call(k);
    struct ufs_stat st;
    AUTO(buf) b = {0};

    buf_init(&b, 64);
    TRY(contract_put(k, "f", "one"));
    TRY(ufs_stat(k->u, &c, contract_key(k, "f"), &st, k->err));
    CHECK(st.etag[0]);
    TRY(contract_get(k, "f", st.etag, &b));
    TRY(contract_put(k, "f", "two"));
    buf_reset(&b);
    EXPECT(ERR_PRECONDITION_FAILED, contract_get(k, "f", st.etag, &b));
    CHECK(b.len == 0);
    return 0;
}

static int listing_etag(void *arg, const char *name, const struct ufs_stat *st, struct err *err)
{
    struct ufs_stat *to = arg;
    (void)name, (void)err;

    *to = *st;
    return 0;
}

/* A sync compares what a listing says with what a status said. */
static int listing_agrees(struct contract *k)
{
    struct ufs_call c = contract_call(k);
    struct ufs_stat st, listed = {0};

    TRY(contract_put(k, "d/f", "TestBytes"));
    TRY(ufs_stat(k->u, &c, contract_key(k, "d/f"), &st, k->err));
    TRY(ufs_list(k->u, &c, contract_key(k, "d"), false, NULL, listing_etag, &listed, k->err));
    CHECK(strcmp(st.etag, listed.etag) == 0 && st.length == listed.length);
    CHECK(st.mode == listed.mode && st.type == listed.type);
    CHECK(st.mtime_ms / 1000 == listed.mtime_ms / 1000);
    return 0;
}

static int ranges(struct contract *k)
{
    uint64_t n = 0;
    AUTO(buf) b = {0};

    buf_init(&b, 64);
    TRY(contract_put_pattern(k, "f", 1000, true, UINT64_MAX));
    TRY(contract_check_pattern(k, "f", 999, 1, &n));
    CHECK(n == 1);
    TRY(contract_check_pattern(k, "f", 990, 100, &n));
    CHECK(n == 10);
    TRY(contract_check_pattern(k, "f", 1000, 10, &n));
    CHECK(n == 0);
    TRY(contract_check_pattern(k, "f", 5000, 10, &n));
    CHECK(n == 0);
    EXPECT(ERR_NOT_FOUND, contract_get(k, "nothing", NULL, &b));
    return 0;
}

struct paged {
    char last[64];
    int left, total;
};

static int page_entry(void *arg, const char *name, const struct ufs_stat *st, struct err *err)
{
    struct paged *p = arg;
    (void)err;

    snprintf(p->last, sizeof(p->last), "%.60s%s", name, st->type == UFS_DIRECTORY ? "/" : "");
    p->total++;
    return --p->left == 0;
}

static int count_pages(struct contract *k, bool recursive, int page, int *ret_total)
{
    struct paged p = {0};
    int rc;

    do {
        struct ufs_call c = contract_call(k);
        AUTO_FREE char *after = p.last[0] ? xstrdup(p.last) : NULL;
        p.left = page;
        rc = ufs_list(k->u, &c, contract_key(k, "d"), recursive, after, page_entry, &p, k->err);
        TRY(rc);
    } while (rc > 0 && p.total < 1000);
    *ret_total = p.total;
    return 0;
}

static int listing_goes_on(struct contract *k)
{
    int total;

    TRY(contract_fill(k, "d", 10));
    TRY(contract_put(k, "d/dir3/a", "x"));
    TRY(contract_put(k, "d/dir3/b", "x"));
    TRY(contract_put(k, "d/dir3-x", "x"));
    for (int page = 1; page <= 7; page += 3) {
        TRY(count_pages(k, false, page, &total));
        CHECK(total == 21);
        TRY(count_pages(k, true, page, &total));
        CHECK(total == 23);
    }
    return 0;
}

static int remove_many(struct contract *k)
{
    enum { COUNT = 1100 };
    char *keys[COUNT];
    AUTO(buf) b = {0};
    int rc = 0;

    buf_init(&b, 1 << 20);
    for (int i = 0; i < COUNT; i++) {
        AUTO_FREE char *name = xasprintf("d/f%d", i);
        keys[i] = xstrdup(contract_key(k, name));
        if (rc == 0 && i % 10 < 9) /* some are not there */
            rc = contract_put(k, name, "x");
    }
    struct ufs_call c = contract_call(k);
    if (rc == 0)
        rc = ufs_remove_many(k->u, &c, (const char *const *)keys, COUNT, k->err);
    for (int i = 0; i < COUNT; i++)
        free(keys[i]);
    TRY(rc);
    rc = contract_names(k, "d", false, &b);
    CHECK(rc == -ERR_NOT_FOUND || (rc == 0 && b.len == 0));
    return 0;
}

static int create_if_absent(struct contract *k)
{
    struct ufs_call c = contract_call(k);
    struct source_mem s;
    AUTO(buf) b = {0};

    buf_init(&b, 64);
    source_mem_init(&s, "one", 3);
    TRY(ufs_write(k->u, &c, contract_key(k, "f"), &s.source, true, NULL, k->err));
    source_mem_init(&s, "two", 3);
    EXPECT(ERR_ALREADY_EXISTS, ufs_write(k->u, &c, contract_key(k, "f"), &s.source, true, NULL, k->err));
    TRY(contract_get(k, "f", NULL, &b));
    CHECK(strcmp(buf_str(&b), "one") == 0);
    return 0;
}

static int attributes(struct contract *k)
{
    struct ufs_call c = contract_call(k);
    struct ufs_stat st;
    unsigned mode = 0640;

    TRY(contract_put(k, "f", "x"));
    TRY(ufs_set_attr(k->u, &c, contract_key(k, "f"), &mode, NULL, NULL, k->err));
    TRY(ufs_stat(k->u, &c, contract_key(k, "f"), &st, k->err));
    CHECK(st.mode == 0640);
    return 0;
}

static int bad_keys(struct contract *k)
{
    static const char *const keys[] = {"a//b", "../x", "a/..", "./a", "a/", "/a"};
    struct ufs_call c = contract_call(k);
    struct ufs_stat st;

    for (size_t i = 0; i < array_len(keys); i++) {
        int rc = ufs_stat(k->u, &c, keys[i], &st, k->err);
        CHECK(rc == -ERR_INVALID_PATH || rc == -ERR_NOT_FOUND);
    }
    return 0;
}

static int past_deadline(struct contract *k)
{
    struct ufs_call c = {.deadline_ms = 1};
    struct ufs_stat st;

    EXPECT(ERR_TIMEOUT, ufs_stat(k->u, &c, k->dir, &st, k->err));
    return 0;
}

const struct contract_case contract_beyond[] = {
    {"createEmptyFile", 0, create_empty_file},
    {"createFileLessThanOnePart", 0, create_less_than_part},
    {"createMultipartFile", 0, create_multipart},
    {"createAndAbortMultipartFile", UFS_CAP_CREATE_ATOMIC, create_and_abort},
    {"oddKeys", 0, odd_keys},
    {"longKey", 0, long_key},
    {"badKeys", 0, bad_keys},
    {"conditionalRead", 0, conditional_read},
    {"listingAgreesWithStatus", 0, listing_agrees},
    {"ranges", 0, ranges},
    {"listingGoesOn", 0, listing_goes_on},
    {"removeMany", 0, remove_many},
    {"createIfAbsent", 0, create_if_absent},
    {"attributes", UFS_CAP_ATTRIBUTES, attributes},
    {"pastDeadline", 0, past_deadline},
    {NULL, 0, NULL},
};
