/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_text: readers of small texts take any bytes; what they accept comes back the same after it is
 * written again.
 */
#include "base/mem.h"
#include "base/text.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok)
{
    if (!ok)
        abort();
}

static void numbers(const char *s)
{
    uint64_t u = 0;
    int64_t i = 0;
    bool b;
    if (text_parse_size(s, &u, NULL) == 0)
        check(u <= INT64_MAX);
    if (text_parse_duration(s, &i, NULL) == 0)
        check(i >= -1);
    if (text_parse_u64(s, &u, NULL) == 0 && text_parse_i64(s, &i, NULL) == 0)
        check((uint64_t)i == u);
    if (text_parse_bool(s, &b, NULL) == 0)
        check(*s);
}

static void dates(const char *s)
{
    int64_t ms = 0, again = 0;
    char to[32];
    if (text_parse_rfc3339(s, &ms, NULL) == 0 && ms >= -62167219200000 && ms <= 253402300799999)
        check(text_parse_rfc3339(text_rfc3339(ms, to), &again, NULL) == 0 && again == ms);
    if (text_parse_http_date(s, &ms, NULL) == 0 && ms <= 253402300799999)
        check(text_parse_http_date(text_http_date(ms, to), &again, NULL) == 0 && again == ms);
}

static void codes(const char *s, size_t len)
{
    AUTO(buf) out;
    AUTO(buf) back;
    buf_init(&out, BUF_MAX_ANY);
    buf_init(&back, BUF_MAX_ANY);
    text_base64url(&out, s, len);
    check(text_unbase64(&back, buf_str(&out), out.len, NULL) == 0 && back.len == len && !memcmp(buf_str(&back), s, len));
    buf_reset(&out);
    buf_reset(&back);
    text_percent(&out, s, len, "/");
    if (!memchr(s, 0, len))
        check(text_unpercent(&back, buf_str(&out), out.len, false, NULL) == 0 && back.len == len &&
              !memcmp(buf_str(&back), s, len));
    buf_reset(&out);
    if (text_unbase64(&out, s, len, NULL) == 0)
        check(out.len <= len);
    buf_reset(&out);
    if (text_unpercent(&out, s, len, true, NULL) == 0)
        check(out.len <= len);
    AUTO_FREE char *bytes = xmalloc(len / 2 + 1);
    int rc = text_unhex(s, len, bytes, NULL);
    (void)rc;
    if (text_is_utf8(s, len))
        check(!len || text_utf8_char(s, len) > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_FREE char *s = xcalloc(size + 1, 1);
    if (size)
        memcpy(s, data, size);
    numbers(s);
    dates(s);
    codes(s, size);
    text_glob(s, "a/path to/some.file");
    text_glob("*a?*", s);
    return 0;
}
