/* SPDX-License-Identifier: Apache-2.0
 *
 * conf_value: what a single setting may be: types, bounds, ${…} and the words for them.  Pure: it
 * knows options but not their present values.  Only conf.c includes it.
 */
#pragma once
#include "base/conf.h"

struct conf_value {
    char *text; /* as used; choices in the spelling of the table */
    int64_t number; /* of sizes, durations, ints and bools */
};

/* Checks `text` (resolved) against type and bounds. ERR_CONFIG says what is allowed. ret->text is owned by the caller. */
int conf_value_parse(const struct conf_option *o, const char *text, struct conf_value *ret, struct err *err) must_use;
/* Replaces each ${key} by what `lookup` says. */
int conf_value_expand(const char *raw, int (*lookup)(void *arg, const char *key, const char **ret, struct err *err),
                      void *arg, struct buf *to, struct err *err) must_use;
bool conf_value_is_secret(const struct conf_option *o);
/* "a whole number from 1 to 9" */
void conf_value_allowed(const struct conf_option *o, struct buf *to);
/* The known key that is spelled most like `key`, or NULL when none is close. */
const char *conf_value_nearest(const char *key);
