/* SPDX-License-Identifier: Apache-2.0
 *
 * home: the folder of one node: its layout, making it (format), and filling it from a backup.
 * Settings are loaded before (conf.h).  Threads: the starting one.
 */
#pragma once
#include "base/crypto.h"
#include "meta/meta.h"

/* HOME/conf, logs, journal, meta, cache, store.  Each returns `to`. */
char *home_path(const char *below, char to[4096]); /* HOME/below */
void home_meta_options(struct meta_options *ret);   /* strings are valid while the settings do not change */
/* Takes the lock of this home for the life of the process. ERR_BUSY: another daemon runs there. */
int home_lock(struct err *err) must_use;
bool home_is_formatted(void);
int home_key(struct crypto_key *ret, struct err *err) must_use;

struct home_first { /* what format made and shows once */
    char user[16], password[32];
};
/* ERR_ALREADY_EXISTS when it is formatted; with `force` everything of the namespace and the cache is removed first (stores are not touched). */
int home_format(bool force, struct home_first *ret, struct err *err) must_use;
/* From a backup file into a home that is not formatted. */
int home_restore(const char *file, const char *passphrase, struct err *err) must_use;
