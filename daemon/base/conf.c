/* SPDX-License-Identifier: Apache-2.0
 *
 * conf: the values in force.  A load gathers raw texts from all sources, resolves and checks each,
 * and only then puts the new set in force: a failed load changes nothing.  Syntax is conf_parse.c's,
 * types and bounds are conf_value.c's.
 * Threads: one loads, before others exist; any may read; run-time changes are serialised here.
 */
#include "base/conf.h"

#include "base/conf_value.h"
#include "base/crypto.h"
#include "base/file_util.h"
#include "base/lock.h"
#include "base/mem.h"
#include "base/text.h"

#include <assert.h>
#include <ctype.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { FILE_BYTES = 1 << 20, RESOLVED_BYTES = 65536 };

static const struct conf_option options[CONF_COUNT] = {
#define OPTION(id, key, type, value, bounds, flags, help) \
    [CONF_##id] = {key, CONF_##type, value, bounds, flags, help},
#include "base/options.def"
#undef OPTION
};

struct setting {
    struct conf_value value;
    enum conf_source source;
    char *where; /* "path:line", the variable or "-Dkey"; NULL for defaults */
};

static struct setting *active; /* CONF_COUNT; replaced by a load, before threads */
static struct lock live_lock;  /* one run-time change at a time */
/* Texts that a reader may still hold; a change is rare and small, so they stay. Under live_lock. */
static struct retired {
    struct retired *next;
    char *text;
} *retired;

const struct conf_option *conf_option(enum conf_id id)
{
    assert((unsigned)id < CONF_COUNT);
    return &options[id];
}

const struct conf_option *conf_find(const char *key, enum conf_id *ret_id)
{
    for (int i = 0; i < CONF_COUNT; i++)
        if (!strcmp(options[i].key, key)) {
            if (ret_id)
                *ret_id = (enum conf_id)i;
            return &options[i];
        }
    return NULL;
}

static int unknown_key(const char *where, const char *key, struct err *err)
{
    const char *nearest = conf_value_nearest(key);
    if (nearest)
        return err_set(err, ERR_CONFIG, "%s: '%.80s' is not a setting; did you mean %s?", where, key, nearest);
    return err_set(err, ERR_CONFIG, "%s: '%.80s' is not a setting", where, key);
}

/* ---- loading ---- */

struct load {
    char *raw[CONF_COUNT];
    struct setting *settings;
    enum load_state { NOT_YET, RESOLVING, RESOLVED } state[CONF_COUNT];
    enum conf_source source; /* of the pairs that come now */
    const char *file;
};

static void free_settings(struct setting *s)
{
    for (int i = 0; s && i < CONF_COUNT; i++) {
        free(s[i].value.text);
        free(s[i].where);
    }
    free(s);
}

static void load_done(struct load *l)
{
    for (int i = 0; i < CONF_COUNT; i++)
        free(l->raw[i]);
    free_settings(l->settings);
}

static void put_raw(struct load *l, enum conf_id id, const char *value, const char *where)
{
    free(l->raw[id]);
    free(l->settings[id].where);
    l->raw[id] = xstrdup(value);
    l->settings[id].where = xstrdup(where);
    l->settings[id].source = l->source;
}

static int put_pair(struct load *l, const char *key, const char *value, const char *where, struct err *err)
{
    enum conf_id id;
    if (!conf_find(key, &id))
        return unknown_key(where, key, err);
    put_raw(l, id, value, where);
    return 0;
}

static int from_file(void *arg, const char *key, const char *value, int line, struct err *err)
{
    struct load *l = arg;
    AUTO_FREE char *where = xasprintf("%s:%d", l->file, line);
    return put_pair(l, key, value, where, err);
}

static int load_file(struct load *l, const char *file, bool must_exist, struct err *err)
{
    AUTO(buf) text;
    buf_init(&text, FILE_BYTES);
    if (!file || (!must_exist && access(file, F_OK) < 0))
        return 0;
    struct err why;
    if (file_read(file, FILE_BYTES, &text, &why) < 0)
        return err_set(err, ERR_CONFIG, "%s", why.text);
    l->file = file;
    l->source = CONF_FROM_FILE;
    return conf_parse(buf_str(&text), text.len, file, from_file, l, err);
}

static void env_name(const char *key, char to[128])
{
    size_t i = 0;
    for (; key[i] && i < 127; i++)
        to[i] = key[i] == '.' ? '_' : (char)toupper((unsigned char)key[i]);
    to[i] = 0;
}

/* Other ISTHMUS_ variables are let be: container platforms make some up for a service of that name. */
static void load_environment(struct load *l)
{
    char name[128];
    l->source = CONF_FROM_ENV;
    for (int i = 0; i < CONF_COUNT; i++) {
        env_name(options[i].key, name);
        const char *value = getenv(name);
        if (value)
            put_raw(l, (enum conf_id)i, value, name);
    }
}

static int load_assignment(struct load *l, const char *pair, struct err *err)
{
    const char *equal = strchr(pair, '=');
    if (!equal)
        return err_set(err, ERR_CONFIG, "'-D%.80s' has no value: allowed is -Dkey=value", pair);
    AUTO_FREE char *key = xstrndup(pair, (size_t)(equal - pair));
    AUTO_FREE char *where = xasprintf("-D%.80s", key);
    l->source = CONF_FROM_ARGUMENT;
    return put_pair(l, key, equal + 1, where, err);
}

/* `path` without ".", ".." and double slashes, from the root. Links are not followed: the folder need not exist. */
static void absolute_path(const char *path, struct buf *to)
{
    char cwd[4096];
    AUTO_FREE char *full = path[0] == '/' ? xstrdup(path)
                                          : xasprintf("%s/%s", getcwd(cwd, sizeof cwd) ? cwd : "", path);
    char *rest = full;
    for (char *part; (part = strsep(&rest, "/"));) {
        if (!strcmp(part, "..")) {
            while (to->len && to->data[--to->len] != '/')
                ;
        } else if (*part && strcmp(part, ".")) {
            buf_addc(to, '/');
            buf_adds(to, part);
        }
    }
    if (to->data)
        to->data[to->len] = 0;
}

static void tag_of_home(const char *home, char to[9])
{
    uint8_t hash[SHA256_LEN];
    AUTO(buf) path;
    buf_init(&path, 8192);
    absolute_path(home, &path);
    crypto_sha256(buf_str(&path), path.len, hash);
    text_hex(hash, 4, to);
}

static int resolve(struct load *l, enum conf_id id, struct err *err);

static int look_up_loading(void *arg, const char *key, const char **ret, struct err *err)
{
    struct load *l = arg;
    enum conf_id id;
    if (!conf_find(key, &id))
        return unknown_key("${…}", key, err);
    TRY(resolve(l, id, err));
    *ret = l->settings[id].value.text;
    return 0;
}

static int resolve_value(struct load *l, enum conf_id id, struct err *err)
{
    AUTO(buf) text;
    buf_init(&text, RESOLVED_BYTES);
    const char *raw = l->raw[id] ? l->raw[id] : options[id].value;
    TRY(conf_value_expand(raw, look_up_loading, l, &text, err));
    if (id == CONF_NODE_TAG && !text.len) {
        char tag[9];
        TRY(resolve(l, CONF_HOME, err));
        tag_of_home(l->settings[CONF_HOME].value.text, tag);
        buf_adds(&text, tag);
    }
    return conf_value_parse(&options[id], buf_str(&text), &l->settings[id].value, err);
}

/* The message of `why` with place and key in front unless it has them; long paths lose their head. */
static int explain(enum conf_id id, const char *where, const struct err *why, struct err *err)
{
    size_t n = strlen(where);
    const char *place = n > 80 ? where + n - 80 : where, *key = options[id].key;
    if (strstr(why->text, place))
        place = "";
    if (strstr(why->text, key))
        key = "";
    return err_set(err, ERR_CONFIG, "%s%s%s%s%s", place, *place ? ": " : "", key, *key ? ": " : "", why->text);
}

/* Calls itself through ${…}, at most once for each option: a second visit is a cycle. */
static int resolve(struct load *l, enum conf_id id, struct err *err)
{
    struct err why = {0};
    if (l->state[id] == RESOLVED)
        return 0;
    if (l->state[id] == RESOLVING)
        return err_set(err, ERR_CONFIG, "%s: the value refers to itself through ${…}", options[id].key);
    l->state[id] = RESOLVING;
    if (resolve_value(l, id, &why) < 0)
        return explain(id, l->settings[id].where ? l->settings[id].where : "", &why, err);
    l->state[id] = RESOLVED;
    return 0;
}

static int load_all(struct load *l, const char *file, bool must_exist, size_t n, const char *const *assignments,
                    struct err *err)
{
    TRY(load_file(l, file, must_exist, err));
    load_environment(l);
    for (size_t i = 0; i < n; i++)
        TRY(load_assignment(l, assignments[i], err));
    for (int i = 0; i < CONF_COUNT; i++)
        TRY(resolve(l, (enum conf_id)i, err));
    return 0;
}

int conf_load(const char *file, bool must_exist, size_t n, const char *const *assignments, struct err *err)
{
    AUTO(load) l = {.settings = xcalloc(CONF_COUNT, sizeof(struct setting))};
    TRY(load_all(&l, file, must_exist, n, assignments, err));
    free_settings(active);
    active = steal(&l.settings);
    return conf_verify(err);
}

/* ---- values ---- */

__attribute__((constructor)) static void start(void)
{
    lock_init(&live_lock, RANK_LEAF);
}

/* Unit tests and tools that load nothing see the defaults. */
static void load_defaults(void)
{
    struct load l = {.settings = xcalloc(CONF_COUNT, sizeof(struct setting))};
    for (int i = 0; i < CONF_COUNT && !active; i++) {
        int rc = resolve(&l, (enum conf_id)i, NULL);
        assert(rc == 0);
    }
    if (!active)
        active = steal(&l.settings);
    load_done(&l);
}

static struct setting *setting(enum conf_id id)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    assert((unsigned)id < CONF_COUNT);
    pthread_once(&once, load_defaults);
    return &active[id];
}

