/* SPDX-License-Identifier: Apache-2.0
 *
 * preallocate: see the header.  Threads: any; in libraft's case one of libuv's pool, ahead of need.
 */
#include "journal/preallocate.h"

#include <errno.h>
#include <fcntl.h>
#include <stdalign.h>
#include <sys/stat.h>
#include <unistd.h>

enum { STEP = 1 << 20 };
static alignas(4096) char zeros[STEP]; /* aligned: a descriptor may be for direct writes */

void preallocate_link(void)
{
}

/* Durable when it returns, and not in the page cache: direct writes would have to throw it out of there. */
static int write_zeros(int fd, off_t from, off_t end)
{
    for (off_t at = from; at < end;) {
        ssize_t n = pwrite(fd, zeros, (size_t)(end - at < STEP ? end - at : STEP), at);
        if (n < 0 && errno != EINTR)
            return errno;
        at += n > 0 ? n : 0;
    }
    if (fdatasync(fd) < 0)
        return errno;
    posix_fadvise(fd, from, end - from, POSIX_FADV_DONTNEED);
    return 0;
}

/* Only what lies behind the end of the file becomes zeros. */
int preallocate(int fd, off_t offset, off_t len)
{
    struct stat before;
    if (offset < 0 || len <= 0)
        return EINVAL;
    if (fstat(fd, &before) < 0)
        return errno;
    if (fallocate(fd, 0, offset, len) < 0 && (errno != EOPNOTSUPP || offset < before.st_size))
        return errno;
    off_t from = offset > before.st_size ? offset : before.st_size;
    return from < offset + len ? write_zeros(fd, from, offset + len) : 0;
}
