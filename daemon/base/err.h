/* SPDX-License-Identifier: Apache-2.0
 *
 * err: how a function says that it failed.  It returns 0 or -ERR_X, and the last parameter, which
 * may be NULL, receives the sentence.  The lowest place that knows writes the sentence; everyone
 * above passes it on untouched.
 */
#pragma once
#include <stddef.h>

enum err_code {
    ERR_OK = 0,
#define ERR(name, os, http, sentence) ERR_##name,
#include "base/errors.def"
#undef ERR
    ERR_COUNT_
};

struct err {
    enum err_code code;
    char text[240];   /* sentence for a person: what, on what, why; never a secret */
    char field[64];   /* the argument at fault as the caller spelled it, or "" */
    const char *file; /* where it was set */
    int line;
};

#define must_use __attribute__((warn_unused_result))

/* Fills `err` (if any) and returns -code. */
#define err_set(err, code, ...) err_set_at((err), (code), __FILE__, __LINE__, __VA_ARGS__)
int err_set_at(struct err *err, enum err_code code, const char *file, int line, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));
/* The same with the text of errno `os` appended; picks NO_SPACE, NOT_FOUND … by errno when `code` is ERR_OK. */
#define err_set_errno(err, code, os, ...)                                                          \
    err_set_errno_at((err), (code), (os), __FILE__, __LINE__, __VA_ARGS__)
int err_set_errno_at(struct err *err, enum err_code code, int os, const char *file, int line,
                     const char *fmt, ...) __attribute__((format(printf, 6, 7)));
/* Names the argument at fault; returns -err->code. */
int err_field(struct err *err, const char *field);

const char *err_name(enum err_code code);     /* "not_found"; static */
const char *err_sentence(enum err_code code); /* static */
int err_errno(enum err_code code);
int err_http(enum err_code code);
enum err_code err_from_name(const char *name); /* ERR_OK when unknown */

/* `return` on failure; the happy path stays straight. */
#define TRY(expr)                                                                                  \
    do {                                                                                           \
        int try_rc_ = (expr);                                                                      \
        if (try_rc_ < 0)                                                                           \
            return try_rc_;                                                                        \
    } while (0)
