/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_collect: collectInfo: what somebody who helps would like to see, in one folder, and where
 * isthmus-pack is at hand in one archive.  Settings come from getConf's masked values, never from the file.
 */
#include "base/buf.h"
#include "base/clock.h"
#include "base/conf.h"
#include "base/file_util.h"
#include "base/json.h"
#include "base/mem.h"
#include "cli/client.h"
#include "cli/command.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

enum { PIECE_BYTES = 64 << 20 };

struct collection {
    struct cli *c;
    const char *dir;
    struct buf manifest; /* of isthmus-pack */
    size_t failed;
};

static void put_piece(struct collection *k, const char *name, const struct buf *text)
{
    AUTO_FREE char *path = xasprintf("%s/%s", k->dir, name);
    struct err err = {0};
    if (file_write(path, text->data ? text->data : "", text->len, 0640, &err) < 0) {
        fprintf(stderr, "%s\n", err.text);
        k->failed++;
        return;
    }
    buf_addf(&k->manifest, "file\t0644\tisthmus-info/%s\t%s\n", name, path);
    printf("Collected %s\n", path);
}

/* What a route answers, or why it does not. */
static void put_answer(struct collection *k, const char *name, const char *target)
{
    AUTO(buf) text = {.max = PIECE_BYTES};
    struct err err = {0};
    if (client_text(k->c, target, &text, &err) < 0) {
        buf_reset(&text);
        buf_addf(&text, "%s\n", err.text);
    }
    put_piece(k, name, &text);
}

static void collect_node(struct collection *k)
{
    put_answer(k, "overview.json", "/overview");
    put_answer(k, "mounts.json", "/mounts");
    put_answer(k, "workers.json", "/workers");
    put_answer(k, "journal.json", "/journal");
    put_answer(k, "doctor.json", "/doctor");
    put_answer(k, "tasks.json", "/tasks");
}

static void collect_config(struct collection *k)
{
    AUTO(buf) text = {.max = PIECE_BYTES};
    char source[512];
    for (unsigned id = 0; id < CONF_COUNT; id++)
        buf_addf(&text, "%s=%s (%s)\n", conf_option((enum conf_id)id)->key, conf_shown((enum conf_id)id), conf_source_text((enum conf_id)id, source));
    put_piece(k, "settings.txt", &text);
}

static void add_file(const char *path, struct buf *to)
{
    buf_addf(to, "\n== %s\n", path);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    for (char *room; fd >= 0 && (room = buf_room(to, 65536));) { /* files of /proc have no size */
        ssize_t n = read(fd, room, 65536);
        if (n <= 0)
            break;
        buf_grew(to, (size_t)n);
    }
    if (fd >= 0)
        close(fd);
}

static void collect_env(struct collection *k)
{
    static const char *const files[] = {"/etc/os-release", "/proc/cpuinfo", "/proc/meminfo", "/proc/loadavg", "/proc/self/mounts", "/proc/self/limits", "/proc/net/sockstat"};
    AUTO(buf) text = {.max = PIECE_BYTES};
    struct utsname u;
    if (uname(&u) == 0)
        buf_addf(&text, "%s %s %s %s\nisthmus %s\n", u.sysname, u.release, u.version, u.machine, ISTHMUS_VERSION);
    for (size_t i = 0; i < array_len(files); i++)
        add_file(files[i], &text);
    put_piece(k, "machine.txt", &text);
}

static void collect_log(struct collection *k)
{
    char path[4352];
    AUTO(buf) text = {.max = 2u * PIECE_BYTES};
    struct err err = {0};
    if (file_read(cli_path(k->c, "logs/isthmusd.log", path), 2u * PIECE_BYTES, &text, &err) < 0) {
        buf_reset(&text);
        buf_addf(&text, "%s\n", err.text);
    }
    put_piece(k, "isthmusd.log", &text);
}

static void collect_metrics(struct collection *k)
{
    put_answer(k, "metrics.json", "/metrics");
}

static const struct {
    const char *name;
    void (*run)(struct collection *k);
} parts[] = {{"collectIsthmusInfo", collect_node}, {"collectConfig", collect_config}, {"collectEnv", collect_env},
             {"collectLog", collect_log}, {"collectMetrics", collect_metrics}};

static int pack(struct collection *k, struct err *err)
{
    char program[4096];
    pid_t pid;
    if (cli_sibling("isthmus-pack", program, NULL) < 0) {
        printf("All is in %s (isthmus-pack, which would make one file of it, is not installed).\n", k->dir);
        return 0;
    }
    AUTO_FREE char *manifest = xasprintf("%s/manifest", k->dir);
    AUTO_FREE char *archive = xasprintf("%s.tar.gz", k->dir);
    char *argv[] = {program, (char *)(uintptr_t)"create", archive, manifest, NULL};
    TRY(file_write(manifest, buf_str(&k->manifest), k->manifest.len, 0640, err));
    TRY(cli_spawn(program, argv, &pid, err));
    if (cli_wait(pid))
        return err_set(err, ERR_INTERNAL, "isthmus-pack failed; the pieces are in %.150s", k->dir);
    TRY(file_remove_tree(k->dir, err));
    printf("All is in %s\n", archive);
    return 0;
}

static int collect_info(struct cli *c, const struct args *a, struct err *err)
{
    bool is_known = false;
    char full[4096];
    TRY(cli_conf(c, err));
    TRY(file_mkdirs(a->items[1], 0755, err));
    if (!realpath(a->items[1], full))
        return err_set_errno(err, ERR_OK, errno, "cannot find %.150s", a->items[1]);
    AUTO_FREE char *dir = xasprintf("%s/isthmus-info-%" PRId64, full, clock_wall_ms());
    struct collection k = {.c = c, .dir = dir};
    TRY(file_mkdirs(dir, 0750, err));
    buf_init(&k.manifest, 1 << 16);
    for (size_t i = 0; i < array_len(parts); i++)
        if (!strcmp(a->items[0], "all") || !strcmp(a->items[0], parts[i].name)) {
            is_known = true;
            parts[i].run(&k);
        }
    int rc = is_known ? pack(&k, err)
                      : err_set(err, ERR_INVALID_ARGUMENT, "%.40s is not known: all, collectIsthmusInfo, collectConfig, collectEnv, collectLog, collectMetrics",
                                a->items[0]);
    buf_done(&k.manifest);
    return rc < 0 ? rc : k.failed ? CLI_FAILED : rc;
}

static const struct flag collect_flags[] = {{NULL, "local", NULL, "taken and ignored: there is one node"}, {0}};

const struct command cmd_collect[] = {
    {"", "collectInfo", "<what> <folder>", 2, 2, collect_flags, 0,
     "Collects facts, settings with secrets masked, log and metrics; what: all, collectIsthmusInfo, collectConfig, collectEnv, collectLog, collectMetrics.", collect_info, NULL},
    {0}};
