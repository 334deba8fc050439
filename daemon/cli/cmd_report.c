/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_report: `fsadmin report`: the node in words for people.
 */
#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "cli/client.h"
#include "cli/command.h"
#include "cli/mount_table.h"
#include "cli/show.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static int64_t num(const struct json *j, const char *member)
{
    return json_i64(json_get(j, member), 0);
}

static int64_t sum(const struct json *tiers, const char *member)
{
    int64_t all = 0;
    for (size_t i = 0; i < json_size(tiers); i++)
        all += num(json_at(tiers, i), member);
    return all;
}

static void print_tiers(const char *label, const struct json *tiers, const char *member)
{
    char size[24];
    printf("    %s: %s\n", label, text_human_size((uint64_t)sum(tiers, member), size));
    for (size_t i = 0; i < json_size(tiers); i++)
        printf("        Tier: %s  Size: %s\n", json_text(json_get(json_at(tiers, i), "alias"), ""),
               text_human_size((uint64_t)num(json_at(tiers, i), member), size));
}

/* ---- summary ---- */

static int print_summary(struct cli *c, const struct json *o, struct err *err)
{
    char url[1024], started[32], up[96], size[24];
    const struct json *worker = json_get(o, "worker"), *tiers = json_get(worker, "tiers");
    const char *version = json_text(json_get(o, "version"), ""), *state = json_text(json_get(json_get(o, "journal"), "state"), "");
    int64_t since = show_time_of(worker, "started");
    TRY(client_url(c, url, err));
    const char *host = strstr(url, "://"), *port = strrchr(url, ':');
    host = host ? host + 3 : url;
    port = port && port > host ? port + 1 : "";
    puts("Isthmus cluster summary: ");
    printf("    Master Address: %s\n    Web Port: %s\n    Rpc Port: %s\n", host, port, port);
    printf("    Started: %.19s\n    Uptime: %s\n    Version: %s\n", show_time(since, started), show_duration(clock_wall_ms() - since, up), version);
    printf("    Safe Mode: false\n    Zookeeper Enabled: false\n    Raft-based Journal: true\n    Raft Journal Addresses: \n        %s\n", host);
    printf("    %-32s %-8s %-32s\n    %-32s %-8s %-32s\n", "Master Address", "State", "Version", host, strcmp(state, "leader") ? state : "PRIMARY", version);
    printf("    Live Workers: 1\n    Lost Workers: 0\n");
    print_tiers("Total Capacity", tiers, "quota_bytes");
    print_tiers("Used Capacity", tiers, "used_bytes");
    printf("    Free Capacity: %s\n", text_human_size((uint64_t)(sum(tiers, "quota_bytes") - sum(tiers, "used_bytes")), size));
    return 0;
}

static int summary(struct cli *c, struct err *err)
{
    struct json *o = NULL;
    TRY(client_get(c, "/overview", &o, err));
    int rc = c->is_json ? show_json(o) : print_summary(c, o, err);
    json_free(o);
    return rc;
}

/* ---- capacity ---- */

static void print_worker(const struct json *worker, const char *version)
{
    const struct json *tiers = json_get(worker, "tiers");
    char size[24], cell[48];
    const char *name = json_text(json_get(worker, "name"), "");
    bool serves = !strcmp(json_text(json_get(worker, "state"), ""), "in_service");
    printf("%-16s %-15s %-16s %-13s %-16s", name, serves ? "ACTIVE" : "LOST", "0", "capacity", text_human_size((uint64_t)sum(tiers, "quota_bytes"), size));
    for (size_t i = 0; i < json_size(tiers); i++)
        printf(" %-14s", text_human_size((uint64_t)num(json_at(tiers, i), "quota_bytes"), size));
    printf(" %-16s\n%-16s %-15s %-16s %-13s ", version, "", "", "", "used");
    uint64_t used = (uint64_t)sum(tiers, "used_bytes"), quota = (uint64_t)sum(tiers, "quota_bytes");
    snprintf(cell, sizeof cell, "%s (%u%%)", text_human_size(used, size), quota ? show_percent(used, quota) : 0);
    printf("%-16s", cell);
    for (size_t i = 0; i < json_size(tiers); i++) {
        used = (uint64_t)num(json_at(tiers, i), "used_bytes");
        quota = (uint64_t)num(json_at(tiers, i), "quota_bytes");
        snprintf(cell, sizeof cell, "%s (%u%%)", text_human_size(used, size), quota ? show_percent(used, quota) : 0);
        printf(" %-14s", cell);
    }
    putchar('\n');
}

