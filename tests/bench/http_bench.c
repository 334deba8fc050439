/* SPDX-License-Identifier: Apache-2.0
 *
 * http_bench: many readers of one thing on loopback, as cheap as a client can be: one thread, bodies are dropped in the
 * kernel.   http_bench PORT CONNECTIONS REQUESTS PATH [HEADER]...
 * All connections are made first, then all send at once and again until REQUESTS are answered.  Prints JSON: seconds,
 * bytes of bodies, answers 2xx and others.
 */
#include "base/clock.h"
#include "base/mem.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HEAD_MAX = 8192, DROP = 4 << 20, WAIT_MS = 60000 };

struct conn {
    int fd;
    size_t head_len;
    int64_t left; /* of the body; -1: the head is not complete */
    char head[HEAD_MAX];
};

static char request[16384];
static size_t request_len, to_send, to_finish;
static uint64_t bytes, good, bad;
static int epoll;

static void die(const char *what)
{
    fprintf(stderr, "http_bench: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void make_request(int argc, char **argv)
{
    int n = snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%s\r\n", argv[4], argv[1]);
    for (int i = 5; i < argc; i++)
        n += snprintf(request + n, sizeof request - (size_t)n, "%s\r\n", argv[i]);
    n += snprintf(request + n, sizeof request - (size_t)n, "\r\n");
    request_len = (size_t)n;
}

static void connect_one(struct conn *c, int port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&to, sizeof to))
        die("cannot connect");
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &e))
        die("epoll");
}

static void ask(struct conn *c)
{
    if (!to_send) { /* done: whatever the server does with it now is no answer */
        epoll_ctl(epoll, EPOLL_CTL_DEL, c->fd, NULL);
        close(c->fd);
        return;
    }
    to_send--;
    c->left = -1;
    c->head_len = 0;
    if (send(c->fd, request, request_len, MSG_NOSIGNAL) != (ssize_t)request_len)
        die("cannot send");
}

static void finish(struct conn *c, bool is_good)
{
    *(is_good ? &good : &bad) += 1;
    to_finish--;
    ask(c);
}

/* Takes what is there of the head; the rest of the bytes in hand belong to the body. */
static void read_head(struct conn *c)
{
    ssize_t n = recv(c->fd, c->head + c->head_len, HEAD_MAX - 1 - c->head_len, MSG_DONTWAIT);
    if (n <= 0)
        die("no answer");
    c->head_len += (size_t)n;
    c->head[c->head_len] = 0;
    char *end = strstr(c->head, "\r\n\r\n"), *length = strcasestr(c->head, "\r\ncontent-length:");
    if (!end)
        return;
    if (!length)
        die("an answer without length");
    size_t beyond = c->head_len - (size_t)(end + 4 - c->head);
    c->left = strtoll(length + 17, NULL, 10) - (int64_t)beyond;
    bytes += beyond;
}

static void on_input(struct conn *c)
{
    if (c->left < 0)
        read_head(c);
    if (c->left > 0) {
        ssize_t n = recv(c->fd, NULL, c->left < DROP ? (size_t)c->left : DROP, MSG_TRUNC | MSG_DONTWAIT);
        if (n == 0)
            die("the connection ended early");
        if (n > 0) {
            c->left -= n;
            bytes += (uint64_t)n;
        }
    }
    if (c->left == 0)
        finish(c, c->head[9] == '2');
}

int main(int argc, char **argv)
{
    if (argc < 5)
        return 2;
    size_t n = strtoul(argv[2], NULL, 10);
    struct rlimit files = {n + 64, n + 64};
    struct epoll_event events[256];
    to_send = to_finish = strtoul(argv[3], NULL, 10);
    setrlimit(RLIMIT_NOFILE, &files); /* when it is refused, connecting says so */
    epoll = epoll_create1(EPOLL_CLOEXEC);
    make_request(argc, argv);
    struct conn *conns = xcalloc(n, sizeof *conns);
    for (size_t i = 0; i < n; i++)
        connect_one(&conns[i], (int)strtol(argv[1], NULL, 10));
    int64_t start = clock_mono_us();
    for (size_t i = 0; i < n; i++)
        ask(&conns[i]);
    while (to_finish) {
        int got = epoll_wait(epoll, events, 256, WAIT_MS);
        if (got <= 0)
            die("nothing came for a minute");
        for (int i = 0; i < got; i++)
            on_input(events[i].data.ptr);
    }
    printf("{\"seconds\": %.6f, \"bytes\": %llu, \"good\": %llu, \"bad\": %llu}\n", (double)(clock_mono_us() - start) / 1e6,
           (unsigned long long)bytes, (unsigned long long)good, (unsigned long long)bad);
    free(conns);
    return 0;
}
