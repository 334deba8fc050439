/* SPDX-License-Identifier: Apache-2.0
 *
 * probe: the live test of a store, before it is mounted and on demand.  It talks to the driver below
 * all filters, so that the first failure names its cause at once.  One look at the root decides
 * over name, certificate and credentials; then the store is listed, read and written.  Threads: any.
 */
#include "base/clock.h"
#include "base/crypto.h"
#include "base/mem.h"
#include "ufs/ufs.h"

#include <stdio.h>
#include <string.h>

struct probe {
    struct ufs *u;
    const struct ufs_call *call;
    char file[256]; /* a file that the listing showed, or "" */
};

static enum err_code first_look(struct probe *p, struct err *err)
{
    struct ufs_stat st;
    int rc = ufs_stat(p->u, p->call, "", &st, err);
    return rc < 0 ? (enum err_code)-rc : ERR_OK;
}

/* Which of the first steps an error of the first look belongs to. */
static const char *step_of(enum err_code code)
{
    switch (code) {
    case ERR_STORE_DNS:
    case ERR_STORE_UNREACHABLE:
    case ERR_TIMEOUT:
        return "resolve";
    case ERR_STORE_TLS:
        return "tls";
    case ERR_STORE_AUTH:
    case ERR_STORE_CLOCK:
        return "sign_in";
    default:
        return "list";
    }
}

static int note_file(void *arg, const char *name, const struct ufs_stat *st, struct err *err)
{
    struct probe *p = arg;
    (void)err;

    if (st->type != UFS_FILE || strlen(name) >= sizeof(p->file))
        return 0;
    snprintf(p->file, sizeof(p->file), "%s", name);
    return 1;
}

static int step_list(struct probe *p, struct err *err)
{
    int rc = ufs_list(p->u, p->call, "", false, NULL, note_file, p, err);
    return rc < 0 ? rc : 0;
}

static int step_read(struct probe *p, struct err *err)
{
    AUTO(buf) got = {0};
    struct sink_buf sink;

    buf_init(&got, 16);
    sink_buf_init(&sink, &got);
    return ufs_read(p->u, p->call, p->file, 0, 1, NULL, &sink.sink, err);
}

static int step_write(struct probe *p, struct err *err)
{
    AUTO(buf) got = {0};
    struct source_mem source;
    struct sink_buf sink;
    char dice[13], key[48];

    crypto_random_text(dice, 12);
    snprintf(key, sizeof(key), UFS_TEST_PREFIX "%s", dice);
    source_mem_init(&source, dice, 12);
    buf_init(&got, 64);
    sink_buf_init(&sink, &got);
    TRY(ufs_write(p->u, p->call, key, &source.source, false, NULL, err));
    int rc = ufs_read(p->u, p->call, key, 0, 12, NULL, &sink.sink, err);
    if (rc == 0 && (got.len != 12 || memcmp(got.data, dice, 12) != 0))
        rc = err_set(err, ERR_CORRUPT, "the store gave other bytes back than were written");
    int removed = ufs_remove(p->u, p->call, key, rc < 0 ? NULL : err);
    return rc < 0 ? rc : removed;
}

static bool is_skipped(const struct probe *p, const char *name, bool read_only)
{
    unsigned caps = ufs_capabilities(p->u);
    bool is_network = caps & UFS_CAP_NETWORK;

    if (strcmp(name, "tls") == 0 && !(caps & UFS_CAP_TLS))
        return true;
    if (strcmp(name, "sign_in") == 0 && !is_network)
        return true;
    if (strcmp(name, "read") == 0 && !p->file[0])
        return true;
    if (strcmp(name, "write") == 0 && (read_only || (caps & UFS_CAP_READ_ONLY)))
        return true;
    return false;
}

static int run_step(struct probe *p, size_t i, enum err_code first, const struct err *why,
                    const char *name, struct err *err)
{
    if (first != ERR_OK && strcmp(step_of(first), name) == 0) {
        *err = *why;
        return -(int)first;
    }
    switch (i) {
    case 3:
        return step_list(p, err);
    case 4:
        return step_read(p, err);
    case 5:
        return step_write(p, err);
    default:
        return 0;
    }
}

size_t ufs_test(struct ufs *u, const struct ufs_call *c, bool read_only, struct ufs_test_step *ret,
                size_t max)
{
    static const char *const names[] = {"resolve", "tls", "sign_in", "list", "read", "write"};
    struct probe p = {.u = u, .call = c};
    struct err why = {0};
    bool has_failed = false;
    size_t n = 0;

    while (p.u->next)
        p.u = p.u->next;
    int64_t start = clock_mono_ms();
    enum err_code first = first_look(&p, &why);
    for (; n < array_len(names) && n < max; n++) {
        ret[n] = (struct ufs_test_step){.name = names[n], .state = "skipped"};
        if (!has_failed && !is_skipped(&p, names[n], read_only)) {
            has_failed = run_step(&p, n, first, &why, names[n], &ret[n].err) < 0;
            ret[n].state = has_failed ? "failed" : "ok";
        }
        ret[n].ms = clock_mono_ms() - start;
        start = clock_mono_ms();
    }
    return n;
}
