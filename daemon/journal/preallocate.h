/* SPDX-License-Identifier: Apache-2.0
 *
 * preallocate: segments whose blocks hold zeros before they are used.
 *
 * libraft makes its segments ahead of need with posix_fallocate.  The blocks that this reserves have never been written: each
 * append to one has to change the file's map as well, which ext4 does in a commit of its own journal, and which an
 * append that must not block (RWF_NOWAIT) cannot do at all, so that libraft starts again in a thread.  Blocks that hold zeros
 * take an append in one write and one flush.
 *
 * The library offers no hook.  This folder defines posix_fallocate, and the dynamic linker finds a program's own before
 * libc's: that goes for the whole process, so the function keeps the promise of POSIX for any caller.
 */
#pragma once
#include <assert.h>
#include <sys/types.h>

/* posix_fallocate: 0 or an errno.  Blocks until the zeros are on the disk.  What the file has is not changed. */
int preallocate(int fd, off_t offset, off_t len) __asm__("posix_fallocate");
static_assert(sizeof(off_t) == sizeof(long), "where off_t has two sizes libraft may call another name");

/* Does nothing: the linker takes the definition along for who calls this. */
void preallocate_link(void);
