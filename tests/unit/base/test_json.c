/* SPDX-License-Identifier: Apache-2.0
 *
 * test_json: what is written can be read back; what cannot be read is refused with its place.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/json.h"
#include "base/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void writes(void **state)
{
    (void)state;
    AUTO(buf) b;
    struct json_out o;
    buf_init(&b, 4096);
    json_out_init(&o, &b);
    json_begin_object(&o, NULL);
    json_put_string(&o, "s", "a\"b\\c\n\t\x01 ä");
    json_put_string(&o, "bad", "x\xffy\xc3");
    json_put_string(&o, "none", NULL);
    json_put_string_n(&o, "nul", "a\0b", 3);
    json_begin_array(&o, "list");
    json_put_i64(&o, NULL, INT64_MIN);
    json_put_u64(&o, NULL, UINT64_MAX);
    json_begin_object(&o, NULL);
    json_end_object(&o);
    json_end_array(&o);
    json_put_id(&o, "id", UINT64_MAX);
    json_put_double(&o, "d", 0.1);
    json_put_double(&o, "nan", NAN);
    json_put_bool(&o, "t", true);
    json_put_time(&o, "when", 1769853600123);
    json_put_time(&o, "never", 0);
    json_put_raw(&o, "raw", "[1]");
    json_end_object(&o);
    assert_string_equal(buf_str(&b),
                        "{\"s\":\"a\\\"b\\\\c\\n\\t\\u0001 ä\",\"bad\":\"x\xef\xbf\xbdy\xef\xbf\xbd\",\"none\":null,"
                        "\"nul\":\"a\\u0000b\",\"list\":[-9223372036854775808,18446744073709551615,{}],"
                        "\"id\":\"18446744073709551615\",\"d\":0.1,\"nan\":null,\"t\":true,"
                        "\"when\":\"2026-01-31T10:00:00.123Z\",\"never\":null,\"raw\":[1]}");
}

/* Each byte at each place of the eight that are scanned together. */
static void escapes_at_each_place(void **state)
{
    (void)state;
    for (int c = 1; c < 256; c++)
        for (size_t at = 0; at < 20; at++) {
            char text[21] = "aaaaaaaaaaaaaaaaaaaa";
            AUTO(buf) b;
            struct json_out o;
            buf_init(&b, 200);
            text[at] = (char)c;
            json_out_init(&o, &b);
            json_put_string(&o, NULL, text);
            struct json *j = json_parse(b.data, b.len, NULL);
            assert_non_null(j);
            if (c < 0x80)
                assert_string_equal(json_text(j, "?"), text);
            else
                assert_int_equal(strlen(json_text(j, "?")), 22);
            json_free(j);
        }
}

static void stops_at_the_limit(void **state)
{
    (void)state;
    AUTO(buf) b;
    struct json_out o;
    buf_init(&b, 10);
    json_out_init(&o, &b);
    json_put_string(&o, NULL, "longer than ten bytes");
    assert_int_equal(buf_check(&b, "x", NULL), -ERR_TOO_LARGE);
}

static struct json *parse(const char *s)
{
    return json_parse(s, strlen(s), NULL);
}

/* JSON schema calls 3.0 an integer, and some clients write all numbers so. */
static void whole_reals_are_integers(void **state)
{
    (void)state;
    struct json *j = parse("[3.0,-4e2,9007199254740992.0,3.5,1e300,-0.0]");
    static const int64_t whole[] = {3, -400, 9007199254740992};
    for (size_t i = 0; i < array_len(whole); i++) {
        assert_int_equal(json_kind_of(json_at(j, i)), JSON_INT);
        assert_true(json_i64(json_at(j, i), 7) == whole[i]);
    }
    for (size_t i = 3; i < 5; i++) {
        assert_int_equal(json_kind_of(json_at(j, i)), JSON_REAL);
        assert_int_equal(json_i64(json_at(j, i), 7), 7);
    }
    assert_int_equal(json_i64(json_at(j, 5), 7), 0);
    json_free(j);
}

