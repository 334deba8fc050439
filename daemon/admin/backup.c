/* SPDX-License-Identifier: Apache-2.0
 *
 * backup: see the header.
 *   head:  "ISTHBAK1" salt[16]
 *   frame: kind[1] length[4, little endian] sealed[length]; the seal's context is "isthmus backup KIND NUMBER"
 */
#include "admin/backup.h"

#include "base/mem.h"

#include <stdio.h>
#include <string.h>

#define MAGIC "ISTHBAK1"
enum { MAGIC_LEN = 8, SALT_LEN = 16, FRAME_HEAD = 5, SEAL_MORE = 64 };

static void context_of(char kind, uint64_t number, char to[64])
{
    snprintf(to, 64, "isthmus backup %c %llu", kind, (unsigned long long)number);
}

static int push(struct sink *to, const void *data, size_t len, struct err *err)
{
    struct slice s = {.mem = data, .fd = -1, .len = len};
    return to->push(to, &s, err);
}

int backup_writer_put(struct backup_writer *w, enum backup_frame kind, const void *data, size_t len, struct err *err)
{
    char context[64];
    AUTO(buf) sealed = {.max = BACKUP_FRAME_MAX + 256};
    context_of((char)kind, w->frames++, context);
    crypto_seal(&w->key, context, data, len, &sealed);
    TRY(buf_check(&sealed, "a frame of the backup", err));
    unsigned char head[FRAME_HEAD] = {(unsigned char)kind, (unsigned char)sealed.len, (unsigned char)(sealed.len >> 8),
                                      (unsigned char)(sealed.len >> 16), (unsigned char)(sealed.len >> 24)};
    TRY(push(w->to, head, sizeof head, err));
    return push(w->to, sealed.data, sealed.len, err);
}

static int flush(struct backup_writer *w, struct err *err)
{
    if (!w->pending.len)
        return 0;
    crypto_digest_add(w->digest, w->pending.data, w->pending.len);
    int rc = backup_writer_put(w, BACKUP_DATABASE, w->pending.data, w->pending.len, err);
    buf_reset(&w->pending);
    return rc;
}

static int database_push(struct sink *sink, const struct slice *s, struct err *err)
{
    struct backup_writer *w = (struct backup_writer *)sink;
    for (size_t done = 0; done < s->len;) {
        size_t room = BACKUP_FRAME_MAX - w->pending.len, n = s->len - done < room ? s->len - done : room;
        struct slice part = *s;
        part.mem = s->mem ? (const char *)s->mem + done : NULL;
        part.off += done;
        part.len = n;
        char *to = buf_room(&w->pending, n);
        TRY(slice_copy(&part, to, err));
        buf_grew(&w->pending, n);
        done += n;
        if (w->pending.len == BACKUP_FRAME_MAX)
            TRY(flush(w, err));
    }
    return 0;
}

int backup_writer_begin(struct backup_writer *w, const char *passphrase, struct sink *to, struct err *err)
{
    char head[MAGIC_LEN + SALT_LEN];
    *w = (struct backup_writer){.sink.push = database_push, .to = to};
    if (strlen(passphrase) < 8) {
        err_set(err, ERR_INVALID_ARGUMENT, "the passphrase needs at least 8 characters");
        return err ? err_field(err, "passphrase") : -(int)ERR_INVALID_ARGUMENT;
    }
    memcpy(head, MAGIC, MAGIC_LEN);
    crypto_random(head + MAGIC_LEN, SALT_LEN);
    TRY(crypto_key_from_passphrase(passphrase, (uint8_t *)head + MAGIC_LEN, &w->key, err));
    w->digest = crypto_digest_new("sha256");
    buf_init(&w->pending, BACKUP_FRAME_MAX);
    return push(to, head, sizeof head, err);
}

int backup_writer_end(struct backup_writer *w, struct err *err)
{
    uint8_t digest[SHA256_LEN];
    TRY(flush(w, err));
    crypto_digest_end(w->digest, digest);
    return backup_writer_put(w, BACKUP_END, digest, sizeof digest, err);
}

void backup_writer_done(struct backup_writer *w)
{
    if (w->digest)
        crypto_digest_free(w->digest);
    buf_done(&w->pending);
    explicit_bzero(&w->key, sizeof w->key);
}

