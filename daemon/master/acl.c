/* SPDX-License-Identifier: Apache-2.0
 *
 * acl: see the header.  Threads: any.
 */
#include "master/acl.h"

#include "base/mem.h"

#include <stdio.h>
#include <string.h>

static bool is_same(const struct acl_entry *e, bool is_default, char kind, const char *name)
{
    return e->is_default == is_default && e->kind == kind && !strcmp(e->name, name);
}

const struct acl_entry *acl_find(const struct acl *a, bool is_default, char kind, const char *name)
{
    for (size_t i = 0; i < a->n; i++)
        if (is_same(&a->entries[i], is_default, kind, name))
            return &a->entries[i];
    return NULL;
}

static bool put(struct acl *a, bool is_default, char kind, const char *name, unsigned perm)
{
    struct acl_entry *e = (struct acl_entry *)acl_find(a, is_default, kind, name);
    if (!e) {
        if (a->n == ACL_MAX)
            return false;
        e = &a->entries[a->n++];
        *e = (struct acl_entry){.kind = kind, .is_default = is_default};
        snprintf(e->name, sizeof e->name, "%s", name);
    }
    e->perm = perm & 7;
    return true;
}

static void drop(struct acl *a, bool is_default, char kind, const char *name)
{
    for (size_t i = 0; i < a->n; i++)
        if (is_same(&a->entries[i], is_default, kind, name)) {
            memmove(&a->entries[i], &a->entries[i + 1], (a->n - i - 1) * sizeof *a->entries);
            a->n--;
            return;
        }
}

/* Everything of one half, or (only_named) what is beyond user::, group:: and other::. */
static void drop_half(struct acl *a, bool is_default, bool only_named)
{
    size_t to = 0;
    for (size_t i = 0; i < a->n; i++) {
        const struct acl_entry *e = &a->entries[i];
        bool is_base = !e->name[0] && e->kind != 'm';
        if (e->is_default != is_default || (only_named && is_base))
            a->entries[to++] = *e;
    }
    a->n = to;
}

void acl_from_mode(struct acl *ret, uint32_t mode)
{
    ret->n = 0;
    put(ret, false, 'u', "", mode >> 6);
    put(ret, false, 'g', "", mode >> 3);
    put(ret, false, 'o', "", mode);
}

int acl_decode(struct acl *a, bool is_default, uint32_t mode, const void *data, size_t len, struct err *err)
{
    const unsigned char *p = data;
    for (size_t at = 0; at < len;) {
        if (len - at < 3 || len - at - 3 < p[at + 2] || p[at + 2] >= sizeof a->entries->name || !strchr("ugmo", p[at]) || !p[at])
            return err_set(err, ERR_CORRUPT, "an access control list is damaged at byte %zu", at);
        char name[64] = "";
        memcpy(name, p + at + 3, p[at + 2]);
        if (!put(a, is_default, (char)p[at], name, p[at + 1]))
            return err_set(err, ERR_CORRUPT, "an access control list has more than %d entries", ACL_MAX);
        at += 3u + p[at + 2];
    }
    if (!is_default)
        put(a, false, 'm', "", mode >> 3);
    return 0;
}

void acl_encode(const struct acl *a, bool is_default, struct buf *to)
{
    for (size_t i = 0; i < a->n; i++) {
        const struct acl_entry *e = &a->entries[i];
        bool is_of_mode = !is_default && !e->name[0] && e->kind != 'g';
        if (e->is_default != is_default || is_of_mode)
            continue;
        buf_addc(to, e->kind);
        buf_addc(to, (char)e->perm);
        buf_addc(to, (char)strlen(e->name));
        buf_adds(to, e->name);
    }
}

static bool is_extended(const struct acl *a, bool is_default)
{
    for (size_t i = 0; i < a->n; i++)
        if (a->entries[i].is_default == is_default && (a->entries[i].kind == 'm' || a->entries[i].name[0]))
            return true;
    return false;
}

bool acl_is_extended(const struct acl *a)
{
    return is_extended(a, false);
}

bool acl_has_default(const struct acl *a)
{
    for (size_t i = 0; i < a->n; i++)
        if (a->entries[i].is_default)
            return true;
    return false;
}

static unsigned perm_of(const struct acl *a, bool is_default, char kind, unsigned otherwise)
{
    const struct acl_entry *e = acl_find(a, is_default, kind, "");
    return e ? e->perm : otherwise;
}

uint32_t acl_mode(const struct acl *a, uint32_t mode)
{
    unsigned group = perm_of(a, false, 'm', perm_of(a, false, 'g', 0));
    return (mode & 07000) | perm_of(a, false, 'u', 0) << 6 | group << 3 | perm_of(a, false, 'o', 0);
}

static unsigned class_union(const struct acl *a, bool is_default)
{
    unsigned all = 0;
    for (size_t i = 0; i < a->n; i++) {
        const struct acl_entry *e = &a->entries[i];
        if (e->is_default == is_default && (e->kind == 'g' || (e->kind == 'u' && e->name[0])))
            all |= e->perm;
    }
    return all;
}

static bool has_named(const struct acl *a, bool is_default)
{
    for (size_t i = 0; i < a->n; i++)
        if (a->entries[i].is_default == is_default && a->entries[i].name[0])
            return true;
    return false;
}

