/* SPDX-License-Identifier: Apache-2.0
 *
 * intents_map: a hash table with a node for each owned key and for each parent of one; a parent counts what is owned below it.
 */
#include "master/intents_map.h"

#include "base/mem.h"

#include <string.h>

enum { BUCKETS = 4096 };

struct node {
    struct node *next;
    mount_id mount;
    bool is_owned;
    size_t below; /* owned keys strictly below */
    size_t len;
    char key[];
};
struct intents_map {
    struct node *buckets[BUCKETS];
};

struct intents_map *intents_map_new(void)
{
    return xnew(struct intents_map);
}

void intents_map_free(struct intents_map *m)
{
    for (size_t i = 0; m && i < BUCKETS; i++)
        while (m->buckets[i]) {
            struct node *n = m->buckets[i];
            m->buckets[i] = n->next;
            free(n);
        }
    free(m);
}

static size_t bucket_of(mount_id mount, const char *key, size_t len)
{
    uint64_t h = 14695981039346656037u ^ mount;
    for (size_t i = 0; i < len; i++)
        h = (h ^ (unsigned char)key[i]) * 1099511628211u;
    return (size_t)(h ^ h >> 32) % BUCKETS;
}

static struct node **place(const struct intents_map *m, mount_id mount, const char *key, size_t len)
{
    struct node **p = (struct node **)&m->buckets[bucket_of(mount, key, len)];
    while (*p && ((*p)->mount != mount || (*p)->len != len || memcmp((*p)->key, key, len)))
        p = &(*p)->next;
    return p;
}

static struct node *node_make(struct intents_map *m, mount_id mount, const char *key, size_t len)
{
    struct node **p = place(m, mount, key, len);
    if (!*p) {
        struct node *n = xcalloc(1, sizeof *n + len + 1);
        n->mount = mount;
        n->len = len;
        memcpy(n->key, key, len);
        *p = n;
    }
    return *p;
}

static void node_tidy(struct intents_map *m, mount_id mount, const char *key, size_t len)
{
    struct node **p = place(m, mount, key, len), *n = *p;
    if (n && !n->is_owned && !n->below) {
        *p = n->next;
        free(n);
    }
}

/* Length of the parent of the first `len` bytes of a key; "a" has the parent "" (0). */
static size_t parent_len(const char *key, size_t len)
{
    while (len && key[len - 1] != '/')
        len--;
    return len ? len - 1 : 0;
}

bool intents_map_covers(const struct intents_map *m, mount_id mount, const char *key)
{
    const struct node *self = *place(m, mount, key, strlen(key));
    if (self && self->below)
        return true;
    for (size_t len = strlen(key);; len = parent_len(key, len)) {
        const struct node *n = *place(m, mount, key, len);
        if (n && n->is_owned)
            return true;
        if (!len)
            return false;
    }
}

size_t intents_map_count(const struct intents_map *m, mount_id mount)
{
    const struct node *root = *place(m, mount, "", 0);
    return root ? root->below + root->is_owned : 0;
}

bool intents_map_take(struct intents_map *m, mount_id mount, const char *key)
{
    size_t len = strlen(key);
    if (intents_map_covers(m, mount, key))
        return false;
    node_make(m, mount, key, len)->is_owned = true;
    while (len) {
        len = parent_len(key, len);
        node_make(m, mount, key, len)->below++;
    }
    return true;
}

void intents_map_drop(struct intents_map *m, mount_id mount, const char *key)
{
    size_t len = strlen(key);
    struct node *n = *place(m, mount, key, len);
    if (!n || !n->is_owned)
        return;
    n->is_owned = false;
    node_tidy(m, mount, key, len);
    while (len) {
        len = parent_len(key, len);
        (*place(m, mount, key, len))->below--;
        node_tidy(m, mount, key, len);
    }
}
