/* SPDX-License-Identifier: Apache-2.0
 *
 * identity: fills identity_api over the records of the metadata.
 * Threads: any for the API; identity_on_record_changed on the apply thread.
 */
#pragma once
#include "api/identity_api.h"
#include "meta/entry.h"

struct meta;
struct identity_service;
struct identity_options {
    const char *supergroup; /* members pass every path check; "" none; copied */
};
struct identity_service *identity_new(const struct identity_options *o);
void identity_free(struct identity_service *s); /* accepts NULL */
/* Before the first call of the API; `meta` stays valid until identity_free. */
void identity_attach(struct identity_service *s, struct meta *meta);
const struct identity_api *identity_service_api(struct identity_service *s);
/* Listener of meta: forgets what is cached of this record. */
void identity_on_record_changed(struct identity_service *s, enum record_kind kind, const char *key);
/* Removes expired sessions and tokens; call every few minutes from a thread that may wait. */
void identity_tick(void *service);
/* The first administrator, at format: adds the record to the entry. The password must be changed at first use. */
int identity_first_admin(struct entry *e, const char *name, const char *password, int64_t now_ms, struct err *err) must_use;
/* A token of an existing or first user with that user's role, without end, at format: for the command line on this machine. */
int identity_first_token(struct entry *e, const char *user, const char *label, int64_t now_ms, char ret_token[80], struct err *err) must_use;
#define IDENTITY_PASSWORD_MIN 10
