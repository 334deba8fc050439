/* SPDX-License-Identifier: Apache-2.0
 *
 * sync_decide: does an answer wait for the store, does a check run beside it, or neither?  Pure.
 */
#pragma once
#include "api/meta_api.h"
#include "api/mount_api.h"

enum sync_decision { SYNC_SERVE, SYNC_BESIDE, SYNC_WAIT };
struct sync_question {
    enum load_type load;
    int64_t asked_interval_ms; /* read_options: -2 the mount's, -1 never, 0 always, else age */
    enum freshness freshness;
    int64_t mount_interval_ms;
    bool is_known;       /* the answer can be given from the database: found, and for a list loaded once */
    int64_t verified_ms; /* 0 never */
    int64_t absent_ms;   /* not known: when the store last said that it is not there; 0 never */
    bool is_parent_loaded; /* not known: the directory was listed once, so the name was not there then */
    int64_t now_ms;
};
enum sync_decision sync_decide(const struct sync_question *q);
/* Age that the contract allows: -1 any. */
int64_t sync_decide_age(int64_t asked_ms, enum freshness freshness, int64_t mount_interval_ms);
