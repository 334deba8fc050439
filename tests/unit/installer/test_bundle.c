/* SPDX-License-Identifier: Apache-2.0
 *
 * The release archive: equal input gives equal bytes, a changed one is found, and an archive that
 * wants to leave its folder does not.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/mem.h"
#include "installer/bundle.h"

#include <archive.h>
#include <archive_entry.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[64];

static char *in_folder(const char *name)
{
    return xasprintf("%s/%s", folder, name);
}

static char *put(const char *name, const char *text)
{
    char *path = in_folder(name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
    return path;
}

static char *slurp(const char *path, size_t *ret_len)
{
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    char *data = xcalloc(1, 1 << 16);
    *ret_len = fread(data, 1, (1 << 16) - 1, f);
    fclose(f);
    return data;
}

static int make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof(folder), "/tmp/isthmus-bundle-XXXXXX");
    return mkdtemp(folder) == NULL ? -1 : 0;
}

static int drop_folder(void **state)
{
    (void)state;
    AUTO_FREE char *command = xasprintf("rm -rf '%s'", folder);
    return system(command); /* a name of our own making */
}

static void read_manifest(struct manifest *m, const char *text)
{
    struct err err = {0};
    AUTO_FREE char *path = put("manifest", text);
    if (manifest_read(m, path, &err) < 0)
        fail_msg("%s", err.text);
}

static void manifest_is_sorted_and_found(void **state)
{
    (void)state;
    AUTO(manifest) m = {0};
    read_manifest(&m, "# comment\nfile\t0644\tb/x\t/etc/hostname\n\nlink\ta\tb/x\ndir\t0755\tb\n");
    assert_int_equal(m.count, 3);
    assert_string_equal(m.entries[0].path, "a");
    assert_int_equal(m.entries[0].kind, MANIFEST_LINK);
    assert_string_equal(m.entries[2].path, "b/x");
    assert_int_equal(m.entries[2].mode, 0644);
    assert_string_equal(manifest_lookup(&m, "b/x")->source, "/etc/hostname");
    assert_null(manifest_lookup(&m, "b/y"));
}

static void manifest_refuses(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "dir\t0755\t/etc\n",
        "dir\t0755\ta/../b\n",
        "dir\t0755\ta//b\n",
        "dir\t0755\ta/\n",
        "dir\t0755\t./a\n",
        "dir\t0999\ta\n",
        "dir\t\ta\n",
        "dir\t10000\ta\n",
        "dir\t0755\n",
        "file\t0644\ta\n",
        "file\t0644\ta\tb\tc\n",
        "node\t0644\ta\tb\n",
        "dir\t0755\ta\nlink\ta\tb\n",
    };
    for (size_t i = 0; i < array_len(bad); i++) {
        struct manifest m;
        struct err err = {0};
        AUTO_FREE char *path = put("manifest", bad[i]);
        if (manifest_read(&m, path, &err) != -ERR_INVALID_ARGUMENT)
            fail_msg("taken: %s", bad[i]);
        assert_non_null(strstr(err.text, "manifest"));
    }
}

static void equal_input_gives_equal_bytes(void **state)
{
    (void)state;
    struct err err = {0};
    AUTO(manifest) m = {0}, n = {0};
    AUTO_FREE char *one = put("one", "first\n"), *two = put("two", "second\n");
    AUTO_FREE char *text = xasprintf("dir\t0755\tp\nfile\t0755\tp/one\t%s\nfile\t0600\tp/two\t%s\n", one, two);
    AUTO_FREE char *swapped = xasprintf("file\t0600\tp/two\t%s\nfile\t0755\tp/one\t%s\ndir\t0755\tp\n", two, one);
    AUTO_FREE char *a = in_folder("a.tar.gz"), *b = in_folder("b.tar.gz");

    read_manifest(&m, text);
    read_manifest(&n, swapped);
    assert_int_equal(bundle_create(&m, a, 1700000000, &err), 0);
    assert_int_equal(chmod(one, 0700), 0); /* the manifest's mode counts, not the file's */
    assert_int_equal(bundle_create(&n, b, 1700000000, &err), 0);
    size_t alen, blen;
    AUTO_FREE char *abytes = slurp(a, &alen), *bbytes = slurp(b, &blen);
    assert_int_equal(alen, blen);
    assert_memory_equal(abytes, bbytes, alen);
    assert_int_equal(bundle_verify(a, &m, &err), 0);
}

