/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_request: query, Range and Cookie of a request, one after the other, separated by 0 bytes.
 */
#include "base/mem.h"
#include "rest/v1/parse.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_FREE char *text = xcalloc(size + 3, 1); /* three strings, the last ones perhaps empty */
    memcpy(text, data, size);
    const char *range = text + strlen(text) + 1, *cookie = range + strlen(range) + (range + strlen(range) < text + size + 2);
    struct query q;
    char value[80];
    uint64_t off = 0, len = 0, total = size * 97;
    if (parse_query(text, &q, NULL) == 0)
        for (size_t i = 0; i < q.count; i++)
            assert(query_value(&q, q.items[i].name));
    query_done(&q);
    if (parse_range(range, total, &off, &len) && len)
        assert(off < total && len <= total - off);
    if (parse_cookie(cookie, "isthmus", value, sizeof value))
        assert(strlen(value) < sizeof value);
    return 0;
}
