/* SPDX-License-Identifier: Apache-2.0
 *
 * roles: see the header.  Parts are made in the order in which they may know one another; listeners of the
 * metadata reach upward through the functions here.
 */
#include "roles.h"

#include "admin/admin.h"
#include "base/clock.h"
#include "base/conf.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/thread.h"
#include "fs/fs.h"
#include "home.h"
#include "identity/identity.h"
#include "master/master.h"
#include "rest/http/http.h"
#include "rest/v1/rest.h"
#include "worker/worker.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { START_MS = 600000 };

struct roles {
    struct crypto_key key;
    struct master *master;
    struct identity_service *identity;
    struct meta *meta;
    struct worker *worker;
    struct data_api data; /* the worker's table; filled before master_start */
    struct admin *admin;
    struct fs *fs;
    struct rest *rest;
    struct http_server *http;
    struct ticker *ticker;
    struct pool *chores;
    bool is_master_started;
    char url[300], log_path[4096];
};

/* ---- upward: what the metadata tells ---- */

static void record_changed(void *arg, enum record_kind kind, const char *key, uint64_t index)
{
    struct roles *r = arg;
    identity_on_record_changed(r->identity, kind, key);
    master_on_record_changed(r->master, kind, key, index);
}

static void content_gone(void *arg, content_id cid)
{
    master_on_content_gone(((struct roles *)arg)->master, cid);
}

static void marked(void *arg, enum mark_kind kind)
{
    master_on_marked(((struct roles *)arg)->master, kind);
}

static int contents_live(void *arg, const inode_id *inos, const content_id *cids, size_t n, bool *ret_live, struct err *err)
{
    const struct meta_api *meta = master_meta_api(((struct roles *)arg)->master);
    struct call call = call_system("adopt", clock_mono_ms() + 30000, NULL);
    return meta->contents_live(meta->impl, &call, inos, cids, n, ret_live, err);
}

/* ---- the bytes ask for a mount's store; the mount table opens after the worker ---- */

static int store_get(void *impl, mount_id id, bool for_write, struct mount_store *ret, struct err *err)
{
    const struct store_api *stores = master_store_api(((struct roles *)impl)->master);
    return stores->get(stores->impl, id, for_write, ret, err);
}

static void store_put(void *impl, struct mount_store *s)
{
    const struct store_api *stores = master_store_api(((struct roles *)impl)->master);
    stores->put(stores->impl, s);
}

/* ---- the parts ---- */

static int make_master(struct roles *r, struct err *err)
{
    enum write_type write_type;
    enum read_type read_type;
    TRY(home_key(&r->key, err));
    TRY(write_type_parse(conf_text(CONF_WRITE_TYPE), &write_type, err));
    TRY(read_type_parse(conf_text(CONF_READ_TYPE), &read_type, err));
    struct master_options o = {.data = &r->data, .key = &r->key, .umask = (unsigned)strtoul(conf_text(CONF_UMASK), NULL, 8),
                               .supergroup = conf_text(CONF_SUPERGROUP), .block_size = (uint32_t)conf_size(CONF_BLOCK_SIZE),
                               .write_type = write_type, .read_type = read_type, .store_timeout_ms = conf_duration(CONF_UFS_TIMEOUT),
                               .persist_retry_max_ms = conf_duration(CONF_PERSIST_RETRY)};
    r->master = master_new(&o);
    r->identity = identity_new(&(struct identity_options){.supergroup = conf_text(CONF_SUPERGROUP)});
    return 0;
}

static int open_meta(struct roles *r, struct err *err)
{
    struct meta_options o;
    struct meta_listener l = {.arg = r, .record_changed = record_changed, .content_gone = content_gone, .marked = marked};
    home_meta_options(&o);
    TRY(meta_open(&o, &l, clock_mono_ms() + START_MS, &r->meta, err));
    identity_attach(r->identity, r->meta);
    return 0;
}

static int make_worker(struct roles *r, struct err *err)
{
    struct meta_identity id;
    meta_identity(r->meta, &id);
    unsigned high = (unsigned)conf_int(CONF_WORKER_HIGH), low = (unsigned)conf_int(CONF_WORKER_LOW);
    struct worker_options o = {
        .block = {.tier_count = 2,
                  .tiers = {{"MEM", conf_text(CONF_WORKER_MEM_DIR), conf_size(CONF_WORKER_MEM_QUOTA), high, low},
                            {"SSD", conf_text(CONF_WORKER_SSD_DIR), conf_size(CONF_WORKER_SSD_QUOTA), high, low}},
                  .evictor = conf_text(CONF_WORKER_EVICT), .page_size = (uint32_t)conf_size(CONF_WORKER_PAGE),
                  .cluster = id.cluster, .incarnation = id.incarnation, .first_id = id.first_id},
        .fetch_threads = (unsigned)conf_int(CONF_WORKER_FETCHERS), .store_timeout_ms = conf_duration(CONF_UFS_TIMEOUT),
        .fill_memory_bytes = conf_size(CONF_WORKER_FILL_MEMORY),
        .stores = {.impl = r, .get = store_get, .put = store_put}, .contents_live = contents_live, .contents_live_arg = r};
    TRY(worker_new(&o, &r->worker, err));
    r->data = *worker_api(r->worker);
    return 0;
}