const char *conf_text(enum conf_id id)
{
    return __atomic_load_n(&setting(id)->value.text, __ATOMIC_ACQUIRE);
}

static int64_t number(enum conf_id id, enum conf_type type)
{
    assert(conf_option(id)->type == type);
    return __atomic_load_n(&setting(id)->value.number, __ATOMIC_RELAXED);
}

uint64_t conf_size(enum conf_id id)
{
    return (uint64_t)number(id, CONF_SIZE);
}

int64_t conf_duration(enum conf_id id)
{
    return number(id, CONF_DURATION);
}

int64_t conf_int(enum conf_id id)
{
    return number(id, CONF_INT);
}

bool conf_bool(enum conf_id id)
{
    return number(id, CONF_BOOL) != 0;
}

enum conf_source conf_source(enum conf_id id)
{
    return __atomic_load_n(&setting(id)->source, __ATOMIC_RELAXED);
}

char *conf_source_text(enum conf_id id, char to[512])
{
    static const char *const names[] = {"DEFAULT", "SITE_PROPERTY", "ENVIRONMENT", "SYSTEM_PROPERTY", "RUNTIME"};
    enum conf_source source = conf_source(id);
    if (source == CONF_FROM_FILE)
        snprintf(to, 512, "%s (%s)", names[source], setting(id)->where);
    else
        snprintf(to, 512, "%s", names[source]);
    return to;
}

