/* SPDX-License-Identifier: Apache-2.0
 *
 * mounts_slot: the open store behind a row of the mount table.  Opened at first use, shared by all users, closed by the last of
 * them, which may come after the mount is gone or has other options.  Threads: any; refreshing runs in the mounts pool.
 */
#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "master/mounts_circuit.h"
#include "master/mounts_table.h"
#include "ufs/filters/limit.h"

#include <string.h>

enum { SPACE_AGE_MS = 60000, SPACE_DEADLINE_MS = 20000, CALLS_MAX = 64 };

static uint64_t hash_text(uint64_t h, const char *s)
{
    do
        h = (h ^ (unsigned char)*s) * 1099511628211u;
    while (*s++);
    return h;
}

static uint64_t hash_record(const struct mount_record *r)
{
    uint64_t h = hash_text(14695981039346656037u, r->uri);
    for (size_t i = 0; i < r->option_count; i++)
        h = hash_text(hash_text(h, r->options[i].name), r->options[i].value);
    return h;
}

struct mount_slot *mounts_slot_new(const struct mount_record *r)
{
    struct mount_slot *s = xnew(struct mount_slot);
    s->refs = 1;
    s->opened_for = hash_record(r);
    s->space = (struct ufs_space){-1, -1};
    lock_init(&s->lock, RANK_MASTER_INNER);
    return s;
}

struct mount_slot *mounts_slot_ref(struct mount_slot *s)
{
    __atomic_add_fetch(&s->refs, 1, __ATOMIC_RELAXED);
    return s;
}

void mounts_slot_put(struct mount_slot *s)
{
    if (!s || __atomic_sub_fetch(&s->refs, 1, __ATOMIC_ACQ_REL))
        return;
    ufs_close(s->ufs);
    lock_done(&s->lock);
    free(s);
}

int mounts_slot_open_record(const struct mount_record *r, struct ufs **ret, struct err *err)
{
    struct ufs_properties props = mounts_record_properties(r);
    struct ufs *u;
    if (r->failure)
        return err_set(err, ERR_UNAVAILABLE, "mount %.100s: %s", r->path, r->failure);
    TRY(ufs_open(r->uri, &props, &u, err));
    if (!strcmp(ufs_property(&props, "isthmus.underfs.calls.max", "0"), "0"))
        u = limit_open(CALLS_MAX, 0, u); /* one store never takes all threads */
    *ret = mounts_circuit_open(r->uri, u);
    return 0;
}

/* Mode bits as "0644" in octal; 0 when the option is absent or wrong. */
static unsigned octal(const char *s)
{
    unsigned v = 0;
    for (; s && *s >= '0' && *s <= '7' && v < 01000; s++)
        v = v * 8 + (unsigned)(*s - '0');
    return s && !*s ? v & 0777 : 0;
}

static void take_modes(struct mount_slot *s, const struct mount_record *r)
{
    struct ufs_properties props = mounts_record_properties(r);
    unsigned mode = octal(ufs_property(&props, "isthmus.underfs.s3.default.mode", NULL));
    s->mode_file = mode ? mode & 0666 : 0644;
    s->mode_directory = mode ? mode | (mode & 0444) >> 2 : 0755;
}

int mounts_slot_open(struct mount_slot *s, const struct mount_record *r, struct ufs **ret, struct err *err)
{
    lock_take(&s->lock);
    struct ufs *have = s->ufs;
    lock_drop(&s->lock);
    if (!have) {
        struct ufs *mine = NULL;
        TRY(mounts_slot_open_record(r, &mine, err));
        lock_take(&s->lock);
        if (!s->ufs) {
            take_modes(s, r);
            s->ufs = steal(&mine);
        }
        have = s->ufs;
        lock_drop(&s->lock);
        ufs_close(mine);
    }
    *ret = have;
    return 0;
}

struct refresh {
    struct mount_slot *slot;
    struct ufs *ufs;
};

static void refresh_run(void *arg)
{
    struct refresh *r = arg;
    struct ufs_call c = {.deadline_ms = clock_mono_ms() + SPACE_DEADLINE_MS, .request_id = "mounts"};
    struct ufs_space space = {-1, -1};
    struct ufs_stat st;
    int rc = ufs_stat(r->ufs, &c, "", &st, NULL);
    if (rc == 0 && ufs_space(r->ufs, &c, &space, NULL) < 0)
        space = (struct ufs_space){-1, -1};
    lock_take(&r->slot->lock);
    r->slot->is_refreshing = false;
    r->slot->space_at_ms = clock_mono_ms();
    r->slot->has_answered = rc == 0;
    r->slot->has_failed = rc < 0;
    r->slot->last_check_ms = clock_wall_ms();
    if (rc == 0)
        r->slot->space = space;
    lock_drop(&r->slot->lock);
    mounts_slot_put(r->slot);
    free(r);
}

static bool claim_refresh(struct mount_slot *s)
{
    LOCK_SCOPE(&s->lock);
    if (s->is_refreshing || (s->space_at_ms && clock_mono_ms() - s->space_at_ms < SPACE_AGE_MS))
        return false;
    return s->is_refreshing = true;
}

static void refresh_failed(struct mount_slot *s)
{
    LOCK_SCOPE(&s->lock);
    s->is_refreshing = false;
    s->has_failed = true;
}

void mounts_slot_refresh(struct mounts *m, struct mount_row *row)
{
    struct ufs *u;
    if (!claim_refresh(row->slot))
        return;
    if (mounts_slot_open(row->slot, &row->record, &u, NULL) < 0) {
        refresh_failed(row->slot);
        return;
    }
    struct refresh *r = xnew(struct refresh);
    *r = (struct refresh){mounts_slot_ref(row->slot), u};
    if (pool_submit(m->pool, refresh_run, r, NULL) < 0) {
        lock_take(&row->slot->lock);
        row->slot->is_refreshing = false;
        lock_drop(&row->slot->lock);
        mounts_slot_put(r->slot);
        free(r);
    }
}
