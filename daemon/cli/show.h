/* SPDX-License-Identifier: Apache-2.0
 *
 * show: how values look on a terminal.  Pure but for show_json and show_coloured, which print.
 */
#pragma once
#include "base/json.h"

#include <stdint.h>

char *show_time(int64_t wall_ms, char to[32]);            /* 10-11-2022 23:26:03:406, local time */
char *show_duration(int64_t ms, char to[96]);             /* 0 day(s), 0 hour(s), 24 minute(s), and 3 second(s) */
char *show_permission(bool is_dir, unsigned mode, bool has_acl, char to[16]); /* drwxr-xr-x, with + when there is more */
unsigned show_percent(uint64_t part, uint64_t whole);     /* 100 of nothing */
char *show_size(uint64_t bytes, bool is_human, char to[24]);
char *show_thousands(int64_t n, char to[32]);             /* 1,234,567 */
/* Of an entry: its time member in ms, 0 when absent; its mode. */
int64_t show_time_of(const struct json *entry, const char *member);
unsigned show_mode_of(const struct json *entry);
/* The `ls` line, with the newline. `time_member` "modified" … */
void show_ls_line(const struct json *entry, const char *time_member, bool is_human, struct buf *to);
/* FileInfo{…} of `stat`. */
void show_file_info(const struct json *entry, const struct json *blocks, struct buf *to);
/* %N %z %u %g %y %Y %b %i */
void show_format(const char *format, const struct json *entry, const struct json *blocks, struct buf *to);

int show_json(const struct json *j); /* one line; returns 0 */
void show_coloured(const char *colour, const char *text); /* "32" green; plain when stdout is no terminal */
