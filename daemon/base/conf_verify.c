/* SPDX-License-Identifier: Apache-2.0
 *
 * conf_verify: what one value alone cannot tell, or its type does not know.  Threads: the one that loads.
 */
#include "base/conf.h"

#include "base/text.h"

#include <stdlib.h>
#include <string.h>

static int refuse(enum conf_id id, const char *allowed, struct err *err)
{
    char source[512];
    conf_source_text(id, source);
    const char *open = strchr(source, '('), *where = open ? open + 1 : source; /* "SITE_PROPERTY (path:line)" */
    return err_set(err, ERR_CONFIG, "%.*s: %s: '%.100s' is not allowed; allowed is %s", (int)strcspn(where, ")"), where, conf_option(id)->key,
                   conf_text(id), allowed);
}

static bool is_umask(const char *text)
{
    size_t n = strlen(text);
    return n > 0 && n <= 4 && strspn(text, "01234567") == n && strtoul(text, NULL, 8) <= 0777;
}

int conf_verify(struct err *err)
{
    if (!is_umask(conf_text(CONF_UMASK)))
        return refuse(CONF_UMASK, "an octal number up to 0777", err);
    if (!conf_bool(CONF_WEB_TLS) && !text_is_loopback(conf_text(CONF_WEB_BIND)))
        return refuse(CONF_WEB_BIND, "a loopback address such as 127.0.0.1; any other needs TLS (isthmus.web.tls.enabled=true)", err);
    if (conf_int(CONF_WORKER_LOW) >= conf_int(CONF_WORKER_HIGH)) {
        char source[512];
        return err_set(err, ERR_CONFIG, "isthmus.worker.tieredstore.watermark.low: %lld is not below the high one of %lld (%.300s)",
                       (long long)conf_int(CONF_WORKER_LOW), (long long)conf_int(CONF_WORKER_HIGH), conf_source_text(CONF_WORKER_LOW, source));
    }
    return 0;
}
