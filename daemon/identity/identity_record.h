/* SPDX-License-Identifier: Apache-2.0
 *
 * identity_record: users, tokens and sessions as records, and a bounded cache of parsed ones.  Private to this folder.
 */
#pragma once
#include "base/lock.h"
#include "identity/identity.h"

enum { IDENTITY_GROUPS_MAX = 16, CACHE_BUCKETS = 1024, CACHE_MAX = 8192 };

/* One of the three kinds, parsed; immutable but for last_used_ms and refs. */
struct id_record {
    int refs;              /* atomic */
    enum record_kind kind;
    char *key;
    struct id_record *next; /* in its bucket */
    /* user */
    char hash[160];
    bool is_disabled, must_change;
    size_t group_count;
    char *groups[IDENTITY_GROUPS_MAX];
    /* token and session */
    char id[24], csrf[48];
    char *user, *label, *scope, *from;
    bool can_write;
    int64_t expires_ms;
    /* all */
    enum role role;
    int64_t created_ms;
    int64_t last_used_ms; /* atomic; in memory only */
};

struct id_cache {
    struct lock lock;
    /* under lock */
    struct id_record *buckets[CACHE_BUCKETS];
    size_t count;
    uint64_t generation; /* raised by every forgotten record: a read that began before does not enter */
};
void id_cache_init(struct id_cache *c);
void id_cache_done(struct id_cache *c);
void id_cache_forget(struct id_cache *c, enum record_kind kind, const char *key);
/* The record, counted: id_record_put. ERR_NOT_FOUND. */
int id_record_get(struct id_cache *c, struct meta *meta, enum record_kind kind, const char *key, struct id_record **ret,
                  struct err *err) must_use;
void id_record_put(struct id_record *r); /* accepts NULL */

/* JSON form.  The cleanup of a parsed record is id_record_put. */
void id_record_encode(const struct id_record *r, struct buf *to);
int id_record_decode(enum record_kind kind, const char *key, const void *value, size_t len, struct id_record **ret, struct err *err) must_use;
