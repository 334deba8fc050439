/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_fs_read: what files hold and what is known of them.  Bytes go from the connection to the
 * terminal as they come.
 */
#include "base/crypto.h"
#include "base/file_util.h"
#include "base/mem.h"
#include "base/text.h"
#include "cli/client.h"
#include "cli/paths.h"
#include "cli/show.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* ---- bytes ---- */

static int to_stdout(struct sink *sink, const struct slice *s, struct err *err)
{
    (void)sink;
    int rc = file_write_all(STDOUT_FILENO, s->mem, s->len, err);
    if (rc < 0 && errno == EPIPE) { /* the reader has enough: end as other programs do */
        signal(SIGPIPE, SIG_DFL);
        raise(SIGPIPE);
    }
    return rc;
}

static int cat_path(struct cli *c, const struct args *a, const char *path, struct err *err)
{
    struct sink out = {.push = to_stdout};
    (void)a;
    fflush(stdout);
    return client_read(c, path, "", NULL, &out, err);
}

static int cat(struct cli *c, const struct args *a, struct err *err)
{
    (void)err;
    return paths_each(c, a, 0, a->count, cat_path);
}

/* A file: its length. */
static int length_of(struct cli *c, const char *path, uint64_t *ret, struct err *err)
{
    struct json *e = NULL;
    TRY(paths_stat(c, path, &e, err));
    bool is_dir = paths_is_directory(e);
    *ret = (uint64_t)json_i64(json_get(e, "length"), 0);
    json_free(e);
    return is_dir ? err_set(err, ERR_IS_DIRECTORY, "Path \"%.180s\" must be a file.", path) : 0;
}

static int part(struct cli *c, const struct args *a, const char *path, bool is_tail, struct err *err)
{
    struct sink out = {.push = to_stdout};
    uint64_t bytes, length;
    char range[80];
    TRY(args_size(a, "c", 1024, &bytes, err));
    TRY(length_of(c, path, &length, err));
    if (!bytes || !length)
        return 0;
    bytes = bytes < length ? bytes : length;
    uint64_t from = is_tail ? length - bytes : 0;
    snprintf(range, sizeof range, "bytes=%" PRIu64 "-%" PRIu64, from, from + bytes - 1);
    fflush(stdout);
    return client_read(c, path, "", range, &out, err);
}

static int head_path(struct cli *c, const struct args *a, const char *path, struct err *err)
{
    return part(c, a, path, false, err);
}

static int tail_path(struct cli *c, const struct args *a, const char *path, struct err *err)
{
    return part(c, a, path, true, err);
}

static int head(struct cli *c, const struct args *a, struct err *err)
{
    (void)err;
    return paths_each(c, a, 0, a->count, head_path);
}

static int tail(struct cli *c, const struct args *a, struct err *err)
{
    (void)err;
    return paths_each(c, a, 0, a->count, tail_path);
}

/* ---- checksum ---- */

struct digest_sink {
    struct sink sink;
    struct crypto_digest *digest;
};

static int to_digest(struct sink *sink, const struct slice *s, struct err *err)
{
    (void)err;
    crypto_digest_add(((struct digest_sink *)sink)->digest, s->mem, s->len);
    return 0;
}

static int checksum_path(struct cli *c, const struct args *a, const char *path, struct err *err)
{
    uint8_t sum[SHA256_LEN];
    char hex[2 * SHA256_LEN + 1];
    struct digest_sink out = {.sink.push = to_digest, .digest = crypto_digest_new("md5")};
    (void)a;
    int rc = client_read(c, path, "", NULL, &out.sink, err);
    size_t len = crypto_digest_end(out.digest, sum);
    crypto_digest_free(out.digest);
    TRY(rc);
    text_hex(sum, len, hex);
    if (!c->is_json) {
        printf("md5sum: %s\n\n", hex);
        return 0;
    }
    AUTO(buf) text = {.max = 1 << 16};
    struct json_out o;
    json_out_init(&o, &text);
    json_begin_object(&o, NULL);
    json_put_string(&o, "path", path);
    json_put_string(&o, "md5", hex);
    json_end_object(&o);
    puts(buf_str(&text));
    return 0;
}

static int checksum(struct cli *c, const struct args *a, struct err *err)
{
    (void)err;
    return paths_each(c, a, 0, a->count, checksum_path);
}

/* ---- stat ---- */

static void print_blocks(const struct json *blocks)
{
    const struct json *items = json_get(blocks, "items");
    if (!json_size(items)) {
        puts("This file does not contain any blocks.");
        return;
    }
    puts("Containing the following blocks: ");
    for (size_t i = 0; i < json_size(items); i++)
        printf("BlockInfo{id=%s, length=%" PRId64 "}\n", json_text(json_get(json_at(items, i), "id"), ""),
               json_i64(json_get(json_at(items, i), "length"), 0));
}

