/* SPDX-License-Identifier: MIT */
/*
 * The oracle: for every window it counts the accesses that are going to come, in copies of
 * the workloads, and puts the most accessed pages into fast memory as far as that holds
 * them, where the window repays the moves.  Its looking ahead costs nothing, its moves cost
 * what moves cost, but are made at once.  No policy can know more, so others are set
 * beside it; only one that looks further ahead than a window could be better.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "error.h"
#include "peers.h"

#define WINDOW_PS 1000000000000ULL

/* Counts above are the same to it. */
#define NR_COUNTS 65536

/* Accesses of a thread that are looked at when it has not run yet. */
#define FIRST_ACCESSES 10000000

#define CHUNK 4096

struct oracle {
	uint64_t next_ps;
	uint64_t *before; /* [threads] accesses when the present window began */
	uint16_t *counts; /* [pages] of the coming window, by unit */
	uint64_t fast_pages[NR_COUNTS], slow_pages[NR_COUNTS];
};

static void stop(void *state)
{
	struct oracle *oracle = state;

	free(oracle->before);
	free(oracle->counts);
	free(oracle);
}

DEFINE_CLEANUP(void *, stop);

static int start(struct world *world, void **ret_state, struct mpol_error *err)
{
	struct oracle *oracle = calloc(1, sizeof(*oracle));
	_cleanup_(stopp) void *state = oracle;

	if (!oracle)
		return error_errno(err, -ENOMEM, "start the oracle");
	oracle->before = calloc(world->nr_threads, sizeof(*oracle->before));
	oracle->counts = calloc(world->nr_pages, sizeof(*oracle->counts));
	if (!oracle->before || !oracle->counts)
		return error_errno(err, -ENOMEM, "start the oracle");
	*ret_state = steal_pointer(&state);
	return 0;
}

/* As many accesses as the thread made in the last window, or what is a second's worth at first. */
static void count_thread(const struct world *world, struct oracle *oracle, struct workload *copy,
			 unsigned index)
{
	const struct world_thread *thread = &world->threads[index];
	const uint32_t first_page = world->tasks[thread->task].first_page;
	uint64_t left = thread->accesses - oracle->before[index];
	uint32_t accesses[CHUNK];

	if (left == 0)
		left = FIRST_ACCESSES;
	oracle->before[index] = thread->accesses;
	while (left) {
		const size_t wanted = left < CHUNK ? (size_t)left : CHUNK;
		const size_t nr = workload_fill(copy, thread->index, accesses, wanted);

		for (size_t i = 0; i < nr; i++) {
			const uint32_t page = first_page + (accesses[i] & ~ACCESS_WRITE);
			uint16_t *count = &oracle->counts[memory_unit(&world->memory, page)];

			*count += *count < NR_COUNTS - 1;
		}
		if (nr < wanted)
			return;
		left -= nr;
	}
}

/* Looks into the future of every thread. */
static void look_ahead(const struct world *world, struct oracle *oracle)
{
	memset(oracle->counts, 0, world->nr_pages * sizeof(*oracle->counts));
	for (unsigned task = 0; task < world->nr_tasks; task++) {
		struct workload *copy = workload_clone(world->tasks[task].workload);

		for (unsigned i = 0; copy && i < world->nr_threads; i++)
			if (world->threads[i].task == task && !world->threads[i].ended)
				count_thread(world, oracle, copy, i);
		workload_free(copy);
	}
}

static bool is_fast(const struct world *world, uint32_t unit)
{
	return world_tier(world, memory_node_of(&world->memory, unit)) == 0;
}

static void fill_histograms(const struct world *world, struct oracle *oracle)
{
	uint32_t pages;

	memset(oracle->fast_pages, 0, sizeof(oracle->fast_pages));
	memset(oracle->slow_pages, 0, sizeof(oracle->slow_pages));
	for (uint32_t unit = 0; unit < world->nr_pages; unit += pages) {
		pages = memory_unit_pages(&world->memory, unit);
		if (!memory_present(&world->memory, unit))
			continue;
		if (is_fast(world, unit))
			oracle->fast_pages[oracle->counts[unit]] += pages;
		else
			oracle->slow_pages[oracle->counts[unit]] += pages;
	}
}

