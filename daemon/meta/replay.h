/* SPDX-License-Identifier: Apache-2.0
 *
 * replay: retries act once (rule 14).  A key that a client gave travels as a record in the very entry that decides,
 * guarded to be absent; a repeated request finds it and does nothing.  Threads: any.
 */
#pragma once
#include "meta/entry.h"
#include "meta/meta.h"

/* 1: this request acted before (result says so); 0: it did not, or brings no key.  ERR_CONFLICT: the key was used for another request. */
int replay_before(struct meta *m, const struct call *call, const char *op, const char *path, const char *path2, struct err *err) must_use;
/* The key's record into the entry that decides.  The entry fails with ERR_STALE when another was faster: then replay_before finds it. */
void replay_put(const struct call *call, struct entry *e, const char *op, const char *path, const char *path2);
/* Forgets the oldest. */
void replay_trim(struct meta *m);
