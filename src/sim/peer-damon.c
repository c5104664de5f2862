/* SPDX-License-Identifier: MIT */
/*
 * DAMON with its schemes migrate_hot and migrate_cold, from Linux's own description of them
 * (Documentation/mm/damon/design.rst, Linux 6.12): memory is seen as some regions;
 * one random page of each stands for all of it in every sampling interval; where
 * neighbours look alike they merge, and every region is split at random again, as long
 * as there are not too many.
 *
 * The regions are those of the tasks' address spaces, which is kinder than the
 * physical ones that can be migrated on 6.12: what is hot lies together more often.  As there a
 * scheme knows which side a page is on: how much of a region that is, is known from
 * its samples.
 *
 * Tuned in good faith, by the reasons that stand with the constants.
 *
 * Not modelled: PG_young, by which reclaim learns of accesses that were cleared here
 * (it decides nothing unless there is swap), and a TLB, which can hide accesses from DAMON.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "error.h"
#include "peers.h"

#define MS_PS 1000000000ULL

/* The defaults of the kernel (admin-guide/mm/damon/usage.rst). */
#define SAMPLING_MS	 5
#define NR_SAMPLES	 20 /* in an aggregation interval: 100 ms */
#define AGGREGATION_MS	 (SAMPLING_MS * NR_SAMPLES)
#define LEAST_REGIONS	 10
#define MOST_REGIONS	 1000
#define MERGE_DIFFERENCE 10 /* a part of the most accesses that any region has */

/*
 * One page alone is looked up from the top of the page table, with locks: as many entries
 * in a row.  So 1000 regions are 2 % of a CPU, which DAMON's evaluation names as
 * its most.
 */
#define WALK_ENTRIES 10

/*
 * The schemes' tuning.  It begins at the script for tiered memory that comes with damo, by
 * DAMON's author: hot is a region with accesses in 5 % of its samples, quotas are
 * 200 MB/s, promotion goes on until 0.5 % is free, and of a region's pages the filter
 * "young" (Linux 6.10) lets only those up that have been accessed since they were last
 * tried, only the others down.  On zipf, a contiguous and a scattered hot set, and one that
 * shifts, at few and many accesses, this was the best or near it on all of them:
 *
 * Higher thresholds promoted nothing where accesses are few: a sample of 5 ms finds most
 * pages untouched that are accessed 100 times a second.  A least age only delayed it.  The
 * script's limit of no accesses for migrate_cold stopped it where they are many, so
 * any region may go down, the coldest first.  Lower quotas were slower and ended no better; where
 * a node is so small that one interval's would empty it, the quota is an eighth of it.
 * Without the filter scattered hot pages were not told from their neighbours at all.
 *
 * The script leaves the balance of both schemes to quota goals (Linux 6.16); here
 * migrate_cold has watermarks: from below 2 % free to 4 %, so that it neither runs all the time
 * nor leaves hot pages without room.  All above the min watermark.
 */
#define HOT_ACCESSES	 1 /* of NR_SAMPLES */
#define FREQUENCY_WEIGHT 3
#define AGE_WEIGHT	 1
#define QUOTA_PAGES	 5120 /* per aggregation interval */
#define QUOTA_PART	 8    /* of fast memory */
#define FULL_PERMILLE	 5
#define COLD_PERMILLE	 20
#define ROOMY_PERMILLE	 40

#define NR_SCORES    100
#define SCORE_MIDDLE 50

struct region {
	uint32_t first_page, end_page; /* in memory */
	uint32_t sampled_page;
	uint32_t age; /* aggregation intervals since its accesses changed */
	unsigned task;
	uint16_t accesses, last_accesses; /* samples found accessed, of NR_SAMPLES */
	uint16_t slow, fast;		  /* samples found in slow or fast memory */
};

/* A scheme: migrate_hot or migrate_cold. */
struct scheme {
	bool hot;
	uint32_t next_page; /* where the last quota ended */
};

struct damon {
	struct region *regions, *others; /* in order; others: for splitting */
	unsigned nr_regions, nr_before;	 /* before: after the last merge */
	uint32_t largest_pages;
	unsigned samples;
	uint64_t next_ps;
	uint64_t quota_pages;
	bool demoting[MEMORY_MAX_NODES]; /* by the watermarks of migrate_cold */
	struct scheme hot, cold;
};

static uint32_t size_of(const struct region *region)
{
	return region->end_page - region->first_page;
}

static bool is_slow(const struct world *world, int node)
{
	return world_tier(world, node) > world->tiers.top_tier;
}

