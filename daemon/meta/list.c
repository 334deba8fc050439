/* SPDX-License-Identifier: Apache-2.0
 *
 * list: children in byte order of names, page by page: a page is copied, its connection given back, then
 * the caller's function runs.  For access by position the name at every 1,024th place of directories
 * asked for lately is kept until the directory changes.  Threads: any.
 */
#include "meta/meta_parts.h"

#include "base/clock.h"
#include "base/mem.h"
#include "meta/inode_row.h"

#include <string.h>

#define SAMPLE_EVERY 1024
#define RANK_DIRECTORIES 16
#define PAGE_MS 20

/* ---- positions ---- */

struct rank {
    inode_id dir;
    stamp child_ver;
    uint64_t used;  /* clock of the LRU */
    char **names;   /* names[i]: at position (i + 1) * SAMPLE_EVERY - 1 */
    size_t count, cap;
};

struct ranks {
    struct lock lock;
    /* under lock */
    uint64_t clock;
    struct rank slots[RANK_DIRECTORIES];
};

struct ranks *ranks_new(void)
{
    struct ranks *r = xnew(struct ranks);
    lock_init(&r->lock, RANK_META);
    return r;
}

static void rank_clear(struct rank *k)
{
    for (size_t i = 0; i < k->count; i++)
        free(k->names[i]);
    free(k->names);
    *k = (struct rank){0};
}

void ranks_free(struct ranks *r)
{
    for (int i = 0; r && i < RANK_DIRECTORIES; i++)
        rank_clear(&r->slots[i]);
    if (r)
        lock_done(&r->lock);
    free(r);
}

/* The directory's slot as of `child_ver`; the oldest one makes room. */
static struct rank *slot_locked(struct ranks *r, inode_id dir, stamp child_ver)
{
    struct rank *k = &r->slots[0];
    for (int i = 0; i < RANK_DIRECTORIES; i++) {
        if (r->slots[i].dir == dir) {
            k = &r->slots[i];
            break;
        }
        if (r->slots[i].used < k->used)
            k = &r->slots[i];
    }
    if (k->dir != dir || k->child_ver != child_ver) {
        rank_clear(k);
        k->dir = dir;
        k->child_ver = child_ver;
    }
    k->used = ++r->clock;
    return k;
}

struct cursor {
    struct buf after; /* list names greater than this one; meaningless at the start */
    size_t skip;      /* and leave out so many */
};

/* The nearest sample at or before `position`; returns how many samples lie before. */
static size_t nearest_sample(struct ranks *r, inode_id dir, stamp child_ver, size_t position, struct cursor *c)
{
    LOCK_SCOPE(&r->lock);
    const struct rank *k = slot_locked(r, dir, child_ver);
    size_t n = position / SAMPLE_EVERY < k->count ? position / SAMPLE_EVERY : k->count;
    buf_reset(&c->after);
    if (n)
        buf_adds(&c->after, k->names[n - 1]);
    c->skip = position - n * SAMPLE_EVERY;
    return n;
}

static void add_sample(struct ranks *r, inode_id dir, stamp child_ver, size_t at, const struct buf *name)
{
    LOCK_SCOPE(&r->lock);
    struct rank *k = slot_locked(r, dir, child_ver);
    if (k->count != at)
        return;
    if (k->count == k->cap) {
        k->cap = k->cap ? k->cap * 2 : 16;
        k->names = xrealloc(k->names, k->cap * sizeof *k->names);
    }
    k->names[k->count++] = xstrdup(buf_str(name));
}

/* One sample further. 0 with an unchanged cursor at the end of the directory. */
static int step_sample(struct db *db, inode_id dir, struct cursor *c, struct err *err)
{
    sqlite3_stmt *s;
    TRY(db_bind(db, Q_DENTRY_SKIP, &s, err, "ibi", (int64_t)dir, c->after.data, c->after.len, (int64_t)SAMPLE_EVERY - 1));
    int rc = db_step(db, s, err);
    if (rc == 1) {
        buf_reset(&c->after);
        buf_add(&c->after, sqlite3_column_blob(s, 0), (size_t)sqlite3_column_bytes(s, 0));
        c->skip -= SAMPLE_EVERY;
        sqlite3_reset(s);
    }
    return rc;
}

