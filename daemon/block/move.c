/* SPDX-License-Identifier: Apache-2.0
 *
 * move: see the header.  The copy carries the records along unread, so damage shows at first touch.
 * Threads: move_thread is one, which does what can wait.
 */
#include "block/move.h"

#include "base/clock.h"
#include "base/file_util.h"
#include "base/mem.h"
#include "block/room.h"

#include <string.h>
#include <unistd.h>

enum { STEP = 1 << 20 };

static int copy_range(int from, int to, uint64_t off, uint64_t len, char *through, struct err *err)
{
    for (uint64_t done = 0, n; done < len; done += n) {
        n = len - done < STEP ? len - done : STEP;
        TRY(file_pread_all(from, through, n, off + done, err));
        TRY(file_pwrite_all(to, through, n, off + done, err));
    }
    return 0;
}

int move_bytes(int from, int to, uint64_t off, uint64_t len, struct err *err)
{
    AUTO_FREE char *through = xmalloc(STEP);
    return copy_range(from, to, off, len, through, err);
}

/* Head and the pages that `nb` says are present; holes stay holes. */
static int copy_file(struct block *b, struct block *nb, struct err *err)
{
    struct page_file f = index_layout(b);
    AUTO_FREE char *through = xmalloc(STEP);
    TRY(copy_range(b->fd, nb->fd, 0, page_file_data_off(&f), through, err));
    for (uint32_t i = 0; i < index_page_count(nb); i++)
        if (index_bit(nb, false, i))
            TRY(copy_range(b->fd, nb->fd, page_file_page_off(&f, i), page_file_page_len(&f, i), through, err));
    if (ftruncate(nb->fd, (off_t)(page_file_data_off(&f) + f.capacity)) < 0)
        return err_set(err, ERR_IO, "cannot size a block file");
    return 0;
}

static struct block *twin(struct block *b, unsigned to, uint64_t charged)
{
    struct tier *t = &b->store->tiers[to];
    uint32_t serial = tier_serial(t);
    struct tier_name name = tier_name(b->cid, b->seq, serial);
    int fd = tier_create(t, &name, true, NULL);
    if (fd < 0) {
        tier_release(t, charged);
        return NULL;
    }
    struct page_file f = index_layout(b);
    struct block *nb = index_block_new(b->store, &f, to, serial, fd, charged);
    struct shard *h = index_shard(b->store, b->cid);
    LOCK_SCOPE(&h->lock);
    for (uint32_t i = 0; i < index_page_count(b); i++)
        if (index_bit(b, false, i))
            index_set_bit_locked(nb, false, i);
    return nb;
}

static uint64_t charged_of(struct block *b)
{
    struct shard *h = index_shard(b->store, b->cid);
    LOCK_SCOPE(&h->lock);
    return b->is_dirty || b->is_gone ? 0 : b->charged;
}

bool move_block(struct block *b, unsigned to, bool may_evict)
{
    uint64_t charged = charged_of(b);
    struct tier *t = &b->store->tiers[to];
    if (!charged || b->tier == to || index_open(b, NULL) < 0)
        return false;
    if (may_evict ? room_reserve(b->store, to, charged, NULL) < 0 : !tier_is_ok(t) || !tier_reserve(t, charged, t->high))
        return false;
    struct block *nb = twin(b, to, charged);
    if (!nb)
        return false;
    bool is_moved = copy_file(b, nb, NULL) == 0 && charged_of(b) == charged && index_swap(b, nb);
    if (!is_moved) {
        struct tier_name name = index_name(nb);
        tier_unlink(t, &name, false);
    }
    index_put(nb);
    return is_moved;
}

/* From the high mark to the low one: to the next tier while it has room, else out. */
static void relieve(struct block_store *s, unsigned tier)
{
    struct tier *t = &s->tiers[tier];
    if (tier_used(t) <= t->high)
        return;
    while (tier_used(t) > t->low) {
        struct block *victim = room_victim(t);
        if (!victim)
            return;
        if (tier + 1 < s->tier_count && move_block(victim, tier + 1, false))
            index_put(victim);
        else
            room_evict(victim);
    }
}

static bool next_promotion(struct block_store *s, struct block_key *k, uint64_t *off)
{
    LOCK_SCOPE(&s->lock);
    if (!s->promote_count)
        return false;
    *k = s->promote[--s->promote_count];
    *off = s->promote_off[s->promote_count];
    return true;
}

static void promote_all(struct block_store *s)
{
    struct block_key k;
    uint64_t off;
    while (next_promotion(s, &k, &off)) {
        struct block *b = index_get(s, k.cid, k.block_size, (uint32_t)(off / k.block_size));
        if (!b)
            continue;
        if (b->tier > 0)
            move_block(b, 0, true);
        index_put(b);
    }
}

static bool await_work(struct block_store *s)
{
    LOCK_SCOPE(&s->lock);
    while (!s->has_work && !s->is_ending)
        cond_wait(&s->wake, &s->lock, CLOCK_NEVER);
    s->has_work = false;
    return !s->is_ending;
}

void move_thread(void *store)
{
    struct block_store *s = store;
    while (await_work(s)) {
        promote_all(s);
        for (unsigned i = 0; i < s->tier_count; i++)
            relieve(s, i);
    }
}

void block_promote(struct block_store *s, const struct block_key *k, uint64_t off)
{
    LOCK_SCOPE(&s->lock);
    if (s->promote_count == PROMOTIONS)
        return;
    s->promote[s->promote_count] = *k;
    s->promote_off[s->promote_count++] = off;
    s->has_work = true;
    cond_wake_one(&s->wake);
}
