/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_info: small questions to the node: who leads, how much room there is, how loud the log is.
 */
#include "base/mem.h"
#include "cli/client.h"
#include "cli/command.h"
#include "cli/show.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* "127.0.0.1:19999" of the URL. */
static int address(struct cli *c, char to[1024], struct err *err)
{
    char url[1024];
    TRY(client_url(c, url, err));
    const char *host = strstr(url, "://");
    snprintf(to, 1024, "%s", host ? host + 3 : url);
    return 0;
}

static int leader(struct cli *c, const struct args *a, struct err *err)
{
    struct json *j = NULL;
    (void)a;
    TRY(client_get(c, "/overview", &j, err));
    if (c->is_json)
        show_json(j);
    else
        puts(json_text(json_get(j, "node"), ""));
    json_free(j);
    return 0;
}

static int master_info(struct cli *c, const struct args *a, struct err *err)
{
    char where[1024];
    struct json *j = NULL;
    (void)a;
    TRY(address(c, where, err));
    if (client_get(c, "/journal", &j, err) < 0) {
        puts("Failed to find leader master");
        return -(int)err->code;
    }
    if (c->is_json)
        show_json(j);
    else
        printf("Current leader master: %s\nAll masters: [%s]\n", where, where);
    json_free(j);
    return 0;
}

static int print_tiers(struct cli *c, const char *member, const char *label, struct err *err)
{
    struct json *j = NULL;
    int64_t sum = 0;
    TRY(client_get(c, "/workers", &j, err));
    const struct json *workers = json_get(j, "items");
    for (size_t w = 0; w < json_size(workers); w++) {
        const struct json *tiers = json_get(json_at(workers, w), "tiers");
        for (size_t i = 0; i < json_size(tiers); i++)
            sum += json_i64(json_get(json_at(tiers, i), member), 0);
    }
    if (c->is_json)
        show_json(json_get(j, "items"));
    else
        printf("%s: %" PRId64 "\n", label, sum);
    json_free(j);
    return 0;
}

static int capacity(struct cli *c, const struct args *a, struct err *err)
{
    (void)a;
    return print_tiers(c, "quota_bytes", "Capacity Bytes", err);
}

static int used(struct cli *c, const struct args *a, struct err *err)
{
    (void)a;
    return print_tiers(c, "used_bytes", "Used Bytes", err);
}

/* ---- log levels ---- */

static int print_levels(struct cli *c, const char *name, const char *message, struct err *err)
{
    char where[1024];
    struct json *j = NULL;
    size_t shown = 0;
    TRY(address(c, where, err));
    TRY(client_get(c, "/logs/levels", &j, err));
    const struct json *items = json_get(j, "items");
    for (size_t i = 0; !c->is_json && i < json_size(items); i++) {
        const char *subsystem = json_text(json_get(json_at(items, i), "subsystem"), "");
        if (strcmp(name, "all") && strcmp(name, subsystem))
            continue;
        printf("%s[master]LogInfo{level=%s, logName=%s, message=%s}\n", where, json_text(json_get(json_at(items, i), "level"), ""), subsystem, message);
        shown++;
    }
    if (c->is_json)
        shown = (size_t)show_json(j) + 1;
    json_free(j);
    return shown ? 0 : err_set(err, ERR_NOT_FOUND, "%.40s is not a part that logs", name);
}

static int log_level(struct cli *c, const struct args *a, struct err *err)
{
    const char *name = args_value(a, "logName"), *level = args_value(a, "level"), *target = args_value(a, "target");
    AUTO(buf) body = {.max = 1 << 16};
    struct json_out o;
    if (target && strcmp(target, "master"))
        return err_set(err, ERR_NOT_SUPPORTED, "not supported yet: other targets than master belong to clusters of several nodes");
    if (!name && level)
        return err_set(err, ERR_INVALID_ARGUMENT, "--level needs --logName");
    if (level) {
        json_out_init(&o, &body);
        json_begin_object(&o, NULL);
        json_put_string(&o, "subsystem", name);
        json_put_string(&o, "level", level);
        json_end_object(&o);
        TRY(client_call(c, "PUT", "/logs/levels", buf_str(&body), NULL, err));
    }
    return print_levels(c, name ? name : "all", level ? "Setting Level" : "", err);
}

static const struct flag level_flags[] = {{NULL, "logName", "name", "part of the daemon: journal, meta, ufs and others, or all"},
                                          {NULL, "level", "level", "ERROR, WARN, INFO or DEBUG; without it the level is shown"},
                                          {NULL, "target", "target", "master"},
                                          {0}};

const struct command cmd_info[] = {
    {"", "logLevel", "", 0, 0, level_flags, COMMAND_READS, "Shows or changes how much a part of the daemon logs.", log_level, NULL},
    {"fs", "leader", "", 0, 0, NULL, COMMAND_READS, "Prints the host name of the leader.", leader, NULL},
    {"fs", "masterInfo", "", 0, 0, NULL, COMMAND_READS, "Prints the masters.", master_info, NULL},
    {"fs", "getCapacityBytes", "", 0, 0, NULL, COMMAND_READS, "Prints the bytes that the cache may hold.", capacity, NULL},
    {"fs", "getUsedBytes", "", 0, 0, NULL, COMMAND_READS, "Prints the bytes that the cache holds.", used, NULL},
    {0}};
