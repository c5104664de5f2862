/* SPDX-License-Identifier: MIT */
/*
 * NUMA balancing's tiering mode with demotion, as Linux 6.1 and later have it
 * (Huang Ying's "hot page selection"; kernel/sched/fair.c, mm/memory.c): pages of slow
 * memory are unmapped in turn; how soon afterwards one is touched says how hot it
 * is; the threshold adjusts itself to the promotion rate limit.
 *
 * Three variants of how much free memory kswapd aims for: the promotion watermark;
 * only the high one (before Linux 5.18), with which promotion stalls; and the high one
 * raised by recent demand, as Johannes Weiner proposed.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "error.h"
#include "hint-scan.h"
#include "peers.h"
#include "watermarks.h"

#define MS_PS	  1000000000ULL
#define MIB_PAGES 256
#define GIB_PAGES 262144

#define THRESHOLD_MS	 1000 /* hot_threshold_ms */
#define THRESHOLD_STEPS	 16
#define ADJUST_PERIOD_MS 60000 /* scan_period_max_ms */
#define RATE_LIMIT_MIB	 65536 /* numa_balancing_promote_rate_limit_MBps */

/* Of a fast node. */
struct promotion {
	uint32_t threshold_ms;
	uint64_t candidates;	    /* pages, since the start */
	uint64_t second_ms;	    /* when the present second began */
	uint64_t second_candidates; /* as of then */
	uint64_t adjusted_ms;
	uint64_t adjusted_candidates;
	struct watermark_demand demand; /* for Weiner's variant */
};

struct numab {
	struct hint_scan scan;
	uint32_t *unmapped_ms; /* [pages] when a unit was last */
	struct promotion promotions[MEMORY_MAX_NODES];
};

static void stop(void *state)
{
	struct numab *numab = state;

	hint_scan_stop(&numab->scan);
	free(numab->unmapped_ms);
	free(numab);
}

DEFINE_CLEANUP(void *, stop);

static int start(struct world *world, void **ret_state, struct mpol_error *err)
{
	struct numab *numab = calloc(1, sizeof(*numab));
	_cleanup_(stopp) void *state = numab;

	if (!numab)
		return error_errno(err, -ENOMEM, "start numab");
	numab->unmapped_ms = calloc(world->nr_pages, sizeof(*numab->unmapped_ms));
	if (!numab->unmapped_ms || hint_scan_start(&numab->scan, world, numab->unmapped_ms) < 0)
		return error_errno(err, -ENOMEM, "start numab");
	for (int i = 0; i < world->memory.nr_nodes; i++)
		numab->promotions[i].threshold_ms = THRESHOLD_MS;
	*ret_state = steal_pointer(&state);
	return 0;
}

static uint64_t now_ms(const struct world *world)
{
	return (world->current ? world->current->clock_ps : world->now_ps) / MS_PS;
}

/* numa_promotion_adjust_threshold */
static void adjust(struct promotion *own, uint64_t ms)
{
	const uint64_t limit = (uint64_t)RATE_LIMIT_MIB * MIB_PAGES * (ADJUST_PERIOD_MS / 1000);
	const uint32_t step = 2 * THRESHOLD_MS / THRESHOLD_STEPS;
	uint64_t candidates;

	if (ms - own->adjusted_ms < ADJUST_PERIOD_MS)
		return;
	candidates = own->candidates - own->adjusted_candidates;
	if (candidates > limit * 11 / 10)
		own->threshold_ms = own->threshold_ms > 2 * step ? own->threshold_ms - step : step;
	else if (candidates < limit * 9 / 10 && own->threshold_ms + step <= 2 * THRESHOLD_MS)
		own->threshold_ms += step;
	own->adjusted_ms = ms;
	own->adjusted_candidates = own->candidates;
}

static void tick(struct world *world, void *state)
{
	struct numab *numab = state;

	hint_scan_tick(&numab->scan, world);
	for (int i = 0; i < world->memory.nr_nodes; i++)
		watermark_demand_age(&numab->promotions[i].demand, world_now_ns(world));
}

/* numa_promotion_rate_limit */
static bool over_limit(struct promotion *own, uint64_t ms, uint32_t pages)
{
	own->candidates += pages;
	if (ms - own->second_ms >= 1000) {
		own->second_ms = ms;
		own->second_candidates = own->candidates;
	}
	return own->candidates - own->second_candidates >= (uint64_t)RATE_LIMIT_MIB * MIB_PAGES;
}

/* pgdat_free_space_enough */
static bool has_plenty(const struct world *world, int node, uint32_t pages)
{
	const struct memory_node *own = &world->memory.nodes[node];
	const uint64_t sixteenth = own->capacity_pages / 16;

	return world_has_room(world, node, pages,
			      own->marks.promo_pages +
				      (sixteenth > GIB_PAGES ? sixteenth : GIB_PAGES));
}

/* should_numa_migrate_memory */
static bool is_hot(struct world *world, struct numab *numab, int node, uint32_t unit)
{
	struct promotion *own = &numab->promotions[node];
	const uint64_t ms = now_ms(world);
	const uint32_t pages = memory_unit_pages(&world->memory, unit);

	if (has_plenty(world, node, pages)) {
		own->threshold_ms = THRESHOLD_MS;
		return true;
	}
	adjust(own, ms);
	if (ms - numab->unmapped_ms[unit] >= own->threshold_ms)
		return false;
	return !over_limit(own, ms, pages);
}

static void hint_fault(struct world *world, void *state, const struct world_thread *thread,
		       uint32_t unit)
{
	struct numab *numab = state;
	const int target = thread->cpu_node;
	const uint32_t pages = memory_unit_pages(&world->memory, unit);

	if (world_tier(world, memory_node_of(&world->memory, unit)) <= world->tiers.top_tier ||
	    !world->memory.nodes[target].capacity_pages || !is_hot(world, numab, target, unit))
		return;
	watermark_demand_add(&numab->promotions[target].demand, pages);
	if (!world_has_room(world, target, pages, world->memory.nodes[target].marks.high_pages)) {
		world->tally.failed_pages += pages;
		world_wake_kswapd(world, target);
		return;
	}
	if (world_move(world, unit, target, MOVE_PROMOTION) == 0)
		hint_scan_promoted(&numab->scan, world, thread);
}

static uint64_t promotion_goal(const struct world *world, const void *state, int node)
{
	(void)state;
	return world->memory.nodes[node].marks.promo_pages;
}

static uint64_t boosted_goal(const struct world *world, const void *state, int node)
{
	const struct numab *numab = state;

	return watermark_boosted(world->memory.nodes[node].marks.high_pages,
				 world->memory.nodes[node].capacity_pages,
				 &numab->promotions[node].demand);
}

const struct peer peer_numab = {
	.name = "numab",
	.summary = "NUMA balancing's tiering mode and demotion, with a hot threshold (Huang, "
		   "Linux 6.1)",
	.start = start,
	.stop = stop,
	.tick = tick,
	.hint_fault = hint_fault,
	.reclaim_goal = promotion_goal,
	.demotes = true,
};

const struct peer peer_numab_high = {
	.name = "numab-high",
	.summary = "numab without its promotion watermark: kswapd stops at the high one",
	.start = start,
	.stop = stop,
	.tick = tick,
	.hint_fault = hint_fault,
	.demotes = true,
};

const struct peer peer_numab_boost = {
	.name = "numab-boost",
	.summary =
		"numab with a promotion watermark that follows demand (proposed by Weiner, 2022)",
	.start = start,
	.stop = stop,
	.tick = tick,
	.hint_fault = hint_fault,
	.reclaim_goal = boosted_goal,
	.demotes = true,
};
