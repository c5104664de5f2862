/* SPDX-License-Identifier: MIT */
/*
 * Home nodes, as Peter Zijlstra proposed them in 2012, re-implemented from their
 * description (LWN, "Toward better NUMA scheduling"): a task gets a home at its start, where
 * least is to be done; its memory is allocated there whoever runs where, and the scheduler keeps
 * its threads there within bounds (scheduler.h).  A task that has run for a second and is
 * forced to run elsewhere most of the time is moved for good: its memory is unmapped,
 * and follows page by page as it is touched (MPOL_MF_LAZY).
 *
 * Where the description names no number, "ours" says so.  Not modelled: moving tasks
 * because their home has no memory left, and groups of tasks with one home.
 * On a machine without a scheduler only allocation is left of it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "error.h"
#include "peers.h"

/* Younger tasks are not moved. */
#define LEAST_RUN_NS 1000000000ULL

/* Looked at so often whether tasks are away from home most of the time (ours). */
#define CHECK_PS 1000000000000ULL

struct home_node {
	/* [tasks * nr_nodes] CPU time since the last check, by where it ran */
	uint64_t *ran_ns;
	uint64_t *total_ran_ns; /* [tasks] */
	uint64_t next_check_ps;
};

static void stop(void *state)
{
	struct home_node *homes = state;

	free(homes->ran_ns);
	free(homes->total_ran_ns);
	free(homes);
}

DEFINE_CLEANUP(void *, stop);

static void set_home(struct world *world, unsigned task, int node)
{
	world->tasks[task].home_node = node;
	for (unsigned i = 0; world->scheduler && i < world->nr_threads; i++)
		if (world->threads[i].task == task)
			scheduler_set_home(world->scheduler, i, node);
}

/* Where the task has most of its threads, which nobody will move. */
static int node_of_threads(const struct world *world, unsigned task)
{
	unsigned threads[MEMORY_MAX_NODES] = { 0 };
	int most = 0;

	for (unsigned i = 0; i < world->nr_threads; i++)
		if (world->threads[i].task == task)
			threads[world->threads[i].cpu_node]++;
	for (int node = 1; node < world->memory.nr_nodes; node++)
		if (threads[node] > threads[most])
			most = node;
	return most;
}

/* Where the task's threads would share CPUs with the fewest. */
static int least_loaded_node(const struct world *world, const unsigned *threads)
{
	int least = -1;

	for (int node = 0; node < world->memory.nr_nodes; node++) {
		const uint64_t cpus = scheduler_nr_cpus(world->scheduler, node);

		if (!cpus || !world->memory.nodes[node].capacity_pages)
			continue;
		if (least < 0 || threads[node] * scheduler_nr_cpus(world->scheduler, least) <
					 threads[least] * cpus)
			least = node;
	}
	return least;
}

static void find_homes(struct world *world)
{
	unsigned threads[MEMORY_MAX_NODES] = { 0 };

	for (unsigned task = 0; task < world->nr_tasks; task++) {
		const bool bound = world->tasks[task].cpu_node >= 0;
		const int node = bound || !world->scheduler ? node_of_threads(world, task)
							    : least_loaded_node(world, threads);

		if (node < 0)
			continue;
		threads[node] += world->tasks[task].info->nr_threads;
		set_home(world, task, node);
	}
}

static int start(struct world *world, void **ret_state, struct mpol_error *err)
{
	const size_t nr_nodes = (size_t)world->memory.nr_nodes;
	struct home_node *homes = calloc(1, sizeof(*homes));
	_cleanup_(stopp) void *state = homes;

	if (!homes)
		return error_errno(err, -ENOMEM, "start home-node");
	homes->ran_ns = calloc(world->nr_tasks * nr_nodes, sizeof(*homes->ran_ns));
	homes->total_ran_ns = calloc(world->nr_tasks, sizeof(*homes->total_ran_ns));
	if (!homes->ran_ns || !homes->total_ran_ns)
		return error_errno(err, -ENOMEM, "start home-node");
	homes->next_check_ps = CHECK_PS;
	find_homes(world);
	*ret_state = steal_pointer(&state);
	return 0;
}

/* The node where the task ran more than half of the time since the last check, or its home. */
static int node_of_late(const struct world *world, const struct home_node *homes, unsigned task)
{
	const uint64_t *ran_ns = &homes->ran_ns[task * (size_t)world->memory.nr_nodes];
	uint64_t sum = 0;

	for (int node = 0; node < world->memory.nr_nodes; node++)
		sum += ran_ns[node];
	for (int node = 0; node < world->memory.nr_nodes; node++)
		if (2 * ran_ns[node] > sum)
			return node;
	return world->tasks[task].home_node;
}

/* The task's memory is to follow it: what is elsewhere faults at its next touch. */
static void unmap(struct world *world, unsigned task)
{
	const uint32_t first = world->tasks[task].first_page;
	const uint32_t end = first + world->tasks[task].info->nr_pages;
	uint64_t looked_at = 0;
	uint32_t pages;

	for (uint32_t unit = first; unit < end; unit += pages, looked_at++) {
		const int node = memory_node_of(&world->memory, unit);

		pages = memory_unit_pages(&world->memory, unit);
		if (node != NO_NODE && node != world->tasks[task].home_node)
			memory_set_trap(&world->memory, unit);
	}
	world_spend(world, looked_at * world->config.costs.entry_ps);
}

static void check(struct world *world, struct home_node *homes)
{
	for (unsigned task = 0; task < world->nr_tasks; task++) {
		const int node = node_of_late(world, homes, task);

		if (homes->total_ran_ns[task] < LEAST_RUN_NS ||
		    node == world->tasks[task].home_node ||
		    !world->memory.nodes[node].capacity_pages)
			continue;
		set_home(world, task, node);
		unmap(world, task);
	}
	memset(homes->ran_ns, 0,
	       world->nr_tasks * (size_t)world->memory.nr_nodes * sizeof(*homes->ran_ns));
}

static void tick(struct world *world, void *state)
{
	struct home_node *homes = state;

	if (!world->scheduler)
		return;
	if (world->now_ps >= homes->next_check_ps) {
		homes->next_check_ps = world->now_ps + CHECK_PS;
		check(world, homes);
	}
	for (unsigned i = 0; i < world->nr_threads; i++) {
		const struct world_thread *thread = &world->threads[i];

		if (!scheduler_runs(world->scheduler, i))
			continue;
		homes->ran_ns[thread->task * (size_t)world->memory.nr_nodes +
			      (size_t)thread->cpu_node] += world->config.quantum_ns;
		homes->total_ran_ns[thread->task] += world->config.quantum_ns;
	}
}

static void hint_fault(struct world *world, void *state, const struct world_thread *thread,
		       uint32_t unit)
{
	const int home = world->tasks[thread->task].home_node;

	(void)state;
	if (home >= 0)
		world_move(world, unit, home, MOVE_BALANCE);
}

const struct peer peer_home_node = {
	.name = "home-node",
	.summary = "tasks have a home where they run and their memory is (Zijlstra, 2012)",
	.start = start,
	.stop = stop,
	.tick = tick,
	.hint_fault = hint_fault,
};
