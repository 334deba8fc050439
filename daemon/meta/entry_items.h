/* SPDX-License-Identifier: Apache-2.0
 *
 * entry_items: what an entry is made of, declared once: number on disk, name, members.  The builder,
 * the reader and the text for people all follow this table.  Append only.
 *
 * An entry: version (1), kind, time (8 bytes, little-endian), then items: number, members.
 * Members: u number · i signed number · e error code · k record kind · t inode type · m mark kind ·
 * n name of a child · s text (≤ 4,096) · b bytes · o bytes or none · c versions of directories · r inode row
 */
#pragma once
#include "meta/entry.h"

#define ENTRY_VERSION 1
#define ENTRY_HEAD 10
#define ENTRY_TEXT_MAX 4096
#define ENTRY_PRINCIPALS_MAX (1u << 24) /* ids are places in an array */
#define ENTRY_CHAIN_MAX (PATH_MAX_DEPTH + 1)

#define ENTRY_ITEMS(X)                                                                             \
    X(1, GUARD_CHAIN, "uc", "epoch chain")                                                         \
    X(2, GUARD_DENTRY, "unue", "parent name expected otherwise")                                   \
    X(3, GUARD_INODE, "uuu", "ino attr_ver data_ver")                                              \
    X(4, GUARD_CONTENT, "uu", "ino cid")                                                           \
    X(5, GUARD_EMPTY, "ue", "dir otherwise")                                                       \
    X(6, GUARD_NOT_INSIDE, "uue", "dir target otherwise")                                          \
    X(7, GUARD_UNCHANGED, "uu", "ino since")                                                       \
    X(8, GUARD_RECORD, "ksoe", "kind key expected otherwise")                                      \
    X(9, OPERATION, "uu", "client sequence")                                                       \
    X(16, PUT_INODE, "ur", "ino row")                                                              \
    X(17, SET_INODE, "uuur", "ino fields clear row")                                               \
    X(18, REMOVE_INODE, "u", "ino")                                                                \
    X(19, PUT_DENTRY, "unut", "parent name ino type")                                              \
    X(20, REMOVE_DENTRY, "un", "parent name")                                                      \
    X(21, TOUCH, "ui", "ino mtime_ms")                                                             \
    X(22, PUT_ATTR, "usb", "ino name value")                                                       \
    X(23, REMOVE_ATTR, "us", "ino name")                                                           \
    X(24, PUT_RECORD, "ksb", "kind key value")                                                     \
    X(25, REMOVE_RECORD, "ks", "kind key")                                                         \
    X(26, PUT_MARK, "miu", "kind when_ms ino")                                                     \
    X(27, REMOVE_MARK, "miu", "kind when_ms ino")                                                  \
    X(28, PUT_PRINCIPAL, "us", "id name")                                                          \
    X(29, RAISE_EPOCH, "", "")                                                                     \
    X(30, RESERVE_IDS, "u", "up_to")

enum entry_item_kind {
#define X(number, name, members, labels) ITEM_##name = number,
    ENTRY_ITEMS(X)
#undef X
    ITEM_KIND_LIMIT
};
#define ITEM_IS_GUARD(kind) ((kind) < 16)

struct entry_layout {
    const char *name, *members, *labels; /* labels: one word a member */
};
const struct entry_layout *entry_layout(unsigned number); /* NULL when unknown */

struct entry_span {
    const void *data; /* NULL: the optional bytes are absent */
    size_t len;
};
/* One item: numbers in the order of the number members, spans in the order of the others. */
struct entry_item {
    enum entry_item_kind kind;
    uint64_t u[4];
    struct entry_span s[2];
};

struct entry_reader {
    const uint8_t *at, *end;
    enum entry_kind kind;
    int64_t time_ms;
};
/* Spans point into `data`. ERR_CORRUPT. */
int entry_read(struct entry_reader *r, const void *data, size_t len, struct err *err) must_use;
int entry_next(struct entry_reader *r, struct entry_item *ret, struct err *err) must_use; /* 1: an item, 0: the end */
int entry_check(const void *data, size_t len, struct err *err) must_use;                 /* all of it */
/* Takes the next pair off a chain span (checked before); false at its end. */
bool entry_chain_next(struct entry_span *chain, struct inode_version *ret);
