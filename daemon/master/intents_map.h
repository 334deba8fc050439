/* SPDX-License-Identifier: Apache-2.0
 *
 * intents_map: who owns which key: a key is free when neither it, nor a parent, nor anything below it is
 * owned.  Costs one hash step for each level of the key, however many are owned.  Not locked: the holder's lock guards it.
 */
#pragma once
#include "api/types.h"

struct intents_map;
struct intents_map *intents_map_new(void);
void intents_map_free(struct intents_map *m); /* accepts NULL */
bool intents_map_take(struct intents_map *m, mount_id mount, const char *key); /* false: somebody owns it or a part */
/* How many keys of a mount are owned. */
size_t intents_map_count(const struct intents_map *m, mount_id mount);
void intents_map_drop(struct intents_map *m, mount_id mount, const char *key);
bool intents_map_covers(const struct intents_map *m, mount_id mount, const char *key); /* it, a parent, or something below it is owned */
