/* SPDX-License-Identifier: Apache-2.0
 *
 * http_guard: civetweb gives each connection a thread, and waits as long for a head or a TLS handshake as for a pause
 * of an upload.  So whoever opens enough of them and says nothing keeps everybody else out.  When nearly as many sockets
 * are open as there are threads, those are shut down that wait for a head or a handshake, and have for a while; civetweb
 * then ends them as if the client had gone.
 * A descriptor is copied before it is looked at: the copy stays the same socket when civetweb closes its own.  Meanwhile
 * http_socket_find sees two and gives up, so that connection's files are copied.
 * Threads: a ticker of its own looks; add and remove from any.
 */
#include "rest/http/http_guard.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "rest/http/http_socket.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LOOK_MS = 500, WAITING_MAX = 1024 /* looked at beyond one for each thread; the library queues half as many */ };

/* A socket on our port, as it was at one look. */
struct http_seen {
    int copy;
    struct http_end peer;
    int64_t idle_since_ms; /* 0: something is to be read or answered */
};

/* Known when civetweb has read a head on it; returns false before that. */
static bool is_known(struct http_guard *g, const struct http_end *peer, int64_t *ret_waits_since_ms)
{
    LOCK_SCOPE(&g->lock);
    for (struct http_guarded *c = g->first; c; c = c->next)
        if (c->port == peer->port && !strcmp(c->address, peer->address)) {
            *ret_waits_since_ms = __atomic_load_n(&c->waits_since_ms, __ATOMIC_RELAXED);
            return true;
        }
    return false;
}

/* What has something to be read waits for a thread.  Else a thread has it, and waits for a handshake or a head. */
static bool has_unread(int fd)
{
    int bytes = 0;
    return ioctl(fd, FIONREAD, &bytes) < 0 || bytes > 0;
}

static int64_t stranger_idle_since(const struct http_guard *g, const struct http_end *peer)
{
    for (size_t i = 0; i < g->seen_count; i++)
        if (g->seen[i].idle_since_ms && g->seen[i].peer.port == peer->port && !strcmp(g->seen[i].peer.address, peer->address))
            return g->seen[i].idle_since_ms;
    return clock_mono_ms();
}

/* False when the descriptor is another one by now. */
static bool see(struct http_guard *g, int fd, struct http_seen *ret)
{
    struct http_end ours;
    ret->copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (ret->copy < 0)
        return false;
    if (!http_socket_ends(ret->copy, &ours, &ret->peer) || ours.port != g->port) {
        close(ret->copy);
        return false;
    }
    if (has_unread(ret->copy))
        ret->idle_since_ms = 0;
    else if (!is_known(g, &ret->peer, &ret->idle_since_ms))
        ret->idle_since_ms = stranger_idle_since(g, &ret->peer);
    return true;
}

/* All of them first: what is ended gives threads to those that waited, which would then look idle. */
static size_t see_all(struct http_guard *g, const int *fds, size_t count, struct http_seen *to)
{
    size_t seen = 0;
    for (size_t i = 0; i < count; i++)
        seen += see(g, fds[i], &to[seen]);
    return seen;
}

static size_t end_idle(const struct http_seen *seen, size_t count)
{
    size_t ended = 0;
    for (size_t i = 0; i < count; i++) {
        if (seen[i].idle_since_ms && clock_mono_ms() - seen[i].idle_since_ms > HTTP_GUARD_PATIENCE_MS)
            ended += shutdown(seen[i].copy, SHUT_RDWR) == 0;
        close(seen[i].copy);
    }
    return ended;
}

static void look(void *arg)
{
    struct http_guard *g = arg;
    size_t max = g->threads + WAITING_MAX, ended;
    AUTO_FREE int *fds = xcalloc(max, sizeof *fds);
    size_t count = http_socket_list(g->port, fds, max);
    bool is_crowded = count >= g->threads - g->threads / 8;
    struct http_seen *seen = is_crowded ? xcalloc(count, sizeof *seen) : NULL;
    count = is_crowded ? see_all(g, fds, count, seen) : 0;
    ended = end_idle(seen, count);
    if (ended)
        log_warn(rest, "%zu of %zu connections said nothing for %d s while there are %u threads: ended", ended, count,
                 HTTP_GUARD_PATIENCE_MS / 1000, g->threads);
    free(g->seen);
    g->seen = seen;
    g->seen_count = count;
}

void http_guard_init(struct http_guard *g)
{
    *g = (struct http_guard){.port = 0};
    lock_init(&g->lock, RANK_REST);
}

void http_guard_start(struct http_guard *g, int port, unsigned threads)
{
    g->port = port;
    g->threads = threads;
    g->ticker = ticker_new();
    ticker_add(g->ticker, "guard", LOOK_MS, look, g);
    ticker_start(g->ticker);
}

void http_guard_done(struct http_guard *g)
{
    ticker_free(g->ticker);
    free(g->seen);
    lock_done(&g->lock);
}

void http_guard_add(struct http_guard *g, struct http_guarded *c, const char *address, int port)
{
    *c = (struct http_guarded){.port = port};
    snprintf(c->address, sizeof c->address, "%s", address);
    LOCK_SCOPE(&g->lock);
    c->next = g->first;
    c->at = &g->first;
    if (c->next)
        c->next->at = &c->next;
    g->first = c;
}

void http_guard_remove(struct http_guard *g, struct http_guarded *c)
{
    LOCK_SCOPE(&g->lock);
    *c->at = c->next;
    if (c->next)
        c->next->at = c->at;
}
