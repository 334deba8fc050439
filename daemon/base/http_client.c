/* SPDX-License-Identifier: Apache-2.0
 *
 * http_client: one exchange at a time on a handle from the client's pool.  A handle is a multi of
 * libcurl with one easy: the multi keeps the connections, and driving it here instead of in
 * curl_easy_perform lets deadline and stall be exact and hold while the sink is slow.
 * Retries, signatures and the meaning of a status are the callers'.
 * Threads: any; each waits for a handle until its deadline.
 */
#include "base/http_client.h"

#include "base/clock.h"
#include "base/lock.h"
#include "base/mem.h"
#include "base/text.h"

#include <assert.h>
#include <ctype.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <strings.h>

#include <curl/curl.h>

enum { OTHER_BODY_BYTES = 1 << 20, EXPECT_BYTES = 1 << 20, SOCKET_BYTES = 512 << 10, HANDLES_DEFAULT = 8 };
enum { LUMP_BYTES = SOCKET_BYTES, LUMP_MS = 20 };

struct handle {
    struct handle *next;
    CURLM *multi;
    CURL *easy;
    int fd;         /* of its connection, or -1; curl closes it */
    bool has_lumps; /* the connection's bytes are told when LUMP_BYTES are there */
};

struct http_client {
    /* fixed after init */
    char *ca_file, *unix_socket;
    bool verify_peer;
    int64_t connect_timeout_ms;
    unsigned max;
    bool is_same_host; /* atomic */
    struct lock lock;
    struct cond freed;
    /* under lock */
    struct handle *idle; /* the last one used first: its connection is the most likely to be alive */
    unsigned count;
};

/* One run of http_client_do. */
struct run {
    struct http_exchange *x;
    struct err *err;
    struct handle *handle;
    int rc; /* of the sink, the source or a deadline; wins over what curl says then */
    CURL *easy;
    bool has_head;  /* the last header of the answer came */
    bool has_pulled;
    bool is_slow; /* a lump did not come in time */
    int64_t sent;
    int64_t moved, moved_ms; /* bytes moved so far, and when that last changed */
    uint64_t head_bytes;
    char why[CURL_ERROR_SIZE];
};

static void global_start(void)
{
    signal(SIGPIPE, SIG_IGN); /* TLS writes to a closed socket would end the process */
    CURLcode rc = curl_global_init(CURL_GLOBAL_DEFAULT);
    assert(rc == CURLE_OK);
}

struct http_client *http_client_new(const struct http_client_options *o)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, global_start);
    struct http_client *c = xnew(struct http_client);
    c->ca_file = o->ca_file && *o->ca_file ? xstrdup(o->ca_file) : NULL;
    c->unix_socket = o->unix_socket && *o->unix_socket ? xstrdup(o->unix_socket) : NULL;
    c->verify_peer = o->verify_peer;
    c->connect_timeout_ms = o->connect_timeout_ms;
    c->max = o->connections_max ? o->connections_max : HANDLES_DEFAULT;
    lock_init(&c->lock, RANK_UFS);
    cond_init(&c->freed);
    return c;
}

static void handle_free(struct handle *h)
{
    curl_easy_cleanup(h->easy);
    curl_multi_cleanup(h->multi);
    free(h);
}

void http_client_free(struct http_client *c)
{
    if (!c)
        return;
    for (struct handle *h; (h = c->idle);) {
        c->idle = h->next;
        c->count--;
        handle_free(h);
    }
    assert(c->count == 0);
    cond_done(&c->freed);
    lock_done(&c->lock);
    free(c->ca_file);
    free(c->unix_socket);
    free(c);
}

static struct handle *handle_new(void)
{
    struct handle *h = xnew(struct handle);
    h->multi = curl_multi_init();
    h->easy = curl_easy_init();
    h->fd = -1;
    assert(h->multi && h->easy);
    return h;
}

static int handle_take(struct http_client *c, int64_t deadline_ms, struct handle **ret, struct err *err)
{
    LOCK_SCOPE(&c->lock);
    while (!c->idle && c->count >= c->max) {
        if (clock_is_past(deadline_ms))
            return err_set(err, ERR_TIMEOUT, "all %u connections are busy", c->max);
        cond_wait(&c->freed, &c->lock, deadline_ms);
    }
    *ret = c->idle;
    if (c->idle)
        c->idle = c->idle->next;
    else
        c->count++;
    return 0;
}

