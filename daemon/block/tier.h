/* SPDX-License-Identifier: Apache-2.0
 *
 * tier: one folder with a quota: names of block files, room, and whether the disk works.  Which
 * blocks there are is index's.  Threads: any.
 */
#pragma once
#include "base/lock.h"
#include "block/block.h"
#include "block/evict.h"

enum { TIER_FANOUT = 1024 }; /* 32 folders of 32 */

struct tier {
    /* fixed after init */
    char alias[8], path[512];
    uint64_t quota, high, low; /* bytes */
    bool is_durable;           /* not on tmpfs */
    int root;                  /* descriptor of the folder; -1 when it cannot be used */
    const struct evict_policy *policy;
    /* atomic */
    uint64_t used;
    bool is_ok;
    uint32_t serial;
    uint8_t synced[TIER_FANOUT]; /* the folder's own entry is on disk */
    struct lock lock;
    /* under lock */
    struct evict_queue queue;
    char failure[160];
};

void tier_init(struct tier *t, const struct block_tier_options *o, const struct evict_policy *policy);
void tier_done(struct tier *t);
/* Bytes are reserved before they are written; false when the quota (or `limit`, if smaller) would be passed. */
bool tier_reserve(struct tier *t, uint64_t bytes, uint64_t limit);
void tier_release(struct tier *t, uint64_t bytes);
uint64_t tier_used(const struct tier *t);
bool tier_is_ok(const struct tier *t);
uint32_t tier_serial(struct tier *t); /* makes names unique */

/* A disk error ends the use of the tier, except a full disk: that is ERR_NO_SPACE. Returns the code. */
int tier_failed(struct tier *t, int os, const char *what, struct err *err);

struct tier_name {
    char text[48];
    unsigned folder;
};
struct tier_name tier_name(content_id cid, uint32_t seq, uint32_t serial);
/* A new file under a name that adoption throws away, until it is renamed or, for `is_final`, its own. Returns the descriptor. */
int tier_create(struct tier *t, const struct tier_name *n, bool is_final, struct err *err) must_use;
int tier_open(struct tier *t, const struct tier_name *n, struct err *err) must_use;
int tier_publish(struct tier *t, const struct tier_name *n, struct err *err) must_use; /* temporary → final name */
int tier_sync_folder(struct tier *t, const struct tier_name *n, struct err *err) must_use;
void tier_unlink(struct tier *t, const struct tier_name *n, bool is_temporary);
