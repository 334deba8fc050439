/* SPDX-License-Identifier: Apache-2.0
 *
 * file_util: whole files and folders.  What is written is durable when the call returns.
 */
#pragma once
#include "base/buf.h"

int file_read(const char *path, size_t max, struct buf *to, struct err *err) must_use; /* ERR_NOT_FOUND, ERR_TOO_LARGE */
/* Temporary name, fsync, rename, fsync of the folder. */
int file_write(const char *path, const void *data, size_t len, unsigned mode, struct err *err) must_use;
int file_mkdirs(const char *path, unsigned mode, struct err *err) must_use; /* like mkdir -p */
int file_sync_dir(const char *path, struct err *err) must_use;
int file_remove_tree(const char *path, struct err *err) must_use; /* absent is success */
int file_write_all(int fd, const void *data, size_t len, struct err *err) must_use; /* retries short writes */
int file_pwrite_all(int fd, const void *data, size_t len, uint64_t off, struct err *err) must_use;
int file_pread_all(int fd, void *to, size_t len, uint64_t off, struct err *err) must_use; /* ERR_CORRUPT at the end of file */
int file_free_bytes(const char *path, uint64_t *ret, struct err *err) must_use; /* statvfs */