static void stop(void *state)
{
	struct damon *damon = state;

	free(damon->regions);
	free(damon->others);
	free(damon);
}

DEFINE_CLEANUP(void *, stop);

/* Regions of at most so many pages that tile a task's memory, unless NULL.  Returns how many. */
static unsigned tile(const struct world *world, unsigned task, uint32_t most_pages,
		     struct region *regions)
{
	const struct world_task *own = &world->tasks[task];
	unsigned nr = 0;

	for (unsigned i = 0; i < own->info->nr_regions; i++) {
		const struct workload_region *part = &own->info->regions[i];
		uint32_t page = own->first_page + part->first_page;
		const uint32_t end = page + part->nr_pages;

		for (; page < end; nr++) {
			const uint32_t next = end - page > most_pages ? page + most_pages : end;

			if (regions)
				regions[nr] = (struct region) {
					.first_page = page,
					.end_page = next,
					.task = task,
				};
			page = next;
		}
	}
	return nr;
}

static int make_regions(const struct world *world, struct damon *damon)
{
	uint64_t pages = 0;
	unsigned nr = 0;

	for (unsigned i = 0; i < world->nr_tasks; i++)
		pages += world->tasks[i].info->nr_pages;
	damon->largest_pages = (uint32_t)((pages + LEAST_REGIONS - 1) / LEAST_REGIONS);
	for (unsigned i = 0; i < world->nr_tasks; i++)
		nr += tile(world, i, damon->largest_pages, NULL);
	damon->regions = calloc(nr + MOST_REGIONS, sizeof(*damon->regions));
	damon->others = calloc(nr + MOST_REGIONS, sizeof(*damon->others));
	if (!damon->regions || !damon->others)
		return -ENOMEM;
	for (unsigned i = 0; i < world->nr_tasks; i++)
		damon->nr_regions +=
			tile(world, i, damon->largest_pages, damon->regions + damon->nr_regions);
	return 0;
}

static int start(struct world *world, void **ret_state, struct mpol_error *err)
{
	struct damon *damon = calloc(1, sizeof(*damon));
	_cleanup_(stopp) void *state = damon;
	uint64_t fast_pages = 0;

	if (!damon || make_regions(world, damon) < 0)
		return error_errno(err, -ENOMEM, "start damon");
	for (int node = 0; node < world->memory.nr_nodes; node++)
		if (world_tier(world, node) >= 0 && !is_slow(world, node))
			fast_pages += world->memory.nodes[node].capacity_pages;
	damon->quota_pages = fast_pages / QUOTA_PART;
	if (damon->quota_pages > QUOTA_PAGES)
		damon->quota_pages = QUOTA_PAGES;
	damon->hot.hot = true;
	*ret_state = steal_pointer(&state);
	return 0;
}

/* ---- Monitoring ------------------------------------------------------------------ */

/* Picks a page of every region, and makes it old. */
static void prepare(struct world *world, struct damon *damon)
{
	for (unsigned i = 0; i < damon->nr_regions; i++) {
		struct region *region = &damon->regions[i];
		const uint32_t page = region->first_page +
				      (uint32_t)random_below(&world->random, size_of(region));

		region->sampled_page = page;
		memory_test_and_clear_accessed(&world->memory, memory_unit(&world->memory, page));
	}
	world_spend(world,
		    (uint64_t)damon->nr_regions * WALK_ENTRIES * world->config.costs.entry_ps);
}

/* Whether it was accessed since. */
static void check(struct world *world, struct damon *damon)
{
	const struct memory *memory = &world->memory;

	for (unsigned i = 0; i < damon->nr_regions; i++) {
		struct region *region = &damon->regions[i];
		const uint32_t unit = memory_unit(memory, region->sampled_page);

		if (!memory_present(memory, unit))
			continue;
		region->accesses += (memory->entries[unit] & PTE_ACCESSED) != 0;
		if (is_slow(world, memory_node_of(memory, unit)))
			region->slow++;
		else
			region->fast++;
	}
	world_spend(world,
		    (uint64_t)damon->nr_regions * WALK_ENTRIES * world->config.costs.entry_ps);
}

static unsigned difference(unsigned a, unsigned b)
{
	return a > b ? a - b : b - a;
}

static void merge_two(struct region *into, const struct region *region)
{
	const uint64_t a = size_of(into), b = size_of(region), both = a + b;

	into->accesses = (uint16_t)((into->accesses * a + region->accesses * b) / both);
	into->slow = (uint16_t)((into->slow * a + region->slow * b) / both);
	into->fast = (uint16_t)((into->fast * a + region->fast * b) / both);
	into->age = (uint32_t)((into->age * a + region->age * b) / both);
	into->end_page = region->end_page;
}

