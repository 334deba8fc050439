/* SPDX-License-Identifier: Apache-2.0
 *
 * client, paths: what goes over the wire and what becomes of an answer, with a server that gives the answers listed.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/file_util.h"
#include "base/mem.h"
#include "base/text.h"
#include "base/thread.h"
#include "cli/client.h"
#include "cli/paths.h"

#include <assert.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { REQUESTS = 8 };
static struct server {
    int fd;
    struct thread thread;
    size_t count;
    const char *answers[REQUESTS]; /* status, headers, body as they go over the wire */
    char requests[REQUESTS][8192];
} server;
static struct cli cli;
static char home[] = "/tmp/cli-client-XXXXXX", address[64];

static bool is_whole(const char *request)
{
    const char *end = strstr(request, "\r\n\r\n"), *length = strcasestr(request, "content-length:");
    return end && (!length || strlen(end + 4) >= strtoul(length + 15, NULL, 10));
}

static void serve(void *arg)
{
    (void)arg;
    for (size_t i = 0; i < server.count; i++) {
        struct pollfd p = {.fd = server.fd, .events = POLLIN};
        if (poll(&p, 1, 5000) <= 0)
            return;
        int fd = accept(server.fd, NULL, NULL);
        char *to = server.requests[i];
        size_t len = 0;
        for (ssize_t n = 1; n > 0 && !is_whole(to); len += (size_t)(n > 0 ? n : 0))
            n = read(fd, to + len, sizeof server.requests[i] - len - 1);
        const char *answer = server.answers[i];
        ssize_t n = write(fd, answer, strlen(answer));
        assert(n == (ssize_t)strlen(answer));
        close(fd);
    }
}

static void answers(size_t n, ...)
{
    va_list ap;
    va_start(ap, n);
    memset(server.requests, 0, sizeof server.requests);
    for (size_t i = 0; i < n; i++)
        server.answers[i] = va_arg(ap, const char *);
    va_end(ap);
    server.count = n;
    thread_start(&server.thread, "server", serve, NULL);
}

#define HEAD "Connection: close\r\nContent-Type: application/json\r\n"
#define OK "HTTP/1.1 200 OK\r\n" HEAD

static int set_up(void **state)
{
    (void)state;
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;
    char path[128];
    struct err err;
    char *argv[] = {(char *)"isthmus", (char *)"--home", home, address, NULL};
    int argc = 4;
    assert_non_null(mkdtemp(home));
    snprintf(path, sizeof path, "%s/conf", home);
    assert_int_equal(file_mkdirs(path, 0700, &err), 0);
    snprintf(path, sizeof path, "%s/conf/cli.token", home);
    assert_int_equal(file_write(path, "tok-en\n", 7, 0600, &err), 0);
    server.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(server.fd, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(server.fd, 8), 0);
    assert_int_equal(getsockname(server.fd, (struct sockaddr *)&a, &len), 0);
    snprintf(address, sizeof address, "-Disthmus.user.master.address=127.0.0.1:%d", ntohs(a.sin_port));
    unsetenv("ISTHMUS_TOKEN");
    assert_int_equal(cli_init(&cli, &argc, argv, &err), 0);
    assert_int_equal(argc, 1);
    return 0;
}

static int tear_down(void **state)
{
    struct err err;
    (void)state;
    client_free(cli.client);
    close(server.fd);
    return file_remove_tree(home, &err);
}

/* The path is encoded so that neither a colon nor a question mark means anything; a change is seen by the next read. */
static void wire(void **state)
{
    struct json *j = NULL;
    struct err err;
    (void)state;
    answers(2, OK "X-Isthmus-Index: 42\r\nContent-Length: 14\r\n\r\n{\"index\":\"42\"}", OK "Content-Length: 12\r\n\r\n{\"name\":\"x\"}");
    assert_int_equal(client_files(&cli, "POST", "/a b/c:free?", ":free", "{\"forced\":true}", NULL, &err), 0);
    assert_int_equal(client_files(&cli, "GET", "/\xc3\xa9", "?list", NULL, &j, &err), 0);
    thread_join(&server.thread);
    assert_string_equal(json_text(json_get(j, "name"), ""), "x");
    json_free(j);
    const char *first = server.requests[0], *second = server.requests[1];
    assert_true(text_starts(first, "POST /api/v1/files/a%20b/c%3Afree%3F:free HTTP/1.1\r\n"));
    assert_non_null(strstr(first, "Authorization: Bearer tok-en\r\n"));
    assert_true(text_ends(first, "{\"forced\":true}"));
    assert_null(strstr(first, "X-Isthmus-Index"));
    assert_true(text_starts(second, "GET /api/v1/files/%C3%A9?list HTTP/1.1\r\n"));
    assert_non_null(strstr(second, "X-Isthmus-Index: 42\r\n"));
}

