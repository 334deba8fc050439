/* SPDX-License-Identifier: Apache-2.0
 *
 * verify: is the state what its invariants say?  Reads in one transaction on a read connection; the
 * findings are collected first and told after it.  Threads: any; slow on purpose, for doctors.
 */
#include "meta/meta_parts.h"

#include "base/mem.h"
#include "meta/inode_row.h"

#include <string.h>

#define FINDINGS_MAX (1u << 20) /* bytes of text; more findings than that are the same news */

struct check {
    struct db *db;
    struct buf findings; /* code, 0, text, 0 … */
    struct apply_state counts;
};

static void found(struct check *c, const char *code, const char *text)
{
    if (c->findings.len > FINDINGS_MAX)
        return;
    buf_add(&c->findings, code, strlen(code) + 1);
    buf_add(&c->findings, text, strlen(text) + 1);
}

static void found_inode(struct check *c, const char *code, inode_id ino, const char *what)
{
    AUTO_FREE char *text = xasprintf("inode %llu %s", (unsigned long long)ino, what);
    found(c, code, text);
}

static int check_pages(struct check *c, struct err *err)
{
    sqlite3_stmt *s;
    int rc;
    TRY(db_bind(c->db, Q_INTEGRITY, &s, err, ""));
    while ((rc = db_step(c->db, s, err)) == 1) {
        const char *text = (const char *)sqlite3_column_text(s, 0);
        if (text && strcmp(text, "ok") != 0)
            found(c, "database_damaged", text);
    }
    return rc;
}

static int check_dentries(struct check *c, struct err *err)
{
    sqlite3_stmt *s;
    int rc;
    TRY(db_bind(c->db, Q_DENTRY_LOST, &s, err, ""));
    while ((rc = db_step(c->db, s, err)) == 1) {
        AUTO_FREE char *text = xasprintf("directory %lld names '%.*s', whose inode %lld does not exist",
                                         (long long)sqlite3_column_int64(s, 0), sqlite3_column_bytes(s, 1),
                                         (const char *)sqlite3_column_blob(s, 1), (long long)sqlite3_column_int64(s, 2));
        found(c, "dentry_without_inode", text);
    }
    return rc;
}

static int check_marks(struct check *c, struct err *err)
{
    sqlite3_stmt *s;
    int rc;
    TRY(db_bind(c->db, Q_MARKS_LOST, &s, err, ""));
    while ((rc = db_step(c->db, s, err)) == 1)
        found_inode(c, "mark_without_inode", (inode_id)sqlite3_column_int64(s, 2), "is queued and does not exist");
    return rc;
}

static int ask_number(struct db *db, enum db_query q, inode_id ino, uint64_t *ret, struct err *err)
{
    sqlite3_stmt *s;
    TRY(db_bind(db, q, &s, err, "i", (int64_t)ino));
    int rc = db_step(db, s, err);
    *ret = rc == 1 ? (uint64_t)sqlite3_column_int64(s, 0) : 0;
    sqlite3_reset(s);
    return rc < 0 ? rc : 0;
}

static int check_directory(struct check *c, const struct inode *i, struct err *err)
{
    uint64_t children;
    sqlite3_stmt *s;
    TRY(ask_number(c->db, Q_DENTRY_COUNT, i->ino, &children, err));
    if (children != i->length)
        found_inode(c, "count_wrong", i->ino, "has another number of children than it says");
    if (i->ino == INODE_ROOT || !i->parent)
        return 0;
    TRY(db_bind(c->db, Q_DENTRY_GET, &s, err, "ib", (int64_t)i->parent, i->name, strlen(i->name)));
    int rc = db_step(c->db, s, err);
    if ((rc == 0 || (inode_id)sqlite3_column_int64(s, 0) != i->ino) && !(i->flags & INODE_DETACHED))
        found_inode(c, "parent_wrong", i->ino, "is not where it says that it is");
    sqlite3_reset(s);
    return rc < 0 ? rc : 0;
}

