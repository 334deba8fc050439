/* SPDX-License-Identifier: Apache-2.0
 *
 * types: see the header.
 */
#include "api/types.h"

#include "base/clock.h"

#include <string.h>

const struct identity identity_system = {
    .user = "system", .role = ROLE_ADMIN, .is_super = true, .can_write = true, .scope = "/"};

void call_effect(const struct call *call, const char *severity, const char *code, uint64_t count, uint64_t bytes)
{
    struct call_result *r = call->result;
    if (!r || r->effect_count == CALL_EFFECTS_MAX)
        return;
    r->effects[r->effect_count++] = (struct effect){severity, code, count, bytes};
}

struct call call_system(const char *request_id, int64_t deadline_ms, struct call_result *result)
{
    return (struct call){.who = &identity_system,
                         .deadline_ms = deadline_ms,
                         .now_ms = clock_wall_ms(),
                         .request_id = request_id,
                         .via = "system",
                         .from = "",
                         .result = result};
}

static const char *const role_names[] = {"none", "viewer", "operator", "admin"};

const char *role_name(enum role r)
{
    return role_names[r];
}

enum role role_from_name(const char *name)
{
    for (unsigned i = 1; i < sizeof role_names / sizeof *role_names; i++)
        if (!strcmp(name, role_names[i]))
            return (enum role)i;
    return ROLE_NONE;
}
