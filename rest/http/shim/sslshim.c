/* SPDX-License-Identifier: Apache-2.0
 *
 * sslshim: the one function that civetweb asks of "libssl.so" and that OpenSSL 3 no longer exports.
 *
 * Debian's civetweb (1.15, 1.16) opens "libssl.so" and "libcrypto.so" by these names, which exist
 * only where the -dev packages are, and looks up SSL_get_peer_certificate.  OpenSSL 3 has it as a
 * macro for SSL_get1_peer_certificate; civetweb then calls NULL at the first HTTPS request.  This
 * private library takes the name libssl.so, adds the symbol and depends on the real one, in which
 * dlsym finds the rest.  It must lie on an old-style RPATH: a RUNPATH is not consulted when a
 * library calls dlopen.  Threads: any.
 */
#include <openssl/ssl.h>

#undef SSL_get_peer_certificate
X509 *SSL_get_peer_certificate(const SSL *ssl);

X509 *SSL_get_peer_certificate(const SSL *ssl)
{
    return SSL_get1_peer_certificate(ssl);
}
