/* SPDX-License-Identifier: MIT */
/*
 * What mpol bind --driving does: looks for a while at which pages are accessed within moments,
 * chooses the regions that drive bandwidth (policy/traffic.h, the same code), gives these a
 * weighted interleave over all nodes and moves their pages to where it wants them.  All else is
 * left local.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "error.h"
#include "page.h"
#include "peers.h"
#include "policy.h"
#include "traffic.h"
#include "weights.h"

/* As mpol bind --driving has it where nobody says. */
#define LOOKS	       20
#define LOOK_PERIOD_PS 100000000000ULL

/* The mover's limit, 1 GiB/s, in pages of a quantum of so many ps. */
#define MOVED_BYTES_PER_S (1ULL << 30)
#define PS_PER_S	  1000000000000ULL

#define BITS_WORD 64U

struct region {
	struct workload_region place; /* first_page is one of memory's */
	unsigned task, number;
	struct traffic_looks looks;
	bool drives;
};

struct driving {
	struct region *regions; /* of all tasks */
	size_t nr_regions;
	uint64_t *bits;	 /* room for those of the largest region */
	unsigned looks;	 /* so far */
	bool looking;	 /* since the clear */
	unsigned moment; /* that comes next */
	uint64_t next_look_ps, cleared_ps;
	struct mpol_policy policy;
	const struct mpol_policy **policies; /* of all regions: the tasks' */
	size_t moving;			     /* the region whose pages are on their way */
	uint32_t moved_pages;		     /* of it */
};

static void stop(void *state)
{
	struct driving *driving = state;

	free(driving->regions);
	free(driving->policies);
	free(driving->bits);
	free(driving);
}

DEFINE_CLEANUP(void *, stop);

/* The tasks' policies become the peer's own copies: it will change some. */
static void take_regions(struct world *world, struct driving *driving)
{
	for (unsigned i = 0; i < world->nr_tasks; i++) {
		struct world_task *task = &world->tasks[i];
		const struct mpol_policy **before = task->region_policies;

		task->region_policies = &driving->policies[driving->nr_regions];
		for (unsigned j = 0; j < task->info->nr_regions; j++) {
			task->region_policies[j] = before ? before[j] : NULL;
			driving->regions[driving->nr_regions++] = (struct region) {
				.place = task->info->regions[j],
				.task = i,
				.number = j,
			};
		}
	}
	for (size_t i = 0; i < driving->nr_regions; i++)
		driving->regions[i].place.first_page +=
			world->tasks[driving->regions[i].task].first_page;
}

static int start(struct world *world, void **ret_state, struct mpol_error *err)
{
	struct driving *driving = calloc(1, sizeof(*driving));
	_cleanup_(stopp) void *state = driving;
	size_t nr_regions = 0;

	if (!driving)
		return error_errno(err, -ENOMEM, "start mpol:driving");
	for (unsigned i = 0; i < world->nr_tasks; i++)
		nr_regions += world->tasks[i].info->nr_regions;
	driving->regions = calloc(nr_regions, sizeof(*driving->regions));
	driving->policies = calloc(nr_regions, sizeof(*driving->policies));
	driving->bits = calloc(world->nr_pages / BITS_WORD + 1, sizeof(*driving->bits));
	if (!driving->regions || !driving->policies || !driving->bits)
		return error_errno(err, -ENOMEM, "start mpol:driving");
	*ret_state = steal_pointer(&state);
	return 0;
}

/* ---- Looking ----------------------------------------------------------------------- */

static void clear(struct world *world)
{
	uint64_t looked_at = 0;
	uint32_t pages;

	for (uint32_t unit = 0; unit < world->nr_pages; unit += pages, looked_at++) {
		pages = memory_unit_pages(&world->memory, unit);
		memory_test_and_clear_accessed(&world->memory, unit);
	}
	world_spend(world, looked_at * world->config.costs.entry_ps);
}

