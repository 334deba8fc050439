/* SPDX-License-Identifier: Apache-2.0
 *
 * show: see the header.
 */
#include "cli/show.h"

#include "base/mem.h"
#include "base/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

char *show_time(int64_t wall_ms, char to[32])
{
    time_t s = (time_t)(wall_ms / 1000);
    struct tm tm;
    localtime_r(&s, &tm);
    size_t n = strftime(to, 32, "%m-%d-%Y %H:%M:%S", &tm);
    snprintf(to + n, 32 - n, ":%03d", (int)(wall_ms % 1000));
    return to;
}

char *show_duration(int64_t ms, char to[96])
{
    int64_t s = ms / 1000;
    snprintf(to, 96, "%" PRId64 " day(s), %d hour(s), %d minute(s), and %d second(s)", s / 86400, (int)(s / 3600 % 24),
             (int)(s / 60 % 60), (int)(s % 60));
    return to;
}

char *show_permission(bool is_dir, unsigned mode, bool has_acl, char to[16])
{
    static const char letters[] = "rwxrwxrwx";
    to[0] = is_dir ? 'd' : '-';
    for (unsigned i = 0; i < 9; i++)
        to[i + 1] = mode & (0400u >> i) ? letters[i] : '-';
    if (mode & 01000)
        to[9] = mode & 1 ? 't' : 'T';
    to[10] = has_acl ? '+' : 0;
    to[11] = 0;
    return to;
}

unsigned show_percent(uint64_t part, uint64_t whole)
{
    if (part >= whole)
        return 100;
    return (unsigned)((double)part * 100 / (double)whole);
}

char *show_size(uint64_t bytes, bool is_human, char to[24])
{
    if (is_human)
        return text_human_size(bytes, to);
    snprintf(to, 24, "%" PRIu64, bytes);
    return to;
}

char *show_thousands(int64_t n, char to[32])
{
    char plain[24];
    int len = snprintf(plain, sizeof plain, "%" PRId64, n < 0 ? -n : n);
    char *at = to;
    if (n < 0)
        *at++ = '-';
    for (int i = 0; i < len; i++) {
        if (i && (len - i) % 3 == 0)
            *at++ = ',';
        *at++ = plain[i];
    }
    *at = 0;
    return to;
}

/* ---- entries ---- */

static const char *str(const struct json *e, const char *member)
{
    return json_text(json_get(e, member), "");
}

static int64_t num(const struct json *e, const char *member)
{
    return json_i64(json_get(e, member), 0);
}

static const char *yes(const struct json *e, const char *member)
{
    return json_bool(json_get(e, member), false) ? "true" : "false";
}

static bool is_dir(const struct json *e)
{
    return !strcmp(str(e, "type"), "directory");
}

int64_t show_time_of(const struct json *entry, const char *member)
{
    int64_t ms = 0;
    return text_parse_rfc3339(str(entry, member), &ms, NULL) == 0 ? ms : 0;
}

unsigned show_mode_of(const struct json *entry)
{
    return (unsigned)strtoul(str(entry, "mode"), NULL, 8);
}

void show_ls_line(const struct json *entry, const char *time_member, bool is_human, struct buf *to)
{
    char permission[16], size[24], time[32], state[24] = "DIR";
    bool dir = is_dir(entry);
    uint64_t length = (uint64_t)num(entry, dir ? "children" : "length");
    if (!dir)
        snprintf(state, sizeof state, "%u%%", show_percent((uint64_t)num(entry, "cached_bytes"), length));
    show_permission(dir, show_mode_of(entry), json_bool(json_get(entry, "extended_acl"), false), permission);
    show_size(length, is_human && !dir, size);
    show_time(show_time_of(entry, time_member), time);
    buf_addf(to, "%-12s%-15s%-15s%15s%16s%24s%5s %-5s\n", permission, str(entry, "owner"), str(entry, "group"), size,
             str(entry, "persistence"), time, state, str(entry, "path"));
}

