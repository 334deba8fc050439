/* SPDX-License-Identifier: Apache-2.0
 *
 * isthmusd: the daemon's command line.  `isthmus` (the command line for people) calls it for what happens on the
 * node itself: format, restore, run.
 */
#include "base/arguments.h"
#include "base/conf.h"
#include "base/fault.h"
#include "base/file_util.h"
#include "base/log.h"
#include "base/mem.h"
#include "home.h"
#include "journal/journal.h"
#include "roles.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

struct arguments {
    const char *verb, *file, *home;
    bool force, log_stderr;
    uint64_t start, end;
    size_t count;
    const char *assignments[64];
};

static const char usage[] =
    "usage: isthmusd [--home DIR] [-Dkey=value]... [--log-stderr] run\n"
    "       isthmusd [--home DIR] [-Dkey=value]... format [--force]\n"
    "       isthmusd [--home DIR] restore FILE        (passphrase in ISTHMUS_PASSPHRASE)\n"
    "       isthmusd [--home DIR] readJournal [--start N] [--end N]   (of a stopped node)\n"
    "       isthmusd [--home DIR] validateConf\n"
    "       isthmusd --version\n";

static int parse(int argc, char **argv, struct arguments *a)
{
    a->home = getenv("ISTHMUS_HOME");
    a->end = UINT64_MAX;
    for (int i = 1; i < argc; i++) {
        const char *s = argv[i];
        bool has_next = i + 1 < argc;
        if (!strcmp(s, "--home") && has_next)
            a->home = argv[++i];
        else if (!strcmp(s, "--start") && has_next)
            a->start = strtoull(argv[++i], NULL, 10);
        else if (!strcmp(s, "--end") && has_next)
            a->end = strtoull(argv[++i], NULL, 10);
        else if (!strncmp(s, "-D", 2) && s[2] && a->count < array_len(a->assignments) - 1)
            a->assignments[a->count++] = s + 2;
        else if (!strcmp(s, "--force"))
            a->force = true;
        else if (!strcmp(s, "--log-stderr"))
            a->log_stderr = true;
        else if (s[0] == '-')
            return -1;
        else if (!a->verb)
            a->verb = s;
        else if (!a->file)
            a->file = s;
        else
            return -1;
    }
    return a->verb ? 0 : -1;
}

/* The home decides where the settings are, so it is known before them; paths do not depend on the working folder later. */
static int load_settings(struct arguments *a, struct err *err)
{
    char absolute[PATH_MAX], file[PATH_MAX + 64], *assignment;
    const char *home = a->home ? a->home : "./var";
    if (home[0] == '/') {
        snprintf(absolute, sizeof absolute, "%s", home);
    } else {
        char cwd[PATH_MAX / 2];
        if (!getcwd(cwd, sizeof cwd))
            return err_set_errno(err, ERR_OK, errno, "cannot find the working folder");
        snprintf(absolute, sizeof absolute, "%s/%s", cwd, !strncmp(home, "./", 2) ? home + 2 : home);
    }
    assignment = xasprintf("isthmus.home=%s", absolute);
    a->assignments[a->count++] = assignment;
    snprintf(file, sizeof file, "%s/conf/isthmus-site.properties", absolute);
    int rc = conf_load(file, false, a->count, a->assignments, err);
    free(assignment);
    return rc;
}

/* HOME/run/url is there while requests are answered: `isthmus start` waits for it. */
static int announce(const char *url, struct err *err)
{
    char path[4096];
    AUTO(buf) line = {.max = 4096};
    TRY(file_mkdirs(home_path("run", path), 0755, err));
    if (unlink(home_path("run/url", path)) && errno != ENOENT)
        return err_set_errno(err, ERR_OK, errno, "cannot remove %s", path);
    if (!url)
        return 0;
    buf_addf(&line, "%s\n", url);
    return file_write(path, line.data, line.len, 0644, err);
}

/* Connections, cached blocks and listings each hold descriptors: take what the system allows. */
static void raise_limits(void)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
        files.rlim_cur = files.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &files))
            log_warn(roles, "cannot raise the limit of open files, continuing with what there is");
    }
}

