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
#include "rest/http/http_request.h"
#include "rest/http/http_socket.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define BIG (300u << 10)
enum { FILE_HEAD = 4097, FILE_BYTES = 9 << 20 };

static char file_byte(size_t i)
{
    return (char)(i * 2654435761u >> 24);
}

static int make_file(void)
{
    int fd = memfd_create("content", MFD_CLOEXEC);
    AUTO_FREE char *data = xmalloc(FILE_HEAD + FILE_BYTES);
    for (size_t i = 0; i < FILE_HEAD + FILE_BYTES; i++)
        data[i] = file_byte(i);
    assert_int_equal(write(fd, data, FILE_HEAD + FILE_BYTES), FILE_HEAD + FILE_BYTES);
    return fd;
}

static _Atomic int file_rc, file_socket; /* of the last answer_file; the socket is known before its last bytes leave */

/* What a cache gives: several slices, the last of them small. */
static void answer_file(struct http_request *r, size_t promised)
{
    const size_t lens[] = {1 << 20, promised - (1 << 20) - 100, 100};
    int fd = make_file();
    uint64_t off = FILE_HEAD;
    struct err err;
    http_begin(r, 200, NULL, (int64_t)promised);
    file_rc = 0;
    for (int i = 0; i < 3 && file_rc == 0; i++, off += lens[i - 1]) {
        struct slice s = {.fd = fd, .off = off, .len = lens[i]};
        file_rc = http_sink(r)->push(http_sink(r), &s, &err);
        if (i == 0)
            file_socket = ((struct http_connection *)r->info->conn_data)->socket;
    }
    http_end(r, file_rc == 0);
    close(fd);
}

static _Atomic int small_scheduler; /* of the thread that answered */

