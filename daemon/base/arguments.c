/* SPDX-License-Identifier: Apache-2.0
 *
 * arguments: see the header.
 */
#include "base/arguments.h"

#include "base/mem.h"

#include <string.h>

/* "s3a.secretKey=…", also in the middle of a value: -Disthmus.master.mount.table.root.option=a=b;s3a.secretKey=… */
static char *secret_of(char *argument)
{
    static const char *const words[] = {"secret", "password", "token", "credential", "passphrase"};
    char *first = NULL;
    for (size_t i = 0; i < array_len(words); i++) {
        char *word = strcasestr(argument, words[i]), *equals = word ? strchr(word, '=') : NULL;
        if (equals && (!first || equals < first))
            first = equals;
    }
    return first ? first + 1 : NULL;
}

static char **kept; /* until the end: what points into it is no leak */

char **arguments_hide(int argc, char **argv)
{
    char **copy = kept = xcalloc((size_t)argc + 1, sizeof *copy);
    for (int i = 0; i < argc; i++) {
        copy[i] = xstrdup(argv[i]);
        char *secret = secret_of(argv[i]);
        if (secret)
            memset(secret, '*', strlen(secret));
    }
    return copy;
}