static void print_capacity(const struct json *overview)
{
    const struct json *worker = json_get(overview, "worker"), *tiers = json_get(worker, "tiers");
    uint64_t quota = (uint64_t)sum(tiers, "quota_bytes"), used = (uint64_t)sum(tiers, "used_bytes");
    unsigned percent = quota ? show_percent(used, quota) : 0;
    puts("Capacity information for all workers: ");
    print_tiers("Total Capacity", tiers, "quota_bytes");
    print_tiers("Used Capacity", tiers, "used_bytes");
    printf("    Used Percentage: %u%%\n    Free Percentage: %u%%\n\n", percent, 100 - percent);
    printf("%-16s %-15s %-16s %-13s %-16s", "Worker Name", "State", "Last Heartbeat", "Storage", "Total");
    for (size_t i = 0; i < json_size(tiers); i++)
        printf(" %-14s", json_text(json_get(json_at(tiers, i), "alias"), ""));
    printf(" %-16s\n", "Version");
    print_worker(worker, json_text(json_get(overview, "version"), ""));
}

static int capacity(struct cli *c, struct err *err)
{
    struct json *o = NULL;
    TRY(client_get(c, "/overview", &o, err));
    if (c->is_json)
        show_json(json_get(o, "worker"));
    else
        print_capacity(o);
    json_free(o);
    return 0;
}

/* ---- metrics: they come sorted ---- */

static void print_metric(const char *name, const struct json *v)
{
    char text[32];
    if (json_kind_of(v) == JSON_OBJECT)
        printf("%s  (Type: TIMER, Value: %s)\n", name, show_thousands(num(v, "count"), text));
    else if (strstr(name, "Bytes") || strstr(name, ".Capacity"))
        printf("%s  (Type: GAUGE, Value: %s)\n", name, text_human_size((uint64_t)json_i64(v, 0), text));
    else
        printf("%s  (Type: GAUGE, Value: %s)\n", name, show_thousands(json_i64(v, 0), text));
}

static int metrics(struct cli *c, struct err *err)
{
    struct json *j = NULL;
    const struct json *v;
    TRY(client_get(c, "/metrics", &j, err));
    const struct json *all = json_get(j, "metrics");
    for (const char *k = NULL; !c->is_json && all && (k = json_next(all, k, &v));)
        print_metric(k, v);
    if (c->is_json)
        show_json(j);
    json_free(j);
    return 0;
}

static int ufs(struct cli *c, struct err *err)
{
    struct json *j = NULL;
    AUTO(buf) text = {.max = 1 << 24};
    TRY(client_get(c, "/mounts", &j, err));
    mount_table_show(json_get(j, "items"), &text);
    if (c->is_json)
        show_json(j);
    else
        printf("Isthmus under storage system information:\n%s", buf_str(&text));
    json_free(j);
    return 0;
}

static int report(struct cli *c, const struct args *a, struct err *err)
{
    static const struct {
        const char *name;
        int (*run)(struct cli *c, struct err *err);
    } parts[] = {{"summary", summary}, {"capacity", capacity}, {"metrics", metrics}, {"ufs", ufs}};
    const char *what = a->count ? a->items[0] : "summary";
    for (size_t i = 0; i < array_len(parts); i++)
        if (!strcmp(what, parts[i].name))
            return parts[i].run(c, err);
    return err_set(err, ERR_INVALID_ARGUMENT, "%.40s is not a report: summary, capacity, metrics or ufs", what);
}

static const struct flag report_flags[] = {{NULL, "live", NULL, "taken and ignored: there is one worker"}, {0}};

const struct command cmd_report[] = {
    {"fsadmin", "report", "[summary|capacity|metrics|ufs]", 0, 1, report_flags, COMMAND_READS, "Reports on the node.", report, NULL},
    {0}};
