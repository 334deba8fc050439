/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_node: the daemon of a home: format, start, stop, status, what it left in its journal.  What happens
 * inside the home is isthmusd's work; a live daemon is known by the lock on HOME/isthmusd.pid.
 */
#include "base/buf.h"
#include "base/clock.h"
#include "base/file_util.h"
#include "base/mem.h"
#include "base/text.h"
#include "cli/client.h"
#include "cli/command.h"
#include "cli/show.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { START_MS = 60000, STOP_MS = 60000, LOOK_MS = 50 };

/* ---- is one running? ---- */

struct daemon {
    pid_t pid; /* 0: none runs */
    int64_t since_ms;
};

static int find_daemon(const struct cli *c, struct daemon *ret, struct err *err)
{
    char path[4352], text[24] = "";
    struct stat st;
    AUTO_FD int fd = open(cli_path(c, "isthmusd.pid", path), O_RDONLY | O_CLOEXEC);
    *ret = (struct daemon){0};
    if (fd < 0)
        return errno == ENOENT ? 0 : err_set_errno(err, ERR_OK, errno, "cannot look into %s", c->home);
    if (flock(fd, LOCK_SH | LOCK_NB) == 0 || errno != EWOULDBLOCK)
        return 0; /* nobody holds it */
    if (read(fd, text, sizeof text - 1) <= 0 || fstat(fd, &st))
        return err_set(err, ERR_BUSY, "%s is locked by a process that is just starting", c->home);
    ret->pid = (pid_t)strtol(text, NULL, 10);
    ret->since_ms = (int64_t)st.st_mtim.tv_sec * 1000;
    return ret->pid > 0 ? 0 : err_set(err, ERR_CORRUPT, "%s holds no process id", path);
}

/* The last lines that the daemon said before it went. */
static void print_last_words(const struct cli *c)
{
    char path[4352];
    AUTO(buf) text = {.max = 1 << 20};
    if (file_read(cli_path(c, "logs/isthmusd.out", path), 1 << 20, &text, NULL) < 0 || !text.len)
        return;
    const char *from = text.len > 2000 ? text.data + text.len - 2000 : text.data;
    fprintf(stderr, "%s%s", from, text_ends(from, "\n") ? "" : "\n");
}

/* ---- format ---- */

static int format(struct cli *c, const struct args *a, struct err *err)
{
    const char *more[] = {"format", args_has(a, "force") ? "--force" : NULL, NULL};
    TRY(cli_conf(c, err));
    if (args_has(a, "s") && cli_is_formatted(c)) {
        printf("%s is formatted already; nothing was changed.\n", c->home);
        return 0;
    }
    return cli_run(c, "isthmusd", more, err) ? CLI_FAILED : 0;
}

static const struct flag format_flags[] = {{"s", NULL, NULL, "only when it is not formatted yet"},
                                           {NULL, "force", NULL, "remove the namespace and the cache that are there; stores are not touched"},
                                           {0}};

static int restore(struct cli *c, const struct args *a, struct err *err)
{
    const char *more[] = {"restore", a->items[0], NULL};
    return cli_run(c, "isthmusd", more, err) ? CLI_FAILED : 0;
}

/* ---- start ---- */

static void child_of_its_own(const char *program, char **argv, const char *out)
{
    int null = open("/dev/null", O_RDONLY), log = open(out, O_WRONLY | O_CREAT | O_TRUNC, 0640);
    setsid();
    if (null >= 0)
        dup2(null, STDIN_FILENO);
    if (log >= 0) {
        dup2(log, STDOUT_FILENO);
        dup2(log, STDERR_FILENO);
    }
    execv(program, argv);
    _exit(127);
}

static int launch(struct cli *c, pid_t *ret, struct err *err)
{
    static const char *const more[] = {"run", NULL};
    char program[4096], out[4352], logs[4352];
    TRY(cli_sibling("isthmusd", program, err));
    TRY(file_mkdirs(cli_path(c, "logs", logs), 0750, err));
    AUTO_FREE char **argv = cli_argv(c, program, more);
    cli_path(c, "logs/isthmusd.out", out);
    fflush(NULL);
    *ret = fork();
    if (*ret == 0)
        child_of_its_own(program, argv, out);
    return *ret < 0 ? err_set_errno(err, ERR_INTERNAL, errno, "cannot start a process") : 0;
}