static int print_stat(struct cli *c, const struct args *a, const struct json *e, struct err *err)
{
    const char *path = json_text(json_get(e, "path"), ""), *format = args_value(a, "f");
    bool is_dir = paths_is_directory(e);
    struct json *blocks = NULL;
    AUTO(buf) text = {.max = 1 << 24};
    if (c->is_json)
        return show_json(e);
    if (!is_dir)
        TRY(client_files(c, "GET", path, "?blocks", NULL, &blocks, err));
    if (format) {
        show_format(format, e, blocks, &text);
        puts(buf_str(&text));
    } else {
        show_file_info(e, blocks, &text);
        printf("%s is a %s path.\n%s\n", path, is_dir ? "directory" : "file", buf_str(&text));
        if (!is_dir)
            print_blocks(blocks);
    }
    json_free(blocks);
    return 0;
}

static int stat_path(struct cli *c, const struct args *a, const char *path, struct err *err)
{
    struct json *e = NULL;
    TRY(paths_stat(c, path, &e, err));
    int rc = print_stat(c, a, e, err);
    json_free(e);
    return rc;
}

static int stat_id(struct cli *c, const struct args *a, const char *id, struct err *err)
{
    struct json *e = NULL;
    uint64_t n;
    char target[64];
    TRY(text_parse_u64(id, &n, err));
    snprintf(target, sizeof target, "/files-by-id/%" PRIu64, n);
    TRY(client_get(c, target, &e, err));
    int rc = print_stat(c, a, e, err);
    json_free(e);
    return rc;
}

static int fs_stat(struct cli *c, const struct args *a, struct err *err)
{
    const char *id = args_value(a, "file-id");
    if (id)
        return stat_id(c, a, id, err);
    if (!a->count)
        return err_set(err, ERR_INVALID_ARGUMENT, "stat needs a path or --file-id");
    return paths_each(c, a, 0, a->count, stat_path);
}

/* ---- test ---- */

static int test_path(struct cli *c, const struct args *a, struct err *err)
{
    char path[PATH_MAX_BYTES + 1];
    struct json *e = NULL;
    TRY(paths_take(a->items[0], path, err));
    int rc = paths_stat(c, path, &e, err);
    if (rc == -ERR_NOT_FOUND || rc == -ERR_NOT_DIRECTORY)
        return 1;
    TRY(rc);
    bool is_dir = paths_is_directory(e);
    int64_t size = json_i64(json_get(e, is_dir ? "children" : "length"), 0);
    bool ok = (!args_has(a, "d") || is_dir) && (!args_has(a, "f") || !is_dir) && (!args_has(a, "s") || size > 0) &&
              (!args_has(a, "z") || (!is_dir && size == 0));
    json_free(e);
    return ok ? 0 : 1;
}

/* ---- sums ---- */

static int count_path(struct cli *c, const struct args *a, const char *path, struct err *err)
{
    struct json *u = NULL;
    char size[24];
    TRY(client_files(c, "GET", path, "?usage", NULL, &u, err));
    if (c->is_json) {
        show_json(u);
    } else {
        printf("%-25s%-25s%-15s\n", "File Count", "Folder Count", "Folder Size");
        printf("%-25" PRId64 "%-25" PRId64 "%-15s\n", json_i64(json_get(u, "files"), 0), json_i64(json_get(u, "directories"), 0),
               show_size((uint64_t)json_i64(json_get(u, "bytes"), 0), args_has(a, "h"), size));
    }
    json_free(u);
    return 0;
}

static int count(struct cli *c, const struct args *a, struct err *err)
{
    (void)err;
    return paths_each(c, a, 0, a->count, count_path);
}

struct du {
    bool is_human, with_mem, with_worker;
};

static void du_cell(uint64_t part, uint64_t whole, bool is_human, char to[40])
{
    char size[24];
    snprintf(to, 40, "%s (%u%%)", show_size(part, is_human, size), whole ? show_percent(part, whole) : 0);
}

static void du_line(const struct du *d, uint64_t length, uint64_t cached, uint64_t mem, const char *path)
{
    char size[24], cell[40];
    printf("%-13s ", show_size(length, d->is_human, size));
    du_cell(cached, length, d->is_human, cell);
    printf("%-16s ", cell);
    if (d->with_mem) {
        du_cell(mem, length, d->is_human, cell);
        printf("%-16s ", cell);
    }
    if (d->with_worker)
        printf("%-25s ", cached ? "local" : "");
    puts(path);
}

static int du_each(void *arg, const struct json *e, struct err *err)
{
    (void)err;
    if (!paths_is_directory(e))
        du_line(arg, (uint64_t)json_i64(json_get(e, "length"), 0), (uint64_t)json_i64(json_get(e, "cached_bytes"), 0),
                (uint64_t)json_i64(json_get(e, "cached_mem_bytes"), 0), json_text(json_get(e, "path"), ""));
    return 0;
}

