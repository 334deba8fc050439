/* SPDX-License-Identifier: Apache-2.0
 *
 * backup: the form of a backup: a head with the salt of the passphrase, then frames that are each sealed with
 * their number and kind, so that none can be changed, left out or moved; the last one carries the digest of
 * the database.  Fuzzed: fuzz_backup.
 */
#pragma once
#include "base/crypto.h"
#include "base/slice.h"

enum backup_frame { BACKUP_MANIFEST = 'M', BACKUP_KEY = 'K', BACKUP_CONFIG = 'C', BACKUP_DATABASE = 'D', BACKUP_END = 'E' };
enum { BACKUP_FRAME_MAX = 1 << 20 };

struct backup_writer {
    struct sink sink; /* database bytes are pushed here */
    struct sink *to;
    struct crypto_key key;
    struct crypto_digest *digest;
    struct buf pending;
    uint64_t frames;
};
/* ERR_INVALID_ARGUMENT for a passphrase under 8 characters.  Ended by backup_writer_done in any case. */
int backup_writer_begin(struct backup_writer *w, const char *passphrase, struct sink *to, struct err *err) must_use;
int backup_writer_put(struct backup_writer *w, enum backup_frame kind, const void *data, size_t len, struct err *err) must_use;
int backup_writer_end(struct backup_writer *w, struct err *err) must_use;
void backup_writer_done(struct backup_writer *w);

struct backup_reader {
    struct source source; /* the database bytes; its end is verified */
    struct source *from;
    struct crypto_key key;
    struct crypto_digest *digest;
    struct buf frame; /* of the last frame read */
    char kind;
    size_t at;
    uint64_t frames;
    bool is_ended;
};
/* ERR_CORRUPT: not a backup, or another passphrase. */
int backup_reader_begin(struct backup_reader *r, const char *passphrase, struct source *from, struct err *err) must_use;
/* Makes a reader whose key, digest and source are set read frames: what backup_reader_begin ends with. */
void backup_reader_resume(struct backup_reader *r);
/* The next frame before the database: its content is r->frame; *ret_kind BACKUP_DATABASE: go on with r->source. */
int backup_reader_next(struct backup_reader *r, enum backup_frame *ret_kind, struct err *err) must_use;
void backup_reader_done(struct backup_reader *r);
