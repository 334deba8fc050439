/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_backup: a backup from outside: its head is skipped so that no input costs the key derivation; frames are read
 * with a fixed key, sealed ones included (the first byte asks for a sealed frame around the rest).
 */
#include "admin/backup.h"
#include "base/mem.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

static void read_all(struct backup_reader *r)
{
    enum backup_frame kind;
    char piece[4096];
    size_t n = 1;
    while (backup_reader_next(r, &kind, NULL) == 0)
        if (kind == BACKUP_DATABASE) {
            while (n && r->source.pull(&r->source, piece, sizeof piece, &n, NULL) == 0)
                ;
            return;
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(buf) bytes = {.max = 1 << 22};
    if (size > 1 && data[0] & 1) {
        AUTO(buf) sealed = {.max = 1 << 22};
        struct crypto_key key = {{0}};
        char context[64], kind = "MKCDE"[data[0] % 5];
        snprintf(context, sizeof context, "isthmus backup %c 0", kind);
        crypto_seal(&key, context, data + 1, size - 1, &sealed);
        unsigned char head[5] = {(unsigned char)kind, (unsigned char)sealed.len, (unsigned char)(sealed.len >> 8),
                                 (unsigned char)(sealed.len >> 16), (unsigned char)(sealed.len >> 24)};
        buf_add(&bytes, head, sizeof head);
        buf_add(&bytes, sealed.data, sealed.len);
    } else {
        buf_add(&bytes, data, size);
    }
    struct source_mem from;
    source_mem_init(&from, buf_str(&bytes), bytes.len);
    struct backup_reader r = {.source = {.length = -1}, .from = &from.source, .digest = crypto_digest_new("sha256")};
    backup_reader_resume(&r);
    read_all(&r);
    backup_reader_done(&r);
    return 0;
}
