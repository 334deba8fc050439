/* SPDX-License-Identifier: Apache-2.0
 *
 * bundle: a .tar.gz made from a manifest so that equal input gives equal bytes: entries sorted,
 * owner 0/0 without names, one time for all, no time in the gzip header.  Threads: one.
 */
#pragma once
#include "installer/manifest.h"

#include <stdint.h>
#include <stdio.h>

/* Writes `out` beside its name and renames it.  Errors: ERR_NOT_FOUND names the missing source. */
int bundle_create(const struct manifest *m, const char *out, int64_t epoch_s, struct err *err) must_use;
/* One line an entry: mode, size, path. */
int bundle_list(const char *archive, FILE *to, struct err *err) must_use;
/* Unpacks below `dir`, which must exist; refuses "..", absolute paths and ways through links. */
int bundle_extract(const char *archive, const char *dir, struct err *err) must_use;
/* ERR_CORRUPT names the first difference: bytes, mode, kind, an entry too many or too few. */
int bundle_verify(const char *archive, const struct manifest *m, struct err *err) must_use;
