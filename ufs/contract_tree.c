/* SPDX-License-Identifier: Apache-2.0
 *
 * contract_tree: cases about directories: listings, folders that only names imply, renames.  Names
 * are those of the field's own contract test.
 */
#include "base/mem.h"
#include "ufs/contract_tools.h"

#include <stdio.h>
#include <string.h>

#define NAMES_MAX ((size_t)1 << 20)

static int expect_names(struct contract *k, const char *dir, bool recursive, const char *expected)
{
    AUTO(buf) b = {0};

    buf_init(&b, NAMES_MAX);
    TRY(contract_names(k, dir, recursive, &b));
    if (strcmp(buf_str(&b), expected) != 0)
        return err_set(k->err, ERR_CORRUPT, "the names are %.200s", buf_str(&b));
    return 0;
}

static size_t count_lines(const struct buf *b)
{
    size_t n = 0;

    for (size_t i = 0; i < b->len; i++)
        n += b->data[i] == '\n';
    return n;
}

static int find_work(void *arg, const char *name, const struct ufs_stat *st, struct err *err)
{
    const char *dir = arg;
    size_t n = strcspn(dir, "/");
    (void)err;

    return strncmp(name, dir, n) == 0 && !name[n] ? (st->type == UFS_DIRECTORY ? 1 : 2) : 0;
}

static int list_root(struct contract *k)
{
    struct ufs_call c = contract_call(k);

    TRY(contract_put(k, "f", "x"));
    CHECK(ufs_list(k->u, &c, "", false, NULL, find_work, k->dir, k->err) == 1);
    CHECK(contract_is(k, "f", UFS_FILE));
    return 0;
}

static int list_status(struct contract *k)
{
    TRY(contract_put(k, "f1", "x"));
    TRY(contract_mkdir(k, "d"));
    TRY(contract_put(k, "d/inner", "y"));
    TRY(contract_mkdir(k, "d-e"));
    TRY(expect_names(k, "", false, "d-e/\nd/\nf1\n"));
    return expect_names(k, "d", false, "inner\n");
}

static int list_empty(struct contract *k)
{
    TRY(contract_mkdir(k, "d"));
    return expect_names(k, "d", false, "");
}

static int list_file(struct contract *k)
{
    AUTO(buf) b = {0};

    buf_init(&b, NAMES_MAX);
    TRY(contract_put(k, "f", "x"));
    EXPECT(ERR_NOT_DIRECTORY, contract_names(k, "f", false, &b));
    EXPECT(ERR_NOT_FOUND, contract_names(k, "nothing", false, &b));
    return 0;
}

static int list_large(struct contract *k)
{
    AUTO(buf) b = {0};

    buf_init(&b, NAMES_MAX);
    TRY(contract_fill(k, "d", 100));
    TRY(contract_names(k, "d", false, &b));
    CHECK(count_lines(&b) == 200);
    CHECK(strstr(buf_str(&b), "\nfile99\n") && strstr(buf_str(&b), "\ndir42/\n"));
    return 0;
}

static int list_recursive(struct contract *k)
{
    AUTO(buf) b = {0};

    buf_init(&b, NAMES_MAX);
    TRY(contract_mkdir(k, "d/sub/subsub"));
    TRY(contract_put(k, "d/file1", "x"));
    TRY(contract_put(k, "d/sub/file2", "x"));
    TRY(expect_names(k, "", true, "d/\nd/file1\nd/sub/\nd/sub/file2\nd/sub/subsub/\n"));
    TRY(expect_names(k, "d", true, "file1\nsub/\nsub/file2\nsub/subsub/\n"));
    EXPECT(ERR_NOT_FOUND, contract_names(k, "nothing", true, &b));
    return 0;
}

static int mkdirs(struct contract *k)
{
    struct ufs_call c = contract_call(k);

    TRY(contract_mkdir(k, "a"));
    TRY(contract_mkdir(k, "a"));
    TRY(contract_mkdir(k, "b/c/d"));
    CHECK(contract_is(k, "a", UFS_DIRECTORY) && contract_is(k, "b", UFS_DIRECTORY));
    CHECK(contract_is(k, "b/c", UFS_DIRECTORY) && contract_is(k, "b/c/d", UFS_DIRECTORY));
    TRY(ufs_rmdir(k->u, &c, contract_key(k, "b/c/d"), k->err));
    CHECK(contract_is(k, "b/c", UFS_DIRECTORY)); /* parents are made, not only implied */
    TRY(contract_put(k, "f", "x"));
    EXPECT(ERR_NOT_DIRECTORY, contract_mkdir(k, "f"));
    return 0;
}

/* Files only: what lies above them is implied by their names. */
static int put_implied(struct contract *k)
{
    TRY(contract_put(k, "d/file1", "x"));
    TRY(contract_put(k, "d/p1/file2", "x"));
    TRY(contract_put(k, "d/p1/sub/file3", "x"));
    return contract_put(k, "d/p2/file4", "x");
}

