/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_admin: care of the node: backup, doctor, checkpoint, blocks, maintenance mode of stores.
 */
#include "base/clock.h"
#include "base/conf.h"
#include "base/file_util.h"
#include "base/mem.h"
#include "base/text.h"
#include "cli/client.h"
#include "cli/command.h"
#include "cli/show.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

/* ---- backup ---- */

struct file_sink {
    struct sink sink;
    int fd;
};

static int file_push(struct sink *sink, const struct slice *s, struct err *err)
{
    return file_write_all(((struct file_sink *)sink)->fd, s->mem, s->len, err);
}

static int ask_hidden(char *to, size_t cap, struct err *err)
{
    struct termios shown, hidden;
    if (!isatty(STDIN_FILENO) || tcgetattr(STDIN_FILENO, &shown))
        return err_set(err, ERR_INVALID_ARGUMENT, "the passphrase of the backup is missing: set ISTHMUS_PASSPHRASE");
    hidden = shown;
    hidden.c_lflag &= ~(tcflag_t)ECHO;
    fputs("Passphrase of the backup: ", stderr);
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden);
    char *got = fgets(to, (int)cap, stdin);
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown);
    fputc('\n', stderr);
    if (!got)
        return err_set(err, ERR_INVALID_ARGUMENT, "no passphrase was given");
    to[strcspn(to, "\n")] = 0;
    return 0;
}

static int backup_body(struct buf *to, struct err *err)
{
    char typed[512];
    const char *passphrase = getenv("ISTHMUS_PASSPHRASE");
    struct json_out o;
    if (!passphrase || !*passphrase) {
        TRY(ask_hidden(typed, sizeof typed, err));
        passphrase = typed;
    }
    json_out_init(&o, to);
    json_begin_object(&o, NULL);
    json_put_string(&o, "passphrase", passphrase);
    json_end_object(&o);
    explicit_bzero(typed, sizeof typed);
    return 0;
}

/* Under another name until it is whole. */
static int write_backup(struct cli *c, const char *path, struct err *err)
{
    AUTO(buf) body = {.max = 1 << 16};
    AUTO_FREE char *part = xasprintf("%s.part", path);
    TRY(backup_body(&body, err));
    AUTO_FD int fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_set_errno(err, ERR_OK, errno, "cannot make %.150s", part);
    struct file_sink s = {.sink.push = file_push, .fd = fd};
    int rc = client_stream(c, "/backups", buf_str(&body), &s.sink, err);
    explicit_bzero(body.data, body.len);
    if (rc == 0 && (fsync(fd) || rename(part, path)))
        rc = err_set_errno(err, ERR_OK, errno, "cannot write %.150s", path);
    if (rc < 0)
        unlink(part);
    return rc;
}

static int backup(struct cli *c, const struct args *a, struct err *err)
{
    char day[16], full[4096];
    const char *dir = a->count ? a->items[0] : ".";
    int64_t now = clock_wall_ms();
    time_t s = (time_t)(now / 1000);
    struct tm tm;
    struct json *overview = NULL;
    gmtime_r(&s, &tm);
    strftime(day, sizeof day, "%Y-%m-%d", &tm);
    if (!realpath(dir, full))
        return err_set_errno(err, ERR_OK, errno, "cannot find the folder %.150s", dir);
    AUTO_FREE char *path = xasprintf("%s/isthmus-backup-%s-%" PRId64 ".isb", full, day, now);
    TRY(client_get(c, "/overview", &overview, err));
    int rc = write_backup(c, path, err);
    if (rc == 0)
        printf("Backup Host        : %s\nBackup URI         : file://%s\nBackup Entry Count : %" PRId64 "\n",
               json_text(json_get(overview, "node"), ""), path, json_i64(json_get(json_get(overview, "namespace"), "inodes"), 0));
    json_free(overview);
    return rc;
}

/* ---- doctor ---- */

