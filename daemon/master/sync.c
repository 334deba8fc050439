/* SPDX-License-Identifier: Apache-2.0
 *
 * sync: when a comparison is made.  Who runs it is sync_flight's, what it does sync_work's.  Threads: any.
 */
#include "master/sync.h"

#include "api/path.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "master/sync_decide.h"
#include "master/sync_flight.h"

#include <stdio.h>
#include <string.h>

struct sync {
    struct sync_env env;
    struct sync_flights *flights;
};

/* ---- before an answer ---- */
static bool is_loaded(const struct inode *dir)
{
    bool is_alone = dir->persistence == PERSIST_NOT && !(dir->flags & INODE_MOUNT_POINT) && dir->ino != INODE_ROOT;
    return (dir->flags & INODE_LOADED) || is_alone;
}

static bool is_ours_alone(const struct inode *i)
{
    return i->type == INODE_SYMLINK || (i->type == INODE_FILE && i->persistence != PERSIST_DONE && i->persistence != PERSIST_LOST);
}

struct asking { /* one sync_before */
    struct sync *s;
    const struct call *call;
    const char *path;
    const struct walk *walk;
    const struct sync_wish *wish;
    struct mount_at at;
    struct sync_state *ret;
};

/* Bytes of the path that the walk found. */
static size_t known_len(const struct asking *a)
{
    size_t at = 0;
    for (size_t i = 1; i < a->walk->count; i++)
        at = (size_t)(strchrnul(a->path + at + 1, '/') - a->path);
    return at;
}

static enum sync_decision decide(const struct asking *a, bool is_known, int64_t verified, bool is_parent_loaded)
{
    struct sync_question q = {.load = a->wish->read.load, .asked_interval_ms = a->wish->read.sync_interval_ms,
                              .freshness = a->at.freshness, .mount_interval_ms = a->at.interval_ms, .is_known = is_known,
                              .verified_ms = verified, .is_parent_loaded = is_parent_loaded, .now_ms = clock_wall_ms()};
    if (!is_known)
        q.absent_ms = sync_memory_absent_when(a->s->env.memory, mounts_generation(a->s->env.mounts), a->path, known_len(a));
    return sync_decide(&q);
}

/* A store that fails is no reason to hide what is known. */
static int forgive(struct asking *a, int rc, const struct err *why, const char *path)
{
    if (rc == 0 || rc == -ERR_NOT_FOUND) {
        a->ret->must_walk = true;
        return 0;
    }
    log_debug(master, "the comparison of %.200s with its store failed: %s", path, why->text);
    call_effect(a->call, "warn", "store_check_failed", 1, 0);
    return 0;
}

static int before_missing(struct asking *a, struct err *err)
{
    const struct inode *dir = &a->walk->last;
    int64_t verified = sync_memory_when(a->s->env.memory, dir->ino);
    a->ret->verified_ms = verified;
    if (dir->type != INODE_DIRECTORY || (dir->persistence == PERSIST_NOT && !(dir->flags & INODE_MOUNT_POINT) && dir->ino != INODE_ROOT))
        return 0;
    if (decide(a, false, verified, (dir->flags & INODE_LOADED) != 0) != SYNC_WAIT)
        return 0;
    int rc = sync_flight_path(a->s->flights, a->call, a->path, a->at.id, err);
    if (rc == -ERR_NOT_FOUND)
        return 0;
    a->ret->must_walk = true;
    return rc;
}

