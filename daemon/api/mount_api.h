/* SPDX-License-Identifier: Apache-2.0
 *
 * mount_api: the mount table as the front ends see it.  Changes need the admin role (update and
 * mode: operator).  Option values that are secret are stored sealed and shown as "******".
 */
#pragma once
#include "api/types.h"

enum mount_mode { MOUNT_READ_WRITE, MOUNT_READ_ONLY, MOUNT_NO_ACCESS }; /* maintenance */
enum freshness { FRESH_NEVER, FRESH_INTERVAL, FRESH_MANUAL };

struct mount_option {
    const char *name, *value;
};
struct mount_info { /* valid for the callback */
    mount_id id;
    const char *path, *uri, *kind; /* kind: the driver's name */
    bool is_read_only, is_shared;
    enum mount_mode mode;
    enum freshness freshness;
    int64_t interval_ms; /* FRESH_INTERVAL: 0 checks on each access */
    size_t option_count;
    const struct mount_option *options; /* secrets masked */
    int64_t total_bytes, used_bytes;    /* -1 unknown; a value not older than a minute, never waited for */
    uint64_t calls, errors, bytes_read, bytes_written;
    int64_t last_error_ms, last_check_ms; /* 0 none */
    const char *last_error;
    const char *health; /* "ok", "failing", "unknown" */
    const char *tag;    /* for If-Match */
};
struct mount_spec {
    const char *path, *uri;
    bool is_read_only, is_shared;
    enum freshness freshness;
    int64_t interval_ms;
    size_t option_count;
    const struct mount_option *options; /* update: value "******" keeps the stored secret */
    const char *if_match;               /* update, remove */
};
struct mount_test_step {
    char name[16], state[8]; /* resolve tls sign_in list read write; ok failed skipped */
    int64_t ms;
    struct err err;
};
struct mount_kind_field {
    const char *name, *type, *value, *choices, *help; /* as in struct ufs_option */
    bool is_required;
};
struct mount_kind { /* a driver, for forms */
    const char *name, *label, *schemes;
    size_t field_count;
    const struct mount_kind_field *fields;
};
struct mount_api {
    void *impl;
    int (*list)(void *impl, const struct call *, int (*each)(void *arg, const struct mount_info *), void *arg, struct err *);
    /* Refused within 10 s when the store does not answer or is wrong. */
    int (*add)(void *impl, const struct call *, const struct mount_spec *, mount_id *ret, struct err *);
    int (*update)(void *impl, const struct call *, const struct mount_spec *, struct err *);
    int (*remove)(void *impl, const struct call *, const char *path, const char *if_match, struct err *);
    int (*set_mode)(void *impl, const struct call *, const char *ufs_root, enum mount_mode, struct err *);
    /* Saves nothing. 0 even when a step failed. */
    int (*test)(void *impl, const struct call *, const struct mount_spec *, struct mount_test_step *ret, size_t max, size_t *ret_n, struct err *);
    int (*kinds)(void *impl, int (*each)(void *arg, const struct mount_kind *), void *arg, struct err *);
};
const char *mount_mode_name(enum mount_mode m);  /* readWrite readOnly noAccess */
int mount_mode_parse(const char *s, enum mount_mode *ret, struct err *err) must_use;
const char *freshness_name(enum freshness f);    /* never interval manual */
int freshness_parse(const char *s, enum freshness *ret, struct err *err) must_use;

/* What the data side asks of the mount table (a callback that roles.c registers). */
struct ufs;
struct mount_store {
    struct ufs *ufs;   /* counted: valid until store_put */
    bool is_read_only;
    void *handle;
};
struct store_api {
    void *impl;
    int (*get)(void *impl, mount_id id, bool for_write, struct mount_store *ret, struct err *err); /* ERR_NOT_FOUND, ERR_READ_ONLY, ERR_MAINTENANCE */
    void (*put)(void *impl, struct mount_store *s);
};
