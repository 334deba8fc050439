/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_env: validateEnv: would the daemon find what it needs on this machine?  A table of checks; each
 * says OK, WARNING, FAILED or SKIPPED and why.
 */
#include "base/buf.h"
#include "base/conf.h"
#include "base/file_util.h"
#include "base/mem.h"
#include "base/text.h"
#include "cli/client.h"
#include "cli/command.h"
#include "cli/show.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/vfs.h>
#include <unistd.h>

enum verdict { OK, WARNING, FAILED, SKIPPED };
enum { FILES_WANTED = 4096, PROCESSES_WANTED = 1024 };
#define TMPFS 0x01021994 /* statfs(2) */

static enum verdict say(enum verdict v, struct buf *why, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static enum verdict say(enum verdict v, struct buf *why, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    buf_addv(why, fmt, ap);
    va_end(ap);
    return v;
}

/* ---- settings and programs ---- */

static enum verdict check_daemon(struct cli *c, struct buf *why)
{
    char path[4096];
    struct err err;
    (void)c;
    return cli_sibling("isthmusd", path, &err) < 0 ? say(FAILED, why, "%s", err.text) : OK;
}

static enum verdict check_format(struct cli *c, struct buf *why)
{
    return cli_is_formatted(c) ? OK : say(WARNING, why, "%s is not formatted yet: isthmus format", c->home);
}

/* ---- ports ---- */

static int try_bind(const char *host, uint16_t port)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    bool is_v4 = inet_pton(AF_INET, host, &v4.sin_addr) == 1, is_v6 = !is_v4 && inet_pton(AF_INET6, host, &v6.sin6_addr) == 1;
    int on = 1;
    if (!is_v4 && !is_v6)
        inet_pton(AF_INET, "127.0.0.1", &v4.sin_addr);
    AUTO_FD int fd = socket(is_v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return errno;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    int rc = is_v6 ? bind(fd, (struct sockaddr *)&v6, sizeof v6) : bind(fd, (struct sockaddr *)&v4, sizeof v4);
    return rc || listen(fd, 1) ? errno : 0;
}

static enum verdict check_port(struct cli *c, struct buf *why)
{
    int64_t port = conf_int(CONF_WEB_PORT);
    if (port == 0)
        return say(SKIPPED, why, "the system chooses the port");
    int os = try_bind(conf_text(CONF_WEB_BIND), (uint16_t)port);
    if (os == 0)
        return OK;
    if (os == EADDRINUSE && client_is_healthy(c, 2000))
        return say(SKIPPED, why, "Isthmus itself listens on port %lld", (long long)port);
    return say(FAILED, why, "port %lld of %s: %s", (long long)port, conf_text(CONF_WEB_BIND), strerror(os));
}

/* ---- limits ---- */

static enum verdict check_limit(int which, rlim_t wanted, const char *what, struct buf *why)
{
    struct rlimit l;
    if (getrlimit((__rlimit_resource_t)which, &l) || l.rlim_cur == RLIM_INFINITY || l.rlim_cur >= wanted)
        return OK;
    return say(WARNING, why, "%s: %llu, better %llu", what, (unsigned long long)l.rlim_cur, (unsigned long long)wanted);
}

static enum verdict check_files(struct cli *c, struct buf *why)
{
    (void)c;
    return check_limit(RLIMIT_NOFILE, FILES_WANTED, "open files (ulimit -n)", why);
}

static enum verdict check_processes(struct cli *c, struct buf *why)
{
    (void)c;
    return check_limit(RLIMIT_NPROC, PROCESSES_WANTED, "processes and threads (ulimit -u)", why);
}

/* ---- folders ---- */

/* The folder itself or the nearest one above that is there. */
static void existing(const char *path, char to[4096])
{
    snprintf(to, 4096, "%s", path);
    for (char *slash; access(to, F_OK) && (slash = strrchr(to, '/'));)
        slash[slash == to ? 1 : 0] = 0;
}

static enum verdict check_writable(const char *path, struct buf *why)
{
    char there[4096];
    existing(path, there);
    return access(there, W_OK | X_OK) ? say(FAILED, why, "%s: %s", there, strerror(errno)) : OK;
}

static enum verdict check_home(struct cli *c, struct buf *why)
{
    return check_writable(c->home, why);
}

static enum verdict check_journal(struct cli *c, struct buf *why)
{
    uint64_t left, wanted = 2 * conf_size(CONF_JOURNAL_BALLAST);
    char there[4096], size[24];
    struct err err;
    (void)c;
    if (check_writable(conf_text(CONF_JOURNAL_DIR), why) == FAILED)
        return FAILED;
    existing(conf_text(CONF_JOURNAL_DIR), there);
    if (file_free_bytes(there, &left, &err) < 0)
        return say(FAILED, why, "%s", err.text);
    return left < wanted ? say(FAILED, why, "only %s are free for the journal in %s", text_human_size(left, size), there) : OK;
}

static enum verdict check_tier(const char *path, uint64_t quota, bool wants_tmpfs, struct buf *why)
{
    struct statfs fs;
    uint64_t left;
    char there[4096], have[24], want[24];
    struct err err;
    if (!quota)
        return say(SKIPPED, why, "the tier is left out");
    if (check_writable(path, why) == FAILED)
        return FAILED;
    existing(path, there);
    if (wants_tmpfs && statfs(there, &fs) == 0 && fs.f_type != TMPFS)
        return say(WARNING, why, "%s is not on tmpfs: tier MEM is as slow as the disk", path);
    if (file_free_bytes(there, &left, &err) < 0)
        return say(FAILED, why, "%s", err.text);
    if (left < quota)
        return say(WARNING, why, "%s: the quota is %s, only %s are free", path, text_human_size(quota, want), text_human_size(left, have));
    return OK;
}

static enum verdict check_mem(struct cli *c, struct buf *why)
{
    (void)c;
    return check_tier(conf_text(CONF_WORKER_MEM_DIR), conf_size(CONF_WORKER_MEM_QUOTA), true, why);
}

static enum verdict check_ssd(struct cli *c, struct buf *why)
{
    (void)c;
    return check_tier(conf_text(CONF_WORKER_SSD_DIR), conf_size(CONF_WORKER_SSD_QUOTA), false, why);
}

/* ---- security and stores ---- */

static enum verdict check_tls(struct cli *c, struct buf *why)
{
    const char *host = conf_text(CONF_WEB_BIND);
    (void)c;
    if (!conf_bool(CONF_WEB_TLS))
        return text_is_loopback(host) ? OK : say(FAILED, why, "%s is reachable by others and needs isthmus.web.tls.enabled=true", host);
    return access(conf_text(CONF_WEB_TLS_CERT), R_OK) ? say(FAILED, why, "%s: %s", conf_text(CONF_WEB_TLS_CERT), strerror(errno)) : OK;
}

static enum verdict check_mounts(const struct json *mounts, struct buf *why)
{
    enum verdict v = OK;
    for (size_t i = 0; i < json_size(mounts); i++) {
        const struct json *m = json_at(mounts, i);
        if (!strcmp(json_text(json_get(m, "health"), ""), "failing"))
            v = say(FAILED, why, "%s: %s. ", json_text(json_get(m, "path"), ""), json_text(json_get(m, "last_error"), "does not answer"));
    }
    return v;
}

static enum verdict check_ufs(struct cli *c, struct buf *why)
{
    const char *root = conf_text(CONF_ROOT_UFS);
    struct json *j = NULL;
    struct err err;
    if (client_get(c, "/mounts", &j, &err) == 0) {
        enum verdict v = check_mounts(json_get(j, "items"), why);
        json_free(j);
        return v;
    }
    const char *local = text_starts(root, "file://") ? root + 7 : root;
    return local[0] == '/' ? check_writable(local, why) : say(SKIPPED, why, "%s is tried when the daemon runs", root);
}

/* ---- the table ---- */

static const struct check {
    const char *name;
    enum verdict (*run)(struct cli *c, struct buf *why);
    bool is_master, is_worker;
} checks[] = {{"daemon.program", check_daemon, true, true},
              {"home.formatted", check_format, true, true},
              {"home.writable", check_home, true, true},
              {"master.web.port.available", check_port, true, false},
              {"master.web.tls", check_tls, true, false},
              {"master.journal.space", check_journal, true, false},
              {"worker.ramdisk.mount", check_mem, false, true},
              {"worker.storage.space", check_ssd, false, true},
              {"ufs.path.accessible", check_ufs, true, true},
              {"ulimit.nofile", check_files, true, true},
              {"ulimit.nproc", check_processes, true, true}};

static enum verdict run_check(struct cli *c, const struct check *k, struct json_out *json)
{
    static const struct {
        const char *word, *colour;
    } shown[] = {{"OK", "32"}, {"WARNING", "33"}, {"FAILED", "31"}, {"SKIPPED", "35"}};
    AUTO(buf) why = {.max = 4096};
    if (!c->is_json)
        printf("Validating %s...", k->name);
    fflush(stdout);
    enum verdict v = k->run(c, &why);
    json_begin_object(json, NULL);
    json_put_string(json, "name", k->name);
    json_put_string(json, "state", shown[v].word);
    json_put_string(json, "detail", why.len ? buf_str(&why) : NULL);
    json_end_object(json);
    if (c->is_json)
        return v;
    show_coloured(shown[v].colour, shown[v].word);
    printf("%s%s\n", why.len ? ": " : "", buf_str(&why));
    return v;
}

static int validate_env(struct cli *c, const struct args *a, struct err *err)
{
    const char *target = a->count ? a->items[0] : "local", *prefix = a->count > 1 ? a->items[1] : "";
    bool is_list = !strcmp(target, "list"), master = strcmp(target, "worker") && strcmp(target, "workers");
    bool worker = strcmp(target, "master") && strcmp(target, "masters");
    size_t seen[4] = {0};
    AUTO(buf) text = {.max = 1 << 20};
    struct json_out json;
    json_out_init(&json, &text);
    if (master && worker && !is_list && strcmp(target, "local") && strcmp(target, "all"))
        return err_set(err, ERR_INVALID_ARGUMENT, "%.40s is not a target: local, master, worker, all or list", target);
    if (!is_list) {
        TRY(cli_conf(c, err));
        if (!c->is_json)
            printf("Validating %s environment...\n", target);
    }
    json_begin_object(&json, NULL);
    json_begin_array(&json, "items");
    for (size_t i = 0; i < array_len(checks); i++) {
        const struct check *k = &checks[i];
        if (!text_starts(k->name, prefix) || !((master && k->is_master) || (worker && k->is_worker)))
            continue;
        if (!is_list)
            seen[run_check(c, k, &json)]++;
        else if (c->is_json)
            json_put_string(&json, NULL, k->name);
        else
            puts(k->name);
    }
    json_end_array(&json);
    json_end_object(&json);
    if (c->is_json)
        puts(buf_str(&text));
    else if (is_list)
        return 0;
    else if (seen[FAILED])
        printf("%zu failures, %zu warnings.\n", seen[FAILED], seen[WARNING]);
    else
        puts("Validation succeeded.");
    return seen[FAILED] ? CLI_FAILED : 0;
}

const struct command cmd_env[] = {
    {"", "validateEnv", "[local|master|worker|all|list] [task prefix]", 0, 2, NULL, COMMAND_READS, "Checks ports, folders, space and limits of this machine.", validate_env, NULL},
    {0}};
