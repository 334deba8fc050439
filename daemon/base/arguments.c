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

/* Until the end, so that they are no leak, whatever the program makes of its list of arguments. */
static char **kept, *kept_text;

char **arguments_hide(int argc, char **argv)
{
    size_t bytes = 0;
    for (int i = 0; i < argc; i++)
        bytes += strlen(argv[i]) + 1;
    char *to = kept_text = xmalloc(bytes);
    kept = xcalloc((size_t)argc + 1, sizeof *kept);
    for (int i = 0; i < argc; i++) {
        size_t len = strlen(argv[i]) + 1;
        kept[i] = memcpy(to, argv[i], len);
        to += len;
        char *secret = secret_of(argv[i]);
        if (secret)
            memset(secret, '*', strlen(secret));
    }
    return kept;
}
