/* SPDX-License-Identifier: Apache-2.0
 *
 * journal_read: the groups that stand in a node's log folder, for `readJournal`.  Opens files only
 * to read and needs no engine, so it also works on a folder that no longer starts.  A node that
 * runs beside it may close or drop segments meanwhile: the folder is then listed again and reading
 * goes on where it was.  Threads: any.
 */
#include "journal/journal.h"

#include "base/buf.h"
#include "base/file_util.h"
#include "base/mem.h"
#include "journal/group.h"
#include "journal/segment.h"

#define SEGMENT_MAX (64u << 20)
#define LISTINGS_MAX 8

struct reader {
    int (*each)(void *arg, const struct journal_entry *e, struct err *err);
    void *arg;
    const char *dir;
    uint64_t base;
    uint64_t wanted; /* records before it were read already */
    uint64_t at;     /* the next record of the segment under the hand */
    uint64_t end;    /* last record of a closed segment */
    int rc;          /* what `each` returned, or a group that is none */
};

static int read_entries(struct reader *r, uint64_t index, const struct group_view *v, struct err *err)
{
    const uint8_t *data = v->data;
    for (uint32_t i = 0; i < v->count; i++) {
        struct journal_entry e = {.index = index, .position = i, .is_last = i + 1 == v->count, .data = data,
                                  .len = group_length(v, i)};
        data += e.len;
        TRY(r->each(r->arg, &e, err));
    }
    return 0;
}

static int read_record(void *arg, const struct segment_record *rec, struct err *err)
{
    struct reader *r = arg;
    struct group_view v;
    uint64_t record = r->at++;
    if (record < r->wanted || record > r->end)
        return 0;
    r->wanted = record + 1;
    if (rec->type != SEGMENT_COMMAND)
        return 0;
    r->rc = group_decode(rec->data, rec->len, &v, err);
    if (r->rc == 0 && v.kind == GROUP_ENTRIES)
        r->rc = read_entries(r, r->base + record, &v, err);
    return r->rc;
}

/* The tail of an open segment may be torn or not written yet; a closed one has none. */
static int read_segment(struct reader *r, const struct segment_name *n, const struct buf *b, struct err *err)
{
    const uint8_t *bytes = (const uint8_t *)b->data;
    struct err why = {0};
    size_t at = SEGMENT_FORMAT_LEN;
    if (!segment_has_format(bytes, b->len))
        return n->is_open ? 0 : err_set(err, ERR_CORRUPT, "'%s/%s' is not a segment of a log", r->dir, n->file);
    while (at < b->len && segment_batch(bytes, b->len, &at, read_record, r, &why) == 0)
        ;
    if (r->rc < 0 && err)
        *err = why;
    if (r->rc < 0)
        return r->rc;
    if (!n->is_open && r->at <= r->end)
        return err_set(err, ERR_CORRUPT, "'%s/%s' ends before record %llu: %s", r->dir, n->file,
                       (unsigned long long)r->at, why.text);
    return 0;
}

static int read_file(struct reader *r, const struct segment_name *n, struct err *err)
{
    AUTO(buf) b = {0};
    AUTO_FREE char *path = xasprintf("%s/%s", r->dir, n->file);
    buf_init(&b, SEGMENT_MAX);
    TRY(file_read(path, SEGMENT_MAX, &b, err));
    if (!n->is_open)
        r->at = n->first;
    r->end = n->is_open ? UINT64_MAX : n->last;
    TRY(read_segment(r, n, &b, err));
    if (!n->is_open)
        r->at = n->last + 1;
    return 0;
}

static int read_listing(struct reader *r, struct err *err)
{
    AUTO(segment_list) l = {0};
    TRY(segment_list(r->dir, &l, err));
    r->at = l.snapshot + 1; /* where open segments begin when there is no closed one */
    for (size_t i = 0; i < l.count; i++)
        TRY(read_file(r, &l.names[i], err));
    return 0;
}

int journal_read(const char *dir, uint64_t base,
                 int (*each)(void *arg, const struct journal_entry *e, struct err *err), void *arg, struct err *err)
{
    struct reader r = {.each = each, .arg = arg, .dir = dir, .base = base};
    int rc = -ERR_NOT_FOUND;
    for (int i = 0; i < LISTINGS_MAX && rc == -ERR_NOT_FOUND && r.rc == 0; i++)
        rc = read_listing(&r, err);
    return rc;
}
