/* SPDX-License-Identifier: Apache-2.0
 *
 * http_socket: civetweb tells a connection's two ends and not its descriptor.  The pair is unique
 * among the sockets of a process but for its own address, so a second socket that fits means "cannot
 * be told".  Threads: any.
 */
#include "rest/http/http_socket.h"

#include "base/clock.h"
#include "base/slice.h"
#include "base/text.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>

enum { LOOK_MS = 1000, STEP_MAX = 2 << 20 /* so that an end is seen */, LOCAL_QUEUE_BYTES = 256 << 10 /* the kernel doubles it */ };

typedef int (*end_of)(int fd, struct sockaddr *a, socklen_t *len); /* getpeername or getsockname */

static bool end_get(int fd, end_of end, struct http_end *ret)
{
    struct sockaddr_storage a;
    socklen_t len = sizeof a;
    if (end(fd, (struct sockaddr *)&a, &len) < 0 || (a.ss_family != AF_INET && a.ss_family != AF_INET6))
        return false;
    ret->port = ntohs(a.ss_family == AF_INET ? ((struct sockaddr_in *)&a)->sin_port : ((struct sockaddr_in6 *)&a)->sin6_port);
    return getnameinfo((struct sockaddr *)&a, len, ret->address, sizeof ret->address, NULL, 0, NI_NUMERICHOST) == 0;
}

bool http_socket_ends(int fd, struct http_end *ret_ours, struct http_end *ret_theirs)
{
    return end_get(fd, getsockname, ret_ours) && end_get(fd, getpeername, ret_theirs);
}

static bool fits(int fd, const struct mg_request_info *info)
{
    struct http_end ours, theirs;
    return http_socket_ends(fd, &ours, &theirs) && ours.port == info->server_port && theirs.port == info->remote_port &&
           !strcmp(theirs.address, info->remote_addr);
}

/* The next open descriptor of this process; false at the end. */
static bool next_descriptor(DIR *folder, int *ret)
{
    int64_t fd;
    for (struct dirent *e; folder && (e = readdir(folder));)
        if (text_parse_i64(e->d_name, &fd, NULL) == 0) {
            *ret = (int)fd;
            return true;
        }
    return false;
}

size_t http_socket_list(int port, int *to, size_t max)
{
    DIR *folder = opendir("/proc/self/fd");
    struct http_end ours, theirs;
    size_t count = 0;
    for (int fd; count < max && next_descriptor(folder, &fd);)
        if (http_socket_ends(fd, &ours, &theirs) && ours.port == port)
            to[count++] = fd;
    if (folder)
        closedir(folder);
    return count;
}

int http_socket_find(const struct mg_request_info *info)
{
    DIR *folder = opendir("/proc/self/fd");
    int found = -1, count = 0;
    for (int fd; next_descriptor(folder, &fd);)
        if (fits(fd, info)) {
            found = fd;
            count++;
        }
    if (folder)
        closedir(folder);
    return count == 1 ? found : -1;
}

static int wait_writable(int socket, int patience_ms, const bool *is_ending, struct err *err)
{
    int64_t until = clock_mono_ms() + patience_ms;
    while (!clock_is_past(until) && !__atomic_load_n(is_ending, __ATOMIC_RELAXED)) {
        struct pollfd p = {.fd = socket, .events = POLLOUT};
        int n = poll(&p, 1, LOOK_MS);
        if (n > 0 || (n < 0 && errno != EINTR))
            return 0; /* an error is told by the next write */
    }
    return err_set(err, ERR_CANCELLED, "the client takes nothing");
}

static bool is_of_this_machine(int socket)
{
    struct http_end ours, theirs;
    return http_socket_ends(socket, &ours, &theirs) && !strcmp(ours.address, theirs.address);
}

/* Between two programs of one machine nothing has to be paced, as BBR does by a timer: Reno is in every kernel, allowed to
 * everybody, and does not pace.  Bytes that are copied leave the processor's cache when many queue up before the
 * client takes them; files want the room. */
void http_socket_prepare(int socket, bool is_copied)
{
    static const char unpaced[] = "reno";
    int queue_bytes = LOCAL_QUEUE_BYTES;
    if (!is_of_this_machine(socket))
        return;
    (void)setsockopt(socket, IPPROTO_TCP, TCP_CONGESTION, unpaced, sizeof unpaced - 1);
    if (is_copied)
        (void)setsockopt(socket, SOL_SOCKET, SO_SNDBUF, &queue_bytes, sizeof queue_bytes);
}

int http_socket_send(int socket, const struct slice *s, int patience_ms, const bool *is_ending, struct err *err)
{
    off_t at = (off_t)s->off, end = at + (off_t)s->len;
    while (at < end) {
        size_t step = end - at < STEP_MAX ? (size_t)(end - at) : STEP_MAX;
        ssize_t n = sendfile(socket, s->fd, &at, step);
        if (n < 0 && errno == EAGAIN)
            TRY(wait_writable(socket, patience_ms, is_ending, err));
        else if (n < 0 && errno == EIO)
            return err_set_errno(err, ERR_IO, errno, "read of %zu bytes at %llu", s->len, (unsigned long long)s->off);
        else if (n < 0 && errno != EINTR)
            return err_set_errno(err, ERR_CANCELLED, errno, "the client went away");
        else if (n == 0)
            return err_set(err, ERR_CORRUPT, "file ends before byte %llu", (unsigned long long)end);
    }
    return 0;
}