/* Ages all, and merges neighbours with like numbers of accesses. */
static void merge(struct damon *damon)
{
	unsigned most = 0, threshold, nr = 0;

	for (unsigned i = 0; i < damon->nr_regions; i++)
		if (damon->regions[i].accesses > most)
			most = damon->regions[i].accesses;
	threshold = most * MERGE_DIFFERENCE / 100;
	if (threshold == 0)
		threshold = 1;
	for (unsigned i = 0; i < damon->nr_regions; i++) {
		struct region *region = &damon->regions[i];
		struct region *last = nr ? &damon->regions[nr - 1] : NULL;

		if (difference(region->accesses, region->last_accesses) > threshold)
			region->age = 0;
		else
			region->age++;
		if (last && last->task == region->task && last->end_page == region->first_page &&
		    difference(last->accesses, region->accesses) <= threshold &&
		    size_of(last) + size_of(region) <= damon->largest_pages)
			merge_two(last, region);
		else
			damon->regions[nr++] = *region;
	}
	damon->nr_regions = nr;
}

/* Where to split: a random number of tenths, of whole pages; 0: nowhere. */
static uint32_t split_point(struct world *world, uint32_t pages)
{
	return (uint32_t)(pages * (1 + random_below(&world->random, 9)) / 10);
}

/* In two; in three where that has not found anything new, and there is room. */
static void split(struct world *world, struct damon *damon)
{
	const bool stuck = damon->nr_regions == damon->nr_before;
	const unsigned pieces = stuck && damon->nr_regions < MOST_REGIONS / 3 ? 3 : 2;
	struct region *regions = damon->others;
	unsigned nr = 0;

	damon->nr_before = damon->nr_regions;
	if (damon->nr_regions > MOST_REGIONS / 2)
		return;
	for (unsigned i = 0; i < damon->nr_regions; i++) {
		struct region rest = damon->regions[i];

		for (unsigned piece = 1; piece < pieces; piece++) {
			const uint32_t pages = split_point(world, size_of(&rest));

			if (pages == 0)
				break;
			regions[nr] = rest;
			rest.first_page += pages;
			regions[nr++].end_page = rest.first_page;
		}
		regions[nr++] = rest;
	}
	damon->others = damon->regions;
	damon->regions = regions;
	damon->nr_regions = nr;
}

static void forget(struct damon *damon)
{
	for (unsigned i = 0; i < damon->nr_regions; i++) {
		struct region *region = &damon->regions[i];

		region->last_accesses = region->accesses;
		region->accesses = region->slow = region->fast = 0;
	}
}

/* ---- Schemes --------------------------------------------------------------------- */

/* How hot, below NR_SCORES: by frequency, and by how long it has been that; the logarithm. */
static unsigned hotness(const struct region *region)
{
	const unsigned frequency = region->accesses * NR_SCORES / NR_SAMPLES;
	uint64_t seconds = (uint64_t)region->age * AGGREGATION_MS / 1000;
	unsigned steps = 0, score;

	for (; seconds; seconds >>= 1)
		steps++;
	if (steps > SCORE_MIDDLE)
		steps = SCORE_MIDDLE;
	score = (FREQUENCY_WEIGHT * frequency +
		 AGE_WEIGHT * (frequency ? SCORE_MIDDLE + steps : SCORE_MIDDLE - steps)) /
		(FREQUENCY_WEIGHT + AGE_WEIGHT);
	return score < NR_SCORES ? score : NR_SCORES - 1;
}

static unsigned score_of(const struct scheme *scheme, const struct region *region)
{
	return scheme->hot ? hotness(region) : NR_SCORES - 1 - hotness(region);
}

/* About how many pages of a region a scheme would move: none where its pattern does not match. */
static uint64_t wanted_pages(const struct scheme *scheme, const struct region *region)
{
	const uint64_t seen = scheme->hot ? region->slow : region->fast;

	if (seen == 0 || (scheme->hot && region->accesses < HOT_ACCESSES))
		return 0;
	return (size_of(region) * seen + NR_SAMPLES - 1) / NR_SAMPLES;
}

/* The score from which on the best regions fill the quota. */
static unsigned least_score(const struct damon *damon, const struct scheme *scheme)
{
	uint64_t pages[NR_SCORES] = { 0 }, sum = 0;
	unsigned score = NR_SCORES;

	for (unsigned i = 0; i < damon->nr_regions; i++)
		pages[score_of(scheme, &damon->regions[i])] +=
			wanted_pages(scheme, &damon->regions[i]);
	while (score > 0 && sum < damon->quota_pages)
		sum += pages[--score];
	return score;
}

