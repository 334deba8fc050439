/* SPDX-License-Identifier: Apache-2.0
 *
 * admin: see the header.
 */
#include "admin/admin.h"

#include "admin/backup.h"
#include "base/clock.h"
#include "base/file_util.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "journal/journal.h"
#include "master/intents.h"
#include "master/master.h"
#include "meta/replay.h"

#include <stdio.h>
#include <string.h>

struct admin {
    struct admin_api api; /* all fixed after admin_attach */
    const struct data_api *data;
    char *config_path, *node;
    struct crypto_key key;
    struct meta *meta;
    struct master *master;
};

static const char *state_name(enum journal_state s)
{
    static const char *const names[] = {"starting", "leader", "follower", "no_space", "failed", "stopped"};
    return names[s];
}

static void journal_of(void *impl, struct journal_status *ret)
{
    struct admin *a = impl;
    struct journal_info j = {0};
    struct meta_counts c = {0};
    meta_journal_info(a->meta, &j);
    meta_counts(a->meta, &c);
    *ret = (struct journal_status){.state = state_name(j.state), .engine = "raft", .term = j.term, .last_index = j.last_index,
                                   .applied_index = meta_applied_index(a->meta), .durable_index = j.durable_index,
                                   .snapshot_index = j.snapshot_index, .log_bytes = j.log_bytes, .disk_bytes = j.disk_bytes,
                                   .entries_since_checkpoint = j.entries_since_checkpoint, .database_bytes = c.database_bytes,
                                   .wal_bytes = c.wal_bytes, .last_checkpoint_ms = j.last_checkpoint_ms};
}

static void counts_of(void *impl, struct namespace_counts *ret)
{
    struct meta_counts c = {0};
    meta_counts(((struct admin *)impl)->meta, &c);
    *ret = (struct namespace_counts){c.inodes, c.files, c.directories, c.to_persist, c.pinned, c.lost};
}

static int checkpoint(void *impl, const struct call *call, struct err *err)
{
    return meta_checkpoint(((struct admin *)impl)->meta, call->deadline_ms, err);
}

/* ---- retries ---- */

static int acted(void *impl, const struct call *call, const char *op, const char *path, struct err *err)
{
    return replay_before(((struct admin *)impl)->meta, call, op, path, NULL, err);
}

static int note_acted(void *impl, const struct call *call, const char *op, const char *path, struct err *err)
{
    struct call quiet = *call; /* the answer's index is the change's */
    AUTO(entry) e = {0};
    quiet.result = NULL;
    entry_init(&e, ENTRY_TASK, call->now_ms);
    replay_put(call, &e, op, path, NULL);
    return meta_propose(((struct admin *)impl)->meta, &quiet, &e, err);
}

/* ---- backup ---- */

static int put_manifest(struct admin *a, struct backup_writer *w, const struct call *call, struct err *err)
{
    AUTO(buf) text = {.max = 4096};
    struct json_out o;
    json_out_init(&o, &text);
    json_begin_object(&o, NULL);
    json_put_string(&o, "version", ISTHMUS_VERSION);
    json_put_string(&o, "node", a->node);
    json_put_time(&o, "created", call->now_ms);
    json_end_object(&o);
    return backup_writer_put(w, BACKUP_MANIFEST, text.data, text.len, err);
}

static int put_secrets(struct admin *a, struct backup_writer *w, struct err *err)
{
    AUTO(buf) config = {.max = BACKUP_FRAME_MAX};
    TRY(backup_writer_put(w, BACKUP_KEY, a->key.bytes, sizeof a->key.bytes, err));
    int rc = file_read(a->config_path, BACKUP_FRAME_MAX, &config, err);
    if (rc == -ERR_NOT_FOUND)
        return 0;
    TRY(rc);
    return backup_writer_put(w, BACKUP_CONFIG, buf_str(&config), config.len, err);
}

static int swallow(struct sink *to, const struct slice *s, struct err *err)
{
    (void)to;
    (void)s;
    (void)err;
    return 0;
}

static int backup(void *impl, const struct call *call, const char *passphrase, struct sink *to, uint64_t *ret_entries, struct err *err)
{
    struct admin *a = impl;
    struct backup_writer w;
    struct sink nowhere = {.push = swallow};
    int rc = backup_writer_begin(&w, passphrase, call->is_dry_run ? &nowhere : to, err);
    if (call->is_dry_run) { /* the passphrase is all that can be wrong before bytes flow */
        backup_writer_done(&w);
        return rc;
    }
    if (!rc)
        rc = put_manifest(a, &w, call, err);
    if (!rc)
        rc = put_secrets(a, &w, err);
    if (!rc)
        rc = meta_backup(a->meta, call->deadline_ms, &w.sink, ret_entries, err);
    if (!rc)
        rc = backup_writer_end(&w, err);
    backup_writer_done(&w);
    return rc;
}

/* ---- doctor ---- */

struct findings {
    int (*each)(void *arg, const struct finding *);
    void *arg;
};

static int verify_each(void *arg, const char *code, const char *text)
{
    struct findings *f = arg;
    return f->each(f->arg, &(struct finding){"error", code, text});
}

static int intent_each(void *arg, const struct intent_info *i)
{
    struct findings *f = arg;
    char text[512];
    snprintf(text, sizeof text, "%s of '%s' is open since %lld, %u attempts: %s", intent_kind_name(i->intent.kind), i->intent.key,
             (long long)i->intent.started_ms, i->attempts, *i->error ? i->error : "not tried yet");
    return f->each(f->arg, &(struct finding){"warning", "intent_open", text});
}

