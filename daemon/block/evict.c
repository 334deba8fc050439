/* SPDX-License-Identifier: Apache-2.0
 *
 * evict: the queue under all policies, and their table.  Threads: as the header says.
 */
#include "block/evict.h"

#include <string.h>

void evict_link(struct evict_queue *q, struct evict_node *n)
{
    n->older = q->newest;
    n->newer = NULL;
    if (q->newest)
        q->newest->newer = n;
    else
        q->oldest = n;
    q->newest = n;
    n->is_in = true;
    q->count++;
}

void evict_unlink(struct evict_queue *q, struct evict_node *n)
{
    if (n->newer)
        n->newer->older = n->older;
    else
        q->newest = n->older;
    if (n->older)
        n->older->newer = n->newer;
    else
        q->oldest = n->newer;
    n->newer = n->older = NULL;
    n->is_in = false;
    q->count--;
}

const struct evict_policy *evict_find(const char *name)
{
    static const struct evict_policy *const all[] = {&evict_lru, &evict_sieve};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (strcmp(all[i]->name, name) == 0)
            return all[i];
    return NULL;
}