static void handle_give(struct http_client *c, struct handle *h)
{
    LOCK_SCOPE(&c->lock);
    h->next = c->idle;
    c->idle = h;
    cond_wake_one(&c->freed);
}

/* ---- callbacks ---- */

static bool is_success(const struct http_exchange *x)
{
    return x->status >= 200 && x->status < 300;
}

static int fail(struct run *r, int rc)
{
    r->rc = rc;
    return rc;
}

static void shown_url(const char *url, char to[100]);

static int check_deadline(struct run *r)
{
    char where[100];
    if (!clock_is_past(r->x->deadline_ms))
        return 0;
    shown_url(r->x->url, where);
    return fail(r, err_set(r->err, ERR_TIMEOUT, "%s %s: no %s in time, %llu bytes came", r->x->method, where,
                           r->x->received ? "whole answer" : "answer", (unsigned long long)r->x->received));
}

/* Other answers are for a message: what does not fit is dropped. */
static void keep_other(struct http_exchange *x, const char *data, size_t len)
{
    size_t max = x->body_out.max < OTHER_BODY_BYTES ? x->body_out.max : OTHER_BODY_BYTES;
    size_t room = x->body_out.len < max ? max - x->body_out.len : 0;
    buf_add(&x->body_out, data, len < room ? len : room);
}

static int take_body(struct run *r, const char *data, size_t len)
{
    struct http_exchange *x = r->x;
    if (!is_success(x)) {
        keep_other(x, data, len);
        return 0;
    }
    if (!x->sink) {
        buf_add(&x->body_out, data, len);
        return buf_check(&x->body_out, "the answer", r->err);
    }
    struct slice s = {.mem = data, .fd = -1, .len = len};
    return x->sink->push(x->sink, &s, r->err);
}

static void set_lumps(struct handle *h, bool is_on)
{
    int bytes = is_on ? LUMP_BYTES : 1;
    if (is_on != h->has_lumps && h->fd >= 0 && setsockopt(h->fd, SOL_SOCKET, SO_RCVLOWAT, &bytes, sizeof bytes) == 0)
        h->has_lumps = is_on;
}

/* A long body is told in lumps: fewer turns of the processor between who sends and who receives.  The last two come as
 * they come, so that none is waited for that is not on its way. */
static void choose_lumps(struct run *r)
{
    int64_t left = r->x->content_length - (int64_t)r->x->received;
    set_lumps(r->handle, !r->is_slow && left > (int64_t)2 * LUMP_BYTES);
}

static size_t on_body(char *data, size_t size, size_t n, void *arg)
{
    struct run *r = arg;
    size_t len = size * n;
    if (check_deadline(r) < 0)
        return CURL_WRITEFUNC_ERROR;
    int rc = len ? take_body(r, data, len) : 0;
    if (rc < 0) {
        fail(r, rc);
        return CURL_WRITEFUNC_ERROR;
    }
    r->x->received += len;
    choose_lumps(r);
    return len;
}

static int pull(struct run *r, char *to, size_t cap, size_t *ret)
{
    struct source *body = r->x->body;
    *ret = 0;
    if (body->length >= 0 && (uint64_t)cap > (uint64_t)(body->length - r->sent))
        cap = (size_t)(body->length - r->sent);
    if (!cap)
        return 0;
    TRY(check_deadline(r));
    TRY(body->pull(body, to, cap, ret, r->err));
    r->has_pulled = true;
    r->sent += (int64_t)*ret;
    if (!*ret && body->length >= 0)
        return err_set(r->err, ERR_INTERNAL, "the body ended after %lld of %lld bytes", (long long)r->sent,
                       (long long)body->length);
    return 0;
}

static size_t on_pull(char *to, size_t size, size_t n, void *arg)
{
    struct run *r = arg;
    size_t got;
    int rc = r->x->body ? pull(r, to, size * n, &got) : 0;
    if (!r->x->body)
        return 0;
    if (rc < 0) {
        fail(r, rc);
        return CURL_READFUNC_ABORT;
    }
    return got;
}

