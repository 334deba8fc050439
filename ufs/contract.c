/* SPDX-License-Identifier: Apache-2.0
 *
 * contract: runs the cases and holds their tools.  What the cases demand stands in contract_basic.c
 * (files), contract_tree.c (directories) and contract_beyond.c.  Threads: one.
 */
#include "ufs/contract.h"

#include "base/clock.h"
#include "base/crypto.h"
#include "base/mem.h"
#include "ufs/contract_tools.h"

#include <string.h>

#define CALL_MS 60000

struct ufs_call contract_call(const struct contract *k)
{
    return (struct ufs_call){.deadline_ms = clock_mono_ms() + k->call_ms};
}

const char *contract_key(const struct contract *k, const char *name)
{
    static _Thread_local char places[4][2048];
    static _Thread_local unsigned turn;
    char *to = places[turn++ % array_len(places)];

    snprintf(to, sizeof(places[0]), "%s%s%s", k->dir, name[0] ? "/" : "", name);
    return to;
}

int contract_put(struct contract *k, const char *name, const char *text)
{
    struct ufs_call c = contract_call(k);
    struct source_mem s;

    source_mem_init(&s, text, strlen(text));
    return ufs_write(k->u, &c, contract_key(k, name), &s.source, false, NULL, k->err);
}

static uint8_t pattern(uint64_t off)
{
    return (uint8_t)(off ^ (off >> 7) ^ (off >> 16));
}

struct pattern_source {
    struct source source;
    uint64_t at, len, fail_at;
};

static int pattern_pull(struct source *src, void *to, size_t cap, size_t *ret_len, struct err *err)
{
    struct pattern_source *p = (struct pattern_source *)src;
    uint8_t *bytes = to;
    size_t n = p->len - p->at < cap ? (size_t)(p->len - p->at) : cap;

    if (p->at >= p->fail_at)
        return err_set(err, ERR_CANCELLED, "the writer gave up");
    for (size_t i = 0; i < n; i++)
        bytes[i] = pattern(p->at + i);
    p->at += n;
    *ret_len = n;
    return 0;
}

int contract_put_pattern(struct contract *k, const char *name, uint64_t len, bool is_length_known,
                         uint64_t fail_at)
{
    struct ufs_call c = contract_call(k);
    struct pattern_source p = {{pattern_pull, is_length_known ? (int64_t)len : -1}, 0, len, fail_at};

    return ufs_write(k->u, &c, contract_key(k, name), &p.source, false, NULL, k->err);
}

struct pattern_sink {
    struct sink sink;
    uint64_t at;
};

static int pattern_push(struct sink *sink, const struct slice *s, struct err *err)
{
    struct pattern_sink *p = (struct pattern_sink *)sink;
    AUTO_FREE uint8_t *bytes = xmalloc(s->len);

    TRY(slice_copy(s, bytes, err));
    for (size_t i = 0; i < s->len; i++)
        if (bytes[i] != pattern(p->at + i))
            return err_set(err, ERR_CORRUPT, "byte %llu is not what was written",
                           (unsigned long long)(p->at + i));
    p->at += s->len;
    return 0;
}

int contract_check_pattern(struct contract *k, const char *name, uint64_t off, uint64_t len,
                           uint64_t *ret_len)
{
    struct ufs_call c = contract_call(k);
    struct pattern_sink p = {{pattern_push}, off};

    TRY(ufs_read(k->u, &c, contract_key(k, name), off, len, NULL, &p.sink, k->err));
    *ret_len = p.at - off;
    return 0;
}

int contract_get(struct contract *k, const char *name, const char *etag, struct buf *to)
{
    struct ufs_call c = contract_call(k);
    struct sink_buf s;

    sink_buf_init(&s, to);
    return ufs_read(k->u, &c, contract_key(k, name), 0, UINT64_MAX, etag, &s.sink, k->err);
}

bool contract_is(struct contract *k, const char *name, enum ufs_type type)
{
    struct ufs_call c = contract_call(k);
    struct ufs_stat st;
    return ufs_stat(k->u, &c, contract_key(k, name), &st, NULL) == 0 && st.type == type;
}

bool contract_is_absent(struct contract *k, const char *name)
{
    struct ufs_call c = contract_call(k);
    struct ufs_stat st;
    return ufs_stat(k->u, &c, contract_key(k, name), &st, NULL) == -ERR_NOT_FOUND;
}

int contract_mkdir(struct contract *k, const char *name)
{
    struct ufs_call c = contract_call(k);
    return ufs_mkdir(k->u, &c, contract_key(k, name), 0755, k->err);
}

int contract_remove(struct contract *k, const char *name)
{
    struct ufs_call c = contract_call(k);
    return ufs_remove(k->u, &c, contract_key(k, name), k->err);
}

int contract_rename(struct contract *k, const char *from, const char *to)
{
    struct ufs_call c = contract_call(k);
    return ufs_rename(k->u, &c, contract_key(k, from), contract_key(k, to), k->err);
}