static void answer(void *arg, struct http_request *r)
{
    (void)arg;
    static char big[BIG];
    const char *path = http_path(r);
    memset(big, 'b', sizeof big);
    if (!strcmp(path, "/small")) {
        small_scheduler = sched_getscheduler(0);
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
    } else if (!strcmp(path, "/file")) {
        answer_file(r, FILE_BYTES);
    } else if (!strcmp(path, "/shortfile")) {
        answer_file(r, FILE_BYTES + 1);
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
    *x = (struct http_exchange){.method = method, .url = url, .body = body, .deadline_ms = clock_mono_ms() + 20000, .on_header = on_header, .arg = &f->injected};
    buf_init(&x->body_out, 16 << 20);
    return http_client_do(f->client, x, err);
}

static void expect_small(struct fixture *f)
{
    struct http_exchange x;
    struct err err;
    assert_int_equal(get(f, "GET", "/small", NULL, &x, &err), 0);
    assert_int_equal(x.status, 200);
    assert_string_equal(buf_str(&x.body_out), "hello");
    assert_int_equal(f->injected, 0);
    assert_int_equal(small_scheduler, SCHED_BATCH);
    buf_done(&x.body_out);
}

static void expect_head(struct fixture *f, const char *path, int64_t length)
{
    struct http_exchange x;
    struct err err;
    assert_int_equal(get(f, "HEAD", path, NULL, &x, &err), 0);
    assert_int_equal(x.content_length, length);
    assert_int_equal(x.body_out.len, 0);
    buf_done(&x.body_out);
}

static void test_replies(void **state)
{
    struct fixture *f = *state;
    struct http_exchange x;
    struct err err;
    for (int i = 0; i < 3; i++) {
        expect_small(f);
        assert_int_equal(get(f, "GET", "/big", NULL, &x, &err), 0);
        assert_int_equal(x.body_out.len, BIG);
        buf_done(&x.body_out);
        assert_int_equal(get(f, "GET", "/chunks", NULL, &x, &err), 0);
        assert_int_equal(x.body_out.len, 3000);
        buf_done(&x.body_out);
        expect_head(f, "/big", BIG);
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

static void wait_idle(const struct fixture *f)
{
    for (int i = 0; i < 1000 && http_server_busy(f->server); i++)
        poll(NULL, 0, 10);
    assert_int_equal(http_server_busy(f->server), 0);
}

static void test_files(void **state)
{
    struct fixture *f = *state;
    struct http_exchange x;
    struct err err;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(get(f, "GET", "/file", NULL, &x, &err), 0);
        assert_int_equal(x.body_out.len, FILE_BYTES);
        for (size_t k = 0; k < FILE_BYTES; k++)
            if (x.body_out.data[k] != file_byte(FILE_HEAD + k))
                fail_msg("byte %zu", k);
        assert_true(file_socket >= 0); /* by the kernel, not copied */
        buf_done(&x.body_out);
        expect_head(f, "/file", FILE_BYTES);
        expect_small(f);
    }
    assert_true(get(f, "GET", "/shortfile", NULL, &x, &err) < 0);
    buf_done(&x.body_out);
    wait_idle(f);
    assert_int_equal(file_rc, -ERR_CORRUPT);
}

static int connect_to(const char *address, const struct sockaddr_in *from, int port)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    inet_pton(AF_INET, address, &to.sin_addr);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (from)
        assert_int_equal(bind(fd, (const struct sockaddr *)from, sizeof *from), 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

static const char ask[] = "GET /file HTTP/1.1\r\nHost: x\r\n\r\n";

static void test_reader_of_a_file_goes_away(void **state)
{
    struct fixture *f = *state;
    char some[1000];
    int fd = connect_to("127.0.0.1", NULL, http_server_port(f->server));
    assert_int_equal(write(fd, ask, sizeof ask - 1), sizeof ask - 1);
    assert_true(read(fd, some, sizeof some) > 0);
    close(fd);
    wait_idle(f);
    assert_int_equal(file_rc, -ERR_CANCELLED);
}

/* Nobody waits out the patience that stalled readers have. */
static void test_stop_ends_a_stalled_reader(void **state)
{
    struct fixture *f = *state;
    char some[1000];
    int fd = connect_to("127.0.0.1", NULL, http_server_port(f->server));
    assert_int_equal(write(fd, ask, sizeof ask - 1), sizeof ask - 1);
    assert_true(read(fd, some, sizeof some) > 0);
    poll(NULL, 0, 50);
    assert_int_equal(http_server_busy(f->server), 1);
    int64_t before = clock_mono_ms();
    http_server_stop(f->server);
    f->server = NULL;
    assert_true(clock_mono_ms() - before < PATIENCE_MS / 2);
    assert_int_equal(file_rc, -ERR_CANCELLED);
    close(fd);
}

static bool ends_soon(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    char byte;
    return poll(&p, 1, 10000) == 1 && read(fd, &byte, 1) == 0;
}

/* More of them than threads: none said anything, one is between two requests, and one asks. */
static void test_silent_connections_end(void **state)
{
    struct fixture *f = *state;
    int silent[12], kept = connect_to("127.0.0.1", NULL, http_server_port(f->server));
    static const char small[] = "GET /small HTTP/1.1\r\nHost: x\r\n\r\n";
    char bytes[4096];
    assert_true(write(kept, small, strlen(small)) > 0 && read(kept, bytes, sizeof bytes) > 0);
    for (size_t i = 0; i < array_len(silent); i++)
        silent[i] = connect_to("127.0.0.1", NULL, http_server_port(f->server));
    expect_small(f);
    assert_true(ends_soon(silent[0]));
    assert_true(ends_soon(kept)); /* the library would in 60 s */
    for (size_t i = 0; i < array_len(silent); i++)
        close(silent[i]);
    close(kept);
}

static int listen_at_any(int *ret_port)
{
    struct sockaddr_in at = {.sin_family = AF_INET};
    socklen_t len = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(fd, 4), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    *ret_port = ntohs(at.sin_port);
    return fd;
}

/* Two connections that differ in the server's address alone cannot be told apart, and neither is taken for the other. */
static void test_socket_must_be_unique(void **state)
{
    (void)state;
    struct mg_request_info info = {.remote_addr = "127.0.0.1"};
    int listener = listen_at_any(&info.server_port);
    struct sockaddr_in from = {.sin_family = AF_INET}; /* bound, because a port that connect chooses may be shared already */
    inet_pton(AF_INET, "127.0.0.1", &from.sin_addr);
    int first = connect_to("127.0.0.1", &from, info.server_port), taken = accept(listener, NULL, NULL);
    socklen_t len = sizeof from;
    getsockname(first, (struct sockaddr *)&from, &len);
    info.remote_port = ntohs(from.sin_port);
    assert_int_equal(http_socket_find(&info), taken);
    info.remote_port++;
    assert_int_equal(http_socket_find(&info), -1);
    info.remote_port--;
    int second = connect_to("127.0.0.2", &from, info.server_port), also = accept(listener, NULL, NULL);
    assert_int_equal(http_socket_find(&info), -1);
    close(also);
    assert_int_equal(http_socket_find(&info), taken);
    close(second), close(taken), close(first), close(listener);
}

static int queue_of(int socket)
{
    int bytes = -1;
    socklen_t len = sizeof bytes;
    assert_int_equal(getsockopt(socket, SOL_SOCKET, SO_SNDBUF, &bytes, &len), 0);
    return bytes;
}

/* Of a connection within the machine, as far as the system allows it. */
static int short_queue(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), bytes = 256 << 10;
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes), 0);
    bytes = queue_of(fd);
    close(fd);
    return bytes;
}

