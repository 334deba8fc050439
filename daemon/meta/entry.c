/* SPDX-License-Identifier: Apache-2.0
 *
 * entry: the builder.  Each function fills numbers and spans; put() writes them as the table of
 * entry_items.h says.  A value that does not fit marks the entry as failed; meta_propose refuses it.
 */
#include "meta/entry.h"

#include "journal/journal.h"
#include "meta/entry_items.h"
#include "meta/inode_row.h"
#include "meta/varint.h"

#include <string.h>

#define U(...) ((const uint64_t[]){__VA_ARGS__})
#define S(...) ((const struct entry_span[]){__VA_ARGS__})
#define TEXT(s) {(s), strlen(s)}

const char *entry_kind_name(enum entry_kind k)
{
    static const char *const names[] = {
#define X(name) #name,
        ENTRY_KINDS(X)
#undef X
    };
    return (unsigned)k < ENTRY_KIND_COUNT ? names[k] : "?";
}

const char *record_kind_name(enum record_kind k)
{
    static const char *const names[] = {
#define X(name) #name,
        RECORD_KINDS(X)
#undef X
    };
    return (unsigned)k < RECORD_KIND_COUNT ? names[k] : "?";
}

const struct entry_layout *entry_layout(unsigned number)
{
    static const struct entry_layout layouts[ITEM_KIND_LIMIT] = {
#define X(n, name, members, labels) [n] = {#name, members, labels},
        ENTRY_ITEMS(X)
#undef X
    };
    return number < ITEM_KIND_LIMIT && layouts[number].name ? &layouts[number] : NULL;
}

void entry_init(struct entry *e, enum entry_kind kind, int64_t time_ms)
{
    uint8_t head[ENTRY_HEAD] = {ENTRY_VERSION, (uint8_t)kind};
    for (int i = 0; i < 8; i++)
        head[2 + i] = (uint8_t)((uint64_t)time_ms >> (8 * i));
    buf_init(&e->bytes, JOURNAL_ENTRY_MAX);
    buf_add(&e->bytes, head, sizeof head);
}

void entry_done(struct entry *e)
{
    buf_done(&e->bytes);
}

size_t entry_len(const struct entry *e)
{
    return e->bytes.len;
}

static void put_number(struct buf *b, uint64_t v)
{
    uint8_t bytes[VARINT_MAX];
    buf_add(b, bytes, varint_put(bytes, v));
}

static void put_span(struct buf *b, char member, const struct entry_span *s)
{
    if (member == 'o') {
        put_number(b, s->data ? s->len + 1 : 0);
        buf_add(b, s->data ? s->data : "", s->data ? s->len : 0);
        return;
    }
    put_number(b, s->len);
    buf_add(b, s->data, s->len);
}

static void put(struct entry *e, enum entry_item_kind kind, const uint64_t *u, const struct entry_span *s)
{
    buf_addc(&e->bytes, (char)kind);
    for (const char *m = entry_layout(kind)->members; *m; m++) {
        if (strchr("nsbocr", *m))
            put_span(&e->bytes, *m, s++);
        else
            put_number(&e->bytes, *m == 'i' ? varint_zigzag((int64_t)*u++) : *u++);
    }
}

void entry_guard_chain(struct entry *e, uint64_t epoch, const struct inode_version *chain, size_t n)
{
    uint8_t bytes[ENTRY_CHAIN_MAX * 2 * VARINT_MAX];
    size_t len = 0;
    if (n > ENTRY_CHAIN_MAX) {
        e->bytes.failed = true;
        return;
    }
    for (size_t i = 0; i < n; i++) {
        len += varint_put(bytes + len, chain[i].ino);
        len += varint_put(bytes + len, chain[i].ver);
    }
    put(e, ITEM_GUARD_CHAIN, U(epoch), S({bytes, len}));
}

void entry_guard_dentry(struct entry *e, inode_id parent, const char *name, inode_id expected, enum err_code otherwise)
{
    put(e, ITEM_GUARD_DENTRY, U(parent, expected, otherwise), S(TEXT(name)));
}

void entry_guard_inode(struct entry *e, inode_id ino, stamp attr_ver, stamp data_ver)
{
    put(e, ITEM_GUARD_INODE, U(ino, attr_ver, data_ver), NULL);
}

void entry_guard_content(struct entry *e, inode_id ino, content_id cid)
{
    put(e, ITEM_GUARD_CONTENT, U(ino, cid), NULL);
}

void entry_guard_empty(struct entry *e, inode_id dir, enum err_code otherwise)
{
    put(e, ITEM_GUARD_EMPTY, U(dir, otherwise), NULL);
}

void entry_guard_not_inside(struct entry *e, inode_id dir, inode_id target, enum err_code otherwise)
{
    put(e, ITEM_GUARD_NOT_INSIDE, U(dir, target, otherwise), NULL);
}

void entry_guard_unchanged_since(struct entry *e, inode_id ino, uint64_t index)
{
    put(e, ITEM_GUARD_UNCHANGED, U(ino, index), NULL);
}

