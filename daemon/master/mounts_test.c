/* SPDX-License-Identifier: Apache-2.0
 *
 * mounts_test: the live test of a store that is not mounted yet (or with other options), on a thread of the mounts pool: a name server
 * or a driver that hangs costs the caller its deadline and nothing else.  The job is counted by its two holders.
 */
#include "base/clock.h"
#include "base/mem.h"
#include "master/mounts_table.h"

#include <stdio.h>
#include <string.h>

enum { TEST_MS = 9500, STEPS_MAX = 8 };

struct test_job {
    int refs; /* atomic */
    struct ufs *ufs;
    char *uri;
    bool is_read_only; /* fixed */
    int64_t deadline_ms;
    struct lock lock;
    struct cond done_changed;
    /* under lock */
    bool is_done;
    size_t count;
    struct ufs_test_step steps[STEPS_MAX];
    int stat_rc;
    struct ufs_stat root;
};

static void job_put(struct test_job *j)
{
    if (__atomic_sub_fetch(&j->refs, 1, __ATOMIC_ACQ_REL))
        return;
    ufs_close(j->ufs);
    cond_done(&j->done_changed);
    lock_done(&j->lock);
    free(j->uri);
    free(j);
}

static void job_run(void *arg)
{
    struct test_job *j = arg;
    struct ufs_call c = {.deadline_ms = j->deadline_ms, .request_id = "mount-test"};
    struct ufs_test_step steps[STEPS_MAX] = {0};
    struct ufs_stat root = {0};
    size_t n = ufs_test(j->ufs, &c, j->is_read_only, steps, STEPS_MAX);
    int rc = ufs_stat(j->ufs, &c, "", &root, NULL);
    lock_take(&j->lock);
    memcpy(j->steps, steps, sizeof steps);
    j->count = n;
    j->stat_rc = rc;
    j->root = root;
    j->is_done = true;
    cond_wake_all(&j->done_changed);
    lock_drop(&j->lock);
    job_put(j);
}

/* Runs to the deadline at most; the job is returned done, or not done when it hangs. */
static int job_start(struct mounts *m, const struct call *call, const struct mount_record *r, struct test_job **ret, struct err *err)
{
    int64_t deadline = clock_mono_ms() + TEST_MS;
    struct ufs *u;
    TRY(mounts_slot_open_record(r, &u, err));
    struct test_job *j = xnew(struct test_job);
    j->refs = 2;
    j->ufs = u;
    j->uri = xstrdup(r->uri);
    j->is_read_only = r->is_read_only;
    j->deadline_ms = deadline < call->deadline_ms ? deadline : call->deadline_ms;
    lock_init(&j->lock, RANK_MASTER_INNER);
    cond_init(&j->done_changed);
    int rc = pool_submit(m->pool, job_run, j, err);
    if (rc < 0) {
        j->refs = 1;
        job_put(j);
        return rc;
    }
    lock_take(&j->lock);
    while (!j->is_done && !clock_is_past(j->deadline_ms + 300))
        cond_wait(&j->done_changed, &j->lock, j->deadline_ms + 300);
    lock_drop(&j->lock);
    *ret = j;
    return 0;
}

static void copy_steps(struct test_job *j, struct mount_test_step *ret, size_t max, size_t *ret_n)
{
    LOCK_SCOPE(&j->lock);
    size_t n = j->count < max ? j->count : max;
    for (size_t i = 0; i < n; i++) {
        snprintf(ret[i].name, sizeof ret[i].name, "%s", j->steps[i].name);
        snprintf(ret[i].state, sizeof ret[i].state, "%s", j->steps[i].state);
        ret[i].ms = j->steps[i].ms;
        ret[i].err = j->steps[i].err;
    }
    if (!j->is_done && max) {
        ret[0] = (struct mount_test_step){.name = "resolve", .state = "failed", .ms = TEST_MS};
        err_set(&ret[0].err, ERR_STORE_UNREACHABLE, "the store did not answer within 10 s");
        n = 1;
    }
    *ret_n = n;
}

int mounts_test(void *impl, const struct call *call, const struct mount_spec *spec, struct mount_test_step *ret, size_t max,
                size_t *ret_n, struct err *err)
{
    struct mounts *m = impl;
    struct mount_record r = {0};
    struct mount_table *t;
    struct test_job *j;
    TRY(mounts_table_get(m, &t, err));
    struct mount_row *old = spec->path ? mounts_table_at(t, spec->path) : NULL;
    int rc = mounts_record_make(spec, old ? &old->record : NULL, &r, err);
    mounts_table_put(t);
    TRY(rc);
    rc = job_start(m, call, &r, &j, err);
    mounts_record_done(&r);
    TRY(rc);
    copy_steps(j, ret, max, ret_n);
    job_put(j);
    return 0;
}

/* What the test says about mounting. */
static int verdict(struct test_job *j, struct ufs_stat *ret_root, unsigned *ret_capabilities, struct err *err)
{
    LOCK_SCOPE(&j->lock);
    if (!j->is_done)
        return err_set(err, ERR_STORE_UNREACHABLE, "the store %.120s did not answer within 10 s", j->uri);
    for (size_t i = 0; i < j->count; i++) {
        const struct ufs_test_step *s = &j->steps[i];
        if (strcmp(s->state, "failed"))
            continue;
        enum err_code code = s->err.code;
        bool is_local = !(ufs_capabilities(j->ufs) & UFS_CAP_NETWORK);
        if (code == ERR_STORE_UNREACHABLE && is_local) /* a folder that is not there, or not one */
            return err_set(err, ERR_NOT_FOUND, "Ufs path %.80s does not exist: %.120s", j->uri, s->err.text);
        if (code == ERR_NOT_FOUND || code == ERR_STORE_NO_BUCKET)
            return err_set(err, code, "Ufs path %.180s does not exist", j->uri);
        if (err)
            *err = s->err;
        return -(int)(s->err.code ? s->err.code : ERR_STORE_ERROR);
    }
    if (ret_root && j->stat_rc == 0)
        *ret_root = j->root;
    if (ret_capabilities)
        *ret_capabilities = ufs_capabilities(j->ufs);
    return 0;
}

int mounts_test_live(struct mounts *m, const struct call *call, const struct mount_record *r, struct ufs_stat *ret_root,
                     unsigned *ret_capabilities, struct err *err)
{
    struct test_job *j;
    TRY(job_start(m, call, r, &j, err));
    int rc = verdict(j, ret_root, ret_capabilities, err);
    job_put(j);
    return rc;
}