/* What a tracker's bits would be: those of a huge page are all alike. */
static void look_at(struct world *world, struct driving *driving, struct region *region)
{
	const uint32_t first = region->place.first_page, nr_pages = region->place.nr_pages;
	uint64_t looked_at = 0;
	struct traffic_seen seen;

	memset(driving->bits, 0, (nr_pages / BITS_WORD + 1) * sizeof(*driving->bits));
	for (uint32_t i = 0; i < nr_pages; i++) {
		const uint32_t unit = memory_unit(&world->memory, first + i);

		looked_at += unit == first + i;
		if (world->memory.entries[unit] & PTE_ACCESSED)
			driving->bits[i / BITS_WORD] |= 1ULL << (i % BITS_WORD);
	}
	world_spend(world, looked_at * world->config.costs.entry_ps);
	traffic_look(driving->bits, first, nr_pages, nr_pages, &seen);
	traffic_add(&region->looks, driving->moment, &seen,
		    (world->now_ps - driving->cleared_ps) / 1000);
}

static void look(struct world *world, struct driving *driving)
{
	const uint64_t due_ps =
		driving->cleared_ps + (1000ULL * TRAFFIC_FIRST_NS << driving->moment);

	if (driving->looking && world->now_ps >= due_ps) {
		for (size_t i = 0; i < driving->nr_regions; i++)
			look_at(world, driving, &driving->regions[i]);
		if (++driving->moment == TRAFFIC_MOMENTS) {
			driving->moment = 0;
			driving->looking = false;
			driving->looks++;
		}
	}
	if (driving->looking || world->now_ps < driving->next_look_ps || driving->looks == LOOKS)
		return;
	clear(world);
	driving->cleared_ps = world->now_ps;
	driving->looking = true;
	driving->next_look_ps += LOOK_PERIOD_PS;
}

/* ---- Choosing ---------------------------------------------------------------------- */

static void find_local(const struct world *world, uint64_t *ret_local)
{
	uint64_t threads[MEMORY_MAX_NODES] = { 0 };

	for (unsigned i = 0; i < world->nr_threads; i++) {
		const int from = world->threads[i].cpu_node;
		const int16_t nearest = world->fallback[from * world->memory.nr_nodes];

		if (nearest >= 0)
			threads[nearest]++;
	}
	for (int node = 0; node < world->memory.nr_nodes; node++) {
		ret_local[node] = 0;
		for (unsigned i = 0; i < world->nr_groups; i++)
			ret_local[node] += world->groups[i].node_pages[node];
	}
	traffic_local(threads, ret_local, (size_t)world->memory.nr_nodes, ret_local);
}

/* From where threads run: the nearest of their nodes. */
static uint32_t latency_ns(const struct world *world, int node)
{
	uint64_t nearest_ps = UINT64_MAX;

	for (unsigned i = 0; i < world->nr_threads; i++) {
		const uint64_t ps = world->timing.idle_ps[world->threads[i].cpu_node][node];

		if (ps < nearest_ps)
			nearest_ps = ps;
	}
	return (uint32_t)(nearest_ps / 1000);
}

static void describe(const struct world *world, struct bandwidth_node *nodes, uint64_t *room_pages)
{
	for (int i = 0; i < world->memory.nr_nodes; i++) {
		const struct memory_node *node = &world->memory.nodes[i];
		const struct machine_load_curve *curve =
			machine_load_curve(&world->machine->nodes[i]);

		room_pages[i] = node->free_pages > node->marks.high_pages
					? node->free_pages - node->marks.high_pages
					: 0;
		nodes[i] = world->timing.memory[i];
		nodes[i].latency_ns = latency_ns(world, i);
		nodes[i].curve = curve->points;
		nodes[i].nr_points = curve->nr_points;
		if (!node->capacity_pages)
			nodes[i].read_bytes = nodes[i].write_bytes = 0;
	}
}

static void take_weights(const struct world *world, const uint8_t *weights,
			 struct mpol_policy *policy)
{
	struct nodemask mask = { 0 };

	*policy = (struct mpol_policy) { .mode = MPOL_MODE_WEIGHTED_INTERLEAVE };
	for (int i = 0; i < world->memory.nr_nodes; i++) {
		if (!weights[i])
			continue;
		policy->weights[world->ids[i]] = weights[i];
		nodemask_set(&mask, world->ids[i]);
	}
	policy_set_nodemask(policy, &mask);
}

