/* SPDX-License-Identifier: Apache-2.0
 *
 * test_http_client: against a small server in this process that also misbehaves: the path of a
 * request says how.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/http_client.h"
#include "base/lock.h"
#include "base/mem.h"
#include "base/text.h"
#include "base/thread.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct {
    int fd, port;
    int stop[2];
    int connections; /* accepted; atomic */
    struct lock lock;
    char request[70000]; /* the last one; under lock */
    struct thread thread;
} server;

/* Valid until the next request. */
static const char *last_request(void)
{
    LOCK_SCOPE(&server.lock);
    return server.request;
}

static void say(int fd, const char *s)
{
    send(fd, s, strlen(s), MSG_NOSIGNAL);
}

/* Waits for the peer to go or the test to end. */
static void hang(int fd)
{
    struct pollfd p[] = {{.fd = fd, .events = POLLRDHUP}, {.fd = server.stop[0], .events = POLLIN}};
    poll(p, 2, 5000);
}

/* Head and body of one request; false at the end of the connection. */
static bool read_request(int fd, char *to, size_t cap)
{
    size_t len = 0;
    for (;;) {
        struct pollfd p[] = {{.fd = fd, .events = POLLIN}, {.fd = server.stop[0], .events = POLLIN}};
        poll(p, 2, 5000);
        if (p[1].revents)
            return false;
        ssize_t n = recv(fd, to + len, cap - 1 - len, 0);
        if (n <= 0)
            return false;
        len += (size_t)n;
        to[len] = 0;
        const char *end = strstr(to, "\r\n\r\n"), *length = strcasestr(to, "content-length: ");
        if (end && strcasestr(to, "transfer-encoding: chunked") && text_ends(to, "0\r\n\r\n"))
            return true;
        if (end && !strcasestr(to, "transfer-encoding: chunked") &&
            len >= (size_t)(end + 4 - to) + (length ? strtoul(length + 16, NULL, 10) : 0))
            return true;
    }
}

/* A long body, whose first pieces come one by one. */
enum { LONG_BYTES = 4 << 20, PIECE_BYTES = 100 << 10, PIECES = 5, PIECE_MS = 200 };

static void say_piecemeal(int fd)
{
    static char bytes[LONG_BYTES];
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 4194304\r\n\r\n");
    for (size_t done = 0, i = 0; done < sizeof bytes; i++) {
        ssize_t n = send(fd, bytes + done, i < PIECES ? PIECE_BYTES : sizeof bytes - done, MSG_NOSIGNAL);
        if (n > 0)
            done += (size_t)n;
        if (poll(&p, 1, 5000) <= 0 || p.revents & (POLLERR | POLLHUP))
            return;
        if (i < PIECES)
            poll(NULL, 0, PIECE_MS);
    }
}

