/* SPDX-License-Identifier: Apache-2.0
 *
 * backup: the database as one stream: head, pages, digest.  The copy is made into a temporary file
 * beside the database within one read transaction while writers go on, then streamed; the sink may be slow.
 * Restore checks the digest and the database before it gives it a name and a new log.  Threads: any.
 *
 * Stream: "ISTHMUSB", version, index, bytes of the database (8 bytes each, little-endian), the database
 * file, SHA-256 of all that came before.
 */
#include "meta/meta_parts.h"

#include "base/clock.h"
#include "base/crypto.h"
#include "base/fault.h"
#include "base/file_util.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC "ISTHMUSB"
#define VERSION 1
#define HEAD 32
#define CHUNK (256u << 10)
#define STEP_PAGES 512
#define INDEX_GAP (1ll << 32) /* the lost store may have gone on: stamps and ids must not come again */
#define ID_GAP (1ll << 26)

/* ---- out ---- */

struct stream {
    struct sink *to;
    struct crypto_digest *digest;
};

static int push(struct stream *s, const void *data, size_t len, struct err *err)
{
    struct slice slice = {.mem = data, .fd = -1, .len = len};
    crypto_digest_add(s->digest, data, len);
    return s->to->push(s->to, &slice, err);
}

static void put_u64(uint8_t *to, uint64_t v)
{
    for (int i = 0; i < 8; i++)
        to[i] = (uint8_t)(v >> (8 * i));
}

static uint64_t get_u64(const uint8_t *p)
{
    uint64_t v = 0;
    for (int i = 0; i < 8; i++)
        v |= (uint64_t)p[i] << (8 * i);
    return v;
}

static int copy_steps(sqlite3_backup *b, int64_t deadline_ms, struct err *err)
{
    int rc;
    do {
        rc = sqlite3_backup_step(b, STEP_PAGES);
        FAULT("meta.during_backup");
        if (rc == SQLITE_OK && clock_is_past(deadline_ms))
            return err_set(err, ERR_TIMEOUT, "the backup was not done in time");
    } while (rc == SQLITE_OK);
    return rc == SQLITE_DONE ? 0 : err_set(err, ERR_IO, "the metadata database cannot be copied: %s", sqlite3_errstr(rc));
}

/* The source is within a read transaction: all steps see the same pages. */
static int copy_database(struct db *from, const char *path, int64_t deadline_ms, struct err *err)
{
    sqlite3 *to = NULL;
    int rc = sqlite3_open_v2(path, &to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);
    sqlite3_backup *b = rc == SQLITE_OK ? sqlite3_backup_init(to, "main", from->h, "main") : NULL;
    if (!b)
        rc = err_set(err, ERR_IO, "cannot write the copy '%s': %s", path, sqlite3_errmsg(to));
    else
        rc = copy_steps(b, deadline_ms, err);
    if (b && sqlite3_backup_finish(b) != SQLITE_OK && rc == 0)
        rc = err_set(err, ERR_IO, "the copy '%s' was not finished", path);
    sqlite3_close(to);
    return rc;
}

static int stream_file(struct stream *s, int fd, uint64_t size, int64_t deadline_ms, struct err *err)
{
    AUTO_FREE char *chunk = xmalloc(CHUNK);
    for (uint64_t at = 0; at < size;) {
        size_t len = size - at < CHUNK ? (size_t)(size - at) : CHUNK;
        if (clock_is_past(deadline_ms))
            return err_set(err, ERR_TIMEOUT, "the backup was not sent in time");
        TRY(file_pread_all(fd, chunk, len, at, err));
        TRY(push(s, chunk, len, err));
        at += len;
    }
    return 0;
}

static int stream_copy(const char *path, uint64_t index, int64_t deadline_ms, struct sink *to, struct err *err)
{
    uint8_t head[HEAD] = MAGIC, digest[SHA256_LEN];
    struct stat sb;
    AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &sb) < 0)
        return err_set_errno(err, ERR_OK, errno, "cannot read the copy '%s'", path);
    put_u64(head + 8, VERSION);
    put_u64(head + 16, index);
    put_u64(head + 24, (uint64_t)sb.st_size);
    struct stream s = {to, crypto_digest_new("sha256")};
    int rc = push(&s, head, sizeof head, err);
    if (rc == 0)
        rc = stream_file(&s, fd, (uint64_t)sb.st_size, deadline_ms, err);
    crypto_digest_end(s.digest, digest);
    crypto_digest_free(s.digest);
    struct slice end = {.mem = digest, .fd = -1, .len = sizeof digest};
    return rc == 0 ? to->push(to, &end, err) : rc;
}

int meta_backup(struct meta *m, int64_t deadline_ms, struct sink *to, uint64_t *ret_index, struct err *err)
{
    struct db *db;
    uint64_t index = 0;
    AUTO_FREE char *path = xasprintf("%s/backup-%llx.tmp", m->dir, (unsigned long long)clock_mono_us());
    TRY(read_begin(m, &db, &index, err));
    int rc = copy_database(db, path, deadline_ms, err);
    readers_give(m->readers, db);
    if (rc == 0)
        rc = stream_copy(path, index, deadline_ms, to, err);
    meta_remove_db(path);
    if (rc == 0 && ret_index)
        *ret_index = index;
    return rc;
}