const char *conf_shown(enum conf_id id)
{
    const char *text = conf_text(id);
    return *text && conf_value_is_secret(&options[id]) ? "******" : text;
}

/* ---- changes at run time ---- */

static int look_up_active(void *arg, const char *key, const char **ret, struct err *err)
{
    (void)arg;
    enum conf_id id;
    if (!conf_find(key, &id))
        return unknown_key("${…}", key, err);
    *ret = conf_text(id);
    return 0;
}

static int expand_and_parse(enum conf_id id, const char *value, struct conf_value *ret, struct err *err)
{
    AUTO(buf) text;
    buf_init(&text, RESOLVED_BYTES);
    TRY(conf_value_expand(value, look_up_active, NULL, &text, err));
    return conf_value_parse(conf_option(id), buf_str(&text), ret, err);
}

static int parse_now(enum conf_id id, const char *value, struct conf_value *ret, struct err *err)
{
    struct err why = {0};
    if (expand_and_parse(id, value, ret, &why) < 0)
        return explain(id, "", &why, err);
    return 0;
}

int conf_check(enum conf_id id, const char *value, struct err *err)
{
    struct conf_value v = {0};
    TRY(parse_now(id, value, &v, err));
    free(v.text);
    return 0;
}

int conf_set_live(enum conf_id id, const char *value, struct err *err)
{
    struct conf_value v = {0};
    if (!(conf_option(id)->flags & CONF_LIVE))
        return err_set(err, ERR_CONFIG, "%s cannot change while the daemon runs: set it in the properties file and restart",
                       options[id].key);
    TRY(parse_now(id, value, &v, err));
    struct setting *s = setting(id);
    struct retired *r = xnew(struct retired);
    LOCK_SCOPE(&live_lock);
    *r = (struct retired){.next = retired, .text = s->value.text};
    retired = r;
    __atomic_store_n(&s->value.number, v.number, __ATOMIC_RELAXED);
    __atomic_store_n(&s->value.text, v.text, __ATOMIC_RELEASE);
    __atomic_store_n(&s->source, CONF_FROM_RUNTIME, __ATOMIC_RELAXED);
    return 0;
}
