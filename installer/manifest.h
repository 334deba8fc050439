/* SPDX-License-Identifier: Apache-2.0
 *
 * manifest: what goes into an archive, one entry a line, read from a text file:
 *     dir  MODE PATH
 *     file MODE PATH SOURCE
 *     link PATH TARGET
 * Fields are separated by tabs, MODE is octal, '#' starts a comment line.  The entries come back
 * sorted by path, so that the order of the lines does not show in the archive.  Threads: one.
 */
#pragma once
#include "base/err.h"

enum manifest_kind { MANIFEST_DIR, MANIFEST_FILE, MANIFEST_LINK };

struct manifest_entry {
    enum manifest_kind kind;
    unsigned mode;
    char *path;   /* in the archive: relative, without "..", "." or "//" */
    char *source; /* the file to read, or the link's target; NULL for a folder */
};

struct manifest {
    struct manifest_entry *entries;
    size_t count;
};

/* Errors: ERR_INVALID_ARGUMENT names file and line; ERR_NOT_FOUND. */
int manifest_read(struct manifest *m, const char *file, struct err *err) must_use;
void manifest_done(struct manifest *m); /* accepts a zeroed struct */
const struct manifest_entry *manifest_lookup(const struct manifest *m, const char *path);