static int run(const struct arguments *a, struct err *err)
{
    char path[4096];
    struct roles *roles = NULL;
    sigset_t stop;
    int got;
    if (!home_is_formatted())
        return err_set(err, ERR_NOT_FOUND, "%s is not formatted: run `isthmus format --home %s` first", conf_text(CONF_HOME), conf_text(CONF_HOME));
    TRY(home_lock(err));
    TRY(announce(NULL, err));
    TRY(log_open(a->log_stderr ? NULL : home_path("logs/isthmusd.log", path), err));
    TRY(log_level_set("all", conf_text(CONF_LOG_LEVEL), err));
    raise_limits();
    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&stop);
    sigaddset(&stop, SIGTERM);
    sigaddset(&stop, SIGINT);
    pthread_sigmask(SIG_BLOCK, &stop, NULL);
    int rc = roles_start(!a->log_stderr, &roles, err);
    if (rc == 0)
        rc = announce(roles_url(roles), err);
    if (rc < 0) {
        log_error(roles, "cannot start: %s", err->text);
        roles_stop(roles);
        return rc;
    }
    log_info(roles, "serving %s version=%s pid=%d", roles_url(roles), ISTHMUS_VERSION, getpid());
    sigwait(&stop, &got);
    log_info(roles, "stopping on signal %d", got);
    rc = announce(NULL, err);
    roles_stop(roles);
    log_info(roles, "stopped");
    return rc;
}

static int format(const struct arguments *a, struct err *err)
{
    struct home_first first;
    TRY(home_format(a->force, &first, err));
    printf("Formatted %s\nUser: %s\nOne-time password: %s\n", conf_text(CONF_HOME), first.user, first.password);
    return 0;
}

static int restore(const struct arguments *a, struct err *err)
{
    const char *passphrase = getenv("ISTHMUS_PASSPHRASE");
    if (!a->file || !passphrase)
        return err_set(err, ERR_INVALID_ARGUMENT, "restore needs FILE, and the passphrase in ISTHMUS_PASSPHRASE");
    TRY(home_restore(a->file, passphrase, err));
    printf("Restored into %s\n", conf_text(CONF_HOME));
    return 0;
}

static int print_entry(void *arg, const struct journal_entry *e, struct err *err)
{
    const struct arguments *a = arg;
    AUTO(buf) text = {.max = 1 << 20};
    if (e->index < a->start || e->index > a->end)
        return 0;
    TRY(entry_text(e->data, e->len, &text, err));
    printf("%llu.%u %s\n", (unsigned long long)e->index, e->position, buf_str(&text));
    return 0;
}

static int read_journal(const struct arguments *a, struct err *err)
{
    printf("Dumping journal of type EMBEDDED from %s\n", conf_text(CONF_JOURNAL_DIR));
    return journal_read(conf_text(CONF_JOURNAL_DIR), 0, print_entry, (void *)a, err);
}

static int validate(const struct arguments *a, struct err *err)
{
    (void)a;
    (void)err;
    puts("Validation succeeded."); /* loading the settings was the check */
    return 0;
}

/* For the tests; not in the usage. */
static int fault_points(const struct arguments *a, struct err *err)
{
    (void)a;
    (void)err;
    const char *const *names;
    for (size_t i = 0, count = fault_names(&names); i < count; i++)
        puts(names[i]);
    return 0;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(const struct arguments *a, struct err *err);
    } verbs[] = {{"run", run}, {"format", format}, {"restore", restore}, {"readJournal", read_journal}, {"validateConf", validate},
               {"faultPoints", fault_points}};
    struct arguments a = {0};
    struct err err = {0};
    argv = arguments_hide(argc, argv);
    if (argc == 2 && !strcmp(argv[1], "--version")) {
        puts(ISTHMUS_VERSION);
        return 0;
    }
    if (parse(argc, argv, &a)) {
        fputs(usage, stderr);
        return 2;
    }
    for (size_t i = 0; i < array_len(verbs); i++) {
        if (strcmp(verbs[i].name, a.verb))
            continue;
        if (load_settings(&a, &err) < 0 || verbs[i].run(&a, &err) < 0) {
            fprintf(stderr, "isthmusd: %s\n", err.text);
            return 1;
        }
        return 0;
    }
    fputs(usage, stderr);
    return 2;
}
