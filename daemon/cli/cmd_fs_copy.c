/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_fs_copy: copies between this machine and the namespace, and within it.  Bytes stream; a tree is
 * walked with a list of directories still to do, not by recursion.  A local file appears under its name
 * only when it is whole.
 */
#include "api/path.h"
#include "base/crypto.h"
#include "base/file_util.h"
#include "base/mem.h"
#include "base/text.h"
#include "cli/client.h"
#include "cli/paths.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A pair of source and target directory that is still to be copied. */
struct work {
    struct path_list from, to;
    size_t at, failed;
};

static void work_add(struct work *w, const char *from, const char *to)
{
    path_list_add(&w->from, from);
    path_list_add(&w->to, to);
}

static void work_done(struct work *w)
{
    path_list_done(&w->from);
    path_list_done(&w->to);
}

static void note(struct work *w, int rc, const struct err *err)
{
    if (rc >= 0)
        return;
    fflush(stdout);
    fprintf(stderr, "%s\n", err->text);
    w->failed++;
}

static const char *local_of(const char *typed)
{
    return text_starts(typed, "file://") ? typed + 7 : typed;
}

static void absolute(const char *path, char to[4352])
{
    char cwd[4096] = "";
    if (path[0] == '/' || !getcwd(cwd, sizeof cwd))
        cwd[0] = 0;
    snprintf(to, 4352, "%s%s%s", cwd, cwd[0] ? "/" : "", path);
}

/* Of a path that may end in slashes. */
static char *last_name(const char *path)
{
    size_t len = strlen(path);
    while (len > 1 && path[len - 1] == '/')
        len--;
    size_t from = len;
    while (from && path[from - 1] != '/')
        from--;
    return xstrndup(path + from, len - from);
}

/* Is there a directory at `path` of the namespace? */
static int is_directory(struct cli *c, const char *path, bool *ret, struct err *err)
{
    struct json *e = NULL;
    int rc = paths_stat(c, path, &e, err);
    *ret = rc == 0 && paths_is_directory(e);
    json_free(e);
    return rc == -ERR_NOT_FOUND ? 0 : rc;
}

/* What stands for a target that is a directory: the name of the source in it. */
static int into_directory(struct cli *c, const char *source, char to[PATH_MAX_BYTES + 1], struct err *err)
{
    char longer[PATH_MAX_BYTES + 1];
    bool is_dir;
    TRY(is_directory(c, to, &is_dir, err));
    if (!is_dir)
        return 0;
    AUTO_FREE char *name = last_name(source);
    TRY(path_join(to, name, longer, err));
    memcpy(to, longer, sizeof longer);
    return 0;
}

/* ---- from this machine ---- */

struct fd_source {
    struct source source;
    int fd;
};

static int fd_pull(struct source *src, void *to, size_t cap, size_t *ret_len, struct err *err)
{
    ssize_t n = read(((struct fd_source *)src)->fd, to, cap);
    if (n < 0)
        return err_set_errno(err, ERR_IO, errno, "cannot read the local file");
    *ret_len = (size_t)n;
    return 0;
}

static int send_file(struct cli *c, const char *from, const char *to, struct err *err)
{
    struct stat st;
    char full[4352];
    AUTO_FD int fd = open(from, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st))
        return err_set_errno(err, ERR_OK, errno, "cannot open %.150s", from);
    struct fd_source s = {.source = {.pull = fd_pull, .length = S_ISREG(st.st_mode) ? st.st_size : -1}, .fd = fd};
    TRY(client_write(c, to, "&recursive=true", &s.source, err));
    absolute(from, full);
    printf("Copied file://%s to %s\n", full, to);
    return 0;
}

static int make_directory(struct cli *c, const char *path, struct err *err)
{
    bool is_there;
    TRY(is_directory(c, path, &is_there, err));
    if (is_there)
        return 0;
    TRY(client_files(c, "PUT", path, "", "{\"type\":\"directory\",\"recursive\":true,\"allow_exists\":true}", NULL, err));
    printf("Created directory: %s\n", path);
    return 0;
}

/* Links to files are followed, links to directories are not: they may lead in a circle. */
static int send_child(struct cli *c, struct work *w, const char *from, const char *to, struct err *err)
{
    struct stat link, st;
    if (lstat(from, &link) || stat(from, &st))
        return err_set_errno(err, ERR_OK, errno, "cannot look at %.150s", from);
    if (S_ISDIR(link.st_mode))
        work_add(w, from, to);
    else if (S_ISREG(st.st_mode))
        return send_file(c, from, to, err);
    else
        return err_set(err, ERR_NOT_SUPPORTED, "%.180s is neither a file nor a directory; left out", from);
    return 0;
}