/* ---- reading ---- */

static int read_exactly(struct source *from, void *to, size_t len, struct err *err)
{
    for (size_t done = 0, n; done < len; done += n) {
        TRY(from->pull(from, (char *)to + done, len - done, &n, err));
        if (n == 0)
            return err_set(err, ERR_CORRUPT, "the backup ends early");
    }
    return 0;
}

static int read_frame(struct backup_reader *r, struct err *err)
{
    unsigned char head[FRAME_HEAD];
    char context[64];
    TRY(read_exactly(r->from, head, sizeof head, err));
    size_t len = head[1] | (size_t)head[2] << 8 | (size_t)head[3] << 16 | (size_t)head[4] << 24;
    if (len > BACKUP_FRAME_MAX + SEAL_MORE)
        return err_set(err, ERR_CORRUPT, "the backup is damaged: a frame of %zu bytes", len);
    AUTO_FREE char *sealed = xmalloc(len);
    TRY(read_exactly(r->from, sealed, len, err));
    context_of((char)head[0], r->frames, context);
    buf_reset(&r->frame);
    if (crypto_open(&r->key, context, sealed, len, &r->frame, NULL))
        return err_set(err, ERR_CORRUPT, r->frames ? "the backup is damaged in frame %llu" : "the passphrase is not the one of this backup, or it is damaged (frame %llu)",
                       (unsigned long long)r->frames);
    r->frames++;
    r->kind = (char)head[0];
    r->at = 0;
    return 0;
}

static int check_end(struct backup_reader *r, struct err *err)
{
    uint8_t digest[SHA256_LEN];
    crypto_digest_end(r->digest, digest);
    r->is_ended = true;
    if (r->frame.len != sizeof digest || memcmp(r->frame.data, digest, sizeof digest))
        return err_set(err, ERR_CORRUPT, "the backup is damaged: its digest differs");
    return 0;
}

static int database_pull(struct source *src, void *to, size_t cap, size_t *ret_len, struct err *err)
{
    struct backup_reader *r = (struct backup_reader *)src;
    *ret_len = 0;
    while (!r->is_ended && r->at == r->frame.len) {
        TRY(read_frame(r, err));
        if (r->kind == BACKUP_END)
            TRY(check_end(r, err));
        else if (r->kind != BACKUP_DATABASE)
            return err_set(err, ERR_CORRUPT, "the backup is damaged: unexpected frame");
        else
            crypto_digest_add(r->digest, r->frame.data, r->frame.len);
    }
    if (r->is_ended)
        return 0;
    *ret_len = r->frame.len - r->at < cap ? r->frame.len - r->at : cap;
    memcpy(to, r->frame.data + r->at, *ret_len);
    r->at += *ret_len;
    return 0;
}

void backup_reader_resume(struct backup_reader *r)
{
    r->source = (struct source){.pull = database_pull, .length = -1};
    buf_init(&r->frame, BACKUP_FRAME_MAX + SEAL_MORE);
}

int backup_reader_begin(struct backup_reader *r, const char *passphrase, struct source *from, struct err *err)
{
    char head[MAGIC_LEN + SALT_LEN];
    *r = (struct backup_reader){.from = from, .digest = crypto_digest_new("sha256")};
    backup_reader_resume(r);
    TRY(read_exactly(from, head, sizeof head, err));
    if (memcmp(head, MAGIC, MAGIC_LEN))
        return err_set(err, ERR_CORRUPT, "this is not a backup of Isthmus");
    return crypto_key_from_passphrase(passphrase, (uint8_t *)head + MAGIC_LEN, &r->key, err);
}

int backup_reader_next(struct backup_reader *r, enum backup_frame *ret_kind, struct err *err)
{
    TRY(read_frame(r, err));
    *ret_kind = (enum backup_frame)r->kind;
    if (r->kind == BACKUP_DATABASE)
        crypto_digest_add(r->digest, r->frame.data, r->frame.len);
    else if (r->kind == BACKUP_END)
        return err_set(err, ERR_CORRUPT, "the backup holds no database");
    return 0;
}

void backup_reader_done(struct backup_reader *r)
{
    if (r->digest)
        crypto_digest_free(r->digest);
    buf_done(&r->frame);
    explicit_bzero(&r->key, sizeof r->key);
}