/* ---- in ---- */

static int corrupt(struct err *err, const char *why)
{
    return err_set(err, ERR_CORRUPT, "this is not a whole backup: %s", why);
}

/* Fills `to`; what the stream lacks is an error. */
static int pull_all(struct source *from, void *to, size_t len, struct err *err)
{
    for (size_t at = 0, n = 0; at < len; at += n) {
        TRY(from->pull(from, (char *)to + at, len - at, &n, err));
        if (!n)
            return corrupt(err, "it ends early");
    }
    return 0;
}

static int pull_file(struct source *from, int fd, uint64_t size, struct crypto_digest *digest, struct err *err)
{
    AUTO_FREE char *chunk = xmalloc(CHUNK);
    for (uint64_t at = 0; at < size;) {
        size_t len = size - at < CHUNK ? (size_t)(size - at) : CHUNK;
        TRY(pull_all(from, chunk, len, err));
        TRY(file_pwrite_all(fd, chunk, len, at, err));
        crypto_digest_add(digest, chunk, len);
        at += len;
    }
    return fsync(fd) < 0 ? err_set_errno(err, ERR_OK, errno, "cannot write the restored database") : 0;
}

static int pull_checked(struct source *from, int fd, struct crypto_digest *digest, struct err *err)
{
    uint8_t head[HEAD], want[SHA256_LEN], got[SHA256_LEN];
    TRY(pull_all(from, head, sizeof head, err));
    if (memcmp(head, MAGIC, 8) != 0)
        return corrupt(err, "its head is another one");
    if (get_u64(head + 8) != VERSION)
        return err_set(err, ERR_NOT_SUPPORTED, "this backup was made by another release");
    crypto_digest_add(digest, head, sizeof head);
    TRY(pull_file(from, fd, get_u64(head + 24), digest, err));
    crypto_digest_end(digest, got);
    TRY(pull_all(from, want, sizeof want, err));
    if (memcmp(want, got, sizeof got) != 0)
        return corrupt(err, "its checksum differs");
    size_t more = 0;
    TRY(from->pull(from, head, sizeof head, &more, err)); /* lets the one below see its own end */
    return more ? corrupt(err, "it goes on behind its end") : 0;
}

static int receive(struct source *from, const char *path, struct err *err)
{
    AUTO_FD int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_set_errno(err, ERR_OK, errno, "cannot write '%s'", path);
    struct crypto_digest *digest = crypto_digest_new("sha256");
    int rc = pull_checked(from, fd, digest, err);
    crypto_digest_free(digest);
    return rc;
}

/* A new log whose indices and a range of ids that lie above all that the lost store can have used. */
static int open_incarnation(struct db *db, struct err *err)
{
    int64_t applied, next_id, incarnation, now = clock_wall_ms();
    TRY(db_pragma(db, "PRAGMA journal_mode=WAL", err));
    TRY(db_state_get(db, "applied", &applied, err));
    TRY(db_state_get(db, "next_id", &next_id, err));
    TRY(db_state_get(db, "incarnation", &incarnation, err));
    TRY(db_state_put(db, "next_id", next_id + ID_GAP, err));
    TRY(db_state_put(db, "first_id", next_id + ID_GAP, err));
    return meta_new_log(db, applied + INDEX_GAP, incarnation >= now ? incarnation + 1 : now, err);
}

static int check_pages(struct db *db, struct err *err)
{
    sqlite3_stmt *s;
    TRY(db_bind(db, Q_QUICK_CHECK, &s, err, ""));
    int rc = db_step(db, s, err);
    bool is_good = rc == 1 && !strcmp((const char *)sqlite3_column_text(s, 0) ?: "", "ok");
    sqlite3_reset(s);
    if (rc < 0)
        return rc;
    return is_good ? 0 : corrupt(err, "the database in it is damaged");
}

static int renew(const char *path, struct err *err)
{
    struct db db;
    TRY(db_open(&db, path, true, 4 << 20, err));
    int rc = check_pages(&db, err);
    if (rc == 0)
        rc = open_incarnation(&db, err);
    db_close(&db);
    return rc;
}

int meta_restore(const struct meta_options *o, struct source *from, struct err *err)
{
    AUTO_FREE char *path = meta_db_path(o->dir);
    AUTO_FREE char *fresh = xasprintf("%s.new", path);
    if (access(path, F_OK) == 0)
        return err_set(err, ERR_ALREADY_EXISTS, "there is a metadata database '%s' already", path);
    TRY(file_mkdirs(o->dir, 0700, err));
    meta_remove_db(fresh);
    int rc = receive(from, fresh, err);
    if (rc == 0)
        rc = renew(fresh, err);
    if (rc == 0)
        rc = meta_install(fresh, o, err);
    if (rc < 0)
        meta_remove_db(fresh);
    return rc;
}
