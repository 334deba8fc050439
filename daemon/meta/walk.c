/* SPDX-License-Identifier: Apache-2.0
 *
 * walk: names and inodes read at one index.  The cache is asked first; what it lacks is read in a read
 * transaction.  That may be of an older state: what has not changed since is good, for the rest the database
 * is brought up to date.  A view that met something newer than its index moves to the index of such a
 * transaction and starts once more; from then on the cache serves only what has not changed since.  Threads: any.
 */
#include "meta/meta_parts.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "meta/inode_row.h"

#include <string.h>

#define PUBLISH_MS 1000 /* takes as long as the cache takes a transaction's rows */

void look_start(struct look *l, struct meta *m)
{
    *l = (struct look){.m = m, .index = atomic_load(&m->applied)};
}

int read_begin(struct meta *m, struct db **ret, uint64_t *ret_index, struct err *err)
{
    TRY(turn_store(m, atomic_load(&m->applied), err));
    return readers_begin(m->readers, ret, ret_index, err);
}

void read_end(struct meta *m, struct db *db, uint64_t index)
{
    readers_give(m->readers, db);
    if (meta_wait_index(m, index, clock_mono_ms() + PUBLISH_MS, NULL) < 0)
        log_warn(meta, "index %llu was committed and is not published, going on", (unsigned long long)index);
}

void look_end(struct look *l)
{
    if (l->db)
        read_end(l->m, l->db, l->index);
    l->db = NULL;
}

/* Is the cache at least as new as this view?  Asked before the cache is; items newer than the view do not count. */
static bool is_cache_level(const struct look *l)
{
    return atomic_load(&l->m->applied) >= l->index;
}

/* Opens the transaction. LOOK_AGAIN when it is newer. */
static int open_db(struct look *l, struct err *err)
{
    if (l->db)
        return 0;
    TRY(readers_begin(l->m->readers, &l->db, &l->stored, err));
    if (l->stored <= l->index)
        return 0;
    l->index = l->stored;
    return LOOK_AGAIN;
}

static int open_newer(struct look *l, struct err *err)
{
    readers_give(l->m->readers, l->db);
    l->db = NULL;
    TRY(read_begin(l->m, &l->db, &l->stored, err));
    l->index = l->stored;
    return LOOK_AGAIN;
}

static int read_dentry(struct look *l, inode_id parent, const char *name, size_t len, struct cache_dentry *ret, struct err *err)
{
    sqlite3_stmt *s;
    TRY(db_bind(l->db, Q_DENTRY_GET, &s, err, "ib", (int64_t)parent, name, len));
    int rc = db_step(l->db, s, err);
    *ret = (struct cache_dentry){.index = l->index};
    if (rc == 1) {
        ret->ino = (inode_id)sqlite3_column_int64(s, 0);
        ret->type = (enum inode_type)sqlite3_column_int(s, 1);
        sqlite3_reset(s);
    }
    if (rc >= 0)
        cache_dentry_fill(l->m->cache, parent, name, len, ret->ino, ret->type, l->index);
    return rc < 0 ? rc : 0;
}

int look_dentry(struct look *l, inode_id parent, const char *name, size_t len, struct cache_dentry *ret, struct err *err)
{
    if (is_cache_level(l) && cache_dentry_get(l->m->cache, parent, name, len, ret) && ret->index <= l->index)
        return 0;
    *ret = (struct cache_dentry){.index = l->index};
    if (is_cache_level(l) && cache_names_ask(l->m->cache, parent, name, len, l->index) == NAMES_LACK)
        return 0;
    int rc = open_db(l, err);
    if (rc == 0 && l->stored != l->index && !cache_dentry_is_since(l->m->cache, parent, name, len, l->stored))
        rc = open_newer(l, err);
    return rc ? rc : read_dentry(l, parent, name, len, ret, err);
}

static int read_inode(struct look *l, inode_id ino, struct inode *ret, struct err *err)
{
    sqlite3_stmt *s;
    TRY(db_bind(l->db, Q_INODE_GET, &s, err, "i", (int64_t)ino));
    int rc = db_step(l->db, s, err);
    if (rc == 0)
        return err_set(err, ERR_NOT_FOUND, "there is no inode %llu", (unsigned long long)ino);
    if (rc < 0)
        return rc;
    const void *row = sqlite3_column_blob(s, 0);
    size_t len = (size_t)sqlite3_column_bytes(s, 0);
    rc = inode_row_unpack(ino, row, len, ret, err);
    if (rc == 0)
        cache_inode_fill(l->m->cache, ino, ret->type, row, len, l->index);
    sqlite3_reset(s);
    return rc;
}

int look_inode(struct look *l, inode_id ino, struct inode *ret, struct err *err)
{
    uint64_t index;
    if (is_cache_level(l) && cache_inode_get(l->m->cache, ino, ret, &index) && index <= l->index)
        return 0;
    int rc = open_db(l, err);
    if (rc == 0 && l->stored != l->index && !cache_inode_is_since(l->m->cache, ino, l->stored))
        rc = open_newer(l, err);
    return rc ? rc : read_inode(l, ino, ret, err);
}

