/* SPDX-License-Identifier: Apache-2.0
 *
 * mem_store: objects in one sorted array in memory.  All that open the same name see the same
 * objects, which stay until the process ends; a test takes a name of its own.  Sorted by path
 * component, so that what is below a directory stands right behind it.  Threads: any; the lock is
 * held for a step, never while a caller's function runs.
 */
#include "ufs/mem/mem_store.h"

#include "base/clock.h"
#include "base/lock.h"
#include "base/mem.h"
#include "base/text.h"
#include "ufs/backoff.h"
#include "ufs/registry.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#define OBJECT_MAX ((size_t)1 << 30)
#define PULL ((size_t)256 << 10)

struct bytes {
    struct slice_owner owner;
    size_t len;
    char data[];
};

struct object {
    char *key;
    struct bytes *bytes; /* NULL: a directory */
    struct ufs_stat st;
};

/* All objects of one name. */
struct space {
    struct space *next;
    char *name;
    struct lock lock;
    /* under lock */
    struct object *objects;
    size_t count, cap;
    uint64_t generation;
};

struct mem_store {
    struct ufs ufs;
    struct space *space;
    int64_t latency_ms;
    bool is_flat;
};

static pthread_mutex_t spaces_mutex = PTHREAD_MUTEX_INITIALIZER;
static struct space *spaces; /* under spaces_mutex */

static const struct ufs_option options[] = {
    {.name = "isthmus.test.mem.latency", .type = "duration", .value = "0",
     .help = "Time that each call takes."},
    {.name = "isthmus.test.mem.flat", .type = "bool", .value = "false",
     .help = "Says of directories what S3 says: they are inferred and cannot be renamed."},
    {.name = NULL},
};

static struct space *space_find(const char *name)
{
    struct space *s;

    pthread_mutex_lock(&spaces_mutex);
    for (s = spaces; s && strcmp(s->name, name) != 0;)
        s = s->next;
    if (!s) {
        s = xnew(struct space);
        s->name = xstrdup(name);
        lock_init(&s->lock, RANK_UFS);
        s->next = spaces;
        spaces = s;
    }
    pthread_mutex_unlock(&spaces_mutex);
    return s;
}

static int mem_open(const char *uri, const struct ufs_properties *props, struct ufs **ret,
                    struct err *err)
{
    const char *name = uri + strlen("mem://");

    if (!name[0])
        return err_set(err, ERR_INVALID_ARGUMENT, "mem:// needs a name behind it");
    struct mem_store *m = xnew(struct mem_store);
    m->ufs.driver = &mem_driver;
    m->space = space_find(name);
    m->latency_ms = registry_duration(options, props, "isthmus.test.mem.latency");
    m->is_flat = registry_bool(options, props, "isthmus.test.mem.flat");
    *ret = &m->ufs;
    return 0;
}

static void mem_close(struct ufs *u)
{
    free(u);
}

static unsigned mem_capabilities(const struct ufs *u)
{
    const struct mem_store *m = (const struct mem_store *)u;
    return UFS_CAP_ATOMIC_RENAME | (m->is_flat ? 0u : UFS_CAP_DIR_RENAME | UFS_CAP_DIRECTORIES) | UFS_CAP_ATTRIBUTES |
           UFS_CAP_CREATE_ATOMIC | UFS_CAP_PARALLEL_RANGES | UFS_CAP_BATCH_REMOVE |
           UFS_CAP_CONDITIONAL_CREATE | UFS_CAP_SORTED;
}

static int begin(struct mem_store *m, const struct ufs_call *c, struct err *err)
{
    int64_t until = clock_mono_ms() + m->latency_ms;

    if (!m->latency_ms)
        return 0;
    if (until > c->deadline_ms)
        until = c->deadline_ms;
    backoff_pause(until);
    if (clock_is_past(c->deadline_ms))
        return err_set(err, ERR_TIMEOUT, "the store did not answer in time");
    return 0;
}

