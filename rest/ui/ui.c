/* SPDX-License-Identifier: Apache-2.0
 *
 * ui: see the header.  Files come from a generated table (webui/), compressed at build where that pays; one page serves
 * every address below /ui/.  Hashed names never change; the page itself is never stored.  Threads: any.
 */
#include "rest/ui/ui.h"

#include "base/text.h"
#include "rest/http/http.h"
#include "rest/ui/ui_files.h"

#include <stdio.h>
#include <string.h>

static const struct ui_file *find(const char *path)
{
    for (size_t i = 0; i < ui_file_count; i++)
        if (!strcmp(ui_files[i].path, path))
            return &ui_files[i];
    return NULL;
}

static void security_headers(struct http_request *http)
{
    http_add_header(http, "Content-Security-Policy",
                    "default-src 'self'; img-src 'self' blob: data:; style-src 'self'; object-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'");
    http_add_header(http, "Referrer-Policy", "same-origin");
    http_add_header(http, "X-Frame-Options", "DENY");
    if (http_is_tls(http))
        http_add_header(http, "Strict-Transport-Security", "max-age=31536000");
}

static void send_file(struct http_request *http, const struct ui_file *f)
{
    const char *accept = http_header(http, "Accept-Encoding"), *known = http_header(http, "If-None-Match");
    bool gzip = f->gzip_len && accept && strstr(accept, "gzip");
    security_headers(http);
    http_add_header(http, "ETag", f->etag);
    http_add_header(http, "Cache-Control", f->is_hashed ? "public, max-age=31536000, immutable" : "no-cache");
    http_add_header(http, "Vary", "Accept-Encoding");
    if (known && strstr(known, f->etag)) {
        http_reply(http, 304, NULL, NULL, 0);
        return;
    }
    if (gzip)
        http_add_header(http, "Content-Encoding", "gzip");
    http_reply(http, 200, f->type, gzip ? f->gzip : f->data, gzip ? f->gzip_len : f->len);
}

static void refuse(struct http_request *http, int status, const char *text)
{
    security_headers(http);
    http_reply(http, status, "text/plain; charset=utf-8", text, strlen(text));
}

void ui_handle(struct http_request *http)
{
    const char *path = http_path(http), *method = http_method(http);
    if (strcmp(method, "GET") && strcmp(method, "HEAD")) {
        refuse(http, 405, "only GET and HEAD are possible here\n");
        return;
    }
    if (!strcmp(path, "/") || !strcmp(path, "/ui")) {
        http_add_header(http, "Location", "/ui/");
        refuse(http, 302, "");
        return;
    }
    if (!text_starts(path, "/ui/")) {
        refuse(http, 404, "nothing is here; the pages are below /ui/, the API is below /api/v1/\n");
        return;
    }
    const struct ui_file *f = find(path + 4);
    if (!f && !text_starts(path, "/ui/assets/"))
        f = find("index.html");
    if (f)
        send_file(http, f);
    else
        refuse(http, 404, "no such file\n");
}
