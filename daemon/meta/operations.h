/* SPDX-License-Identifier: Apache-2.0
 *
 * operations: which (client, sequence) pairs have run: the last sequence of each client and a bit for each
 * of the 1,024 before it.  Part of the state.  Threads: who has the turn.
 */
#pragma once
#include "meta/db.h"

struct operations;
struct operations *operations_new(struct db *db);
void operations_free(struct operations *o); /* accepts NULL */
enum operation_seen { OPERATION_NEW, OPERATION_SEEN, OPERATION_TOO_OLD };
int operations_seen(struct operations *o, uint64_t client, uint64_t sequence, enum operation_seen *ret, struct err *err) must_use;
int operations_add(struct operations *o, uint64_t client, uint64_t sequence, struct err *err) must_use;
int operations_write(struct operations *o, struct err *err) must_use; /* each changed client once */
void operations_forget(struct operations *o);                          /* after a rollback */
