/* SPDX-License-Identifier: Apache-2.0
 *
 * sync_flight: who runs a comparison, and who joins it.
 */
#pragma once
#include "master/sync_work.h"

struct sync_flights;
struct sync_flights *sync_flights_new(const struct sync_env *env, unsigned threads);
void sync_flights_free(struct sync_flights *s); /* running listings end at their next name */
const struct sync_env *sync_flights_env(const struct sync_flights *s); /* with `is_ending` */

/* Joins one that runs. `ret_through` (may be NULL): after 3 s also returns when children beyond `after` are there. ERR_TIMEOUT: it goes on. */
int sync_flight_load(struct sync_flights *s, const char *path, mount_id mount, int64_t deadline_ms, const char *after, char *ret_through,
                     struct err *err) must_use;
/* Looks after the call came. */
int sync_flight_directory(struct sync_flights *s, const char *path, mount_id mount, int64_t deadline_ms, struct err *err) must_use;
int sync_flight_path(struct sync_flights *s, const struct call *call, const char *path, mount_id mount, struct err *err) must_use;
void sync_flight_beside(struct sync_flights *s, const char *path, mount_id mount, bool is_directory);
/* Counts what a comparison did; returns rc. */
int sync_flight_count(int rc, const struct sync_tally *t);
