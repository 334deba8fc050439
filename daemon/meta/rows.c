/* SPDX-License-Identifier: Apache-2.0
 *
 * rows: reading the small tables: side attributes, records, marks, and the path of an inode.
 * Pages are copied before the caller's function runs; no connection is held then.  Threads: any.
 */
#include "meta/meta_parts.h"

#include "base/mem.h"

#include <limits.h>
#include <string.h>

static int get_value(struct meta *m, enum db_query q, uint64_t key, const char *name, struct buf *ret, struct err *err)
{
    struct db *db;
    uint64_t index;
    sqlite3_stmt *s;
    TRY(read_begin(m, &db, &index, err));
    int rc = db_bind(db, q, &s, err, "ib", (int64_t)key, name, strlen(name));
    if (rc == 0)
        rc = db_step(db, s, err);
    if (rc == 1) {
        buf_add(ret, sqlite3_column_blob(s, 0), (size_t)sqlite3_column_bytes(s, 0));
        sqlite3_reset(s);
    }
    read_end(m, db, index);
    return rc;
}

int meta_attr(struct meta *m, inode_id ino, const char *name, struct buf *ret, struct err *err)
{
    int rc = get_value(m, Q_ATTR_GET, ino, name, ret, err);
    TRY(rc);
    return rc == 1 ? buf_check(ret, "attribute", err) : err_set(err, ERR_NOT_FOUND, "there is no attribute '%.100s'", name);
}

int meta_record(struct meta *m, enum record_kind kind, const char *key, struct buf *ret, struct err *err)
{
    int rc = get_value(m, Q_RECORD_GET, kind, key, ret, err);
    TRY(rc);
    return rc == 1 ? buf_check(ret, "record", err)
                   : err_set(err, ERR_NOT_FOUND, "there is no %s record '%.100s'", record_kind_name(kind), key);
}

/* Pairs of (name, value), copied: lengths as size_t before each. */
struct pairs {
    struct buf bytes;
    size_t count;
};

static void add_bytes(struct pairs *p, sqlite3_stmt *s, int column)
{
    size_t len = (size_t)sqlite3_column_bytes(s, column);
    buf_add(&p->bytes, &len, sizeof len);
    buf_add(&p->bytes, sqlite3_column_blob(s, column), len);
    buf_addc(&p->bytes, 0);
}

static const char *take_bytes(const char **at, size_t *ret_len)
{
    memcpy(ret_len, *at, sizeof *ret_len);
    const char *data = *at + sizeof *ret_len;
    *at = data + *ret_len + 1;
    return data;
}

static int read_pairs(struct meta *m, enum db_query q, uint64_t key, const struct buf *after, struct pairs *p, struct err *err)
{
    struct db *db;
    uint64_t index;
    sqlite3_stmt *s;
    p->count = 0;
    buf_reset(&p->bytes);
    TRY(read_begin(m, &db, &index, err));
    int rc = db_bind(db, q, &s, err, "ibi", (int64_t)key, after->data, after->len, (int64_t)READ_PAGE_ROWS);
    while (rc >= 0 && (rc = db_step(db, s, err)) == 1) {
        add_bytes(p, s, 0);
        add_bytes(p, s, 1);
        p->count++;
    }
    read_end(m, db, index);
    return rc;
}

typedef int (*pair_fn)(void *arg, const char *key, const void *value, size_t len);

/* Does `each` for a page; 1: there may be more, 0: the end or beyond the prefix. */
static int tell_pairs(const struct pairs *p, const char *prefix, struct buf *after, pair_fn each, void *arg)
{
    const char *at = p->bytes.data;
    for (size_t i = 0; i < p->count; i++) {
        size_t name_len, len;
        const char *name = take_bytes(&at, &name_len), *value = take_bytes(&at, &len);
        if (strncmp(name, prefix, strlen(prefix)) != 0) {
            if (strcmp(name, prefix) > 0)
                return 0;
        } else {
            TRY(each(arg, name, value, len));
        }
        buf_reset(after);
        buf_add(after, name, name_len);
    }
    return p->count == READ_PAGE_ROWS;
}

/* Keys are greater than the empty one, so that an attribute equal to the prefix is met too. */
static int each_pair(struct meta *m, enum db_query q, uint64_t key, const char *after, const char *prefix, pair_fn each, void *arg,
                     struct err *err)
{
    AUTO(buf) last;
    struct pairs p = {0};
    buf_init(&p.bytes, BUF_MAX_ANY);
    buf_init(&last, BUF_MAX_ANY);
    buf_adds(&last, after ? after : "");
    int rc;
    do {
        rc = read_pairs(m, q, key, &last, &p, err);
        if (rc == 0)
            rc = tell_pairs(&p, prefix, &last, each, arg);
    } while (rc == 1);
    buf_done(&p.bytes);
    return rc;
}

