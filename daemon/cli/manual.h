/* SPDX-License-Identifier: Apache-2.0
 *
 * manual: what is printed about commands: usage, help, man pages and bash completion, all from the table.
 */
#pragma once
#include "cli/command.h"

#include <stdio.h>

void manual_usage(const struct command *c, FILE *out);   /* one line */
void manual_command(const struct command *c, FILE *out); /* usage, sentence, flags */
void manual_overview(const char *group, FILE *out);      /* the commands of a group; of "" also the groups */
/* isthmus.1, isthmus-fs.1 … into a folder that exists. */
int manual_pages(const char *dir, struct err *err) must_use;
void manual_completion(FILE *out);
