/* SPDX-License-Identifier: Apache-2.0
 *
 * test_http: the HTTP fence against a real client on loopback.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/http_client.h"
#include "base/mem.h"
#include "rest/http/http.h"

#include <stdio.h>
#include <string.h>

#define BIG (300u << 10)

static void answer(void *arg, struct http_request *r)
{
    (void)arg;
    static char big[BIG];
    const char *path = http_path(r);
    memset(big, 'b', sizeof big);
    if (!strcmp(path, "/small")) {
        http_add_header(r, "X-Test", "a\r\nInjected: yes");
        http_reply(r, 200, "text/plain", "hello", 5);
    } else if (!strcmp(path, "/big")) {
        http_reply(r, 200, NULL, big, sizeof big);
    } else if (!strcmp(path, "/chunks")) {
        http_begin(r, 200, NULL, -1);
        for (int i = 0; i < 3; i++) {
            struct slice s = {.mem = big, .fd = -1, .len = 1000};
            assert_int_equal(http_sink(r)->push(http_sink(r), &s, NULL), 0);
        }
        http_end(r, true);
    } else if (!strcmp(path, "/cut")) {
        http_begin(r, 200, NULL, 1000);
        struct slice s = {.mem = big, .fd = -1, .len = 10};
        assert_int_equal(http_sink(r)->push(http_sink(r), &s, NULL), 0);
        http_end(r, false);
    } else if (!strcmp(path, "/cutchunks")) {
        http_begin(r, 200, NULL, -1);
        struct slice s = {.mem = big, .fd = -1, .len = 10};
        assert_int_equal(http_sink(r)->push(http_sink(r), &s, NULL), 0);
        http_end(r, false);
    } else if (!strcmp(path, "/echo")) {
        AUTO(buf) body = {.max = 4 << 20};
        struct err err;
        int rc = http_body_read(r, 1 << 20, &body, &err);
        http_reply(r, rc ? err_http(err.code) : 200, NULL, body.data, rc ? 0 : body.len);
    } else if (!strcmp(path, "/refuse")) {
        http_reply(r, 413, NULL, "no", 2);
    } else if (!strcmp(path, "/path%2Fx//y")) {
        http_reply(r, 200, NULL, http_query(r), strlen(http_query(r)));
    } else if (!strcmp(path, "/nothing")) {
        return;
    } else {
        http_reply(r, 404, NULL, NULL, 0);
    }
}

struct fixture {
    struct http_server *server;
    struct http_client *client;
    char injected;
};

static int setup(void **state)
{
    struct fixture *f = *state = xnew(struct fixture);
    struct err err;
    struct http_options o = {.bind = "127.0.0.1", .threads = 8, .handler = answer};
    assert_int_equal(http_server_start(&o, &f->server, &err), 0);
    f->client = http_client_new(&(struct http_client_options){.connect_timeout_ms = 2000, .connections_max = 4});
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    http_client_free(f->client);
    http_server_stop(f->server);
    free(f);
    return 0;
}

static void on_header(void *arg, const char *name, const char *value)
{
    (void)value;
    if (!strcmp(name, "injected"))
        *(char *)arg = 1;
}

static int get(struct fixture *f, const char *method, const char *path, struct source *body, struct http_exchange *x, struct err *err)
{
    char url[200];
    snprintf(url, sizeof url, "http://127.0.0.1:%d%s", http_server_port(f->server), path);
    *x = (struct http_exchange){.method = method, .url = url, .body = body, .deadline_ms = clock_mono_ms() + 5000, .on_header = on_header, .arg = &f->injected};
    buf_init(&x->body_out, 4 << 20);
    return http_client_do(f->client, x, err);
}

static void test_replies(void **state)
{
    struct fixture *f = *state;
    struct http_exchange x;
    struct err err;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(get(f, "GET", "/small", NULL, &x, &err), 0);
        assert_int_equal(x.status, 200);
        assert_string_equal(buf_str(&x.body_out), "hello");
        assert_int_equal(f->injected, 0);
        buf_done(&x.body_out);
        assert_int_equal(get(f, "GET", "/big", NULL, &x, &err), 0);
        assert_int_equal(x.body_out.len, BIG);
        buf_done(&x.body_out);
        assert_int_equal(get(f, "GET", "/chunks", NULL, &x, &err), 0);
        assert_int_equal(x.body_out.len, 3000);
        buf_done(&x.body_out);
        assert_int_equal(get(f, "HEAD", "/big", NULL, &x, &err), 0);
        assert_int_equal(x.content_length, BIG);
        assert_int_equal(x.body_out.len, 0);
        buf_done(&x.body_out);
    }
}

static void test_cut_bodies_are_errors(void **state)
{
    struct fixture *f = *state;
    struct http_exchange x;
    struct err err;
    for (int i = 0; i < 20; i++) {
        assert_true(get(f, "GET", i % 2 ? "/cut" : "/cutchunks", NULL, &x, &err) < 0);
        buf_done(&x.body_out);
        assert_int_equal(get(f, "GET", "/small", NULL, &x, &err), 0);
        buf_done(&x.body_out);
    }
}

static void test_bodies(void **state)
{
    struct fixture *f = *state;
    struct http_exchange x;
    struct err err;
    struct source_mem m;
    static char data[900 << 10];
    memset(data, 'x', sizeof data);
    source_mem_init(&m, data, sizeof data);
    assert_int_equal(get(f, "PUT", "/echo", &m.source, &x, &err), 0);
    assert_int_equal(x.body_out.len, sizeof data);
    buf_done(&x.body_out);
    source_mem_init(&m, data, 5000);
    m.source.length = -1; /* chunked */
    assert_int_equal(get(f, "PUT", "/echo", &m.source, &x, &err), 0);
    assert_int_equal(x.body_out.len, 5000);
    buf_done(&x.body_out);
    assert_int_equal(get(f, "POST", "/echo", NULL, &x, &err), 0);
    assert_int_equal(x.body_out.len, 0);
    buf_done(&x.body_out);
    static char more[2 << 20];
    source_mem_init(&m, more, sizeof more);
    if (get(f, "PUT", "/echo", &m.source, &x, &err) == 0)
        assert_int_equal(x.status, 413);
    buf_done(&x.body_out);
    source_mem_init(&m, more, sizeof more);
    if (get(f, "PUT", "/refuse", &m.source, &x, &err) == 0)
        assert_int_equal(x.status, 413);
    buf_done(&x.body_out);
    assert_int_equal(get(f, "GET", "/small", NULL, &x, &err), 0);
    buf_done(&x.body_out);
}

static void test_raw_path(void **state)
{
    struct fixture *f = *state;
    struct http_exchange x;
    struct err err;
    assert_int_equal(get(f, "GET", "/path%2Fx//y?a=%20b&c", NULL, &x, &err), 0);
    assert_int_equal(x.status, 200);
    assert_string_equal(buf_str(&x.body_out), "a=%20b&c");
    buf_done(&x.body_out);
    assert_int_equal(get(f, "GET", "/nothing", NULL, &x, &err), 0);
    assert_int_equal(x.status, 500);
    buf_done(&x.body_out);
}

static void test_plain_needs_loopback(void **state)
{
    (void)state;
    struct http_server *s;
    struct err err;
    struct http_options o = {.bind = "0.0.0.0", .threads = 2, .handler = answer};
    assert_int_equal(http_server_start(&o, &s, &err), -ERR_CONFIG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_replies, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cut_bodies_are_errors, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bodies, setup, teardown),
        cmocka_unit_test_setup_teardown(test_raw_path, setup, teardown),
        cmocka_unit_test(test_plain_needs_loopback),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