static int send_directory(struct cli *c, struct work *w, const char *from, const char *to, struct err *err)
{
    TRY(make_directory(c, to, err));
    DIR *dir = opendir(from);
    if (!dir)
        return err_set_errno(err, ERR_OK, errno, "cannot open %.150s", from);
    for (struct dirent *d; (d = readdir(dir));) {
        char child[PATH_MAX_BYTES + 1];
        if (!strcmp(d->d_name, ".") || !strcmp(d->d_name, ".."))
            continue;
        AUTO_FREE char *local = xasprintf("%s/%s", from, d->d_name);
        int rc = path_join(to, d->d_name, child, err);
        note(w, rc < 0 ? rc : send_child(c, w, local, child, err), err);
    }
    closedir(dir);
    return 0;
}

static int send_tree(struct cli *c, const char *from, const char *to)
{
    struct work w = {0};
    struct err err = {0};
    work_add(&w, from, to);
    for (; w.at < w.from.count; w.at++)
        note(&w, send_directory(c, &w, w.from.items[w.at], w.to.items[w.at], &err), &err);
    work_done(&w);
    return w.failed ? CLI_FAILED : 0;
}

static int send(struct cli *c, const char *from, const char *typed_to, struct err *err)
{
    char to[PATH_MAX_BYTES + 1];
    struct stat st;
    TRY(paths_take(typed_to, to, err));
    if (stat(from, &st))
        return err_set_errno(err, ERR_OK, errno, "Local path %.150s", from);
    if (S_ISDIR(st.st_mode))
        return send_tree(c, from, to);
    TRY(into_directory(c, from, to, err));
    return send_file(c, from, to, err);
}

static int copy_from_local(struct cli *c, const struct args *a, struct err *err)
{
    return send(c, local_of(a->items[0]), a->items[1], err);
}

/* ---- to this machine ---- */

struct fd_sink {
    struct sink sink;
    int fd;
};

static int fd_push(struct sink *sink, const struct slice *s, struct err *err)
{
    return file_write_all(((struct fd_sink *)sink)->fd, s->mem, s->len, err);
}

static int fetch_into(struct cli *c, const char *from, const char *temporary, int flags, struct err *err)
{
    AUTO_FD int fd = open(temporary, O_WRONLY | O_CLOEXEC | flags, 0644);
    if (fd < 0)
        return err_set_errno(err, ERR_OK, errno, "cannot make %.150s", temporary);
    struct fd_sink s = {.sink.push = fd_push, .fd = fd};
    TRY(client_read(c, from, "", NULL, &s.sink, err));
    return flags && fsync(fd) ? err_set_errno(err, ERR_OK, errno, "cannot write %.150s", temporary) : 0;
}

/* Whole under a name of its own first, then in the place of what was there. */
static int fetch_beside(struct cli *c, const char *from, const char *to, struct err *err)
{
    char random[9];
    const char *slash = strrchr(to, '/');
    crypto_random_text(random, 8);
    AUTO_FREE char *temporary = xasprintf("%.*s.%s_copyToLocal_", slash ? (int)(slash - to + 1) : 0, to, random);
    int rc = fetch_into(c, from, temporary, O_CREAT | O_EXCL, err);
    if (rc == 0 && rename(temporary, to))
        rc = err_set_errno(err, ERR_OK, errno, "cannot make %.150s", to);
    if (rc < 0)
        unlink(temporary);
    return rc;
}

static int fetch_file(struct cli *c, const char *from, const char *to, struct err *err)
{
    char full[4352];
    struct stat st;
    bool is_special = stat(to, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode); /* /dev/null, a pipe: to be written to, not replaced */
    TRY(is_special ? fetch_into(c, from, to, 0, err) : fetch_beside(c, from, to, err));
    absolute(to, full);
    printf("Copied %s to file://%s\n", from, full);
    return 0;
}

struct fetch {
    struct cli *c;
    struct work *w;
    const char *to;
};

static int fetch_child(void *arg, const struct json *e, struct err *err)
{
    struct fetch *f = arg;
    const char *name = json_text(json_get(e, "name"), ""), *path = json_text(json_get(e, "path"), "");
    TRY(path_check_name(name, strlen(name), err)); /* it becomes a local name */
    AUTO_FREE char *local = xasprintf("%s/%s", f->to, name);
    if (paths_is_directory(e))
        work_add(f->w, path, local);
    else
        note(f->w, fetch_file(f->c, path, local, err), err);
    return 0;
}

static int fetch_directory(struct cli *c, struct work *w, const char *from, const char *to, struct err *err)
{
    struct fetch f = {c, w, to};
    if (mkdir(to, 0755) == 0)
        printf("Create directory: %s\n", to);
    else if (errno != EEXIST)
        return err_set_errno(err, ERR_OK, errno, "cannot make %.150s", to);
    return paths_list(c, from, "", fetch_child, &f, err);
}

static int fetch_tree(struct cli *c, const char *from, const char *to)
{
    struct work w = {0};
    struct err err = {0};
    work_add(&w, from, to);
    for (; w.at < w.from.count; w.at++) {
        AUTO_FREE char *source = xstrdup(w.from.items[w.at]);
        AUTO_FREE char *target = xstrdup(w.to.items[w.at]);
        note(&w, fetch_directory(c, &w, source, target, &err), &err);
    }
    work_done(&w);
    return w.failed ? CLI_FAILED : 0;
}