static void count(struct apply_state *s, const struct inode *i)
{
    s->inodes++;
    s->files += i->type == INODE_FILE;
    s->directories += i->type == INODE_DIRECTORY;
    s->to_persist += i->persistence == PERSIST_TODO;
    s->lost += i->persistence == PERSIST_LOST;
    s->pinned += (i->flags & INODE_PINNED) != 0;
}

static int check_inode(struct check *c, inode_id ino, const void *row, size_t len, struct err *err)
{
    struct inode i;
    if (inode_row_unpack(ino, row, len, &i, NULL) < 0) {
        found_inode(c, "inode_damaged", ino, "cannot be read");
        return 0;
    }
    count(&c->counts, &i);
    return i.type == INODE_DIRECTORY ? check_directory(c, &i, err) : 0;
}

static int check_inodes(struct check *c, struct err *err)
{
    sqlite3_stmt *s;
    int rc;
    TRY(db_bind(c->db, Q_INODES_PAGE, &s, err, "ii", (int64_t)-1, (int64_t)-1));
    while ((rc = db_step(c->db, s, err)) == 1)
        TRY(check_inode(c, (inode_id)sqlite3_column_int64(s, 0), sqlite3_column_blob(s, 1), (size_t)sqlite3_column_bytes(s, 1), err));
    return rc;
}

static int check_names(struct check *c, struct err *err)
{
    sqlite3_stmt *s;
    int rc;
    struct inode i;
    TRY(db_bind(c->db, Q_INODE_NAMELESS, &s, err, "i", (int64_t)INODE_ROOT));
    while ((rc = db_step(c->db, s, err)) == 1) {
        inode_id ino = (inode_id)sqlite3_column_int64(s, 0);
        int bad = inode_row_unpack(ino, sqlite3_column_blob(s, 1), (size_t)sqlite3_column_bytes(s, 1), &i, NULL);
        if (bad == 0 && !(i.flags & INODE_DETACHED))
            found_inode(c, "inode_without_dentry", ino, "has no name");
    }
    return rc;
}

static int check_counts(struct check *c, struct err *err)
{
    static const struct {
        const char *name;
        size_t offset;
    } rows[] = {
        {"inodes", offsetof(struct apply_state, inodes)},
        {"files", offsetof(struct apply_state, files)},
        {"directories", offsetof(struct apply_state, directories)},
        {"to_persist", offsetof(struct apply_state, to_persist)},
        {"pinned", offsetof(struct apply_state, pinned)},
        {"lost", offsetof(struct apply_state, lost)},
    };
    for (size_t i = 0; i < array_len(rows); i++) {
        int64_t says, is = *(int64_t *)((char *)&c->counts + rows[i].offset);
        TRY(db_state_get(c->db, rows[i].name, &says, err));
        AUTO_FREE char *text = xasprintf("the state counts %lld %s, there are %lld", (long long)says, rows[i].name, (long long)is);
        if (says != is)
            found(c, "total_wrong", text);
    }
    return 0;
}

static int check_all(struct check *c, struct err *err)
{
    TRY(check_pages(c, err));
    TRY(check_dentries(c, err));
    TRY(check_marks(c, err));
    TRY(check_inodes(c, err));
    TRY(check_names(c, err));
    return check_counts(c, err);
}

int meta_verify(struct meta *m, int (*each)(void *arg, const char *code, const char *text), void *arg, struct err *err)
{
    struct check c = {0};
    uint64_t index;
    TRY(read_begin(m, &c.db, &index, err));
    buf_init(&c.findings, BUF_MAX_ANY);
    int rc = check_all(&c, err);
    readers_give(m->readers, c.db);
    for (size_t at = 0; rc >= 0 && at < c.findings.len;) {
        const char *code = c.findings.data + at, *text = code + strlen(code) + 1;
        rc = each(arg, code, text);
        at = (size_t)(text - c.findings.data) + strlen(text) + 1;
    }
    buf_done(&c.findings);
    return rc < 0 ? rc : 0;
}
