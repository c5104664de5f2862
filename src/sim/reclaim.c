/* SPDX-License-Identifier: MIT */
/* Reclaim: see reclaim.h. */
#include "reclaim.h"

#include <stdbool.h>

#include "peer.h"
#include "world.h"

/* Pages looked at in one go (SWAP_CLUSTER_MAX). */
#define CLUSTER_PAGES 32

static uint64_t isqrt(uint64_t n)
{
	uint64_t root = 0;

	for (uint64_t bit = (uint64_t)1 << 31; bit; bit >>= 1)
		if ((root + bit) * (root + bit) <= n)
			root += bit;
	return root;
}

/* inactive_is_low: with more memory, a smaller part of it is kept inactive. */
static bool inactive_is_low(const struct memory_node *node)
{
	const uint64_t active = node->listed_pages[LRU_ACTIVE];
	const uint64_t inactive = node->listed_pages[LRU_INACTIVE];
	const uint64_t gib = (active + inactive) >> (30 - 12);
	const uint64_t ratio = gib ? isqrt(10 * gib) : 1;

	return inactive * ratio < active;
}

/* shrink_active_list: the oldest active pages become inactive, accessed or not. */
static void age(struct world *world, int node)
{
	struct memory *memory = &world->memory;

	for (int i = 0; i < CLUSTER_PAGES; i++) {
		uint32_t unit;

		if (!memory_oldest(memory, node, LRU_ACTIVE, &unit))
			return;
		world_spend(world, world->config.costs.rmap_ps);
		memory_test_and_clear_accessed(memory, unit);
		memory->entries[unit] &= (uint16_t)~PTE_REFERENCED;
		memory_enlist(memory, unit, LRU_INACTIVE);
	}
}

/* To the next tier, to its other nodes if that is full; returns whether it went. */
static bool demote(struct world *world, uint32_t unit)
{
	const int from = memory_node_of(&world->memory, unit);
	const int target = world->tiers.demotion[from];

	if (target < 0)
		return false;
	if (world_move(world, unit, target, MOVE_DEMOTION) == 0)
		return true;
	world_wake_kswapd(world, target);
	for (int node = 0; node < world->memory.nr_nodes; node++)
		if (world_tier(world, node) > world_tier(world, from) && node != target &&
		    world_move(world, unit, node, MOVE_DEMOTION) == 0)
			return true;
	return false;
}

/* Frees a unit that nobody has accessed.  Returns whether its node has more room now. */
static bool take(struct world *world, uint32_t unit)
{
	const uint32_t pages = memory_unit_pages(&world->memory, unit);

	if (world->peer->demotes && demote(world, unit)) {
		memory_enlist(&world->memory, unit, LRU_INACTIVE);
		return true;
	}
	if (!world->config.swap)
		return false;
	world_spend(world, (uint64_t)world->config.costs.move_page_ns * 1000 * pages);
	world->groups[world->tasks[world_task_of(world, unit)].group]
		.node_pages[memory_node_of(&world->memory, unit)] -= pages;
	memory_remove(&world->memory, unit);
	world->tally.swapped_out += pages;
	return true;
}

/* folio_check_references and what follows, for the oldest inactive unit.  Returns pages freed. */
static uint64_t look_at(struct world *world, uint32_t unit)
{
	struct memory *memory = &world->memory;
	const uint32_t pages = memory_unit_pages(memory, unit);

	world_spend(world, world->config.costs.rmap_ps);
	if (memory_test_and_clear_accessed(memory, unit)) {
		const bool again = memory->entries[unit] & PTE_REFERENCED;

		memory->entries[unit] ^= PTE_REFERENCED;
		memory_enlist(memory, unit, again ? LRU_ACTIVE : LRU_INACTIVE);
		return 0;
	}
	memory->entries[unit] &= (uint16_t)~PTE_REFERENCED;
	if (take(world, unit))
		return pages;
	memory_enlist(memory, unit, LRU_INACTIVE);
	return 0;
}

/* One go at a node; returns pages freed.  *scanned grows by the pages looked at. */
static uint64_t shrink(struct world *world, int node, uint64_t *scanned)
{
	struct memory_node *own = &world->memory.nodes[node];
	uint64_t freed = 0;

	if (own->cache_pages) {
		freed = own->cache_pages < CLUSTER_PAGES ? own->cache_pages : CLUSTER_PAGES;
		own->cache_pages -= freed;
		own->free_pages += freed;
		world_spend(world, freed * world->config.costs.entry_ps);
		*scanned += freed;
		return freed;
	}
	/* Else what was just deactivated would go before anybody could have accessed it. */
	while (inactive_is_low(own))
		age(world, node);
	for (int i = 0; i < CLUSTER_PAGES; i++) {
		uint32_t unit;

		if (!memory_oldest(&world->memory, node, LRU_INACTIVE, &unit))
			break;
		*scanned += memory_unit_pages(&world->memory, unit);
		freed += look_at(world, unit);
	}
	return freed;
}

static uint64_t listed(const struct memory_node *node)
{
	return node->listed_pages[LRU_INACTIVE] + node->listed_pages[LRU_ACTIVE] +
	       node->cache_pages;
}

uint64_t reclaim_direct(struct world *world, int node, uint64_t pages)
{
	const uint64_t limit = 3 * listed(&world->memory.nodes[node]);
	uint64_t freed = 0, scanned = 0;

	while (freed < pages && scanned < limit) {
		const uint64_t before = scanned;

		freed += shrink(world, node, &scanned);
		if (scanned == before)
			break;
	}
	return freed;
}

static uint64_t goal(const struct world *world, int node)
{
	if (world->peer->reclaim_goal)
		return world->peer->reclaim_goal(world, world->peer_state, node);
	return world->memory.nodes[node].marks.high_pages;
}

void reclaim_background(struct world *world, uint64_t quantum_ps)
{
	world->reclaiming = true;
	for (int node = 0; node < world->memory.nr_nodes; node++) {
		const struct memory_node *own = &world->memory.nodes[node];
		const uint64_t until_ps = world->tally.kswapd_ps + quantum_ps;
		uint64_t scanned = 0;

		while (world->kswapd_awake[node] && world->tally.kswapd_ps < until_ps) {
			const uint64_t before = scanned;

			if (own->free_pages >= goal(world, node)) {
				world->kswapd_awake[node] = false;
				break;
			}
			shrink(world, node, &scanned);
			/* Nothing to scan, or all of it looked at in vain: it gives up
			 * (kswapd_failures). */
			if (scanned == before || scanned > 2 * listed(own)) {
				world->kswapd_awake[node] = false;
				break;
			}
		}
	}
	world->reclaiming = false;
}
