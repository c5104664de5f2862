/* SPDX-License-Identifier: MIT */
/*
 * TPP, transparent page placement (Hasan Al Maruf et al., ASPLOS'23; patches to Linux
 * of November 2021), from its paper: NUMA hint faults on slow memory only.  A
 * page that faults while it is on the inactive list is hot for the first time: it becomes
 * active and stays; only one that faults while active is promoted.  What was demoted
 * begins on the inactive list again, so pressure itself slows promotion down.
 *
 * Demotion has a watermark of its own, above those that allocation has: kswapd keeps
 * a few percent of a fast node free, for new pages and for promotions, which ignore
 * allocation's watermarks but for the last reserve.
 *
 * tpp-ungated promotes at the first fault: what the gate is for.
 *
 * Not modelled: preferring slow memory for page cache, which the paper leaves to the
 * administrator.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "error.h"
#include "hint-scan.h"
#include "peers.h"

/* demote_scale_factor: the paper's 2 % of the node. */
#define DEMOTE_PERCENT 2

static void stop(void *state)
{
	hint_scan_stop(state);
	free(state);
}

DEFINE_CLEANUP(void *, stop);

static int start(struct world *world, void **ret_state, struct mpol_error *err)
{
	struct hint_scan *scan = calloc(1, sizeof(*scan));
	_cleanup_(stopp) void *state = scan;

	if (!scan || hint_scan_start(scan, world, NULL) < 0)
		return error_errno(err, -ENOMEM, "start tpp");
	*ret_state = steal_pointer(&state);
	return 0;
}

static bool is_fast(const struct world *world, int node)
{
	return world_tier(world, node) <= world->tiers.top_tier;
}

/* The demotion watermark: never below allocation's. */
static uint64_t demotion_goal(const struct world *world, const void *state, int node)
{
	const struct memory_node *own = &world->memory.nodes[node];
	const uint64_t pages = own->capacity_pages * DEMOTE_PERCENT / 100;

	(void)state;
	return is_fast(world, node) && pages > own->marks.high_pages ? pages
								     : own->marks.high_pages;
}

/* Reclaim of fast memory begins at the demotion watermark, not only when allocation wants it. */
static void tick(struct world *world, void *state)
{
	hint_scan_tick(state, world);
	for (int node = 0; node < world->memory.nr_nodes; node++)
		if (world->memory.nodes[node].capacity_pages && is_fast(world, node) &&
		    !world_has_room(world, node, 0, demotion_goal(world, state, node)))
			world_wake_kswapd(world, node);
}

static void promote(struct world *world, const struct world_thread *thread, uint32_t unit)
{
	const int target = thread->cpu_node;

	if (world->memory.nodes[target].capacity_pages &&
	    world_move(world, unit, target, MOVE_PROMOTION) < 0)
		world_wake_kswapd(world, target);
}

static void hint_fault_gated(struct world *world, void *state, const struct world_thread *thread,
			     uint32_t unit)
{
	(void)state;
	if (is_fast(world, memory_node_of(&world->memory, unit)))
		return;
	if (world->memory.entries[unit] & PTE_ACTIVE)
		promote(world, thread, unit);
	else
		memory_enlist(&world->memory, unit, LRU_ACTIVE);
}

static void hint_fault_ungated(struct world *world, void *state, const struct world_thread *thread,
			       uint32_t unit)
{
	(void)state;
	if (!is_fast(world, memory_node_of(&world->memory, unit)))
		promote(world, thread, unit);
}

const struct peer peer_tpp = {
	.name = "tpp",
	.summary = "hint faults that promote active pages, 2 % of fast memory kept free (TPP, "
		   "ASPLOS'23)",
	.start = start,
	.stop = stop,
	.tick = tick,
	.hint_fault = hint_fault_gated,
	.reclaim_goal = demotion_goal,
	.demotes = true,
};

const struct peer peer_tpp_ungated = {
	.name = "tpp-ungated",
	.summary = "tpp that promotes at the first hint fault",
	.start = start,
	.stop = stop,
	.tick = tick,
	.hint_fault = hint_fault_ungated,
	.reclaim_goal = demotion_goal,
	.demotes = true,
};
