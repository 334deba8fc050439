/* SPDX-License-Identifier: Apache-2.0
 *
 * mounts_table: what mounts*.c share and nobody else sees: the rows, their slots (the open store of a
 * row, which outlives the row while it is in use), and the counted table.
 */
#pragma once
#include "base/lock.h"
#include "base/thread.h"
#include "master/mounts.h"
#include "master/mounts_record.h"

struct mount_slot { /* counted: the table's row, each use, each job */
    int refs;             /* atomic */
    uint64_t opened_for;  /* hash of uri and options; fixed */
    struct lock lock;
    /* under lock */
    struct ufs *ufs; /* opened at first use */
    struct ufs_space space;
    int64_t space_at_ms;   /* monotonic, 0 never */
    bool is_refreshing;
    bool has_answered, has_failed; /* the last probe */
    int64_t last_check_ms; /* wall */
    unsigned mode_file, mode_directory; /* fixed after open */
};
struct mount_row {
    struct mount_record record;
    enum mount_mode mode;
    struct mount_slot *slot;
    char tag[40];
    char *raw; /* the record as it is stored, for guards */
    size_t raw_len;
};
struct mount_table {
    int refs; /* atomic */
    uint64_t generation;
    size_t count;
    struct mount_row *rows; /* by path */
    mount_id last_id;       /* of the record "last"; 0 none */
    bool has_last;
};
struct mounts {
    struct mounts_options options; /* fixed after open */
    struct crypto_key key;
    struct pool *pool;
    uint64_t wanted;               /* atomic: generation that a table must have to be current */
    struct lock lock;
    struct mount_table *table;     /* under lock */
};

/* The current table, counted. Blocks on the database after a change. */
int mounts_table_get(struct mounts *m, struct mount_table **ret, struct err *err) must_use;
void mounts_table_put(struct mount_table *t); /* accepts NULL */
struct mount_row *mounts_table_at(struct mount_table *t, const char *path);   /* that mount point, or NULL */
struct mount_row *mounts_table_over(struct mount_table *t, const char *path); /* longest prefix, or NULL */
struct mount_row *mounts_table_id(struct mount_table *t, mount_id id);

struct mount_slot *mounts_slot_new(const struct mount_record *r);
struct mount_slot *mounts_slot_ref(struct mount_slot *s);
void mounts_slot_put(struct mount_slot *s); /* the last one closes the store */
int mounts_slot_open(struct mount_slot *s, const struct mount_record *r, struct ufs **ret, struct err *err) must_use;
/* Asks for the store's size beside; at most once a minute. */
void mounts_slot_refresh(struct mounts *m, struct mount_row *row);
/* Opens the store of a record that is not in the table: filters and circuit as for one that is. */
int mounts_slot_open_record(const struct mount_record *r, struct ufs **ret, struct err *err) must_use;

/* mounts_change.c */
int mounts_add(void *impl, const struct call *call, const struct mount_spec *spec, mount_id *ret, struct err *err);
int mounts_update(void *impl, const struct call *call, const struct mount_spec *spec, struct err *err);
int mounts_remove(void *impl, const struct call *call, const char *path, const char *if_match, struct err *err);
int mounts_set_mode(void *impl, const struct call *call, const char *ufs_root, enum mount_mode mode, struct err *err);
/* mounts_kinds.c */
int mounts_kinds(void *impl, int (*each)(void *arg, const struct mount_kind *), void *arg, struct err *err);
/* mounts_test.c */
int mounts_test(void *impl, const struct call *call, const struct mount_spec *spec, struct mount_test_step *ret, size_t max,
                size_t *ret_n, struct err *err);
/* Within 10 s; the failed step's error, which names the cause. `ret_root` (may be NULL): status of the store's root. */
int mounts_test_live(struct mounts *m, const struct call *call, const struct mount_record *r, struct ufs_stat *ret_root,
                     unsigned *ret_capabilities, struct err *err) must_use;
