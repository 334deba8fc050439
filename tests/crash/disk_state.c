/* SPDX-License-Identifier: Apache-2.0
 *
 * disk_state: see the header.
 */
#include "disk_state.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

/* One change of names, not yet durable: up to two (directory, name, what it names afterwards). */
struct change {
    struct {
        struct disk_node *dir, *node;
        char *name;
    } part[2];
    int parts;
    bool is_chosen; /* used by disk_sync_names */
};

static struct disk_node *nodes;
static struct change **changes; /* oldest first */
static size_t change_count, change_room;

static void *must(void *p)
{
    if (!p)
        abort();
    return p;
}

/* ---- names ---- */
static struct disk_name *name_at(const struct disk_names *l, const char *name)
{
    for (size_t i = 0; i < l->count; i++)
        if (!strcmp(l->items[i].name, name))
            return &l->items[i];
    return NULL;
}

static void names_set(struct disk_names *l, const char *name, struct disk_node *node)
{
    struct disk_name *there = name_at(l, name);
    if (there && node) {
        there->node = node;
    } else if (there) {
        free(there->name);
        *there = l->items[--l->count];
    } else if (node) {
        if (l->count == l->room) {
            l->room = l->room ? 2 * l->room : 8;
            l->items = must(realloc(l->items, l->room * sizeof *l->items));
        }
        l->items[l->count++] = (struct disk_name){must(strdup(name)), node};
    }
}

static void names_clear(struct disk_names *l)
{
    while (l->count)
        free(l->items[--l->count].name);
}

struct disk_node *disk_find(const struct disk_node *dir, const char *name)
{
    const struct disk_name *n = name_at(&dir->names, name);
    return n ? n->node : NULL;
}

static void touch(struct disk_node *n)
{
    clock_gettime(CLOCK_REALTIME, &n->now.st_mtim);
    n->now.st_ctim = n->now.st_mtim;
}

void disk_link(struct disk_node *dir, const char *name, struct disk_node *node, struct disk_node *from, const char *from_name)
{
    struct change *c = must(calloc(1, sizeof *c));
    if (from) {
        names_set(&from->names, from_name, NULL);
        c->part[c->parts].dir = from;
        c->part[c->parts++].name = must(strdup(from_name));
        touch(from);
    }
    names_set(&dir->names, name, node);
    c->part[c->parts].dir = dir;
    c->part[c->parts].node = node;
    c->part[c->parts++].name = must(strdup(name));
    touch(dir);
    if (change_count == change_room) {
        change_room = change_room ? 2 * change_room : 64;
        changes = must(realloc(changes, change_room * sizeof(struct change *)));
    }
    changes[change_count++] = c;
}

/* ---- nodes ---- */
struct disk_node *disk_new(mode_t mode, const char *target)
{
    static uint64_t last;
    struct disk_node *n = must(calloc(1, sizeof *n));
    n->id = ++last;
    n->next = nodes;
    nodes = n;
    n->target = target ? must(strdup(target)) : NULL;
    touch(n);
    n->now.st_atim = n->now.st_mtim;
    n->now.st_ino = n->id;
    n->now.st_mode = mode;
    n->now.st_nlink = S_ISDIR(mode) ? 2 : 1;
    n->now.st_blksize = DISK_PAGE;
    n->now.st_size = target ? (off_t)strlen(target) : 0;
    n->durable = n->now;
    return n;
}

struct disk_node *disk_root(void)
{
    static struct disk_node *root;
    if (!root)
        root = disk_new(S_IFDIR | 0755, NULL);
    return root;
}

/* ---- bytes ---- */
static struct disk_page *page_at(struct disk_node *f, size_t i)
{
    if (i >= f->page_count) {
        size_t count = i + 1 > 2 * f->page_count ? i + 1 : 2 * f->page_count;
        f->pages = must(realloc(f->pages, count * sizeof *f->pages));
        memset(f->pages + f->page_count, 0, (count - f->page_count) * sizeof *f->pages);
        f->page_count = count;
    }
    return &f->pages[i];
}

