/* SPDX-License-Identifier: Apache-2.0
 *
 * db: schema, settings of a connection, statements prepared when first used.
 * The database is WAL with synchronous=NORMAL: what is durable is the journal.  After a power cut the
 * database is behind the log, never ahead, and the rest is applied again.
 */
#include "meta/db.h"

#include "base/file_util.h"
#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SCHEMA_VERSION 1
#define BUSY_MS 10000

static const char schema[] =
    "PRAGMA page_size=4096;"
    "PRAGMA journal_mode=WAL;"
    "BEGIN IMMEDIATE;"
    "CREATE TABLE dentry(parent INTEGER NOT NULL, name BLOB NOT NULL, ino INTEGER NOT NULL, type INTEGER NOT NULL,"
    " PRIMARY KEY(parent,name)) WITHOUT ROWID;"
    "CREATE TABLE inode(ino INTEGER PRIMARY KEY, v BLOB NOT NULL);"
    "CREATE TABLE attr(ino INTEGER NOT NULL, name BLOB NOT NULL, value BLOB NOT NULL, PRIMARY KEY(ino,name)) WITHOUT ROWID;"
    "CREATE TABLE record(kind INTEGER NOT NULL, key BLOB NOT NULL, value BLOB NOT NULL, PRIMARY KEY(kind,key)) WITHOUT ROWID;"
    "CREATE TABLE mark(kind INTEGER NOT NULL, at INTEGER NOT NULL, ino INTEGER NOT NULL, PRIMARY KEY(kind,at,ino)) WITHOUT ROWID;"
    "CREATE INDEX mark_ino ON mark(ino);"
    "CREATE TABLE principal(id INTEGER PRIMARY KEY, name BLOB NOT NULL);"
    "CREATE TABLE operation(client INTEGER PRIMARY KEY, last INTEGER NOT NULL, bits BLOB NOT NULL);"
    "CREATE TABLE state(name TEXT PRIMARY KEY, value) WITHOUT ROWID;"
    "PRAGMA user_version=1;"
    "COMMIT;";

static const char *const texts[] = {
#define X(name, text) text,
    DB_QUERIES(X)
#undef X
};

static enum err_code code_of(int rc)
{
    switch (rc & 0xff) {
    case SQLITE_FULL:
        return ERR_NO_SPACE;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return ERR_CORRUPT;
    case SQLITE_BUSY:
        return ERR_UNAVAILABLE;
    default:
        return ERR_IO;
    }
}

int db_error(struct db *d, const char *what, struct err *err)
{
    return err_set(err, code_of(sqlite3_extended_errcode(d->h)), "the metadata database failed (%s): %s", what,
                   sqlite3_errmsg(d->h));
}

int db_pragma(struct db *d, const char *text, struct err *err)
{
    if (sqlite3_exec(d->h, text, NULL, NULL, NULL) != SQLITE_OK)
        return db_error(d, text, err);
    return 0;
}

