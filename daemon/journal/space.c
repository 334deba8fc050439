/* SPDX-License-Identifier: Apache-2.0
 *
 * space: see the header.  The thresholds, in bytes free beside the ballast:
 *
 *   free < reserve            low: changes are refused
 *   free < reserve / 2        the ballast (reserve / 2) is given up
 *   free >= reserve * 9 / 8   no longer low (a gap, so that it does not flutter)
 *   free >= reserve * 2       the ballast is taken (again)
 */
#include "journal/space.h"

#include "base/file_util.h"
#include "base/log.h"
#include "base/mem.h"

#include <fcntl.h>
#include <unistd.h>

void space_init(struct space *s, const char *dir, uint64_t reserve_bytes)
{
    *s = (struct space){.dir = xstrdup(dir),
                        .ballast = xasprintf("%s/ballast", dir),
                        .reserve = reserve_bytes,
                        .free_bytes = file_free_bytes};
    s->has_ballast = access(s->ballast, F_OK) == 0;
}

void space_done(struct space *s)
{
    free(s->dir);
    free(s->ballast);
    *s = (struct space){0};
}

static void give_up_ballast(struct space *s)
{
    if (unlink(s->ballast) == 0)
        log_warn(journal, "the disk is nearly full: gave up the ballast dir=%s", s->dir);
    s->has_ballast = false;
}

static void take_ballast(struct space *s)
{
    AUTO_FD int fd = open(s->ballast, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    /* not posix_fallocate, which would write zeros where the file system cannot reserve */
    s->has_ballast = fd >= 0 && fallocate(fd, 0, 0, (off_t)(s->reserve / 2)) == 0;
    s->cannot_ballast = !s->has_ballast;
    if (!s->has_ballast)
        unlink(s->ballast);
}

bool space_is_low(struct space *s)
{
    uint64_t free_now;
    struct err ignored;
    if (s->free_bytes(s->dir, &free_now, &ignored) < 0)
        return s->is_low;
    if (s->has_ballast && free_now < s->reserve / 2)
        give_up_ballast(s);
    else if (!s->has_ballast && !s->cannot_ballast && s->reserve >= 2 && free_now / 2 >= s->reserve)
        take_ballast(s);
    if (free_now < s->reserve)
        s->is_low = true;
    else if (free_now - s->reserve >= s->reserve / 8)
        s->is_low = false;
    return s->is_low;
}