/* A page that may be changed without changing what is durable. */
static uint8_t *page_to_change(struct disk_page *p)
{
    if (!p->now || p->now == p->durable) {
        uint8_t *own = must(calloc(1, DISK_PAGE));
        if (p->now)
            memcpy(own, p->now, DISK_PAGE);
        p->now = own;
    }
    p->is_dirty = true;
    return p->now;
}

static void page_sync(struct disk_page *p)
{
    if (p->durable != p->now)
        free(p->durable);
    p->durable = p->now;
    p->is_dirty = false;
}

static void page_drop(struct disk_page *p)
{
    if (p->durable != p->now)
        free(p->now);
    p->now = p->durable;
    p->is_dirty = false;
}

void disk_read(const struct disk_node *f, void *to, size_t len, uint64_t at)
{
    memset(to, 0, len);
    for (size_t done = 0, n; done < len; done += n) {
        size_t i = (at + done) / DISK_PAGE, off = (at + done) % DISK_PAGE;
        n = DISK_PAGE - off < len - done ? DISK_PAGE - off : len - done;
        if (i < f->page_count && f->pages[i].now)
            memcpy((uint8_t *)to + done, f->pages[i].now + off, n);
    }
}

/* from NULL: zeros. */
static void change_bytes(struct disk_node *f, const uint8_t *from, uint64_t len, uint64_t at, bool is_sync)
{
    for (uint64_t done = 0, n; done < len; done += n) {
        uint64_t off = (at + done) % DISK_PAGE;
        n = DISK_PAGE - off < len - done ? DISK_PAGE - off : len - done;
        struct disk_page *p = page_at(f, (at + done) / DISK_PAGE);
        if (from)
            memcpy(page_to_change(p) + off, from + done, n);
        else if (p->now)
            memset(page_to_change(p) + off, 0, n);
        if (is_sync)
            page_sync(p);
    }
    touch(f);
}

void disk_write(struct disk_node *f, const void *from, size_t len, uint64_t at, bool is_sync)
{
    change_bytes(f, from, len, at, is_sync);
    if (at + len > (uint64_t)f->now.st_size)
        f->now.st_size = (off_t)(at + len);
    if (is_sync)
        f->durable = f->now;
}

void disk_zero(struct disk_node *f, uint64_t at, uint64_t len)
{
    uint64_t end = f->page_count * (uint64_t)DISK_PAGE;
    if (at < end)
        change_bytes(f, NULL, len < end - at ? len : end - at, at, false);
}

void disk_resize(struct disk_node *f, uint64_t size)
{
    if (size < (uint64_t)f->now.st_size)
        disk_zero(f, size, UINT64_MAX - size);
    f->now.st_size = (off_t)size;
    touch(f);
}

size_t disk_unsynced(const struct disk_node *f)
{
    size_t n = 0;
    for (size_t i = 0; i < f->page_count; i++)
        n += f->pages[i].is_dirty;
    return n;
}

void disk_sync_file(struct disk_node *f)
{
    for (size_t i = 0; i < f->page_count; i++)
        if (f->pages[i].is_dirty)
            page_sync(&f->pages[i]);
    f->durable = f->now;
}

/* ---- changes of names become durable ---- */
static void change_end(struct change *c, bool is_kept)
{
    for (int i = 0; i < c->parts; i++) {
        if (is_kept)
            names_set(&c->part[i].dir->durable_names, c->part[i].name, c->part[i].node);
        free(c->part[i].name);
    }
    free(c);
}

/* A change takes every earlier one that shares a directory with it: their order is kept. */
static void choose(struct disk_node *dir)
{
    dir->is_marked = true;
    for (size_t i = change_count; i-- > 0;) {
        struct change *c = changes[i];
        c->is_chosen = c->part[0].dir->is_marked || (c->parts == 2 && c->part[1].dir->is_marked);
        for (int k = 0; k < c->parts && c->is_chosen; k++)
            c->part[k].dir->is_marked = true;
    }
    for (size_t i = 0; i < change_count; i++)
        for (int k = 0; k < changes[i]->parts; k++)
            changes[i]->part[k].dir->is_marked = false;
    dir->is_marked = false;
}

