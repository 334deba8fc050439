/* SPDX-License-Identifier: Apache-2.0
 *
 * op: the operations of meta_api as this process serves them; `impl` is the master.  One file for each family; see
 * api/meta_api.h for what each does.
 */
#pragma once
#include "master/birth.h"
#include "master/keys.h"
#include "master/ops.h"
#include "master/path_conf.h"
#include "master/tree.h"

/* op_stat.c */
int op_stat(void *impl, const struct call *call, const char *path, const struct read_options *o, struct read_plan *ret, struct err *err);
int op_by_id(void *impl, const struct call *call, inode_id ino, struct buf *ret_path, struct err *err);
int op_access(void *impl, const struct call *call, const char *path, unsigned rwx, struct err *err);
int op_read_link(void *impl, const struct call *call, const char *path, struct buf *ret, struct err *err);
/* What is known of an inode; strings as the header of meta_api says, `path` borrowed. */
void op_fill_info(struct master *m, const char *path, const struct inode *i, mount_id mount, bool is_pinned, struct file_info *ret);
/* Walk, sync, found, traversal: the beginning of each reading operation. `o` NULL: the mount's contract. */
int op_open(struct master *m, const struct call *call, const char *path, const struct read_options *o, struct place *ret,
            struct sync_state *ret_state, struct err *err) must_use;
int op_content(struct master *m, const struct place *p, const struct inode *i, struct content_ref *ret, struct err *err) must_use; /* ret->key is the caller's */
/* op_list.c */
int op_list(void *impl, const struct call *call, const char *path, const struct list_options *o, list_fn each, void *arg,
            struct list_result *ret, struct err *err);
int op_usage(void *impl, const struct call *call, const char *path, struct usage *ret, struct err *err);
/* op_mkdir.c */
int op_mkdir(void *impl, const struct call *call, const char *path, const struct mkdir_options *o, struct err *err);
int op_symlink(void *impl, const struct call *call, const char *target, const char *path, struct err *err);
/* Directories that are missing above the last component, added to `e`; `ret` is what the last hangs on. */
int op_put_parents(struct master *m, const struct call *call, const struct place *p, bool is_recursive, struct entry *e,
                   struct birth_parent *ret, struct err *err) must_use;
/* For a change at a path: open, mount writable, the store asked, w+x on the deepest directory when something is missing. */
int op_open_for_new(struct master *m, const struct call *call, const char *path, const char *what, struct place *ret, struct err *err) must_use;
/* op_write.c */
int op_create(void *impl, const struct call *call, const char *path, const struct create_options *o, struct write_plan *ret, struct err *err);
int op_write_begin(void *impl, const struct call *call, const char *path, const struct create_options *o, struct write_plan *ret,
                   struct err *err);
int op_write_commit(void *impl, const struct call *call, struct write_plan *plan, const struct write_outcome *outcome, struct err *err);
void op_write_abort(void *impl, const struct call *call, struct write_plan *plan);
/* op_rename.c */
int op_rename(void *impl, const struct call *call, const char *from, const char *to, const struct rename_options *o, struct err *err);
/* op_remove.c */
int op_remove(void *impl, const struct call *call, const char *path, const struct remove_options *o, struct err *err);
/* For mounts_options.detach; arg is the master. */
void op_detach(void *arg, struct entry *e, const struct inode *dir, const char *name);
/* op_attr.c */
int op_set_attr(void *impl, const struct call *call, const char *path, const struct attr_change *c, struct err *err);
/* op_acl.c */
int op_get_acl(void *impl, const struct call *call, const char *path, struct acl_entry *ret, size_t max, size_t *ret_n, struct err *err);
int op_set_acl(void *impl, const struct call *call, const char *path, enum acl_action action, const struct acl_entry *entries, size_t n,
               bool is_recursive, const char *if_match, struct err *err);
/* op_xattr.c */
int op_get_xattr(void *impl, const struct call *call, const char *path, const char *name, struct buf *ret, struct err *err);
int op_list_xattr(void *impl, const struct call *call, const char *path,
                  int (*each)(void *arg, const char *name, const void *value, size_t len), void *arg, struct err *err);
/* Adds the changes to `e`; `ret_flags` is set when the inode has some then. */
int op_put_xattrs(struct master *m, const struct inode *i, const struct attr_change *c, struct entry *e, struct err *err) must_use;
/* op_cache.c */
int op_free(void *impl, const struct call *call, const char *path, bool is_recursive, bool is_forced, struct err *err);
int op_persist(void *impl, const struct call *call, const char *path, bool wait, struct err *err);
int op_load_metadata(void *impl, const struct call *call, const char *path, bool is_recursive, bool is_forced, struct err *err);
int op_check_consistency(void *impl, const struct call *call, const char *path, bool repair, inconsistency_fn each, void *arg,
                         struct err *err);
int op_content_changed(void *impl, const struct call *call, const char *path, struct err *err);
int op_content_lost(void *impl, const struct call *call, inode_id ino, content_id cid, struct err *err);
int op_contents_live(void *impl, const struct call *call, const inode_id *inos, const content_id *cids, size_t n, bool *ret_live,
                     struct err *err);
