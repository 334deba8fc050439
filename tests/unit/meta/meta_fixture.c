/* SPDX-License-Identifier: Apache-2.0
 *
 * meta_fixture: see the header.
 */
#include "meta_fixture.h"

#include "base/clock.h"
#include "base/file_util.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void must(int rc, const struct err *err)
{
    if (rc < 0) {
        fprintf(stderr, "%s\n", err->text);
        abort();
    }
}

struct call meta_fixture_call(struct meta_fixture *f)
{
    f->result = (struct call_result){0};
    return call_system("test", clock_mono_ms() + 20000, &f->result);
}

void meta_fixture_format(struct meta_fixture *f, struct entry *first)
{
    struct err err = {0};
    memset(f, 0, sizeof *f);
    snprintf(f->dir, sizeof f->dir, "/tmp/meta-test-XXXXXX");
    if (!mkdtemp(f->dir))
        abort();
    snprintf(f->db_dir, sizeof f->db_dir, "%s/meta", f->dir);
    snprintf(f->journal_dir, sizeof f->journal_dir, "%s/journal", f->dir);
    f->options = (struct meta_options){.dir = f->db_dir,
                                       .journal_dir = f->journal_dir,
                                       .cache_bytes = 8 << 20,
                                       .sqlite_cache_bytes = 8 << 20,
                                       .readers = 4,
                                       .journal_reserve_bytes = 1 << 20,
                                       .address = "127.0.0.1:19200"};
    must(meta_format(&f->options, "alice", "staff", first, &err), &err);
    meta_fixture_open(f);
}

void meta_fixture_open(struct meta_fixture *f)
{
    struct err err = {0};
    must(meta_open(&f->options, NULL, clock_mono_ms() + 20000, &f->m, &err), &err);
}

void meta_fixture_remove(struct meta_fixture *f)
{
    struct err err = {0};
    meta_close(f->m);
    f->m = NULL;
    must(file_remove_tree(f->dir, &err), &err);
}

struct inode meta_fixture_inode(inode_id ino, enum inode_type type, inode_id parent, const char *name)
{
    int64_t now = clock_wall_ms();
    struct inode i = {.ino = ino,
                      .type = type,
                      .nlink = 1,
                      .parent = parent,
                      .mode = type == INODE_DIRECTORY ? 0755 : 0644,
                      .owner = 1,
                      .group = 2,
                      .ctime_ms = now,
                      .mtime_ms = now,
                      .atime_ms = now,
                      .block_size = 64 << 20,
                      .ttl_ms = -1,
                      .replication_max = -1};
    if (type == INODE_DIRECTORY)
        snprintf(i.name, sizeof i.name, "%s", name);
    return i;
}

void meta_fixture_add_child(struct entry *e, const struct inode *i, const char *name)
{
    entry_guard_dentry(e, i->parent, name, 0, ERR_ALREADY_EXISTS);
    entry_put_inode(e, i);
    entry_put_dentry(e, i->parent, name, i->ino, i->type);
    entry_touch(e, i->parent, i->mtime_ms);
}

int meta_fixture_create(struct meta_fixture *f, inode_id parent, const char *name, enum inode_type type, inode_id *ret)
{
    AUTO(entry) e;
    struct call call = call_system("test", clock_mono_ms() + 20000, NULL);
    struct inode i = meta_fixture_inode(meta_new_id(f->m), type, parent, name);
    if (type == INODE_FILE)
        i.cid = meta_new_id(f->m);
    entry_init(&e, type == INODE_DIRECTORY ? ENTRY_MKDIR : ENTRY_CREATE_FILE, call.now_ms);
    meta_fixture_add_child(&e, &i, name);
    TRY(meta_propose(f->m, &call, &e, NULL));
    if (ret)
        *ret = i.ino;
    return 0;
}

int meta_fixture_remove_child(struct meta_fixture *f, inode_id parent, const char *name, inode_id ino)
{
    AUTO(entry) e;
    struct call call = call_system("test", clock_mono_ms() + 20000, NULL);
    entry_init(&e, ENTRY_REMOVE, call.now_ms);
    entry_guard_dentry(&e, parent, name, ino, ERR_NOT_FOUND);
    entry_remove_dentry(&e, parent, name);
    entry_remove_inode(&e, ino);
    return meta_propose(f->m, &call, &e, NULL);
}

static int print(void *arg, const char *code, const char *text)
{
    fprintf(stderr, "found %s: %s\n", code, text);
    ++*(unsigned *)arg;
    return 0;
}

unsigned meta_fixture_findings(struct meta_fixture *f)
{
    unsigned n = 0;
    struct err err = {0};
    must(meta_verify(f->m, print, &n, &err), &err);
    return n;
}
