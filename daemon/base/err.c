/* SPDX-License-Identifier: Apache-2.0
 *
 * err: the table of errors.def as functions.  Threads: any.
 */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *upper;
    const char *sentence;
    int os;
    int http;
} table[ERR_COUNT_] = {
    [ERR_OK] = {"OK", "no error", 0, 200},
#define ERR(name, os, http, sentence) [ERR_##name] = {#name, sentence, os, http},
#include "base/errors.def"
#undef ERR
};

static char lower_names[ERR_COUNT_][32];

__attribute__((constructor)) static void names_init(void)
{
    for (size_t i = 0; i < ERR_COUNT_; i++)
        for (size_t k = 0; table[i].upper[k] && k < sizeof lower_names[i] - 1; k++)
            lower_names[i][k] = (char)(table[i].upper[k] >= 'A' && table[i].upper[k] <= 'Z'
                                           ? table[i].upper[k] + 32
                                           : table[i].upper[k]);
}

static void fill(struct err *err, enum err_code code, const char *file, int line)
{
    err->code = code;
    err->file = file;
    err->line = line;
    err->field[0] = 0;
}

int err_set_at(struct err *err, enum err_code code, const char *file, int line, const char *fmt, ...)
{
    if (err) {
        char text[sizeof err->text]; /* the arguments may point into err->text */
        va_list ap;
        va_start(ap, fmt);
        vsnprintf(text, sizeof text, fmt, ap);
        va_end(ap);
        fill(err, code, file, line);
        memcpy(err->text, text, sizeof text);
    }
    return -(int)code;
}

static enum err_code from_errno(int os)
{
    switch (os) {
    case ENOENT: return ERR_NOT_FOUND;
    case EEXIST: return ERR_ALREADY_EXISTS;
    case ENOTEMPTY: return ERR_NOT_EMPTY;
    case EISDIR: return ERR_IS_DIRECTORY;
    case ENOTDIR: return ERR_NOT_DIRECTORY;
    case EACCES:
    case EPERM: return ERR_PERMISSION_DENIED;
    case EROFS: return ERR_READ_ONLY;
    case ENAMETOOLONG: return ERR_NAME_TOO_LONG;
    case EXDEV: return ERR_CROSS_MOUNT;
    case ENOSPC: return ERR_NO_SPACE;
    case EDQUOT: return ERR_QUOTA;
    case ETIMEDOUT: return ERR_TIMEOUT;
    default: return ERR_IO;
    }
}

int err_set_errno_at(struct err *err, enum err_code code, int os, const char *file, int line,
                     const char *fmt, ...)
{
    if (code == ERR_OK)
        code = from_errno(os);
    if (err) {
        char text[sizeof err->text], why[96];
        va_list ap;
        va_start(ap, fmt);
        int n = vsnprintf(text, sizeof text, fmt, ap);
        va_end(ap);
        if (n >= 0 && (size_t)n < sizeof text)
            snprintf(text + n, sizeof text - (size_t)n, ": %s", strerror_r(os, why, sizeof why));
        fill(err, code, file, line);
        memcpy(err->text, text, sizeof text);
    }
    return -(int)code;
}

int err_field(struct err *err, const char *field)
{
    if (!err)
        return -(int)ERR_INVALID_ARGUMENT;
    snprintf(err->field, sizeof err->field, "%s", field);
    return -(int)err->code;
}

const char *err_name(enum err_code code)
{
    return lower_names[code < ERR_COUNT_ ? code : ERR_INTERNAL];
}

const char *err_sentence(enum err_code code)
{
    return table[code < ERR_COUNT_ ? code : ERR_INTERNAL].sentence;
}

int err_errno(enum err_code code)
{
    return table[code < ERR_COUNT_ ? code : ERR_INTERNAL].os;
}

int err_http(enum err_code code)
{
    return table[code < ERR_COUNT_ ? code : ERR_INTERNAL].http;
}

enum err_code err_from_name(const char *name)
{
    for (unsigned i = 1; i < ERR_COUNT_; i++)
        if (!strcmp(lower_names[i], name))
            return (enum err_code)i;
    return ERR_OK;
}