/* For single rows "again" only means: once more at the newer index. */
int meta_lookup(struct meta *m, inode_id parent, const char *name, size_t len, inode_id *ret, enum inode_type *ret_type, struct err *err)
{
    struct cache_dentry d;
    if (!cache_dentry_get(m->cache, parent, name, len, &d)) {
        struct look l;
        look_start(&l, m);
        int rc = look_dentry(&l, parent, name, len, &d, err);
        if (rc == LOOK_AGAIN)
            rc = look_dentry(&l, parent, name, len, &d, err);
        look_end(&l);
        TRY(rc);
    }
    if (!d.ino)
        return err_set(err, ERR_NOT_FOUND, "there is no '%.*s'", (int)(len > 160 ? 160 : len), name);
    *ret = d.ino;
    if (ret_type)
        *ret_type = d.type;
    return 0;
}

int meta_inode(struct meta *m, inode_id ino, struct inode *ret, struct err *err)
{
    uint64_t index;
    struct look l;
    if (cache_inode_get(m->cache, ino, ret, &index))
        return 0;
    look_start(&l, m);
    int rc = look_inode(&l, ino, ret, err);
    if (rc == LOOK_AGAIN)
        rc = look_inode(&l, ino, ret, err);
    look_end(&l);
    return rc;
}

static size_t count_components(const char *path)
{
    size_t n = 0;
    for (const char *p = path; *p; p++)
        n += *p == '/' && p[1] && p[1] != '/';
    return n;
}

static void add_node(struct walk *w, const struct inode *i)
{
    w->nodes[w->count++] = (struct walk_node){i->ino,   i->type,  i->flags,    i->mode,
                                              i->owner, i->group, i->attr_ver, i->child_ver};
}

/* A name was read and is absent: the next one in a small directory needs no reading. */
static int learn_names(struct look *l, const struct inode *dir, const char *name, size_t len, struct err *err)
{
    uint32_t hashes[NAMES_LEARN_MAX];
    size_t n = 0;
    sqlite3_stmt *s;
    if (dir->length > NAMES_LEARN_MAX || cache_names_ask(l->m->cache, dir->ino, name, len, l->index) != NAMES_UNKNOWN)
        return 0;
    if (l->stored != l->index && !cache_inode_is_since(l->m->cache, dir->ino, l->stored))
        return open_newer(l, err);
    TRY(db_bind(l->db, Q_LIST, &s, err, "ibii", (int64_t)dir->ino, "", (size_t)0, (int64_t)NAMES_LEARN_MAX, (int64_t)0));
    int rc;
    while ((rc = db_step(l->db, s, err)) == 1)
        hashes[n++] = cache_name_hash(dir->ino, sqlite3_column_blob(s, 0), (size_t)sqlite3_column_bytes(s, 0));
    if (rc == 0 && n == dir->length)
        cache_names_fill(l->m->cache, dir->ino, hashes, n, l->index);
    return rc;
}

/* Steps down as far as names exist. */
static int walk_down(struct look *l, const char *path, struct walk *w, struct err *err)
{
    int rc = look_inode(l, INODE_ROOT, &w->last, err);
    w->count = 0;
    while (rc == 0) {
        struct cache_dentry d = {0};
        add_node(w, &w->last);
        path += strspn(path, "/");
        size_t len = strcspn(path, "/");
        /* an empty directory needs no question */
        if (!len || w->last.type != INODE_DIRECTORY || !w->last.length)
            break;
        rc = look_dentry(l, w->last.ino, path, len, &d, err);
        if (rc == 0 && !d.ino && l->db)
            rc = learn_names(l, &w->last, path, len, err);
        if (rc != 0 || !d.ino)
            break;
        path += len;
        rc = look_inode(l, d.ino, &w->last, err);
    }
    return rc;
}

int meta_walk(struct meta *m, const char *path, struct walk *ret, struct err *err)
{
    struct look l;
    struct walk w = {.depth = count_components(path) + 1};
    w.nodes = xcalloc(w.depth, sizeof *w.nodes);
    w.epoch = atomic_load(&m->epoch); /* before the index: an epoch that is too old only costs a longer guard */
    look_start(&l, m);
    int rc = walk_down(&l, path, &w, err);
    if (rc == LOOK_AGAIN)
        rc = walk_down(&l, path, &w, err);
    w.index = l.index;
    look_end(&l);
    if (rc < 0) {
        walk_done(&w);
        return rc == -ERR_NOT_FOUND ? err_set(err, ERR_CORRUPT, "a name of '%.160s' has no inode", path) : rc;
    }
    *ret = w;
    return 0;
}

void walk_done(struct walk *w)
{
    free(w->nodes);
    w->nodes = NULL;
    w->count = 0;
}
