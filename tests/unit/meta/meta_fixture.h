/* SPDX-License-Identifier: Apache-2.0
 *
 * meta_fixture: a store in a temporary folder over the real journal, and entries as master would make them.
 */
#pragma once
#include "base/mem.h"
#include "meta/meta.h"

struct meta_fixture {
    char dir[64], journal_dir[96], db_dir[96];
    struct meta_options options;
    struct meta *m;
    struct call_result result;
};
void meta_fixture_format(struct meta_fixture *f, struct entry *first); /* and opens */
void meta_fixture_open(struct meta_fixture *f);
void meta_fixture_remove(struct meta_fixture *f); /* closes and deletes */
struct call meta_fixture_call(struct meta_fixture *f);

struct inode meta_fixture_inode(inode_id ino, enum inode_type type, inode_id parent, const char *name);
/* Adds what creating a child takes: guard, inode, name, touch. */
void meta_fixture_add_child(struct entry *e, const struct inode *i, const char *name);
/* Proposes it; 0 or an error. Returns the new id in `ret`. */
int meta_fixture_create(struct meta_fixture *f, inode_id parent, const char *name, enum inode_type type, inode_id *ret);
int meta_fixture_remove_child(struct meta_fixture *f, inode_id parent, const char *name, inode_id ino);
unsigned meta_fixture_findings(struct meta_fixture *f); /* of meta_verify, printed */
