/* SPDX-License-Identifier: Apache-2.0
 *
 * client: see the header.  The token is $ISTHMUS_TOKEN or the one that `format` left in the home.
 */
#include "cli/client.h"

#include "base/clock.h"
#include "base/conf.h"
#include "base/file_util.h"
#include "base/http_client.h"
#include "base/mem.h"
#include "base/text.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { CALL_MS = 660000, STREAM_MS = 6 * 3600000, STALL_MS = 120000, CONNECT_MS = 5000, ANSWER_BYTES = 64 << 20 };

struct client {
    struct http_client *http;
    char url[1024];
    char authorization[512];
    char index[32]; /* of the last change, "" before */
};

void client_free(struct client *c)
{
    if (!c)
        return;
    http_client_free(c->http);
    explicit_bzero(c->authorization, sizeof c->authorization);
    free(c);
}

/* ---- where and who ---- */

static int read_line(const char *path, char *to, size_t cap, struct err *err)
{
    AUTO(buf) text = {.max = 4096};
    TRY(file_read(path, 4096, &text, err));
    snprintf(to, cap, "%.*s", (int)strcspn(buf_str(&text), "\r\n"), buf_str(&text));
    return 0;
}

/* A daemon that listens on all addresses is reached over loopback. */
static const char *host_of(const char *bind)
{
    if (!strcmp(bind, "0.0.0.0"))
        return "127.0.0.1";
    return !strcmp(bind, "::") || !strcmp(bind, "[::]") ? "::1" : bind;
}

int client_url(struct cli *c, char to[1024], struct err *err)
{
    char path[4352];
    TRY(cli_conf(c, err));
    const char *given = conf_text(CONF_CLI_MASTER), *host = host_of(conf_text(CONF_WEB_BIND));
    bool is_bare = strchr(host, ':') && host[0] != '[';
    if (*given) {
        snprintf(to, 1024, "%s%s", strstr(given, "://") ? "" : "http://", given);
    } else if (conf_int(CONF_WEB_PORT) > 0) {
        snprintf(to, 1024, "%s://%s%s%s:%lld", conf_bool(CONF_WEB_TLS) ? "https" : "http", is_bare ? "[" : "", host,
                 is_bare ? "]" : "", (long long)conf_int(CONF_WEB_PORT));
    } else if (read_line(cli_path(c, "run/url", path), to, 1024, NULL) < 0) {
        return err_set(err, ERR_UNAVAILABLE, "Isthmus in %s is not running", c->home);
    }
    for (size_t n = strlen(to); n && to[n - 1] == '/'; n--)
        to[n - 1] = 0;
    return 0;
}

static void set_authorization(struct cli *c, struct client *client)
{
    char path[4352], token[400] = "";
    const char *env = getenv("ISTHMUS_TOKEN");
    if (env && *env)
        snprintf(token, sizeof token, "%s", env);
    else if (read_line(cli_path(c, "conf/cli.token", path), token, sizeof token, NULL) < 0)
        token[0] = 0;
    if (token[0])
        snprintf(client->authorization, sizeof client->authorization, "Bearer %s", token);
    explicit_bzero(token, sizeof token);
}

/* A token does not cross a network in clear; the daemon does not listen so either. */
static bool is_protected(const char *url)
{
    const char *host = strstr(url, "://");
    host = host ? host + 3 : url;
    size_t len = host[0] == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":/");
    AUTO_FREE char *name = xstrndup(host, len);
    struct in_addr v4;
    return text_starts(url, "https://") || !strcmp(name, "localhost") || !strcmp(name, "[::1]") ||
           (inet_pton(AF_INET, name, &v4) == 1 && ntohl(v4.s_addr) >> 24 == 127);
}

static int open_client(struct cli *c, struct client **ret, struct err *err)
{
    char url[1024];
    if (c->client) {
        *ret = c->client;
        return 0;
    }
    TRY(client_url(c, url, err));
    if (!is_protected(url))
        return err_set(err, ERR_CONFIG, "%.150s is not on this machine: its address must begin with https://", url);
    const char *own = conf_text(CONF_WEB_TLS_CERT), *ca = conf_text(CONF_CA_FILE);
    struct http_client_options o = {.ca_file = *ca ? ca : access(own, R_OK) == 0 ? own : NULL, .verify_peer = true,
                                    .connect_timeout_ms = CONNECT_MS, .connections_max = 1};
    struct client *client = xnew(struct client);
    snprintf(client->url, sizeof client->url, "%s", url);
    client->http = http_client_new(&o);
    set_authorization(c, client);
    *ret = c->client = client;
    return 0;
}

/* ---- one exchange ---- */

static void on_header(void *arg, const char *name, const char *value)
{
    struct client *c = arg;
    if (!strcmp(name, "x-isthmus-index"))
        snprintf(c->index, sizeof c->index, "%s", value);
}

static int not_reached(const struct cli *c, const struct err *why, struct err *err)
{
    if (why->code == ERR_STORE_UNREACHABLE || why->code == ERR_STORE_DNS)
        return err_set(err, ERR_UNAVAILABLE, "Isthmus does not answer at %s (`isthmus --home %.80s start` starts it)", c->client->url, c->home);
    return err_set(err, why->code, "%s", why->text);
}

