/* SPDX-License-Identifier: Apache-2.0
 *
 * home: see the header.
 */
#include "home.h"

#include "admin/backup.h"
#include "base/clock.h"
#include "base/conf.h"
#include "base/file_util.h"
#include "base/mem.h"
#include "base/text.h"
#include "identity/identity.h"
#include "master/mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define FIRST_USER "admin"

char *home_path(const char *below, char to[4096])
{
    snprintf(to, 4096, "%s/%s", conf_text(CONF_HOME), below);
    return to;
}

void home_meta_options(struct meta_options *ret)
{
    *ret = (struct meta_options){.dir = conf_text(CONF_META_DIR), .journal_dir = conf_text(CONF_JOURNAL_DIR),
                                 .cache_bytes = conf_size(CONF_META_CACHE), .sqlite_cache_bytes = conf_size(CONF_META_SQLITE_CACHE),
                                 .readers = (unsigned)conf_int(CONF_META_READERS), .journal_reserve_bytes = conf_size(CONF_JOURNAL_BALLAST),
                                 .address = "127.0.0.1:19200"};
}

int home_lock(struct err *err)
{
    char path[4096], pid[24];
    int fd = open(home_path("isthmusd.pid", path), O_RDWR | O_CREAT | O_CLOEXEC, 0644); /* held until the process ends */
    if (fd < 0)
        return err_set_errno(err, ERR_OK, errno, "cannot open %s", path);
    if (flock(fd, LOCK_EX | LOCK_NB)) {
        close(fd);
        return err_set(err, ERR_BUSY, "another isthmusd runs in %s", conf_text(CONF_HOME));
    }
    int n = snprintf(pid, sizeof pid, "%d\n", getpid());
    if (ftruncate(fd, 0) || pwrite(fd, pid, (size_t)n, 0) != n)
        return err_set_errno(err, ERR_OK, errno, "cannot write %s", path);
    return 0;
}

bool home_is_formatted(void)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/meta.db", conf_text(CONF_META_DIR));
    return access(path, F_OK) == 0;
}

int home_key(struct crypto_key *ret, struct err *err)
{
    char path[4096];
    return crypto_key_file(home_path("conf/node.key", path), false, ret, err);
}

static int make_folders(struct err *err)
{
    static const char *const folders[] = {"conf", "logs"};
    char path[4096];
    TRY(file_mkdirs(conf_text(CONF_HOME), 0750, err));
    for (size_t i = 0; i < array_len(folders); i++)
        TRY(file_mkdirs(home_path(folders[i], path), 0750, err));
    TRY(file_mkdirs(conf_text(CONF_META_DIR), 0700, err));
    return file_mkdirs(conf_text(CONF_JOURNAL_DIR), 0700, err);
}

/* The default root store is a folder of the home, so it is made; any other must be there. */
static int make_root_store(struct err *err)
{
    const char *uri = conf_text(CONF_ROOT_UFS);
    char path[4096];
    if (conf_source(CONF_ROOT_UFS) != CONF_FROM_DEFAULT && strcmp(uri, home_path("store", path)))
        return 0;
    return file_mkdirs(uri, 0755, err);
}

static int make_config(struct err *err)
{
    static const char text[] = "# Settings of this node, key=value. `isthmus getConf` lists all keys with their values,\n"
                               "# docs/configuration.md explains them. A wrong line stops the start and is named.\n";
    char path[4096];
    home_path("conf/isthmus-site.properties", path);
    return access(path, F_OK) == 0 ? 0 : file_write(path, text, sizeof text - 1, 0640, err);
}

static int make_certificate(struct err *err)
{
    const char *path = conf_text(CONF_WEB_TLS_CERT);
    return access(path, F_OK) == 0 ? 0 : crypto_make_certificate(path, conf_text(CONF_HOSTNAME), err);
}

static int first_entry(struct entry *e, const struct crypto_key *key, struct home_first *ret, char token[80], struct err *err)
{
    int64_t now = clock_wall_ms();
    snprintf(ret->user, sizeof ret->user, FIRST_USER);
    crypto_random_text(ret->password, 16);
    entry_init(e, ENTRY_FORMAT, now);
    TRY(mounts_root_record(e, conf_text(CONF_ROOT_UFS), conf_text(CONF_ROOT_OPTIONS), key, err));
    TRY(identity_first_admin(e, ret->user, ret->password, now, err));
    return identity_first_token(e, ret->user, "command line on this machine", now, token, err);
}

