/* SPDX-License-Identifier: Apache-2.0
 *
 * access: see the header.  Threads: any.
 */
#include "master/access.h"

#include <stdio.h>
#include <string.h>

bool access_in_group(const struct identity *who, const char *group)
{
    for (size_t i = 0; i < who->group_count; i++)
        if (!strcmp(who->groups[i], group))
            return true;
    return false;
}

bool access_is_super(const struct identity *who, const char *supergroup)
{
    return who->is_super || (supergroup && supergroup[0] && access_in_group(who, supergroup));
}

/* What a group entry that matches gives; -1: none matches. */
static int group_class(const struct identity *who, const struct access_subject *s, unsigned mask, unsigned rwx)
{
    const struct acl_entry *own = s->acl ? acl_find(s->acl, false, 'g', "") : NULL;
    bool is_matched = false;
    if (access_in_group(who, s->group)) {
        unsigned perm = own ? own->perm : s->mode >> 3 & 7;
        if ((perm & mask & rwx) == rwx)
            return 1;
        is_matched = true;
    }
    for (size_t i = 0; s->acl && i < s->acl->n; i++) {
        const struct acl_entry *e = &s->acl->entries[i];
        if (e->is_default || e->kind != 'g' || !e->name[0] || !access_in_group(who, e->name))
            continue;
        if ((e->perm & mask & rwx) == rwx)
            return 1;
        is_matched = true;
    }
    return is_matched ? 0 : -1;
}

bool access_allows(const struct identity *who, const char *supergroup, const struct access_subject *s, unsigned rwx)
{
    if (access_is_super(who, supergroup))
        return true;
    if (!strcmp(who->user, s->owner))
        return (s->mode >> 6 & rwx) == rwx;
    const struct acl_entry *m = s->acl ? acl_find(s->acl, false, 'm', "") : NULL;
    unsigned mask = m ? m->perm : 7;
    const struct acl_entry *named = s->acl ? acl_find(s->acl, false, 'u', who->user) : NULL;
    if (named && who->user[0])
        return (named->perm & mask & rwx) == rwx;
    int by_group = group_class(who, s, mask, rwx);
    return by_group >= 0 ? by_group : (s->mode & rwx) == rwx;
}

bool access_allows_unlink(const struct identity *who, const char *supergroup, const struct access_subject *dir, const char *child_owner)
{
    if (!access_allows(who, supergroup, dir, ACCESS_WRITE | ACCESS_EXECUTE))
        return false;
    return !(dir->mode & 01000) || access_is_super(who, supergroup) || !strcmp(who->user, child_owner) ||
           !strcmp(who->user, dir->owner);
}

char *access_mode_text(uint32_t mode, char to[10])
{
    for (int i = 0; i < 9; i++)
        to[i] = mode >> (8 - i) & 1 ? "rwx"[i % 3] : '-';
    to[9] = 0;
    return to;
}

int access_denied(const struct identity *who, const char *path, const char *failed_at, const struct access_subject *s, unsigned rwx,
                  struct err *err)
{
    char mode[10], asked[10];
    access_mode_text(s->mode, mode);
    access_mode_text(rwx, asked); /* the last three */
    return err_set(err, ERR_PERMISSION_DENIED,
                   "Permission denied: user=%s, access=%s, path=%s: failed at %s, inode owner=%s, inode group=%s, inode mode=%s",
                   who->user, asked + 6, path, failed_at, s->owner, s->group, mode);
}
