/* SPDX-License-Identifier: Apache-2.0
 *
 * contract_basic: cases about single files: they appear whole, have the right bytes and status, and
 * go away.  Names are those of the field's own contract test.
 */
#include "base/clock.h"
#include "base/mem.h"
#include "ufs/contract_tools.h"

#include <string.h>

#define LARGE ((uint64_t)3 << 20 | 77)
#define BLOCKS 1300 /* a few blocks of 512 bytes */

/* Looks for the file while it is being written. */
struct peeking_source {
    struct source source;
    struct contract *k;
    int pulls;
    bool was_seen;
};

static int peek(struct source *src, void *to, size_t cap, size_t *ret_len, struct err *err)
{
    struct peeking_source *p = (struct peeking_source *)src;
    (void)err;

    p->was_seen = p->was_seen || !contract_is_absent(p->k, "f");
    *ret_len = p->pulls++ == 0 && cap ? 1 : 0;
    if (*ret_len)
        *(char *)to = 'x';
    return 0;
}

static int create_atomic(struct contract *k)
{
    struct ufs_call c = contract_call(k);
    struct peeking_source p = {{peek, -1}, k, 0, false};

    TRY(ufs_write(k->u, &c, contract_key(k, "f"), &p.source, false, NULL, k->err));
    CHECK(!p.was_seen && p.pulls > 1);
    CHECK(contract_is(k, "f", UFS_FILE));
    return 0;
}

static int size_of(struct contract *k, const char *name, uint64_t *ret)
{
    struct ufs_call c = contract_call(k);
    struct ufs_stat st;

    TRY(ufs_stat(k->u, &c, contract_key(k, name), &st, k->err));
    CHECK(st.type == UFS_FILE);
    *ret = st.length;
    return 0;
}

static int create_empty(struct contract *k)
{
    uint64_t n = 1;

    TRY(contract_put(k, "f", ""));
    TRY(size_of(k, "f", &n));
    CHECK(n == 0);
    return 0;
}

static int create_parent(struct contract *k)
{
    struct ufs_call c = contract_call(k);
    struct source_mem s;
    struct ufs_stat written, st;

    source_mem_init(&s, "TestBytes", 9);
    TRY(ufs_write(k->u, &c, contract_key(k, "a/b/f"), &s.source, false, &written, k->err));
    CHECK(contract_is(k, "a", UFS_DIRECTORY) && contract_is(k, "a/b", UFS_DIRECTORY));
    TRY(ufs_stat(k->u, &c, contract_key(k, "a/b/f"), &st, k->err));
    CHECK(strcmp(st.etag, written.etag) == 0 && st.length == 9 && written.length == 9);
    return 0;
}

static int create_open(struct contract *k)
{
    AUTO(buf) b = {0};

    buf_init(&b, 4096);
    TRY(contract_put(k, "f", "TestBytes"));
    TRY(contract_get(k, "f", NULL, &b));
    CHECK(strcmp(buf_str(&b), "TestBytes") == 0);
    return 0;
}

static int create_open_empty(struct contract *k)
{
    AUTO(buf) b = {0};

    buf_init(&b, 4096);
    TRY(contract_put(k, "f", ""));
    TRY(contract_get(k, "f", NULL, &b));
    CHECK(b.len == 0);
    return 0;
}

static int create_open_at_position(struct contract *k)
{
    static const uint64_t offsets[] = {0, 256, 511, 512, 513, 768, 1024, 1025};
    uint64_t n;

    TRY(contract_put_pattern(k, "f", BLOCKS, true, UINT64_MAX));
    for (size_t i = 0; i < array_len(offsets); i++) {
        TRY(contract_check_pattern(k, "f", offsets[i], 1, &n));
        CHECK(n == 1);
        TRY(contract_check_pattern(k, "f", offsets[i], UINT64_MAX, &n));
        CHECK(n == BLOCKS - offsets[i]);
    }
    return 0;
}

static int check_large(struct contract *k, bool is_length_known)
{
    uint64_t n;

    TRY(contract_put_pattern(k, "f", LARGE, is_length_known, UINT64_MAX));
    TRY(size_of(k, "f", &n));
    CHECK(n == LARGE);
    TRY(contract_check_pattern(k, "f", 0, LARGE, &n));
    CHECK(n == LARGE);
    return 0;
}

static int create_open_large(struct contract *k)
{
    return check_large(k, true);
}

static int create_open_existing_large(struct contract *k)
{
    return check_large(k, false);
}

static int delete_file(struct contract *k)
{
    TRY(contract_put(k, "f", "x"));
    TRY(contract_remove(k, "f"));
    CHECK(contract_is_absent(k, "f"));
    return contract_remove(k, "f");
}

static int delete_dir(struct contract *k)
{
    struct ufs_call c = contract_call(k);

    TRY(contract_mkdir(k, "empty"));
    TRY(ufs_rmdir(k->u, &c, contract_key(k, "empty"), k->err));
    CHECK(contract_is_absent(k, "empty"));
    TRY(ufs_rmdir(k->u, &c, contract_key(k, "empty"), k->err));
    TRY(contract_put(k, "full/sub/f", "x"));
    EXPECT(ERR_NOT_EMPTY, ufs_rmdir(k->u, &c, contract_key(k, "full"), k->err));
    CHECK(contract_is(k, "full/sub/f", UFS_FILE));
    TRY(contract_remove_tree(k, contract_key(k, "full")));
    CHECK(contract_is_absent(k, "full") && contract_is_absent(k, "full/sub/f"));
    return 0;
}

