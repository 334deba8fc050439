/* SPDX-License-Identifier: Apache-2.0
 *
 * crypto: digests, MACs, random bytes, sealed secrets, keys and password hashes over OpenSSL.
 * Certificates are in crypto_certificate.c, the page checksum in crc32c.c.  A digest or cipher that
 * OpenSSL does not have is a broken installation: the process ends.  Threads: any.
 */
#include "base/crypto.h"

#include "base/file_util.h"
#include "base/mem.h"
#include "base/text.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

enum { NONCE_LEN = 12, TAG_LEN = 16, SALT_LEN = 16 };
enum { SCRYPT_N = 16384, SCRYPT_R = 8, SCRYPT_P = 1, SCRYPT_MEMORY = 64 << 20 };

static EVP_MD *sha256, *md5; /* fetched once: a fetch takes longer than a small digest */
static pthread_key_t contexts; /* one for each thread, for the same reason */

static void context_free(void *ctx)
{
    EVP_MD_CTX_free(ctx);
}

static void fetch(void)
{
    int rc = pthread_key_create(&contexts, context_free);
    assert(rc == 0);
    sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    md5 = EVP_MD_fetch(NULL, "MD5", NULL);
    assert(sha256 && md5);
}

static const EVP_MD *digest_by_name(const char *name)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, fetch);
    bool is_sha = !strcmp(name, "sha256");
    assert(is_sha || !strcmp(name, "md5"));
    return is_sha ? sha256 : md5;
}

static void digest(const char *name, const void *data, size_t len, uint8_t *to)
{
    const EVP_MD *md = digest_by_name(name);
    EVP_MD_CTX *ctx = pthread_getspecific(contexts);
    if (!ctx) {
        ctx = EVP_MD_CTX_new();
        pthread_setspecific(contexts, ctx);
    }
    int ok = ctx && EVP_DigestInit_ex2(ctx, md, NULL) && EVP_DigestUpdate(ctx, len ? data : "", len) && EVP_DigestFinal_ex(ctx, to, NULL);
    assert(ok == 1);
}

void crypto_sha256(const void *data, size_t len, uint8_t to[SHA256_LEN])
{
    digest("sha256", data, len, to);
}

void crypto_md5(const void *data, size_t len, uint8_t to[MD5_LEN])
{
    digest("md5", data, len, to);
}

void crypto_hmac_sha256(const void *key, size_t key_len, const void *data, size_t len, uint8_t to[SHA256_LEN])
{
    assert(key_len <= INT_MAX);
    const uint8_t *mac = HMAC(digest_by_name("sha256"), key_len ? key : "", (int)key_len, len ? data : (const void *)"",
                              len, to, NULL);
    assert(mac);
}

struct crypto_digest {
    EVP_MD_CTX *ctx;
};

struct crypto_digest *crypto_digest_new(const char *name)
{
    struct crypto_digest *d = xnew(struct crypto_digest);
    d->ctx = EVP_MD_CTX_new();
    int ok = d->ctx && EVP_DigestInit_ex(d->ctx, digest_by_name(name), NULL);
    assert(ok);
    return d;
}

void crypto_digest_add(struct crypto_digest *d, const void *data, size_t len)
{
    int ok = len == 0 || EVP_DigestUpdate(d->ctx, data, len);
    assert(ok);
}

size_t crypto_digest_end(struct crypto_digest *d, uint8_t to[SHA256_LEN])
{
    unsigned len = 0;
    int ok = EVP_DigestFinal_ex(d->ctx, to, &len);
    assert(ok);
    return len;
}

void crypto_digest_free(struct crypto_digest *d)
{
    if (!d)
        return;
    EVP_MD_CTX_free(d->ctx);
    free(d);
}

void crypto_random(void *to, size_t len)
{
    for (uint8_t *p = to; len;) {
        int n = len > 1 << 20 ? 1 << 20 : (int)len;
        int ok = RAND_bytes(p, n);
        assert(ok == 1);
        p += n;
        len -= (size_t)n;
    }
}

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/* splitmix64 from a random start of each thread. */
static uint64_t next_unique(void)
{
    static _Thread_local uint64_t state;
    if (!state)
        crypto_random(&state, sizeof state);
    uint64_t z = state += 0x9e3779b97f4a7c15ull;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ z >> 27) * 0x94d049bb133111ebull;
    return z ^ z >> 31;
}

void crypto_unique_text(char *to, size_t len)
{
    uint64_t left = 0;
    for (size_t i = 0; i < len; i++, left /= 62) {
        if (i % 10 == 0) /* 62^10 < 2^64 */
            left = next_unique();
        to[i] = alphabet[left % 62];
    }
    to[len] = 0;
}

