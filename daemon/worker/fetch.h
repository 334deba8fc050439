/* SPDX-License-Identifier: Apache-2.0
 *
 * fetch: threads that read ranges from stores.  One mount may hold half of them, so that a store
 * which hangs slows nobody else.
 */
#pragma once
#include "base/lock.h"
#include "base/thread.h"
#include "api/types.h"

struct fetch_job {
    struct fetch_job *next;
    mount_id mount;
    void (*run)(struct fetch_job *j); /* ends the job and frees it */
};
struct fetcher;
struct fetcher *fetcher_new(unsigned threads);
void fetcher_free(struct fetcher *f); /* runs what is queued */
void fetcher_add(struct fetcher *f, struct fetch_job *take);
