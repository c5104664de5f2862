/* SPDX-License-Identifier: MIT */
/*
 * MEMTIS (Lee et al., SOSP 2023), re-implemented after the paper:
 * hardware samples of accesses feed a counter per page and a histogram of the
 * counters' logarithms; from the histogram follows how hot a page must be for
 * all such pages to fit into fast memory; a thread of the kernel moves what crosses that.
 * Counters are halved now and then, so that what was hot once is forgotten.
 *
 * A base page's counter counts PAGES_PER_HUGE times, so that it compares with a huge
 * page's.  Pages between hot and cold are warm: they stay where they are as
 * long as there are cold ones to make room with.
 *
 * The limits of 3 % of a CPU and 2 GB/s are reported of the paper.  Its text was not at hand:
 * the other numbers, but those marked as ours, are what is remembered of it and unchecked.
 *
 * Not as in the paper: one threshold for the whole machine; a write is sampled as often as a read
 * (a real sampler counts all retired stores, so has to take far fewer of them; what is
 * simulated is only what reaches memory); huge pages are not split.
 *
 * Invariant: the histogram has the pages of all units that were sampled, each in the bin
 * of its counter; units that were swapped out since may still be in it, until the next cooling.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "error.h"
#include "peers.h"

#define NR_BINS	     16
#define NO_THRESHOLD 1 /* before the first adaptation: whatever was sampled is hot */

/*
 * For machines of tens of GB.  Where there are fewer pages, counters would all
 * end up in the last bin by then, so it is SAMPLES_PER_PAGE at most (ours).
 */
#define COOLING_SAMPLES		2000000
#define SAMPLES_PER_PAGE	4
#define ADAPTATIONS_PER_COOLING 20

/* From one wake-up of the moving thread to the next, and what it moves at most, in both ways. */
#define WAKE_PS		  500000000000ULL
#define MOVED_BYTES_PER_S 2000000000ULL
#define WAKE_PAGES	  (MOVED_BYTES_PER_S / 4096 / 2)

/* Free memory that it keeps in fast nodes, in 1/100; hot pages that leave some of it to warm ones.
 */
#define FREE_PERCENT	 2
#define WARM_HOT_PERCENT 90

/* The sampler may take that much of a CPU, give or take; looked at so often (ours). */
#define SAMPLER_PERMILLE    30
#define HYSTERESIS_PERMILLE 5
#define PERIOD		    199
#define MOST_PERIOD	    (PERIOD * 1000)
#define USAGE_PS	    100000000000ULL

/* Hot units in slow memory that wait for promotion; more are found again by their next samples. */
#define QUEUE_UNITS 65536

struct queue {
	uint32_t units[QUEUE_UNITS]; /* a ring */
	uint32_t first, nr;
};

struct memtis {
	uint32_t *counts;	/* [pages] samples of a unit, halved by each cooling */
	uint8_t *queued;	/* [pages] whether it is in the queue */
	uint64_t bins[NR_BINS]; /* base pages */
	unsigned hot_bin;	/* hot: from this bin on */
	unsigned warm_bin;	/* cold: below this one */
	uint64_t samples;
	uint64_t adaptation_samples, cooling_samples; /* from one to the next */
	uint64_t coolings;
	uint64_t next_wake_ps;
	uint64_t usage_ps, usage_samples; /* when the sampler's CPU time was looked at last */
	uint64_t usage_permille;	  /* smoothed */
	struct queue queue;
};

/* What one wake-up has left to do. */
struct wake {
	uint64_t pages;
	/* Units of a fast node still to be looked at, for cold ones and then for warm ones. */
	uint64_t unseen[2][MEMORY_MAX_NODES];
};

static void stop(void *state)
{
	struct memtis *memtis = state;

	free(memtis->counts);
	free(memtis->queued);
	free(memtis);
}

DEFINE_CLEANUP(void *, stop);

static int start(struct world *world, void **ret_state, struct mpol_error *err)
{
	struct memtis *memtis = calloc(1, sizeof(*memtis));
	_cleanup_(stopp) void *state = memtis;

	if (!memtis)
		return error_errno(err, -ENOMEM, "start memtis");
	memtis->counts = calloc(world->nr_pages, sizeof(*memtis->counts));
	memtis->queued = calloc(world->nr_pages, sizeof(*memtis->queued));
	if (!memtis->counts || !memtis->queued)
		return error_errno(err, -ENOMEM, "start memtis");
	memtis->hot_bin = memtis->warm_bin = NO_THRESHOLD;
	memtis->cooling_samples = (uint64_t)world->nr_pages * SAMPLES_PER_PAGE;
	if (memtis->cooling_samples > COOLING_SAMPLES)
		memtis->cooling_samples = COOLING_SAMPLES;
	memtis->adaptation_samples = memtis->cooling_samples / ADAPTATIONS_PER_COOLING;
	memtis->next_wake_ps = WAKE_PS;
	*ret_state = steal_pointer(&state);
	return 0;
}

