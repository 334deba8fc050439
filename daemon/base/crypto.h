/* SPDX-License-Identifier: Apache-2.0
 *
 * crypto: digests, MACs, sealed secrets, password hashes, random bytes and the certificate that
 * `format` makes.  The only users of OpenSSL beside TLS itself are crypto*.c.  Threads: any.
 */
#pragma once
#include "base/buf.h"

#define SHA256_LEN 32
#define MD5_LEN 16
void crypto_sha256(const void *data, size_t len, uint8_t to[SHA256_LEN]);
void crypto_md5(const void *data, size_t len, uint8_t to[MD5_LEN]);
void crypto_hmac_sha256(const void *key, size_t key_len, const void *data, size_t len, uint8_t to[SHA256_LEN]);
/* Incremental; free with crypto_digest_free. name: "sha256" or "md5". */
struct crypto_digest;
struct crypto_digest *crypto_digest_new(const char *name);
void crypto_digest_add(struct crypto_digest *d, const void *data, size_t len);
size_t crypto_digest_end(struct crypto_digest *d, uint8_t to[SHA256_LEN]); /* bytes written */
void crypto_digest_free(struct crypto_digest *d);
uint32_t crypto_crc32c(uint32_t crc, const void *data, size_t len); /* hardware where the CPU has it; start with 0 */
uint32_t crypto_crc32c_tables(uint32_t crc, const void *data, size_t len); /* the same without hardware */

void crypto_random(void *to, size_t len);
/* `len` characters of [A-Za-z0-9] and a 0. */
/* Unique, but no secret: cheap enough for each request. */
void crypto_unique_text(char *to, size_t len);
void crypto_random_text(char *to, size_t len);

/* AES-256-GCM: nonce ‖ ciphertext ‖ tag appended to `to`. `context` is authenticated, not stored. */
struct crypto_key {
    uint8_t bytes[32];
};
void crypto_seal(const struct crypto_key *key, const char *context, const void *data, size_t len, struct buf *to);
int crypto_open(const struct crypto_key *key, const char *context, const void *sealed, size_t len,
                struct buf *to, struct err *err) must_use; /* ERR_CORRUPT when key, context or bytes differ */
/* Reads the key file (mode must be 0600), or makes it when absent and `create`. */
int crypto_key_file(const char *path, bool create, struct crypto_key *ret, struct err *err) must_use;
/* Key from a passphrase (scrypt, salt 16 bytes). Takes about 0.1 s. */
int crypto_key_from_passphrase(const char *passphrase, const uint8_t salt[16], struct crypto_key *ret, struct err *err) must_use;

/* "scrypt$N$r$p$salt$hash" (base64). Takes about 0.1 s and 16 MiB. */
int crypto_password_hash(const char *password, char to[160], struct err *err) must_use;
bool crypto_password_matches(const char *password, const char *hash); /* constant time; false for a malformed hash */

/* A self-signed certificate for `host`, localhost and the loopback addresses, 10 years, ECDSA P-256, both into one PEM, mode 0600. */
int crypto_make_certificate(const char *path, const char *host, struct err *err) must_use;
int crypto_certificate_fingerprint(const char *path, char to[96], struct err *err) must_use; /* SHA-256, AA:BB:… */