static int attention(void *impl, const struct call *call, int (*each)(void *arg, const struct finding *), void *arg, struct err *err)
{
    (void)call;
    (void)err;
    struct admin *a = impl;
    struct journal_info j = {0};
    struct data_status d = {0};
    int rc = 0;
    meta_journal_info(a->meta, &j);
    if (j.state == JOURNAL_NO_SPACE || j.state == JOURNAL_FAILED)
        rc = each(arg, &(struct finding){"error", j.state == JOURNAL_FAILED ? "journal_failed" : "journal_no_space",
                                         j.failure[0] ? j.failure : "The disk of the journal is nearly full: changes are refused until there is room"});
    if (!meta_has_room(a->meta) && !rc)
        rc = each(arg, &(struct finding){"error", "metadata_no_space", "The disk of the metadata is nearly full: changes are refused until there is room"});
    if (a->data)
        a->data->status(a->data->impl, &d);
    for (size_t i = 0; i < d.tier_count && !rc; i++)
        if (!d.tiers[i].is_ok)
            rc = each(arg, &(struct finding){"warning", "tier_failed", d.tiers[i].failure});
    return rc;
}

static int doctor(void *impl, const struct call *call, int (*each)(void *arg, const struct finding *), void *arg, struct err *err)
{
    struct admin *a = impl;
    struct findings f = {each, arg};
    TRY(attention(impl, call, each, arg, err));
    TRY(meta_verify(a->meta, verify_each, &f, err));
    return intents_list(master_intents(a->master), 60000, intent_each, &f);
}

static int tasks(void *impl, const struct call *call, int (*each)(void *arg, const struct task_info *), void *arg, struct err *err)
{
    (void)call;
    (void)err;
    return master_tasks(((struct admin *)impl)->master, each, arg);
}

static uint64_t applied_index(void *impl)
{
    return meta_applied_index(((struct admin *)impl)->meta);
}

static int wait_index(void *impl, uint64_t index, int64_t deadline_ms, struct err *err)
{
    return meta_wait_index(((struct admin *)impl)->meta, index, deadline_ms, err);
}

static int changes(void *impl, const struct call *call, uint64_t from, struct admin_change *ret, size_t max, struct err *err)
{
    AUTO_FREE struct change *found = xcalloc(max, sizeof *found);
    int n = meta_changes(((struct admin *)impl)->meta, from, call->deadline_ms, found, max, err);
    for (int i = 0; i < n; i++)
        ret[i] = (struct admin_change){found[i].index, entry_kind_name(found[i].kind), found[i].ino, found[i].parent};
    return n;
}

struct admin *admin_new(const struct admin_options *o)
{
    struct admin *a = xnew(struct admin);
    a->data = o->data;
    a->config_path = xstrdup(o->config_path);
    a->node = xstrdup(o->node);
    a->key = *o->key;
    a->api = (struct admin_api){.impl = a, .journal = journal_of, .counts = counts_of, .checkpoint = checkpoint, .backup = backup,
                                .attention = attention, .doctor = doctor, .tasks = tasks, .acted = acted, .note_acted = note_acted, .applied_index = applied_index,
                                .wait_index = wait_index, .changes = changes};
    return a;
}

void admin_attach(struct admin *a, struct meta *meta, struct master *master)
{
    a->meta = meta;
    a->master = master;
}

void admin_free(struct admin *a)
{
    if (!a)
        return;
    explicit_bzero(&a->key, sizeof a->key);
    free(a->config_path);
    free(a->node);
    free(a);
}

const struct admin_api *admin_service_api(struct admin *a)
{
    return &a->api;
}

/* ---- metrics that are read from the state ---- */

static int64_t count_inodes(void *arg)
{
    struct meta_counts c = {0};
    meta_counts(((struct admin *)arg)->meta, &c);
    return (int64_t)c.inodes;
}

static int64_t journal_sequence(void *arg)
{
    return (int64_t)meta_applied_index(((struct admin *)arg)->meta);
}

static int64_t since_checkpoint(void *arg)
{
    struct journal_info j = {0};
    meta_journal_info(((struct admin *)arg)->meta, &j);
    return (int64_t)j.entries_since_checkpoint;
}

static int64_t to_persist(void *arg)
{
    struct meta_counts c = {0};
    meta_counts(((struct admin *)arg)->meta, &c);
    return (int64_t)c.to_persist;
}

static struct metric metric_table[] = {
    {.name = "Master.TotalPaths", .kind = METRIC_GAUGE_FN, .help = "Files and directories", .read = count_inodes},
    {.name = "Master.JournalSequenceNumber", .kind = METRIC_GAUGE_FN, .help = "Index of the last applied change", .read = journal_sequence},
    {.name = "Master.JournalEntriesSinceCheckPoint", .kind = METRIC_GAUGE_FN, .help = "Entries since the last checkpoint", .read = since_checkpoint},
    {.name = "Master.FilesToBePersisted", .kind = METRIC_GAUGE_FN, .help = "Files that wait for their store", .read = to_persist},
};

void admin_metrics_register(struct admin *a)
{
    for (size_t i = 0; i < array_len(metric_table); i++)
        metric_table[i].arg = a;
    metrics_register(metric_table, array_len(metric_table));
}
