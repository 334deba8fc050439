/* SPDX-License-Identifier: Apache-2.0
 *
 * registry: the table of drivers, the check of a mount's options, and the stack of filters over an
 * opened driver.  Reaches no store.  Threads: any.
 */
#include "ufs/registry.h"

#include "base/mem.h"
#include "base/text.h"
#include "ufs/file/file.h"
#include "ufs/filters/fault_store.h"
#include "ufs/filters/limit.h"
#include "ufs/filters/retry.h"
#include "ufs/filters/stats.h"
#include "ufs/mem/mem_store.h"
#include "ufs/s3/s3.h"

#include <string.h>

static const struct ufs_driver *const drivers[] = {&file_driver, &s3_driver, &mem_driver};

const struct ufs_option registry_common[] = {
    {.name = "isthmus.underfs.retry.max", .type = "int", .value = "4",
     .help = "Attempts of a call that failed for a passing reason, the first included."},
    {.name = "isthmus.underfs.calls.max", .type = "int", .value = "0",
     .help = "Calls to the store at the same time; 0 sets no limit."},
    {.name = "isthmus.underfs.bandwidth", .type = "size", .value = "0",
     .help = "Bytes a second to and from the store; 0 sets no limit."},
    {.name = "isthmus.test.fault", .type = "text",
     .help = "Faults for tests: call:probability:error or call:delay:ms, separated by commas."},
    {.name = "isthmus.test.fault.seed", .type = "int", .value = "1",
     .help = "Start of the dice of isthmus.test.fault."},
    {.name = NULL},
};

static bool has_scheme(const struct ufs_driver *d, const char *scheme, size_t len)
{
    for (const char *p = d->schemes;; p++) {
        size_t n = strcspn(p, "|");
        if (n == len && strncasecmp(p, scheme, n) == 0)
            return true;
        p += n;
        if (!*p)
            return false;
    }
}

const struct ufs_driver *ufs_driver_at(size_t i)
{
    return i < array_len(drivers) ? drivers[i] : NULL;
}

const struct ufs_driver *ufs_driver_for(const char *uri)
{
    const char *end = strstr(uri, "://");
    size_t len = end ? (size_t)(end - uri) : 0;

    if (!end && uri[0] != '/')
        return NULL;
    for (size_t i = 0; i < array_len(drivers); i++)
        if (has_scheme(drivers[i], uri, len))
            return drivers[i];
    return NULL;
}

const char *ufs_property(const struct ufs_properties *p, const char *name, const char *otherwise)
{
    for (size_t i = p ? p->count : 0; i-- > 0;)
        if (strcmp(p->items[i].name, name) == 0)
            return p->items[i].value;
    return otherwise;
}

static const struct ufs_option *option_in(const struct ufs_option *options, const char *name)
{
    for (const struct ufs_option *o = options; o && o->name; o++)
        if (strcmp(o->name, name) == 0)
            return o;
    return NULL;
}

const char *registry_text(const struct ufs_option *options, const struct ufs_properties *props,
                          const char *name)
{
    const struct ufs_option *o = option_in(options, name);
    const char *value = ufs_property(props, name, o ? o->value : NULL);
    return value && value[0] ? value : NULL;
}

uint64_t registry_size(const struct ufs_option *options, const struct ufs_properties *props,
                       const char *name)
{
    uint64_t v = 0;
    const char *text = registry_text(options, props, name);
    return text && text_parse_size(text, &v, NULL) == 0 ? v : 0;
}

int64_t registry_duration(const struct ufs_option *options, const struct ufs_properties *props,
                          const char *name)
{
    int64_t v = 0;
    const char *text = registry_text(options, props, name);
    return text && text_parse_duration(text, &v, NULL) == 0 ? v : 0;
}

uint64_t registry_int(const struct ufs_option *options, const struct ufs_properties *props,
                      const char *name)
{
    uint64_t v = 0;
    const char *text = registry_text(options, props, name);
    return text && text_parse_u64(text, &v, NULL) == 0 ? v : 0;
}

bool registry_bool(const struct ufs_option *options, const struct ufs_properties *props,
                   const char *name)
{
    bool v = false;
    const char *text = registry_text(options, props, name);
    return text && text_parse_bool(text, &v, NULL) == 0 ? v : false;
}

