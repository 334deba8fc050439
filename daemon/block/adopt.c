/* SPDX-License-Identifier: Apache-2.0
 *
 * adopt: see the header.  Only heads are read; pages are compared with their checksums at first
 * touch.  It runs before the store serves, because room is counted and dirty blocks are known only
 * then; a few threads share the folders.  Whether a content still lives is asked later, by worker/.
 *
 *   file                                         → what happens
 *   *.tmp; an empty head; clean and not ours     → removed (it was never promised)
 *   a damaged head; dirty and not ours           → quarantine/: a person may want it
 *   another page size, no room, a second copy    → removed if clean
 *   all else                                     → index
 */
#include "block/adopt.h"

#include "base/file_util.h"
#include "base/log.h"
#include "base/mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { THREADS = 4, OUTER = 32, INNER = 32, FIRST_READ = 8192 };

struct scan {
    struct block_store *store;
    unsigned tier;
    unsigned next; /* atomic: outer folder */
};
enum verdict { REMOVE, QUARANTINE, KEEP };

/* One file while it is looked at. */
struct find {
    struct block_store *store;
    struct tier *tier;
    unsigned tier_index;
    struct tier_name name; /* as found */
    content_id cid;
    uint32_t seq, serial;
    int fd;
    uint8_t *head;
    size_t head_len;
    struct page_file file;
    uint64_t charged;
};

static bool parse_name(const char *name, struct find *f)
{
    unsigned long long id;
    unsigned serial;
    int end = 0;
    if (sscanf(name, "%16llx-%8x%n", &id, &serial, &end) != 2 || end != 25 || name[end])
        return false;
    f->cid = id >> 24;
    f->seq = (uint32_t)(id & 0xffffff);
    f->serial = serial;
    return strcmp(tier_name(f->cid, f->seq, serial).text, f->name.text) == 0;
}

static bool is_zero(const uint8_t *p, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (p[i])
            return false;
    return true;
}

static bool is_ours(const struct block_store *s, const struct page_file *f)
{
    return strcmp(f->cluster, s->cluster) == 0 && (f->incarnation == s->incarnation || f->cid < s->first_id);
}

static bool read_head(struct find *f)
{
    size_t want = (size_t)page_file_data_off(&f->file);
    if (want <= f->head_len)
        return true;
    f->head = xrealloc(f->head, want);
    return file_pread_all(f->fd, f->head, want, 0, NULL) == 0;
}

static enum verdict judge(struct find *f)
{
    struct stat st;
    ssize_t n = pread(f->fd, f->head, FIRST_READ, 0);
    if (n < 0 || fstat(f->fd, &st) < 0)
        return QUARANTINE;
    f->head_len = (size_t)n;
    f->charged = (uint64_t)st.st_blocks * 512;
    if (is_zero(f->head, f->head_len < PAGE_FILE_HEADER ? f->head_len : PAGE_FILE_HEADER))
        return REMOVE;
    if (page_file_decode(f->head, f->head_len, &f->file, NULL) < 0 || f->file.cid != f->cid || f->file.seq != f->seq)
        return QUARANTINE;
    bool is_dirty = f->file.flags & PAGE_FILE_DIRTY;
    if (!is_ours(f->store, &f->file))
        return is_dirty ? QUARANTINE : REMOVE;
    if (!read_head(f) || (uint64_t)st.st_size < page_file_data_off(&f->file) + f->file.capacity)
        return is_dirty ? QUARANTINE : REMOVE; /* shorter than its map would be */
    if (!is_dirty && f->file.page_size != block_page_size(f->store, f->file.block_size))
        return REMOVE;
    return KEEP;
}

/* Pages whose record stands. */
static void mark_present(struct find *f, struct block *b)
{
    size_t missing = 0;
    for (uint32_t i = 0; i < page_file_pages(&f->file); i++)
        if (page_file_is_present(&f->file, i, f->head + page_file_record_off(&f->file, i)))
            index_set_bit_locked(b, false, i); /* nobody else knows the block yet */
        else if (page_file_page_len(&f->file, i))
            missing++;
    if (!b->is_dirty || !missing)
        return;
    b->is_bad = true;
    __atomic_add_fetch(&f->store->bad_pages, missing, __ATOMIC_RELAXED);
    log_error(block, "%zu pages of an unpersisted block are damaged: quarantined file=%s tier=%s", missing, f->name.text, f->tier->alias);
}

