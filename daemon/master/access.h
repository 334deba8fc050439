/* SPDX-License-Identifier: Apache-2.0
 *
 * access: may this identity do that to an inode?  The POSIX decision on owner, group, mode and ACL.
 * Pure: values in, an answer out; walks and messages of paths are of ops.h.
 */
#pragma once
#include "master/acl.h"

#define ACCESS_READ 4u
#define ACCESS_WRITE 2u
#define ACCESS_EXECUTE 1u

struct access_subject {
    const char *owner, *group; /* names */
    uint32_t mode;
    const struct acl *acl; /* NULL: the mode says all */
};

bool access_is_super(const struct identity *who, const char *supergroup);
bool access_in_group(const struct identity *who, const char *group);
/* Owner first, then named users, then the groups (any that allows), then others. A super user always may. */
bool access_allows(const struct identity *who, const char *supergroup, const struct access_subject *s, unsigned rwx);
/* In a directory with the sticky bit only the owner of the child or of the directory removes and renames. */
bool access_allows_unlink(const struct identity *who, const char *supergroup, const struct access_subject *dir, const char *child_owner);
/* "rwxr-x---" */
char *access_mode_text(uint32_t mode, char to[10]);
/* ERR_PERMISSION_DENIED in the field's words: Permission denied: user=U, access=-w-, path=/p: failed at /, inode owner=… */
int access_denied(const struct identity *who, const char *path, const char *failed_at, const struct access_subject *s, unsigned rwx,
                  struct err *err);
