/* SPDX-License-Identifier: Apache-2.0
 *
 * principals: see the header.  Names live until the end of the process, also past principals_free:
 * they are handed out as plain strings.
 */
#include "meta/principals.h"

#include "base/lock.h"
#include "base/mem.h"

#include <string.h>

struct principals {
    struct lock lock;
    /* under lock */
    const char **names; /* by id */
    size_t count;       /* highest id + 1 */
    uint32_t *table;    /* ids by hash of the name, open addressing; 0: free */
    size_t table_size, used;
};

struct name {
    struct name *next;
    char text[];
};
static struct name *all_names; /* keeps every name reachable; under the lock of leaf rank below */
static pthread_mutex_t all_lock = PTHREAD_MUTEX_INITIALIZER;

static const char *keep(const char *text)
{
    size_t len = strlen(text) + 1;
    struct name *n = xmalloc(sizeof *n + len);
    memcpy(n->text, text, len);
    pthread_mutex_lock(&all_lock);
    n->next = all_names;
    all_names = n;
    pthread_mutex_unlock(&all_lock);
    return n->text;
}

struct principals *principals_new(void)
{
    struct principals *p = xnew(struct principals);
    lock_init(&p->lock, RANK_META_INNER);
    p->count = 1;
    p->names = xcalloc(1, sizeof *p->names);
    p->table_size = 64;
    p->table = xcalloc(p->table_size, sizeof *p->table);
    return p;
}

void principals_free(struct principals *p)
{
    if (!p)
        return;
    free(p->names);
    free(p->table);
    lock_done(&p->lock);
    free(p);
}

static uint32_t *slot_locked(struct principals *p, const char *name)
{
    uint64_t h = 1469598103934665603ull;
    for (const char *s = name; *s; s++)
        h = (h ^ (uint8_t)*s) * 1099511628211ull;
    for (;; h++) {
        uint32_t *slot = &p->table[h & (p->table_size - 1)];
        if (!*slot || !strcmp(p->names[*slot], name))
            return slot;
    }
}

static void grow_table_locked(struct principals *p)
{
    free(p->table);
    p->table_size *= 2;
    p->table = xcalloc(p->table_size, sizeof *p->table);
    for (size_t id = 1; id < p->count; id++)
        if (p->names[id])
            *slot_locked(p, p->names[id]) = (uint32_t)id;
}

void principals_add(struct principals *p, principal_id id, const char *name)
{
    LOCK_SCOPE(&p->lock);
    if (id < p->count && p->names[id])
        return;
    if (id >= p->count) {
        p->names = xrealloc(p->names, (id + 1ul) * sizeof *p->names);
        memset(p->names + p->count, 0, (id + 1ul - p->count) * sizeof *p->names);
        p->count = id + 1ul;
    }
    p->names[id] = keep(name);
    if (++p->used * 2 > p->table_size)
        grow_table_locked(p);
    uint32_t *slot = slot_locked(p, name);
    if (!*slot)
        *slot = id;
}

int principals_load(struct principals *p, struct db *db, struct err *err)
{
    sqlite3_stmt *s;
    int rc;
    TRY(db_bind(db, Q_PRINCIPALS, &s, err, ""));
    while ((rc = db_step(db, s, err)) == 1) {
        AUTO_FREE char *name = xstrndup((const char *)sqlite3_column_blob(s, 1) ?: "", (size_t)sqlite3_column_bytes(s, 1));
        principals_add(p, (principal_id)sqlite3_column_int64(s, 0), name);
    }
    return rc;
}

principal_id principals_find(struct principals *p, const char *name, principal_id *ret_free)
{
    LOCK_SCOPE(&p->lock);
    *ret_free = (principal_id)p->count;
    return *slot_locked(p, name);
}

const char *principals_name(struct principals *p, principal_id id)
{
    LOCK_SCOPE(&p->lock);
    return id < p->count && p->names[id] ? p->names[id] : "";
}