static int write_secret(const char *below, const char *value, struct err *err)
{
    char path[4096];
    AUTO(buf) text = {.max = 4096};
    buf_addf(&text, "%s\n", value);
    return file_write(home_path(below, path), text.data, text.len, 0600, err);
}

static int clear(struct err *err)
{
    TRY(file_remove_tree(conf_text(CONF_META_DIR), err));
    TRY(file_remove_tree(conf_text(CONF_JOURNAL_DIR), err));
    TRY(file_remove_tree(conf_text(CONF_WORKER_MEM_DIR), err));
    return file_remove_tree(conf_text(CONF_WORKER_SSD_DIR), err);
}

int home_format(bool force, struct home_first *ret, struct err *err)
{
    struct meta_options options;
    struct crypto_key key;
    struct entry first;
    char path[4096], token[80];
    if (home_is_formatted() && !force)
        return err_set(err, ERR_ALREADY_EXISTS, "%s is formatted already; --force removes its namespace and cache first", conf_text(CONF_HOME));
    TRY(file_mkdirs(conf_text(CONF_HOME), 0750, err));
    TRY(home_lock(err));
    if (force)
        TRY(clear(err));
    TRY(make_folders(err));
    TRY(make_root_store(err));
    TRY(make_config(err));
    TRY(make_certificate(err));
    TRY(crypto_key_file(home_path("conf/node.key", path), true, &key, err));
    home_meta_options(&options);
    int rc = first_entry(&first, &key, ret, token, err);
    if (!rc) /* secrets first: a namespace whose password nobody knows would be worse than a password without one */
        rc = write_secret("conf/initial-password", ret->password, err);
    if (!rc)
        rc = write_secret("conf/cli.token", token, err);
    if (!rc)
        rc = meta_format(&options, FIRST_USER, conf_text(CONF_SUPERGROUP), &first, err);
    entry_done(&first);
    explicit_bzero(&key, sizeof key);
    return rc;
}

/* ---- restore ---- */

struct fd_source {
    struct source source;
    int fd;
};

static int fd_pull(struct source *src, void *to, size_t cap, size_t *ret_len, struct err *err)
{
    ssize_t n = read(((struct fd_source *)src)->fd, to, cap);
    if (n < 0)
        return err_set_errno(err, ERR_IO, errno, "cannot read the backup");
    *ret_len = (size_t)n;
    return 0;
}

/* Puts one frame that comes before the database where it belongs. */
static int place_frame(const struct backup_reader *r, enum backup_frame kind, struct err *err)
{
    char path[4096], hex[2 * sizeof(struct crypto_key) + 2];
    if (kind == BACKUP_KEY) {
        if (r->frame.len != sizeof(struct crypto_key))
            return err_set(err, ERR_CORRUPT, "the backup holds a key of %zu bytes", r->frame.len);
        text_hex(r->frame.data, r->frame.len, hex);
        strncat(hex, "\n", 2);
        int rc = file_write(home_path("conf/node.key", path), hex, strlen(hex), 0600, err);
        explicit_bzero(hex, sizeof hex);
        return rc;
    }
    if (kind == BACKUP_CONFIG && access(home_path("conf/isthmus-site.properties", path), F_OK) != 0)
        return file_write(path, buf_str(&r->frame), r->frame.len, 0640, err);
    return 0;
}

static int restore_from(struct backup_reader *r, struct err *err)
{
    struct meta_options options;
    enum backup_frame kind;
    do {
        TRY(backup_reader_next(r, &kind, err));
        TRY(place_frame(r, kind, err));
    } while (kind != BACKUP_DATABASE);
    home_meta_options(&options);
    return meta_restore(&options, &r->source, err);
}

int home_restore(const char *file, const char *passphrase, struct err *err)
{
    struct backup_reader r;
    AUTO_FD int fd = open(file, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_set_errno(err, ERR_OK, errno, "cannot open %s", file);
    if (home_is_formatted())
        return err_set(err, ERR_ALREADY_EXISTS, "%s holds a namespace already; restore into an empty home", conf_text(CONF_HOME));
    TRY(file_mkdirs(conf_text(CONF_HOME), 0750, err));
    TRY(home_lock(err));
    TRY(make_folders(err));
    TRY(make_certificate(err));
    struct fd_source from = {.source = {.pull = fd_pull, .length = -1}, .fd = fd};
    int rc = backup_reader_begin(&r, passphrase, &from.source, err);
    if (!rc)
        rc = restore_from(&r, err);
    backup_reader_done(&r);
    return rc;
}
