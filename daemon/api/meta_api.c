/* SPDX-License-Identifier: Apache-2.0
 *
 * meta_api: helpers of its structs.
 */
#include "api/meta_api.h"

#include "base/text.h"

#include <stdlib.h>
#include <string.h>

char *file_info_tag(const struct inode *i, char to[64])
{
    char *p = to;
    *p++ = '"';
    p = text_put_hex(p, i->ino);
    *p++ = '-';
    p = text_put_hex(p, i->data_ver);
    *p++ = '-';
    p = text_put_hex(p, i->attr_ver);
    *p++ = '"';
    *p = 0;
    return to;
}

bool file_tag_matches(const char *list, const char *tag)
{
    const char *at = strstr(list, tag);
    return !strcmp(list, "*") || (at && (at == list || at[-1] != '/'));
}

void read_plan_done(struct read_plan *p)
{
    free(p->content.key);
    free(p->path);
    free((char *)p->info.ufs_path);
    *p = (struct read_plan){0};
}
