/* SPDX-License-Identifier: MIT */
/*
 * Faults of the simulated machine: first touches, pages that were swapped out,
 * and NUMA hints.  Where a new page goes follows mm/page_alloc.c: the policy's
 * nodes in their order as long as one is above its low watermark, then kswapd
 * is woken and the min watermark counts, then the thread reclaims itself.
 */
#include "world-internal.h"

#include <errno.h>

#include "peer.h"
#include "policy.h"
#include "reclaim.h"

/* Nodes that keep at least a watermark's pages after so many were taken. */
static struct nodemask roomy(const struct world *world, uint32_t pages, bool at_low)
{
	struct nodemask mask = { 0 };

	for (int node = 0; node < world->memory.nr_nodes; node++) {
		const struct watermarks *marks = &world->memory.nodes[node].marks;

		if (world->memory.nodes[node].capacity_pages &&
		    world_has_room(world, node, pages,
				   at_low ? marks->low_pages : marks->min_pages))
			nodemask_set(&mask, world->machine->nodes[node].id);
	}
	return mask;
}

const struct mpol_policy *world_policy_at(const struct world_task *task, uint32_t offset)
{
	for (unsigned i = 0; i < task->info->nr_regions && task->region_policies; i++)
		if (offset - task->info->regions[i].first_page < task->info->regions[i].nr_pages)
			return task->region_policies[i] ? task->region_policies[i] : &task->policy;
	return &task->policy;
}

/* The position of the node for a new page of the task, or -1. */
static int choose(const struct world *world, const struct placement_request *request,
		  const struct nodemask *room)
{
	const int id = placement_node(&world->placement, request, room);

	return id < 0 ? -1 : machine_index(world->machine, id);
}

/* Without waking kswapd, a huge page may take a node down to its min watermark. */
static int allocate_huge(const struct world *world, const struct placement_request *request)
{
	struct nodemask room = roomy(world, PAGES_PER_HUGE, true);
	const int node = choose(world, request, &room);

	if (node >= 0)
		return node;
	room = roomy(world, PAGES_PER_HUGE, false);
	return choose(world, request, &room);
}

static int allocate_base(struct world *world, const struct placement_request *request)
{
	struct nodemask room = roomy(world, 1, true), everywhere;
	int node = choose(world, request, &room);

	if (node >= 0)
		return node;
	for (int i = 0; i < world->memory.nr_nodes; i++)
		world_wake_kswapd(world, i);
	room = roomy(world, 1, false);
	node = choose(world, request, &room);
	if (node >= 0)
		return node;
	/* Direct reclaim begins where the page would like to be. */
	everywhere = machine_memory_nodes(world->machine);
	node = choose(world, request, &everywhere);
	if (node < 0)
		return -1;
	reclaim_direct(world, node, SWAP_CLUSTER_PAGES);
	room = roomy(world, 1, false);
	return choose(world, request, &room);
}

/* Whether the aligned huge page around offset lies in one region, wholly absent. */
static bool may_be_huge(const struct world *world, const struct world_task *task, uint32_t offset)
{
	const uint32_t first = offset & ~(uint32_t)(PAGES_PER_HUGE - 1);
	bool inside = false;

	if (!task->huge)
		return false;
	for (unsigned i = 0; i < task->info->nr_regions; i++) {
		const struct workload_region *region = &task->info->regions[i];

		inside =
			inside || (first >= region->first_page &&
				   first + PAGES_PER_HUGE <= region->first_page + region->nr_pages);
	}
	for (uint32_t i = 0; inside && i < PAGES_PER_HUGE; i++)
		inside = !memory_present(&world->memory, task->first_page + first + i);
	return inside;
}

static bool group_has_room(struct world *world, const struct world_task *task, uint32_t pages)
{
	struct world_group *group = &world->groups[task->group];
	uint64_t used = 0;

	for (int node = 0; node < world->memory.nr_nodes; node++)
		used += group->node_pages[node];
	return !group->max_pages || used + pages <= group->max_pages;
}

int world_populate(struct world *world, uint32_t page, int cpu_node, int wanted)
{
	struct world_task *task = &world->tasks[world_task_of(world, page)];
	const uint32_t offset = page - task->first_page;
	struct mpol_policy prefer = { .mode = MPOL_MODE_PREFERRED };
	struct placement_request request = {
		.policy = wanted < 0 ? world_policy_at(task, offset) : &prefer,
		.local =
			world->machine->nodes[task->home_node >= 0 ? task->home_node : cpu_node].id,
	};
	int node = -1;
	bool huge = may_be_huge(world, task, offset);

	if (wanted >= 0) {
		const struct nodemask mask = nodemask_of(world->machine->nodes[wanted].id);

		policy_set_nodemask(&prefer, &mask);
	}
	if (huge) {
		request.index = offset / PAGES_PER_HUGE;
		request.huge_unasked = true;
		node = allocate_huge(world, &request);
		if (node >= 0)
			page -= page % PAGES_PER_HUGE;
	}
	if (node < 0) {
		huge = false;
		request.huge_unasked = false;
		request.index = offset;
		node = allocate_base(world, &request);
	}
	if (node < 0 || !group_has_room(world, task, huge ? PAGES_PER_HUGE : 1))
		return -ENOMEM;
	memory_place(&world->memory, page, node, huge);
	/* A new page's entry says accessed: what reclaim then sees first is a second chance. */
	world->memory.entries[page] |= PTE_ACCESSED;
	world->groups[task->group].node_pages[node] += huge ? PAGES_PER_HUGE : 1;
	return 0;
}

int world_fault(struct world *world, const struct world_thread *thread, uint32_t page)
{
	struct memory *memory = &world->memory;
	const uint32_t unit = memory_unit(memory, page);

	if (memory_present(memory, unit)) {
		memory->entries[unit] &= (uint16_t)~PTE_TRAP;
		world->tally.hint_faults++;
		world_spend(world, (uint64_t)world->config.costs.hint_fault_ns * 1000);
		if (world->peer->hint_fault)
			world->peer->hint_fault(world, world->peer_state, thread, unit);
		return 0;
	}
	if (memory->entries[page] & PTE_DIRTY)
		world->tally.swapped_in++;
	else
		world->tally.faults++;
	world_spend(world, 1000 * (uint64_t)(memory->entries[page] & PTE_DIRTY
						     ? world->config.costs.swap_in_ns
						     : world->config.costs.fault_ns));
	return world_populate(world, page, thread->cpu_node, -1);
}
