/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_cli_path: what is typed: a path, arguments of every command, a format of `fs stat -f`.
 */
#include "base/json.h"
#include "base/mem.h"
#include "cli/paths.h"
#include "cli/show.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_path(const char *text)
{
    char once[PATH_MAX_BYTES + 1], twice[PATH_MAX_BYTES + 1];
    struct err err;
    if (paths_take(text, once, &err) < 0)
        return;
    int rc = paths_take(once, twice, &err); /* a clean path stays what it is */
    assert(rc == 0 && !strcmp(once, twice));
}

/* Words separated by newlines are the arguments. */
static void try_arguments(char *text, unsigned pick)
{
    char *argv[32];
    int argc = 0;
    struct args a;
    struct err err;
    const struct command *c = NULL;
    for (char *word; argc < 31 && (word = strsep(&text, "\n"));)
        argv[argc++] = word;
    for (size_t f = 0; command_families[f] && !c; f++)
        for (const struct command *row = command_families[f]; row->name && !c; row++)
            if (pick-- == 0)
                c = row;
    if (!c)
        return;
    int rc = args_parse(c, argc, argv, &a, &err);
    assert(rc == 0 || rc == -ERR_INVALID_ARGUMENT);
    for (size_t i = 0; i < a.flag_count; i++)
        assert((a.flags[i].value != NULL) == (a.flags[i].flag->value != NULL));
    args_done(&a);
}

static void try_format(const char *text)
{
    AUTO(buf) out = {.max = 1 << 20};
    static const char entry[] = "{\"name\":\"f\",\"type\":\"file\",\"length\":5,\"modified\":\"2022-10-11T23:26:03.406Z\"}";
    struct json *e = json_parse(entry, sizeof entry - 1, NULL);
    show_format(text, e, NULL, &out);
    json_free(e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    AUTO_FREE char *text = xstrndup((const char *)data + 1, size - 1);
    try_path(text);
    try_format(text);
    try_arguments(text, data[0]);
    return 0;
}
