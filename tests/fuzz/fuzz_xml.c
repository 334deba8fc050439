/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_xml: any bytes are refused or become a tree within its limits; any text, escaped, is read back.
 */
#include "base/mem.h"
#include "base/text.h"
#include "base/xml.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { NODES_MAX = 100 };

static size_t count(const struct xml_node *n)
{
    size_t sum = 0;
    for (; n; n = n->next) {
        if (!n->name || !n->text)
            abort();
        sum += 1 + count(n->child);
    }
    return sum;
}

static void escape(const char *s, size_t len)
{
    AUTO(buf) b;
    buf_init(&b, BUF_MAX_ANY);
    buf_adds(&b, "<a>");
    xml_escape(&b, s, len);
    buf_adds(&b, "</a>");
    struct xml_node *x = xml_parse(buf_str(&b), b.len, NODES_MAX, NULL);
    if (x && (count(x) != 1 || strlen(x->text) != len || memcmp(x->text, s, len)))
        abort();
    xml_free(x);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct xml_node *x = xml_parse((const char *)data, size, NODES_MAX, NULL);
    if (count(x) > NODES_MAX)
        abort();
    xml_free(x);
    escape((const char *)data, size);
    return 0;
}
