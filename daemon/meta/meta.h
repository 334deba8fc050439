/* SPDX-License-Identifier: Apache-2.0
 *
 * meta: the state of the namespace: SQLite behind an inode cache, changed only through the journal.
 * Knows rows, versions and the journal; knows no permissions, paths' rules or stores.
 * Readers see applied state; a caller that proposed sees its own change when meta_propose returns.
 * Threads: any for reading and proposing; one applies.
 */
#pragma once
#include "api/inode.h"
#include "base/buf.h"
#include "base/slice.h"
#include "meta/entry.h"

struct meta;
struct journal_info;

struct meta_options {
    const char *dir;         /* database */
    const char *journal_dir;
    uint64_t cache_bytes;    /* inodes and names */
    uint64_t sqlite_cache_bytes;
    unsigned readers;
    uint64_t journal_reserve_bytes;
    const char *address;
};
/* What apply tells the layer above; on the apply thread, so: short, no waiting. */
struct meta_listener {
    void *arg;
    void (*record_changed)(void *arg, enum record_kind kind, const char *key, uint64_t index);
    void (*content_gone)(void *arg, content_id cid);  /* replaced or its inode removed */
    void (*marked)(void *arg, enum mark_kind kind);   /* something was queued */
};

/* Makes database and log with the root directory (mode 0755, owner/group by name) and the records given by `first` (may be NULL). ERR_ALREADY_EXISTS. */
int meta_format(const struct meta_options *o, const char *owner, const char *group, struct entry *first, struct err *err) must_use;
/* Opens, replays, leads. */
int meta_open(const struct meta_options *o, const struct meta_listener *l, int64_t deadline_ms, struct meta **ret, struct err *err) must_use;
void meta_close(struct meta *m); /* accepts NULL; after all callers have returned */

/* Which namespace this is: cache folders carry it. */
struct meta_identity {
    char cluster[33];       /* hex of the log id of the first format */
    uint64_t incarnation;   /* raised by restore */
    uint64_t first_id;      /* ids below belong to earlier incarnations */
};
void meta_identity(struct meta *m, struct meta_identity *ret);

/* ---- changing ---- */
/* The only door. Blocks until applied here or the deadline; sets call->result->index.
 * ERR_STALE or the guard's own code; ERR_NO_SPACE; ERR_UNAVAILABLE; ERR_OUTCOME_UNKNOWN; ERR_TIMEOUT means unknown as well. */
int meta_propose(struct meta *m, const struct call *call, const struct entry *e, struct err *err) must_use;
uint64_t meta_new_id(struct meta *m);      /* inode and content ids; journals reservations ahead by itself. 0 when none could be reserved within 10 s (an entry that uses it is refused) */
/* Interned names: the id for a name (proposes when new). ERR_INVALID_ARGUMENT: a new one above NAME_MAX_BYTES. Lookup of a name never fails: unknown ids are "". */
int meta_principal(struct meta *m, const struct call *call, const char *name, principal_id *ret, struct err *err) must_use;
const char *meta_principal_name(struct meta *m, principal_id id); /* valid for the life of the process */

/* ---- reading ---- */
uint64_t meta_applied_index(const struct meta *m);
bool meta_has_room(const struct meta *m); /* false: changes are refused until the disk of the metadata has room */
int meta_wait_index(struct meta *m, uint64_t index, int64_t deadline_ms, struct err *err) must_use; /* ERR_TIMEOUT */
uint64_t meta_epoch(const struct meta *m);
/* A dentry; ERR_NOT_FOUND costs no SQL when the absence is cached. */
int meta_lookup(struct meta *m, inode_id parent, const char *name, size_t len, inode_id *ret, enum inode_type *ret_type, struct err *err) must_use;
int meta_inode(struct meta *m, inode_id ino, struct inode *ret, struct err *err) must_use;