void crypto_random_text(char *to, size_t len)
{
    uint8_t bytes[64];
    size_t have = 0;
    while (len) {
        if (!have)
            crypto_random(bytes, have = sizeof bytes);
        uint8_t b = bytes[--have];
        if (b >= 248) /* 4 * 62: the rest would favour some letters */
            continue;
        *to++ = alphabet[b % 62];
        len--;
    }
    *to = 0;
    OPENSSL_cleanse(bytes, sizeof bytes);
}

/* ---- sealed secrets ---- */

static void free_cipher(EVP_CIPHER_CTX **c)
{
    EVP_CIPHER_CTX_free(*c);
}

void crypto_seal(const struct crypto_key *key, const char *context, const void *data, size_t len, struct buf *to)
{
    assert(len <= INT_MAX - 64);
    char *room = buf_room(to, NONCE_LEN + len + TAG_LEN);
    if (!room)
        return;
    uint8_t *nonce = (uint8_t *)room, *text = nonce + NONCE_LEN, *tag = text + len;
    int n = 0;
    __attribute__((cleanup(free_cipher))) EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    crypto_random(nonce, NONCE_LEN);
    bool ok = c && EVP_EncryptInit_ex(c, EVP_aes_256_gcm(), NULL, key->bytes, nonce) &&
              EVP_EncryptUpdate(c, NULL, &n, (const uint8_t *)context, (int)strlen(context)) &&
              (!len || EVP_EncryptUpdate(c, text, &n, data, (int)len)) && EVP_EncryptFinal_ex(c, tag, &n) &&
              EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_GET_TAG, TAG_LEN, tag);
    assert(ok);
    buf_grew(to, NONCE_LEN + len + TAG_LEN);
}

int crypto_open(const struct crypto_key *key, const char *context, const void *sealed, size_t len,
                struct buf *to, struct err *err)
{
    if (len < NONCE_LEN + TAG_LEN || len > INT_MAX)
        return err_set(err, ERR_CORRUPT, "a sealed secret of %zu bytes is not whole", len);
    size_t text_len = len - NONCE_LEN - TAG_LEN;
    const uint8_t *nonce = sealed, *text = nonce + NONCE_LEN, *tag = text + text_len;
    uint8_t *room = (uint8_t *)buf_room(to, text_len);
    if (!room)
        return buf_check(to, "a sealed secret", err);
    int n = 0;
    __attribute__((cleanup(free_cipher))) EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    bool ok = c && EVP_DecryptInit_ex(c, EVP_aes_256_gcm(), NULL, key->bytes, nonce) &&
              EVP_DecryptUpdate(c, NULL, &n, (const uint8_t *)context, (int)strlen(context)) &&
              (!text_len || EVP_DecryptUpdate(c, room, &n, text, (int)text_len)) &&
              EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_SET_TAG, TAG_LEN, (void *)tag) &&
              EVP_DecryptFinal_ex(c, room + text_len, &n) > 0;
    if (!ok) {
        OPENSSL_cleanse(room, text_len);
        *room = 0;
        return err_set(err, ERR_CORRUPT, "a sealed secret does not open: another key, or changed bytes");
    }
    buf_grew(to, text_len);
    return 0;
}

/* ---- keys ---- */

static int key_read(const char *path, struct crypto_key *ret, struct err *err)
{
    struct stat st;
    struct crypto_key key;
    AUTO(buf) text;
    buf_init(&text, 128);
    if (stat(path, &st) < 0)
        return err_set_errno(err, ERR_OK, errno, "cannot read the key file '%s'", path);
    if (st.st_mode & 0177)
        return err_set(err, ERR_CONFIG, "the key file '%s' has mode %03o: it must be 0600", path,
                       (unsigned)st.st_mode & 0777);
    TRY(file_read(path, 128, &text, err));
    size_t len = text.len && text.data[text.len - 1] == '\n' ? text.len - 1 : text.len;
    bool ok = len == 2 * sizeof key.bytes && text_unhex(text.data, len, key.bytes, NULL) == 0;
    if (text.data)
        OPENSSL_cleanse(text.data, text.len);
    if (!ok)
        return err_set(err, ERR_CORRUPT, "the key file '%s' does not hold 64 hexadecimal digits", path);
    *ret = key;
    return 0;
}

