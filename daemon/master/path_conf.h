/* SPDX-License-Identifier: Apache-2.0
 *
 * path_conf: settings of path prefixes; the longest prefix wins for each key.  Kept as RECORD_PATH_CONF
 * "path TAB key" and, read again when one changed, as a table in memory.
 */
#pragma once
#include "master/ops.h"

struct path_defaults {
    enum write_type write_type;
    enum read_type read_type;
    uint64_t block_size;
    int64_t ttl_ms;
    enum ttl_action ttl_action;
};
struct path_conf *path_conf_new(struct meta *meta);
void path_conf_free(struct path_conf *c); /* accepts NULL */
void path_conf_on_record_changed(struct path_conf *c, enum record_kind kind); /* apply thread: marks only */
/* `ret` comes with the values of the whole namespace; settings of the path's prefixes replace them. */
int path_conf_defaults(struct path_conf *c, const char *path, struct path_defaults *ret, struct err *err) must_use;
/* meta_api */
int path_conf_set(void *master, const struct call *call, const char *path, const char *key, const char *value, struct err *err);
int path_conf_list(void *master, const struct call *call, int (*each)(void *arg, const char *path, const char *key, const char *value),
                   void *arg, struct err *err);
