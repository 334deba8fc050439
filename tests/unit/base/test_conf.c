/* SPDX-License-Identifier: Apache-2.0
 *
 * test_conf: the syntax, the order of the sources, and what the messages say.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/conf.h"
#include "base/crypto.h"
#include "base/file_util.h"
#include "base/mem.h"
#include "base/text.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static char folder[64], file[96];

static int make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/isthmus-test-conf-XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    snprintf(file, sizeof file, "%s/site.properties", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    return file_remove_tree(folder, NULL);
}

static int load(const char *text, struct err *err)
{
    assert_int_equal(file_write(file, text, strlen(text), 0644, NULL), 0);
    return conf_load(file, true, 0, NULL, err);
}

static int collect(void *arg, const char *key, const char *value, int line, struct err *err)
{
    (void)err;
    buf_addf(arg, "[%d|%s|%s]", line, key, value);
    return 0;
}

static void syntax(void **state)
{
    (void)state;
    static const struct {
        const char *text, *pairs;
    } cases[] = {
        {"", ""},
        {"# c\n ! d\n\n", ""},
        {"a=1\nb: 2\r\nc 3\rd", "[1|a|1][2|b|2][3|c|3][4|d|]"},
        {"  k = v w  \n", "[1|k|v w]"},
        {"a=1,\\\n   2,\\\r\n3\nb=4", "[1|a|1,2,3][4|b|4]"},
        {"a\\=b\\:c=d\\te\\\\", "[1|a=b:c|d\te\\]"},
        {"a==b", "[1|a|=b]"},
        {"a=\\u00e4\\uD83D\\uDE00\\ ", "[1|a|ä😀 ]"},
        {"a=\\q", "[1|a|q]"},
        {"a=b\\", "[1|a|b]"},
        {"\xef\xbb\xbf" "a=b", "[1|a|b]"},
        {"a=# no comment", "[1|a|# no comment]"},
    };
    for (size_t i = 0; i < array_len(cases); i++) {
        AUTO(buf) b;
        buf_init(&b, 1000);
        assert_int_equal(conf_parse(cases[i].text, strlen(cases[i].text), "f", collect, &b, NULL), 0);
        assert_string_equal(buf_str(&b), cases[i].pairs);
    }
}

static void wrong_syntax(void **state)
{
    (void)state;
    static const char *const bad[] = {"x=1\na=\\u12", "x=1\na=\\uD800", "x=1\na=\\uD800\\u0041", "x=1\na=\\u0000", "x=1\na=\xff",
                                      "x=1\n=v"};
    struct err err;
    AUTO(buf) b;
    buf_init(&b, 1000);
    for (size_t i = 0; i < array_len(bad); i++) {
        assert_int_equal(conf_parse(bad[i], strlen(bad[i]), "f", collect, &b, &err), -ERR_CONFIG);
        assert_true(text_starts(err.text, "f:2: "));
    }
    assert_int_equal(conf_parse("a=b\0c", 5, "f", collect, &b, &err), -ERR_CONFIG);
}

static void defaults_and_order(void **state)
{
    (void)state;
    char where[512], want[600];
    const char *args[] = {"isthmus.worker.evictor=LRU"};
    assert_int_equal(conf_int(CONF_WEB_PORT), 19999);
    assert_int_equal(conf_source(CONF_WEB_PORT), CONF_FROM_DEFAULT);
    assert_int_equal(load("isthmus.master.web.port=1\nisthmus.home=/h/x\n\nisthmus.web.tls.enabled = true", NULL), 0);
    assert_int_equal(conf_int(CONF_WEB_PORT), 1);
    assert_true(conf_bool(CONF_WEB_TLS));
    assert_string_equal(conf_text(CONF_JOURNAL_DIR), "/h/x/journal");
    snprintf(want, sizeof want, "SITE_PROPERTY (%s:4)", file);
    assert_string_equal(conf_source_text(CONF_WEB_TLS, where), want);
    setenv("ISTHMUS_MASTER_WEB_PORT", "2", 1);
    setenv("ISTHMUS_PORT_19999_TCP", "tcp://1.2.3.4", 1);
    assert_int_equal(conf_load(file, true, 1, args, NULL), 0);
    assert_int_equal(conf_int(CONF_WEB_PORT), 2);
    assert_string_equal(conf_source_text(CONF_WEB_PORT, where), "ENVIRONMENT");
    assert_string_equal(conf_text(CONF_WORKER_EVICT), "lru");
    args[0] = "isthmus.master.web.port=3";
    assert_int_equal(conf_load(file, true, 1, args, NULL), 0);
    assert_int_equal(conf_int(CONF_WEB_PORT), 3);
    assert_string_equal(conf_source_text(CONF_WEB_PORT, where), "SYSTEM_PROPERTY");
    assert_string_equal(conf_text(CONF_WORKER_EVICT), "sieve");
    unsetenv("ISTHMUS_MASTER_WEB_PORT");
    unsetenv("ISTHMUS_PORT_19999_TCP");
    assert_int_equal(conf_size(CONF_WORKER_PAGE), 1 << 20);
    assert_int_equal(conf_duration(CONF_CREATE_TTL), -1);
}

static void absent_file(void **state)
{
    (void)state;
    struct err err;
    assert_int_equal(conf_load("/nonexistent/x", false, 0, NULL, &err), 0);
    assert_int_equal(conf_load(NULL, true, 0, NULL, &err), 0);
    assert_int_equal(conf_load("/nonexistent/x", true, 0, NULL, &err), -ERR_CONFIG);
}

static void messages(void **state)
{
    (void)state;
    static const struct {
        const char *text, *says[3];
    } cases[] = {
        {"\nisthmus.master.web.prot=1", {":2", "isthmus.master.web.prot", "did you mean isthmus.master.web.port?"}},
        {"completely.different=1", {":1", "not a setting", ""}},
        {"isthmus.master.web.port=70000", {":1", "isthmus.master.web.port", "from 0 to 65535"}},
        {"isthmus.master.web.port=abc", {"'abc'", "whole number", ""}},
        {"isthmus.web.body.max=1PB", {"1KB to 64MB", "", ""}},
        {"isthmus.web.tls.enabled=yes", {"'yes'", "true or false", ""}},
        {"isthmus.worker.evictor=fifo", {"fifo", "lru|sieve", ""}},
        {"isthmus.user.file.create.ttl=-5", {"or -1", "", ""}},
        {"isthmus.home=${isthmus.ca}", {":1", "isthmus.home", "not a setting"}},
        {"isthmus.home=${isthmus.home", {":1", "isthmus.home", "}"}},
        {"isthmus.home=a${isthmus.home}", {":1", "isthmus.home", "itself"}},
        {"isthmus.home=${isthmus.tls.ca.file}\nisthmus.tls.ca.file=${isthmus.home}", {"itself", "", ""}},
        {"isthmus.home=${isthmus.node.tag}", {"itself", "", ""}},
    };
    for (size_t i = 0; i < array_len(cases); i++) {
        struct err err = {0};
        assert_int_equal(load(cases[i].text, &err), -ERR_CONFIG);
        for (size_t k = 0; k < 3; k++)
            assert_non_null(strstr(err.text, cases[i].says[k]));
    }
    struct err err;
    const char *args[] = {"isthmus.home"};
    assert_int_equal(conf_load(NULL, false, 1, args, &err), -ERR_CONFIG);
    setenv("ISTHMUS_WEB_THREADS", "1", 1);
    assert_int_equal(conf_load(NULL, false, 0, NULL, &err), -ERR_CONFIG);
    assert_non_null(strstr(err.text, "ISTHMUS_WEB_THREADS"));
    unsetenv("ISTHMUS_WEB_THREADS");
}

static void failed_load_changes_nothing(void **state)
{
    (void)state;
    assert_int_equal(load("isthmus.master.web.port=11", NULL), 0);
    assert_int_equal(load("isthmus.master.web.port=12\nisthmus.web.threads=1", NULL), -ERR_CONFIG);
    assert_int_equal(conf_int(CONF_WEB_PORT), 11);
}

static void tag_of(const char *path, char to[9])
{
    uint8_t hash[SHA256_LEN];
    crypto_sha256(path, strlen(path), hash);
    text_hex(hash, 4, to);
}

static void node_tag(void **state)
{
    (void)state;
    char want[9], shm[64];
    tag_of("/a/c", want);
    snprintf(shm, sizeof shm, "/dev/shm/isthmus-%s", want);
    assert_int_equal(load("isthmus.home=/a/./b/..//c/", NULL), 0);
    assert_string_equal(conf_text(CONF_NODE_TAG), want);
    assert_string_equal(conf_text(CONF_WORKER_MEM_DIR), shm);
    char cwd[4096];
    assert_non_null(getcwd(cwd, sizeof cwd));
    AUTO_FREE char *home = xasprintf("%s/var", strcmp(cwd, "/") ? cwd : "");
    tag_of(home, want);
    assert_int_equal(load("", NULL), 0);
    assert_string_equal(conf_text(CONF_NODE_TAG), want);
    assert_int_equal(load("isthmus.node.tag=mine", NULL), 0);
    assert_string_equal(conf_text(CONF_NODE_TAG), "mine");
}

static void live(void **state)
{
    (void)state;
    struct err err;
    assert_int_equal(load("", NULL), 0);
    const char *before = conf_text(CONF_WRITE_TYPE);
    assert_int_equal(conf_set_live(CONF_WRITE_TYPE, "through", &err), 0);
    assert_string_equal(before, "CACHE_THROUGH"); /* still readable */
    assert_string_equal(conf_text(CONF_WRITE_TYPE), "THROUGH");
    assert_int_equal(conf_source(CONF_WRITE_TYPE), CONF_FROM_RUNTIME);
    assert_int_equal(conf_set_live(CONF_WEB_SLOW, "5s", &err), 0);
    assert_int_equal(conf_duration(CONF_WEB_SLOW), 5000);
    assert_int_equal(conf_set_live(CONF_WEB_SLOW, "-1", &err), -ERR_CONFIG);
    assert_int_equal(conf_set_live(CONF_WEB_PORT, "5", &err), -ERR_CONFIG);
    assert_non_null(strstr(err.text, "restart"));
    assert_int_equal(conf_check(CONF_WEB_PORT, "65535", &err), 0);
    assert_int_equal(conf_check(CONF_WEB_PORT, "65536", &err), -ERR_CONFIG);
    assert_int_equal(conf_check(CONF_HOME, "${isthmus.master.hostname}", &err), 0);
}

/* Every default passes its own bounds and every key is the only one of its name. */
static void table_is_sound(void **state)
{
    (void)state;
    for (int i = 0; i < CONF_COUNT; i++) {
        enum conf_id id;
        const struct conf_option *o = conf_option((enum conf_id)i);
        assert_true(text_starts(o->key, "isthmus."));
        assert_ptr_equal(conf_find(o->key, &id), o);
        assert_int_equal(id, i);
        assert_int_equal(conf_check(id, o->value, NULL), 0);
        assert_string_equal(conf_shown(id), conf_text(id)); /* no secrets among them so far */
    }
    assert_null(conf_find("isthmus.none", NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(syntax), cmocka_unit_test(wrong_syntax), cmocka_unit_test(defaults_and_order), cmocka_unit_test(absent_file),
        cmocka_unit_test(messages), cmocka_unit_test(failed_load_changes_nothing), cmocka_unit_test(node_tag), cmocka_unit_test(live),
        cmocka_unit_test(table_is_sound),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
