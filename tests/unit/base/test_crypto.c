/* SPDX-License-Identifier: Apache-2.0
 *
 * test_crypto: published test vectors, and that a changed bit is noticed.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/crypto.h"
#include "base/file_util.h"
#include "base/mem.h"
#include "base/text.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static char folder[64];

static int make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/isthmus-test-crypto-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    return file_remove_tree(folder, NULL);
}

static void assert_hex(const uint8_t *bytes, size_t len, const char *hex)
{
    char text[2 * SHA256_LEN + 1];
    text_hex(bytes, len, text);
    assert_string_equal(text, hex);
}

static void digests(void **state)
{
    (void)state;
    uint8_t d[SHA256_LEN];
    crypto_sha256("abc", 3, d);
    assert_hex(d, 32, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    crypto_sha256(NULL, 0, d);
    assert_hex(d, 32, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    crypto_md5("abc", 3, d);
    assert_hex(d, 16, "900150983cd24fb0d6963f7d28e17f72");
    crypto_hmac_sha256("Jefe", 4, "what do ya want for nothing?", 28, d); /* RFC 4231, case 2 */
    assert_hex(d, 32, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    struct crypto_digest *c = crypto_digest_new("md5");
    crypto_digest_add(c, "a", 1);
    crypto_digest_add(c, NULL, 0);
    crypto_digest_add(c, "bc", 2);
    assert_int_equal(crypto_digest_end(c, d), MD5_LEN);
    assert_hex(d, 16, "900150983cd24fb0d6963f7d28e17f72");
    crypto_digest_free(c);
    crypto_digest_free(NULL);
}

static void crc32c(void **state)
{
    (void)state;
    uint8_t data[100];
    assert_int_equal(crypto_crc32c(0, "123456789", 9), 0xe3069283);
    memset(data, 0, 32); /* RFC 3720, B.4 */
    assert_int_equal(crypto_crc32c(0, data, 32), 0x8a9136aa);
    memset(data, 0xff, 32);
    assert_int_equal(crypto_crc32c(0, data, 32), 0x62a8ab43);
    assert_int_equal(crypto_crc32c(0, NULL, 0), 0);
}

/* Lengths around each step of the fast path, at odd addresses, whole and in two pieces. */
static void crc32c_paths_agree(void **state)
{
    (void)state;
    static const size_t lens[] = {1, 7, 8, 9, 767, 768, 769, 24575, 24576, 24577, 60001};
    uint8_t *data = xmalloc(60100);
    for (size_t i = 0; i < 60100; i++)
        data[i] = (uint8_t)(i * 7 + i / 251);
    for (size_t i = 0; i < array_len(lens); i++)
        for (size_t off = 0; off < 9; off++) {
            uint32_t want = crypto_crc32c_tables(0, data + off, lens[i]);
            assert_int_equal(crypto_crc32c(0, data + off, lens[i]), want);
            uint32_t first = crypto_crc32c(0, data + off, lens[i] / 3);
            assert_int_equal(crypto_crc32c(first, data + off + lens[i] / 3, lens[i] - lens[i] / 3), want);
        }
    free(data);
}