static int fetch(struct cli *c, const char *from, const char *to, struct err *err)
{
    struct json *e = NULL;
    struct stat st;
    TRY(paths_stat(c, from, &e, err));
    bool is_tree = paths_is_directory(e), into = stat(to, &st) == 0 && S_ISDIR(st.st_mode);
    json_free(e);
    if (is_tree)
        return fetch_tree(c, from, to);
    AUTO_FREE char *name = last_name(from);
    AUTO_FREE char *inside = xasprintf("%s%s%s", to, text_ends(to, "/") ? "" : "/", name);
    return fetch_file(c, from, into ? inside : to, err);
}

static int fetch_all(struct cli *c, const char *typed, const char *to, struct err *err)
{
    AUTO(path_list) from = {0};
    struct stat st;
    int code = 0;
    TRY(paths_expand(c, typed, &from, err));
    if (from.count > 1 && (stat(to, &st) || !S_ISDIR(st.st_mode)))
        return err_set(err, ERR_NOT_DIRECTORY, "%.150s is not a directory, and %zu paths are to go there", to, from.count);
    for (size_t i = 0; i < from.count; i++) {
        int rc = fetch(c, from.items[i], to, err);
        TRY(rc);
        code = rc ? rc : code;
    }
    return code;
}

static int copy_to_local(struct cli *c, const struct args *a, struct err *err)
{
    return fetch_all(c, a->items[0], local_of(a->items[1]), err);
}

/* ---- within the namespace ---- */

static int preserve(struct cli *c, const char *from, const char *to, struct err *err)
{
    static const char *const members[] = {"owner", "group", "mode"};
    struct json *e = NULL;
    AUTO(buf) body = {.max = 1 << 16};
    struct json_out o;
    TRY(paths_stat(c, from, &e, err));
    json_out_init(&o, &body);
    json_begin_object(&o, NULL);
    for (size_t i = 0; i < array_len(members); i++)
        json_put_string(&o, members[i], json_text(json_get(e, members[i]), ""));
    json_end_object(&o);
    bool is_dir = paths_is_directory(e);
    json_free(e);
    if (is_dir)
        return err_set(err, ERR_NOT_SUPPORTED, "--preserve is for files");
    return client_files(c, "PATCH", to, "", buf_str(&body), NULL, err);
}

static int copy_within(struct cli *c, const struct args *a, const char *path, struct err *err)
{
    char to[PATH_MAX_BYTES + 1];
    AUTO(buf) body = {.max = 1 << 16};
    struct json_out o;
    TRY(paths_take(a->items[1], to, err));
    TRY(into_directory(c, path, to, err));
    json_out_init(&o, &body);
    json_begin_object(&o, NULL);
    json_put_string(&o, "to", to);
    json_put_bool(&o, "recursive", args_has(a, "R"));
    json_end_object(&o);
    TRY(client_files(c, "POST", path, ":copy", buf_str(&body), NULL, err));
    if (args_has(a, "preserve"))
        TRY(preserve(c, path, to, err));
    printf("Copied %s to %s\n", path, to);
    return 0;
}

static int cp(struct cli *c, const struct args *a, struct err *err)
{
    const char *from = a->items[0], *to = a->items[1];
    bool is_from_local = text_starts(from, "file://"), is_to_local = text_starts(to, "file://");
    if (is_from_local && is_to_local)
        return err_set(err, ERR_INVALID_ARGUMENT, "one of the two paths must be in the namespace");
    if (is_from_local)
        return send(c, local_of(from), to, err);
    if (is_to_local)
        return fetch_all(c, from, local_of(to), err);
    return paths_each(c, a, 0, 1, copy_within);
}

#define STREAM_FLAGS                                                                               \
    {NULL, "buffersize", "bytes", "taken and ignored: bytes stream"}, {NULL, "thread", "n", "taken and ignored: files go one after another"}
static const struct flag local_flags[] = {STREAM_FLAGS, {0}};
static const struct flag cp_flags[] = {{"R", NULL, NULL, "directories with all below"}, {NULL, "preserve", NULL, "keep owner, group and mode of a file"}, STREAM_FLAGS, {0}};

const struct command cmd_fs_copy[] = {
    {"fs", "copyFromLocal", "<src> <dst>", 2, 2, local_flags, 0, "Copies a local file or directory into the namespace.", copy_from_local, NULL},
    {"fs", "copyToLocal", "<src> <dst>", 2, 2, local_flags, 0, "Copies files of the namespace to this machine.", copy_to_local, NULL},
    {"fs", "cp", "<src> <dst>", 2, 2, cp_flags, 0, "Copies within the namespace; file:// on one side copies from or to this machine.", cp, NULL},
    {0}};