void disk_sync_names(struct disk_node *dir)
{
    size_t left = 0;
    choose(dir);
    for (size_t i = 0; i < change_count; i++) {
        if (changes[i]->is_chosen)
            change_end(changes[i], true);
        else
            changes[left++] = changes[i];
    }
    change_count = left;
    dir->durable = dir->now;
}

void disk_sync_all(void)
{
    for (struct disk_node *n = nodes; n; n = n->next)
        disk_sync_file(n);
    for (size_t i = 0; i < change_count; i++)
        change_end(changes[i], true);
    change_count = 0;
}

/* ---- the cut ---- */
struct cut {
    uint64_t dice; /* 0: everything goes */
    struct disk_cut_report report;
};

static uint64_t roll(struct cut *c)
{
    c->dice ^= c->dice << 13;
    c->dice ^= c->dice >> 7;
    c->dice ^= c->dice << 17;
    return c->dice;
}

/* With dice a file that was not synced may be torn: any page may have reached the disk, and the size with the last one. */
static void cut_bytes(struct cut *c, struct disk_node *f)
{
    off_t size = f->durable.st_size;
    bool is_shrunk_kept = c->dice && f->now.st_size < size && roll(c) % 2;
    for (size_t i = 0; i < f->page_count; i++) {
        off_t end = (off_t)(i + 1) * DISK_PAGE;
        if (!f->pages[i].is_dirty)
            continue;
        bool is_kept = c->dice && (f->now.st_size < size ? is_shrunk_kept : roll(c) % 2);
        if (is_kept)
            page_sync(&f->pages[i]);
        else
            page_drop(&f->pages[i]);
        c->report.pages_kept += is_kept;
        c->report.pages_dropped += !is_kept;
        if (is_kept && size < f->now.st_size && size < end)
            size = end < f->now.st_size ? end : f->now.st_size;
    }
    f->durable.st_size = is_shrunk_kept ? f->now.st_size : size;
    f->now = f->durable;
}

static void cut_names(struct cut *c)
{
    c->report.changes_kept = c->dice ? roll(c) % (change_count + 1) : 0;
    c->report.changes_dropped = change_count - c->report.changes_kept;
    for (size_t i = 0; i < change_count; i++)
        change_end(changes[i], i < c->report.changes_kept);
    change_count = 0;
    for (struct disk_node *n = nodes; n; n = n->next) {
        names_clear(&n->names);
        for (size_t i = 0; i < n->durable_names.count; i++)
            names_set(&n->names, n->durable_names.items[i].name, n->durable_names.items[i].node);
    }
}

static void mark(struct disk_node *n)
{
    if (n->is_reachable)
        return;
    n->is_reachable = true;
    for (size_t i = 0; i < n->names.count; i++)
        mark(n->names.items[i].node); /* as deep as the tests' own folders */
}

static void node_free(struct disk_node *n)
{
    for (size_t i = 0; i < n->page_count; i++) {
        page_drop(&n->pages[i]);
        free(n->pages[i].durable);
    }
    names_clear(&n->names);
    names_clear(&n->durable_names);
    free(n->names.items);
    free(n->durable_names.items);
    free(n->pages);
    free(n->target);
    free(n);
}

static void sweep(void)
{
    for (struct disk_node *n = nodes; n; n = n->next)
        n->is_reachable = false;
    mark(disk_root());
    for (struct disk_node **at = &nodes; *at;) {
        struct disk_node *n = *at;
        if (n->is_reachable) {
            at = &n->next;
        } else {
            *at = n->next;
            node_free(n);
        }
    }
}

struct disk_cut_report disk_cut(uint64_t seed)
{
    struct cut c = {.dice = seed};
    for (struct disk_node *n = nodes; n; n = n->next)
        if (S_ISREG(n->now.st_mode))
            cut_bytes(&c, n);
        else
            n->now = n->durable;
    cut_names(&c);
    sweep();
    return c.report;
}
