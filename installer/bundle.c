/* SPDX-License-Identifier: Apache-2.0
 *
 * bundle: the only file of the installer that knows libarchive.  It writes and reads .tar.gz; what
 * goes into one is the manifest's matter.  Threads: one.
 */
#include "installer/bundle.h"

#include "base/mem.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CHUNK = 64 * 1024 };

static int archive_err(struct err *err, struct archive *a, const char *what, const char *name)
{
    const char *why = archive_error_string(a);
    return err_set(err, ERR_IO, "%s %s: %s", what, name, why != NULL ? why : "unknown error");
}

/* ---- writing ---- */

static int copy_in(struct archive *a, int fd, uint64_t size, const char *path, struct err *err)
{
    AUTO_FREE char *chunk = xmalloc(CHUNK);
    uint64_t done = 0;

    while (done < size) {
        ssize_t n = read(fd, chunk, CHUNK);
        if (n < 0)
            return err_set_errno(err, ERR_OK, errno, "cannot read %s", path);
        if (n == 0)
            return err_set(err, ERR_IO, "%s became shorter while it was packed", path);
        if (archive_write_data(a, chunk, (size_t)n) != n)
            return archive_err(err, a, "cannot pack", path);
        done += (uint64_t)n;
    }
    return 0;
}

static int open_source(const char *path, int *ret_fd, uint64_t *ret_size, struct err *err)
{
    struct stat st;
    AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0 || fstat(fd, &st) < 0)
        return err_set_errno(err, ERR_OK, errno, "cannot read %s", path);
    if (!S_ISREG(st.st_mode))
        return err_set(err, ERR_INVALID_ARGUMENT, "%s is not a file", path);
    *ret_size = (uint64_t)st.st_size;
    *ret_fd = fd;
    fd = -1;
    return 0;
}

static void describe(struct archive_entry *to, const struct manifest_entry *e, uint64_t size,
                     int64_t epoch_s)
{
    archive_entry_set_pathname(to, e->path);
    archive_entry_set_perm(to, (mode_t)e->mode);
    archive_entry_set_mtime(to, (time_t)epoch_s, 0);
    archive_entry_set_uid(to, 0);
    archive_entry_set_gid(to, 0);
    archive_entry_set_size(to, (int64_t)size);
    if (e->kind == MANIFEST_DIR)
        archive_entry_set_filetype(to, AE_IFDIR);
    else if (e->kind == MANIFEST_FILE)
        archive_entry_set_filetype(to, AE_IFREG);
    else {
        archive_entry_set_filetype(to, AE_IFLNK);
        archive_entry_set_symlink(to, e->source);
    }
}

static int write_entry(struct archive *a, const struct manifest_entry *e, int64_t epoch_s,
                       struct err *err)
{
    AUTO_FD int fd = -1;
    uint64_t size = 0;

    if (e->kind == MANIFEST_FILE)
        TRY(open_source(e->source, &fd, &size, err));
    struct archive_entry *header = archive_entry_new();
    describe(header, e, size, epoch_s);
    int rc = archive_write_header(a, header);
    archive_entry_free(header);
    if (rc != ARCHIVE_OK)
        return archive_err(err, a, "cannot pack", e->path);
    return fd >= 0 ? copy_in(a, fd, size, e->source, err) : 0;
}

static int write_all(struct archive *a, const struct manifest *m, const char *out, int64_t epoch_s,
                     struct err *err)
{
    if (archive_write_set_format_ustar(a) != ARCHIVE_OK || archive_write_add_filter_gzip(a) != ARCHIVE_OK ||
        archive_write_set_options(a, "gzip:!timestamp,gzip:compression-level=9") != ARCHIVE_OK ||
        archive_write_open_filename(a, out) != ARCHIVE_OK)
        return archive_err(err, a, "cannot write", out);
    for (size_t i = 0; i < m->count; i++)
        TRY(write_entry(a, &m->entries[i], epoch_s, err));
    if (archive_write_close(a) != ARCHIVE_OK)
        return archive_err(err, a, "cannot write", out);
    return 0;
}

int bundle_create(const struct manifest *m, const char *out, int64_t epoch_s, struct err *err)
{
    AUTO_FREE char *part = xasprintf("%s.part", out);
    struct archive *a = archive_write_new();
    int rc = write_all(a, m, part, epoch_s, err);

    archive_write_free(a);
    if (rc == 0 && rename(part, out) < 0)
        rc = err_set_errno(err, ERR_OK, errno, "cannot name the archive %s", out);
    if (rc < 0)
        unlink(part);
    return rc;
}

/* ---- reading ---- */

static int open_archive(const char *file, struct archive **ret, struct err *err)
{
    struct archive *a = archive_read_new();
    if (archive_read_support_format_tar(a) != ARCHIVE_OK ||
        archive_read_support_filter_gzip(a) != ARCHIVE_OK ||
        archive_read_open_filename(a, file, CHUNK) != ARCHIVE_OK) {
        int rc = archive_err(err, a, "cannot read", file);
        archive_read_free(a);
        return rc;
    }
    *ret = a;
    return 0;
}

/* 1 with the next entry, 0 at the end. */
static int next_entry(struct archive *a, const char *file, struct archive_entry **ret, struct err *err)
{
    int rc = archive_read_next_header(a, ret);
    if (rc == ARCHIVE_EOF)
        return 0;
    if (rc != ARCHIVE_OK)
        return archive_err(err, a, "cannot read", file);
    return 1;
}

