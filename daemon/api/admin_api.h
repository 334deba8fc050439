/* SPDX-License-Identifier: Apache-2.0
 *
 * admin_api: the node and its journal as operators see them.
 */
#pragma once
#include "api/types.h"
#include "base/slice.h"

struct journal_status {
    const char *state, *engine; /* static */
    uint64_t term, last_index, applied_index, durable_index, snapshot_index, log_bytes, disk_bytes, entries_since_checkpoint, database_bytes, wal_bytes;
    int64_t last_checkpoint_ms;
};
struct namespace_counts {
    uint64_t inodes, files, directories, to_persist, pinned, lost;
};
struct finding { /* of doctor */
    const char *severity; /* "error", "warning" */
    const char *code;
    const char *text;
};
struct task_info { /* work that outlives its request: reclaim, persist, recursive changes */
    uint64_t id;
    const char *kind, *path, *state; /* running, waiting, failed */
    uint64_t done, total;            /* total 0: unknown */
    const char *error;               /* "" none */
    int64_t started_ms;
};
struct admin_change {
    uint64_t index;
    const char *kind; /* static */
    inode_id ino, parent;
};
struct admin_api {
    void *impl;
    void (*journal)(void *impl, struct journal_status *ret);
    void (*counts)(void *impl, struct namespace_counts *ret);
    int (*checkpoint)(void *impl, const struct call *, struct err *);
    /* The backup as one stream: metadata, configuration and secrets, sealed under the passphrase. */
    int (*backup)(void *impl, const struct call *, const char *passphrase, struct sink *to, uint64_t *ret_entries, struct err *);
    /* What needs attention now, cheaply: failed persists, space, a stopped journal. */
    int (*attention)(void *impl, const struct call *, int (*each)(void *arg, const struct finding *), void *arg, struct err *);
    int (*doctor)(void *impl, const struct call *, int (*each)(void *arg, const struct finding *), void *arg, struct err *);
    int (*tasks)(void *impl, const struct call *, int (*each)(void *arg, const struct task_info *), void *arg, struct err *);
    /* Idempotency keys of calls whose change does not carry the key itself: 1 when this request acted before (ERR_CONFLICT: another one),
     * and the note that it has, in an entry of its own. */
    int (*acted)(void *impl, const struct call *, const char *op, const char *path, struct err *);
    int (*note_acted)(void *impl, const struct call *, const char *op, const char *path, struct err *);
    uint64_t (*applied_index)(void *impl);
    int (*wait_index)(void *impl, uint64_t index, int64_t deadline_ms, struct err *); /* ERR_TIMEOUT */
    /* Changes after an index; see meta.h. ERR_RANGE when `from` is too old. Returns the number, or an error. */
    int (*changes)(void *impl, const struct call *, uint64_t from, struct admin_change *ret, size_t max, struct err *);
};