void entry_guard_record(struct entry *e, enum record_kind kind, const char *key, const void *expected, size_t len,
                        enum err_code otherwise)
{
    put(e, ITEM_GUARD_RECORD, U(kind, otherwise), S(TEXT(key), {expected, len}));
}

void entry_put_inode(struct entry *e, const struct inode *i)
{
    uint8_t row[INODE_ROW_MAX];
    put(e, ITEM_PUT_INODE, U(i->ino), S({row, inode_row_pack(i, row)}));
}

/* Only what is set travels. */
static void pick(struct inode *to, const struct inode *from, unsigned fields)
{
#define PICK(bit, member)                                                                          \
    if (fields & (bit))                                                                            \
        to->member = from->member
    PICK(FIELD_FLAGS_SET, flags);
    PICK(FIELD_NLINK, nlink);
    PICK(FIELD_PLACE, parent);
    PICK(FIELD_MODE, mode);
    PICK(FIELD_OWNER, owner);
    PICK(FIELD_GROUP, group);
    PICK(FIELD_LENGTH, length);
    PICK(FIELD_MTIME, mtime_ms);
    PICK(FIELD_ATIME, atime_ms);
    PICK(FIELD_CTIME, ctime_ms);
    PICK(FIELD_CID, cid);
    PICK(FIELD_PERSISTENCE, persistence);
    PICK(FIELD_TTL, ttl_ms);
    PICK(FIELD_TTL, ttl_action);
    PICK(FIELD_REPLICATION, replication_min);
    PICK(FIELD_REPLICATION, replication_max);
    PICK(FIELD_STORE, store_mtime_ms);
    PICK(FIELD_BLOCK_SIZE, block_size);
#undef PICK
    if (fields & FIELD_PLACE)
        memcpy(to->name, from->name, sizeof to->name);
    if (fields & FIELD_STORE)
        memcpy(to->etag, from->etag, sizeof to->etag);
}

void entry_set_inode(struct entry *e, inode_id ino, unsigned fields, const struct inode *value, uint32_t clear_flags)
{
    uint8_t row[INODE_ROW_MAX];
    struct inode i;
    inode_row_usual(&i);
    pick(&i, value, fields);
    put(e, ITEM_SET_INODE, U(ino, fields, clear_flags), S({row, inode_row_pack(&i, row)}));
}

void entry_remove_inode(struct entry *e, inode_id ino)
{
    put(e, ITEM_REMOVE_INODE, U(ino), NULL);
}

void entry_put_dentry(struct entry *e, inode_id parent, const char *name, inode_id ino, enum inode_type type)
{
    put(e, ITEM_PUT_DENTRY, U(parent, ino, type), S(TEXT(name)));
}

void entry_remove_dentry(struct entry *e, inode_id parent, const char *name)
{
    put(e, ITEM_REMOVE_DENTRY, U(parent), S(TEXT(name)));
}

void entry_touch(struct entry *e, inode_id dir, int64_t mtime_ms)
{
    put(e, ITEM_TOUCH, U(dir, (uint64_t)mtime_ms), NULL);
}

void entry_put_attr(struct entry *e, inode_id ino, const char *name, const void *value, size_t len)
{
    put(e, ITEM_PUT_ATTR, U(ino), S(TEXT(name), {value, len}));
}

void entry_remove_attr(struct entry *e, inode_id ino, const char *name)
{
    put(e, ITEM_REMOVE_ATTR, U(ino), S(TEXT(name)));
}

void entry_put_record(struct entry *e, enum record_kind kind, const char *key, const void *value, size_t len)
{
    put(e, ITEM_PUT_RECORD, U(kind), S(TEXT(key), {value, len}));
}

void entry_remove_record(struct entry *e, enum record_kind kind, const char *key)
{
    put(e, ITEM_REMOVE_RECORD, U(kind), S(TEXT(key)));
}

void entry_put_mark(struct entry *e, enum mark_kind kind, int64_t when_ms, inode_id ino)
{
    put(e, ITEM_PUT_MARK, U(kind, (uint64_t)when_ms, ino), NULL);
}

void entry_remove_mark(struct entry *e, enum mark_kind kind, int64_t when_ms, inode_id ino)
{
    put(e, ITEM_REMOVE_MARK, U(kind, (uint64_t)when_ms, ino), NULL);
}

void entry_put_principal(struct entry *e, principal_id id, const char *name)
{
    put(e, ITEM_PUT_PRINCIPAL, U(id), S(TEXT(name)));
}

void entry_raise_epoch(struct entry *e)
{
    put(e, ITEM_RAISE_EPOCH, NULL, NULL);
}

void entry_reserve_ids(struct entry *e, uint64_t up_to)
{
    put(e, ITEM_RESERVE_IDS, U(up_to), NULL);
}

void entry_operation(struct entry *e, uint64_t client, uint64_t sequence)
{
    put(e, ITEM_OPERATION, U(client, sequence), NULL);
}
