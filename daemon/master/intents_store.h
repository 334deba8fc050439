/* SPDX-License-Identifier: Apache-2.0
 *
 * intents_store: the store's part of an intent, safe to repeat; and which failures repeating will not cure.
 */
#pragma once
#include "master/intents.h"

/* RENAME, REMOVE (with all below), MKDIR; the others have none: 0. */
int intents_store_do(struct mounts *m, const struct call *call, const struct intent *i, struct err *err) must_use;
bool intents_store_is_final(int rc); /* the store will say the same again */
