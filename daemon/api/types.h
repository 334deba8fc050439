/* SPDX-License-Identifier: Apache-2.0
 *
 * types: the vocabulary of ids, and who asks.
 */
#pragma once
#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

typedef uint64_t inode_id;   /* stable over renames and replaced content; root is 1, 0 is none */
typedef uint64_t content_id; /* names bytes: replaced content gets a new one; from the same counter as inode ids */
typedef uint64_t block_id;   /* content_id << 24 | sequence */
typedef uint32_t principal_id; /* interned name of a user or group; 0 is "" */
typedef uint32_t mount_id;   /* root mount is 1 */
typedef uint64_t stamp;      /* version of a row: journal index << 16 | position in its group */

#define INODE_ROOT ((inode_id)1)
#define NAME_MAX_BYTES 255
#define PATH_MAX_BYTES 4096
#define PATH_MAX_DEPTH 256

enum role { ROLE_NONE, ROLE_VIEWER, ROLE_OPERATOR, ROLE_ADMIN };

struct identity {
    const char *user;
    size_t group_count;
    const char *const *groups;
    enum role role;
    bool is_super;     /* passes every path check */
    bool can_write;    /* false for read-only tokens */
    const char *scope; /* absolute path below which alone it may act; "/" for all */
};

/* What a dry run found, or what an operation did. */
struct effect {
    const char *severity; /* "info", "warn", "loss"; static */
    const char *code;     /* "files_removed", "bytes_removed_from_store", …; static */
    uint64_t count, bytes;
};
#define CALL_EFFECTS_MAX 12
struct call_result {
    uint64_t index;   /* journal index at which the change is applied; 0: nothing changed */
    bool is_replay;   /* the same idempotency key acted before; nothing was done now */
    uint64_t task_id; /* not 0: the rest goes on in the background */
    size_t effect_count;
    struct effect effects[CALL_EFFECTS_MAX];
};

/* Who asks, until when, and which request. First parameter of everything that can wait or change. */
struct call {
    const struct identity *who;
    int64_t deadline_ms;        /* monotonic */
    int64_t now_ms;             /* wall clock at the door; becomes mtime and the like */
    const char *request_id;     /* never NULL */
    const char *via;            /* "rest", "ui", "cli", "system"; static */
    const char *from;           /* address of the peer or "" */
    const char *idempotency_key; /* NULL: none */
    uint64_t request_print;     /* of what was asked, to tell a retry from another request with the same key */
    uint64_t min_index;         /* read your writes: wait until applied; 0: no wish */
    bool is_dry_run;            /* say what would happen, change nothing */
    struct call_result *result; /* may be NULL */
};
/* Adds an effect to call->result when there is one. */
void call_effect(const struct call *call, const char *severity, const char *code, uint64_t count, uint64_t bytes);
/* An identity and call for work that the daemon does by itself. `result` may be NULL. */
extern const struct identity identity_system;
struct call call_system(const char *request_id, int64_t deadline_ms, struct call_result *result);
const char *role_name(enum role r); /* "admin"; static */
enum role role_from_name(const char *name); /* ROLE_NONE when unknown */
