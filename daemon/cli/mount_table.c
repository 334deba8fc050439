/* SPDX-License-Identifier: Apache-2.0
 *
 * mount_table: see the header.  Pure.
 */
#include "cli/mount_table.h"

#include "base/text.h"
#include "cli/show.h"

#include <string.h>

static const char *str(const struct json *m, const char *member)
{
    return json_text(json_get(m, member), "");
}

static size_t longest(const struct json *items, const char *member)
{
    size_t most = 0;
    for (size_t i = 0; i < json_size(items); i++) {
        size_t n = strlen(str(json_at(items, i), member));
        most = n > most ? n : most;
    }
    return most;
}

static void put_space(const struct json *m, struct buf *to)
{
    char text[24];
    int64_t total = json_i64(json_get(m, "total_bytes"), -1), used = json_i64(json_get(m, "used_bytes"), -1);
    if (total < 0)
        buf_adds(to, "capacity=-1B");
    else
        buf_addf(to, "capacity=%s", text_human_size((uint64_t)total, text));
    if (used < 0)
        buf_adds(to, ", used=-1B");
    else
        buf_addf(to, ", used=%s", text_human_size((uint64_t)used, text));
    if (used >= 0 && total > 0)
        buf_addf(to, "(%u%%)", show_percent((uint64_t)used, (uint64_t)total));
}

static void put_options(const struct json *options, struct buf *to)
{
    const struct json *v;
    const char *sep = "";
    buf_adds(to, ", properties={");
    for (const char *k = NULL; options && (k = json_next(options, k, &v)); sep = ", ")
        buf_addf(to, "%s%s=%s", sep, k, json_text(v, ""));
    buf_adds(to, "})\n");
}

void mount_table_show(const struct json *items, struct buf *to)
{
    int uri = (int)longest(items, "uri"), path = (int)longest(items, "path");
    for (size_t i = 0; i < json_size(items); i++) {
        const struct json *m = json_at(items, i);
        const char *kind = str(m, "kind");
        buf_addf(to, "%-*s  on  %-*s  (%s, ", uri, str(m, "uri"), path, str(m, "path"), strcmp(kind, "file") ? kind : "local");
        put_space(m, to);
        buf_adds(to, json_bool(json_get(m, "read_only"), false) ? ", read-only" : ", not read-only");
        buf_adds(to, json_bool(json_get(m, "shared"), false) ? ", shared" : ", not shared");
        put_options(json_get(m, "options"), to);
    }
}
