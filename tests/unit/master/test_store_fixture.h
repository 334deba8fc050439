/* SPDX-License-Identifier: Apache-2.0
 *
 * test_store_fixture: a whole master over a real database and journal, its root on a folder, with a data side that only persists.
 */
#pragma once
#include "master/ops.h"

struct store_fixture {
    char dir[64], meta_dir[96], journal_dir[96], store_dir[96];
    struct meta_options options;
    struct crypto_key key;
    struct master *m;
    struct meta *meta;
    struct data_api data;
    struct call_result result;
    int persists, persist_failures; /* how many attempts were made; how many shall fail */
};
void store_fixture_init(struct store_fixture *f); /* formats, opens, starts */
void store_fixture_stop(struct store_fixture *f);
void store_fixture_start(struct store_fixture *f);
void store_fixture_done(struct store_fixture *f);
struct call store_fixture_call(struct store_fixture *f);
/* In the folder of the root store. */
void store_fixture_write(struct store_fixture *f, const char *key, const char *text);
bool store_fixture_has(struct store_fixture *f, const char *key);
/* Names of a directory by meta_api.list, joined by spaces; freed by the caller. */
char *store_fixture_list(struct store_fixture *f, const char *path);
int store_fixture_stat(struct store_fixture *f, const char *path, struct inode *ret);
/* A file by the write_begin … write_commit door: as if `len` bytes were cached only (ASYNC_THROUGH, MUST_CACHE). */
int store_fixture_put(struct store_fixture *f, const char *path, enum write_type type, struct err *err);
/* Runs `is_true` until it says so; false after `ms`. */
bool store_fixture_until(bool (*is_true)(void *arg), void *arg, int64_t ms);