/* Answers by path; false closes the connection. */
static bool answer(int fd, const char *request)
{
    const char *path = strchr(request, ' ') + 1;
    if (text_starts(path, "/ok"))
        say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Mixed-Case:  some value \r\n\r\nhello");
    else if (text_starts(path, "/chunked"))
        say(fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\nX-Trailer: 1\r\n\r\n");
    else if (text_starts(path, "/interim"))
        say(fd, "HTTP/1.1 103 Early\r\nX-Early: 1\r\n\r\nHTTP/1.1 201 Made\r\nX-Late: 2\r\nContent-Length: 0\r\n\r\n");
    else if (text_starts(path, "/head"))
        say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 123456\r\n\r\n");
    else if (text_starts(path, "/refused"))
        say(fd, "HTTP/1.1 403 No\r\nContent-Length: 7\r\n\r\nbecause");
    else if (text_starts(path, "/moved"))
        say(fd, "HTTP/1.1 302 Found\r\nLocation: /ok\r\nContent-Length: 0\r\n\r\n");
    else if (text_starts(path, "/long"))
        say_piecemeal(fd);
    else if (text_starts(path, "/short"))
        return say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello"), false;
    else if (text_starts(path, "/cut-chunk"))
        return say(fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n30\r\nabc"), false;
    else if (text_starts(path, "/stall"))
        return say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello"), hang(fd), false;
    else if (text_starts(path, "/silent"))
        return hang(fd), false;
    else if (text_starts(path, "/junk"))
        return say(fd, "SSH-2.0-x\r\n\r\n"), false;
    else
        return false;
    return true;
}

static void reset(int fd)
{
    struct linger now = {.l_onoff = 1};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

static void serve(void *arg)
{
    (void)arg;
    static char heard[sizeof server.request];
    for (;;) {
        struct pollfd p[] = {{.fd = server.fd, .events = POLLIN}, {.fd = server.stop[0], .events = POLLIN}};
        poll(p, 2, -1);
        if (p[1].revents)
            return;
        int fd = accept4(server.fd, NULL, NULL, SOCK_NONBLOCK);
        if (fd < 0)
            continue;
        __atomic_add_fetch(&server.connections, 1, __ATOMIC_RELAXED);
        while (read_request(fd, heard, sizeof heard)) {
            lock_take(&server.lock);
            memcpy(server.request, heard, sizeof heard);
            lock_drop(&server.lock);
            if (!answer(fd, heard))
                break;
        }
        if (strstr(heard, "/reset"))
            reset(fd);
        close(fd);
    }
}

static int start(void **state)
{
    (void)state;
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_ANY)};
    socklen_t len = sizeof a;
    server.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (pipe(server.stop) || bind(server.fd, (struct sockaddr *)&a, sizeof a) || listen(server.fd, 8) ||
        getsockname(server.fd, (struct sockaddr *)&a, &len))
        return -1;
    server.port = ntohs(a.sin_port);
    setenv("http_proxy", "http://127.0.0.1:1", 1); /* must not be used */
    lock_init(&server.lock, RANK_LEAF);
    thread_start(&server.thread, "server", serve, NULL);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    close(server.stop[1]);
    thread_join(&server.thread);
    close(server.stop[0]);
    close(server.fd);
    return 0;
}

struct seen {
    char headers[1000];
};

static void on_header(void *arg, const char *name, const char *value)
{
    struct seen *s = arg;
    size_t n = strlen(s->headers);
    snprintf(s->headers + n, sizeof s->headers - n, "[%s=%s]", name, value);
}

/* One exchange on a client of its own unless `c` is given. */
struct trial {
    struct http_client *c;
    struct http_exchange x;
    struct seen seen;
    struct err err;
    int rc;
    char url[128];
};

static struct http_client *make_client(unsigned max)
{
    return http_client_new(&(struct http_client_options){.verify_peer = true, .connect_timeout_ms = 2000, .connections_max = max});
}

static void trial_init(struct trial *t, const char *method, const char *path)
{
    *t = (struct trial){0};
    snprintf(t->url, sizeof t->url, "http://127.0.0.1:%d%s", server.port, path);
    t->x.method = method;
    t->x.url = t->url;
    t->x.deadline_ms = clock_mono_ms() + 3000;
    t->x.on_header = on_header;
    t->x.arg = &t->seen;
    buf_init(&t->x.body_out, 1 << 20);
}

static void trial_run(struct trial *t)
{
    struct http_client *c = t->c ? t->c : make_client(1);
    t->rc = http_client_do(c, &t->x, &t->err);
    if (!t->c)
        http_client_free(c);
}

static void trial_done(struct trial *t)
{
    buf_done(&t->x.body_out);
}

static void plain(void **state)
{
    (void)state;
    AUTO(trial) t;
    trial_init(&t, "GET", "/ok/../%2e/a?b=c");
    trial_run(&t);
    assert_int_equal(t.rc, 0);
    assert_int_equal(t.x.status, 200);
    assert_int_equal(t.x.content_length, 5);
    assert_int_equal(t.x.received, 5);
    assert_string_equal(buf_str(&t.x.body_out), "hello");
    assert_string_equal(t.seen.headers, "[content-length=5][x-mixed-case=some value]");
    assert_true(text_starts(last_request(), "GET /ok/../%2e/a?b=c HTTP/1.1\r\n"));
    assert_null(strcasestr(last_request(), "expect:"));
}

static void kinds_of_answers(void **state)
{
    (void)state;
    static const struct {
        const char *method, *path;
        long status;
        int64_t length;
        const char *body, *headers;
    } cases[] = {
        {"GET", "/chunked", 200, -1, "abcde", "[transfer-encoding=chunked]"},
        {"PUT", "/interim", 201, 0, "", "[x-late=2][content-length=0]"},
        {"HEAD", "/head", 200, 123456, "", "[content-length=123456]"},
        {"DELETE", "/refused", 403, 7, "because", "[content-length=7]"},
        {"GET", "/moved", 302, 0, "", "[location=/ok][content-length=0]"},
    };
    for (size_t i = 0; i < array_len(cases); i++) {
        AUTO(trial) t;
        trial_init(&t, cases[i].method, cases[i].path);
        trial_run(&t);
        assert_int_equal(t.rc, 0);
        assert_int_equal(t.x.status, cases[i].status);
        assert_int_equal(t.x.content_length, cases[i].length);
        assert_string_equal(buf_str(&t.x.body_out), cases[i].body);
        assert_string_equal(t.seen.headers, cases[i].headers);
    }
}

static void failures(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        enum err_code code;
    } cases[] = {
        {"/short?secret=1", ERR_STORE_ERROR}, {"/cut-chunk?secret=1", ERR_STORE_ERROR}, {"/stall?secret=1", ERR_TIMEOUT},
        {"/silent?secret=1", ERR_TIMEOUT},    {"/close?secret=1", ERR_STORE_UNREACHABLE}, {"/reset?secret=1", ERR_STORE_UNREACHABLE},
        {"/junk?secret=1", ERR_STORE_ERROR},
    };
    for (size_t i = 0; i < array_len(cases); i++) {
        AUTO(trial) t;
        trial_init(&t, "GET", cases[i].path);
        t.x.stall_ms = 150;
        trial_run(&t);
        assert_int_equal(t.rc, -(int)cases[i].code);
        assert_int_equal(t.err.code, cases[i].code);
        assert_null(strstr(t.err.text, "secret"));
    }
}