int meta_attrs(struct meta *m, inode_id ino, const char *prefix,
               int (*each)(void *arg, const char *name, const void *value, size_t len), void *arg, struct err *err)
{
    return each_pair(m, Q_ATTRS_PAGE, ino, NULL, prefix ? prefix : "", each, arg, err);
}

int meta_records(struct meta *m, enum record_kind kind, const char *after,
                 int (*each)(void *arg, const char *key, const void *value, size_t len), void *arg, struct err *err)
{
    return each_pair(m, Q_RECORDS_PAGE, kind, after, "", each, arg, err);
}

int meta_marks(struct meta *m, enum mark_kind kind, int64_t until_ms, struct mark *ret, size_t max, struct err *err)
{
    struct db *db;
    uint64_t index;
    sqlite3_stmt *s;
    int count = 0;
    if (max > READ_PAGE_ROWS)
        max = READ_PAGE_ROWS;
    TRY(read_begin(m, &db, &index, err));
    int rc = db_bind(db, Q_MARKS, &s, err, "iii", (int64_t)kind, until_ms, (int64_t)max);
    while (rc >= 0 && (rc = db_step(db, s, err)) == 1)
        ret[count++] = (struct mark){sqlite3_column_int64(s, 0), (inode_id)sqlite3_column_int64(s, 1)};
    read_end(m, db, index);
    return rc < 0 ? rc : count;
}

/* ---- the path of an inode ---- */

/* Name and parent of a file: the dentry in the parent that it names, else any. */
static int name_of_file(struct look *l, struct inode *i, struct err *err)
{
    sqlite3_stmt *s;
    int rc = 0;
    if (i->parent) {
        TRY(db_bind(l->db, Q_DENTRY_OF, &s, err, "ii", (int64_t)i->parent, (int64_t)i->ino));
        rc = db_step(l->db, s, err);
    }
    bool is_any = rc == 0;
    if (is_any) {
        TRY(db_bind(l->db, Q_DENTRY_ANY, &s, err, "i", (int64_t)i->ino));
        rc = db_step(l->db, s, err);
    }
    if (rc == 0)
        return err_set(err, ERR_NOT_FOUND, "inode %llu has no name", (unsigned long long)i->ino);
    if (rc < 0)
        return rc;
    if (is_any)
        i->parent = (inode_id)sqlite3_column_int64(s, 0);
    size_t len = (size_t)sqlite3_column_bytes(s, is_any);
    memcpy(i->name, sqlite3_column_blob(s, is_any), len);
    i->name[len] = 0;
    sqlite3_reset(s);
    return 0;
}

/* Writes the names backwards into `names`, each with its 0. */
static int collect_names(struct look *l, inode_id ino, struct buf *names, struct err *err)
{
    struct inode i;
    for (int depth = 0; ino != INODE_ROOT; depth++) {
        if (depth > PATH_MAX_DEPTH * 2)
            return err_set(err, ERR_CORRUPT, "the ancestors of inode %llu are a loop", (unsigned long long)ino);
        TRY(look_inode(l, ino, &i, err));
        if (i.type != INODE_DIRECTORY)
            TRY(name_of_file(l, &i, err));
        if (!i.parent)
            return err_set(err, ERR_NOT_FOUND, "inode %llu is not below the root", (unsigned long long)ino);
        buf_addc(names, '/');
        buf_adds(names, i.name);
        buf_addc(names, 0);
        ino = i.parent;
    }
    return 0;
}

static void reverse_names(const struct buf *names, struct buf *ret)
{
    if (!names->len)
        buf_addc(ret, '/');
    for (size_t end = names->len; end;) {
        size_t at = end - 1;
        while (at && names->data[at - 1])
            at--;
        buf_adds(ret, names->data + at);
        end = at;
    }
}

int meta_path(struct meta *m, inode_id ino, struct buf *ret, struct err *err)
{
    AUTO(buf) names;
    struct look l;
    buf_init(&names, BUF_MAX_ANY);
    look_start(&l, m);
    int rc = read_begin(m, &l.db, &l.index, err);
    l.stored = l.index;
    if (rc == 0)
        rc = collect_names(&l, ino, &names, err);
    look_end(&l);
    TRY(rc);
    reverse_names(&names, ret);
    return buf_check(ret, "path", err);
}
