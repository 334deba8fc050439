/* SPDX-License-Identifier: Apache-2.0
 *
 * mount_api: the names of its enumerations.
 */
#include "api/mount_api.h"

#include <string.h>

static const char *const mode_names[] = {"readWrite", "readOnly", "noAccess"};
static const char *const fresh_names[] = {"never", "interval", "manual"};

const char *mount_mode_name(enum mount_mode m)
{
    return mode_names[m];
}

const char *freshness_name(enum freshness f)
{
    return fresh_names[f];
}

int mount_mode_parse(const char *s, enum mount_mode *ret, struct err *err)
{
    for (unsigned i = 0; i < 3; i++)
        if (!strcmp(s, mode_names[i])) {
            *ret = (enum mount_mode)i;
            return 0;
        }
    return err_set(err, ERR_INVALID_ARGUMENT, "mode '%.40s' is not one of noAccess, readOnly, readWrite", s);
}

int freshness_parse(const char *s, enum freshness *ret, struct err *err)
{
    for (unsigned i = 0; i < 3; i++)
        if (!strcmp(s, fresh_names[i])) {
            *ret = (enum freshness)i;
            return 0;
        }
    return err_set(err, ERR_INVALID_ARGUMENT, "freshness '%.40s' is not one of never, interval, manual", s);
}
