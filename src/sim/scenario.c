/* SPDX-License-Identifier: MIT */
/* Running a scenario: see scenario.h. */
#include "scenario.h"

#include <errno.h>
#include <stdlib.h>

#include "cleanup.h"
#include "error.h"

DEFINE_CLEANUP(struct outcome *, outcome_free);
DEFINE_CLEANUP(struct world *, world_free);

/* The tasks of a run, with workloads of their own. */
struct run {
	struct world_task *tasks;
	unsigned nr_tasks;
};

static void run_done(struct run *run)
{
	for (unsigned i = 0; run->tasks && i < run->nr_tasks; i++)
		workload_free(run->tasks[i].workload);
	free(run->tasks);
}

static int make_tasks(const struct scenario *scenario, struct run *run)
{
	run->tasks = calloc(scenario->copies, sizeof(*run->tasks));
	if (!run->tasks)
		return -ENOMEM;
	for (; run->nr_tasks < scenario->copies; run->nr_tasks++) {
		struct world_task *task = &run->tasks[run->nr_tasks];

		*task = (struct world_task) {
			.workload = workload_clone(scenario->workload),
			.policy = scenario->policy,
			.region_policies = scenario->region_policies,
			.huge = scenario->huge,
			.cpu_node = -1,
		};
		if (!task->workload)
			return -ENOMEM;
		task->info = workload_info(task->workload);
	}
	return 0;
}

void outcome_free(struct outcome *outcome)
{
	if (!outcome)
		return;
	free(outcome->line);
	free(outcome->heat);
	free(outcome);
}

uint64_t outcome_interval_end_ns(const struct outcome *outcome, size_t interval)
{
	const uint64_t end_ns = (interval + 1) * outcome->interval_ns;

	return end_ns < outcome->ran_ns ? end_ns : outcome->ran_ns;
}

static int outcome_new(const struct scenario *scenario, const struct peer *peer,
		       struct outcome **ret_outcome)
{
	const size_t most =
		(scenario->duration_ns + scenario->interval_ns - 1) / scenario->interval_ns;
	struct outcome *outcome = calloc(1, sizeof(*outcome));

	if (!outcome)
		return -ENOMEM;
	outcome->peer = peer;
	outcome->interval_ns = scenario->interval_ns;
	outcome->line = calloc(most, sizeof(*outcome->line));
	outcome->heat = calloc(most, WORLD_HEAT_ROWS * sizeof(*outcome->heat));
	if (!outcome->line || !outcome->heat) {
		outcome_free(outcome);
		return -ENOMEM;
	}
	*ret_outcome = outcome;
	return 0;
}

/* The slowest node with memory; of equals the largest. */
static int slowest_node(const struct machine *machine)
{
	int slowest = -1;

	for (int i = 0; i < machine->nr_nodes; i++) {
		const struct machine_node *node = &machine->nodes[i];

		if (!node->capacity_bytes)
			continue;
		if (slowest < 0 || node->tier > machine->nodes[slowest].tier ||
		    (node->tier == machine->nodes[slowest].tier &&
		     node->capacity_bytes > machine->nodes[slowest].capacity_bytes))
			slowest = i;
	}
	return slowest;
}

static int begin(const struct scenario *scenario, struct world *world, struct mpol_error *err)
{
	switch (scenario->start) {
	case START_TOUCHED:
		return world_touch_all(world, -1, err);
	case START_SLOW:
		return world_touch_all(world, slowest_node(scenario->machine), err);
	case START_ABSENT:
		break;
	}
	return 0;
}

/* Ends an interval of the time line. */
static void note(struct outcome *outcome, struct world *world)
{
	uint32_t *heat = &outcome->heat[outcome->nr_intervals * WORLD_HEAT_ROWS];

	for (unsigned row = 0; row < WORLD_HEAT_ROWS; row++) {
		heat[row] = world->heat[row];
		world->heat[row] = 0;
	}
	outcome->line[outcome->nr_intervals++] = world->tally;
}

/* Quanta to the end, or until all threads have come to theirs. */
static int run_all(const struct scenario *scenario, struct world *world, struct outcome *outcome,
		   scenario_progress_fn *progress, void *context, struct mpol_error *err)
{
	uint64_t next_ns = scenario->interval_ns;
	int r = 0;

	while (r == 0 && world_now_ns(world) < scenario->duration_ns) {
		r = world_step(world, err);
		if (r < 0)
			return r;
		if (world_now_ns(world) >= next_ns || r == 1 ||
		    world_now_ns(world) >= scenario->duration_ns) {
			note(outcome, world);
			next_ns += scenario->interval_ns;
		}
		if (progress && !progress(context, (unsigned)(world_now_ns(world) * 1000 /
							      scenario->duration_ns)))
			return error_set(err, -ECANCELED, "simulate", "it was interrupted");
	}
	return 0;
}

int scenario_run(const struct scenario *scenario, const struct peer *peer,
		 scenario_progress_fn *progress, void *context, struct outcome **ret_outcome,
		 struct mpol_error *err)
{
	_cleanup_(outcome_freep) struct outcome *outcome = NULL;
	_cleanup_(world_freep) struct world *world = NULL;
	_cleanup_(run_done) struct run run = { 0 };
	struct world_config config = scenario->config;
	int r;

	if (scenario->duration_ns / scenario->interval_ns >= SCENARIO_MAX_INTERVALS)
		return error_set(err, -EINVAL, "simulate", "more than %d intervals",
				 SCENARIO_MAX_INTERVALS);
	config.peer = peer;
	r = make_tasks(scenario, &run);
	if (r == 0)
		r = outcome_new(scenario, peer, &outcome);
	if (r < 0)
		return error_errno(err, r, "simulate");
	r = world_new(scenario->machine, &config, run.tasks, run.nr_tasks, &world, err);
	if (r == 0)
		r = begin(scenario, world, err);
	if (r == 0)
		r = run_all(scenario, world, outcome, progress, context, err);
	if (r < 0)
		return r;
	outcome->total = world->tally;
	outcome->ran_ns = world_now_ns(world);
	for (int i = 0; i < world->memory.nr_nodes; i++)
		for (enum lru lru = 0; lru < NR_LRU; lru++)
			outcome->placed_pages[i] += world->memory.nodes[i].listed_pages[lru];
	*ret_outcome = steal_pointer(&outcome);
	return 0;
}
