/* SPDX-License-Identifier: Apache-2.0
 *
 * noxar: stands in for libarchive's writer of xar archives where libarchive is linked into the
 * program.  Its list of formats names every writer, the xar one needs libxml2, and libxml2 needs
 * 31 MB of ICU.  Nobody here writes xar; who asks for it is told so.  Threads: any.
 */
#include <archive.h>
#include <errno.h>

int archive_write_set_format_xar(struct archive *a)
{
    archive_set_error(a, ENOTSUP, "xar archives are not part of this build");
    return ARCHIVE_FATAL;
}