static void refusals(void **state)
{
    struct err err;
    (void)state;
    answers(3, "HTTP/1.1 404 No\r\n" HEAD "Content-Length: 58\r\n\r\n{\"code\":\"not_found\",\"message\":\"Path \\\"/a\\\" is not there.\"}",
            "HTTP/1.1 502 Bad\r\n" HEAD "Content-Length: 4\r\n\r\noops", OK "Content-Length: 4\r\n\r\noops");
    assert_int_equal(client_files(&cli, "GET", "/a", "", NULL, NULL, &err), -ERR_NOT_FOUND);
    assert_string_equal(err.text, "Path \"/a\" is not there.");
    assert_int_equal(client_files(&cli, "GET", "/a", "", NULL, NULL, &err), -ERR_INTERNAL);
    assert_non_null(strstr(err.text, "answered 502"));
    struct json *j = NULL;
    assert_int_equal(client_get(&cli, "/x", &j, &err), -ERR_INTERNAL);
    assert_null(j);
    thread_join(&server.thread);
}

static int add_name(void *arg, const struct json *e, struct err *err)
{
    (void)err;
    buf_addf(arg, "%s,", json_text(json_get(e, "name"), ""));
    return 0;
}

static void pages(void **state)
{
    AUTO(buf) names = {.max = 100};
    struct err err;
    (void)state;
    answers(2, OK "Content-Length: 56\r\n\r\n{\"items\":[{\"name\":\"a\"},{\"name\":\"b\"}],\"next_cursor\":\"C1\"}",
            OK "Content-Length: 43\r\n\r\n{\"items\":[{\"name\":\"c\"}],\"next_cursor\":null}");
    assert_int_equal(paths_list(&cli, "/d", "&recursive=true", add_name, &names, &err), 0);
    thread_join(&server.thread);
    assert_string_equal(buf_str(&names), "a,b,c,");
    assert_non_null(strstr(server.requests[0], "?list&limit=1000&recursive=true HTTP"));
    assert_non_null(strstr(server.requests[1], "&cursor=C1 HTTP"));
}

static void globs(void **state)
{
    AUTO(path_list) found = {0};
    struct err err;
    (void)state;
    answers(3, OK "Content-Length: 117\r\n\r\n{\"items\":[{\"name\":\"d1\",\"path\":\"/d1\",\"type\":\"directory\"},{\"name\":\"d2\",\"path\":\"/d2\",\"type\":\"file\"}],\"next_cursor\":null}",
            OK "Content-Length: 12\r\n\r\n{\"name\":\"s\"}",
            OK "Content-Length: 73\r\n\r\n{\"items\":[{\"name\":\"x1\",\"path\":\"/d1/s/x1\"},{\"name\":\"y\",\"path\":\"/d1/s/y\"}]}");
    int rc = paths_expand(&cli, "/d*/s/x*", &found, &err);
    thread_join(&server.thread);
    assert_int_equal(rc, 0);
    assert_int_equal(found.count, 1);
    assert_string_equal(found.items[0], "/d1/s/x1");
}

static void nobody_there(void **state)
{
    struct cli other = {0};
    struct err err;
    (void)state;
    char *argv[] = {(char *)"isthmus", (char *)"--home", home, (char *)"-Disthmus.user.master.address=http://127.0.0.1:1", NULL};
    char *far_away[] = {(char *)"isthmus", (char *)"--home", home, (char *)"-Disthmus.user.master.address=127.evil.example", NULL};
    int argc = 4;
    assert_int_equal(cli_init(&other, &argc, argv, &err), 0);
    assert_int_equal(client_get(&other, "/health", NULL, &err), -ERR_UNAVAILABLE);
    assert_non_null(strstr(err.text, "does not answer"));
    client_free(other.client);
    argc = 4;
    assert_int_equal(cli_init(&other, &argc, far_away, &err), 0);
    assert_int_equal(client_get(&other, "/health", NULL, &err), -ERR_CONFIG); /* no token in clear over a network */
    client_free(other.client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(wire), cmocka_unit_test(refusals), cmocka_unit_test(pages), cmocka_unit_test(globs),
                                       cmocka_unit_test(nobody_there)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
