/* SPDX-License-Identifier: Apache-2.0
 *
 * client: calls of the REST API.  Knows where the daemon is and who we are; an answer that is not a
 * success becomes an error with the daemon's own words.  Within one run, reads see the run's changes.
 * Threads: one.
 */
#pragma once
#include "base/json.h"
#include "base/slice.h"
#include "cli/cli.h"

void client_free(struct client *c);
/* The URL of the daemon, "http://127.0.0.1:19999". ERR_CONFIG, ERR_UNAVAILABLE when it is not known. */
int client_url(struct cli *c, char to[1024], struct err *err) must_use;

/* `target` is below /api/v1 and encoded. `body` JSON or NULL. `ret` may be NULL; else owned by the caller, never NULL then. */
int client_call(struct cli *c, const char *method, const char *target, const char *body, struct json **ret, struct err *err) must_use;
int client_get(struct cli *c, const char *target, struct json **ret, struct err *err) must_use;
/* The same for "/files" + path + `suffix`, where the path is encoded here: suffix "?list" or ":rename". */
int client_files(struct cli *c, const char *method, const char *path, const char *suffix, const char *body,
                 struct json **ret, struct err *err) must_use;
/* Bytes of a file into a sink; `range` "bytes=0-99" or NULL. `query` more than "content": "&read_type=CACHE" or "". */
int client_read(struct cli *c, const char *path, const char *query, const char *range, struct sink *sink, struct err *err) must_use;
int client_write(struct cli *c, const char *path, const char *query, struct source *from, struct err *err) must_use;
/* POST with a JSON body whose answer is bytes. */
int client_stream(struct cli *c, const char *target, const char *body, struct sink *sink, struct err *err) must_use;
/* The answer as it came, for text that is not JSON. */
int client_text(struct cli *c, const char *target, struct buf *to, struct err *err) must_use;

/* Does the daemon at this address answer? No sign-in, `wait_ms` at most. */
bool client_is_healthy(struct cli *c, int64_t wait_ms);
