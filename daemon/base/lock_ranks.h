/* SPDX-License-Identifier: Apache-2.0
 *
 * lock_ranks: the order of all locks, outermost first.  A thread that holds a lock may take only
 * locks of a higher rank; builds with assertions on abort otherwise.
 */
#pragma once

enum lock_rank {
    RANK_ROLES = 10,      /* start and stop of parts */
    RANK_REST = 20,       /* sessions of the front end, rate limits */
    RANK_FS = 30,         /* open writes and reads of the file service */
    RANK_MASTER_GATE = 35, /* listeners of the metadata against the master's end */
    RANK_MASTER = 40,     /* mount table, caches of principals, sync state */
    RANK_MASTER_INNER = 45,
    RANK_WORKER = 50,     /* fetches in flight */
    RANK_WORKER_INNER = 55,
    RANK_BLOCK = 60,      /* block index */
    RANK_BLOCK_INNER = 65,
    RANK_META = 70,       /* inode cache shards, reader pool */
    RANK_META_INNER = 75,
    RANK_JOURNAL = 80,    /* queue into the engine */
    RANK_JOURNAL_INNER = 85,
    RANK_UFS = 90,        /* drivers' connection pools and statistics */
    RANK_POOL = 100,      /* queues of thread pools */
    RANK_LEAF = 110,      /* takes nothing further: metrics, log, small tables */
};
