/* SPDX-License-Identifier: Apache-2.0
 *
 * show, paths, mount_table: what stands on the terminal, to the character.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/mem.h"
#include "cli/mount_table.h"
#include "cli/paths.h"
#include "cli/show.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define FILE_ENTRY                                                                                 \
    "{\"id\":\"7\",\"path\":\"/d/f\",\"name\":\"f\",\"type\":\"file\",\"length\":27040,\"mode\":\"644\",\"owner\":\"ann\",\"group\":\"staff\"," \
    "\"created\":\"2022-10-11T23:26:03.406Z\",\"modified\":\"2022-10-11T23:26:03.406Z\",\"accessed\":\"2022-10-12T00:00:00.001Z\",\"completed\":true," \
    "\"persistence\":\"PERSISTED\",\"pinned\":false,\"cached_bytes\":13520,\"cached_mem_bytes\":0,\"block_size\":67108864,\"ttl\":null," \
    "\"replication_min\":0,\"replication_max\":-1,\"mount_point\":false,\"mount_id\":1,\"children\":null,\"extended_acl\":true,\"ufs_path\":\"/u/f\"}"
#define DIR_ENTRY                                                                                  \
    "{\"path\":\"/d\",\"name\":\"d\",\"type\":\"directory\",\"length\":0,\"mode\":\"1755\",\"owner\":\"ann\",\"group\":\"staff\"," \
    "\"modified\":\"2022-10-11T23:27:00.001Z\",\"persistence\":\"NOT_PERSISTED\",\"cached_bytes\":0,\"children\":3,\"extended_acl\":false}"

static struct json *json_of(const char *text)
{
    struct err err;
    struct json *j = json_parse(text, strlen(text), &err);
    assert_non_null(j);
    return j;
}

static void ls_lines(void **state)
{
    AUTO(buf) line = {.max = 4096};
    struct json *f = json_of(FILE_ENTRY), *d = json_of(DIR_ENTRY);
    (void)state;
    show_ls_line(f, "modified", false, &line);
    assert_string_equal(buf_str(&line),
                        "-rw-r--r--+ ann            staff                    27040       PERSISTED 10-11-2022 23:26:03:406  50% /d/f \n");
    buf_reset(&line);
    show_ls_line(f, "accessed", true, &line);
    assert_string_equal(buf_str(&line),
                        "-rw-r--r--+ ann            staff                  26.41KB       PERSISTED 10-12-2022 00:00:00:001  50% /d/f \n");
    buf_reset(&line);
    show_ls_line(d, "modified", true, &line);
    assert_string_equal(buf_str(&line),
                        "drwxr-xr-t  ann            staff                        3   NOT_PERSISTED 10-11-2022 23:27:00:001  DIR /d   \n");
    json_free(f);
    json_free(d);
}

static void file_info(void **state)
{
    AUTO(buf) text = {.max = 4096};
    struct json *f = json_of(FILE_ENTRY), *blocks = json_of("{\"items\":[{\"id\":\"16777216\"},{\"id\":\"16777217\"}]}");
    (void)state;
    show_file_info(f, blocks, &text);
    assert_non_null(strstr(buf_str(&text), "FileInfo{fileId=7, name=f, path=/d/f, ufsPath=/u/f, length=27040, blockSizeBytes=67108864, "
                                           "creationTimeMs=1665530763406, completed=true, folder=false,"));
    assert_non_null(strstr(buf_str(&text), "blockIds=[16777216, 16777217], inMemoryPercentage=0, "));
    assert_non_null(strstr(buf_str(&text), "ttl=-1, lastAccessTimesMs=1665532800001, ttlAction=DELETE, owner=ann, group=staff, mode=420,"));
    buf_reset(&text);
    show_format("%N|%z|%u:%g|%y|%Y|%b|%i|%%|%q|%", f, blocks, &text);
    assert_string_equal(buf_str(&text), "f|27040|ann:staff|2022-10-11 23:26:03|1665530763406|2|7|%|%q|%");
    json_free(f);
    json_free(blocks);
}

static void small_words(void **state)
{
    char text[96];
    (void)state;
    assert_string_equal(show_thousands(0, text), "0");
    assert_string_equal(show_thousands(999, text), "999");
    assert_string_equal(show_thousands(-1234567, text), "-1,234,567");
    assert_string_equal(show_duration(90061000 + 1443000, text), "1 day(s), 1 hour(s), 25 minute(s), and 4 second(s)");
    assert_int_equal(show_percent(0, 0), 100);
    assert_int_equal(show_percent(1, 3), 33);
    assert_int_equal(show_percent(999, 1000), 99); /* 100 only when all is there */
    assert_int_equal(show_percent(UINT64_MAX / 2, UINT64_MAX), 50);
    assert_string_equal(show_permission(true, 0770, true, text), "drwxrwx---+");
}

static void mount_lines(void **state)
{
    AUTO(buf) text = {.max = 4096};
    struct json *j = json_of("[{\"path\":\"/\",\"uri\":\"/opt/store\",\"kind\":\"file\",\"total_bytes\":10737418240,\"used_bytes\":2684354560,\"options\":{}},"
                             "{\"path\":\"/mnt/s3\",\"uri\":\"s3://b\",\"kind\":\"s3\",\"total_bytes\":-1,\"used_bytes\":-1,\"read_only\":true,\"shared\":true,"
                             "\"options\":{\"s3a.secretKey\":\"******\",\"z\":\"1\"}}]");
    (void)state;
    mount_table_show(j, &text);
    assert_string_equal(buf_str(&text),
                        "/opt/store  on  /        (local, capacity=10.00GB, used=2560.00MB(25%), not read-only, not shared, properties={})\n"
                        "s3://b      on  /mnt/s3  (s3, capacity=-1B, used=-1B, read-only, shared, properties={s3a.secretKey=******, z=1})\n");
    json_free(j);
}

static void typed_paths(void **state)
{
    static const char *const good[][2] = {{"/a/b", "/a/b"}, {"/", "/"}, {"a/b/", "/a/b"}, {"isthmus://host:1/a", "/a"}, {"isthmus://host", "/"},
                                          {"alluxio://h:19998/x y", "/x y"}, {"/a:b://c", NULL}, {"/a/*", "/a/*"}};
    static const char *const bad[] = {"s3://b/k", "/a//b", "/../a", "/a\nb"};
    char path[PATH_MAX_BYTES + 1];
    struct err err;
    (void)state;
    for (size_t i = 0; i < array_len(good); i++) {
        int rc = paths_take(good[i][0], path, &err);
        if (!good[i][1]) {
            assert_true(rc < 0); /* a path with two slashes, not a scheme */
            assert_null(strstr(err.text, "scheme"));
            continue;
        }
        assert_int_equal(rc, 0);
        assert_string_equal(path, good[i][1]);
    }
    for (size_t i = 0; i < array_len(bad); i++)
        assert_int_equal(paths_take(bad[i], path, &err), -ERR_INVALID_PATH);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(ls_lines), cmocka_unit_test(file_info), cmocka_unit_test(small_words),
                                       cmocka_unit_test(mount_lines), cmocka_unit_test(typed_paths)};
    setenv("TZ", "UTC", 1);
    tzset();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
