/* SPDX-License-Identifier: Apache-2.0
 *
 * identity: makes the service and fills its table.
 */
#include "identity/identity.h"

#include "base/mem.h"
#include "identity/identity_service.h"

#include <stdio.h>

struct identity_service *identity_new(const struct identity_options *o)
{
    struct identity_service *s = xnew(struct identity_service);
    snprintf(s->supergroup, sizeof s->supergroup, "%s", o->supergroup);
    id_cache_init(&s->cache);
    backoff_init(&s->backoff);
    lock_init(&s->hash_lock, RANK_LEAF);
    lock_init(&s->match_lock, RANK_LEAF);
    crypto_random(s->match_salt, sizeof s->match_salt);
    s->api = (struct identity_api){.impl = s, .sign_in = sign_in, .by_session = by_session, .by_token = by_token,
                                   .by_password = by_password, .sign_out = sign_out, .user_list = user_list, .user_create = user_create,
                                   .user_change = user_change, .user_remove = user_remove, .token_list = token_list,
                                   .token_create = token_create, .token_remove = token_remove, .session_list = session_list};
    return s;
}

void identity_attach(struct identity_service *s, struct meta *meta)
{
    s->meta = meta;
}

void identity_free(struct identity_service *s)
{
    if (!s)
        return;
    id_cache_done(&s->cache);
    backoff_done(&s->backoff);
    lock_done(&s->hash_lock);
    lock_done(&s->match_lock);
    free(s);
}

const struct identity_api *identity_service_api(struct identity_service *s)
{
    return &s->api;
}

void identity_on_record_changed(struct identity_service *s, enum record_kind kind, const char *key)
{
    if (kind == RECORD_USER || kind == RECORD_TOKEN || kind == RECORD_SESSION)
        id_cache_forget(&s->cache, kind, key);
}