/* Pages that fast nodes can take up and stay above their min watermark. */
static uint64_t room(const struct world *world)
{
	uint64_t pages = 0;

	for (int i = 0; i < world->memory.nr_nodes; i++) {
		const struct memory_node *node = &world->memory.nodes[i];

		if (world_tier(world, i) == 0 && node->free_pages > node->marks.min_pages)
			pages += node->free_pages - node->marks.min_pages;
	}
	return pages;
}

/* What a page must be accessed more often than another for both moves to pay. */
static unsigned payback(const struct world *world)
{
	uint64_t fast_ps = UINT64_MAX, slow_ps = UINT64_MAX;

	for (int from = 0; from < world->memory.nr_nodes; from++)
		for (int to = 0; to < world->memory.nr_nodes; to++) {
			uint64_t *nearest = world_tier(world, to) == 0 ? &fast_ps : &slow_ps;

			if (world->machine->nodes[from].cpus[0] && world_tier(world, to) >= 0 &&
			    world->timing.idle_ps[from][to] < *nearest)
				*nearest = world->timing.idle_ps[from][to];
		}
	if (slow_ps == UINT64_MAX || slow_ps <= fast_ps)
		return NR_COUNTS;
	return (unsigned)(2000ULL * world->config.costs.move_page_ns / (slow_ps - fast_ps));
}

/* Some node of the wanted kind takes the unit; the usual target first. */
static bool move(struct world *world, uint32_t unit, bool up)
{
	const int from = memory_node_of(&world->memory, unit);
	const int target = up ? world->tiers.promotion[from] : world->tiers.demotion[from];
	const enum move_reason reason = up ? MOVE_PROMOTION : MOVE_DEMOTION;

	if (target >= 0 && (world_tier(world, target) == 0) == up &&
	    world_move(world, unit, target, reason) == 0)
		return true;
	for (int to = 0; to < world->memory.nr_nodes; to++)
		if (world_tier(world, to) >= 0 && (world_tier(world, to) == 0) == up &&
		    world_move(world, unit, to, reason) == 0)
			return true;
	return false;
}

/* Moves units of one kind whose counts are on the right side of the edge, or some of those on it.
 */
static void move_all(struct world *world, const struct oracle *oracle, bool up, unsigned edge,
		     uint64_t edge_pages)
{
	uint32_t pages;

	for (uint32_t unit = 0; unit < world->nr_pages; unit += pages) {
		const unsigned count = oracle->counts[unit];

		pages = memory_unit_pages(&world->memory, unit);
		if (!memory_present(&world->memory, unit) || is_fast(world, unit) == up)
			continue;
		if (count == edge && edge_pages >= pages) {
			if (move(world, unit, up))
				edge_pages -= pages;
		} else if (up ? count > edge : count < edge) {
			move(world, unit, up);
		}
	}
}

static void place(struct world *world, struct oracle *oracle)
{
	const unsigned margin = payback(world);
	uint64_t free_pages = room(world), up = 0, down = 0;
	unsigned hot = NR_COUNTS - 1, cold = 0;

	/* The hottest slow page and the coldest fast one change places while that pays. */
	while (hot > 0 && cold < NR_COUNTS - 1) {
		if (up == oracle->slow_pages[hot]) {
			hot--;
			up = 0;
		} else if (free_pages) {
			const uint64_t left = oracle->slow_pages[hot] - up;
			const uint64_t taken = left < free_pages ? left : free_pages;

			if (hot < margin / 2)
				break;
			up += taken;
			free_pages -= taken;
		} else if (down == oracle->fast_pages[cold]) {
			cold++;
			down = 0;
		} else if (hot < cold + margin || hot <= cold) {
			break;
		} else {
			const uint64_t hot_left = oracle->slow_pages[hot] - up;
			const uint64_t cold_left = oracle->fast_pages[cold] - down;
			const uint64_t taken = hot_left < cold_left ? hot_left : cold_left;

			up += taken;
			down += taken;
		}
	}
	move_all(world, oracle, false, cold, down);
	move_all(world, oracle, true, hot, up);
}

static void tick(struct world *world, void *state)
{
	struct oracle *oracle = state;

	if (world->now_ps < oracle->next_ps)
		return;
	oracle->next_ps = world->now_ps + WINDOW_PS;
	look_ahead(world, oracle);
	fill_histograms(world, oracle);
	place(world, oracle);
}

const struct peer peer_oracle = {
	.name = "oracle",
	.summary = "knows the accesses of the coming second; the same capacity as the others",
	.start = start,
	.stop = stop,
	.tick = tick,
	.demotes = true,
};