/* curl rewinds to send again on a fresh connection when a kept one turns out to be closed. */
static int on_seek(void *arg, curl_off_t offset, int origin)
{
    const struct run *r = arg;
    return offset == 0 && origin == SEEK_SET && !r->has_pulled ? CURL_SEEKFUNC_OK : CURL_SEEKFUNC_FAIL;
}

static void take_status(struct run *r, const char *line, size_t len)
{
    const char *space = memchr(line, ' ', len);
    r->x->status = 0;
    for (const char *p = space ? space + 1 : line + len; p < line + len && isdigit((unsigned char)*p); p++)
        r->x->status = r->x->status * 10 + (*p - '0');
    r->x->content_length = -1;
    r->has_head = false;
}

static void take_header(struct run *r, const char *line, size_t len)
{
    const char *colon = memchr(line, ':', len);
    uint64_t length;
    if (!colon || colon == line)
        return;
    const char *from = colon + 1, *to = line + len;
    while (from < to && isspace((unsigned char)*from))
        from++;
    while (to > from && isspace((unsigned char)to[-1]))
        to--;
    AUTO_FREE char *name = xstrndup(line, (size_t)(colon - line));
    AUTO_FREE char *value = xstrndup(from, (size_t)(to - from));
    for (char *p = name; *p; p++)
        *p = (char)tolower((unsigned char)*p);
    if (!strcmp(name, "content-length") && text_parse_u64(value, &length, NULL) == 0 && length <= INT64_MAX)
        r->x->content_length = (int64_t)length;
    if (r->x->on_header)
        r->x->on_header(r->x->arg, name, value);
}

/* A server with Nagle's algorithm on (Ceph's gateway) holds the body back until the head is acknowledged: 40 ms a request. */
static void acknowledge(const struct run *r)
{
    int on = 1;
    if (r->handle->fd >= 0)
        setsockopt(r->handle->fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof(on));
}

static int on_socket(void *arg, curl_socket_t fd, curlsocktype purpose)
{
    struct handle *h = arg;
    (void)purpose;
    h->fd = fd;
    h->has_lumps = false;
    return CURL_SOCKOPT_OK;
}

/* Interim answers (1xx) and trailers are not told. */
static size_t on_header(char *line, size_t size, size_t n, void *arg)
{
    struct run *r = arg;
    size_t len = size * n;
    r->head_bytes += len;
    if (len > 5 && !strncasecmp(line, "HTTP/", 5))
        take_status(r, line, len);
    else if (len <= 2 && r->x->status >= 200) {
        r->has_head = true;
        acknowledge(r);
    } else if (r->x->status >= 200 && !r->has_head && !isspace((unsigned char)*line))
        take_header(r, line, len);
    return len;
}

/* ---- one exchange ---- */

static bool is_named(const struct http_exchange *x, const char *name)
{
    for (size_t i = 0; i < x->header_count; i++)
        if (!strcasecmp(x->headers[i].name, name))
            return true;
    return false;
}

static void list_add(struct curl_slist **list, const char *line)
{
    struct curl_slist *longer = curl_slist_append(*list, line);
    assert(longer);
    *list = longer;
}

static int make_headers(const struct http_exchange *x, struct curl_slist **ret, struct err *err)
{
    for (size_t i = 0; i < x->header_count; i++) {
        const struct http_header *h = &x->headers[i];
        if (!*h->name || strpbrk(h->name, "\r\n:; ") || strpbrk(h->value, "\r\n"))
            return err_set(err, ERR_INVALID_ARGUMENT, "header '%.40s' holds a character that is not allowed", h->name);
        /* an empty value is spelled with a semicolon: with a colon curl takes the header out */
        AUTO_FREE char *line = *h->value ? xasprintf("%s: %s", h->name, h->value) : xasprintf("%s;", h->name);
        list_add(ret, line);
    }
    bool is_small = !x->body || (x->body->length >= 0 && x->body->length <= EXPECT_BYTES);
    if (is_small && !is_named(x, "Expect"))
        list_add(ret, "Expect:");
    return 0;
}