static void congestion_of(int socket, char ret[16])
{
    socklen_t len = 16;
    assert_int_equal(getsockopt(socket, IPPROTO_TCP, TCP_CONGESTION, ret, &len), 0);
}

/* What a client of this machine is sent is not paced and does not queue up; other connections are as the system wants them. */
static void test_connection_of_this_machine(void **state)
{
    (void)state;
    char system_wide[16], got[16];
    int port, listener = listen_at_any(&port);
    int near = connect_to("127.0.0.1", NULL, port), near_taken = accept(listener, NULL, NULL);
    struct sockaddr_in other = {.sin_family = AF_INET};
    inet_pton(AF_INET, "127.0.0.2", &other.sin_addr);
    int distant = connect_to("127.0.0.1", &other, port), distant_taken = accept(listener, NULL, NULL);
    int queue = queue_of(distant_taken), near_queue = queue_of(near_taken);
    congestion_of(distant_taken, system_wide);
    http_socket_prepare(near_taken, false);
    congestion_of(near_taken, got);
    assert_string_equal(got, "reno");
    assert_int_equal(queue_of(near_taken), near_queue);
    http_socket_prepare(near_taken, true);
    http_socket_prepare(distant_taken, true);
    assert_int_equal(queue_of(near_taken), short_queue());
    congestion_of(distant_taken, got);
    assert_string_equal(got, system_wide);
    assert_int_equal(queue_of(distant_taken), queue);
    close(distant), close(distant_taken), close(near), close(near_taken), close(listener);
}

static void test_large_answers_prepare(void **state)
{
    struct fixture *f = *state;
    struct http_exchange x;
    struct err err;
    int sockets[4];
    expect_small(f);
    assert_int_equal(http_socket_list(http_server_port(f->server), sockets, array_len(sockets)), 1);
    assert_int_not_equal(queue_of(sockets[0]), short_queue());
    assert_int_equal(get(f, "GET", "/big", NULL, &x, &err), 0); /* on the same connection, from memory */
    assert_int_equal(queue_of(sockets[0]), short_queue());
    buf_done(&x.body_out);
}

static void test_files_keep_their_queue(void **state)
{
    struct fixture *f = *state;
    struct http_exchange x;
    struct err err;
    char got[16];
    assert_int_equal(get(f, "GET", "/file", NULL, &x, &err), 0);
    congestion_of(file_socket, got); /* the client keeps the connection */
    assert_string_equal(got, "reno");
    assert_int_not_equal(queue_of(file_socket), short_queue());
    buf_done(&x.body_out);
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

/* Debian's library has no IPv6, others have. */
static void test_ipv6_or_a_reason(void **state)
{
    (void)state;
    struct http_server *s = NULL;
    struct err err = {0};
    struct http_options o = {.bind = "::1", .threads = 2, .handler = answer};
    int rc = http_server_start(&o, &s, &err);
    if (!mg_check_feature(MG_FEATURES_IPV6)) {
        assert_int_equal(rc, -ERR_CONFIG);
        assert_non_null(strstr(err.text, "IPv6"));
    }
    http_server_stop(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_replies, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cut_bodies_are_errors, setup, teardown),
        cmocka_unit_test_setup_teardown(test_files, setup, teardown),
        cmocka_unit_test_setup_teardown(test_reader_of_a_file_goes_away, setup, teardown),
        cmocka_unit_test_setup_teardown(test_stop_ends_a_stalled_reader, setup, teardown),
        cmocka_unit_test_setup_teardown(test_silent_connections_end, setup, teardown),
        cmocka_unit_test(test_socket_must_be_unique),
        cmocka_unit_test(test_connection_of_this_machine),
        cmocka_unit_test_setup_teardown(test_large_answers_prepare, setup, teardown),
        cmocka_unit_test_setup_teardown(test_files_keep_their_queue, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bodies, setup, teardown),
        cmocka_unit_test_setup_teardown(test_raw_path, setup, teardown),
        cmocka_unit_test(test_plain_needs_loopback),
        cmocka_unit_test(test_ipv6_or_a_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