static void unpacked_is_what_was_packed(void **state)
{
    (void)state;
    struct err err = {0};
    AUTO(manifest) m = {0};
    AUTO_FREE char *one = put("one", "first\n");
    AUTO_FREE char *text = xasprintf("dir\t0750\tq\nfile\t0640\tq/one\t%s\nlink\tq/l\tone\n", one);
    AUTO_FREE char *a = in_folder("a.tar.gz"), *to = in_folder("out"), *got = in_folder("out/q/l");
    struct stat st;

    read_manifest(&m, text);
    assert_int_equal(bundle_create(&m, a, 12345, &err), 0);
    assert_int_equal(mkdir(to, 0755), 0);
    assert_int_equal(bundle_extract(a, to, &err), 0);
    size_t len;
    AUTO_FREE char *bytes = slurp(got, &len);
    assert_string_equal(bytes, "first\n");
    assert_int_equal(stat(got, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0640);
    assert_int_equal(st.st_mtime, 12345);
}

static void verify_finds_every_difference(void **state)
{
    (void)state;
    struct err err = {0};
    AUTO(manifest) m = {0};
    AUTO_FREE char *one = put("one", "first\n"), *other = put("other", "fjrst\n"), *more = put("more", "first\n2");
    AUTO_FREE char *text = xasprintf("file\t0644\tone\t%s\nlink\tl\tone\n", one);
    AUTO_FREE char *a = in_folder("a.tar.gz");
    char *different[] = {
        xasprintf("file\t0644\tone\t%s\nlink\tl\tone\n", other),   /* bytes */
        xasprintf("file\t0644\tone\t%s\nlink\tl\tone\n", more),    /* length */
        xasprintf("file\t0600\tone\t%s\nlink\tl\tone\n", one),     /* mode */
        xasprintf("file\t0644\tone\t%s\nlink\tl\ttwo\n", one),     /* target */
        xasprintf("file\t0644\tone\t%s\ndir\t0777\tl\n", one),     /* kind */
        xasprintf("file\t0644\tone\t%s\n", one),                   /* too many in the archive */
        xasprintf("file\t0644\tone\t%s\nlink\tl\tone\nlink\tk\tone\n", one), /* too few */
    };

    read_manifest(&m, text);
    assert_int_equal(bundle_create(&m, a, 0, &err), 0);
    assert_int_equal(bundle_verify(a, &m, &err), 0);
    for (size_t i = 0; i < array_len(different); i++) {
        AUTO(manifest) n = {0};
        read_manifest(&n, different[i]);
        if (bundle_verify(a, &n, &err) != -ERR_CORRUPT)
            fail_msg("difference %zu not found", i);
        free(different[i]);
    }
}

static void missing_source_leaves_no_archive(void **state)
{
    (void)state;
    struct err err = {0};
    AUTO(manifest) m = {0};
    AUTO_FREE char *a = in_folder("none.tar.gz"), *part = in_folder("none.tar.gz.part");

    read_manifest(&m, "file\t0644\tx\t/nowhere/at/all\n");
    assert_int_equal(bundle_create(&m, a, 0, &err), -ERR_NOT_FOUND);
    assert_non_null(strstr(err.text, "/nowhere/at/all"));
    assert_int_not_equal(access(a, F_OK), 0);
    assert_int_not_equal(access(part, F_OK), 0);
}

/* An archive as an attacker would make it: one file under a name of his choice. */
static void write_hostile(const char *file, const char *name)
{
    struct archive *w = archive_write_new();
    struct archive_entry *e = archive_entry_new();

    archive_write_set_format_ustar(w);
    archive_write_add_filter_gzip(w);
    assert_int_equal(archive_write_open_filename(w, file), ARCHIVE_OK);
    archive_entry_set_pathname(e, name);
    archive_entry_set_filetype(e, AE_IFREG);
    archive_entry_set_perm(e, 0644);
    archive_entry_set_size(e, 4);
    assert_int_equal(archive_write_header(w, e), ARCHIVE_OK);
    assert_int_equal(archive_write_data(w, "evil", 4), 4);
    archive_entry_free(e);
    archive_write_free(w);
}

static void extraction_stays_below_its_folder(void **state)
{
    (void)state;
    AUTO_FREE char *a = in_folder("evil.tar.gz"), *to = in_folder("jail"), *out = in_folder("escaped");
    AUTO_FREE char *absolute = in_folder("escaped");
    const char *names[] = {"../escaped", "x/../../escaped", absolute};

    assert_int_equal(mkdir(to, 0755), 0);
    for (size_t i = 0; i < array_len(names); i++) {
        struct err err = {0};
        write_hostile(a, names[i]);
        assert_true(bundle_extract(a, to, &err) < 0);
        assert_int_not_equal(access(out, F_OK), 0);
    }
}

static void damaged_archive_is_an_error(void **state)
{
    (void)state;
    struct err err = {0};
    AUTO_FREE char *a = put("bad.tar.gz", "this is no archive at all");
    AUTO_FREE char *to = in_folder("bad");
    assert_int_equal(mkdir(to, 0755), 0);
    assert_true(bundle_extract(a, to, &err) < 0);
    assert_true(bundle_list(a, stdout, &err) < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(manifest_is_sorted_and_found),
        cmocka_unit_test(manifest_refuses),
        cmocka_unit_test(equal_input_gives_equal_bytes),
        cmocka_unit_test(unpacked_is_what_was_packed),
        cmocka_unit_test(verify_finds_every_difference),
        cmocka_unit_test(missing_source_leaves_no_archive),
        cmocka_unit_test(extraction_stays_below_its_folder),
        cmocka_unit_test(damaged_archive_is_an_error),
    };
    return cmocka_run_group_tests(tests, make_folder, drop_folder);
}