/* Bin n has what counts 2^n to 2^(n + 1) - 1, the last one all above. */
static unsigned bin_of(uint64_t count, uint32_t unit_pages)
{
	const uint64_t hotness = count * (PAGES_PER_HUGE / unit_pages);
	const unsigned bin = hotness ? 63 - (unsigned)__builtin_clzll(hotness) : 0;

	return bin < NR_BINS ? bin : NR_BINS - 1;
}

static unsigned unit_bin(const struct world *world, const struct memtis *memtis, uint32_t unit)
{
	return bin_of(memtis->counts[unit], memory_unit_pages(&world->memory, unit));
}

static bool is_fast(const struct world *world, int node)
{
	return world_tier(world, node) >= 0 && world_tier(world, node) <= world->tiers.top_tier;
}

static uint64_t reserve_pages(const struct memory_node *node)
{
	return node->capacity_pages * FREE_PERCENT / 100;
}

static uint64_t fast_pages(const struct world *world)
{
	uint64_t pages = 0;

	for (int i = 0; i < world->memory.nr_nodes; i++) {
		const struct memory_node *node = &world->memory.nodes[i];
		const uint64_t taken = node->kernel_pages + node->cache_pages + reserve_pages(node);

		if (is_fast(world, i) && taken < node->capacity_pages)
			pages += node->capacity_pages - taken;
	}
	return pages;
}

/* The hottest bins as long as they fit together; and the next one, if they leave enough room. */
static void adapt(const struct world *world, struct memtis *memtis)
{
	const uint64_t capacity = fast_pages(world);
	uint64_t hot = 0;
	unsigned bin = NR_BINS;

	while (bin > NO_THRESHOLD && hot + memtis->bins[bin - 1] <= capacity)
		hot += memtis->bins[--bin];
	/* Where not even the hottest ones all fit, those who come first are promoted. */
	memtis->hot_bin = bin < NR_BINS ? bin : NR_BINS - 1;
	memtis->warm_bin = memtis->hot_bin;
	if (hot * 100 < capacity * WARM_HOT_PERCENT && bin > NO_THRESHOLD)
		memtis->warm_bin--;
}

static void cool(struct world *world, struct memtis *memtis)
{
	uint64_t looked_at = 0;
	uint32_t pages;

	memset(memtis->bins, 0, sizeof(memtis->bins));
	for (uint32_t unit = 0; unit < world->nr_pages; unit += pages, looked_at++) {
		pages = memory_unit_pages(&world->memory, unit);
		memtis->counts[unit] /= 2;
		if (memtis->counts[unit] && memory_present(&world->memory, unit))
			memtis->bins[unit_bin(world, memtis, unit)] += pages;
	}
	world_spend(world, looked_at * world->config.costs.entry_ps);
}

static void enqueue(struct memtis *memtis, uint32_t unit)
{
	struct queue *queue = &memtis->queue;

	if (memtis->queued[unit] || queue->nr == QUEUE_UNITS)
		return;
	queue->units[(queue->first + queue->nr++) % QUEUE_UNITS] = unit;
	memtis->queued[unit] = 1;
}

static void sample(struct world *world, void *state, const struct world_thread *thread,
		   uint32_t unit, bool write)
{
	struct memtis *memtis = state;
	const uint32_t pages = memory_unit_pages(&world->memory, unit);
	const unsigned before = unit_bin(world, memtis, unit);
	unsigned after;

	(void)thread;
	(void)write;
	memtis->samples++;
	if (!memory_present(&world->memory, unit))
		return;
	/* A huge page that was swapped out is base pages now, and counted as more than it is. */
	if (memtis->counts[unit] && memtis->bins[before] >= pages)
		memtis->bins[before] -= pages;
	if (memtis->counts[unit] < UINT32_MAX)
		memtis->counts[unit]++;
	after = unit_bin(world, memtis, unit);
	memtis->bins[after] += pages;
	if (after >= memtis->hot_bin && !is_fast(world, memory_node_of(&world->memory, unit)))
		enqueue(memtis, unit);
	if (memtis->samples % memtis->adaptation_samples == 0)
		adapt(world, memtis);
}

/* Demotes one of the oldest units below the bin.  Returns whether there was one to look at. */
static bool demote_oldest(struct world *world, const struct memtis *memtis, int node, unsigned bin,
			  struct wake *wake)
{
	struct memory *memory = &world->memory;
	enum lru lru = LRU_INACTIVE;
	uint32_t unit, pages;

	if (!memory_oldest(memory, node, lru, &unit) &&
	    !memory_oldest(memory, node, lru = LRU_ACTIVE, &unit))
		return false;
	world_spend(world, world->config.costs.entry_ps);
	pages = memory_unit_pages(memory, unit);
	if (unit_bin(world, memtis, unit) < bin &&
	    world_move(world, unit, world->tiers.demotion[node], MOVE_DEMOTION) == 0)
		wake->pages -= pages < wake->pages ? pages : wake->pages;
	else
		memory_enlist(memory, unit, lru);
	return true;
}

