/* SPDX-License-Identifier: Apache-2.0
 *
 * intents: changes that a store and the journal make together.  An open intent owns its (mount, key)
 * and all below it (and its target) alone; it is a RECORD_INTENT, so a restart finds and ends it.
 *
 *   intents_claim → entry with intents_put → meta_propose → the store → entry with intents_end → meta_propose → intents_release(true)
 *
 * RENAME, REMOVE and MKDIR: the namespace changes in the SAME entry as intents_put; then intents_run does the store's part and
 * the outcome.  WRITE: the namespace changes in the entry that has intents_end.  The entry with intents_put must also guard the chain by
 * which the key was found (a finished directory move changes keys).  Recovery: REMOVE RENAME MKDIR are repeated; when the store
 * refuses for good, and for WRITE, what the store has is brought into the namespace (`resync`), a new file of WRITE as it would have been born; PERSIST is only ended, its queue repeats it;
 * MOVE is the mover's work (intents_on_move), handed over by intents_run.
 * Threads: any; one of its own for recovery.
 */
#pragma once
#include "master/mounts.h"

enum intent_kind { INTENT_WRITE, INTENT_RENAME, INTENT_REMOVE, INTENT_MKDIR, INTENT_PERSIST, INTENT_MOVE, INTENT_KIND_COUNT };
const char *intent_kind_name(enum intent_kind k); /* "write"; static */

/* What the file of a WRITE starts with when recovery publishes it: as asked for, or as the writer was.  What it inherits is looked up in its
 * directory then, as a commit does. */
struct intent_birth {
    bool is_known; /* false: an intent that was journaled without it; the store's mode and the directory's owner are taken */
    int mode;      /* -1: none was asked for */
    principal_id owner, group;
};
struct intent {
    enum intent_kind kind;
    mount_id mount;
    const char *key;    /* "" is the mount's root */
    const char *target; /* RENAME, MOVE: key in the same mount; else NULL */
    inode_id ino;
    content_id cid;
    bool is_directory;  /* REMOVE: with all below; RENAME: of a directory */
    unsigned mode;      /* MKDIR */
    struct intent_birth birth; /* WRITE */
    int64_t started_ms; /* filled by claim */
};

struct intents;
struct intents_options {
    struct meta *meta;
    struct mounts *mounts;
    /* What the store has at `key` (the intent's, or its target) becomes what the namespace shows (sync_key). Set by intents_start. */
    int (*resync)(void *arg, const struct call *call, const struct intent *i, const char *key, struct err *err);
    void *resync_arg;
};
/* Loads the open ones: they own their keys from here on. */
int intents_open(const struct intents_options *o, struct intents **ret, struct err *err) must_use;
/* Who moves the bytes of an INTENT_MOVE; may be called again for the same one. Before intents_start. */
void intents_on_move(struct intents *in, int (*move)(void *arg, const struct call *call, const struct intent *i, struct err *err), void *arg);
void intents_start(struct intents *in); /* recovery */
void intents_stop(struct intents *in);
void intents_close(struct intents *in); /* accepts NULL */

struct intent_claim; /* one ownership in this process */
/* Waits while another owns the key, a parent of it or something below it, until the deadline, at most 10 s: then ERR_BUSY. Copies `i`. */
int intents_claim(struct intents *in, const struct call *call, const struct intent *i, struct intent_claim **ret, struct err *err) must_use;
void intents_put(const struct intent_claim *c, struct entry *e); /* record and its guard (ERR_BUSY) */
void intents_end(const struct intent_claim *c, struct entry *e); /* removes the record; guarded (ERR_STALE when it is gone) */
/* After the entry with intents_put was applied: the store's part of RENAME, REMOVE, MKDIR, then the outcome (MOVE: goes on in the background); releases the claim in any case.
 * REMOVE that is not done by the deadline goes on in the background and succeeds.  On a failure that the store will repeat, the namespace
 * is brought back to what the store has and the error returned; on other failures recovery repeats it, and the error is returned. */
int intents_run(struct intents *in, const struct call *call, struct intent_claim *c, struct err *err) must_use;
/* is_ended: nothing was journaled, or intents_end was applied. Else recovery takes it over, ownership included. NULL is accepted. */
void intents_release(struct intents *in, struct intent_claim *c, bool is_ended);
/* For unmount: nothing of the mount can be claimed until intents_let_go, and what was claimed is over on success.  Waits for it until the
 * deadline, at most 10 s: then ERR_BUSY and nothing is held.  What recovery has tried in vain (a dead store) is not waited for: it ends
 * with the mount. */
int intents_hold(struct intents *in, const struct call *call, mount_id mount, struct err *err) must_use;
void intents_let_go(struct intents *in, mount_id mount);
/* Is the key, a parent of it, or something below it owned? For sync: it says nothing about such a name. */
bool intents_covers(struct intents *in, mount_id mount, const char *key);
/* For doctor and tasks: every open intent older than `older_ms`. */
struct intent_info {
    struct intent intent;
    unsigned attempts;
    const char *error; /* "" none */
};
int intents_list(struct intents *in, int64_t older_ms, int (*each)(void *arg, const struct intent_info *), void *arg);