static int64_t newer(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int before_stat(struct asking *a)
{
    const struct inode *i = &a->walk->last;
    int64_t verified = sync_memory_when(a->s->env.memory, i->ino);
    if (a->walk->count > 1)
        verified = newer(verified, sync_memory_when(a->s->env.memory, a->walk->nodes[a->walk->count - 2].ino));
    a->ret->verified_ms = verified;
    if (!a->at.relative[0] || is_ours_alone(i))
        return 0;
    struct sync_wish as_asked = *a->wish;
    if (as_asked.read.load == LOAD_ALWAYS) /* loads children, not the inode itself */
        as_asked.read.load = LOAD_ONCE;
    struct asking b = *a;
    b.wish = &as_asked;
    enum sync_decision d = decide(&b, true, verified, true);
    if (d == SYNC_BESIDE) {
        sync_flight_beside(a->s->flights, a->path, a->at.id, false);
        a->ret->is_checking = true;
    }
    if (d != SYNC_WAIT)
        return 0;
    struct err why = {0};
    return forgive(a, sync_flight_path(a->s->flights, a->call, a->path, a->at.id, &why), &why, a->path);
}

static int before_list(struct asking *a, struct err *err)
{
    const struct inode *dir = &a->walk->last;
    bool loaded = is_loaded(dir);
    int64_t verified = sync_memory_when(a->s->env.memory, dir->ino);
    a->ret->verified_ms = verified;
    if (!loaded && a->wish->read.load == LOAD_NEVER)
        return 0;
    enum sync_decision d = loaded ? decide(a, true, verified, true) : SYNC_WAIT;
    if (dir->persistence == PERSIST_NOT && !(dir->flags & INODE_MOUNT_POINT) && dir->ino != INODE_ROOT)
        d = SYNC_SERVE;
    if (d == SYNC_BESIDE) {
        sync_flight_beside(a->s->flights, a->path, a->at.id, true);
        a->ret->is_checking = true;
    }
    if (d != SYNC_WAIT)
        return 0;
    struct err why = {0};
    int rc = loaded ? sync_flight_directory(a->s->flights, a->path, a->at.id, a->call->deadline_ms, &why)
                    : sync_flight_load(a->s->flights, a->path, a->at.id, a->call->deadline_ms, a->wish->after, a->ret->through, &why);
    a->ret->must_walk = true;
    a->ret->is_checking = a->ret->through[0] != 0;
    a->ret->verified_ms = sync_memory_when(a->s->env.memory, dir->ino);
    if (rc < 0 && !loaded && dir->length == 0) { /* nothing is known */
        if (err)
            *err = why;
        return rc;
    }
    return forgive(a, rc, &why, a->path);
}

int sync_before(struct sync *s, const struct call *call, const char *path, const struct walk *walk, const struct sync_wish *wish,
                struct sync_state *ret, struct err *err)
{
    struct asking a = {.s = s, .call = call, .path = path, .walk = walk, .wish = wish, .ret = ret};
    *ret = (struct sync_state){0};
    TRY(mounts_resolve(s->env.mounts, path, &a.at, err));
    if (a.at.mode == MOUNT_NO_ACCESS)
        return 0;
    if (walk->count == walk->depth) {
        bool is_list = wish->kind == SYNC_LIST && walk->last.type == INODE_DIRECTORY;
        return is_list ? before_list(&a, err) : before_stat(&a);
    }
    TRY(before_missing(&a, err));
    if (!ret->must_walk || wish->kind != SYNC_LIST)
        return 0;
    AUTO(walk) again = {0}; /* it was found: now its children */
    TRY(meta_walk(s->env.meta, path, &again, err));
    if (again.count < again.depth || again.last.type != INODE_DIRECTORY)
        return 0;
    a.walk = &again;
    int rc = before_list(&a, err);
    ret->must_walk = true;
    return rc;
}

int64_t sync_verified_ms(struct sync *s, inode_id dir)
{
    return sync_memory_when(s->env.memory, dir);
}

/* ---- asked for ---- */
int sync_content_changed(struct sync *s, const struct call *call, const char *path, struct err *err)
{
    struct mount_at at;
    TRY(mounts_resolve(s->env.mounts, path, &at, err));
    return sync_flight_path(s->flights, call, path, at.id, err);
}

int sync_key(struct sync *s, const struct call *call, mount_id mount, const char *key, const struct sync_mine *mine, struct err *err)
{
    struct sync_tally tally = {0};
    AUTO(buf) path = {0};
    buf_init(&path, PATH_MAX_BYTES);
    int rc = mounts_path_of(s->env.mounts, mount, &path, err);
    if (rc == -ERR_NOT_FOUND)
        return 0; /* unmounted meanwhile */
    TRY(rc);
    if (key[0] && path.len > 1)
        buf_addc(&path, '/');
    buf_adds(&path, key);
    TRY(buf_check(&path, "the path of a key", err));
    return sync_flight_count(sync_work_path(&s->env, call, buf_str(&path), mine, &tally, err), &tally);
}

/* Depth first over directories, by names, so that memory is one name for each level. */
struct level {
    inode_id ino;
    char after[NAME_MAX_BYTES + 1];
    size_t path_len;
};
struct tour {
    struct sync *s;
    const struct call *call;
    char path[PATH_MAX_BYTES + 1];
    struct level *levels;
    size_t depth;
    struct inode next;
    char next_name[NAME_MAX_BYTES + 1];
    int (*visit)(struct tour *t, struct err *err); /* of the directory t->path */
    /* load */
    bool is_forced;
    /* check */
    inconsistency_fn each;
    void *arg;
    bool repair;
};

static int pick_directory(void *arg, const struct meta_child *c, struct err *err)
{
    struct tour *t = arg;
    (void)err;
    snprintf(t->levels[t->depth - 1].after, NAME_MAX_BYTES + 1, "%s", c->name);
    if (c->type != INODE_DIRECTORY)
        return 0;
    t->next = *c->inode;
    snprintf(t->next_name, sizeof t->next_name, "%s", c->name);
    return -ERR_CANCELLED; /* stops the listing */
}

static int enter(struct tour *t, inode_id ino, struct err *err)
{
    t->levels = xrealloc(t->levels, (t->depth + 1) * sizeof *t->levels);
    t->levels[t->depth++] = (struct level){.ino = ino, .path_len = strlen(t->path)};
    return t->visit(t, err);
}

static int go_on(struct tour *t, struct err *err)
{
    struct level *l = &t->levels[t->depth - 1];
    char joined[PATH_MAX_BYTES + 1];
    t->path[l->path_len] = 0;
    if (clock_is_past(t->call->deadline_ms))
        return err_set(err, ERR_TIMEOUT, "no time was left at %.180s", t->path);
    int rc = meta_list(t->s->env.meta, l->ino, l->after[0] ? l->after : NULL, -1, 0, true, pick_directory, t, err);
    if (rc == 0)
        t->depth--;
    if (rc != -ERR_CANCELLED)
        return rc;
    if (path_join(t->path, t->next_name, joined, NULL) < 0)
        return 0; /* too long to be reached by anybody */
    memcpy(t->path, joined, sizeof joined);
    return enter(t, t->next.ino, err);
}

static int tour_run(struct tour *t, inode_id top, struct err *err)
{
    int rc = enter(t, top, err);
    while (rc == 0 && t->depth)
        rc = go_on(t, err);
    free(t->levels);
    return rc;
}

static int load_visit(struct tour *t, struct err *err)
{
    struct mount_at at;
    struct inode dir;
    inode_id ino = t->levels[t->depth - 1].ino;
    TRY(meta_inode(t->s->env.meta, ino, &dir, err));
    TRY(mounts_resolve(t->s->env.mounts, t->path, &at, err));
    int64_t age = at.freshness == FRESH_INTERVAL && at.interval_ms > 1000 ? at.interval_ms : 1000;
    if (at.mode == MOUNT_NO_ACCESS || (dir.persistence == PERSIST_NOT && !(dir.flags & INODE_MOUNT_POINT) && ino != INODE_ROOT))
        return 0;
    bool is_listed = dir.flags & INODE_LOADED; /* a directory that was only looked at by name is not */
    if (!t->is_forced && is_listed && clock_wall_ms() - sync_memory_when(t->s->env.memory, ino) < age)
        return 0;
    int rc = sync_flight_directory(t->s->flights, t->path, at.id, t->call->deadline_ms, err);
    return rc == -ERR_NOT_FOUND ? 0 : rc; /* it went meanwhile: the one above knows */
}

int sync_load_metadata(struct sync *s, const struct call *call, const char *path, bool is_recursive, bool is_forced, struct err *err)
{
    struct tour t = {.s = s, .call = call, .visit = load_visit, .is_forced = is_forced};
    struct mount_at at;
    AUTO(walk) w = {0};
    TRY(path_clean(path, t.path, err));
    TRY(mounts_resolve(s->env.mounts, t.path, &at, err));
    TRY(sync_flight_path(s->flights, call, t.path, at.id, err));
    TRY(meta_walk(s->env.meta, t.path, &w, err));
    if (w.count < w.depth)
        return err_set(err, ERR_NOT_FOUND, "Path \"%.200s\" does not exist.", t.path);
    if (w.last.type != INODE_DIRECTORY)
        return 0;
    if (is_recursive)
        return tour_run(&t, w.last.ino, err);
    return sync_flight_directory(s->flights, t.path, at.id, call->deadline_ms, err);
}

static int check_visit(struct tour *t, struct err *err)
{
    struct sync_hooks hooks = {.report = t->each, .report_arg = t->arg};
    struct sync_tally tally = {0};
    struct mount_at at;
    int rc = sync_flight_count(sync_work_directory(&t->s->env, t->call, t->path, &hooks, &tally, err), &tally);
    if (rc == -ERR_NOT_FOUND)
        return 0;
    TRY(rc);
    if (!t->repair || !tally.changed)
        return rc;
    TRY(mounts_resolve(t->s->env.mounts, t->path, &at, err));
    return sync_flight_directory(t->s->flights, t->path, at.id, t->call->deadline_ms, err);
}

static int check_file(struct tour *t, struct err *err)
{
    struct inconsistency i = {.path = t->path};
    TRY(sync_work_check(&t->s->env, t->call, t->path, &i.what, err));
    if (!i.what)
        return 0;
    TRY(t->each(t->arg, &i, err));
    int rc = t->repair ? sync_content_changed(t->s, t->call, t->path, err) : 0;
    return rc == -ERR_NOT_FOUND ? 0 : rc;
}

int sync_check_consistency(struct sync *s, const struct call *call, const char *path, bool repair, inconsistency_fn each, void *arg,
                           struct err *err)
{
    struct tour t = {.s = s, .call = call, .visit = check_visit, .repair = repair, .each = each, .arg = arg};
    AUTO(walk) w = {0};
    TRY(path_clean(path, t.path, err));
    TRY(meta_walk(s->env.meta, t.path, &w, err));
    if (w.count < w.depth)
        return err_set(err, ERR_NOT_FOUND, "Path \"%.200s\" does not exist.", t.path);
    if (w.last.type != INODE_DIRECTORY)
        return check_file(&t, err);
    return tour_run(&t, w.last.ino, err);
}

static int keep_unknown(void *arg, const struct inconsistency *i, struct err *err)
{
    (void)err;
    if (strcmp(i->what, "missing_here"))
        return 0;
    snprintf(arg, PATH_MAX_BYTES + 1, "%s", i->path);
    return -ERR_CANCELLED; /* one is enough */
}

int sync_refuse_unknown(struct sync *s, const struct call *call, const char *path, struct err *err)
{
    char unknown[PATH_MAX_BYTES + 1] = "";
    int rc = sync_check_consistency(s, call, path, false, keep_unknown, unknown, err);
    if (!unknown[0])
        return rc;
    TRY(sync_load_metadata(s, call, path, true, true, err));
    return err_set(err, ERR_CONFLICT, "Cannot delete \"%.60s\": UFS dir not in sync: \"%.60s\" was not known here. It is now: look at it and delete again, or delete unchecked.",
                   path, unknown + strlen(path) + 1);
}

/* ---- life ---- */
struct sync *sync_new(const struct sync_options *o)
{
    struct sync *s = xnew(struct sync);
    struct sync_env env = {.meta = o->meta, .mounts = o->mounts, .intents = o->intents, .memory = sync_memory_new(),
                           .block_size = o->block_size ? o->block_size : 64u << 20};
    s->flights = sync_flights_new(&env, o->threads ? o->threads : 4);
    s->env = *sync_flights_env(s->flights);
    return s;
}

void sync_free(struct sync *s)
{
    if (!s)
        return;
    sync_flights_free(s->flights);
    sync_memory_free(s->env.memory);
    free(s);
}