/* Whether so many pages leave a part of the node free above its min watermark, which no move goes
 * below. */
static bool leaves(const struct world *world, int node, uint32_t pages, unsigned permille)
{
	const struct memory_node *own = &world->memory.nodes[node];

	return world_has_room(world, node, pages,
			      own->marks.min_pages + own->capacity_pages * permille / 1000);
}

/* Where a scheme would take a unit; -1: nowhere. */
static int target_of(const struct world *world, const struct damon *damon,
		     const struct scheme *scheme, uint32_t unit)
{
	const int node = memory_node_of(&world->memory, unit);
	const uint32_t pages = memory_unit_pages(&world->memory, unit);
	int up;

	if (node == NO_NODE)
		return -1;
	if (!scheme->hot)
		return damon->demoting[node] ? world->tiers.demotion[node] : -1;
	up = world->tiers.promotion[node];
	return is_slow(world, node) && up >= 0 && leaves(world, up, pages, FULL_PERMILLE) ? up : -1;
}

/* Moves what a scheme is for; returns the pages that it tried, about as many as it may at most. */
static uint64_t apply_to(struct world *world, const struct damon *damon, struct scheme *scheme,
			 uint32_t page, uint32_t end_page, uint64_t most_pages)
{
	struct memory *memory = &world->memory;
	uint64_t tried = 0, looked_at = 0;

	for (; page < end_page && tried < most_pages; looked_at++) {
		const uint32_t unit = memory_unit(memory, page);
		const uint32_t pages = memory_unit_pages(memory, unit);
		const int target = target_of(world, damon, scheme, unit);

		page = unit + pages;
		if (target < 0)
			continue;
		tried += pages;
		if (memory_test_and_clear_accessed(memory, unit) == scheme->hot)
			world_move(world, unit, target,
				   scheme->hot ? MOVE_PROMOTION : MOVE_DEMOTION);
	}
	scheme->next_page = page;
	world_spend(world, looked_at * world->config.costs.entry_ps);
	return tried;
}

/* The best regions, from where the last quota ended, around to there; their age begins anew. */
static void apply(struct world *world, struct damon *damon, struct scheme *scheme)
{
	const unsigned least = least_score(damon, scheme);
	const uint32_t from = scheme->next_page;
	uint64_t left = damon->quota_pages;
	unsigned first = 0;

	while (first < damon->nr_regions - 1 && damon->regions[first].end_page <= from)
		first++;
	for (unsigned i = 0; i <= damon->nr_regions && left; i++) {
		struct region *region = &damon->regions[(first + i) % damon->nr_regions];
		uint32_t begin = region->first_page, end = region->end_page;
		uint64_t tried;

		if (!wanted_pages(scheme, region) || score_of(scheme, region) < least)
			continue;
		if (i == 0 && from > begin)
			begin = from;
		if (i == damon->nr_regions && from < end)
			end = from;
		tried = apply_to(world, damon, scheme, begin, end, left);
		left -= tried < left ? tried : left;
		region->age = 0;
	}
}

/* migrate_cold's watermarks: from below the middle one until above the high one. */
static void check_watermarks(const struct world *world, struct damon *damon)
{
	for (int node = 0; node < world->memory.nr_nodes; node++) {
		if (world_tier(world, node) < 0 || is_slow(world, node))
			continue;
		if (!leaves(world, node, 0, COLD_PERMILLE))
			damon->demoting[node] = true;
		else if (leaves(world, node, 0, ROOMY_PERMILLE))
			damon->demoting[node] = false;
	}
}

static void tick(struct world *world, void *state)
{
	struct damon *damon = state;

	if (world->now_ps < damon->next_ps)
		return;
	if (world->now_ps > 0) {
		check(world, damon);
		damon->samples++;
	}
	if (damon->samples == NR_SAMPLES) {
		damon->samples = 0;
		merge(damon);
		check_watermarks(world, damon);
		apply(world, damon, &damon->cold);
		apply(world, damon, &damon->hot);
		forget(damon);
		split(world, damon);
	}
	prepare(world, damon);
	damon->next_ps = world->now_ps + SAMPLING_MS * MS_PS;
}

const struct peer peer_damon = {
	.name = "damon",
	.summary = "DAMON's sampled regions, with migrate_hot and migrate_cold (Linux 6.12)",
	.start = start,
	.stop = stop,
	.tick = tick,
};
