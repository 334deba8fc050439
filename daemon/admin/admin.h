/* SPDX-License-Identifier: Apache-2.0
 *
 * admin: fills admin_api over one open meta and its master.  Threads: any.
 */
#pragma once
#include "api/admin_api.h"
#include "api/data_api.h"
#include "base/crypto.h"

struct meta;
struct master;
struct admin;
struct admin_options {
    const struct data_api *data;
    const char *config_path; /* goes into backups; copied */
    const struct crypto_key *key; /* the node's; goes into backups sealed; copied */
    const char *node;
};
struct admin *admin_new(const struct admin_options *o);
void admin_free(struct admin *a); /* accepts NULL */
void admin_attach(struct admin *a, struct meta *meta, struct master *master); /* before the first call */
const struct admin_api *admin_service_api(struct admin *a);
void admin_metrics_register(struct admin *a);