static void reads(void **state)
{
    (void)state;
    struct json *j = parse("{\"a\":[1,2.5,\"x\",true,null,{}],\"n\":\"12\",\"o\":{\"k\":-3}}");
    assert_non_null(j);
    static const enum json_kind kinds[] = {JSON_INT, JSON_REAL, JSON_STRING, JSON_BOOL, JSON_NULL, JSON_OBJECT};
    const struct json *a = json_get(j, "a"), *v = NULL;
    assert_int_equal(json_kind_of(j), JSON_OBJECT);
    assert_int_equal(json_kind_of(a), JSON_ARRAY);
    assert_int_equal(json_size(a), 6);
    assert_int_equal(json_size(j), 3);
    for (size_t i = 0; i < array_len(kinds); i++)
        assert_int_equal(json_kind_of(json_at(a, i)), kinds[i]);
    assert_null(json_at(a, 6));
    assert_null(json_get(a, "a"));
    assert_int_equal(json_i64(json_get(j, "n"), 0), 12);
    assert_int_equal(json_i64(json_at(a, 2), 7), 7);
    assert_int_equal(json_i64(json_get(json_get(j, "o"), "k"), 0), -3);
    assert_true(json_bool(json_at(a, 3), false) && json_bool(NULL, true));
    assert_string_equal(json_text(json_at(a, 0), "other"), "other");
    const char *k = json_next(j, NULL, &v);
    assert_string_equal(k, "a");
    k = json_next(j, k, &v);
    assert_string_equal(json_text(v, ""), "12");
    k = json_next(j, k, &v);
    assert_null(json_next(j, k, &v));
    AUTO(buf) b;
    buf_init(&b, 1000);
    json_dump(j, &b);
    assert_string_equal(buf_str(&b), "{\"a\":[1,2.5,\"x\",true,null,{}],\"n\":\"12\",\"o\":{\"k\":-3}}");
    json_free(j);
    json_free(NULL);
}

static void refuses(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "{", "{\"a\":1,\"a\":2}", "[1,]", "{\"a\":\"\\u0000\"}", "\"\xff\"", "nul", "1 2",
                                      "99999999999999999999"};
    struct err err;
    for (size_t i = 0; i < array_len(bad); i++) {
        assert_null(json_parse(bad[i], strlen(bad[i]), &err));
        assert_int_equal(err.code, ERR_INVALID_ARGUMENT);
        assert_non_null(strstr(err.text, "line 1"));
    }
    assert_null(json_parse("{\"password\":\"hidden\"\nxx}", 24, &err));
    assert_null(strstr(err.text, "hidden"));
    assert_non_null(strstr(err.text, "line 2"));
}

static void limits_depth(void **state)
{
    (void)state;
    char text[200];
    struct err err;
    memset(text, '[', 65);
    memset(text + 65, ']', 65);
    assert_null(json_parse(text, 130, &err));
    assert_non_null(strstr(err.text, "64"));
    struct json *j = json_parse(text + 1, 128, &err);
    assert_non_null(j);
    json_free(j);
    j = parse("\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\\\"[[[[\"");
    assert_non_null(j);
    json_free(j);
}

static void takes(void **state)
{
    (void)state;
    struct json *j = parse("{\"s\":\"x\",\"i\":5,\"t\":\"9\",\"b\":true,\"z\":null}");
    const char *s = "before";
    int64_t i = 1;
    bool b = false;
    struct err err;
    assert_int_equal(json_take_string(j, "none", &s, &err), 0);
    assert_int_equal(json_take_string(j, "z", &s, &err), 0);
    assert_string_equal(s, "before");
    assert_int_equal(json_take_string(j, "s", &s, &err), 0);
    assert_string_equal(s, "x");
    assert_int_equal(json_take_i64(j, "t", &i, &err), 0);
    assert_int_equal(i, 9);
    assert_int_equal(json_take_bool(j, "b", &b, &err), 0);
    assert_true(b);
    assert_int_equal(json_take_bool(j, "i", &b, &err), -ERR_INVALID_ARGUMENT);
    assert_string_equal(err.field, "i");
    assert_non_null(strstr(err.text, "true or false"));
    assert_int_equal(json_take_i64(j, "b", &i, &err), -ERR_INVALID_ARGUMENT);
    assert_int_equal(json_take_string(j, "i", &s, NULL), -ERR_INVALID_ARGUMENT);
    json_free(j);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes), cmocka_unit_test(escapes_at_each_place), cmocka_unit_test(stops_at_the_limit),
        cmocka_unit_test(reads), cmocka_unit_test(whole_reals_are_integers), cmocka_unit_test(refuses), cmocka_unit_test(limits_depth), cmocka_unit_test(takes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
