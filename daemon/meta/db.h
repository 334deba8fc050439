/* SPDX-License-Identifier: Apache-2.0
 *
 * db: one connection to the database with its prepared statements.  All SQL text of the service is the
 * table below and the schema in db.c.  Threads: one at a time for each connection.
 */
#pragma once
#include "base/err.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#define DB_QUERIES(X)                                                                              \
    X(BEGIN_READ, "BEGIN")                                                                         \
    X(BEGIN_WRITE, "BEGIN IMMEDIATE")                                                              \
    X(COMMIT, "COMMIT")                                                                            \
    X(ROLLBACK, "ROLLBACK")                                                                        \
    X(STATE_GET, "SELECT value FROM state WHERE name=?1")                                          \
    X(STATE_PUT, "INSERT OR REPLACE INTO state(name,value) VALUES(?1,?2)")                         \
    X(APPLIED, "SELECT value FROM state WHERE name='applied'")                                     \
    X(INODE_GET, "SELECT v FROM inode WHERE ino=?1")                                               \
    X(INODE_PUT, "INSERT OR REPLACE INTO inode(ino,v) VALUES(?1,?2)")                              \
    X(INODE_REMOVE, "DELETE FROM inode WHERE ino=?1")                                              \
    X(INODES_PAGE, "SELECT ino,v FROM inode WHERE ino>?1 ORDER BY ino LIMIT ?2")                   \
    X(DENTRY_GET, "SELECT ino,type FROM dentry WHERE parent=?1 AND name=?2")                       \
    X(DENTRY_PUT, "INSERT OR REPLACE INTO dentry(parent,name,ino,type) VALUES(?1,?2,?3,?4)")       \
    X(DENTRY_REMOVE, "DELETE FROM dentry WHERE parent=?1 AND name=?2")                             \
    X(DENTRY_OF, "SELECT name FROM dentry WHERE parent=?1 AND ino=?2 LIMIT 1")                     \
    X(DENTRY_ANY, "SELECT parent,name FROM dentry WHERE ino=?1 LIMIT 1")                           \
    X(DENTRY_SKIP, "SELECT name FROM dentry WHERE parent=?1 AND name>?2 ORDER BY name LIMIT 1 OFFSET ?3") \
    X(DENTRY_FIRST, "SELECT name FROM dentry WHERE parent=?1 ORDER BY name LIMIT 1 OFFSET ?2")     \
    X(DENTRY_COUNT, "SELECT count(*) FROM dentry WHERE parent=?1")                                 \
    X(LIST, "SELECT name,ino,type FROM dentry WHERE parent=?1 AND name>?2 ORDER BY name LIMIT ?3 OFFSET ?4") \
    X(LIST_INODES, "SELECT d.name,d.ino,d.type,i.v FROM dentry d CROSS JOIN inode i ON i.ino=d.ino " \
                   "WHERE d.parent=?1 AND d.name>?2 ORDER BY d.name LIMIT ?3 OFFSET ?4")           \
    X(ATTR_GET, "SELECT value FROM attr WHERE ino=?1 AND name=?2")                                 \
    X(ATTR_PUT, "INSERT OR REPLACE INTO attr(ino,name,value) VALUES(?1,?2,?3)")                    \
    X(ATTR_REMOVE, "DELETE FROM attr WHERE ino=?1 AND name=?2")                                    \
    X(ATTRS_REMOVE, "DELETE FROM attr WHERE ino=?1")                                               \
    X(ATTRS_PAGE, "SELECT name,value FROM attr WHERE ino=?1 AND name>?2 ORDER BY name LIMIT ?3")   \
    X(RECORD_GET, "SELECT value FROM record WHERE kind=?1 AND key=?2")                             \
    X(RECORD_PUT, "INSERT OR REPLACE INTO record(kind,key,value) VALUES(?1,?2,?3)")                \
    X(RECORD_REMOVE, "DELETE FROM record WHERE kind=?1 AND key=?2")                                \
    X(RECORDS_PAGE, "SELECT key,value FROM record WHERE kind=?1 AND key>?2 ORDER BY key LIMIT ?3") \
    X(MARK_PUT, "INSERT OR REPLACE INTO mark(kind,at,ino) VALUES(?1,?2,?3)")                       \
    X(MARK_REMOVE, "DELETE FROM mark WHERE kind=?1 AND at=?2 AND ino=?3")                          \
    X(MARKS_REMOVE, "DELETE FROM mark WHERE ino=?1")                                               \
    X(MARKS, "SELECT at,ino FROM mark WHERE kind=?1 AND at<=?2 ORDER BY at,ino LIMIT ?3")          \
    X(MARKS_LOST, "SELECT kind,at,ino FROM mark WHERE ino NOT IN (SELECT ino FROM inode)")         \
    X(PRINCIPAL_GET, "SELECT name FROM principal WHERE id=?1")                                     \
    X(PRINCIPAL_PUT, "INSERT OR REPLACE INTO principal(id,name) VALUES(?1,?2)")                    \
    X(PRINCIPALS, "SELECT id,name FROM principal ORDER BY id")                                     \
    X(OPERATION_GET, "SELECT last,bits FROM operation WHERE client=?1")                            \
    X(OPERATION_PUT, "INSERT OR REPLACE INTO operation(client,last,bits) VALUES(?1,?2,?3)")        \
    X(DENTRY_LOST, "SELECT parent,name,ino FROM dentry WHERE ino NOT IN (SELECT ino FROM inode)")  \
    X(INODE_NAMELESS, "SELECT ino,v FROM inode WHERE ino<>?1 AND ino NOT IN (SELECT ino FROM dentry)") \
    X(QUICK_CHECK, "PRAGMA quick_check(1)")                                                        \
    X(INTEGRITY, "PRAGMA integrity_check(100)")

enum db_query {
#define X(name, text) Q_##name,
    DB_QUERIES(X)
#undef X
    Q_COUNT_
};

struct db {
    sqlite3 *h;
    sqlite3_stmt *statements[Q_COUNT_];
    uint32_t page_bytes;
};

/* Makes an empty database with the schema. ERR_ALREADY_EXISTS. */
int db_create(const char *path, struct err *err) must_use;
/* ERR_NOT_FOUND; ERR_CORRUPT; ERR_CONFIG when its schema is of a newer release. */
int db_open(struct db *d, const char *path, bool is_writer, uint64_t cache_bytes, struct err *err) must_use;
void db_close(struct db *d); /* accepts a zeroed struct */

/* Says what went wrong on this connection. */
int db_error(struct db *d, const char *what, struct err *err);
/* The statement with its values bound: `types` "i" int64_t, "b" const void * and size_t (as a blob). Never needs a reset before. */
int db_bind(struct db *d, enum db_query q, sqlite3_stmt **ret, struct err *err, const char *types, ...) must_use;
int db_step(struct db *d, sqlite3_stmt *s, struct err *err) must_use; /* 1: a row; 0: no more, and reset */
/* Binds, runs to the end. */
int db_run(struct db *d, enum db_query q, struct err *err, const char *types, ...) must_use;
int db_state_get(struct db *d, const char *name, int64_t *ret, struct err *err) must_use; /* absent: 0 */
int db_state_put(struct db *d, const char *name, int64_t value, struct err *err) must_use;
int db_pragma(struct db *d, const char *text, struct err *err) must_use;
