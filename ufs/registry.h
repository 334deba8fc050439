/* SPDX-License-Identifier: Apache-2.0
 *
 * registry: the options of a mount, checked, and as values.
 */
#pragma once
#include "ufs/ufs.h"

/* Checks every property against the driver's options and those of the filters. ERR_INVALID_ARGUMENT. */
int registry_check(const struct ufs_driver *d, const struct ufs_properties *props, struct err *err) must_use;
/* Values of checked properties, else the default declared in `options`. */
const char *registry_text(const struct ufs_option *options, const struct ufs_properties *props,
                          const char *name); /* NULL: neither */
uint64_t registry_size(const struct ufs_option *options, const struct ufs_properties *props, const char *name);
int64_t registry_duration(const struct ufs_option *options, const struct ufs_properties *props, const char *name);
uint64_t registry_int(const struct ufs_option *options, const struct ufs_properties *props, const char *name);
bool registry_bool(const struct ufs_option *options, const struct ufs_properties *props, const char *name);
extern const struct ufs_option registry_common[]; /* options that every mount knows */
