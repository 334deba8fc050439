/* SPDX-License-Identifier: Apache-2.0
 *
 * engine: what the journal asks of a consensus library: append this group, tell me what is
 * committed, cut the log once the state is durable.  Knows groups, not entries, and no callers.
 * One engine has one thread, its loop; all callbacks come on it and must not block.
 */
#pragma once
#include "journal/group.h"

/* A group that waits to be appended; valid until the next call of `next`. */
struct engine_group {
    void *ticket; /* comes back in committed or ended, exactly once */
    uint32_t count;
    const uint32_t *lengths;
    const void *data;
    size_t data_len;
};

struct engine_status {
    bool is_ready;  /* leads, and all that the log held at the start went to `committed` */
    bool is_leader;
    bool is_low_on_space;
    uint64_t term, last_index, last_entries; /* last_entries: index of the last committed group of entries */
    uint64_t cut_index, cut_last; /* marker: where the log was cut, last group of entries before it */
    uint64_t log_bytes, entries_since_cut;
};

/* All on the engine's thread. */
struct engine_client {
    void *arg;
    /* Takes the oldest group that waits. */
    bool (*next)(void *arg, struct engine_group *ret);
    /* A group above options.applied is committed. `data` is the client's to free(); the view points into it.
     * ticket is NULL for what was not proposed here since the start. */
    void (*committed)(void *arg, uint64_t index, void *data, const struct group_view *v, void *ticket);
    /* A group that was taken will not come from here. */
    void (*ended)(void *arg, void *ticket, const struct err *why);
    /* The cut waits until the state is durable up to `index`: call engine_durable then. */
    void (*need_durable)(void *arg, uint64_t index);
    void (*changed)(void *arg, const struct engine_status *s);
    /* The engine is lost; its thread ends after this call. */
    void (*failed)(void *arg, const struct err *why);
};

struct engine_options {
    const char *dir;
    uint64_t node_id;
    const char *address;
    struct group_id id;
    uint64_t applied, durable; /* of the state */
    uint64_t reserve_bytes;
};

struct engine;
/* Writes the first record of an empty log. ERR_ALREADY_EXISTS, ERR_NO_SPACE. Blocks. */
int engine_bootstrap(const struct engine_options *o, struct err *err) must_use;
/* Returns once the log is loaded and found to belong to the state. ERR_CONFLICT when it does not. */
int engine_start(const struct engine_options *o, const struct engine_client *c, struct engine **ret,
                 struct err *err) must_use;
/* Appends what `next` still gives, ends the thread and frees. After the deadline, or when the engine
 * failed, its memory is given up instead: the library cannot be closed under load. Accepts NULL. */
void engine_stop(struct engine *e, int64_t deadline_ms);

/* Any thread, until engine_stop: */
void engine_wake(struct engine *e); /* `next` has something */
void engine_durable(struct engine *e, uint64_t index);
void engine_cut(struct engine *e, uint64_t up_to); /* asks for a marker that covers this group */