static int seek(struct meta *m, inode_id dir, size_t position, struct cursor *c, struct err *err)
{
    struct inode i;
    TRY(meta_inode(m, dir, &i, err));
    size_t n = nearest_sample(m->ranks, dir, i.child_ver, position, c);
    int rc = 1;
    while (rc == 1 && c->skip >= SAMPLE_EVERY) {
        struct db *db;
        uint64_t index;
        TRY(read_begin(m, &db, &index, err));
        int64_t until = clock_mono_ms() + PAGE_MS;
        while (c->skip >= SAMPLE_EVERY && !clock_is_past(until) && (rc = step_sample(db, dir, c, err)) == 1)
            add_sample(m->ranks, dir, i.child_ver, n++, &c->after);
        read_end(m, db, index);
    }
    return rc < 0 ? rc : 0;
}

/* ---- pages ---- */

struct row {
    inode_id ino;
    enum inode_type type;
    size_t name, name_len, inode, inode_len; /* in the page's bytes */
};
struct page {
    struct buf bytes;
    struct row rows[READ_PAGE_ROWS];
    size_t count;
};

static void add_row(struct page *p, sqlite3_stmt *s, bool with_inodes)
{
    struct row *r = &p->rows[p->count++];
    *r = (struct row){.ino = (inode_id)sqlite3_column_int64(s, 1), .type = (enum inode_type)sqlite3_column_int(s, 2)};
    r->name = p->bytes.len;
    r->name_len = (size_t)sqlite3_column_bytes(s, 0);
    buf_add(&p->bytes, sqlite3_column_blob(s, 0), r->name_len);
    buf_addc(&p->bytes, 0);
    if (!with_inodes)
        return;
    r->inode = p->bytes.len;
    r->inode_len = (size_t)sqlite3_column_bytes(s, 3);
    buf_add(&p->bytes, sqlite3_column_blob(s, 3), r->inode_len);
}

static int read_page(struct meta *m, inode_id dir, const struct cursor *c, size_t max, bool with_inodes, struct page *p, struct err *err)
{
    struct db *db;
    uint64_t index;
    sqlite3_stmt *s;
    p->count = 0;
    buf_reset(&p->bytes);
    TRY(read_begin(m, &db, &index, err));
    int rc = db_bind(db, with_inodes ? Q_LIST_INODES : Q_LIST, &s, err, "ibii", (int64_t)dir, c->after.data, c->after.len,
                     (int64_t)max, (int64_t)c->skip);
    while (rc >= 0 && (rc = db_step(db, s, err)) == 1)
        add_row(p, s, with_inodes);
    read_end(m, db, index);
    return rc;
}

static int tell_row(const struct page *p, const struct row *r, bool with_inodes, meta_child_fn each, void *arg, struct err *err)
{
    struct inode i;
    struct meta_child c = {p->bytes.data + r->name, r->ino, r->type, NULL};
    if (with_inodes) {
        TRY(inode_row_unpack(r->ino, p->bytes.data + r->inode, r->inode_len, &i, err));
        c.inode = &i;
    }
    return each(arg, &c, err);
}

static int list_pages(struct meta *m, inode_id dir, struct cursor *c, size_t limit, bool with_inodes, struct page *p,
                      meta_child_fn each, void *arg, struct err *err)
{
    for (size_t left = limit ? limit : SIZE_MAX; left;) {
        size_t max = left < READ_PAGE_ROWS ? left : READ_PAGE_ROWS;
        TRY(read_page(m, dir, c, max, with_inodes, p, err));
        for (size_t i = 0; i < p->count; i++)
            TRY(tell_row(p, &p->rows[i], with_inodes, each, arg, err));
        if (p->count < max)
            return 0;
        const struct row *last = &p->rows[p->count - 1];
        buf_reset(&c->after);
        buf_add(&c->after, p->bytes.data + last->name, last->name_len);
        c->skip = 0;
        left -= p->count;
    }
    return 0;
}

int meta_list(struct meta *m, inode_id dir, const char *after, int64_t position, size_t limit, bool with_inodes,
              meta_child_fn each, void *arg, struct err *err)
{
    struct page *p = xmalloc(sizeof *p);
    struct cursor c = {0};
    buf_init(&p->bytes, BUF_MAX_ANY);
    buf_init(&c.after, BUF_MAX_ANY);
    if (after && position < 0)
        buf_adds(&c.after, after);
    int rc = position > 0 ? seek(m, dir, (size_t)position, &c, err) : 0;
    if (rc == 0)
        rc = list_pages(m, dir, &c, limit, with_inodes, p, each, arg, err);
    buf_done(&c.after);
    buf_done(&p->bytes);
    free(p);
    return rc;
}