int bundle_list(const char *archive, FILE *to, struct err *err)
{
    struct archive *a = NULL;
    struct archive_entry *e = NULL;
    int rc;

    TRY(open_archive(archive, &a, err));
    while ((rc = next_entry(a, archive, &e, err)) == 1) {
        const char *target = archive_entry_symlink(e);
        fprintf(to, "%s %10" PRId64 " %s%s%s\n", archive_entry_strmode(e), (int64_t)archive_entry_size(e),
                archive_entry_pathname(e), target != NULL ? " -> " : "", target != NULL ? target : "");
    }
    archive_read_free(a);
    return rc;
}

static int extract_entries(struct archive *from, struct archive *to, const char *file, const char *dir,
                           struct err *err)
{
    struct archive_entry *e = NULL;
    int rc;

    while ((rc = next_entry(from, file, &e, err)) == 1) {
        const char *name = archive_entry_pathname(e);
        if (name[0] == '/')
            return err_set(err, ERR_CORRUPT, "%s holds the absolute path '%s'", file, name);
        AUTO_FREE char *path = xasprintf("%s/%s", dir, name);
        archive_entry_set_pathname(e, path);
        if (archive_read_extract2(from, e, to) != ARCHIVE_OK)
            return archive_err(err, from, "cannot unpack", path);
    }
    return rc;
}

int bundle_extract(const char *archive, const char *dir, struct err *err)
{
    struct archive *from = NULL;
    char real[PATH_MAX];

    /* a link on the way to `dir` is the caller's own; libarchive would refuse it */
    if (realpath(dir, real) == NULL)
        return err_set_errno(err, ERR_OK, errno, "no folder %s", dir);
    TRY(open_archive(archive, &from, err));
    struct archive *to = archive_write_disk_new();
    archive_write_disk_set_options(to, ARCHIVE_EXTRACT_PERM | ARCHIVE_EXTRACT_TIME |
                                           ARCHIVE_EXTRACT_SECURE_NODOTDOT |
                                           ARCHIVE_EXTRACT_SECURE_SYMLINKS | ARCHIVE_EXTRACT_UNLINK);
    int rc = extract_entries(from, to, archive, real, err);
    if (rc == 0 && archive_write_close(to) != ARCHIVE_OK)
        rc = archive_err(err, to, "cannot unpack into", real);
    archive_write_free(to);
    archive_read_free(from);
    return rc;
}

/* ---- comparing ---- */

static int same_bytes(struct archive *a, const struct manifest_entry *want, struct err *err)
{
    AUTO_FREE char *have = xmalloc(CHUNK), *expected = xmalloc(CHUNK);
    AUTO_FD int fd = -1;
    uint64_t size = 0, done = 0;
    la_ssize_t n;

    TRY(open_source(want->source, &fd, &size, err));
    while ((n = archive_read_data(a, have, CHUNK)) > 0) {
        if (pread(fd, expected, (size_t)n, (off_t)done) != n || memcmp(have, expected, (size_t)n) != 0)
            return err_set(err, ERR_CORRUPT, "'%s' differs from %s", want->path, want->source);
        done += (uint64_t)n;
    }
    if (n < 0)
        return archive_err(err, a, "cannot read", want->path);
    if (done != size)
        return err_set(err, ERR_CORRUPT, "'%s' is shorter than %s", want->path, want->source);
    return 0;
}

static unsigned type_of(const struct manifest_entry *e)
{
    return e->kind == MANIFEST_DIR ? AE_IFDIR : e->kind == MANIFEST_FILE ? AE_IFREG : AE_IFLNK;
}

static int verify_entry(struct archive *a, struct archive_entry *e, const struct manifest *m, struct err *err)
{
    AUTO_FREE char *name = xstrdup(archive_entry_pathname(e));
    size_t len = strlen(name);
    if (len > 1 && name[len - 1] == '/')
        name[len - 1] = '\0'; /* tar ends a folder's name so */

    const struct manifest_entry *want = manifest_lookup(m, name);
    if (want == NULL)
        return err_set(err, ERR_CORRUPT, "'%s' is not in the manifest", name);
    if (archive_entry_filetype(e) != type_of(want))
        return err_set(err, ERR_CORRUPT, "'%s' is of another kind", name);
    if (want->kind == MANIFEST_LINK)
        return strcmp(archive_entry_symlink(e), want->source) == 0
                   ? 0
                   : err_set(err, ERR_CORRUPT, "'%s' points elsewhere", name);
    if (archive_entry_perm(e) != want->mode)
        return err_set(err, ERR_CORRUPT, "'%s' has mode %o, not %o", name,
                       (unsigned)archive_entry_perm(e), want->mode);
    return want->kind == MANIFEST_FILE ? same_bytes(a, want, err) : 0;
}

int bundle_verify(const char *archive, const struct manifest *m, struct err *err)
{
    struct archive *a = NULL;
    struct archive_entry *e = NULL;
    size_t seen = 0;
    int rc;

    TRY(open_archive(archive, &a, err));
    while ((rc = next_entry(a, archive, &e, err)) == 1) {
        rc = verify_entry(a, e, m, err);
        if (rc < 0)
            break;
        seen++;
    }
    archive_read_free(a);
    if (rc == 0 && seen != m->count)
        rc = err_set(err, ERR_CORRUPT, "%s holds %zu entries, the manifest %zu", archive, seen, m->count);
    return rc;
}
