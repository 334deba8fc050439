/* SPDX-License-Identifier: Apache-2.0
 *
 * cryptoshim: a library named libcrypto.so that holds nothing and depends on the real one, for the
 * reason told in sslshim.c: civetweb opens it by the name that only -dev packages provide, and
 * dlsym searches a library's own dependencies.  Threads: none.
 */
extern const char cryptoshim_purpose[];
const char cryptoshim_purpose[] = "libcrypto.so for civetweb";
