/* SPDX-License-Identifier: Apache-2.0
 *
 * inode: the names of its enumerations.
 */
#include "api/inode.h"

#include "base/mem.h"

#include <stdio.h>
#include <string.h>

static const char *const persistence_names[] = {"NOT_PERSISTED", "TO_BE_PERSISTED", "PERSISTED", "LOST"};
static const char *const ttl_names[] = {"DELETE", "FREE", "DELETE_ALLUXIO"};
static const char *const write_names[] = {"", "MUST_CACHE", "CACHE_THROUGH", "THROUGH", "ASYNC_THROUGH", "NONE"};
static const char *const read_names[] = {"", "NO_CACHE", "CACHE", "CACHE_PROMOTE"};
static const char *const type_names[] = {"", "file", "directory", "symlink"};

const char *persistence_name(enum persistence p)
{
    return persistence_names[p];
}

const char *ttl_action_name(enum ttl_action a)
{
    return ttl_names[a];
}

const char *write_type_name(enum write_type w)
{
    return write_names[w];
}

const char *read_type_name(enum read_type r)
{
    return read_names[r];
}

const char *inode_type_name(enum inode_type t)
{
    return type_names[t];
}

static int find(const char *what, const char *s, const char *const *names, size_t n, struct err *err)
{
    char allowed[120] = "";
    for (size_t i = 0, at = 0; i < n; i++) {
        if (names[i][0] && !strcmp(s, names[i]))
            return (int)i;
        if (names[i][0])
            at += (size_t)snprintf(allowed + at, sizeof allowed - at, "%s%s", at ? ", " : "", names[i]);
    }
    return err_set(err, ERR_INVALID_ARGUMENT, "%s '%.40s' is not one of %s", what, s, allowed);
}

int ttl_action_parse(const char *s, enum ttl_action *ret, struct err *err)
{
    int i = find("TTL action", s, ttl_names, array_len(ttl_names), err);
    TRY(i);
    *ret = (enum ttl_action)i;
    return 0;
}

int write_type_parse(const char *s, enum write_type *ret, struct err *err)
{
    int i = find("write type", s, write_names, array_len(write_names), err);
    TRY(i);
    *ret = (enum write_type)i;
    return 0;
}

int read_type_parse(const char *s, enum read_type *ret, struct err *err)
{
    int i = find("read type", s, read_names, array_len(read_names), err);
    TRY(i);
    *ret = (enum read_type)i;
    return 0;
}
