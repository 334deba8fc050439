/* SPDX-License-Identifier: Apache-2.0
 *
 * acl: POSIX access control lists as values: how a change makes a new list, what a child inherits,
 * and the bytes kept as side attributes "acl" and "acl.default".  Pure; knows no paths and no database.
 *
 * The mode's bits are part of the list: user:: and other:: always, the group bits are the mask when
 * there is one.  So "acl" keeps only group:: and the named entries, and chmod moves the mask.
 */
#pragma once
#include "api/meta_api.h"
#include "base/buf.h"

#define ACL_MAX 64 /* entries of one inode, access and default together */

struct acl {
    size_t n;
    struct acl_entry entries[ACL_MAX];
};

/* user::, group::, other:: of a mode. */
void acl_from_mode(struct acl *ret, uint32_t mode);
/* Adds the entries of side attribute "acl" (is_default false: the list already holds those of the mode) or "acl.default". ERR_CORRUPT. */
int acl_decode(struct acl *a, bool is_default, uint32_t mode, const void *data, size_t len, struct err *err) must_use;
void acl_encode(const struct acl *a, bool is_default, struct buf *to);
/* Named entries or a mask among the access entries: worth an attribute. */
bool acl_is_extended(const struct acl *a);
bool acl_has_default(const struct acl *a);
/* `mode` with its permission bits replaced by the list's. */
uint32_t acl_mode(const struct acl *a, uint32_t mode);
const struct acl_entry *acl_find(const struct acl *a, bool is_default, char kind, const char *name); /* NULL: none */
/* ERR_INVALID_ARGUMENT with the entry at fault. On failure `a` is as before. */
int acl_change(struct acl *a, enum acl_action action, const struct acl_entry *changes, size_t n, bool is_directory,
               struct err *err) must_use;
/* What a child made with `mode` below a directory whose default entries are in `parent` starts with. */
void acl_inherit(const struct acl *parent, uint32_t mode, bool is_directory, struct acl *ret);
