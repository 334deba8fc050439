/* SPDX-License-Identifier: Apache-2.0
 *
 * contract_tools: what the cases of the contract are written with.
 */
#pragma once
#include "ufs/ufs.h"

struct contract {
    struct ufs *u;
    int64_t call_ms;
    char dir[160]; /* of this case, below the root */
    struct err *err;
};
struct contract_case {
    const char *name;
    unsigned needs; /* capabilities, all of them */
    int (*run)(struct contract *k);
};
extern const struct contract_case contract_basic[];  /* the field's list; ends with a NULL name */
extern const struct contract_case contract_tree[];   /* listings, directories, renames */
extern const struct contract_case contract_beyond[]; /* ours */

#define CHECK(cond)                                                                                \
    do {                                                                                           \
        if (!(cond))                                                                               \
            return err_set(k->err, ERR_CORRUPT, "%s:%d: not so: %s", __FILE__, __LINE__, #cond);   \
    } while (0)
/* An error is as good an answer as any here; it fails the case unless it is the one expected. */
#define EXPECT(code, expr)                                                                         \
    do {                                                                                           \
        int rc_ = (expr);                                                                          \
        if (rc_ != -(code))                                                                        \
            return err_set(k->err, ERR_CORRUPT, "%s:%d: %s gave %s", __FILE__, __LINE__, #expr,    \
                           rc_ < 0 ? err_name((enum err_code)-rc_) : "success");                   \
    } while (0)

struct ufs_call contract_call(const struct contract *k);
const char *contract_key(const struct contract *k, const char *name); /* below dir; one of a few static places in turn */
int contract_put(struct contract *k, const char *name, const char *text) must_use;
int contract_put_pattern(struct contract *k, const char *name, uint64_t len, bool is_length_known, uint64_t fail_at) must_use;
/* Reads [off, off+len) and compares with the pattern; ret_len is what came. */
int contract_check_pattern(struct contract *k, const char *name, uint64_t off, uint64_t len, uint64_t *ret_len) must_use;
int contract_get(struct contract *k, const char *name, const char *etag, struct buf *to) must_use;
bool contract_is(struct contract *k, const char *name, enum ufs_type type);
bool contract_is_absent(struct contract *k, const char *name);
int contract_mkdir(struct contract *k, const char *name) must_use;
int contract_remove(struct contract *k, const char *name) must_use;
int contract_rename(struct contract *k, const char *from, const char *to) must_use;
/* Names with a '/' behind directories, sorted, each ended by a line feed. */
int contract_names(struct contract *k, const char *name, bool recursive, struct buf *to) must_use;
int contract_remove_tree(struct contract *k, const char *key) must_use; /* key from the root */
/* <name>/file0… and <name>/dir0…, count of each */
int contract_fill(struct contract *k, const char *name, int count) must_use;