/* The daemon writes run/url once it answers, and removes an old one before. */
static bool is_serving(struct cli *c, pid_t pid)
{
    char path[4352];
    struct daemon d;
    return access(cli_path(c, "run/url", path), F_OK) == 0 && find_daemon(c, &d, NULL) == 0 && d.pid == pid &&
           client_is_healthy(c, 1000);
}

static int wait_serving(struct cli *c, pid_t pid, struct err *err)
{
    int64_t deadline = clock_mono_ms() + START_MS;
    AUTO_FD int watch = pidfd_open(pid, 0);
    struct pollfd p = {.fd = watch, .events = POLLIN};
    while (!clock_is_past(deadline)) {
        if (is_serving(c, pid))
            return 0;
        if (poll(&p, 1, LOOK_MS) > 0) { /* it ended: its own words say why */
            cli_wait(pid);
            print_last_words(c);
            return err_set(err, ERR_UNAVAILABLE, "isthmusd did not start; its log is %.120s/logs/isthmusd.log", c->home);
        }
    }
    return err_set(err, ERR_TIMEOUT, "isthmusd (pid %d) does not answer after %d s; its log is %.120s/logs/isthmusd.log", (int)pid,
                   START_MS / 1000, c->home);
}

static int start(struct cli *c, const struct args *a, struct err *err)
{
    struct daemon d;
    char url[1024];
    pid_t pid;
    (void)a;
    TRY(cli_conf(c, err));
    TRY(find_daemon(c, &d, err));
    if (d.pid) { /* perhaps just started by somebody else */
        TRY(wait_serving(c, d.pid, err));
        TRY(client_url(c, url, err));
        printf("Isthmus is already running: pid %d, %s/\n", (int)d.pid, url);
        return 0;
    }
    if (!cli_is_formatted(c))
        return err_set(err, ERR_NOT_FOUND, "%.120s is not formatted: run `isthmus format --home %.80s` first", c->home, c->home);
    printf("Starting isthmusd. Logging to %s/logs\n", c->home);
    TRY(launch(c, &pid, err));
    TRY(wait_serving(c, pid, err));
    TRY(client_url(c, url, err));
    printf("Isthmus is running: pid %d, %s/\n", (int)pid, url);
    return 0;
}

/* ---- stop ---- */

static int wait_end(int watch, int64_t wait_ms)
{
    struct pollfd p = {.fd = watch, .events = POLLIN};
    return poll(&p, 1, (int)wait_ms) > 0 ? 0 : -1;
}

static int stop(struct cli *c, const struct args *a, struct err *err)
{
    struct daemon d, again;
    (void)a;
    TRY(find_daemon(c, &d, err));
    if (!d.pid) {
        printf("Isthmus is not running in %s.\n", c->home);
        return 0;
    }
    AUTO_FD int watch = pidfd_open(d.pid, 0);
    TRY(find_daemon(c, &again, err)); /* still the holder of the lock, so the descriptor is its and no stranger's */
    if (watch < 0 || again.pid != d.pid)
        return again.pid ? err_set(err, ERR_BUSY, "the daemon in %.120s has just changed; try again", c->home) : 0;
    if (pidfd_send_signal(watch, SIGTERM, NULL, 0))
        return err_set_errno(err, ERR_OK, errno, "cannot stop process %d", (int)d.pid);
    if (wait_end(watch, STOP_MS) < 0) {
        fprintf(stderr, "isthmusd (pid %d) did not stop within %d s; killing it. Nothing acknowledged is lost.\n", (int)d.pid, STOP_MS / 1000);
        pidfd_send_signal(watch, SIGKILL, NULL, 0);
        if (wait_end(watch, STOP_MS) < 0)
            return err_set(err, ERR_TIMEOUT, "process %d does not end", (int)d.pid);
    }
    printf("Isthmus stopped (pid %d).\n", (int)d.pid);
    return 0;
}

/* ---- status ---- */

static int status_json(const struct daemon *d, const char *url, const char *version)
{
    AUTO(buf) text = {.max = 8192};
    struct json_out o;
    json_out_init(&o, &text);
    json_begin_object(&o, NULL);
    json_put_bool(&o, "running", d->pid != 0);
    if (d->pid) {
        json_put_i64(&o, "pid", d->pid);
        json_put_string(&o, "url", url);
        json_put_string(&o, "version", version);
        json_put_time(&o, "started", d->since_ms);
    }
    json_end_object(&o);
    puts(buf_str(&text));
    return d->pid ? 0 : CLI_FAILED;
}

