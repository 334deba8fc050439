/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_entry: journal entries from outside: what is accepted can be shown; nothing is read beyond its end.
 */
#include "meta/entry.h"
#include "meta/entry_items.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf text;
    buf_init(&text, 8 << 20);
    int is_good = entry_check(data, size, NULL) == 0;
    int is_shown = entry_text(data, size, &text, NULL) == 0;
    if (is_good != is_shown)
        abort();
    buf_done(&text);
    return 0;
}