static void deadlines(void **state)
{
    (void)state;
    AUTO(trial) t;
    trial_init(&t, "GET", "/silent");
    int64_t from = clock_mono_ms();
    t.x.deadline_ms = from + 150;
    trial_run(&t);
    assert_int_equal(t.rc, -ERR_TIMEOUT);
    assert_in_range(clock_mono_ms() - from, 149, 1500);
}

static void no_server(void **state)
{
    (void)state;
    static const struct {
        const char *url;
        enum err_code code;
    } cases[] = {{"http://127.0.0.1:1/", ERR_STORE_UNREACHABLE}, {"http://name.invalid/", ERR_STORE_DNS},
                 {"ftp://127.0.0.1/", ERR_INVALID_ARGUMENT}, {"http://", ERR_INVALID_ARGUMENT}};
    for (size_t i = 0; i < array_len(cases); i++) {
        AUTO(trial) t;
        trial_init(&t, "GET", "/");
        t.x.url = cases[i].url;
        trial_run(&t);
        assert_int_equal(t.rc, -(int)cases[i].code);
    }
    AUTO(trial) t;
    trial_init(&t, "GET", "/ok"); /* a plain server where TLS is expected */
    snprintf(t.url, sizeof t.url, "https://127.0.0.1:%d/ok", server.port);
    t.x.stall_ms = 200;
    trial_run(&t);
    assert_true(t.rc == -ERR_STORE_TLS || t.rc == -ERR_TIMEOUT || t.rc == -ERR_STORE_UNREACHABLE);
}

static void keeps_connections(void **state)
{
    (void)state;
    struct http_client *c = make_client(2);
    int before = __atomic_load_n(&server.connections, __ATOMIC_RELAXED);
    for (int i = 0; i < 5; i++) {
        AUTO(trial) t;
        trial_init(&t, i % 2 ? "PUT" : "GET", "/ok");
        t.c = c;
        trial_run(&t);
        assert_int_equal(t.rc, 0);
    }
    assert_int_equal(__atomic_load_n(&server.connections, __ATOMIC_RELAXED) - before, 1);
    http_client_free(c);
}

struct waiter {
    struct http_client *c;
    struct trial t;
};

static void occupy(void *arg)
{
    trial_run(&((struct waiter *)arg)->t);
}