static bool keep(struct find *f)
{
    bool is_dirty = f->file.flags & PAGE_FILE_DIRTY;
    if (!tier_reserve(f->tier, f->charged, f->tier->quota)) {
        if (!is_dirty)
            return false;
        __atomic_add_fetch(&f->tier->used, f->charged, __ATOMIC_RELAXED); /* the quota was lowered; the bytes are there */
    }
    struct block *b = index_block_new(f->store, &f->file, f->tier_index, f->serial, -1, f->charged);
    mark_present(f, b);
    bool is_added = index_add(b);
    index_put(b); /* gives the room back when it was not added */
    return is_added;
}

static void quarantine(struct find *f)
{
    char to[80];
    mkdirat(f->tier->root, "quarantine", 0700);
    snprintf(to, sizeof to, "quarantine/%s", f->name.text + 6);
    log_error(block, "a block file that cannot be adopted is kept aside file=%s/%s", f->tier->path, to);
    if (renameat(f->tier->root, f->name.text, f->tier->root, to) < 0)
        log_error(block, "cannot move %s/%s: %s", f->tier->path, f->name.text, strerror(errno));
}

static void adopt_file(struct scan *s, unsigned folder, const char *name)
{
    struct find f = {.store = s->store, .tier_index = s->tier, .tier = &s->store->tiers[s->tier], .fd = -1};
    f.name.folder = folder;
    int n = snprintf(f.name.text, sizeof f.name.text, "%02x/%02x/%s", folder / 32, folder % 32, name);
    if (n < 0 || (size_t)n >= sizeof f.name.text)
        return;
    size_t len = strlen(name);
    if (len > 4 && strcmp(name + len - 4, ".tmp") == 0) {
        tier_unlink(f.tier, &f.name, false);
        return;
    }
    if (!parse_name(name, &f) || (f.fd = openat(f.tier->root, f.name.text, O_RDONLY | O_CLOEXEC)) < 0)
        return;
    f.head = xmalloc(FIRST_READ);
    enum verdict v = judge(&f);
    if (v == QUARANTINE)
        quarantine(&f);
    else if (v == REMOVE || (!keep(&f) && !(f.file.flags & PAGE_FILE_DIRTY)))
        tier_unlink(f.tier, &f.name, false);
    free(f.head);
    close(f.fd);
}

static void adopt_folder(struct scan *s, unsigned folder)
{
    char name[8];
    struct tier *t = &s->store->tiers[s->tier];
    snprintf(name, sizeof name, "%02x/%02x", folder / 32, folder % 32);
    int fd = openat(t->root, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    if (!d) {
        if (fd >= 0)
            close(fd);
        return;
    }
    for (struct dirent *e; (e = readdir(d));)
        if (e->d_name[0] != '.')
            adopt_file(s, folder, e->d_name);
    closedir(d);
}

static void scan_run(void *arg)
{
    struct scan *s = arg;
    for (unsigned outer; (outer = __atomic_fetch_add(&s->next, 1, __ATOMIC_RELAXED)) < OUTER;) {
        char name[8];
        snprintf(name, sizeof name, "%02x", outer);
        if (faccessat(s->store->tiers[s->tier].root, name, F_OK, 0) < 0)
            continue;
        for (unsigned i = 0; i < INNER; i++)
            adopt_folder(s, outer * 32 + i);
    }
}

void adopt_tier(struct block_store *s, unsigned tier)
{
    if (!tier_is_ok(&s->tiers[tier]))
        return;
    struct scan scan = {.store = s, .tier = tier};
    struct thread threads[THREADS] = {0};
    for (size_t i = 0; i < THREADS; i++)
        thread_start(&threads[i], "adopt", scan_run, &scan);
    for (size_t i = 0; i < THREADS; i++)
        thread_join(&threads[i]);
}
