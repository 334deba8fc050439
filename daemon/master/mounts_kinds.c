/* SPDX-License-Identifier: Apache-2.0
 *
 * mounts_kinds: the drivers and their options, for forms.  Threads: any.
 */
#include "base/mem.h"
#include "master/mounts_table.h"
#include "ufs/ufs.h"

#include <string.h>

enum { FIELDS_MAX = 64 };

static int describe(const struct ufs_driver *d, int (*each)(void *arg, const struct mount_kind *), void *arg)
{
    struct mount_kind_field fields[FIELDS_MAX];
    struct mount_kind k = {.name = d->name, .label = d->label, .schemes = d->schemes, .fields = fields};
    for (const struct ufs_option *o = d->options; o && o->name && k.field_count < FIELDS_MAX; o++)
        fields[k.field_count++] = (struct mount_kind_field){o->name, o->type, o->value, o->choices, o->help, o->is_required};
    return each(arg, &k);
}

int mounts_kinds(void *impl, int (*each)(void *arg, const struct mount_kind *), void *arg, struct err *err)
{
    (void)impl;
    (void)err;
    const struct ufs_driver *d;
    for (size_t i = 0; (d = ufs_driver_at(i)); i++)
        if (strcmp(d->name, "mem")) /* for tests: what it holds ends with the process */
            TRY(describe(d, each, arg));
    return 0;
}