static int check_choice(const struct ufs_option *o, const char *value, struct err *err)
{
    size_t len = strlen(value);

    for (const char *p = o->choices; p && *p; p += strcspn(p, "|"), p += *p == '|')
        if (strcspn(p, "|") == len && strncmp(p, value, len) == 0)
            return 0;
    return err_set(err, ERR_INVALID_ARGUMENT, "'%s' is not one of %s", value, o->choices);
}

static int check_value(const struct ufs_option *o, const char *value, struct err *err)
{
    uint64_t u;
    int64_t i;
    bool b;

    if (strpbrk(value, "\r\n"))
        return err_set(err, ERR_INVALID_ARGUMENT, "the value holds a line break");
    if (!value[0])
        return 0;
    if (strcmp(o->type, "int") == 0)
        return text_parse_u64(value, &u, err);
    if (strcmp(o->type, "size") == 0)
        return text_parse_size(value, &u, err);
    if (strcmp(o->type, "duration") == 0)
        return text_parse_duration(value, &i, err);
    if (strcmp(o->type, "bool") == 0)
        return text_parse_bool(value, &b, err);
    if (strcmp(o->type, "choice") == 0)
        return check_choice(o, value, err);
    return 0;
}

static int unknown(const struct ufs_driver *d, const char *name, struct err *err)
{
    AUTO(buf) known = {0};

    buf_init(&known, BUF_MAX_ANY);
    for (const struct ufs_option *o = d->options; o && o->name; o++)
        buf_addf(&known, "%s%s", known.len ? ", " : "", o->name);
    return err_set(err, ERR_INVALID_ARGUMENT, "option '%.60s' is not known for %s; known are %s", name,
                   d->name, buf_str(&known));
}

static int check_one(const struct ufs_driver *d, const char *name, const char *value,
                     struct err *err)
{
    struct err why;

    const struct ufs_option *o = option_in(d->options, name);
    if (!o)
        o = option_in(registry_common, name);
    if (!o)
        return unknown(d, name, err);
    if (check_value(o, value, &why) < 0)
        return err_set(err, ERR_INVALID_ARGUMENT, "option %s: %s", name, why.text);
    return 0;
}

int registry_check(const struct ufs_driver *d, const struct ufs_properties *props, struct err *err)
{
    for (size_t i = 0; props && i < props->count; i++)
        if (check_one(d, props->items[i].name, props->items[i].value, err) < 0)
            return err ? err_field(err, props->items[i].name) : -ERR_INVALID_ARGUMENT;
    for (const struct ufs_option *o = d->options; o && o->name; o++) {
        if (!o->is_required || registry_text(d->options, props, o->name))
            continue;
        int rc = err_set(err, ERR_INVALID_ARGUMENT, "option %s is missing: %s", o->name, o->help);
        return err ? err_field(err, o->name) : rc;
    }
    return 0;
}

/* From the caller down: statistics, retry, limit, fault, driver. */
static int stack(struct ufs *driver, const struct ufs_properties *props, struct ufs **ret,
                 struct err *err)
{
    struct ufs *u = driver;
    const char *fault = registry_text(registry_common, props, "isthmus.test.fault");
    uint64_t seed = registry_int(registry_common, props, "isthmus.test.fault.seed");
    uint64_t calls = registry_int(registry_common, props, "isthmus.underfs.calls.max");
    uint64_t bandwidth = registry_size(registry_common, props, "isthmus.underfs.bandwidth");

    if (fault)
        TRY(fault_store_open(fault, seed, u, &u, err));
    if (calls || bandwidth)
        u = limit_open(calls, bandwidth, u);
    u = retry_open(registry_int(registry_common, props, "isthmus.underfs.retry.max"), u);
    *ret = stats_open(u);
    return 0;
}

int ufs_open(const char *uri, const struct ufs_properties *props, struct ufs **ret, struct err *err)
{
    struct ufs *u = NULL;

    const struct ufs_driver *d = ufs_driver_for(uri);
    if (!d)
        return err_set(err, ERR_INVALID_ARGUMENT,
                       "'%.80s' is not an address of a store: a full path, file://, s3:// or mem:// is",
                       uri);
    TRY(registry_check(d, props, err));
    TRY(d->open(uri, props, &u, err));
    int rc = stack(u, props, ret, err);
    if (rc < 0) {
        ufs_close(u);
        if (err)
            err_field(err, "isthmus.test.fault");
    }
    return rc;
}