static int delete_large_directory(struct contract *k)
{
    TRY(contract_fill(k, "d", 100));
    TRY(contract_remove_tree(k, contract_key(k, "d")));
    CHECK(contract_is_absent(k, "d") && contract_is_absent(k, "d/file7"));
    CHECK(contract_is_absent(k, "d/dir99"));
    return 0;
}

static int create_delete_conjunction(struct contract *k)
{
    for (int i = 0; i < 2; i++) {
        TRY(contract_put(k, "f", "x"));
        CHECK(contract_is(k, "f", UFS_FILE));
        TRY(contract_remove(k, "f"));
        CHECK(contract_is_absent(k, "f"));
    }
    return contract_put(k, "f", "y");
}

static int create_then_delete_directory(struct contract *k)
{
    struct ufs_call c = contract_call(k);

    TRY(contract_mkdir(k, "d"));
    TRY(ufs_rmdir(k->u, &c, contract_key(k, "d"), k->err));
    CHECK(contract_is_absent(k, "d"));
    return 0;
}

static int exists(struct contract *k)
{
    CHECK(contract_is_absent(k, "f") && contract_is_absent(k, "d"));
    TRY(contract_put(k, "f", "x"));
    TRY(contract_mkdir(k, "d"));
    CHECK(contract_is(k, "f", UFS_FILE) && contract_is(k, "d", UFS_DIRECTORY));
    return 0;
}

static int directory_status(struct contract *k)
{
    TRY(contract_mkdir(k, "d"));
    CHECK(contract_is(k, "d", UFS_DIRECTORY));
    CHECK(contract_is(k, "", UFS_DIRECTORY));
    return 0;
}

static int file_size(struct contract *k)
{
    uint64_t n = 1;

    TRY(contract_put(k, "empty", ""));
    TRY(size_of(k, "empty", &n));
    CHECK(n == 0);
    TRY(contract_put(k, "f", "TestBytes"));
    TRY(size_of(k, "f", &n));
    CHECK(n == 9);
    return 0;
}

static int existing_file_status(struct contract *k)
{
    uint64_t n = 0;

    TRY(contract_put_pattern(k, "f", BLOCKS, false, UINT64_MAX));
    TRY(size_of(k, "f", &n));
    CHECK(n == BLOCKS);
    return contract_put(k, "f", "TestBytes") < 0 || size_of(k, "f", &n) < 0 || n != 9
               ? err_set(k->err, ERR_CORRUPT, "a file that was replaced has its old length")
               : 0;
}

static int file_status(struct contract *k)
{
    TRY(contract_put(k, "f", "x"));
    CHECK(contract_is(k, "f", UFS_FILE));
    return 0;
}

static int mod_time(struct contract *k)
{
    struct ufs_call c = contract_call(k);
    struct ufs_stat st;

    int64_t before = clock_wall_ms();
    TRY(contract_put(k, "f", "x"));
    TRY(ufs_stat(k->u, &c, contract_key(k, "f"), &st, k->err));
    CHECK(st.mtime_ms >= before - 5000 && st.mtime_ms <= clock_wall_ms() + 5000);
    return 0;
}

static int absent_status(struct contract *k)
{
    CHECK(contract_is_absent(k, "nothing"));
    CHECK(contract_is_absent(k, "no/thing"));
    return 0;
}

static int is_file(struct contract *k)
{
    TRY(contract_put(k, "f", "x"));
    TRY(contract_mkdir(k, "d"));
    CHECK(contract_is(k, "f", UFS_FILE) && !contract_is(k, "d", UFS_FILE));
    CHECK(contract_is_absent(k, "f/below"));
    return 0;
}

const struct contract_case contract_basic[] = {
    {"createAtomic", UFS_CAP_CREATE_ATOMIC, create_atomic},
    {"createEmpty", 0, create_empty},
    {"createParent", 0, create_parent},
    {"createOpen", 0, create_open},
    {"createOpenEmpty", 0, create_open_empty},
    {"createOpenAtPosition", 0, create_open_at_position},
    {"createOpenLarge", 0, create_open_large},
    {"createOpenExistingLargeFile", 0, create_open_existing_large},
    {"deleteFile", 0, delete_file},
    {"deleteDir", 0, delete_dir},
    {"deleteLargeDirectory", 0, delete_large_directory},
    {"createDeleteFileConjuction", 0, create_delete_conjunction},
    {"createThenDeleteExistingDirectory", 0, create_then_delete_directory},
    {"exists", 0, exists},
    {"getDirectoryStatus", 0, directory_status},
    {"createThenGetExistingDirectoryStatus", 0, directory_status},
    {"getFileSize", 0, file_size},
    {"createThenGetExistingFileStatus", 0, existing_file_status},
    {"getFileStatus", 0, file_status},
    {"createThenGetExistingStatus", 0, file_status},
    {"getModTime", 0, mod_time},
    {"getNonExistingDirectoryStatus", 0, absent_status},
    {"getNonExistingFileStatus", 0, absent_status},
    {"getNonExistingPathStatus", 0, absent_status},
    {"isFile", 0, is_file},
    {NULL, 0, NULL},
};