static void set_fixed(CURL *e, const struct http_client *c)
{
    curl_easy_reset(e); /* keeps connections and resumable TLS sessions */
    curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(e, CURLOPT_QUICK_EXIT, 1L); /* a resolver that hangs must not outlive the deadline */
    curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(e, CURLOPT_PROXY, "");
    curl_easy_setopt(e, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(e, CURLOPT_BUFFERSIZE, (long)SOCKET_BYTES);
    curl_easy_setopt(e, CURLOPT_UPLOAD_BUFFERSIZE, (long)SOCKET_BYTES);
    curl_easy_setopt(e, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(e, CURLOPT_USERAGENT, "isthmus/" ISTHMUS_VERSION);
    curl_easy_setopt(e, CURLOPT_SSL_VERIFYPEER, (long)c->verify_peer);
    curl_easy_setopt(e, CURLOPT_SSL_VERIFYHOST, c->verify_peer ? 2L : 0L);
    if (c->connect_timeout_ms > 0)
        curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, (long)c->connect_timeout_ms);
    if (c->ca_file)
        curl_easy_setopt(e, CURLOPT_CAINFO, c->ca_file);
    if (c->unix_socket)
        curl_easy_setopt(e, CURLOPT_UNIX_SOCKET_PATH, c->unix_socket);
}

static bool wants_length(const char *method)
{
    return !strcmp(method, "PUT") || !strcmp(method, "POST") || !strcmp(method, "PATCH");
}

static void set_method(CURL *e, const struct http_exchange *x)
{
    if (!strcmp(x->method, "HEAD"))
        curl_easy_setopt(e, CURLOPT_NOBODY, 1L);
    else if (x->body || wants_length(x->method))
        curl_easy_setopt(e, CURLOPT_UPLOAD, 1L);
    else
        curl_easy_setopt(e, CURLOPT_HTTPGET, 1L);
    curl_easy_setopt(e, CURLOPT_INFILESIZE_LARGE, (curl_off_t)(x->body ? x->body->length : 0));
    curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, x->method);
}

static void set_exchange(struct run *r, struct curl_slist *headers)
{
    CURL *e = r->easy;
    curl_easy_setopt(e, CURLOPT_URL, r->x->url);
    curl_easy_setopt(e, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(e, CURLOPT_ERRORBUFFER, r->why);
    curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(e, CURLOPT_WRITEDATA, r);
    curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(e, CURLOPT_HEADERDATA, r);
    curl_easy_setopt(e, CURLOPT_READFUNCTION, on_pull);
    curl_easy_setopt(e, CURLOPT_READDATA, r);
    curl_easy_setopt(e, CURLOPT_SEEKFUNCTION, on_seek);
    curl_easy_setopt(e, CURLOPT_SEEKDATA, r);
    set_method(e, r->x);
}

static int64_t bytes_moved(const struct run *r)
{
    curl_off_t up = 0, down = 0;
    curl_easy_getinfo(r->easy, CURLINFO_SIZE_UPLOAD_T, &up);
    curl_easy_getinfo(r->easy, CURLINFO_SIZE_DOWNLOAD_T, &down);
    return (int64_t)(up + down) + (int64_t)r->head_bytes;
}

/* How long to wait at most for the socket; negative when it has lasted too long. */
static int64_t time_left(struct run *r)
{
    TRY(check_deadline(r));
    int64_t left = clock_left_ms(r->x->deadline_ms);
    if (r->x->stall_ms <= 0)
        return left;
    int64_t moved = bytes_moved(r), now = clock_mono_ms();
    if (moved != r->moved) {
        r->moved = moved;
        r->moved_ms = now;
    }
    int64_t calm = r->moved_ms + r->x->stall_ms - now;
    if (calm <= 0)
        return fail(r, err_set(r->err, ERR_TIMEOUT, "no byte came or went for %lld ms", (long long)r->x->stall_ms));
    return left < calm ? left : calm;
}

/* A lump that takes long is taken in pieces: who waits for its first bytes, and the stall, are not to wait for the others. */
static void wait_for_socket(struct run *r, int64_t left_ms)
{
    struct handle *h = r->handle;
    int ready = 0, most = h->has_lumps && left_ms > LUMP_MS ? LUMP_MS : (int)left_ms;
    curl_multi_poll(h->multi, NULL, 0, most ? most : 1, &ready);
    if (h->has_lumps && !ready) {
        r->is_slow = true;
        set_lumps(h, false);
    }
}

/* The result of the transfer; CURLE_ABORTED_BY_CALLBACK after our own timeout. */
static CURLcode drive(struct run *r, struct handle *h)
{
    int running = 1, queued;
    r->moved_ms = clock_mono_ms();
    while (curl_multi_perform(h->multi, &running) == CURLM_OK && running) {
        int64_t left = time_left(r);
        if (left < 0)
            return CURLE_ABORTED_BY_CALLBACK;
        wait_for_socket(r, left);
    }
    CURLMsg *m = curl_multi_info_read(h->multi, &queued);
    return m && m->msg == CURLMSG_DONE ? m->data.result : CURLE_FAILED_INIT;
}

static enum err_code code_of(const struct run *r, CURLcode rc)
{
    switch (rc) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
        return ERR_STORE_DNS;
    case CURLE_COULDNT_CONNECT:
    case CURLE_OPERATION_TIMEDOUT: /* only the connection has a timer of curl's */
        return ERR_STORE_UNREACHABLE;
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_SEND_FAIL_REWIND:
    case CURLE_RECV_ERROR:
        return r->head_bytes ? ERR_STORE_ERROR : ERR_STORE_UNREACHABLE;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS:
    case CURLE_SSL_SHUTDOWN_FAILED:
        return ERR_STORE_TLS;
    case CURLE_UNSUPPORTED_PROTOCOL: /* also an answer that is not HTTP */
        return text_starts(r->x->url, "http") ? ERR_STORE_ERROR : ERR_INVALID_ARGUMENT;
    case CURLE_URL_MALFORMAT:
        return ERR_INVALID_ARGUMENT;
    default:
        return ERR_STORE_ERROR;
    }
}

