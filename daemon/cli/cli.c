/* SPDX-License-Identifier: Apache-2.0
 *
 * cli: see the header.
 */
#include "cli/cli.h"

#include "base/conf.h"
#include "base/mem.h"
#include "base/text.h"

#include <errno.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define HOME_INSTALLED "/var/lib/isthmus"
#define CONF_FILE "conf/isthmus-site.properties"

char *cli_path(const struct cli *c, const char *below, char to[4352])
{
    snprintf(to, 4352, "%s/%s", c->home, below);
    return to;
}

static int set_home(struct cli *c, const char *home, struct err *err)
{
    char cwd[PATH_MAX / 2];
    size_t len = strlen(home);
    while (len > 1 && home[len - 1] == '/')
        len--;
    if (len == 0 || len > sizeof c->home / 2)
        return err_set(err, ERR_INVALID_ARGUMENT, "--home needs the path of a folder");
    if (home[0] == '/') {
        snprintf(c->home, sizeof c->home, "%.*s", (int)len, home);
        return 0;
    }
    if (!getcwd(cwd, sizeof cwd))
        return err_set_errno(err, ERR_OK, errno, "cannot find the working folder");
    size_t skip = text_starts(home, "./") ? 2 : 0;
    snprintf(c->home, sizeof c->home, "%s/%.*s", cwd, (int)(len - skip), home + skip);
    return 0;
}

static int find_home(struct cli *c, const char *given, struct err *err)
{
    const char *env = getenv("ISTHMUS_HOME");
    if (given || (env && *env))
        return set_home(c, given ? given : env, err);
    return set_home(c, access("./var/" CONF_FILE, F_OK) == 0 ? "./var" : HOME_INSTALLED, err);
}

static int take_assignment(struct cli *c, const char *pair, struct err *err)
{
    if (!strchr(pair, '='))
        return err_set(err, ERR_INVALID_ARGUMENT, "-D%.80s has no value: write -Dkey=value", pair);
    if (c->assignment_count == CLI_ASSIGNMENTS - 1)
        return err_set(err, ERR_INVALID_ARGUMENT, "more than %d settings with -D", CLI_ASSIGNMENTS - 1);
    c->assignments[c->assignment_count++] = pair;
    return 0;
}

int cli_init(struct cli *c, int *argc, char **argv, struct err *err)
{
    const char *home = NULL;
    int kept = 1;
    *c = (struct cli){0};
    for (int i = 1; i < *argc; i++) {
        const char *s = argv[i];
        if (!strcmp(s, "--home") && i + 1 < *argc)
            home = argv[++i];
        else if (text_starts(s, "--home"))
            home = s[6] == '=' ? s + 7 : "";
        else if (!strcmp(s, "--json"))
            c->is_json = true;
        else if (text_starts(s, "-D") && s[2])
            TRY(take_assignment(c, s + 2, err));
        else
            argv[kept++] = argv[i];
    }
    argv[kept] = NULL;
    *argc = kept;
    return find_home(c, home, err);
}

/* A file that this user may not read is left out: an address by -D or environment is then enough. */
int cli_conf(struct cli *c, struct err *err)
{
    char file[4352], home[4096 + 16];
    const char *all[CLI_ASSIGNMENTS + 1];
    if (c->has_conf)
        return 0;
    memcpy(all, c->assignments, sizeof c->assignments);
    snprintf(home, sizeof home, "isthmus.home=%s", c->home);
    all[c->assignment_count] = home;
    cli_path(c, CONF_FILE, file);
    TRY(conf_load(access(file, R_OK) == 0 ? file : NULL, false, c->assignment_count + 1, all, err));
    c->has_conf = true;
    return 0;
}

bool cli_is_formatted(struct cli *c)
{
    char path[4352];
    (void)c;
    snprintf(path, sizeof path, "%s/meta.db", conf_text(CONF_META_DIR));
    return access(path, F_OK) == 0;
}

/* ---- programs beside this one ---- */

int cli_sibling(const char *name, char to[4096], struct err *err)
{
    static const char *const places[] = {"", "../installer/"}; /* installed; a build folder */
    char self[2048];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    if (n <= 0)
        return err_set_errno(err, ERR_OK, errno, "cannot find the folder of this program");
    self[n] = 0;
    char *slash = strrchr(self, '/');
    slash[1] = 0;
    for (size_t i = 0; i < array_len(places); i++) {
        AUTO_FREE char *path = xasprintf("%s%s%s", self, places[i], name);
        if (strlen(path) < 4096 && access(path, X_OK) == 0) {
            memcpy(to, path, strlen(path) + 1);
            return 0;
        }
    }
    return err_set(err, ERR_NOT_FOUND, "%s is not beside this program in %s", name, self);
}

char **cli_argv(const struct cli *c, const char *program, const char *const *more)
{
    size_t n = 0, extra = 0;
    while (more && more[extra])
        extra++;
    char **argv = xcalloc(4 + 2 * c->assignment_count + extra, sizeof *argv);
    argv[n++] = (char *)(uintptr_t)program;
    argv[n++] = (char *)(uintptr_t)"--home";
    argv[n++] = (char *)(uintptr_t)c->home;
    for (size_t i = 0; i < c->assignment_count; i++) /* the -D before it is two bytes back: it came from argv */
        argv[n++] = (char *)(uintptr_t)(c->assignments[i] - 2);
    for (size_t i = 0; i < extra; i++)
        argv[n++] = (char *)(uintptr_t)more[i];
    return argv;
}

int cli_spawn(const char *program, char *const *argv, pid_t *ret, struct err *err)
{
    extern char **environ;
    fflush(stdout);
    int rc = posix_spawn(ret, program, NULL, NULL, argv, environ);
    return rc ? err_set_errno(err, ERR_INTERNAL, rc, "cannot start %s", program) : 0;
}

int cli_wait(pid_t pid)
{
    int status;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return CLI_FAILED;
    return WIFEXITED(status) ? WEXITSTATUS(status) : CLI_FAILED;
}

int cli_run(const struct cli *c, const char *program, const char *const *more, struct err *err)
{
    char path[4096];
    pid_t pid;
    TRY(cli_sibling(program, path, err));
    AUTO_FREE char **argv = cli_argv(c, path, more);
    TRY(cli_spawn(path, argv, &pid, err));
    return cli_wait(pid);
}
