/* SPDX-License-Identifier: Apache-2.0
 *
 * principals: names of users and groups and their small ids, all in memory; ids are never given again.
 * Threads: any; apply adds.
 */
#pragma once
#include "meta/db.h"
#include "api/types.h"

struct principals;
struct principals *principals_new(void);
void principals_free(struct principals *p); /* accepts NULL */
int principals_load(struct principals *p, struct db *db, struct err *err) must_use;
void principals_add(struct principals *p, principal_id id, const char *name);
principal_id principals_find(struct principals *p, const char *name, principal_id *ret_free); /* 0: none; ret_free: the next id */
const char *principals_name(struct principals *p, principal_id id);