static void random_text(void **state)
{
    (void)state;
    char a[101], b[101];
    crypto_random_text(a, 100);
    crypto_random_text(b, 100);
    assert_int_equal(strlen(a), 100);
    assert_string_not_equal(a, b);
    assert_int_equal(strspn(a, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"), 100);
}

static void seals(void **state)
{
    (void)state;
    struct crypto_key key, other;
    AUTO(buf) sealed;
    AUTO(buf) again;
    AUTO(buf) out;
    buf_init(&sealed, 1000);
    buf_init(&again, 1000);
    buf_init(&out, 1000);
    crypto_random(&key, sizeof key);
    crypto_random(&other, sizeof other);
    crypto_seal(&key, "mount 3", "hush", 4, &sealed);
    crypto_seal(&key, "mount 3", "hush", 4, &again);
    assert_int_equal(sealed.len, 12 + 4 + 16);
    assert_memory_not_equal(sealed.data, again.data, sealed.len);
    assert_int_equal(crypto_open(&key, "mount 3", sealed.data, sealed.len, &out, NULL), 0);
    assert_string_equal(buf_str(&out), "hush");
    assert_int_equal(crypto_open(&key, "mount 4", sealed.data, sealed.len, &out, NULL), -ERR_CORRUPT);
    assert_int_equal(crypto_open(&other, "mount 3", sealed.data, sealed.len, &out, NULL), -ERR_CORRUPT);
    assert_int_equal(crypto_open(&key, "mount 3", sealed.data, 27, &out, NULL), -ERR_CORRUPT);
    for (size_t i = 0; i < sealed.len; i++) {
        sealed.data[i] ^= 1;
        assert_int_equal(crypto_open(&key, "mount 3", sealed.data, sealed.len, &out, NULL), -ERR_CORRUPT);
        sealed.data[i] ^= 1;
    }
    assert_string_equal(buf_str(&out), "hush");
    buf_reset(&sealed);
    crypto_seal(&key, "", NULL, 0, &sealed);
    assert_int_equal(crypto_open(&key, "", sealed.data, sealed.len, &out, NULL), 0);
}

static void key_files(void **state)
{
    (void)state;
    AUTO_FREE char *path = xasprintf("%s/key", folder);
    struct crypto_key a, b;
    struct err err;
    assert_int_equal(crypto_key_file(path, false, &a, &err), -ERR_NOT_FOUND);
    assert_int_equal(crypto_key_file(path, true, &a, &err), 0);
    assert_int_equal(crypto_key_file(path, true, &b, &err), 0);
    assert_memory_equal(&a, &b, sizeof a);
    chmod(path, 0640);
    assert_int_equal(crypto_key_file(path, true, &b, &err), -ERR_CONFIG);
    assert_non_null(strstr(err.text, "0600"));
    assert_int_equal(file_write(path, "short", 5, 0600, &err), 0);
    assert_int_equal(crypto_key_file(path, true, &b, &err), -ERR_CORRUPT);
}

static void passwords(void **state)
{
    (void)state;
    char hash[160];
    static const char *const bad[] = {"", "scrypt$", "plain", "scrypt$16384$8$1$AAAA$AAAA", "scrypt$16384$8$1$AAAAAAAAAAAAAAAA",
                                      "scrypt$1048576$32$16$AAAAAAAAAAAAAAAAAAAAAA==$AAAAAAAAAAAAAAAAAAAAAA==", "scrypt$x$8$1$AAAAAAAAAAAA$AAAAAAAAAAAA"};
    assert_int_equal(crypto_password_hash("pass word", hash, NULL), 0);
    assert_true(text_starts(hash, "scrypt$16384$8$1$"));
    assert_true(crypto_password_matches("pass word", hash));
    assert_false(crypto_password_matches("pass worm", hash));
    for (size_t i = 0; i < array_len(bad); i++)
        assert_false(crypto_password_matches("pass word", bad[i]));
    struct crypto_key a, b;
    assert_int_equal(crypto_key_from_passphrase("p", (const uint8_t *)"0123456789abcdef", &a, NULL), 0);
    assert_int_equal(crypto_key_from_passphrase("q", (const uint8_t *)"0123456789abcdef", &b, NULL), 0);
    assert_memory_not_equal(&a, &b, sizeof a);
}

static void certificates(void **state)
{
    (void)state;
    AUTO_FREE char *path = xasprintf("%s/server.pem", folder);
    char print[96];
    struct stat st;
    struct err err;
    assert_int_equal(crypto_make_certificate(path, "node-1.example.org", &err), 0);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(crypto_certificate_fingerprint(path, print, &err), 0);
    assert_int_equal(strlen(print), 95);
    AUTO(buf) pem;
    buf_init(&pem, 100000);
    assert_int_equal(file_read(path, 100000, &pem, NULL), 0);
    assert_non_null(strstr(pem.data, "BEGIN CERTIFICATE"));
    assert_non_null(strstr(pem.data, "PRIVATE KEY"));
    assert_int_equal(crypto_make_certificate(path, "10.0.0.1", &err), 0);
    assert_int_equal(crypto_make_certificate(path, "a,DNS:evil", &err), -ERR_INVALID_ARGUMENT);
    assert_int_equal(file_write(path, "junk", 4, 0600, NULL), 0);
    assert_int_equal(crypto_certificate_fingerprint(path, print, &err), -ERR_CORRUPT);
}

static void test_unique_texts(void **state)
{
    char a[40], b[40];
    (void)state;
    for (size_t len = 1; len < sizeof a; len++) {
        crypto_unique_text(a, len);
        crypto_unique_text(b, len);
        assert_int_equal(strlen(a), len);
        if (len > 9)
            assert_string_not_equal(a, b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unique_texts),
        cmocka_unit_test(digests), cmocka_unit_test(crc32c), cmocka_unit_test(crc32c_paths_agree), cmocka_unit_test(random_text),
        cmocka_unit_test(seals), cmocka_unit_test(key_files), cmocka_unit_test(passwords), cmocka_unit_test(certificates),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
