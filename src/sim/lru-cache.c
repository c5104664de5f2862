/* SPDX-License-Identifier: MIT */
/*
 * Exact LRU by a log of accesses: see lru-cache.h.  Invariants: the entries between
 * oldest and newest are at most the ring; the last entry of every cached object is
 * among them; there are as many such entries as cached objects.
 */
#include "lru-cache.h"

#include <errno.h>
#include <string.h>

#include "huge-table.h"

#define CAPACITY_MAX (1u << 28)

/* So far ahead memory is asked for: longer than a miss of all caches takes. */
#define AHEAD 16u

int lru_cache_init(struct lru_cache *cache, uint32_t capacity)
{
	uint32_t nr_entries = 2 * AHEAD;

	if (!capacity || capacity > CAPACITY_MAX)
		return -EINVAL;
	while (nr_entries < 4 * (uint64_t)capacity)
		nr_entries *= 2;
	*cache = (struct lru_cache) { .capacity = capacity, .log_mask = nr_entries - 1 };
	cache->log = huge_table_new(nr_entries, sizeof(*cache->log));
	return cache->log ? 0 : -ENOMEM;
}

/* Room for objects below nr. */
static int make_room(struct lru_cache *cache, uint32_t nr)
{
	uint64_t larger = cache->nr_objects ?: 1024;
	uint32_t *last;

	while (larger < nr)
		larger *= 2;
	last = huge_table_new(larger, sizeof(*last));
	if (!last)
		return -ENOMEM;
	if (cache->nr_objects)
		memcpy(last, cache->last, cache->nr_objects * sizeof(*last));
	huge_table_free(cache->last, cache->nr_objects, sizeof(*last));
	cache->last = last;
	cache->nr_objects = larger;
	return 0;
}

/* Whether the entry at a place of the ring is its object's last. */
static inline int is_last(const struct lru_cache *cache, uint32_t at)
{
	return cache->last[cache->log[at]] == at + 1;
}

static inline void prefetch_entry(const struct lru_cache *cache, uint32_t number)
{
	__builtin_prefetch(&cache->last[cache->log[number & cache->log_mask]]);
}

/* Makes the oldest entry one that counts, and forgets its object. */
static inline void evict(struct lru_cache *cache)
{
	const uint32_t mask = cache->log_mask;
	uint32_t oldest = cache->oldest;

	while (!is_last(cache, oldest & mask))
		prefetch_entry(cache, oldest++ + AHEAD);
	prefetch_entry(cache, oldest + AHEAD);
	cache->last[cache->log[oldest & mask]] = 0;
	cache->oldest = oldest + 1;
}

/* Drops the entries that are not the last of an object: at most a quarter of the ring is. */
static void compact(struct lru_cache *cache)
{
	const uint32_t mask = cache->log_mask;
	uint32_t to = cache->oldest;

	for (uint32_t from = cache->oldest; from != cache->newest; from++) {
		const uint32_t object = cache->log[from & mask];

		prefetch_entry(cache, from + AHEAD);
		if (!is_last(cache, from & mask))
			continue;
		cache->log[to & mask] = object;
		cache->last[object] = (to++ & mask) + 1;
	}
	cache->newest = to;
}

void lru_cache_prefetch(const struct lru_cache *cache, const uint32_t *objects, size_t nr)
{
	for (size_t i = 0; i < nr; i++) {
		if (objects[i] < cache->nr_objects)
			__builtin_prefetch(&cache->last[objects[i]]);
	}
}

int lru_cache_access(struct lru_cache *cache, const uint32_t *objects, size_t nr, uint64_t *misses)
{
	uint32_t highest = 0;

	for (size_t i = 0; i < nr; i++)
		highest = objects[i] > highest ? objects[i] : highest;
	if (highest >= cache->nr_objects && make_room(cache, highest + 1) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < nr; i++) {
		const uint32_t object = objects[i];
		uint32_t *last = &cache->last[object], at;

		if (cache->newest - cache->oldest > cache->log_mask)
			compact(cache);
		at = cache->newest++ & cache->log_mask;
		cache->log[at] = object;
		if (!*last) {
			++*misses;
			if (cache->nr_cached == cache->capacity)
				evict(cache);
			else
				cache->nr_cached++;
		}
		*last = at + 1;
	}
	return 0;
}

void lru_cache_free(struct lru_cache *cache)
{
	huge_table_free(cache->log, (size_t)cache->log_mask + 1, sizeof(*cache->log));
	huge_table_free(cache->last, cache->nr_objects, sizeof(*cache->last));
	*cache = (struct lru_cache) { 0 };
}