static void put_block_ids(const struct json *blocks, struct buf *to)
{
    const struct json *items = json_get(blocks, "items");
    for (size_t i = 0; i < json_size(items); i++)
        buf_addf(to, "%s%s", i ? ", " : "", str(json_at(items, i), "id"));
}

void show_file_info(const struct json *e, const struct json *blocks, struct buf *to)
{
    const struct json *ttl = json_get(e, "ttl");
    bool dir = is_dir(e);
    uint64_t length = (uint64_t)num(e, "length");
    unsigned percent = dir ? 0 : show_percent((uint64_t)num(e, "cached_bytes"), length);
    unsigned mem = dir ? 0 : show_percent((uint64_t)num(e, "cached_mem_bytes"), length);
    buf_addf(to, "FileInfo{fileId=%s, name=%s, path=%s, ufsPath=%s, length=%" PRIu64 ", blockSizeBytes=%" PRId64, str(e, "id"),
             str(e, "name"), str(e, "path"), str(e, "ufs_path"), length, num(e, "block_size"));
    buf_addf(to, ", creationTimeMs=%" PRId64 ", completed=%s, folder=%s, pinned=%s, pinnedlocation=[], cacheable=true, persisted=%s, blockIds=[",
             show_time_of(e, "created"), yes(e, "completed"), dir ? "true" : "false", yes(e, "pinned"),
             !strcmp(str(e, "persistence"), "PERSISTED") ? "true" : "false");
    put_block_ids(blocks, to);
    buf_addf(to, "], inMemoryPercentage=%u, lastModificationTimesMs=%" PRId64 ", ttl=%" PRId64 ", lastAccessTimesMs=%" PRId64
                 ", ttlAction=%s, owner=%s, group=%s, mode=%u, persistenceState=%s", mem, show_time_of(e, "modified"),
             json_i64(json_get(ttl, "after_ms"), -1), show_time_of(e, "accessed"), json_text(json_get(ttl, "action"), "DELETE"),
             str(e, "owner"), str(e, "group"), show_mode_of(e), str(e, "persistence"));
    buf_addf(to, ", mountPoint=%s, replicationMax=%" PRId64 ", replicationMin=%" PRId64 ", mountId=%" PRId64
                 ", inIsthmusPercentage=%u, ufsFingerprint=%s}", yes(e, "mount_point"), num(e, "replication_max"),
             num(e, "replication_min"), num(e, "mount_id"), percent, str(e, "store_etag"));
}

static void put_utc(int64_t wall_ms, struct buf *to)
{
    char text[32];
    time_t s = (time_t)(wall_ms / 1000);
    struct tm tm;
    gmtime_r(&s, &tm);
    strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &tm);
    buf_adds(to, text);
}

void show_format(const char *format, const struct json *e, const struct json *blocks, struct buf *to)
{
    for (const char *p = format; *p; p++) {
        if (*p != '%' || !p[1]) {
            buf_addc(to, *p);
            continue;
        }
        switch (*++p) {
        case 'N': buf_adds(to, str(e, "name")); break;
        case 'z': buf_addf(to, "%" PRId64, num(e, "length")); break;
        case 'u': buf_adds(to, str(e, "owner")); break;
        case 'g': buf_adds(to, str(e, "group")); break;
        case 'y': put_utc(show_time_of(e, "modified"), to); break;
        case 'Y': buf_addf(to, "%" PRId64, show_time_of(e, "modified")); break;
        case 'b': buf_addf(to, "%zu", json_size(json_get(blocks, "items"))); break;
        case 'i': buf_adds(to, str(e, "id")); break;
        case 'n': buf_addc(to, '\n'); break;
        case '%': buf_addc(to, '%'); break;
        default: buf_addf(to, "%%%c", *p); break;
        }
    }
}

/* ---- printing ---- */

int show_json(const struct json *j)
{
    AUTO(buf) text = {.max = BUF_MAX_ANY};
    json_dump(j, &text);
    puts(buf_str(&text));
    return 0;
}

void show_coloured(const char *colour, const char *text)
{
    if (isatty(STDOUT_FILENO))
        printf("\033[%sm%s\033[0m", colour, text);
    else
        fputs(text, stdout);
}
