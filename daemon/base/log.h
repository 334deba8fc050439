/* SPDX-License-Identifier: Apache-2.0
 *
 * log: one line for each event: time, level, subsystem, request id, sentence, key=value.
 * Boundaries log (end of a request, a thread's loop, roles.c); functions return errors instead.
 * error: act now; warn: degraded, and what happens instead; info: state changed; debug: per request.
 * Threads: any.  Lines are written whole.
 */
#pragma once
#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* Subsystems: a name that a person types after `logLevel --logName=`. */
#define LOG_SUBSYSTEMS(X) X(base) X(journal) X(meta) X(master) X(block) X(worker) X(fs) X(ufs) X(rest) X(roles) X(audit)
enum log_subsystem {
#define X(name) LOG_##name,
    LOG_SUBSYSTEMS(X)
#undef X
    LOG_SUBSYSTEM_COUNT
};

/* To a file (rotated at 64 MiB, 5 kept) or, with NULL, to stderr. */
int log_open(const char *path, struct err *err);
void log_close(void);
bool log_is_on(enum log_subsystem sub, enum log_level level);
void log_write(enum log_subsystem sub, enum log_level level, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
#define log_error(sub, ...) log_write(LOG_##sub, LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warn(sub, ...) log_write(LOG_##sub, LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(sub, ...) log_write(LOG_##sub, LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(sub, ...)                                                                        \
    do {                                                                                           \
        if (log_is_on(LOG_##sub, LOG_LEVEL_DEBUG))                                                 \
            log_write(LOG_##sub, LOG_LEVEL_DEBUG, __VA_ARGS__);                                    \
    } while (0)
/* The request id that this thread's lines carry until it is set again; "" for none. */
void log_request(const char *id);
const char *log_level_name(enum log_level level);
const char *log_subsystem_name(enum log_subsystem sub);
enum log_level log_level_get(enum log_subsystem sub);
/* ERR_INVALID_ARGUMENT names what is allowed.  `sub` "all" or a subsystem; level in any case. */
int log_level_set(const char *sub, const char *level, struct err *err) must_use;