/* The mask is the union of the group class unless the change names one; without named entries there is none. */
static void mend_mask(struct acl *a, bool is_default, bool mask_was_given)
{
    if (mask_was_given)
        return;
    if (has_named(a, is_default))
        put(a, is_default, 'm', "", class_union(a, is_default));
    else
        drop(a, is_default, 'm', "");
}

static int check_entry(const struct acl_entry *e, bool is_directory, struct err *err)
{
    if (!e->kind || !strchr("ugmo", e->kind))
        return err_set(err, ERR_INVALID_ARGUMENT, "an ACL entry is of user, group, mask or other");
    if (e->name[0] && (e->kind == 'm' || e->kind == 'o'))
        return err_set(err, ERR_INVALID_ARGUMENT, "an ACL entry of mask or other has no name, '%s' was given", e->name);
    if (e->perm > 7)
        return err_set(err, ERR_INVALID_ARGUMENT, "an ACL entry has a permission that is not of rwx");
    if (e->is_default && !is_directory)
        return err_set(err, ERR_INVALID_ARGUMENT, "only a directory has default ACL entries");
    return 0;
}

static int need_base(const struct acl *a, bool is_default, struct err *err)
{
    static const struct {
        char kind;
        const char *text;
    } base[] = {{'u', "user::"}, {'g', "group::"}, {'o', "other::"}};
    for (size_t i = 0; i < array_len(base); i++)
        if (!acl_find(a, is_default, base[i].kind, ""))
            return err_set(err, ERR_INVALID_ARGUMENT, "an ACL that is set needs the entry %s%s", is_default ? "default:" : "",
                           base[i].text);
    return 0;
}

/* Default entries that were never given start as those of the mode. */
static void complete_default(struct acl *a)
{
    static const char kinds[] = {'u', 'g', 'o'};
    for (size_t i = 0; i < sizeof kinds; i++)
        if (!acl_find(a, true, kinds[i], ""))
            put(a, true, kinds[i], "", perm_of(a, false, kinds[i], 0));
}

static int remove_one(struct acl *a, const struct acl_entry *e, struct err *err)
{
    if (!e->name[0] && e->kind != 'm')
        return err_set(err, ERR_INVALID_ARGUMENT, "the ACL entries of owner, owning group and others cannot be removed");
    drop(a, e->is_default, e->kind, e->name);
    return 0;
}

static int put_all(struct acl *a, enum acl_action action, const struct acl_entry *changes, size_t n, bool is_default,
                   bool is_directory, struct err *err)
{
    bool is_any = false, has_mask = false;
    for (size_t i = 0; i < n; i++)
        is_any |= changes[i].is_default == is_default;
    if (!is_any)
        return 0;
    if (action == ACL_SET)
        drop_half(a, is_default, false);
    for (size_t i = 0; i < n; i++) {
        const struct acl_entry *e = &changes[i];
        if (e->is_default != is_default)
            continue;
        TRY(check_entry(e, is_directory, err));
        if (action == ACL_REMOVE)
            TRY(remove_one(a, e, err));
        else if (!put(a, is_default, e->kind, e->name, e->perm))
            return err_set(err, ERR_TOO_LARGE, "an inode has at most %d ACL entries", ACL_MAX);
        has_mask |= e->kind == 'm' && action != ACL_REMOVE;
    }
    if (action == ACL_SET)
        TRY(need_base(a, is_default, err));
    if (is_default && action == ACL_MODIFY)
        complete_default(a);
    mend_mask(a, is_default, has_mask);
    return 0;
}

int acl_change(struct acl *a, enum acl_action action, const struct acl_entry *changes, size_t n, bool is_directory,
               struct err *err)
{
    struct acl next = *a;
    if (action == ACL_REMOVE_ALL) {
        /* without a mask the group bits are those of the owning group again */
        drop_half(&next, false, true);
        drop_half(&next, true, false);
    } else if (action == ACL_REMOVE_DEFAULT) {
        drop_half(&next, true, false);
    } else {
        TRY(put_all(&next, action, changes, n, false, is_directory, err));
        TRY(put_all(&next, action, changes, n, true, is_directory, err));
    }
    if (next.n > ACL_MAX - 4)
        return err_set(err, ERR_TOO_LARGE, "an inode has at most %d ACL entries", ACL_MAX - 4);
    *a = next;
    return 0;
}

void acl_inherit(const struct acl *parent, uint32_t mode, bool is_directory, struct acl *ret)
{
    struct acl out = {0};
    for (size_t i = 0; i < parent->n; i++) {
        const struct acl_entry *e = &parent->entries[i];
        if (e->is_default)
            put(&out, false, e->kind, e->name, e->perm);
    }
    bool has_mask = acl_find(&out, false, 'm', "") != NULL;
    put(&out, false, 'u', "", perm_of(&out, false, 'u', 7) & mode >> 6);
    put(&out, false, has_mask ? 'm' : 'g', "", perm_of(&out, false, has_mask ? 'm' : 'g', 7) & mode >> 3);
    put(&out, false, 'o', "", perm_of(&out, false, 'o', 7) & mode);
    for (size_t i = 0; is_directory && i < parent->n; i++)
        if (parent->entries[i].is_default)
            put(&out, true, parent->entries[i].kind, parent->entries[i].name, parent->entries[i].perm);
    *ret = out;
}