static void print_findings(const struct json *findings)
{
    if (!json_size(findings))
        puts("No server-side configuration errors or warnings.");
    else
        puts("Findings: ");
    for (size_t i = 0; i < json_size(findings); i++) {
        const struct json *f = json_at(findings, i);
        printf("%s: %s: %s\n", json_text(json_get(f, "severity"), ""), json_text(json_get(f, "code"), ""), json_text(json_get(f, "text"), ""));
    }
}

/* The number of tiers that do not work. */
static size_t print_worker_tiers(const struct json *worker)
{
    const struct json *tiers = json_get(worker, "tiers");
    size_t lost = 0;
    for (size_t i = 0; i < json_size(tiers); i++) {
        const struct json *t = json_at(tiers, i);
        if (json_bool(json_get(t, "ok"), true))
            continue;
        if (!lost++)
            printf("The following storage paths are lost in worker %s: \n", json_text(json_get(worker, "name"), ""));
        printf("%s (%s)\n", json_text(json_get(t, "path"), ""), json_text(json_get(t, "alias"), ""));
    }
    return lost;
}

static int doctor_storage(struct cli *c, struct err *err)
{
    struct json *j = NULL;
    size_t lost = 0;
    TRY(client_get(c, "/workers", &j, err));
    const struct json *workers = json_get(j, "items");
    for (size_t i = 0; i < json_size(workers); i++)
        lost += print_worker_tiers(json_at(workers, i));
    if (!lost)
        puts("All worker storage paths are in working state.");
    json_free(j);
    return lost ? CLI_FAILED : 0;
}

static int doctor_node(struct cli *c, struct err *err)
{
    struct json *j = NULL;
    int code = 0;
    TRY(client_get(c, "/doctor", &j, err));
    const struct json *items = json_get(j, "items");
    for (size_t i = 0; i < json_size(items); i++)
        if (!strcmp(json_text(json_get(json_at(items, i), "severity"), ""), "error"))
            code = CLI_FAILED;
    if (c->is_json)
        show_json(j);
    else
        print_findings(items);
    json_free(j);
    return code;
}

static int doctor(struct cli *c, const struct args *a, struct err *err)
{
    const char *what = a->count ? a->items[0] : "all";
    bool node = strcmp(what, "storage") != 0, storage = strcmp(what, "configuration") != 0;
    int first = 0, second = 0;
    if (node && storage && strcmp(what, "all"))
        return err_set(err, ERR_INVALID_ARGUMENT, "%.40s is not a part of the doctor: configuration or storage", what);
    if (node)
        TRY(first = doctor_node(c, err));
    if (storage && !c->is_json)
        TRY(second = doctor_storage(c, err));
    return first ? first : second;
}

/* ---- journal, blocks, stores ---- */

static int checkpoint(struct cli *c, const struct args *a, struct err *err)
{
    struct json *j = NULL;
    (void)a;
    TRY(client_call(c, "POST", "/journal:checkpoint", NULL, NULL, err));
    TRY(client_get(c, "/overview", &j, err));
    printf("Successfully took a checkpoint on master %s\n", json_text(json_get(j, "node"), ""));
    json_free(j);
    return 0;
}

/* Prints the block when `path` has it. ERR_NOT_FOUND. */
static int print_block(struct cli *c, const char *path, const char *file_id, uint64_t block, struct err *err)
{
    struct json *j = NULL;
    bool is_found = false;
    TRY(client_files(c, "GET", path, "?blocks", NULL, &j, err));
    const struct json *items = json_get(j, "items");
    for (size_t i = 0; i < json_size(items) && !is_found; i++) {
        const struct json *b = json_at(items, i);
        if ((uint64_t)json_i64(json_get(b, "id"), 0) != block)
            continue;
        is_found = true;
        printf("BlockInfo{id=%" PRIu64 ", length=%" PRId64 "}\nThis block belongs to file {id=%s, path=%s}\n", block,
               json_i64(json_get(b, "length"), 0), file_id, path);
    }
    json_free(j);
    return is_found ? 0 : err_set(err, ERR_NOT_FOUND, "BlockMeta is not available for blockId: %" PRIu64, block);
}

