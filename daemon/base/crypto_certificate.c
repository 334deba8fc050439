/* SPDX-License-Identifier: Apache-2.0
 *
 * crypto_certificate: the self-signed certificate that a fresh installation serves with, and the
 * fingerprint by which people recognise it.  Threads: any.
 */
#include "base/crypto.h"
#include "base/file_util.h"
#include "base/mem.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

enum { VALID_DAYS = 3650 };

static void free_key(EVP_PKEY **k)
{
    EVP_PKEY_free(*k);
}

static void free_certificate(X509 **c)
{
    X509_free(*c);
}

static void free_bio(BIO **b)
{
    BIO_free(*b);
}

#define AUTO_KEY __attribute__((cleanup(free_key))) EVP_PKEY
#define AUTO_CERTIFICATE __attribute__((cleanup(free_certificate))) X509
#define AUTO_BIO __attribute__((cleanup(free_bio))) BIO

static bool is_host_name(const char *host)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:";
    size_t n = strlen(host);
    return n > 0 && n < 254 && strspn(host, allowed) == n;
}

static bool is_address(const char *host)
{
    uint8_t a[16];
    return inet_pton(AF_INET, host, a) == 1 || inet_pton(AF_INET6, host, a) == 1;
}

static bool add_extension(X509 *c, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509V3_set_ctx(&ctx, c, c, NULL, NULL, 0);
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    bool ok = e && X509_add_ext(c, e, -1);
    X509_EXTENSION_free(e);
    return ok;
}

static bool add_extensions(X509 *c, const char *host)
{
    AUTO_FREE char *names = xasprintf("%s:%s,DNS:localhost,IP:127.0.0.1,IP:::1", is_address(host) ? "IP" : "DNS", host);
    return add_extension(c, NID_basic_constraints, "critical,CA:FALSE") &&
           add_extension(c, NID_key_usage, "critical,digitalSignature") &&
           add_extension(c, NID_ext_key_usage, "serverAuth") &&
           add_extension(c, NID_subject_key_identifier, "hash") &&
           add_extension(c, NID_subject_alt_name, names);
}

static bool set_serial(X509 *c)
{
    uint8_t bytes[16];
    crypto_random(bytes, sizeof bytes);
    bytes[0] = (uint8_t)((bytes[0] & 0x7f) | 0x40); /* positive, and never empty */
    BIGNUM *n = BN_bin2bn(bytes, sizeof bytes, NULL);
    bool ok = n && BN_to_ASN1_INTEGER(n, X509_get_serialNumber(c));
    BN_free(n);
    return ok;
}

static bool fill(X509 *c, EVP_PKEY *key, const char *host)
{
    X509_NAME *name = X509_get_subject_name(c);
    char common[65]; /* the standard's limit; the full name stands among the alternatives */
    snprintf(common, sizeof common, "%.64s", host);
    return X509_set_version(c, X509_VERSION_3) && set_serial(c) && X509_gmtime_adj(X509_getm_notBefore(c), -3600) &&
           X509_time_adj_ex(X509_getm_notAfter(c), VALID_DAYS, 0, NULL) && X509_set_pubkey(c, key) &&
           X509_NAME_add_entry_by_txt(name, "O", MBSTRING_ASC, (const uint8_t *)"Isthmus", -1, -1, 0) &&
           X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const uint8_t *)common, -1, -1, 0) &&
           X509_set_issuer_name(c, name) && add_extensions(c, host) && X509_sign(c, key, EVP_sha256()) > 0;
}

int crypto_make_certificate(const char *path, const char *host, struct err *err)
{
    if (!is_host_name(host))
        return err_set(err, ERR_INVALID_ARGUMENT, "'%.80s' is not a host name", host);
    AUTO_KEY *key = EVP_EC_gen("P-256");
    AUTO_CERTIFICATE *c = X509_new();
    AUTO_BIO *pem = BIO_new(BIO_s_secmem());
    if (!key || !c || !pem || !fill(c, key, host) || !PEM_write_bio_X509(pem, c) ||
        !PEM_write_bio_PrivateKey(pem, key, NULL, NULL, 0, NULL, NULL))
        return err_set(err, ERR_INTERNAL, "cannot make a certificate for '%.80s'", host);
    char *data;
    long len = BIO_get_mem_data(pem, &data);
    return file_write(path, data, (size_t)len, 0600, err);
}

int crypto_certificate_fingerprint(const char *path, char to[96], struct err *err)
{
    AUTO(buf) text;
    uint8_t hash[SHA256_LEN];
    buf_init(&text, 1 << 20);
    TRY(file_read(path, 1 << 20, &text, err));
    AUTO_BIO *pem = BIO_new_mem_buf(buf_str(&text), (int)text.len);
    AUTO_CERTIFICATE *c = pem ? PEM_read_bio_X509(pem, NULL, NULL, NULL) : NULL;
    if (!c || !X509_digest(c, EVP_sha256(), hash, NULL))
        return err_set(err, ERR_CORRUPT, "'%s' does not start with a certificate in PEM", path);
    for (int i = 0; i < SHA256_LEN; i++) {
        to[3 * i] = "0123456789ABCDEF"[hash[i] >> 4];
        to[3 * i + 1] = "0123456789ABCDEF"[hash[i] & 15];
        to[3 * i + 2] = i == SHA256_LEN - 1 ? 0 : ':';
    }
    return 0;
}
