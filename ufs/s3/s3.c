/* SPDX-License-Identifier: Apache-2.0
 *
 * s3: the driver's table, its options, and what they make of an address.  Path style is the default
 * because private stores rarely have a name for each bucket; Amazon's own endpoint gets virtual
 * hosts unless told otherwise.  Reaches nothing.  Threads: any.
 */
#include "ufs/s3/s3.h"

#include "base/mem.h"
#include "base/text.h"
#include "ufs/registry.h"
#include "ufs/s3/s3_calls.h"

#include <stdio.h>
#include <string.h>

#define P "isthmus.underfs.s3."

static const struct ufs_option options[] = {
    {.name = "s3a.accessKeyId", .type = "text", .help = "Access key. Without one, requests are anonymous."},
    {.name = "s3a.secretKey", .type = "secret", .help = "Secret of the access key."},
    {.name = "s3a.sessionToken", .type = "secret", .help = "Token of temporary credentials."},
    {.name = P "endpoint", .type = "text",
     .help = "Address of the server, such as https://s3.example.org:9000. Empty: Amazon."},
    {.name = P "region", .type = "text", .help = "Region in which requests are signed; us-east-1 when empty."},
    {.name = P "endpoint.region", .type = "text", .help = "The same as region."},
    {.name = P "disable.dns.buckets", .type = "bool",
     .help = "true: the bucket stands in the path (usual for private stores); false: in the host's name."},
    {.name = P "secure.http.enabled", .type = "bool", .value = "true",
     .help = "Use HTTPS when the endpoint names no protocol."},
    {.name = P "ca.file", .type = "file", .help = "PEM file of the authorities that certify the server."},
    {.name = P "default.mode", .type = "text", .value = "0700", .help = "Mode of files and folders, in octal."},
    {.name = P "list.objects.v1", .type = "bool", .value = "false", .help = "List by version 1 of the protocol."},
    {.name = P "bulk.delete.enabled", .type = "bool", .value = "true", .help = "Remove up to 1000 objects by one request."},
    {.name = P "server.side.encryption.enabled", .type = "bool", .value = "false", .help = "Let the server encrypt objects (AES256)."},
    {.name = P "conditional.create", .type = "choice", .value = "auto", .choices = "auto|true|false",
     .help = "Create files with If-None-Match. auto: until the server refuses it."},
    {.name = P "streaming.upload.partition.size", .type = "size", .value = "16MB",
     .help = "Bytes of a part of an upload; one is held in memory for each write."},
    {.name = P "upload.parts.max", .type = "int", .value = "1000", .help = "Parts of one upload that the server takes."},
    {.name = P "copy.part.size", .type = "size", .value = "5GB", .help = "Larger objects are copied in parts of this size."},
    {.name = P "connect.timeout", .type = "duration", .value = "5s", .help = "Time for a connection."},
    {.name = P "socket.timeout", .type = "duration", .value = "50s", .help = "Time without a byte after which a request fails."},
    {.name = P "connections.max", .type = "int", .value = "64", .help = "Connections to the server at the same time."},
    {.name = NULL},
};

static void s3_close(struct ufs *u)
{
    struct s3_store *s = (struct s3_store *)u;

    http_client_free(s->client);
    if (s->secret_key)
        explicit_bzero(s->secret_key, strlen(s->secret_key));
    char *texts[] = {s->base, s->host, s->bucket, s->prefix, s->region, s->access_key,
                     s->secret_key, s->token, s->endpoint};
    for (size_t i = 0; i < array_len(texts); i++)
        free(texts[i]);
    free(s);
}

static int bad(struct err *err, const char *field, const char *why)
{
    int rc = err_set(err, ERR_INVALID_ARGUMENT, "option %s: %s", field, why);
    return err ? err_field(err, field) : rc;
}

static char *copy_text(const struct ufs_properties *props, const char *name)
{
    const char *text = registry_text(options, props, name);
    return text ? xstrdup(text) : NULL;
}