static int status(struct cli *c, const struct args *a, struct err *err)
{
    struct daemon d;
    char url[1024] = "", up[96];
    (void)a;
    TRY(cli_conf(c, err));
    TRY(find_daemon(c, &d, err));
    if (!d.pid && c->is_json)
        return status_json(&d, "", "");
    if (!d.pid) {
        printf("Isthmus is not running in %s.\n", c->home);
        return CLI_FAILED;
    }
    TRY(client_url(c, url, err));
    bool is_healthy = client_is_healthy(c, 5000);
    struct json *overview = NULL;
    int rc = is_healthy ? client_get(c, "/overview", &overview, NULL) : -1;
    const char *version = rc == 0 ? json_text(json_get(overview, "version"), "?") : "?";
    if (c->is_json)
        status_json(&d, url, version);
    else
        printf("Isthmus is running%s.\n  pid      %d\n  url      %s/\n  version  %s\n  uptime   %s\n", is_healthy ? "" : " but does not answer",
               (int)d.pid, url, version, show_duration(clock_wall_ms() - d.since_ms, up));
    json_free(overview);
    return is_healthy ? 0 : CLI_FAILED;
}

/* ---- the rest ---- */

enum { REVISION_LEN = 12 };

/* How many characters of the revision: "version -r 8". */
static int revision_len(const struct args *a, uint64_t *ret, struct err *err)
{
    *ret = REVISION_LEN;
    if (!a->count)
        return 0;
    if (!args_has(a, "r"))
        return err_set(err, ERR_INVALID_ARGUMENT, "a length is that of the revision: version -r %.20s", a->items[0]);
    if (text_parse_u64(a->items[0], ret, NULL) < 0 || *ret < 1 || *ret > 40)
        return err_set(err, ERR_INVALID_ARGUMENT, "%.40s is not a length of 1 to 40 characters of the revision", a->items[0]);
    return 0;
}

static int version(struct cli *c, const struct args *a, struct err *err)
{
    uint64_t len;
    TRY(revision_len(a, &len, err));
    if (c->is_json)
        printf("{\"version\":\"%s\",\"revision\":\"%.*s\"}\n", ISTHMUS_VERSION, (int)len, cli_revision);
    else if (args_has(a, "r"))
        printf("%s-%.*s\n", ISTHMUS_VERSION, (int)len, cli_revision);
    else
        puts(ISTHMUS_VERSION);
    return 0;
}

static int read_journal(struct cli *c, const struct args *a, struct err *err)
{
    const char *more[6] = {"readJournal"};
    size_t n = 1;
    uint64_t checked;
    for (size_t i = 0; i < 2; i++) {
        const char *name = i ? "end" : "start", *value = args_value(a, name);
        TRY(args_u64(a, name, 0, &checked, err));
        if (value) {
            more[n++] = i ? "--end" : "--start";
            more[n++] = value;
        }
    }
    return cli_run(c, "isthmusd", more, err) ? CLI_FAILED : 0;
}

static const struct flag version_flags[] = {{"r", "revision", NULL, "with the revision of the sources, of which [len] characters (12)"}, {0}};
static const struct flag journal_flags[] = {{NULL, "start", "n", "first index"}, {NULL, "end", "n", "last index"}, {0}};

const struct command cmd_node[] = {
    {"", "format", "", 0, 0, format_flags, 0, "Makes the home: folders, key, certificate, first user; prints its one-time password.", format, NULL},
    {"", "start", "", 0, 0, NULL, 0, "Starts the daemon and waits until it answers.", start, NULL},
    {"", "stop", "", 0, 0, NULL, 0, "Stops the daemon and waits until it has ended.", stop, NULL},
    {"", "status", "", 0, 0, NULL, COMMAND_READS, "Is the daemon running? Exit code 0 when it answers.", status, NULL},
    {"", "restore", "<file>", 1, 1, NULL, 0, "Fills an empty home from a backup; the passphrase is in ISTHMUS_PASSPHRASE.", restore, NULL},
    {"", "readJournal", "", 0, 0, journal_flags, 0, "Prints the journal of a stopped node as text.", read_journal, NULL},
    {"", "version", "[len]", 0, 1, version_flags, COMMAND_READS, "Prints the version.", version, NULL},
    {0}};
