/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_properties: any bytes as a properties file give pairs of text or an error with its line; each
 * value is also tried as the value of some option.
 */
#include "base/conf.h"
#include "base/mem.h"
#include "base/text.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int each(void *arg, const char *key, const char *value, int line, struct err *err)
{
    int *last = arg;
    if (!*key || line < *last || !text_is_utf8(key, strlen(key)) || !text_is_utf8(value, strlen(value)))
        abort();
    *last = line;
    int rc = conf_check((enum conf_id)(strlen(key) % CONF_COUNT), value, err);
    if (rc < 0 && !err->text[0])
        abort();
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int line = 0;
    struct err err = {0};
    int rc = conf_parse((const char *)data, size, "f", each, &line, &err);
    if (rc < 0 && strncmp(err.text, "f:", 2))
        abort();
    return 0;
}
