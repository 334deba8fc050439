/* SPDX-License-Identifier: Apache-2.0
 *
 * disk_state: a disk in memory that knows what was synced.  Files are pages, directories are lists of names; each has a
 * present and a durable side, and disk_cut makes the durable side the present one.
 *
 * Durable is: bytes, size, mode and times of a file when it is fsynced (or written with O_SYNC/O_DSYNC: those bytes and
 * the size); names when their own directory is fsynced, together with every earlier change of names that shares a
 * directory with them (a rename across directories is whole or not at all).  fsync of a file does not make its name
 * durable.  That is what POSIX promises and less than what journaling file systems do.  A cut may drop all that was not
 * synced, or keep some: any of the pages, and the changes of names up to some moment, in their order.
 *
 * Invariants: 1. the durable side changes only in disk_sync_* and disk_cut.  2. a node that neither side names is freed
 * at the next cut, when no kernel knows it.  Threads: one.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

enum { DISK_PAGE = 4096 };

struct disk_name {
    char *name;
    struct disk_node *node;
};
struct disk_names {
    struct disk_name *items;
    size_t count, room;
};
struct disk_page {
    uint8_t *now, *durable; /* NULL: zeros; equal pointers: the same bytes, synced */
    bool is_dirty;
};
struct disk_node {
    uint64_t id;
    struct disk_node *next; /* all nodes */
    bool is_reachable;      /* used by a cut */
    bool is_marked;         /* used by disk_sync_names */
    struct stat now, durable;
    struct disk_page *pages;
    size_t page_count;
    struct disk_names names, durable_names;
    char *target; /* of a symbolic link */
};
struct disk_cut_report {
    size_t pages_dropped, pages_kept, changes_dropped, changes_kept;
};

struct disk_node *disk_root(void);
struct disk_node *disk_new(mode_t mode, const char *target);
struct disk_node *disk_find(const struct disk_node *dir, const char *name);
/* Gives `name` to `node`, or takes it away (NULL); `from`, if not NULL, loses `from_name` in the same change. */
void disk_link(struct disk_node *dir, const char *name, struct disk_node *node, struct disk_node *from, const char *from_name);
void disk_read(const struct disk_node *f, void *to, size_t len, uint64_t at);
void disk_write(struct disk_node *f, const void *from, size_t len, uint64_t at, bool is_sync);
void disk_zero(struct disk_node *f, uint64_t at, uint64_t len);
void disk_resize(struct disk_node *f, uint64_t size);
size_t disk_unsynced(const struct disk_node *f); /* pages */
void disk_sync_file(struct disk_node *f);
void disk_sync_names(struct disk_node *dir);
void disk_sync_all(void);
/* The power goes. `seed` 0: all that was not synced is lost; else dice decide. */
struct disk_cut_report disk_cut(uint64_t seed);
