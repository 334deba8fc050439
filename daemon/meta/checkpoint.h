/* SPDX-License-Identifier: Apache-2.0
 *
 * checkpoint: keeps the database's WAL small, on a thread of its own.  Above the soft limit pages are
 * copied while apply goes on; above the hard one changes stop for a little so that
 * the WAL starts anew.  It also watches the room on the disk.  Threads: its own; apply asks.
 */
#pragma once
#include "meta/db.h"

struct checkpoint;
struct checkpoint_client {
    void *arg;
    int (*stop_changes)(void *arg, struct err *err); /* no transaction is open at its return, and none begins until go_on */
    void (*go_on)(void *arg);
};
int checkpoint_start(const char *dir, const char *path, uint64_t reserve_bytes, const struct checkpoint_client *client,
                     struct checkpoint **ret, struct err *err) must_use;
void checkpoint_stop(struct checkpoint *c); /* accepts NULL */
void checkpoint_grew(struct checkpoint *c, uint64_t wal_bytes); /* after each commit */
int checkpoint_now(struct checkpoint *c, int64_t deadline_ms, struct err *err) must_use; /* ERR_TIMEOUT */
bool checkpoint_has_room(const struct checkpoint *c);
uint64_t checkpoint_wal_bytes(const struct checkpoint *c);
