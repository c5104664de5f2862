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
 *
 * Not modelled: the adaptation of the scan period (faults on slow memory do not
 * take part in it), and shared or file pages.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "error.h"
#include "peers.h"
#include "watermarks.h"

#define MS_PS		1000000000ULL
#define MIB_PAGES	256
#define GIB_PAGES	262144
#define SCAN_PAGES	(256 * MIB_PAGES) /* scan_size_mb */
#define SCAN_PERIOD_MS	1000
#define LEAST_PERIOD_MS 100

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

struct scan {
	uint64_t next_ms;
	uint32_t cursor; /* page of the task */
};

struct numab {
	uint32_t *scanned_ms; /* [pages] when a unit was unmapped */
	struct scan *scans;   /* [tasks] */
	struct promotion promotions[MEMORY_MAX_NODES];
};

static void stop(void *state)
{
	struct numab *numab = state;

	free(numab->scanned_ms);
	free(numab->scans);
	free(numab);
}

DEFINE_CLEANUP(void *, stop);

static int start(struct world *world, void **ret_state, struct mpol_error *err)
{
	struct numab *numab = calloc(1, sizeof(*numab));
	_cleanup_(stopp) void *state = numab;

	if (!numab)
		return error_errno(err, -ENOMEM, "start numab");
	numab->scanned_ms = calloc(world->memory.nr_pages, sizeof(*numab->scanned_ms));
	numab->scans = calloc(world->nr_tasks, sizeof(*numab->scans));
	if (!numab->scanned_ms || !numab->scans)
		return error_errno(err, -ENOMEM, "start numab");
	for (unsigned i = 0; i < world->nr_tasks; i++)
		numab->scans[i].next_ms = SCAN_PERIOD_MS;
	for (int i = 0; i < world->memory.nr_nodes; i++)
		numab->promotions[i].threshold_ms = THRESHOLD_MS;
	*ret_state = steal_pointer(&state);
	return 0;
}

static uint64_t now_ms(const struct world *world)
{
	return (world->current ? world->current->clock_ps : world->now_ps) / MS_PS;
}

/* task_scan_min: a large memory is scanned by more and shorter periods, to a limit. */
static uint64_t period_ms(const struct world_task *task)
{
	const uint64_t windows = (task->info->nr_pages + SCAN_PAGES - 1) / SCAN_PAGES;
	const uint64_t period = SCAN_PERIOD_MS / windows;

	return period < LEAST_PERIOD_MS ? LEAST_PERIOD_MS : period;
}

/* task_numa_work: unmaps what is in slow memory, from the cursor on. */
static void scan(struct world *world, struct numab *numab, unsigned index)
{
	const struct world_task *task = &world->tasks[index];
	struct scan *own = &numab->scans[index];
	uint32_t looked_at = 0;

	while (looked_at < SCAN_PAGES && looked_at < task->info->nr_pages) {
		const uint32_t page = task->first_page + own->cursor;
		const uint32_t unit = memory_unit(&world->memory, page);
		uint32_t pages = 1;

		if (memory_present(&world->memory, unit)) {
			const int node = memory_node_of(&world->memory, unit);

			pages = unit + memory_unit_pages(&world->memory, unit) - page;
			if (world_tier(world, node) > world->tiers.top_tier) {
				numab->scanned_ms[unit] = (uint32_t)(world->now_ps / MS_PS);
				memory_set_trap(&world->memory, unit);
			}
		}
		world_spend(world, world->config.costs.entry_ps);
		looked_at += pages;
		own->cursor += pages;
		if (own->cursor >= task->info->nr_pages)
			own->cursor = 0;
	}
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
	const uint64_t ms = world->now_ps / MS_PS;

	for (unsigned i = 0; i < world->nr_threads; i++) {
		struct world_thread *thread = &world->threads[i];
		struct scan *own = &numab->scans[thread->task];

		if (thread->ended || thread->clock_ps / MS_PS < own->next_ms)
			continue;
		/* Whichever thread comes first does it, in its own time. */
		world->current = thread;
		scan(world, numab, thread->task);
		world->current = NULL;
		own->next_ms = ms + period_ms(&world->tasks[thread->task]);
	}
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
	if (ms - numab->scanned_ms[unit] >= own->threshold_ms)
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
	world_move(world, unit, target, MOVE_PROMOTION);
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
