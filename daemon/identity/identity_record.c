/* SPDX-License-Identifier: Apache-2.0
 *
 * identity_record: see the header.
 */
#include "identity/identity_record.h"

#include "base/json.h"
#include "base/mem.h"
#include "meta/meta.h"

#include <stdio.h>
#include <string.h>

void id_record_put(struct id_record *r)
{
    if (!r || __atomic_sub_fetch(&r->refs, 1, __ATOMIC_ACQ_REL))
        return;
    for (size_t i = 0; i < r->group_count; i++)
        free(r->groups[i]);
    free(r->key);
    free(r->user);
    free(r->label);
    free(r->scope);
    free(r->from);
    explicit_bzero(r->hash, sizeof r->hash);
    free(r);
}

static void put_text(struct json_out *o, const char *key, const char *s)
{
    if (s && *s)
        json_put_string(o, key, s);
}

void id_record_encode(const struct id_record *r, struct buf *to)
{
    struct json_out o;
    json_out_init(&o, to);
    json_begin_object(&o, NULL);
    put_text(&o, "hash", r->hash);
    put_text(&o, "id", r->id);
    put_text(&o, "csrf", r->csrf);
    put_text(&o, "user", r->user);
    put_text(&o, "label", r->label);
    put_text(&o, "scope", r->scope);
    put_text(&o, "from", r->from);
    json_put_string(&o, "role", role_name(r->role));
    json_put_bool(&o, "disabled", r->is_disabled);
    json_put_bool(&o, "must_change", r->must_change);
    json_put_bool(&o, "can_write", r->can_write);
    json_put_i64(&o, "created_ms", r->created_ms);
    json_put_i64(&o, "expires_ms", r->expires_ms);
    json_begin_array(&o, "groups");
    for (size_t i = 0; i < r->group_count; i++)
        json_put_string(&o, NULL, r->groups[i]);
    json_end_array(&o);
    json_end_object(&o);
}

static char *take_text(const struct json *j, const char *key)
{
    return xstrdup(json_text(json_get(j, key), ""));
}

int id_record_decode(enum record_kind kind, const char *key, const void *value, size_t len, struct id_record **ret, struct err *err)
{
    struct json *j = json_parse(value, len, err);
    if (!j)
        return err_set(err, ERR_CORRUPT, "the record of %s '%.40s' is damaged", record_kind_name(kind), key);
    struct id_record *r = xnew(struct id_record);
    r->refs = 1;
    r->kind = kind;
    r->key = xstrdup(key);
    snprintf(r->hash, sizeof r->hash, "%s", json_text(json_get(j, "hash"), ""));
    snprintf(r->id, sizeof r->id, "%s", json_text(json_get(j, "id"), ""));
    snprintf(r->csrf, sizeof r->csrf, "%s", json_text(json_get(j, "csrf"), ""));
    r->user = take_text(j, "user");
    r->label = take_text(j, "label");
    r->scope = take_text(j, "scope");
    r->from = take_text(j, "from");
    r->role = role_from_name(json_text(json_get(j, "role"), ""));
    r->is_disabled = json_bool(json_get(j, "disabled"), false);
    r->must_change = json_bool(json_get(j, "must_change"), false);
    r->can_write = json_bool(json_get(j, "can_write"), true);
    r->created_ms = json_i64(json_get(j, "created_ms"), 0);
    r->expires_ms = json_i64(json_get(j, "expires_ms"), 0);
    const struct json *groups = json_get(j, "groups");
    for (size_t i = 0; groups && i < json_size(groups) && i < IDENTITY_GROUPS_MAX; i++)
        r->groups[r->group_count++] = xstrdup(json_text(json_at(groups, i), ""));
    json_free(j);
    *ret = r;
    return 0;
}

/* ---- the cache ---- */

void id_cache_init(struct id_cache *c)
{
    lock_init(&c->lock, RANK_LEAF);
}

static void clear_locked(struct id_cache *c)
{
    for (size_t i = 0; i < CACHE_BUCKETS; i++)
        for (struct id_record *r; (r = c->buckets[i]);) {
            c->buckets[i] = r->next;
            id_record_put(r);
        }
    c->count = 0;
}

void id_cache_done(struct id_cache *c)
{
    clear_locked(c);
    lock_done(&c->lock);
}

static size_t bucket_of(enum record_kind kind, const char *key)
{
    uint64_t h = 1469598103934665603u + kind;
    for (; *key; key++)
        h = (h ^ (unsigned char)*key) * 1099511628211u;
    return h % CACHE_BUCKETS;
}

static struct id_record **find_locked(struct id_cache *c, enum record_kind kind, const char *key)
{
    struct id_record **p = &c->buckets[bucket_of(kind, key)];
    while (*p && ((*p)->kind != kind || strcmp((*p)->key, key)))
        p = &(*p)->next;
    return p;
}

void id_cache_forget(struct id_cache *c, enum record_kind kind, const char *key)
{
    LOCK_SCOPE(&c->lock);
    struct id_record **p = find_locked(c, kind, key), *r = *p;
    c->generation++;
    if (!r)
        return;
    *p = r->next;
    c->count--;
    id_record_put(r);
}

static struct id_record *cached(struct id_cache *c, enum record_kind kind, const char *key, uint64_t *ret_generation)
{
    LOCK_SCOPE(&c->lock);
    struct id_record *r = *find_locked(c, kind, key);
    *ret_generation = c->generation;
    if (r)
        __atomic_add_fetch(&r->refs, 1, __ATOMIC_RELAXED);
    return r;
}

static void remember(struct id_cache *c, struct id_record *r, uint64_t generation)
{
    LOCK_SCOPE(&c->lock);
    struct id_record **p = find_locked(c, r->kind, r->key);
    if (generation != c->generation || *p)
        return;
    if (c->count >= CACHE_MAX) {
        clear_locked(c);
        p = find_locked(c, r->kind, r->key);
    }
    __atomic_add_fetch(&r->refs, 1, __ATOMIC_RELAXED);
    r->next = NULL;
    *p = r;
    c->count++;
}

int id_record_get(struct id_cache *c, struct meta *meta, enum record_kind kind, const char *key, struct id_record **ret,
                  struct err *err)
{
    uint64_t generation;
    AUTO(buf) value = {.max = 64 << 10};
    if ((*ret = cached(c, kind, key, &generation)))
        return 0;
    TRY(meta_record(meta, kind, key, &value, err));
    TRY(id_record_decode(kind, key, value.data, value.len, ret, err));
    remember(c, *ret, generation);
    return 0;
}