struct names {
    char **items;
    size_t count, cap;
};

static int names_add(void *arg, const char *name, const struct ufs_stat *st, struct err *err)
{
    struct names *n = arg;
    (void)err;

    if (n->count == n->cap) {
        n->cap = n->cap ? n->cap * 2 : 64;
        n->items = xrealloc(n->items, n->cap * sizeof(*n->items));
    }
    n->items[n->count++] = xasprintf("%s%s", name, st->type == UFS_DIRECTORY ? "/" : "");
    return 0;
}

static void names_done(struct names *n)
{
    for (size_t i = 0; i < n->count; i++)
        free(n->items[i]);
    free(n->items);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

int contract_names(struct contract *k, const char *name, bool recursive, struct buf *to)
{
    struct ufs_call c = contract_call(k);
    AUTO(names) n = {0};

    buf_reset(to);
    TRY(ufs_list(k->u, &c, contract_key(k, name), recursive, NULL, names_add, &n, k->err));
    if (n.count)
        qsort(n.items, n.count, sizeof(*n.items), by_name);
    for (size_t i = 0; i < n.count; i++)
        buf_addf(to, "%s\n", n.items[i]);
    return 0;
}

static int remove_files(struct contract *k, const char *key, const struct names *n)
{
    AUTO(names) keys = {0};
    const struct ufs_stat file = {.type = UFS_FILE};

    for (size_t i = 0; i < n->count; i++) {
        if (n->items[i][strlen(n->items[i]) - 1] == '/')
            continue;
        AUTO_FREE char *full = xasprintf("%s/%s", key, n->items[i]);
        names_add(&keys, full, &file, NULL);
    }
    struct ufs_call c = contract_call(k);
    return ufs_remove_many(k->u, &c, (const char *const *)keys.items, keys.count, k->err);
}

int contract_remove_tree(struct contract *k, const char *key)
{
    struct ufs_call c = contract_call(k);
    AUTO(names) n = {0};

    int rc = ufs_list(k->u, &c, key, true, NULL, names_add, &n, k->err);
    if (rc == -ERR_NOT_FOUND)
        return 0;
    TRY(rc);
    TRY(remove_files(k, key, &n));
    if (n.count)
        qsort(n.items, n.count, sizeof(*n.items), by_name);
    for (size_t i = n.count; i-- > 0;) {
        size_t len = strlen(n.items[i]);
        if (n.items[i][len - 1] != '/')
            continue;
        AUTO_FREE char *dir = xasprintf("%s/%.*s", key, (int)len - 1, n.items[i]);
        c = contract_call(k);
        TRY(ufs_rmdir(k->u, &c, dir, k->err));
    }
    c = contract_call(k);
    return ufs_rmdir(k->u, &c, key, k->err);
}

int contract_fill(struct contract *k, const char *name, int count)
{
    char path[128];

    for (int i = 0; i < count; i++) {
        snprintf(path, sizeof(path), "%s/file%d", name, i);
        TRY(contract_put(k, path, "TestBytes"));
        snprintf(path, sizeof(path), "%s/dir%d", name, i);
        TRY(contract_mkdir(k, path));
    }
    return 0;
}

/* Runs one case in a directory of its own and cleans up behind it. */
static bool run_one(struct contract *k, const char *work, const struct contract_case *one, FILE *out)
{
    struct err err = {0}, left = {0};

    fprintf(out, "Running test: %sTest...\n", one->name);
    fflush(out);
    snprintf(k->dir, sizeof(k->dir), "%s/%s", work, one->name);
    k->err = &err;
    int rc = contract_mkdir(k, "");
    if (rc == 0)
        rc = one->run(k);
    k->err = &left;
    int cleaned = contract_remove_tree(k, k->dir);
    if (rc < 0 || cleaned < 0)
        fprintf(out, "Failed: %sTest: %s\n", one->name, rc < 0 ? err.text : left.text);
    return rc == 0 && cleaned == 0;
}

size_t contract_run(struct ufs *u, const struct contract_options *o, FILE *out)
{
    const struct contract_case *const lists[] = {contract_basic, contract_tree, contract_beyond};
    struct contract k = {.u = u, .call_ms = o && o->call_ms ? o->call_ms : CALL_MS};
    unsigned caps = ufs_capabilities(u);
    char dice[9], work[64];
    size_t failed = 0;

    crypto_random_text(dice, 8);
    snprintf(work, sizeof(work), "isthmus-underfs-%s", dice);
    for (size_t l = 0; l < array_len(lists); l++)
        for (const struct contract_case *one = lists[l]; one->name; one++)
            if ((caps & one->needs) == one->needs && (!o || !o->only || strstr(one->name, o->only)))
                failed += !run_one(&k, work, one, out);
    k.err = NULL;
    failed += contract_remove_tree(&k, work) < 0;
    fprintf(out, "Tests completed with %zu failed.\n", failed);
    return failed;
}