static void waits_for_a_handle(void **state)
{
    (void)state;
    struct waiter w;
    struct thread th = {0};
    int before = __atomic_load_n(&server.connections, __ATOMIC_RELAXED);
    trial_init(&w.t, "GET", "/silent");
    w.t.c = make_client(1);
    w.t.x.deadline_ms = clock_mono_ms() + 400;
    thread_start(&th, "occupy", occupy, &w);
    while (__atomic_load_n(&server.connections, __ATOMIC_RELAXED) == before)
        poll(NULL, 0, 1);
    AUTO(trial) t;
    trial_init(&t, "GET", "/ok");
    t.c = w.t.c;
    t.x.deadline_ms = clock_mono_ms() + 50;
    trial_run(&t);
    assert_int_equal(t.rc, -ERR_TIMEOUT);
    assert_non_null(strstr(t.err.text, "busy"));
    t.x.deadline_ms = clock_mono_ms() + 2000;
    trial_run(&t);
    assert_int_equal(t.rc, 0);
    thread_join(&th);
    assert_int_equal(w.t.rc, -ERR_TIMEOUT);
    trial_done(&w.t);
    http_client_free(w.t.c);
}

static void sends(void **state)
{
    (void)state;
    struct source_mem m;
    AUTO(trial) t;
    const struct http_header headers[] = {{"X-One", "1"}, {"X-Empty", ""}};
    trial_init(&t, "PUT", "/ok");
    source_mem_init(&m, "payload", 7);
    t.x.body = &m.source;
    t.x.headers = headers;
    t.x.header_count = 2;
    trial_run(&t);
    assert_int_equal(t.rc, 0);
    assert_non_null(strstr(last_request(), "Content-Length: 7\r\n"));
    assert_non_null(strstr(last_request(), "X-One: 1\r\nX-Empty:\r\n"));
    assert_null(strcasestr(last_request(), "expect:"));
    assert_true(text_ends(last_request(), "\r\n\r\npayload"));
    source_mem_init(&m, "payload", 7);
    m.source.length = -1;
    trial_run(&t);
    assert_int_equal(t.rc, 0);
    assert_non_null(strcasestr(last_request(), "Transfer-Encoding: chunked\r\n"));
    assert_non_null(strstr(last_request(), "7\r\npayload\r\n0\r\n"));
    t.x.body = NULL;
    t.x.method = "POST";
    trial_run(&t);
    assert_int_equal(t.rc, 0);
    assert_non_null(strstr(last_request(), "Content-Length: 0\r\n"));
    assert_null(strcasestr(last_request(), "content-type"));
}

static void refuses_injected_headers(void **state)
{
    (void)state;
    AUTO(trial) t;
    const struct http_header header = {"X-One", "1\r\nX-Two: 2"};
    trial_init(&t, "GET", "/ok");
    t.x.headers = &header;
    t.x.header_count = 1;
    trial_run(&t);
    assert_int_equal(t.rc, -ERR_INVALID_ARGUMENT);
}

static int push_fails(struct sink *sink, const struct slice *s, struct err *err)
{
    (void)sink, (void)s;
    return err_set(err, ERR_NO_SPACE, "sink is full");
}

static int push_slowly(struct sink *sink, const struct slice *s, struct err *err)
{
    (void)sink, (void)s, (void)err;
    poll(NULL, 0, 200);
    return 0;
}

static int pull_fails(struct source *src, void *to, size_t cap, size_t *ret_len, struct err *err)
{
    (void)src, (void)to, (void)cap, (void)ret_len;
    return err_set(err, ERR_LOST, "source is gone");
}

static int pull_nothing(struct source *src, void *to, size_t cap, size_t *ret_len, struct err *err)
{
    (void)src, (void)to, (void)cap, (void)err;
    *ret_len = 0;
    return 0;
}

static void errors_of_sink_and_source(void **state)
{
    (void)state;
    struct sink sink = {push_fails};
    struct source source = {pull_fails, 10};
    AUTO(trial) t;
    trial_init(&t, "GET", "/ok");
    t.x.sink = &sink;
    trial_run(&t);
    assert_int_equal(t.rc, -ERR_NO_SPACE);
    assert_string_equal(t.err.text, "sink is full");
    t.x.url = t.url;
    memcpy(strstr(t.url, "/ok"), "/refused", 9); /* other answers do not go to the sink */
    trial_run(&t);
    assert_int_equal(t.rc, 0);
    assert_string_equal(buf_str(&t.x.body_out), "because");
    t.x.method = "PUT";
    t.x.body = &source;
    trial_run(&t);
    assert_int_equal(t.rc, -ERR_LOST);
    source.pull = pull_nothing;
    trial_run(&t);
    assert_int_equal(t.rc, -ERR_INTERNAL);
}

