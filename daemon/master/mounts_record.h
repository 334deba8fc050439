/* SPDX-License-Identifier: Apache-2.0
 *
 * mounts_record: one mount as it stands in its RECORD_MOUNT: JSON with sealed secrets; and the rules for a new one.  Pure but for the dice of sealing.
 */
#pragma once
#include "api/mount_api.h"
#include "base/crypto.h"
#include "ufs/ufs.h"

#define MOUNT_MASK "******"
#define MOUNT_LAST_KEY "last" /* RECORD_MOUNT: the highest id ever given */

struct mount_record { /* strings are owned; mounts_record_done */
    mount_id id;
    char *path, *uri;
    bool is_read_only, is_shared;
    enum freshness freshness;
    int64_t interval_ms;
    size_t option_count;
    struct mount_option *options; /* in plain; owned */
    char *failure;                /* why a secret could not be opened; NULL */
};
void mounts_record_done(struct mount_record *r);
char *mounts_record_key(mount_id id, char to[16]);
void mounts_record_write(const struct mount_record *r, const struct crypto_key *key, struct buf *to);
/* ERR_CORRUPT. A secret that cannot be opened sets `failure` and is no error. */
int mounts_record_read(const void *data, size_t len, const struct crypto_key *key, struct mount_record *ret, struct err *err) must_use;
/* From what a person gave. `old` (may be NULL) keeps masked secrets. ERR_INVALID_ARGUMENT, ERR_INVALID_PATH with err_field. */
int mounts_record_make(const struct mount_spec *spec, const struct mount_record *old, struct mount_record *ret, struct err *err) must_use;
bool mounts_record_is_secret(const char *uri, const char *option);
/* Without trailing slashes. Owned by the caller. */
char *mounts_record_uri(const char *uri);
/* Equal, or `top` holds `uri` in its tree. Both normalised. */
bool mounts_record_is_below(const char *uri, const char *top);
struct ufs_properties mounts_record_properties(const struct mount_record *r);
