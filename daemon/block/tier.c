/* SPDX-License-Identifier: Apache-2.0
 *
 * tier: see the header.  Folders of the fan-out are made when the first file goes there, and their
 * own entries are synced once in a process's life, before the first durable file in them counts.
 * Threads: any.  No lock is held across I/O.
 */
#include "block/tier.h"

#include "base/clock.h"
#include "base/crypto.h"
#include "base/file_util.h"
#include "base/log.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

static int open_root(struct tier *t, struct err *err)
{
    struct statfs fs;
    TRY(file_mkdirs(t->path, 0700, err));
    t->root = open(t->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (t->root < 0 || fstatfs(t->root, &fs) < 0)
        return err_set_errno(err, ERR_IO, errno, "cannot use cache folder '%s'", t->path);
    if (faccessat(t->root, ".", W_OK, 0) < 0)
        return err_set_errno(err, ERR_IO, errno, "cannot write to cache folder '%s'", t->path);
    t->is_durable = fs.f_type != TMPFS_MAGIC && fs.f_type != RAMFS_MAGIC;
    return 0;
}

void tier_init(struct tier *t, const struct block_tier_options *o, const struct evict_policy *policy)
{
    *t = (struct tier){.quota = o->quota, .root = -1, .policy = policy};
    t->high = o->quota / 100 * o->high;
    t->low = o->quota / 100 * (o->low < o->high ? o->low : o->high);
    snprintf(t->alias, sizeof t->alias, "%s", o->alias);
    snprintf(t->path, sizeof t->path, "%s", o->path);
    lock_init(&t->lock, RANK_BLOCK_INNER);
    crypto_random(&t->serial, sizeof t->serial);
    struct err err = {0};
    t->is_ok = open_root(t, &err) == 0;
    if (!t->is_ok) {
        snprintf(t->failure, sizeof t->failure, "%.159s", err.text);
        log_error(block, "%s, continuing without tier %s", err.text, t->alias);
    }
}

void tier_done(struct tier *t)
{
    if (t->root >= 0)
        close(t->root);
    lock_done(&t->lock);
}

bool tier_reserve(struct tier *t, uint64_t bytes, uint64_t limit)
{
    uint64_t used = __atomic_load_n(&t->used, __ATOMIC_RELAXED);
    limit = limit < t->quota ? limit : t->quota;
    do
        if (bytes > limit || used > limit - bytes)
            return false;
    while (!__atomic_compare_exchange_n(&t->used, &used, used + bytes, true, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED));
    return true;
}

void tier_release(struct tier *t, uint64_t bytes)
{
    __atomic_sub_fetch(&t->used, bytes, __ATOMIC_ACQ_REL);
}

uint64_t tier_used(const struct tier *t)
{
    return __atomic_load_n(&t->used, __ATOMIC_ACQUIRE);
}

bool tier_is_ok(const struct tier *t)
{
    return __atomic_load_n(&t->is_ok, __ATOMIC_ACQUIRE);
}

uint32_t tier_serial(struct tier *t)
{
    return __atomic_add_fetch(&t->serial, 1, __ATOMIC_RELAXED);
}

int tier_failed(struct tier *t, int os, const char *what, struct err *err)
{
    if (os == ENOSPC || os == EDQUOT || os == ENOMEM)
        return err_set(err, ERR_NO_SPACE, "the disk of tier %s is full (%s)", t->alias, what);
    if (os == EMFILE || os == ENFILE || os == EEXIST || os == ENOENT) /* not the disk's fault */
        return err_set_errno(err, ERR_IO, os, "tier %s: cannot %s", t->alias, what);
    bool was_ok = __atomic_exchange_n(&t->is_ok, false, __ATOMIC_ACQ_REL);
    if (was_ok) {
        char text[160];
        snprintf(text, sizeof text, "cannot %s: %s", what, strerror(os));
        lock_take(&t->lock);
        memcpy(t->failure, text, sizeof text);
        lock_drop(&t->lock);
        log_error(block, "tier %s failed, reads pass by it: %s path=%s", t->alias, text, t->path);
    }
    return err_set_errno(err, ERR_IO, os, "tier %s: cannot %s", t->alias, what);
}

struct tier_name tier_name(content_id cid, uint32_t seq, uint32_t serial)
{
    struct tier_name n;
    block_id id = cid << 24 | seq;
    n.folder = (unsigned)(cid * 0x9E3779B97F4A7C15u >> 54) % TIER_FANOUT;
    snprintf(n.text, sizeof n.text, "%02x/%02x/%016llx-%08x", n.folder / 32, n.folder % 32, (unsigned long long)id, serial);
    return n;
}

static void temporary(const struct tier_name *n, char to[64])
{
    snprintf(to, 64, "%s.tmp", n->text);
}

/* Waits are for the disk only. */
static int make_folders(struct tier *t, const struct tier_name *n)
{
    char name[8];
    snprintf(name, sizeof name, "%.2s", n->text);
    if (mkdirat(t->root, name, 0700) < 0 && errno != EEXIST)
        return -errno;
    snprintf(name, sizeof name, "%.5s", n->text);
    if (mkdirat(t->root, name, 0700) < 0 && errno != EEXIST)
        return -errno;
    return 0;
}

int tier_create(struct tier *t, const struct tier_name *n, bool is_final, struct err *err)
{
    char name[64];
    if (!tier_is_ok(t))
        return err_set(err, ERR_IO, "tier %s does not work", t->alias);
    temporary(n, name);
    const char *as = is_final ? n->text : name;
    int fd = openat(t->root, as, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 && errno == ENOENT && make_folders(t, n) == 0)
        fd = openat(t->root, as, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    return fd >= 0 ? fd : tier_failed(t, errno, "make a block file", err);
}

int tier_open(struct tier *t, const struct tier_name *n, struct err *err)
{
    int fd = openat(t->root, n->text, O_RDWR | O_CLOEXEC);
    return fd >= 0 ? fd : tier_failed(t, errno, "open a block file", err);
}

int tier_publish(struct tier *t, const struct tier_name *n, struct err *err)
{
    char name[64];
    temporary(n, name);
    if (renameat(t->root, name, t->root, n->text) < 0)
        return tier_failed(t, errno, "rename a block file", err);
    return 0;
}

static int sync_one(struct tier *t, const char *name)
{
    AUTO_FD int fd = openat(t->root, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

int tier_sync_folder(struct tier *t, const struct tier_name *n, struct err *err)
{
    char outer[8], inner[8];
    snprintf(outer, sizeof outer, "%.2s", n->text);
    snprintf(inner, sizeof inner, "%.5s", n->text);
    int rc = sync_one(t, inner);
    if (rc == 0 && !__atomic_load_n(&t->synced[n->folder], __ATOMIC_ACQUIRE)) {
        rc = sync_one(t, outer);
        if (rc == 0)
            rc = sync_one(t, ".");
        if (rc == 0)
            __atomic_store_n(&t->synced[n->folder], 1, __ATOMIC_RELEASE);
    }
    return rc == 0 ? 0 : tier_failed(t, -rc, "sync a folder", err);
}

void tier_unlink(struct tier *t, const struct tier_name *n, bool is_temporary)
{
    char name[64];
    temporary(n, name);
    if (unlinkat(t->root, is_temporary ? name : n->text, 0) < 0 && errno != ENOENT)
        tier_failed(t, errno, "remove a block file", NULL);
}
