/* SPDX-License-Identifier: Apache-2.0
 *
 * test_xml: answers of storage servers, and documents meant to harm.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/mem.h"
#include "base/xml.h"

#include <string.h>

static void reads(void **state)
{
    (void)state;
    static const char text[] = "<?xml version=\"1.0\"?><D:list xmlns:D=\"DAV:\"><D:a>1</D:a><b x=\"y\">t<c>in</c>wo &amp; &#65;"
                               "<![CDATA[<>]]></b><a>2</a><e/></D:list>";
    struct xml_node *x = xml_parse(text, strlen(text), 10, NULL);
    assert_non_null(x);
    assert_string_equal(x->name, "list");
    assert_string_equal(xml_text(x, "a"), "1");
    assert_string_equal(xml_text(x, "b"), "two & A<>");
    assert_string_equal(xml_text(xml_child(x, "b"), "c"), "in");
    assert_string_equal(xml_text(x, "e"), "");
    assert_string_equal(xml_text(x, "none"), "");
    assert_null(xml_child(NULL, "a"));
    assert_string_equal(xml_child(x, "a")->next->next->text, "2");
    xml_free(x);
    xml_free(NULL);
}

static void refuses(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum err_code code;
    } bad[] = {{"", ERR_CORRUPT}, {"<a>", ERR_CORRUPT}, {"<a></b>", ERR_CORRUPT}, {"<a/><b/>", ERR_CORRUPT}, {"text", ERR_CORRUPT},
               {"<!DOCTYPE a><a/>", ERR_CORRUPT}, {"<!DOCTYPE a [<!ENTITY x \"y\">]><a>&x;</a>", ERR_CORRUPT}, {"<a>&x;</a>", ERR_CORRUPT},
               {"<a><b/><b/><b/><b/></a>", ERR_TOO_LARGE}, {"<a>\xff</a>", ERR_CORRUPT}};
    for (size_t i = 0; i < array_len(bad); i++) {
        struct err err = {0};
        assert_null(xml_parse(bad[i].text, strlen(bad[i].text), 4, &err));
        assert_int_equal(err.code, bad[i].code);
    }
    struct err err;
    assert_null(xml_parse("<a>\n\n<b></a>", 12, 4, &err));
    assert_non_null(strstr(err.text, "line 3"));
}

static void limits_depth(void **state)
{
    (void)state;
    char text[33 * 7 + 1] = "";
    struct err err;
    for (int i = 0; i < 33; i++)
        memcpy(text + 3 * i, "<a>", 3);
    for (int i = 0; i < 33; i++)
        memcpy(text + 99 + 4 * i, "</a>", 4);
    assert_null(xml_parse(text, strlen(text), 100, &err));
    assert_int_equal(err.code, ERR_TOO_LARGE);
    struct xml_node *x = xml_parse(text + 3, strlen(text) - 7, 100, &err);
    assert_non_null(x);
    xml_free(x);
}

static void escapes(void **state)
{
    (void)state;
    AUTO(buf) b;
    buf_init(&b, 100);
    xml_escape(&b, "a<b>&\"'\n\x01ä", 11);
    assert_string_equal(buf_str(&b), "a&lt;b&gt;&amp;&quot;&apos;&#10;&#1;ä");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads),
        cmocka_unit_test(refuses),
        cmocka_unit_test(limits_depth),
        cmocka_unit_test(escapes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