/* The daemon's words for its refusal. */
static int refused(struct cli *c, const struct http_exchange *x, struct err *err)
{
    struct json *j = json_parse(x->body_out.data ? x->body_out.data : "", x->body_out.len, NULL);
    enum err_code code = err_from_name(json_text(json_get(j, "code"), ""));
    const char *message = json_text(json_get(j, "message"), NULL);
    int rc;
    if (code == ERR_UNAUTHENTICATED && !c->client->authorization[0])
        rc = err_set(err, code, "No token: set ISTHMUS_TOKEN, or run as the user who owns %.120s/conf/cli.token", c->home);
    else if (message)
        rc = err_set(err, code ? code : ERR_INTERNAL, "%s", message);
    else
        rc = err_set(err, code ? code : ERR_INTERNAL, "%s answered %ld without a reason", c->client->url, x->status);
    json_free(j);
    return rc;
}

struct exchange {
    const char *method, *target, *content_type, *range;
    struct source *body;
    struct sink *sink;
    struct buf *answer; /* used without a sink */
    int64_t wait_ms;
};

static void put_header(struct http_exchange *x, struct http_header *headers, const char *name, const char *value)
{
    if (value && *value)
        headers[x->header_count++] = (struct http_header){name, value};
}

static int exchange(struct cli *c, const struct exchange *e, struct err *err)
{
    struct client *client;
    struct http_header headers[6];
    struct err why;
    TRY(open_client(c, &client, err));
    AUTO_FREE char *url = xasprintf("%s/api/v1%s", client->url, e->target);
    struct http_exchange x = {.method = e->method, .url = url, .headers = headers, .body = e->body, .sink = e->sink,
                              .deadline_ms = clock_mono_ms() + e->wait_ms, .stall_ms = e->sink || e->range ? STALL_MS : 0,
                              .on_header = on_header, .arg = client};
    put_header(&x, headers, "Authorization", client->authorization);
    put_header(&x, headers, "Content-Type", e->content_type);
    put_header(&x, headers, "Range", e->range);
    put_header(&x, headers, "X-Isthmus-Index", client->index);
    buf_init(&x.body_out, ANSWER_BYTES);
    int rc = http_client_do(client->http, &x, &why);
    if (rc < 0)
        rc = not_reached(c, &why, err);
    else if (x.status < 200 || x.status > 299)
        rc = refused(c, &x, err);
    else if (e->answer)
        buf_add(e->answer, x.body_out.data, x.body_out.len);
    buf_done(&x.body_out);
    return rc;
}

/* ---- calls ---- */

int client_call(struct cli *c, const char *method, const char *target, const char *body, struct json **ret, struct err *err)
{
    AUTO(buf) answer = {.max = ANSWER_BYTES};
    struct source_mem from;
    source_mem_init(&from, body ? body : "", body ? strlen(body) : 0);
    struct exchange e = {.method = method, .target = target, .content_type = body ? "application/json" : NULL,
                         .body = body ? &from.source : NULL, .answer = &answer, .wait_ms = CALL_MS};
    TRY(exchange(c, &e, err));
    if (!ret)
        return 0;
    *ret = json_parse(answer.data ? answer.data : "", answer.len, err);
    return *ret ? 0 : err_set(err, ERR_INTERNAL, "the answer to %s %.100s is not JSON", method, target);
}

int client_get(struct cli *c, const char *target, struct json **ret, struct err *err)
{
    return client_call(c, "GET", target, NULL, ret, err);
}

static void files_target(struct buf *to, const char *path, const char *suffix)
{
    buf_adds(to, "/files");
    text_percent(to, path, strlen(path), "/");
    buf_adds(to, suffix);
}

int client_files(struct cli *c, const char *method, const char *path, const char *suffix, const char *body,
                 struct json **ret, struct err *err)
{
    AUTO(buf) target = {.max = 1 << 16};
    files_target(&target, path, suffix);
    TRY(buf_check(&target, "the path", err));
    return client_call(c, method, target.data, body, ret, err);
}

int client_read(struct cli *c, const char *path, const char *query, const char *range, struct sink *sink, struct err *err)
{
    AUTO(buf) target = {.max = 1 << 16};
    files_target(&target, path, "?content");
    buf_adds(&target, query);
    TRY(buf_check(&target, "the path", err));
    struct exchange e = {.method = "GET", .target = target.data, .range = range, .sink = sink, .wait_ms = STREAM_MS};
    return exchange(c, &e, err);
}

int client_write(struct cli *c, const char *path, const char *query, struct source *from, struct err *err)
{
    AUTO(buf) target = {.max = 1 << 16};
    files_target(&target, path, "?content");
    buf_adds(&target, query);
    TRY(buf_check(&target, "the path", err));
    struct exchange e = {.method = "PUT", .target = target.data, .content_type = "application/octet-stream", .body = from,
                         .wait_ms = STREAM_MS};
    return exchange(c, &e, err);
}

int client_stream(struct cli *c, const char *target, const char *body, struct sink *sink, struct err *err)
{
    struct source_mem from;
    source_mem_init(&from, body, strlen(body));
    struct exchange e = {.method = "POST", .target = target, .content_type = "application/json", .body = &from.source,
                         .sink = sink, .wait_ms = STREAM_MS};
    return exchange(c, &e, err);
}

int client_text(struct cli *c, const char *target, struct buf *to, struct err *err)
{
    struct exchange e = {.method = "GET", .target = target, .answer = to, .wait_ms = CALL_MS};
    return exchange(c, &e, err);
}

bool client_is_healthy(struct cli *c, int64_t wait_ms)
{
    struct exchange e = {.method = "GET", .target = "/health", .wait_ms = wait_ms};
    return exchange(c, &e, NULL) == 0;
}
