/* SPDX-License-Identifier: Apache-2.0
 *
 * http_socket: a connection's descriptor, which civetweb does not tell, and what it is good for: options, and files sent
 * without a copy (plain connections only, TLS has to see the bytes).  Private to this folder.
 */
#pragma once
#include "base/err.h"

#include <civetweb.h>
#include <stdbool.h>

struct slice;

/* One end of a connection: the address in numbers. */
struct http_end {
    char address[64];
    int port;
};
/* False when the descriptor is no connection over IP. */
bool http_socket_ends(int fd, struct http_end *ret_ours, struct http_end *ret_theirs);
/* The descriptors of connections to `port` of ours, at most `max`; their number. Any of them may be closed meanwhile. */
size_t http_socket_list(int port, int *to, size_t max);

/* The descriptor of the connection that `info` came on, -1 when it cannot be told. It is valid while the connection is:
 * civetweb keeps it and closes it. Looks at every descriptor of the process: ask once for a connection. */
int http_socket_find(const struct mg_request_info *info);
/* Once for a connection that is to carry much: between two programs of one machine no pacing, and a short queue when what it
 * begins with is copied and not a file. */
void http_socket_prepare(int socket, bool is_copied);
/* Sends a slice of a file; blocks. ERR_CANCELLED when the client goes away, takes nothing for `patience_ms`, or *is_ending
 * becomes true (atomic); ERR_IO, ERR_CORRUPT when the file cannot be read or is shorter. */
int http_socket_send(int socket, const struct slice *s, int patience_ms, const bool *is_ending, struct err *err) must_use;
