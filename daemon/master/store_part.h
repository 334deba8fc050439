/* SPDX-License-Identifier: Apache-2.0
 *
 * store_part: what a change of the namespace means for the store behind it, carried out by one intent: nothing, a rename,
 * a removal, or (a directory on a store that cannot rename one) a move that follows.  Order, so that a crash at any
 * point is finished or undone by intents: claim the key → one entry with namespace and intent → the store.
 */
#pragma once
#include "master/op.h"

enum store_part { STORE_NOTHING, STORE_RENAME, STORE_REMOVE_SOURCE, STORE_REMOVE_TARGET, STORE_MOVE_LATER };

/* Pure: what renaming `from` over `to` (NULL: nothing there) needs. `same_key`: both names have one key at the moment. */
enum store_part store_part_rename(const struct inode *from, const struct inode *to, unsigned capabilities, bool same_key);
/* Is there, or may there be, something in the store to remove? */
bool store_part_removes(const struct inode *i);
/* Runs `propose` (which puts `claim` into its entry when it is not NULL) with the intent claimed, then the store's part. */
typedef int (*store_part_propose)(struct master *m, const struct call *call, void *arg, struct intent_claim *claim, struct err *err);
int store_part_run(struct master *m, const struct call *call, const struct intent *i, store_part_propose propose, void *arg,
                   struct err *err) must_use;
