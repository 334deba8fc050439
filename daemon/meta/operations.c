/* SPDX-License-Identifier: Apache-2.0
 *
 * operations: see the header.  Rows of clients that spoke lately stay in memory, at most ROWS_MAX;
 * sequence s is bit s % WINDOW.
 */
#include "meta/operations.h"

#include "base/mem.h"

#include <string.h>

#define WINDOW 1024u
#define BUCKETS 256u
#define ROWS_MAX 1024u

struct row {
    struct row *next;
    uint64_t client, last;
    uint8_t bits[WINDOW / 8];
    bool is_dirty;
};

struct operations {
    struct db *db;
    struct row *buckets[BUCKETS];
    size_t count;
};

struct operations *operations_new(struct db *db)
{
    struct operations *o = xnew(struct operations);
    o->db = db;
    return o;
}

void operations_forget(struct operations *o)
{
    for (size_t b = 0; b < BUCKETS; b++) {
        for (struct row *r = o->buckets[b], *next; r; r = next) {
            next = r->next;
            free(r);
        }
        o->buckets[b] = NULL;
    }
    o->count = 0;
}

void operations_free(struct operations *o)
{
    if (o)
        operations_forget(o);
    free(o);
}

static int load(struct operations *o, struct row *r, struct err *err)
{
    sqlite3_stmt *s;
    TRY(db_bind(o->db, Q_OPERATION_GET, &s, err, "i", (int64_t)r->client));
    int rc = db_step(o->db, s, err);
    if (rc == 1) {
        r->last = (uint64_t)sqlite3_column_int64(s, 0);
        bool is_good = sqlite3_column_bytes(s, 1) == sizeof r->bits;
        if (is_good)
            memcpy(r->bits, sqlite3_column_blob(s, 1), sizeof r->bits);
        rc = is_good ? 0 : err_set(err, ERR_CORRUPT, "the operations of client %llu cannot be read", (unsigned long long)r->client);
        sqlite3_reset(s);
    }
    return rc;
}

static int find(struct operations *o, uint64_t client, struct row **ret, struct err *err)
{
    struct row **bucket = &o->buckets[client * 0x9e3779b97f4a7c15ull >> 56];
    for (*ret = *bucket; *ret; *ret = (*ret)->next)
        if ((*ret)->client == client)
            return 0;
    struct row *r = xnew(struct row);
    r->client = client;
    int rc = load(o, r, err);
    if (rc < 0) {
        free(r);
        return rc;
    }
    r->next = *bucket;
    *bucket = *ret = r;
    o->count++;
    return 0;
}

static bool has(const struct row *r, uint64_t sequence)
{
    return r->bits[sequence % WINDOW / 8] >> (sequence % 8) & 1;
}

int operations_seen(struct operations *o, uint64_t client, uint64_t sequence, enum operation_seen *ret, struct err *err)
{
    struct row *r;
    TRY(find(o, client, &r, err));
    if (sequence > r->last)
        *ret = OPERATION_NEW;
    else if (r->last - sequence >= WINDOW)
        *ret = OPERATION_TOO_OLD;
    else
        *ret = has(r, sequence) ? OPERATION_SEEN : OPERATION_NEW;
    return 0;
}

int operations_add(struct operations *o, uint64_t client, uint64_t sequence, struct err *err)
{
    struct row *r;
    TRY(find(o, client, &r, err));
    if (sequence > r->last) {
        if (sequence - r->last >= WINDOW)
            memset(r->bits, 0, sizeof r->bits);
        for (uint64_t s = r->last + 1; s < sequence && sequence - r->last < WINDOW; s++)
            r->bits[s % WINDOW / 8] &= (uint8_t) ~(1u << (s % 8));
        r->last = sequence;
    }
    r->bits[sequence % WINDOW / 8] |= (uint8_t)(1u << (sequence % 8));
    r->is_dirty = true;
    return 0;
}

int operations_write(struct operations *o, struct err *err)
{
    for (size_t b = 0; b < BUCKETS; b++) {
        for (struct row *r = o->buckets[b]; r; r = r->next) {
            if (!r->is_dirty)
                continue;
            TRY(db_run(o->db, Q_OPERATION_PUT, err, "iib", (int64_t)r->client, (int64_t)r->last, r->bits, sizeof r->bits));
            r->is_dirty = false;
        }
    }
    if (o->count > ROWS_MAX)
        operations_forget(o);
    return 0;
}