static void deadline_holds_while_the_sink_is_slow(void **state)
{
    (void)state;
    struct sink sink = {push_slowly};
    AUTO(trial) t;
    trial_init(&t, "GET", "/stall");
    t.x.sink = &sink;
    t.x.deadline_ms = clock_mono_ms() + 100;
    trial_run(&t);
    assert_int_equal(t.rc, -ERR_TIMEOUT);
    assert_true(clock_mono_ms() < t.x.deadline_ms + 1000);
}

/* What is there is taken, although more would be worth waiting for; and the connection serves the next answer as before. */
static void slow_pieces_of_a_long_body(void **state)
{
    (void)state;
    AUTO(trial) t;
    trial_init(&t, "GET", "/long");
    buf_init(&t.x.body_out, LONG_BYTES);
    t.c = make_client(1);
    t.x.stall_ms = 3 * PIECE_MS;
    trial_run(&t);
    assert_int_equal(t.rc, 0);
    assert_int_equal(t.x.received, LONG_BYTES);
    memcpy(strstr(t.url, "/long"), "/ok", 4);
    buf_reset(&t.x.body_out);
    int connections = __atomic_load_n(&server.connections, __ATOMIC_RELAXED);
    trial_run(&t);
    assert_int_equal(t.rc, 0);
    assert_string_equal(buf_str(&t.x.body_out), "hello");
    assert_int_equal(__atomic_load_n(&server.connections, __ATOMIC_RELAXED), connections);
    http_client_free(t.c);
}

static void limit_of_the_answer(void **state)
{
    (void)state;
    AUTO(trial) t;
    trial_init(&t, "GET", "/ok");
    buf_init(&t.x.body_out, 3);
    trial_run(&t);
    assert_int_equal(t.rc, -ERR_TOO_LARGE);
    AUTO(trial) other;
    trial_init(&other, "GET", "/refused");
    buf_init(&other.x.body_out, 3);
    trial_run(&other);
    assert_int_equal(other.rc, 0);
    assert_string_equal(buf_str(&other.x.body_out), "bec");
}

/* The whole network 127 is this machine, but only from its first address to the same do both ends look alike. */
static void knows_the_same_host(void **state)
{
    (void)state;
    AUTO(trial) t;
    trial_init(&t, "GET", "/ok");
    t.c = make_client(1);
    assert_false(http_client_is_same_host(t.c));
    trial_run(&t);
    assert_true(http_client_is_same_host(t.c));
    snprintf(t.url, sizeof t.url, "http://127.0.0.1:%d/short", server.port); /* on the kept connection, which ends */
    trial_run(&t);
    assert_true(http_client_is_same_host(t.c));
    snprintf(t.url, sizeof t.url, "http://127.0.0.1:1/");
    trial_run(&t);
    assert_int_equal(t.rc, -ERR_STORE_UNREACHABLE);
    assert_true(http_client_is_same_host(t.c)); /* nothing else was learned */
    snprintf(t.url, sizeof t.url, "http://127.0.0.2:%d/ok", server.port);
    trial_run(&t);
    assert_int_equal(t.rc, 0);
    assert_false(http_client_is_same_host(t.c));
    http_client_free(t.c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain), cmocka_unit_test(kinds_of_answers), cmocka_unit_test(failures), cmocka_unit_test(deadlines),
        cmocka_unit_test(no_server), cmocka_unit_test(keeps_connections), cmocka_unit_test(waits_for_a_handle), cmocka_unit_test(sends),
        cmocka_unit_test(refuses_injected_headers), cmocka_unit_test(errors_of_sink_and_source),
        cmocka_unit_test(deadline_holds_while_the_sink_is_slow), cmocka_unit_test(slow_pieces_of_a_long_body),
        cmocka_unit_test(limit_of_the_answer), cmocka_unit_test(knows_the_same_host),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