static int start_master(struct roles *r, struct err *err)
{
    char path[4096];
    TRY(master_start(r->master, r->meta, err));
    r->is_master_started = true;
    worker_start(r->worker);
    r->admin = admin_new(&(struct admin_options){.data = &r->data, .config_path = home_path("conf/isthmus-site.properties", path),
                                                 .key = &r->key, .node = conf_text(CONF_HOSTNAME)});
    admin_attach(r->admin, r->meta, r->master);
    admin_metrics_register(r->admin);
    return 0;
}

/* The library says only that it does not work. */
static int check_certificate(const char *file, struct err *err)
{
    char source[512];
    if (access(file, R_OK) == 0)
        return 0;
    return err_set_errno(err, ERR_CONFIG, errno, "isthmus.web.tls.certificate (%.200s): '%.200s' cannot be read",
                         conf_source_text(CONF_WEB_TLS_CERT, source), file);
}

static int serve(struct roles *r, bool log_to_file, struct err *err)
{
    struct fs_parts parts = {.meta = master_meta_api(r->master), .data = &r->data, .mounts = master_mount_api(r->master),
                             .identity = identity_service_api(r->identity), .admin = admin_service_api(r->admin)};
    bool is_tls = conf_bool(CONF_WEB_TLS);
    r->fs = fs_new(&parts);
    home_path("logs/isthmusd.log", r->log_path);
    rest_metrics_register();
    r->rest = rest_new(&(struct rest_options){.fs = r->fs, .node = conf_text(CONF_HOSTNAME), .log_path = log_to_file ? r->log_path : NULL});
    struct http_options o = {.bind = conf_text(CONF_WEB_BIND), .port = (int)conf_int(CONF_WEB_PORT), .threads = (unsigned)conf_int(CONF_WEB_THREADS),
                             .tls_certificate = is_tls ? conf_text(CONF_WEB_TLS_CERT) : NULL, .handler = rest_handle, .refuser = rest_refuse, .arg = r->rest};
    if (is_tls)
        TRY(check_certificate(o.tls_certificate, err));
    TRY(http_server_start(&o, &r->http, err));
    snprintf(r->url, sizeof r->url, "%s://%s:%d/", is_tls ? "https" : "http", conf_text(CONF_WEB_BIND), http_server_port(r->http));
    return 0;
}

/* ---- periodic work: the ticker only hands it on ---- */

static void sweep_identity(void *arg)
{
    struct roles *r = arg;
    int rc = pool_submit(r->chores, identity_tick, r->identity, NULL);
    (void)rc; /* a full queue means that the last sweep still runs */
}

static void start_ticker(struct roles *r)
{
    r->chores = pool_new("chores", 1, 4);
    r->ticker = ticker_new();
    ticker_add(r->ticker, "ttl", conf_duration(CONF_TTL_CHECK), master_tick_ttl, r->master);
    ticker_add(r->ticker, "chores", 60000, master_tick_chores, r->master);
    ticker_add(r->ticker, "sessions", 300000, sweep_identity, r);
    ticker_start(r->ticker);
}

int roles_start(bool log_to_file, struct roles **ret, struct err *err)
{
    struct roles *r = *ret = xnew(struct roles);
    TRY(make_master(r, err));
    TRY(open_meta(r, err));
    TRY(make_worker(r, err));
    TRY(start_master(r, err));
    start_ticker(r);
    return serve(r, log_to_file, err);
}

void roles_stop(struct roles *r)
{
    if (!r)
        return;
    http_server_stop(r->http);
    ticker_free(r->ticker);
    pool_free(r->chores);
    if (r->is_master_started)
        master_stop(r->master);
    worker_free(r->worker);
    meta_close(r->meta);
    rest_free(r->rest);
    fs_free(r->fs);
    admin_free(r->admin);
    identity_free(r->identity);
    master_free(r->master);
    explicit_bzero(&r->key, sizeof r->key);
    free(r);
}

const char *roles_url(const struct roles *r)
{
    return r->url;
}