static int parse_address(struct s3_store *s, const char *uri, struct err *err)
{
    const char *p = strstr(uri, "://") + 3;
    size_t n = strcspn(p, "/");

    if (n < 3 || n > 63 || strspn(p, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_") < n)
        return err_set(err, ERR_INVALID_ARGUMENT,
                       "'%.80s' names no bucket: letters, digits, '.', '-' and '_', 3 to 63 of them", uri);
    s->bucket = xstrndup(p, n);
    p += n + strspn(p + n, "/");
    size_t len = strlen(p);
    while (len && p[len - 1] == '/')
        len--;
    s->prefix = len ? xasprintf("%.*s/", (int)len, p) : xstrdup("");
    return 0;
}

/* "https://host:port" → is_tls and "host:port" without a port that goes without saying. */
static int parse_endpoint(struct s3_store *s, const struct ufs_properties *props, char **ret_host,
                          struct err *err)
{
    const char *e = s->endpoint, *p = strstr(e, "://");

    s->is_tls = p ? strncasecmp(e, "https://", 8) == 0
                  : registry_bool(options, props, P "secure.http.enabled");
    if (p && !s->is_tls && strncasecmp(e, "http://", 7) != 0)
        return bad(err, P "endpoint", "it begins with http:// or https://");
    p = p ? p + 3 : e;
    size_t n = strlen(p);
    while (n && p[n - 1] == '/')
        n--;
    if (n == 0 || strcspn(p, "/?#@ ") < n)
        return bad(err, P "endpoint", "a host and a port are allowed, no path");
    const char *standard = s->is_tls ? ":443" : ":80";
    if (n > strlen(standard) && strncmp(p + n - strlen(standard), standard, strlen(standard)) == 0)
        n -= strlen(standard);
    *ret_host = xstrndup(p, n);
    return 0;
}

static int set_hosts(struct s3_store *s, const struct ufs_properties *props, struct err *err)
{
    AUTO_FREE char *host = NULL;
    const char *style = registry_text(options, props, P "disable.dns.buckets");

    s->is_virtual = style ? strcmp(style, "false") == 0 : !s->endpoint && !strchr(s->bucket, '.');
    if (!s->endpoint)
        s->endpoint = xasprintf("https://s3.%s.amazonaws.com", s->region);
    TRY(parse_endpoint(s, props, &host, err));
    s->host = s->is_virtual ? xasprintf("%s.%s", s->bucket, host) : xstrdup(host);
    s->base = xasprintf("%s://%s", s->is_tls ? "https" : "http", s->host);
    return 0;
}

static int set_credentials(struct s3_store *s, const struct ufs_properties *props, struct err *err)
{
    s->access_key = copy_text(props, "s3a.accessKeyId");
    s->secret_key = copy_text(props, "s3a.secretKey");
    s->token = copy_text(props, "s3a.sessionToken");
    if (!s->access_key && s->secret_key)
        return bad(err, "s3a.accessKeyId", "it is missing, a secret is given");
    if (s->access_key && !s->secret_key)
        return bad(err, "s3a.secretKey", "it is missing, an access key is given");
    s->region = copy_text(props, P "region");
    if (!s->region)
        s->region = copy_text(props, P "endpoint.region");
    if (!s->region)
        s->region = xstrdup("us-east-1");
    return 0;
}

static int set_numbers(struct s3_store *s, const struct ufs_properties *props, struct err *err)
{
    const char *mode = registry_text(options, props, P "default.mode");
    const char *conditional = registry_text(options, props, P "conditional.create");
    char *end;

    s->mode = (unsigned)strtoul(mode, &end, 8);
    if (*end || s->mode > 0777)
        return bad(err, P "default.mode", "an octal number up to 0777 is allowed");
    s->part_size = registry_size(options, props, P "streaming.upload.partition.size");
    if (s->part_size < ((uint64_t)5 << 20) || s->part_size > ((uint64_t)512 << 20))
        return bad(err, P "streaming.upload.partition.size", "5MB to 512MB are allowed");
    s->parts_max = registry_int(options, props, P "upload.parts.max");
    if (s->parts_max < 2 || s->parts_max > 10000)
        return bad(err, P "upload.parts.max", "2 to 10000 are allowed");
    s->copy_max = registry_size(options, props, P "copy.part.size");
    if (s->copy_max < ((uint64_t)5 << 20) || s->copy_max > ((uint64_t)5 << 30))
        return bad(err, P "copy.part.size", "5MB to 5GB are allowed");
    s->conditional = strcmp(conditional, "true") == 0    ? S3_CONDITIONAL_TRUE
                     : strcmp(conditional, "false") == 0 ? S3_CONDITIONAL_FALSE
                                                         : S3_CONDITIONAL_AUTO;
    s->list_v1 = registry_bool(options, props, P "list.objects.v1");
    s->bulk_delete = registry_bool(options, props, P "bulk.delete.enabled");
    s->encrypt = registry_bool(options, props, P "server.side.encryption.enabled");
    s->stall_ms = registry_duration(options, props, P "socket.timeout");
    return 0;
}

static void set_client(struct s3_store *s, const struct ufs_properties *props)
{
    struct http_client_options o = {
        .ca_file = registry_text(options, props, P "ca.file"),
        .verify_peer = true,
        .connect_timeout_ms = registry_duration(options, props, P "connect.timeout"),
        .connections_max = (unsigned)registry_int(options, props, P "connections.max"),
    };
    s->client = http_client_new(&o);
}

static int configure(struct s3_store *s, const char *uri, const struct ufs_properties *props,
                     struct err *err)
{
    TRY(parse_address(s, uri, err));
    AUTO_FREE char *full = NULL;
    AUTO_FREE char *root = xstrndup(s->prefix, strlen(s->prefix) ? strlen(s->prefix) - 1 : 0);
    TRY(request_key(&(struct s3_store){.prefix = (char[]){""}}, root, &full, err));
    TRY(set_credentials(s, props, err));
    TRY(set_numbers(s, props, err));
    s->endpoint = copy_text(props, P "endpoint");
    TRY(set_hosts(s, props, err));
    set_client(s, props);
    return 0;
}

static int s3_open(const char *uri, const struct ufs_properties *props, struct ufs **ret,
                   struct err *err)
{
    struct s3_store *s = xnew(struct s3_store);

    s->ufs.driver = &s3_driver;
    int rc = configure(s, uri, props, err);
    if (rc < 0)
        s3_close(&s->ufs);
    else
        *ret = &s->ufs;
    return rc;
}

static unsigned s3_capabilities(const struct ufs *u)
{
    const struct s3_store *s = (const struct s3_store *)u;

    return UFS_CAP_CREATE_ATOMIC | UFS_CAP_PARALLEL_RANGES | UFS_CAP_NETWORK |
           (s->is_tls ? UFS_CAP_TLS : 0) | (s->bulk_delete ? UFS_CAP_BATCH_REMOVE : 0) |
           (http_client_is_same_host(s->client) ? UFS_CAP_SAME_HOST : 0) |
           (__atomic_load_n(&s->conditional, __ATOMIC_RELAXED) == S3_CONDITIONAL_TRUE ? UFS_CAP_CONDITIONAL_CREATE : 0);
}

const struct ufs_driver s3_driver = {
    .name = "s3",
    .schemes = "s3|s3a",
    .label = "S3 bucket",
    .options = options,
    .open = s3_open,
    .close = s3_close,
    .capabilities = s3_capabilities,
    .stat = s3_stat,
    .list = s3_list,
    .read = s3_read,
    .write = s3_write,
    .remove = s3_remove,
    .remove_many = s3_remove_many,
    .mkdir = s3_mkdir,
    .rmdir = s3_rmdir,
    .copy = s3_copy,
};