/* Never replaces a key: of two who make one at the same time, the second reads the first's. */
static int key_make(const char *path, struct err *err)
{
    struct crypto_key key;
    char text[2 * sizeof key.bytes + 2], tag[9];
    crypto_random_text(tag, 8);
    AUTO_FREE char *temp = xasprintf("%s.%s", path, tag);
    crypto_random(&key, sizeof key);
    text_hex(key.bytes, sizeof key.bytes, text);
    text[sizeof text - 2] = '\n';
    int rc = file_write(temp, text, sizeof text - 1, 0600, err);
    OPENSSL_cleanse(text, sizeof text);
    OPENSSL_cleanse(&key, sizeof key);
    if (rc == 0 && link(temp, path) < 0 && errno != EEXIST)
        rc = err_set_errno(err, ERR_OK, errno, "cannot create the key file '%s'", path);
    unlink(temp);
    AUTO_FREE char *folder = xstrdup(path);
    char *slash = strrchr(folder, '/');
    if (slash)
        slash[slash == folder] = 0;
    return rc < 0 ? rc : file_sync_dir(slash ? folder : ".", err);
}

int crypto_key_file(const char *path, bool create, struct crypto_key *ret, struct err *err)
{
    if (create && access(path, F_OK) < 0 && errno == ENOENT)
        TRY(key_make(path, err));
    return key_read(path, ret, err);
}

int crypto_key_from_passphrase(const char *passphrase, const uint8_t salt[16], struct crypto_key *ret, struct err *err)
{
    if (EVP_PBE_scrypt(passphrase, strlen(passphrase), salt, SALT_LEN, SCRYPT_N, SCRYPT_R, SCRYPT_P, SCRYPT_MEMORY,
                       ret->bytes, sizeof ret->bytes) != 1)
        return err_set(err, ERR_INTERNAL, "scrypt failed");
    return 0;
}

/* ---- passwords ---- */

int crypto_password_hash(const char *password, char to[160], struct err *err)
{
    uint8_t salt[SALT_LEN], hash[32];
    AUTO(buf) text;
    buf_init(&text, 159);
    crypto_random(salt, sizeof salt);
    if (EVP_PBE_scrypt(password, strlen(password), salt, sizeof salt, SCRYPT_N, SCRYPT_R, SCRYPT_P, SCRYPT_MEMORY,
                       hash, sizeof hash) != 1)
        return err_set(err, ERR_INTERNAL, "scrypt failed");
    buf_addf(&text, "scrypt$%d$%d$%d$", SCRYPT_N, SCRYPT_R, SCRYPT_P);
    text_base64(&text, salt, sizeof salt);
    buf_addc(&text, '$');
    text_base64(&text, hash, sizeof hash);
    TRY(buf_check(&text, "a password hash", err));
    memcpy(to, text.data, text.len + 1);
    return 0;
}

struct scrypt_hash {
    uint64_t n, r, p;
    struct buf salt, hash;
};

/* Takes the text up to the next '$' (or the end) off *s; false when it does not fit. */
static bool take_field(const char **s, char *to, size_t cap)
{
    size_t n = strcspn(*s, "$");
    if (n >= cap)
        return false;
    memcpy(to, *s, n);
    to[n] = 0;
    *s += n + ((*s)[n] == '$');
    return true;
}

static bool take_number(const char **s, uint64_t max, uint64_t *ret)
{
    char field[16];
    return take_field(s, field, sizeof field) && text_parse_u64(field, ret, NULL) == 0 && *ret > 0 && *ret <= max;
}

static bool take_bytes(const char **s, struct buf *to)
{
    char field[100];
    return take_field(s, field, sizeof field) && text_unbase64(to, field, strlen(field), NULL) == 0 && to->len >= 8;
}

static bool parse_hash(const char *s, struct scrypt_hash *h)
{
    if (!text_starts(s, "scrypt$"))
        return false;
    s += strlen("scrypt$");
    return take_number(&s, 1 << 20, &h->n) && take_number(&s, 32, &h->r) && take_number(&s, 16, &h->p) &&
           take_bytes(&s, &h->salt) && take_bytes(&s, &h->hash) && h->hash.len <= 64 && !*s;
}

bool crypto_password_matches(const char *password, const char *hash)
{
    struct scrypt_hash h = {0};
    uint8_t mine[64];
    buf_init(&h.salt, 64);
    buf_init(&h.hash, 64);
    bool ok = parse_hash(hash, &h) &&
              EVP_PBE_scrypt(password, strlen(password), (const uint8_t *)h.salt.data, h.salt.len, h.n, h.r, h.p,
                             SCRYPT_MEMORY, mine, h.hash.len) == 1 &&
              text_equal_constant_time(mine, h.hash.data, h.hash.len);
    buf_done(&h.salt);
    buf_done(&h.hash);
    return ok;
}