static int choose(struct world *world, struct driving *driving, struct traffic_range *ranges,
		  enum traffic_verdict *verdicts)
{
	struct bandwidth_node nodes[MEMORY_MAX_NODES];
	uint64_t room_pages[MEMORY_MAX_NODES];
	uint64_t local[MEMORY_MAX_NODES];
	uint8_t weights[MEMORY_MAX_NODES];
	const struct bandwidth_profile profile = {
		.nodes = nodes,
		.nr_nodes = (size_t)world->memory.nr_nodes,
		.mix = { 2, 1 },
	};
	struct traffic_case traffic = {
		.profile = &profile,
		.local = local,
		.weights = weights,
		.room_pages = room_pages,
		.ranges = ranges,
		.nr_ranges = driving->nr_regions,
	};
	struct weights_plan plan;
	struct traffic_choice choice;
	int r;

	describe(world, nodes, room_pages);
	find_local(world, local);
	r = weights_solve(&profile, NULL, weights, &plan);
	if (r < 0)
		return r;
	take_weights(world, weights, &driving->policy);
	for (size_t i = 0; i < driving->nr_regions; i++)
		ranges[i] =
			traffic_of(&driving->regions[i].looks, driving->regions[i].place.nr_pages);
	return traffic_choose(&traffic, verdicts, &choice);
}

/* Where memory is too short for the arrays, or no node is known to deliver anything, none does. */
static void decide(struct world *world, struct driving *driving)
{
	_cleanup_free_ struct traffic_range *ranges = calloc(driving->nr_regions, sizeof(*ranges));
	_cleanup_free_ enum traffic_verdict *verdicts =
		calloc(driving->nr_regions, sizeof(*verdicts));

	if (!ranges || !verdicts || choose(world, driving, ranges, verdicts) < 0)
		return;
	for (size_t i = 0; i < driving->nr_regions; i++) {
		struct region *region = &driving->regions[i];

		region->drives = verdicts[i] == TRAFFIC_DRIVES;
		if (region->drives)
			world->tasks[region->task].region_policies[region->number] =
				&driving->policy;
	}
}

/* ---- Moving ------------------------------------------------------------------------ */

/* One page, or huge page, of a region to where the interleave has it; how many pages were moved. */
static uint32_t move_page(struct world *world, const struct driving *driving, uint32_t unit,
			  uint32_t pages)
{
	const uint64_t index = pages > 1 ? unit / PAGES_PER_HUGE : unit;
	const int to = machine_index(
		world->machine, placement_of_index(&world->placement, &driving->policy, index));

	if (!memory_present(&world->memory, unit) || memory_node_of(&world->memory, unit) == to)
		return 0;
	return world_move(world, unit, to, MOVE_BALANCE) == 0 ? pages : 0;
}

static void move_some(struct world *world, struct driving *driving)
{
	int64_t left_pages = (int64_t)(MOVED_BYTES_PER_S / PAGE_BYTES * world->config.quantum_ns *
				       1000 / PS_PER_S);

	while (left_pages > 0 && driving->moving < driving->nr_regions) {
		const struct region *region = &driving->regions[driving->moving];
		const uint32_t unit = region->place.first_page + driving->moved_pages;
		uint32_t pages;

		if (!region->drives || driving->moved_pages >= region->place.nr_pages) {
			driving->moving++;
			driving->moved_pages = 0;
			continue;
		}
		pages = memory_unit_pages(&world->memory, unit);
		left_pages -= move_page(world, driving, unit, pages);
		driving->moved_pages += pages;
	}
}

static void tick(struct world *world, void *state)
{
	struct driving *driving = state;

	/* Only now are the tasks' pages known. */
	if (!driving->nr_regions)
		take_regions(world, driving);
	if (driving->looks < LOOKS) {
		look(world, driving);
		if (driving->looks == LOOKS)
			decide(world, driving);
		return;
	}
	move_some(world, driving);
}

const struct peer peer_mpol_driving = {
	.name = "mpol:driving",
	.summary = "mpol bind --driving: a weighted interleave for what drives bandwidth, once",
	.start = start,
	.stop = stop,
	.tick = tick,
};
