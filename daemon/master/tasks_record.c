/* SPDX-License-Identifier: Apache-2.0
 *
 * tasks_record: see the header.  Threads: any.
 */
#include "master/tasks_record.h"

#include "base/json.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void task_done(struct task *t)
{
    for (size_t i = 0; i < t->who.group_count; i++)
        free(t->groups[i]);
    free(t->groups);
    free(t->path);
    free(t->first);
    free(t->after);
    free(t->user);
    free(t->owner);
    free(t->group);
    *t = (struct task){0};
}

void task_key(uint64_t id, char to[32])
{
    snprintf(to, 32, TASK_PREFIX "%016" PRIx64, id);
}

void task_report_key(uint64_t id, char to[32])
{
    snprintf(to, 32, REPORT_PREFIX "%016" PRIx64, id);
}

void task_tell(const struct task *t, char to[TASK_TEXT])
{
    to[0] = 0;
    if (t->skipped)
        snprintf(to, TASK_TEXT, "%" PRIu64 " of %" PRIu64 " names below %.60s were not changed, the first: %.120s", t->skipped, t->done, t->path,
                 t->first ? t->first : "not permitted");
}

static void put_who(struct json_out *o, const struct identity *who)
{
    json_put_string(o, "user", who->user);
    json_put_bool(o, "super", who->is_super);
    json_begin_array(o, "groups");
    for (size_t i = 0; i < who->group_count; i++)
        json_put_string(o, NULL, who->groups[i]);
    json_end_array(o);
}

static void put_entries(struct json_out *o, const struct task *t)
{
    json_begin_array(o, "entries");
    for (size_t i = 0; i < t->n; i++) {
        char kind[2] = {t->entries[i].kind, 0};
        json_begin_object(o, NULL);
        json_put_string(o, "kind", kind);
        json_put_string(o, "name", t->entries[i].name);
        json_put_i64(o, "perm", t->entries[i].perm);
        json_put_bool(o, "default", t->entries[i].is_default);
        json_end_object(o);
    }
    json_end_array(o);
}

void task_encode(const struct task *t, struct buf *to)
{
    struct json_out o;
    json_out_init(&o, to);
    json_begin_object(&o, NULL);
    json_put_i64(&o, "kind", t->kind);
    json_put_id(&o, "top", t->top);
    json_put_string(&o, "path", t->path);
    json_put_string(&o, "after", t->after);
    json_put_u64(&o, "done", t->done);
    json_put_u64(&o, "skipped", t->skipped);
    json_put_string(&o, "first", t->first);
    json_put_i64(&o, "ended", t->ended_ms);
    json_put_i64(&o, "started", t->started_ms);
    put_who(&o, &t->who);
    json_put_string(&o, "owner", t->owner);
    json_put_string(&o, "group", t->group);
    json_put_i64(&o, "mode", t->attr.mode);
    json_put_i64(&o, "action", t->action);
    put_entries(&o, t);
    json_end_object(&o);
}

static char *copy(const struct json *j, const char *key, const char *otherwise)
{
    const char *s = json_text(json_get(j, key), otherwise);
    return s ? xstrdup(s) : NULL;
}

static void take_who(const struct json *j, struct task *t)
{
    const struct json *groups = json_get(j, "groups");
    size_t n = groups ? json_size(groups) : 0;
    t->user = copy(j, "user", "");
    t->groups = xcalloc(n + 1, sizeof *t->groups);
    for (size_t i = 0; i < n; i++)
        t->groups[i] = xstrdup(json_text(json_at(groups, i), ""));
    t->who = (struct identity){.user = t->user,
                               .group_count = n,
                               .groups = (const char *const *)t->groups,
                               .role = ROLE_OPERATOR,
                               .is_super = json_bool(json_get(j, "super"), false),
                               .can_write = true,
                               .scope = "/"};
}

static void take_entries(const struct json *j, struct task *t)
{
    const struct json *list = json_get(j, "entries");
    size_t n = list ? json_size(list) : 0;
    for (size_t i = 0; i < n && i < ACL_MAX; i++) {
        const struct json *e = json_at(list, i);
        struct acl_entry *to = &t->entries[t->n++];
        to->kind = json_text(json_get(e, "kind"), "?")[0];
        to->perm = (unsigned)json_i64(json_get(e, "perm"), 0);
        to->is_default = json_bool(json_get(e, "default"), false);
        snprintf(to->name, sizeof to->name, "%s", json_text(json_get(e, "name"), ""));
    }
}

int task_decode(uint64_t id, const void *data, size_t len, struct task *ret, struct err *err)
{
    struct json *j = json_parse(data, len, NULL);
    if (!j || json_kind_of(j) != JSON_OBJECT) {
        json_free(j);
        return err_set(err, ERR_CORRUPT, "the record of task %" PRIx64 " is damaged", id);
    }
    *ret = (struct task){.id = id, .action = (enum acl_action)json_i64(json_get(j, "action"), 0)};
    ret->kind = json_i64(json_get(j, "kind"), 0) == SUBTREE_ACL ? SUBTREE_ACL : SUBTREE_ATTR;
    ret->top = (inode_id)json_i64(json_get(j, "top"), 0);
    ret->done = (uint64_t)json_i64(json_get(j, "done"), 0);
    ret->skipped = (uint64_t)json_i64(json_get(j, "skipped"), 0);
    ret->started_ms = json_i64(json_get(j, "started"), 0);
    ret->first = copy(j, "first", NULL);
    ret->ended_ms = json_i64(json_get(j, "ended"), 0);
    ret->path = copy(j, "path", "");
    ret->after = copy(j, "after", "");
    ret->owner = copy(j, "owner", NULL);
    ret->group = copy(j, "group", NULL);
    ret->attr = (struct attr_change){.owner = ret->owner,
                                     .group = ret->group,
                                     .mode = (int)json_i64(json_get(j, "mode"), -1),
                                     .pinned = -1,
                                     .replication_min = INT64_MIN,
                                     .replication_max = INT64_MIN};
    take_who(j, ret);
    take_entries(j, ret);
    json_free(j);
    return 0;
}