/* A path walked from the root: nodes[0] is the root, nodes[n-1] the last component that exists. One consistent view. */
struct walk_node {
    inode_id ino;
    enum inode_type type;
    uint32_t flags, mode;
    principal_id owner, group;
    stamp attr_ver, child_ver;
};
struct walk {
    uint64_t epoch;
    uint64_t index;           /* applied index of the view */
    size_t count;             /* nodes found, ≥ 1 */
    size_t depth;             /* components of the path + 1; count == depth: all found */
    struct walk_node *nodes;  /* owned: walk_done */
    struct inode last;        /* full inode of nodes[count-1] */
};
/* `path` is clean (api/path.h). Finding less than all is success. */
int meta_walk(struct meta *m, const char *path, struct walk *ret, struct err *err) must_use;
void walk_done(struct walk *w);
/* Path of an inode; files with several links: one of them. ERR_NOT_FOUND. */
int meta_path(struct meta *m, inode_id ino, struct buf *ret, struct err *err) must_use;

/* Children in byte order of names, in pages; memory does not grow with the directory; no lock or connection is held in `each`. */
struct meta_child {
    const char *name; /* valid for the call */
    inode_id ino;
    enum inode_type type;
    const struct inode *inode; /* NULL when not asked for */
};
typedef int (*meta_child_fn)(void *arg, const struct meta_child *c, struct err *err);
int meta_list(struct meta *m, inode_id dir, const char *after, int64_t position, size_t limit, bool with_inodes,
              meta_child_fn each, void *arg, struct err *err) must_use; /* position ≥ 0 replaces after; limit 0: all */

/* Side attributes of an inode. */
int meta_attr(struct meta *m, inode_id ino, const char *name, struct buf *ret, struct err *err) must_use; /* ERR_NOT_FOUND */
int meta_attrs(struct meta *m, inode_id ino, const char *prefix,
               int (*each)(void *arg, const char *name, const void *value, size_t len), void *arg, struct err *err) must_use;
int meta_record(struct meta *m, enum record_kind kind, const char *key, struct buf *ret, struct err *err) must_use; /* ERR_NOT_FOUND */
int meta_records(struct meta *m, enum record_kind kind, const char *after,
                 int (*each)(void *arg, const char *key, const void *value, size_t len), void *arg, struct err *err) must_use;
/* Marks with when ≤ until, oldest first, at most `max`; returns the number or an error. */
struct mark {
    int64_t when_ms;
    inode_id ino;
};
int meta_marks(struct meta *m, enum mark_kind kind, int64_t until_ms, struct mark *ret, size_t max, struct err *err) must_use;

/* ---- the change feed: rule 16 of the core; a bounded ring ---- */
struct change {
    uint64_t index;
    enum entry_kind kind;
    inode_id ino, parent;
};
/* Changes after `from`, waiting until the deadline for the first. Returns the number (0: none yet), or -ERR_RANGE when `from` is too old: read again.
 * An answer ends with a whole index; -ERR_RANGE too when one index alone has more than `max` changes. */
int meta_changes(struct meta *m, uint64_t from, int64_t deadline_ms, struct change *ret, size_t max, struct err *err) must_use;

/* ---- care ---- */
struct meta_counts {
    uint64_t inodes, files, directories, to_persist, pinned, lost, database_bytes, wal_bytes, cache_bytes, cache_hits, cache_misses;
};
void meta_counts(struct meta *m, struct meta_counts *ret);
void meta_journal_info(struct meta *m, struct journal_info *ret);
int meta_checkpoint(struct meta *m, int64_t deadline_ms, struct err *err) must_use;
/* The database as one consistent stream of bytes (an online copy; writers go on). */
int meta_backup(struct meta *m, int64_t deadline_ms, struct sink *to, uint64_t *ret_index, struct err *err) must_use;
/* Puts a backup in place of an absent store: new incarnation, base and ids above. */
int meta_restore(const struct meta_options *o, struct source *from, struct err *err) must_use;
/* Structural checks: dentries without inode, inodes without dentry, counts, parents, marks, sqlite integrity. Calls `each` for every finding. */
int meta_verify(struct meta *m, int (*each)(void *arg, const char *code, const char *text), void *arg, struct err *err) must_use;
