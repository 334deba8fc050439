/* SPDX-License-Identifier: Apache-2.0
 *
 * path_conf: see the header.  Threads: any.
 */
#include "master/path_conf.h"

#include "base/text.h"

#include <stdio.h>
#include <string.h>

struct setting {
    char *path, *key, *value;
};
struct path_conf {
    struct meta *meta;
    bool is_stale; /* atomic */
    struct lock lock; /* guards the table */
    struct setting *items;
    size_t n, cap;
};

struct path_conf *path_conf_new(struct meta *meta)
{
    struct path_conf *c = xnew(struct path_conf);
    c->meta = meta;
    c->is_stale = true;
    lock_init(&c->lock, RANK_MASTER_INNER);
    return c;
}

static void clear(struct setting *items, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        free(items[i].path);
        free(items[i].value);
    }
    free(items);
}

void path_conf_free(struct path_conf *c)
{
    if (!c)
        return;
    clear(c->items, c->n);
    lock_done(&c->lock);
    free(c);
}

void path_conf_on_record_changed(struct path_conf *c, enum record_kind kind)
{
    if (kind == RECORD_PATH_CONF)
        __atomic_store_n(&c->is_stale, true, __ATOMIC_RELEASE);
}

/* ---- the keys and what they may say ---- */

static int set_write(struct path_defaults *d, const char *v, struct err *err)
{
    return write_type_parse(v, &d->write_type, err);
}

static int set_read(struct path_defaults *d, const char *v, struct err *err)
{
    return read_type_parse(v, &d->read_type, err);
}

static int set_block(struct path_defaults *d, const char *v, struct err *err)
{
    uint64_t bytes;
    TRY(text_parse_size(v, &bytes, err));
    if (bytes < 64u << 10 || bytes > 1u << 30)
        return err_set(err, ERR_INVALID_ARGUMENT, "a block size lies between 64KB and 1GB, not %s", v);
    d->block_size = bytes;
    return 0;
}

static int set_ttl(struct path_defaults *d, const char *v, struct err *err)
{
    return text_parse_duration(v, &d->ttl_ms, err);
}

static int set_action(struct path_defaults *d, const char *v, struct err *err)
{
    return ttl_action_parse(v, &d->ttl_action, err);
}

static const struct {
    const char *key;
    int (*set)(struct path_defaults *d, const char *v, struct err *err);
} keys[] = {
    {"isthmus.user.block.size.bytes.default", set_block},
    {"isthmus.user.file.create.ttl", set_ttl},
    {"isthmus.user.file.create.ttl.action", set_action},
    {"isthmus.user.file.readtype.default", set_read},
    {"isthmus.user.file.writetype.default", set_write},
};

static int apply(struct path_defaults *d, const char *key, const char *value, struct err *err)
{
    for (size_t i = 0; i < array_len(keys); i++)
        if (!strcmp(keys[i].key, key))
            return keys[i].set(d, value, err);
    return err_set(err, ERR_INVALID_ARGUMENT,
                   "'%.60s' is not a setting of paths: isthmus.user.file.{writetype,readtype}.default, "
                   "isthmus.user.block.size.bytes.default, isthmus.user.file.create.ttl[.action]",
                   key);
}

/* ---- the table ---- */

struct table {
    struct setting *items;
    size_t n, cap;
};

static int add(void *arg, const char *record, const void *value, size_t len)
{
    struct table *t = arg;
    struct setting s = {.path = xstrdup(record), .value = xstrndup(value, len)};
    s.key = strchr(s.path, '\t');
    if (s.key)
        *s.key++ = 0;
    else
        s.key = s.path + strlen(s.path);
    if (t->n == t->cap) {
        t->cap = t->cap ? 2 * t->cap : 16;
        t->items = xrealloc(t->items, t->cap * sizeof *t->items);
    }
    t->items[t->n++] = s;
    return 0;
}

static int refresh(struct path_conf *c, struct err *err)
{
    if (!__atomic_exchange_n(&c->is_stale, false, __ATOMIC_ACQ_REL))
        return 0;
    struct table t = {0};
    int rc = meta_records(c->meta, RECORD_PATH_CONF, NULL, add, &t, err);
    if (rc) {
        __atomic_store_n(&c->is_stale, true, __ATOMIC_RELEASE);
        clear(t.items, t.n);
        return rc;
    }
    LOCK_SCOPE(&c->lock);
    clear(c->items, c->n);
    c->items = t.items;
    c->n = t.n;
    return 0;
}

int path_conf_defaults(struct path_conf *c, const char *path, struct path_defaults *ret, struct err *err)
{
    TRY(refresh(c, err));
    LOCK_SCOPE(&c->lock);
    for (size_t k = 0; k < array_len(keys) && c->n; k++) {
        const struct setting *best = NULL;
        for (size_t i = 0; i < c->n; i++) {
            const struct setting *s = &c->items[i];
            if (!strcmp(s->key, keys[k].key) && path_is_below(path, s->path) &&
                (!best || strlen(s->path) > strlen(best->path)))
                best = s;
        }
        if (best)
            (void)!apply(ret, best->key, best->value, NULL); /* checked when it was set */
    }
    return 0;
}

/* ---- meta_api ---- */

int path_conf_set(void *master, const struct call *call, const char *path, const char *key, const char *value, struct err *err)
{
    struct master *m = master;
    TRY(ops_may_change(call, err));
    if (call->who->role != ROLE_ADMIN && !ops_is_super(m, call))
        return err_set(err, ERR_PERMISSION_DENIED, "settings of paths need the role admin");
    char clean[PATH_MAX_BYTES + 1];
    TRY(path_clean(path, clean, err));
    struct path_defaults none = {0};
    if (value)
        TRY(apply(&none, key, value, err));
    AUTO(buf) record;
    buf_init(&record, PATH_MAX_BYTES + 256);
    buf_addf(&record, "%s\t%s", clean, key);
    TRY(buf_check(&record, "the name of the setting", err));
    int was = replay_before(m->meta, call, value ? "path_conf_set" : "path_conf_remove", clean, key, err);
    if (was)
        return was < 0 ? was : 0;
    AUTO(entry) e;
    entry_init(&e, ENTRY_PATH_CONF, call->now_ms);
    if (value)
        entry_put_record(&e, RECORD_PATH_CONF, buf_str(&record), value, strlen(value));
    else
        entry_remove_record(&e, RECORD_PATH_CONF, buf_str(&record));
    replay_put(call, &e, value ? "path_conf_set" : "path_conf_remove", clean, key);
    return ops_propose(m, call, &e, err);
}

int path_conf_list(void *master, const struct call *call, int (*each)(void *arg, const char *path, const char *key, const char *value),
                   void *arg, struct err *err)
{
    struct master *m = master;
    (void)call;
    struct table t = {0};
    int rc = meta_records(m->meta, RECORD_PATH_CONF, NULL, add, &t, err);
    for (size_t i = 0; i < t.n && !rc; i++)
        rc = each(arg, t.items[i].path, t.items[i].key, t.items[i].value);
    clear(t.items, t.n);
    return rc;
}
