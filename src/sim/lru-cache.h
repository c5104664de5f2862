/* SPDX-License-Identifier: MIT */
/*
 * An exact LRU cache of objects of equal size, known by dense indices.  It is the
 * measure of this room's speed, and a check of others: libCacheSim's misses must be
 * the same to the last one.
 *
 * There is no list.  Every access is written to a log, a ring, and each object knows
 * where in the log its last access stands.  The oldest entry that is some object's last
 * one is the least recently used object.  An access so touches one word at random
 * where a list touches four.
 */
#ifndef SIM_LRU_CACHE_H
#define SIM_LRU_CACHE_H

#include <stddef.h>
#include <stdint.h>

struct lru_cache {
	uint32_t capacity;  /* objects */
	uint32_t nr_cached; /* of them */

	uint32_t *log;		 /* of objects; a ring of log_mask + 1 */
	uint32_t log_mask;	 /* at least twice capacity */
	uint32_t oldest, newest; /* the first entry and the one behind the last, modulo 2^32 */

	uint32_t *last;	     /* of each object: the number of its last entry + 1; 0: not cached */
	uint32_t nr_objects; /* that last has room for */
};

/*
 * capacity: 1 to 2^28 objects.  Memory: 16 to 32 bytes an object of it, and later 4 to 8 an
 * object seen.  Returns 0, -EINVAL, or -ENOMEM.  Free it with lru_cache_free.
 */
int lru_cache_init(struct lru_cache *cache, uint32_t capacity);

/* Asks memory for what accesses to these objects will need, and does not wait for it. */
void lru_cache_prefetch(const struct lru_cache *cache, const uint32_t *objects, size_t nr);

/*
 * nr accesses, in this order, to objects below 2^31.  Adds to *misses those that were not
 * cached.  Returns 0, or -ENOMEM: nothing happened.
 */
int lru_cache_access(struct lru_cache *cache, const uint32_t *objects, size_t nr, uint64_t *misses);

void lru_cache_free(struct lru_cache *cache);

#endif
