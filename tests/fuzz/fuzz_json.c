/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_json: any bytes are refused or become a tree that, written and read again, is the same; any
 * bytes as a string give JSON.
 */
#include "base/json.h"
#include "base/mem.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok)
{
    if (!ok)
        abort();
}

static void read_and_write(const char *text, size_t len)
{
    struct json *j = json_parse(text, len, NULL);
    if (!j)
        return;
    AUTO(buf) once;
    AUTO(buf) twice;
    buf_init(&once, BUF_MAX_ANY);
    buf_init(&twice, BUF_MAX_ANY);
    json_dump(j, &once);
    json_free(j);
    j = json_parse(buf_str(&once), once.len, NULL);
    check(j);
    json_dump(j, &twice);
    json_free(j);
    check(once.len == twice.len && !memcmp(once.data, twice.data, once.len));
}

static void write_and_read(const char *text, size_t len)
{
    AUTO(buf) b;
    struct json_out o;
    buf_init(&b, BUF_MAX_ANY);
    json_out_init(&o, &b);
    AUTO_FREE char *s = xstrndup(text, len);
    json_put_string(&o, NULL, s);
    struct json *j = json_parse(buf_str(&b), b.len, NULL);
    check(j && json_kind_of(j) == JSON_STRING);
    json_free(j);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    read_and_write((const char *)data, size);
    write_and_read((const char *)data, size);
    return 0;
}
