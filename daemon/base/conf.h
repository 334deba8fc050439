/* SPDX-License-Identifier: Apache-2.0
 *
 * conf: the settings.  options.def declares each one once: key, type, default, bounds, help.  Values
 * come from defaults, the properties file, environment ISTHMUS_… and -Dkey=value, in this order.
 * Fixed after start except those marked `live`.  A wrong value names file, line, key and what is allowed.
 */
#pragma once
#include "base/buf.h"

enum conf_type { CONF_TEXT, CONF_SIZE, CONF_DURATION, CONF_INT, CONF_BOOL, CONF_CHOICE, CONF_PATH, CONF_SECRET };
enum conf_source { CONF_FROM_DEFAULT, CONF_FROM_FILE, CONF_FROM_ENV, CONF_FROM_ARGUMENT, CONF_FROM_RUNTIME };

/* OPTION(id, key, type, default, min/choices, flags, help) in options.def; ids become CONF_x */
enum conf_id {
#define OPTION(id, key, type, value, bounds, flags, help) CONF_##id,
#include "base/options.def"
#undef OPTION
    CONF_COUNT
};

struct conf_option {
    const char *key; /* "isthmus.master.web.port" */
    enum conf_type type;
    const char *value;  /* default; may hold ${other.key} */
    const char *bounds; /* "1..65535", "a|b|c", or "" */
    unsigned flags;     /* CONF_LIVE, CONF_PATH_SCOPE */
    const char *help;
};
#define CONF_LIVE 1u       /* may change at run time */
#define CONF_PATH_SCOPE 2u /* may be set for a path (pathConf) */

const struct conf_option *conf_option(enum conf_id id);
const struct conf_option *conf_find(const char *key, enum conf_id *ret_id); /* NULL when unknown; ret_id may be NULL */

/* Loads the file (absent is an error only when `must_exist`); then the environment; then n "key=value". ERR_CONFIG. */
int conf_load(const char *file, bool must_exist, size_t n, const char *const *assignments, struct err *err) must_use;
/* Parses properties text into the callback; `name` is for messages. Fuzzed. */
int conf_parse(const char *text, size_t len, const char *name,
               int (*each)(void *arg, const char *key, const char *value, int line, struct err *err),
               void *arg, struct err *err) must_use;
/* Would `value` be accepted for this option? */
int conf_check(enum conf_id id, const char *value, struct err *err) must_use;
/* After conf_load: what one value alone cannot tell.  Called by it. */
int conf_verify(struct err *err) must_use;
int conf_set_live(enum conf_id id, const char *value, struct err *err) must_use;

/* Values, with ${…} resolved. Strings are valid until the option is set again at run time. */
const char *conf_text(enum conf_id id);
uint64_t conf_size(enum conf_id id);
int64_t conf_duration(enum conf_id id);
int64_t conf_int(enum conf_id id);
bool conf_bool(enum conf_id id);
enum conf_source conf_source(enum conf_id id);
/* "DEFAULT", "SITE_PROPERTY (path:line)", "ENVIRONMENT", "SYSTEM_PROPERTY", "RUNTIME" */
char *conf_source_text(enum conf_id id, char to[512]);
/* As shown: secrets are "******". */
const char *conf_shown(enum conf_id id);