static int du_sum(struct cli *c, struct du *d, const char *path, struct err *err)
{
    struct json *u = NULL;
    TRY(client_files(c, "GET", path, "?usage", NULL, &u, err));
    if (c->is_json)
        show_json(u);
    else
        du_line(d, (uint64_t)json_i64(json_get(u, "bytes"), 0), (uint64_t)json_i64(json_get(u, "cached_bytes"), 0), 0, path);
    json_free(u);
    return 0;
}

static int du_path(struct cli *c, const struct args *a, const char *path, struct err *err)
{
    struct du d = {args_has(a, "h"), args_has(a, "m") && !args_has(a, "s"), args_has(a, "g")};
    if (!c->is_json) {
        printf("%-13s %-16s ", "File Size", "In Isthmus");
        if (d.with_mem)
            printf("%-16s ", "In Memory");
        if (d.with_worker)
            printf("%-25s ", "Worker Host Name");
        puts("Path");
    }
    if (args_has(a, "s") || c->is_json)
        return du_sum(c, &d, path, err);
    int rc = paths_list(c, path, "&recursive=true", du_each, &d, err);
    if (rc != -ERR_NOT_DIRECTORY)
        return rc;
    struct json *e = NULL;
    TRY(paths_stat(c, path, &e, err));
    rc = du_each(&d, e, err);
    json_free(e);
    return rc;
}

static int du(struct cli *c, const struct args *a, struct err *err)
{
    (void)err;
    return paths_each(c, a, 0, a->count, du_path);
}

/* ---- where ---- */

static int location_path(struct cli *c, const struct args *a, const char *path, struct err *err)
{
    struct json *e = NULL;
    (void)a;
    TRY(paths_stat(c, path, &e, err));
    if (c->is_json)
        show_json(e);
    else
        printf("%s with file id %s is on nodes: \n", path, json_text(json_get(e, "id"), ""));
    if (!c->is_json && json_i64(json_get(e, "cached_bytes"), 0) > 0)
        puts("localhost");
    json_free(e);
    return 0;
}

static int location(struct cli *c, const struct args *a, struct err *err)
{
    (void)err;
    return paths_each(c, a, 0, a->count, location_path);
}

static const struct flag part_flags[] = {{"c", NULL, "bytes", "how much (default 1KB)"}, {0}};
static const struct flag stat_flags[] = {{"f", NULL, "format", "%N name, %z bytes, %u owner, %g group, %y time, %Y time in ms, %b blocks, %i id"},
                                         {NULL, "file-id", "id", "the file with this id instead of a path"},
                                         {0}};
static const struct flag test_flags[] = {{"d", NULL, NULL, "is a directory"}, {"e", NULL, NULL, "exists"}, {"f", NULL, NULL, "is a file"},
                                         {"s", NULL, NULL, "is not empty"}, {"z", NULL, NULL, "is a file of length 0"}, {0}};
static const struct flag count_flags[] = {{"h", NULL, NULL, "sizes for people"}, {0}};
static const struct flag du_flags[] = {{"h", NULL, NULL, "sizes for people"}, {"s", NULL, NULL, "one line for all"},
                                       {"g", NULL, NULL, "which worker"}, {"m", NULL, NULL, "what is in memory"}, {0}};

const struct command cmd_fs_read[] = {
    {"fs", "cat", "<path>...", 1, -1, NULL, 0, "Prints the bytes of files.", cat, NULL},
    {"fs", "head", "<path>...", 1, -1, part_flags, 0, "Prints the first bytes of files.", head, NULL},
    {"fs", "tail", "<path>...", 1, -1, part_flags, 0, "Prints the last bytes of files.", tail, NULL},
    {"fs", "checksum", "<path>...", 1, -1, NULL, COMMAND_READS, "Prints the MD5 of files.", checksum, NULL},
    {"fs", "stat", "<path>...", 0, -1, stat_flags, COMMAND_READS, "Prints what is known of files and directories.", fs_stat, NULL},
    {"fs", "test", "<path>", 1, 1, test_flags, 0, "Tests a path; exit code 0 when it is so, 1 when not.", test_path, NULL},
    {"fs", "count", "<path>...", 1, -1, count_flags, COMMAND_READS, "Counts files, directories and bytes below.", count, NULL},
    {"fs", "du", "<path>...", 1, -1, du_flags, COMMAND_READS, "Prints the sizes of files and what of them is cached.", du, NULL},
    {"fs", "location", "<path>...", 1, -1, NULL, COMMAND_READS, "Prints on which nodes a file is cached.", location, NULL},
    {0}};