/* The address without user, password and query: those may be secrets. */
static void shown_url(const char *url, char to[100])
{
    const char *host = strstr(url, "://");
    host = host ? host + 3 : url;
    const char *at = memchr(host, '@', strcspn(host, "/?#"));
    host = at ? at + 1 : host;
    size_t n = strcspn(host, "?#");
    n = n < 99 ? n : 99;
    memcpy(to, host, n);
    to[n] = 0;
}

static int explain(struct run *r, CURLcode rc)
{
    char where[100];
    if (r->rc < 0)
        return r->rc;
    if (rc == CURLE_OK)
        return 0;
    shown_url(r->x->url, where);
    return err_set(r->err, code_of(r, rc), "%s %s: %s", r->x->method, where, r->why[0] ? r->why : curl_easy_strerror(rc));
}

/* An exchange without a connection has no addresses: it tells nothing. */
static void learn_place(struct http_client *c, CURL *easy)
{
    const char *theirs = NULL, *ours = NULL;
    curl_easy_getinfo(easy, CURLINFO_PRIMARY_IP, &theirs);
    curl_easy_getinfo(easy, CURLINFO_LOCAL_IP, &ours);
    if (theirs && *theirs && ours && *ours)
        __atomic_store_n(&c->is_same_host, !strcmp(theirs, ours), __ATOMIC_RELAXED);
}

bool http_client_is_same_host(const struct http_client *c)
{
    return __atomic_load_n(&c->is_same_host, __ATOMIC_RELAXED);
}

static int exchange(struct http_client *c, struct handle *h, struct run *r)
{
    struct curl_slist *headers = NULL;
    int rc = make_headers(r->x, &headers, r->err);
    if (rc == 0) {
        r->easy = h->easy;
        r->handle = h;
        set_fixed(h->easy, c);
        curl_easy_setopt(h->easy, CURLOPT_SOCKOPTFUNCTION, on_socket);
        curl_easy_setopt(h->easy, CURLOPT_SOCKOPTDATA, h);
        set_exchange(r, headers);
        CURLMcode added = curl_multi_add_handle(h->multi, h->easy);
        assert(added == CURLM_OK);
        CURLcode result = drive(r, h);
        learn_place(c, h->easy);
        curl_multi_remove_handle(h->multi, h->easy); /* closes the socket of an exchange that is not over */
        rc = explain(r, result);
    }
    curl_slist_free_all(headers);
    return rc;
}

int http_client_do(struct http_client *c, struct http_exchange *x, struct err *err)
{
    struct run r = {.x = x, .err = err};
    struct handle *h = NULL;
    x->status = 0;
    x->content_length = -1;
    x->received = 0;
    TRY(handle_take(c, x->deadline_ms, &h, err));
    if (!h)
        h = handle_new();
    int rc = exchange(c, h, &r);
    handle_give(c, h);
    return rc;
}
