/* SPDX-License-Identifier: Apache-2.0
 *
 * keys: see the header.  Threads: any.
 */
#include "master/keys.h"

#include "base/clock.h"

#include <string.h>

char *keys_join(const char *base, const char *rest)
{
    if (!base[0] || !rest[0])
        return xstrdup(base[0] ? base : rest);
    return xasprintf("%s/%s", base, rest);
}

/* The path's part behind its first `depth` components, without leading slash. */
static const char *behind(const char *path, size_t depth)
{
    const char *at = path;
    for (size_t i = 0; i < depth && *at; i++) {
        at = strchr(at + 1, '/');
        if (!at)
            return "";
    }
    return *at == '/' ? at + 1 : at;
}

/* Components of the mount point: the walk's node of that number is its directory. */
static size_t mount_depth(const struct mount_at *at, const char *path)
{
    size_t n = 0;
    for (size_t i = 0; i < at->root_len; i++)
        n += path[i] == '/';
    return at->root_len > 1 ? n : 0;
}

int keys_of_place(struct master *m, const struct place *p, char **ret, struct err *err)
{
    size_t top = mount_depth(&p->at, p->path);
    for (size_t i = p->walk.count; i-- > top + 1;) {
        if (!(p->walk.nodes[i].flags & INODE_HAS_STORE_KEY))
            continue;
        AUTO(buf) base;
        buf_init(&base, STORE_KEY_MAX);
        struct err why;
        int rc = meta_attr(m->meta, p->walk.nodes[i].ino, "store_key", &base, &why);
        if (rc == -ERR_NOT_FOUND) /* moved to its place since the walk */
            continue;
        if (rc)
            return err_set(err, why.code, "%s", why.text);
        *ret = keys_join(buf_str(&base), behind(p->path, i));
        return 0;
    }
    *ret = xstrdup(p->at.relative);
    return 0;
}

int keys_of_inode(void *master, inode_id ino, mount_id *ret_mount, char **ret_key, struct err *err)
{
    struct master *m = master;
    AUTO(buf) path;
    buf_init(&path, PATH_MAX_BYTES + 1);
    TRY(meta_path(m->meta, ino, &path, err));
    AUTO(place) p = {0};
    struct call call = call_system("keys", CLOCK_NEVER, NULL);
    TRY(place_open(m, &call, buf_str(&path), &p, err));
    if (!place_is_found(&p) || p.walk.last.ino != ino)
        return err_set(err, ERR_NOT_FOUND, "inode %llu is gone", (unsigned long long)ino);
    *ret_mount = p.at.id;
    return keys_of_place(m, &p, ret_key, err);
}