static int open_handle(struct db *d, const char *path, int flags, struct err *err)
{
    memset(d, 0, sizeof *d);
    if (sqlite3_open_v2(path, &d->h, flags | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK) {
        int rc = err_set(err, code_of(sqlite3_errcode(d->h)), "cannot open the metadata database '%s': %s", path,
                         sqlite3_errmsg(d->h));
        db_close(d);
        return rc;
    }
    sqlite3_busy_timeout(d->h, BUSY_MS);
    return 0;
}

int db_create(const char *path, struct err *err)
{
    struct db d;
    if (access(path, F_OK) == 0)
        return err_set(err, ERR_ALREADY_EXISTS, "there is a metadata database '%s' already", path);
    TRY(open_handle(&d, path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, err));
    int rc = db_pragma(&d, schema, err);
    db_close(&d);
    return rc;
}

static int set_up(struct db *d, bool is_writer, uint64_t cache_bytes, struct err *err)
{
    char text[200];
    snprintf(text, sizeof text,
             "PRAGMA cache_size=-%llu; PRAGMA wal_autocheckpoint=0; PRAGMA synchronous=NORMAL; PRAGMA secure_delete=off;"
             "PRAGMA mmap_size=0; PRAGMA temp_store=memory;",
             (unsigned long long)(cache_bytes >> 10));
    TRY(db_pragma(d, text, err));
    return is_writer ? 0 : db_pragma(d, "PRAGMA query_only=1;", err);
}

/* -1: it cannot be read */
static int pragma_number(struct db *d, const char *text)
{
    sqlite3_stmt *s = NULL;
    int n = -1;
    if (sqlite3_prepare_v2(d->h, text, -1, &s, NULL) == SQLITE_OK && sqlite3_step(s) == SQLITE_ROW)
        n = sqlite3_column_int(s, 0);
    sqlite3_finalize(s);
    return n;
}

static int check_version(struct db *d, const char *path, struct err *err)
{
    int version = pragma_number(d, "PRAGMA user_version"), page_bytes = pragma_number(d, "PRAGMA page_size");
    d->page_bytes = (uint32_t)page_bytes;
    if (version < 0 || page_bytes < 0)
        return db_error(d, path, err);
    if (version == 0)
        return err_set(err, ERR_CORRUPT, "'%s' is not a metadata database", path);
    if (version > SCHEMA_VERSION)
        return err_set(err, ERR_CONFIG, "the metadata database '%s' was written by a newer release", path);
    return 0;
}

int db_open(struct db *d, const char *path, bool is_writer, uint64_t cache_bytes, struct err *err)
{
    memset(d, 0, sizeof *d);
    if (access(path, F_OK) != 0)
        return err_set(err, ERR_NOT_FOUND, "there is no metadata database '%s'", path);
    TRY(open_handle(d, path, SQLITE_OPEN_READWRITE, err)); /* readers of a WAL need its index file */
    int rc = check_version(d, path, err);
    if (rc == 0)
        rc = set_up(d, is_writer, cache_bytes, err);
    if (rc < 0)
        db_close(d);
    return rc;
}

void db_close(struct db *d)
{
    for (int q = 0; q < Q_COUNT_; q++)
        sqlite3_finalize(d->statements[q]);
    sqlite3_close(d->h);
    memset(d, 0, sizeof *d);
}

static int bind_values(struct db *d, sqlite3_stmt *s, const char *types, va_list ap, struct err *err)
{
    int rc = SQLITE_OK;
    for (int i = 0; types[i] && rc == SQLITE_OK; i++) {
        if (types[i] == 'i') {
            rc = sqlite3_bind_int64(s, i + 1, va_arg(ap, int64_t));
            continue;
        }
        const void *data = va_arg(ap, const void *);
        size_t len = va_arg(ap, size_t);
        if (types[i] == 't')
            rc = sqlite3_bind_text(s, i + 1, data, (int)len, SQLITE_STATIC);
        else
            rc = sqlite3_bind_blob64(s, i + 1, len ? data : "", len, SQLITE_STATIC);
    }
    return rc == SQLITE_OK ? 0 : db_error(d, sqlite3_sql(s), err);
}

static int bind_all(struct db *d, enum db_query q, sqlite3_stmt **ret, struct err *err, const char *types, va_list ap)
{
    sqlite3_stmt *s = d->statements[q];
    if (!s) {
        if (sqlite3_prepare_v3(d->h, texts[q], -1, SQLITE_PREPARE_PERSISTENT, &s, NULL) != SQLITE_OK)
            return db_error(d, texts[q], err);
        d->statements[q] = s;
    } else {
        sqlite3_reset(s);
    }
    *ret = s;
    return bind_values(d, s, types, ap, err);
}

int db_bind(struct db *d, enum db_query q, sqlite3_stmt **ret, struct err *err, const char *types, ...)
{
    va_list ap;
    va_start(ap, types);
    int rc = bind_all(d, q, ret, err, types, ap);
    va_end(ap);
    return rc;
}

int db_step(struct db *d, sqlite3_stmt *s, struct err *err)
{
    int rc = sqlite3_step(s);
    if (rc == SQLITE_ROW)
        return 1;
    if (rc == SQLITE_DONE) {
        sqlite3_reset(s);
        return 0;
    }
    rc = db_error(d, sqlite3_sql(s), err);
    sqlite3_reset(s);
    return rc;
}

int db_run(struct db *d, enum db_query q, struct err *err, const char *types, ...)
{
    sqlite3_stmt *s;
    va_list ap;
    va_start(ap, types);
    int rc = bind_all(d, q, &s, err, types, ap);
    va_end(ap);
    if (rc == 0)
        while ((rc = db_step(d, s, err)) == 1)
            ;
    return rc;
}

int db_state_get(struct db *d, const char *name, int64_t *ret, struct err *err)
{
    sqlite3_stmt *s;
    TRY(db_bind(d, Q_STATE_GET, &s, err, "t", name, strlen(name)));
    int rc = db_step(d, s, err);
    *ret = rc == 1 ? sqlite3_column_int64(s, 0) : 0;
    sqlite3_reset(s);
    return rc < 0 ? rc : 0;
}

int db_state_put(struct db *d, const char *name, int64_t value, struct err *err)
{
    return db_run(d, Q_STATE_PUT, err, "ti", name, strlen(name), value);
}