/* Byte order in which '/' is the lowest of all. */
static int key_compare(const char *a, const char *b)
{
    while (*a && *a == *b)
        a++, b++;
    int x = *a == '/' ? 1 : *a ? (unsigned char)*a + 1 : 0;
    int y = *b == '/' ? 1 : *b ? (unsigned char)*b + 1 : 0;
    return x - y;
}

/* First object that is not below `key` in order. */
static size_t find_locked(const struct space *s, const char *key)
{
    size_t lo = 0, hi = s->count;

    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        if (key_compare(s->objects[mid].key, key) < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

static struct object *object_locked(const struct space *s, const char *key)
{
    size_t i = find_locked(s, key);
    return i < s->count && strcmp(s->objects[i].key, key) == 0 ? &s->objects[i] : NULL;
}

static bool is_below(const char *key, const char *dir)
{
    size_t len = strlen(dir);
    return len == 0 || (strncmp(key, dir, len) == 0 && key[len] == '/');
}

/* First object behind `key` and all that is below it. */
static size_t behind_locked(const struct space *s, const char *key)
{
    AUTO_FREE char *high = xasprintf("%s\x01", key); /* see key_compare */
    return find_locked(s, high);
}

static void bytes_free(struct slice_owner *o)
{
    free((char *)o - offsetof(struct bytes, owner));
}

static void bytes_put(struct bytes *b)
{
    if (b)
        slice_unref(&(struct slice){.owner = &b->owner});
}

static struct object *add_locked(struct space *s, const char *key)
{
    size_t i = find_locked(s, key);

    if (s->count == s->cap) {
        s->cap = s->cap ? s->cap * 2 : 64;
        s->objects = xrealloc(s->objects, s->cap * sizeof(*s->objects));
    }
    memmove(&s->objects[i + 1], &s->objects[i], (s->count - i) * sizeof(*s->objects));
    s->objects[i] = (struct object){.key = xstrdup(key)};
    s->objects[i].st.mtime_ms = clock_wall_ms();
    s->count++;
    return &s->objects[i];
}

static void drop_locked(struct space *s, struct object *o)
{
    size_t i = (size_t)(o - s->objects);

    free(o->key);
    bytes_put(o->bytes);
    memmove(o, o + 1, (s->count - i - 1) * sizeof(*o));
    s->count--;
}

static int not_found(const char *key, struct err *err)
{
    return err_set(err, ERR_NOT_FOUND, "the store has no '/%s'", key);
}

static int mkdir_locked(struct space *s, const char *key, unsigned mode, struct err *err)
{
    struct object *o = object_locked(s, key);

    if (!key[0] || (o && !o->bytes))
        return 0;
    if (o)
        return err_set(err, ERR_NOT_DIRECTORY, "'/%s' is a file", key);
    o = add_locked(s, key);
    o->st.type = UFS_DIRECTORY;
    o->st.mode = mode;
    return 0;
}

static int parents_locked(struct space *s, const char *key, struct err *err)
{
    for (const char *p = strchr(key, '/'); p; p = strchr(p + 1, '/')) {
        AUTO_FREE char *dir = xstrndup(key, (size_t)(p - key));
        TRY(mkdir_locked(s, dir, 0755, err));
    }
    return 0;
}

static int mem_stat(struct ufs *u, const struct ufs_call *c, const char *key, struct ufs_stat *ret,
                    struct err *err)
{
    struct mem_store *m = (struct mem_store *)u;

    TRY(begin(m, c, err));
    LOCK_SCOPE(&m->space->lock);
    struct object *o = object_locked(m->space, key);
    if (!key[0])
        *ret = (struct ufs_stat){.type = UFS_DIRECTORY, .mode = 0755};
    else if (o)
        *ret = o->st;
    else
        return not_found(key, err);
    return 0;
}

/* The next child behind `*at`; false at the end. `*at` becomes its key (owned by the caller). */
static bool next_child(struct space *s, const char *dir, bool recursive, char **at,
                       struct ufs_stat *st)
{
    LOCK_SCOPE(&s->lock);
    size_t i;

    if (!*at)
        i = dir[0] ? find_locked(s, dir) + 1 : 0;
    else if (recursive) {
        i = find_locked(s, *at);
        i += i < s->count && strcmp(s->objects[i].key, *at) == 0;
    } else
        i = behind_locked(s, *at);
    if (i >= s->count || !is_below(s->objects[i].key, dir))
        return false;
    free(*at);
    *at = xstrdup(s->objects[i].key);
    *st = s->objects[i].st;
    return true;
}

static char *join(const char *dir, const char *name)
{
    char *path = xasprintf("%s%s%s", dir, dir[0] ? "/" : "", name);
    size_t len = strlen(path);
    if (len && path[len - 1] == '/')
        path[len - 1] = 0;
    return path;
}

static int mem_list(struct ufs *u, const struct ufs_call *c, const char *key, bool recursive,
                    const char *after, ufs_list_fn each, void *arg, struct err *err)
{
    struct mem_store *m = (struct mem_store *)u;
    AUTO_FREE char *at = after ? join(key, after) : NULL;
    size_t skip = key[0] ? strlen(key) + 1 : 0;
    struct ufs_stat st;

    TRY(mem_stat(u, c, key, &st, err));
    if (st.type != UFS_DIRECTORY)
        return err_set(err, ERR_NOT_DIRECTORY, "'/%s' is a file", key);
    while (next_child(m->space, key, recursive, &at, &st)) {
        int rc = each(arg, at + skip, &st, err);
        if (rc)
            return rc;
    }
    return 0;
}

static int mem_read(struct ufs *u, const struct ufs_call *c, const char *key, uint64_t off,
                    uint64_t len, const char *etag, struct sink *to, struct err *err)
{
    struct mem_store *m = (struct mem_store *)u;
    struct slice all = {.fd = -1};
    bool is_other = false, is_dir = false;

    TRY(begin(m, c, err));
    lock_take(&m->space->lock);
    struct object *o = object_locked(m->space, key);
    if (o && o->bytes) {
        all = (struct slice){.mem = o->bytes->data, .fd = -1, .len = o->bytes->len,
                             .owner = &o->bytes->owner};
        slice_ref(&all);
        is_other = etag && strcmp(etag, o->st.etag) != 0;
    }
    is_dir = (o && !o->bytes) || !key[0];
    lock_drop(&m->space->lock);
    if (is_dir)
        return err_set(err, ERR_IS_DIRECTORY, "'/%s' is a directory", key);
    if (!all.owner)
        return not_found(key, err);
    struct slice part = all;
    part.mem = (const char *)all.mem + (off < all.len ? off : all.len);
    part.len = off < all.len ? all.len - off : 0;
    part.len = part.len < len ? part.len : len;
    int rc = 0;
    if (is_other)
        rc = err_set(err, ERR_PRECONDITION_FAILED, "'/%s' has changed", key);
    else if (part.len)
        rc = to->push(to, &part, err);
    slice_unref(&all);
    return rc;
}

static int pull_all(struct source *from, struct buf *to, struct err *err)
{
    for (size_t n = 1; n > 0;) {
        char *room = buf_room(to, PULL);
        if (!room)
            return err_set(err, ERR_STORE_FULL, "a file in memory holds at most 1 GiB");
        TRY(from->pull(from, room, PULL, &n, err));
        buf_grew(to, n);
    }
    return 0;
}

static int put_locked(struct space *s, const char *key, const struct buf *data, bool if_absent,
                      struct ufs_stat *ret, struct err *err)
{
    struct object *o = object_locked(s, key);

    if (!key[0] || (o && !o->bytes))
        return err_set(err, ERR_IS_DIRECTORY, "'/%s' is a directory", key);
    if (o && if_absent)
        return err_set(err, ERR_ALREADY_EXISTS, "'/%s' exists", key);
    TRY(parents_locked(s, key, err));
    struct bytes *b = xmalloc(sizeof(*b) + data->len);
    b->owner = (struct slice_owner){.release = bytes_free, .refs = 1};
    b->len = data->len;
    if (data->len)
        memcpy(b->data, data->data, data->len);
    o = object_locked(s, key);
    if (!o) {
        o = add_locked(s, key);
        o->st.mode = 0644;
    }
    bytes_put(o->bytes);
    o->bytes = b;
    o->st.type = UFS_FILE;
    o->st.length = b->len;
    o->st.mtime_ms = clock_wall_ms();
    snprintf(o->st.etag, sizeof(o->st.etag), "%llu", (unsigned long long)++s->generation);
    if (ret)
        *ret = o->st;
    return 0;
}

static int mem_write(struct ufs *u, const struct ufs_call *c, const char *key, struct source *from,
                     bool if_absent, struct ufs_stat *ret, struct err *err)
{
    struct mem_store *m = (struct mem_store *)u;
    AUTO(buf) data = {0};

    buf_init(&data, OBJECT_MAX);
    TRY(begin(m, c, err));
    TRY(pull_all(from, &data, err));
    LOCK_SCOPE(&m->space->lock);
    return put_locked(m->space, key, &data, if_absent, ret, err);
}

static int remove_locked(struct space *s, const char *key, struct err *err)
{
    struct object *o = object_locked(s, key);

    if (!key[0] || (o && !o->bytes))
        return err_set(err, ERR_IS_DIRECTORY, "'/%s' is a directory", key);
    if (o)
        drop_locked(s, o);
    return 0;
}

static int mem_remove(struct ufs *u, const struct ufs_call *c, const char *key, struct err *err)
{
    struct mem_store *m = (struct mem_store *)u;

    TRY(begin(m, c, err));
    LOCK_SCOPE(&m->space->lock);
    return remove_locked(m->space, key, err);
}

static int mem_remove_many(struct ufs *u, const struct ufs_call *c, const char *const *keys,
                           size_t n, struct err *err)
{
    struct mem_store *m = (struct mem_store *)u;
    int rc = 0;

    TRY(begin(m, c, err));
    LOCK_SCOPE(&m->space->lock);
    for (size_t i = 0; i < n; i++) {
        int one = remove_locked(m->space, keys[i], err);
        rc = one < 0 ? one : rc;
    }
    return rc;
}

static int mem_mkdir(struct ufs *u, const struct ufs_call *c, const char *key, unsigned mode,
                     struct err *err)
{
    struct mem_store *m = (struct mem_store *)u;

    TRY(begin(m, c, err));
    LOCK_SCOPE(&m->space->lock);
    TRY(parents_locked(m->space, key, err));
    return mkdir_locked(m->space, key, mode, err);
}

static int mem_rmdir(struct ufs *u, const struct ufs_call *c, const char *key, struct err *err)
{
    struct mem_store *m = (struct mem_store *)u;
    struct space *s = m->space;

    TRY(begin(m, c, err));
    LOCK_SCOPE(&s->lock);
    struct object *o = object_locked(s, key);
    if (!o)
        return 0;
    if (o->bytes)
        return err_set(err, ERR_NOT_DIRECTORY, "'/%s' is a file", key);
    size_t next = (size_t)(o - s->objects) + 1;
    if (next < s->count && is_below(s->objects[next].key, key))
        return err_set(err, ERR_NOT_EMPTY, "directory '/%s' is not empty", key);
    drop_locked(s, o);
    return 0;
}

/* Takes the objects of the tree out and puts them in again under their new keys. */
static void move_locked(struct space *s, const char *from, const char *to)
{
    for (;;) {
        size_t i = find_locked(s, from);
        if (i >= s->count ||
            (strcmp(s->objects[i].key, from) != 0 && !is_below(s->objects[i].key, from)))
            return;
        struct object moved = s->objects[i];
        AUTO_FREE char *old = moved.key;
        AUTO_FREE char *key = xasprintf("%s%s", to, old + strlen(from));
        memmove(&s->objects[i], &s->objects[i + 1], (s->count - i - 1) * sizeof(moved));
        s->count--;
        struct object *o = object_locked(s, key);
        if (o)
            drop_locked(s, o);
        o = add_locked(s, key);
        moved.key = o->key;
        *o = moved;
    }
}

static int rename_check_locked(struct space *s, const char *from, const char *to, struct err *err)
{
    struct object *source = object_locked(s, from), *target = object_locked(s, to);
    size_t next = target ? (size_t)(target - s->objects) + 1 : 0;

    if (strcmp(from, to) != 0 && is_below(to, from))
        return err_set(err, ERR_INVALID_ARGUMENT, "'/%s' cannot become a part of itself", from);
    if (!target)
        return 0;
    if (!source->bytes && target->bytes)
        return err_set(err, ERR_NOT_DIRECTORY, "'/%s' is a file", to);
    if (source->bytes && !target->bytes)
        return err_set(err, ERR_IS_DIRECTORY, "'/%s' is a directory", to);
    if (!target->bytes && next < s->count && is_below(s->objects[next].key, to))
        return err_set(err, ERR_NOT_EMPTY, "directory '/%s' is not empty", to);
    return 0;
}

static int mem_rename(struct ufs *u, const struct ufs_call *c, const char *from, const char *to,
                      struct err *err)
{
    struct mem_store *m = (struct mem_store *)u;
    struct space *s = m->space;

    TRY(begin(m, c, err));
    LOCK_SCOPE(&s->lock);
    if (!object_locked(s, from))
        return object_locked(s, to) ? 0 : not_found(from, err);
    if (strcmp(from, to) == 0)
        return 0;
    TRY(rename_check_locked(s, from, to, err));
    TRY(parents_locked(s, to, err));
    move_locked(s, from, to);
    return 0;
}

static int mem_copy(struct ufs *u, const struct ufs_call *c, const char *from, const char *to,
                    struct err *err)
{
    struct mem_store *m = (struct mem_store *)u;
    struct space *s = m->space;

    TRY(begin(m, c, err));
    LOCK_SCOPE(&s->lock);
    struct object *o = object_locked(s, from);
    if (!o)
        return not_found(from, err);
    if (!o->bytes)
        return err_set(err, ERR_IS_DIRECTORY, "'/%s' is a directory", from);
    struct bytes *keep = o->bytes;
    slice_ref(&(struct slice){.owner = &keep->owner});
    struct buf data = {.data = keep->data, .len = keep->len};
    int rc = put_locked(s, to, &data, false, NULL, err);
    bytes_put(keep);
    return rc;
}

static int mem_set_attr(struct ufs *u, const struct ufs_call *c, const char *key,
                        const unsigned *mode, const char *owner, const char *group, struct err *err)
{
    struct mem_store *m = (struct mem_store *)u;

    TRY(begin(m, c, err));
    LOCK_SCOPE(&m->space->lock);
    struct object *o = object_locked(m->space, key);
    if (!o)
        return key[0] ? not_found(key, err) : 0;
    if (mode)
        o->st.mode = *mode;
    if (owner)
        snprintf(o->st.owner, sizeof(o->st.owner), "%s", owner);
    if (group)
        snprintf(o->st.group, sizeof(o->st.group), "%s", group);
    return 0;
}

static int mem_space(struct ufs *u, const struct ufs_call *c, struct ufs_space *ret,
                     struct err *err)
{
    struct mem_store *m = (struct mem_store *)u;
    int64_t used = 0;

    TRY(begin(m, c, err));
    LOCK_SCOPE(&m->space->lock);
    for (size_t i = 0; i < m->space->count; i++)
        used += (int64_t)m->space->objects[i].st.length;
    *ret = (struct ufs_space){.total_bytes = -1, .used_bytes = used};
    return 0;
}

const struct ufs_driver mem_driver = {
    .name = "mem",
    .schemes = "mem",
    .label = "Memory (for tests)",
    .options = options,
    .open = mem_open,
    .close = mem_close,
    .capabilities = mem_capabilities,
    .stat = mem_stat,
    .list = mem_list,
    .read = mem_read,
    .write = mem_write,
    .remove = mem_remove,
    .remove_many = mem_remove_many,
    .mkdir = mem_mkdir,
    .rmdir = mem_rmdir,
    .rename = mem_rename,
    .copy = mem_copy,
    .set_attr = mem_set_attr,
    .space = mem_space,
};
