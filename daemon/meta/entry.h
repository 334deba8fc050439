/* SPDX-License-Identifier: Apache-2.0
 *
 * entry: one change of the metadata, as it travels through the journal: what it relied on (guards)
 * and what it does (effects), with every id, time and random value already chosen.  A builder for
 * master/, and the codec (versioned, little-endian, checked: bytes from outside are ERR_CORRUPT).
 *
 * A guard that does not hold makes the whole entry have no effect: its requester gets ERR_STALE and
 * evaluates again (or the error named by the guard).  Effects of one entry are all or nothing.
 */
#pragma once
#include "api/inode.h"
#include "base/buf.h"

/* What the entry is for: shown by readJournal, and counted. Append only. */
#define ENTRY_KINDS(X)                                                                             \
    X(FORMAT) X(CREATE_FILE) X(COMPLETE_FILE) X(PUBLISH) X(MKDIR) X(RENAME) X(REMOVE) X(RECLAIM) X(SET_ATTR) X(SET_ACL)   \
    X(SYMLINK) X(SYNC) X(INTENT) X(OUTCOME) X(PERSIST) X(FREE) X(MOUNT) X(UNMOUNT) X(UPDATE_MOUNT) X(PATH_CONF) X(USER)   \
    X(TOKEN) X(SESSION) X(TASK) X(TTL) X(BARRIER) X(RESERVE_IDS) X(TEST)
enum entry_kind {
#define X(name) ENTRY_##name,
    ENTRY_KINDS(X)
#undef X
    ENTRY_KIND_COUNT
};
const char *entry_kind_name(enum entry_kind k);

/* Small rows by key: everything of which there are few. Append only; the number is in the journal. */
#define RECORD_KINDS(X)                                                                            \
    X(CONFIG) X(MOUNT) X(USER) X(GROUP) X(TOKEN) X(SESSION) X(INTENT) X(TASK) X(PATH_CONF) X(OPERATION) X(UFS_MODE) X(TEST)
enum record_kind {
#define X(name) RECORD_##name,
    RECORD_KINDS(X)
#undef X
    RECORD_KIND_COUNT
};
const char *record_kind_name(enum record_kind k);

/* Queues ordered by (when, ino): files that wait for something. */
enum mark_kind { MARK_TTL = 1, MARK_PERSIST, MARK_RECLAIM, MARK_PINNED };

/* Which members of struct inode an inode-set effect changes. */
enum inode_field {
    FIELD_FLAGS_SET = 1 << 0, /* flags |= value.flags */
    FIELD_FLAGS_CLEAR = 1 << 1, /* flags &= ~clear */
    FIELD_NLINK = 1 << 2,
    FIELD_PLACE = 1 << 3, /* parent and name */
    FIELD_MODE = 1 << 4,
    FIELD_OWNER = 1 << 5,
    FIELD_GROUP = 1 << 6,
    FIELD_LENGTH = 1 << 7,
    FIELD_MTIME = 1 << 8,
    FIELD_ATIME = 1 << 9,
    FIELD_CID = 1 << 10,
    FIELD_PERSISTENCE = 1 << 11,
    FIELD_TTL = 1 << 12, /* both */
    FIELD_REPLICATION = 1 << 13, /* both */
    FIELD_STORE = 1 << 14, /* etag and store_mtime_ms */
    FIELD_BLOCK_SIZE = 1 << 15,
    FIELD_CTIME = 1 << 16,
};
/* Fields whose change raises attr_ver; all others raise data_ver (flags: both). */
#define FIELDS_ATTR (FIELD_FLAGS_SET | FIELD_FLAGS_CLEAR | FIELD_PLACE | FIELD_MODE | FIELD_OWNER | FIELD_GROUP | FIELD_TTL | FIELD_REPLICATION)

struct inode_version {
    inode_id ino;
    stamp ver;
};

struct entry {
    struct buf bytes; /* encoded so far; never more than JOURNAL_ENTRY_MAX */
};
/* `time_ms` is the entry's time: apply never lets it run backwards. */
void entry_init(struct entry *e, enum entry_kind kind, int64_t time_ms);
void entry_done(struct entry *e);
size_t entry_len(const struct entry *e); /* so that a builder of steps knows when to stop */

/* ---- guards; `otherwise` is what the requester gets, ERR_STALE to run again ---- */
/* The walk relied on these directories having these attr_ver, unless the tree epoch is still `epoch` (one compare). */
void entry_guard_chain(struct entry *e, uint64_t epoch, const struct inode_version *chain, size_t n);
void entry_guard_dentry(struct entry *e, inode_id parent, const char *name, inode_id expected, enum err_code otherwise); /* 0: absent */
void entry_guard_inode(struct entry *e, inode_id ino, stamp attr_ver, stamp data_ver); /* 0: do not compare */
void entry_guard_content(struct entry *e, inode_id ino, content_id cid);
void entry_guard_empty(struct entry *e, inode_id dir, enum err_code otherwise);
void entry_guard_not_inside(struct entry *e, inode_id dir, inode_id target, enum err_code otherwise); /* target's ancestors do not include dir */
void entry_guard_unchanged_since(struct entry *e, inode_id ino, uint64_t index); /* no stamp of the inode is later (sync); an absent inode fails */
void entry_guard_record(struct entry *e, enum record_kind kind, const char *key, const void *expected, size_t len,
                        enum err_code otherwise); /* NULL: absent */
/* ---- effects ---- */
void entry_put_inode(struct entry *e, const struct inode *i); /* new; stamps are set by apply */
void entry_set_inode(struct entry *e, inode_id ino, unsigned fields, const struct inode *value, uint32_t clear_flags);
void entry_remove_inode(struct entry *e, inode_id ino); /* with its attributes and marks */
void entry_put_dentry(struct entry *e, inode_id parent, const char *name, inode_id ino, enum inode_type type); /* counts the child in parent's length when new */
void entry_remove_dentry(struct entry *e, inode_id parent, const char *name);
void entry_touch(struct entry *e, inode_id dir, int64_t mtime_ms); /* commutes; coalesced per transaction */
void entry_put_attr(struct entry *e, inode_id ino, const char *name, const void *value, size_t len);
void entry_remove_attr(struct entry *e, inode_id ino, const char *name);
void entry_put_record(struct entry *e, enum record_kind kind, const char *key, const void *value, size_t len);
void entry_remove_record(struct entry *e, enum record_kind kind, const char *key);
void entry_put_mark(struct entry *e, enum mark_kind kind, int64_t when_ms, inode_id ino);
void entry_remove_mark(struct entry *e, enum mark_kind kind, int64_t when_ms, inode_id ino);
void entry_put_principal(struct entry *e, principal_id id, const char *name);
void entry_raise_epoch(struct entry *e);
void entry_reserve_ids(struct entry *e, uint64_t up_to); /* ids below are never given again */
/* Runs once for this (client, sequence): a second entry with the same pair has no effect and succeeds. */
void entry_operation(struct entry *e, uint64_t client, uint64_t sequence);

/* One line of text for readJournal. ERR_CORRUPT. Secret values of records are not printed. */
int entry_text(const void *data, size_t len, struct buf *to, struct err *err) must_use;