static int common_prefix_is_directory(struct contract *k)
{
    TRY(put_implied(k));
    CHECK(contract_is(k, "d", UFS_DIRECTORY) && contract_is(k, "d/p1", UFS_DIRECTORY));
    CHECK(contract_is(k, "d/p1/sub", UFS_DIRECTORY));
    CHECK(contract_is_absent(k, "d/p"));
    return 0;
}

static int common_prefix_list(struct contract *k)
{
    TRY(put_implied(k));
    TRY(expect_names(k, "d", false, "file1\np1/\np2/\n"));
    return expect_names(k, "d/p1", false, "file2\nsub/\n");
}

static int common_prefix_list_recursive(struct contract *k)
{
    TRY(put_implied(k));
    return expect_names(k, "d", true,
                        "file1\np1/\np1/file2\np1/sub/\np1/sub/file3\np2/\np2/file4\n");
}

static int nested_dirs_recursive(struct contract *k)
{
    TRY(contract_put(k, "1/2/3/4/5/f", "x"));
    return expect_names(k, "", true, "1/\n1/2/\n1/2/3/\n1/2/3/4/\n1/2/3/4/5/\n1/2/3/4/5/f\n");
}

static int rename_file(struct contract *k)
{
    AUTO(buf) b = {0};

    buf_init(&b, 64);
    TRY(contract_put(k, "f", "TestBytes"));
    TRY(contract_rename(k, "f", "other/g"));
    CHECK(contract_is_absent(k, "f") && contract_is(k, "other/g", UFS_FILE));
    TRY(contract_rename(k, "f", "other/g")); /* once more changes nothing */
    TRY(contract_put(k, "h", "new"));
    TRY(contract_rename(k, "h", "other/g"));
    TRY(contract_get(k, "other/g", NULL, &b));
    CHECK(strcmp(buf_str(&b), "new") == 0);
    EXPECT(ERR_NOT_FOUND, contract_rename(k, "nothing", "anywhere"));
    return 0;
}

static int rename_large_file(struct contract *k)
{
    uint64_t n, len = ((uint64_t)5 << 20) + 13;

    TRY(contract_put_pattern(k, "f", len, true, UINT64_MAX));
    TRY(contract_rename(k, "f", "g"));
    CHECK(contract_is_absent(k, "f"));
    TRY(contract_check_pattern(k, "g", 0, len, &n));
    CHECK(n == len);
    return 0;
}

static int rename_directory(struct contract *k)
{
    TRY(contract_put(k, "d/f", "x"));
    TRY(contract_rename(k, "d", "e"));
    CHECK(contract_is_absent(k, "d") && contract_is_absent(k, "d/f"));
    CHECK(contract_is(k, "e", UFS_DIRECTORY) && contract_is(k, "e/f", UFS_FILE));
    EXPECT(ERR_INVALID_ARGUMENT, contract_rename(k, "e", "e/inside"));
    return 0;
}

static int rename_directory_deep(struct contract *k)
{
    TRY(contract_put(k, "d/a/b/f1", "x"));
    TRY(contract_put(k, "d/a/f2", "x"));
    TRY(contract_mkdir(k, "d/a/empty"));
    TRY(contract_rename(k, "d", "e"));
    CHECK(contract_is_absent(k, "d/a/b/f1"));
    return expect_names(k, "", true, "e/\ne/a/\ne/a/b/\ne/a/b/f1\ne/a/empty/\ne/a/f2\n");
}

static int rename_large_directory(struct contract *k)
{
    AUTO(buf) b = {0};

    buf_init(&b, NAMES_MAX);
    TRY(contract_fill(k, "d", 100));
    TRY(contract_rename(k, "d", "e"));
    CHECK(contract_is_absent(k, "d"));
    TRY(contract_names(k, "e", false, &b));
    CHECK(count_lines(&b) == 200);
    return 0;
}

const struct contract_case contract_tree[] = {
    {"listStatusRoot", 0, list_root},
    {"listStatus", 0, list_status},
    {"listStatusEmpty", 0, list_empty},
    {"listStatusFile", 0, list_file},
    {"listLargeDirectory", 0, list_large},
    {"listStatusRecursive", 0, list_recursive},
    {"mkdirs", 0, mkdirs},
    {"objectCommonPrefixesIsDirectory", 0, common_prefix_is_directory},
    {"objectCommonPrefixesListStatusNonRecursive", 0, common_prefix_list},
    {"objectCommonPrefixesListStatusRecursive", 0, common_prefix_list_recursive},
    {"objectNestedDirsListStatusRecursive", 0, nested_dirs_recursive},
    {"renameFile", 0, rename_file},
    {"renameRenamableFile", 0, rename_large_file},
    {"renameDirectory", 0, rename_directory},
    {"renameDirectoryDeep", 0, rename_directory_deep},
    {"renameRenamableDirectory", 0, rename_directory},
    {"renameLargeDirectory", 0, rename_large_directory},
    {NULL, 0, NULL},
};