/*
 * Demotes cold units, then warm ones too if bin allows it, until so many pages are free.
 * Each unit is looked at once per wake-up and bin.
 */
static void make_room(struct world *world, const struct memtis *memtis, int node,
		      uint64_t free_pages, struct wake *wake)
{
	const unsigned bins[] = { memtis->warm_bin, memtis->hot_bin };

	if (world->tiers.demotion[node] < 0)
		return;
	for (int i = 0; i < 2; i++)
		while (wake->unseen[i][node] && wake->pages &&
		       world->memory.nodes[node].free_pages < free_pages) {
			wake->unseen[i][node]--;
			if (!demote_oldest(world, memtis, node, bins[i], wake))
				return;
		}
}

/* Whether the unit is done with: promoted, or no longer to be. */
static bool promote(struct world *world, const struct memtis *memtis, uint32_t unit,
		    struct wake *wake)
{
	const struct memory *memory = &world->memory;
	const uint32_t pages = memory_unit_pages(memory, unit);
	const int from = memory_node_of(memory, unit);
	const int target = from == NO_NODE ? -1 : world->tiers.promotion[from];
	uint64_t above_pages;

	if (target < 0 || is_fast(world, from) || unit_bin(world, memtis, unit) < memtis->hot_bin)
		return true;
	above_pages = memory->nodes[target].marks.high_pages;
	make_room(world, memtis, target, above_pages + pages, wake);
	if (!world_has_room(world, target, pages, above_pages) || wake->pages < pages)
		return false;
	wake->pages -= pages;
	world_move(world, unit, target, MOVE_PROMOTION);
	return true;
}

/* The moving thread's work: fast nodes have some memory free, then hot units come up. */
static void move(struct world *world, struct memtis *memtis)
{
	struct queue *queue = &memtis->queue;
	struct wake wake = { .pages = WAKE_PAGES };

	for (int node = 0; node < world->memory.nr_nodes; node++) {
		const struct memory_node *own = &world->memory.nodes[node];

		if (!is_fast(world, node))
			continue;
		wake.unseen[0][node] = wake.unseen[1][node] =
			own->listed_pages[LRU_INACTIVE] + own->listed_pages[LRU_ACTIVE];
		make_room(world, memtis, node, reserve_pages(own), &wake);
	}
	for (uint32_t left = queue->nr; left && wake.pages; left--) {
		const uint32_t unit = queue->units[queue->first];

		queue->first = (queue->first + 1) % QUEUE_UNITS;
		queue->nr--;
		memtis->queued[unit] = 0;
		if (!promote(world, memtis, unit, &wake))
			enqueue(memtis, unit);
	}
}

/* Samples more rarely where that takes more of a CPU than it may, and again more often. */
static void adjust_period(struct world *world, struct memtis *memtis)
{
	const uint64_t samples = memtis->samples - memtis->usage_samples;
	const uint64_t permille = samples * world->config.costs.sample_ns * 1000 * 1000 / USAGE_PS;
	uint64_t period = world->config.sample_period;

	memtis->usage_samples = memtis->samples;
	memtis->usage_permille = (memtis->usage_permille + permille) / 2;
	if (memtis->usage_permille + HYSTERESIS_PERMILLE >= SAMPLER_PERMILLE &&
	    memtis->usage_permille <= SAMPLER_PERMILLE)
		return;
	/* In proportion, and half of the way: what is smoothed is late. */
	period = (period + period * memtis->usage_permille / SAMPLER_PERMILLE) / 2;
	if (period < PERIOD)
		period = PERIOD;
	if (period > MOST_PERIOD)
		period = MOST_PERIOD;
	world->config.sample_period = (uint32_t)period;
}

static void tick(struct world *world, void *state)
{
	struct memtis *memtis = state;

	if (world->now_ps >= memtis->usage_ps + USAGE_PS) {
		memtis->usage_ps = world->now_ps;
		adjust_period(world, memtis);
	}
	if (memtis->samples / memtis->cooling_samples != memtis->coolings) {
		memtis->coolings = memtis->samples / memtis->cooling_samples;
		cool(world, memtis);
		adapt(world, memtis);
	}
	if (world->now_ps >= memtis->next_wake_ps) {
		memtis->next_wake_ps += WAKE_PS;
		move(world, memtis);
	}
}

const struct peer peer_memtis = {
	.name = "memtis",
	.summary = "samples, a histogram of counts, and a threshold that fits fast memory (MEMTIS, "
		   "SOSP'23, re-implemented)",
	.start = start,
	.stop = stop,
	.tick = tick,
	.sample = sample,
	.sample_period = PERIOD,
};