/* The content of a new file has the id after the file's own; replaced content has not, and there is no way back to its file. */
static int get_block_info(struct cli *c, const struct args *a, struct err *err)
{
    uint64_t block;
    char target[64];
    struct json *e = NULL;
    TRY(text_parse_u64(a->items[0], &block, err));
    uint64_t content = block >> 24;
    if (!content)
        return err_set(err, ERR_NOT_FOUND, "BlockMeta is not available for blockId: %" PRIu64, block);
    snprintf(target, sizeof target, "/files-by-id/%" PRIu64, content - 1);
    int rc = client_get(c, target, &e, err);
    if (rc == 0)
        rc = print_block(c, json_text(json_get(e, "path"), "/"), json_text(json_get(e, "id"), ""), block, err);
    json_free(e);
    if (rc == -ERR_NOT_FOUND)
        return err_set(err, ERR_NOT_FOUND, "BlockMeta is not available for blockId: %" PRIu64, block);
    return rc;
}

static int ufs_mode(struct cli *c, const struct args *a, struct err *err)
{
    const char *root = a->items[0], *mode = args_value(a, "mode"), *authority = strstr(root, "://");
    AUTO(buf) body = {.max = 1 << 16};
    struct json_out o;
    if (!mode)
        return err_set(err, ERR_INVALID_ARGUMENT, "ufs needs --mode noAccess, readOnly or readWrite");
    const char *path = authority ? strchr(authority + 3, '/') : NULL;
    if (path && path[1] && !text_starts(root, "file://"))
        return err_set(err, ERR_INVALID_ARGUMENT, "The ufs path should have only scheme and authority but no path.");
    json_out_init(&o, &body);
    json_begin_object(&o, NULL);
    json_put_string(&o, "ufs_root", root);
    json_put_string(&o, "mode", mode);
    json_end_object(&o);
    TRY(client_call(c, "POST", "/stores:mode", buf_str(&body), NULL, err));
    puts("Ufs mode updated");
    return 0;
}

static int metrics_clear(struct cli *c, const struct args *a, struct err *err)
{
    if (args_has(a, "workers"))
        return err_set(err, ERR_NOT_SUPPORTED, "not supported yet: metrics of single workers belong to clusters of several nodes");
    TRY(client_call(c, "POST", "/metrics:clear", NULL, NULL, err));
    puts("Successfully cleared metrics of Isthmus leading master.");
    return 0;
}

static const struct flag clear_flags[] = {{NULL, "master", NULL, "of the master; it is the only node"}, {NULL, "workers", "h,h", "not supported yet"},
                                          {NULL, "parallelism", "n", "taken and ignored"}, {0}};
static const struct flag backup_flags[] = {{NULL, "local", NULL, "taken and ignored: the file is always on this machine"},
                                           {NULL, "allow-leader", NULL, "taken and ignored: there is one master"},
                                           {NULL, "bypass-delegation", NULL, "taken and ignored"},
                                           {0}};
static const struct flag ufs_flags[] = {{NULL, "mode", "mode", "noAccess, readOnly or readWrite"}, {0}};

const struct command cmd_admin[] = {
    {"fsadmin", "backup", "[folder]", 0, 1, backup_flags, 0, "Writes a backup, sealed under ISTHMUS_PASSPHRASE, to this machine.", backup, NULL},
    {"fsadmin", "doctor", "[configuration|storage]", 0, 1, NULL, COMMAND_READS, "Checks the node; exit code 255 when it finds an error.", doctor, NULL},
    {"fsadmin", "journal checkpoint", "", 0, 0, NULL, 0, "Takes a checkpoint of the journal.", checkpoint, NULL},
    {"fsadmin", "metrics clear", "", 0, 0, clear_flags, 0, "Lets counters begin again at 0.", metrics_clear, NULL},
    {"fsadmin", "getBlockInfo", "<block id>", 1, 1, NULL, 0, "Prints to which file a block belongs.", get_block_info, NULL},
    {"fsadmin", "ufs", "<ufs root>", 1, 1, ufs_flags, 0, "Sets the maintenance mode of a store.", ufs_mode, NULL},
    {0}};
