/* SPDX-License-Identifier: MIT */
/* Targets of demotion and promotion: machines by hand, then rules on random ones. */
#include "cmocka-all.h"

#include <stdio.h>
#include <string.h>

#include "random.h"
#include "tiers.h"

#define MAX 9

struct machine {
	int nr_nodes;
	int tiers[MAX];
	bool cpus[MAX];
	uint8_t distances[MAX * MAX];
	int16_t demotion[MAX], promotion[MAX];
	int top_tier;
};

static const struct machine machines[] = {
	/* Two sockets, each with its own slow memory. */
	{ .nr_nodes = 4,
	  .tiers = { 0, 0, 1, 1 },
	  .cpus = { true, true },
	  .distances = { 10, 21, 17, 28, 21, 10, 28, 17, 17, 28, 10, 28, 28, 17, 28, 10 },
	  .demotion = { 2, 3, -1, -1 },
	  .promotion = { -1, -1, 0, 1 } },
	/* Slow memory equally far from both: each its own. */
	{ .nr_nodes = 4,
	  .tiers = { 0, 0, 1, 1 },
	  .cpus = { true, true },
	  .distances = { 10, 21, 24, 24, 21, 10, 24, 24, 24, 24, 10, 24, 24, 24, 24, 10 },
	  .demotion = { 2, 3, -1, -1 },
	  .promotion = { -1, -1, 0, 1 } },
	/* The first could take either, the second only one: so the first leaves it that. */
	{ .nr_nodes = 4,
	  .tiers = { 0, 0, 1, 1 },
	  .cpus = { true, true },
	  .distances = { 10, 21, 24, 24, 21, 10, 24, 31, 24, 24, 10, 24, 24, 24, 24, 10 },
	  .demotion = { 3, 2, -1, -1 },
	  .promotion = { -1, -1, 0, 1 } },
	/* One expander for two sockets cannot but be shared; nodes without memory take no part. */
	{ .nr_nodes = 4,
	  .tiers = { 0, -1, 0, 1 },
	  .cpus = { true, true, true },
	  .distances = { 10, 10, 21, 24, 10, 10, 10, 10, 21, 10, 10, 24, 24, 10, 21, 10 },
	  .demotion = { 3, -1, 3, -1 },
	  .promotion = { -1, -1, -1, 2 } },
	/* HBM without CPUs, DRAM with, CXL, PMEM: a step at a time. */
	{ .nr_nodes = 4,
	  .tiers = { 0, 1, 2, 4 },
	  .cpus = { false, true },
	  .distances = { 10, 15, 24, 31, 15, 10, 24, 31, 24, 24, 10, 20, 31, 31, 20, 10 },
	  .demotion = { 1, 2, 3, -1 },
	  .promotion = { -1, 0, 1, 2 },
	  .top_tier = 1 },
	/* CPUs beside slow memory: the kernel would never promote out of it. */
	{ .nr_nodes = 2,
	  .tiers = { 0, 1 },
	  .cpus = { true, true },
	  .distances = { 10, 28, 28, 10 },
	  .demotion = { 1, -1 },
	  .promotion = { -1, 0 },
	  .top_tier = 1 },
	/* A distance that nobody states is the farthest; no CPUs at all. */
	{ .nr_nodes = 3,
	  .tiers = { 0, 1, 1 },
	  .distances = { 10, 0, 254, 0, 10, 20, 254, 20, 10 },
	  .demotion = { 2, -1, -1 },
	  .promotion = { -1, 0, 0 } },
};

static struct tiers_nodes nodes_of(const struct machine *machine)
{
	return (struct tiers_nodes) {
		.nr_nodes = machine->nr_nodes,
		.tiers = machine->tiers,
		.have_cpus = machine->cpus,
		.distances = machine->distances,
	};
}

static void test_machines(void **state)
{
	static struct tiers_targets targets;

	(void)state;
	for (size_t i = 0; i < sizeof(machines) / sizeof(machines[0]); i++) {
		const struct machine *machine = &machines[i];
		const struct tiers_nodes nodes = nodes_of(machine);
		const size_t size = (size_t)machine->nr_nodes * sizeof(int16_t);

		tiers_choose(&nodes, &targets);
		assert_memory_equal(targets.demotion, machine->demotion, size);
		assert_memory_equal(targets.promotion, machine->promotion, size);
		assert_int_equal(targets.top_tier, machine->top_tier);
	}
}

static struct machine make_up(struct random *random)
{
	struct machine machine = { .nr_nodes = 1 + (int)random_below(random, MAX) };
	const int nr_tiers = 1 + (int)random_below(random, 5);

	for (int i = 0; i < machine.nr_nodes; i++) {
		machine.tiers[i] = (int)random_below(random, (uint64_t)nr_tiers + 1) - 1;
		machine.cpus[i] = random_below(random, 2);
		for (int to = 0; to < machine.nr_nodes; to++)
			machine.distances[i * machine.nr_nodes + to] =
				(uint8_t)(10 + random_below(random, 3));
	}
	return machine;
}

/* The nodes that from could demote to: the nearest of the next slower tier. */
static bool could_have(const struct machine *machine, int from, int to)
{
	const uint8_t *distances = &machine->distances[from * machine->nr_nodes];
	const int tier = machine->tiers[from];

	if (tier < 0 || machine->tiers[to] <= tier)
		return false;
	for (int other = 0; other < machine->nr_nodes; other++) {
		if (machine->tiers[other] > tier && machine->tiers[other] < machine->tiers[to])
			return false;
		if (machine->tiers[other] == machine->tiers[to] && distances[other] < distances[to])
			return false;
	}
	return true;
}

/* The smallest sum of squares of how many nodes share a target, over all choices. */
static int least_sharing(const struct machine *machine, int from, int *shares)
{
	int least = -1;

	if (from == machine->nr_nodes) {
		least = 0;
		for (int i = 0; i < machine->nr_nodes; i++)
			least += shares[i] * shares[i];
		return least;
	}
	for (int to = 0; to < machine->nr_nodes; to++) {
		int sum;

		if (!could_have(machine, from, to))
			continue;
		shares[to]++;
		sum = least_sharing(machine, from + 1, shares);
		shares[to]--;
		if (least < 0 || sum < least)
			least = sum;
	}
	return least < 0 ? least_sharing(machine, from + 1, shares) : least;
}

static void assert_demotions(const struct machine *machine, const struct tiers_targets *targets)
{
	int shares[MAX] = { 0 }, none[MAX] = { 0 }, sum = 0;

	for (int from = 0; from < machine->nr_nodes; from++) {
		const int to = targets->demotion[from];
		int steps = 0;

		if (to >= 0) {
			assert_true(could_have(machine, from, to));
			shares[to]++;
		} else {
			for (int other = 0; other < machine->nr_nodes; other++)
				assert_false(could_have(machine, from, other));
		}
		for (int at = from; at >= 0; at = targets->demotion[at])
			assert_in_range(steps++, 0, machine->nr_nodes);
	}
	for (int i = 0; i < machine->nr_nodes; i++)
		sum += shares[i] * shares[i];
	assert_int_equal(sum, least_sharing(machine, 0, none));
}

/* The nearest of the next faster tier, of equally near ones one with CPUs if any has. */
static void assert_promotion(const struct machine *machine, int from, int to)
{
	const uint8_t *distances = &machine->distances[from * machine->nr_nodes];
	const int tier = machine->tiers[from];

	for (int other = 0; other < machine->nr_nodes; other++) {
		if (machine->tiers[other] < 0 || machine->tiers[other] >= tier)
			continue;
		assert_true(to >= 0 && machine->tiers[to] >= machine->tiers[other]);
		if (machine->tiers[other] < machine->tiers[to])
			continue;
		assert_true(distances[to] <= distances[other]);
		if (distances[to] == distances[other])
			assert_true(machine->cpus[to] || !machine->cpus[other]);
	}
	if (to >= 0)
		assert_in_range(machine->tiers[to], 0, tier - 1);
}

static void assert_nearest(const struct machine *machine, const struct tiers_targets *targets)
{
	for (int from = 0; from < machine->nr_nodes; from++) {
		for (int tier = 0; tier < TIERS_MAX_TIERS; tier++) {
			const int to = targets->nearest[from][tier];
			bool there = false;

			for (int other = 0; other < machine->nr_nodes; other++)
				there = there || machine->tiers[other] == tier;
			assert_int_equal(to >= 0, there && machine->tiers[from] >= 0 &&
							  machine->tiers[from] != tier);
			if (to >= 0)
				assert_int_equal(machine->tiers[to], tier);
		}
	}
}

static void test_random_machines(void **state)
{
	static struct tiers_targets targets, again;
	struct random random;

	(void)state;
	random_seed(&random, 5, 0);
	for (int round = 0; round < 3000; round++) {
		const struct machine machine = make_up(&random);
		const struct tiers_nodes nodes = nodes_of(&machine);

		tiers_choose(&nodes, &targets);
		assert_demotions(&machine, &targets);
		for (int from = 0; from < machine.nr_nodes; from++)
			assert_promotion(&machine, from, targets.promotion[from]);
		assert_nearest(&machine, &targets);
		tiers_choose(&nodes, &again);
		assert_memory_equal(targets.nearest, again.nearest, sizeof(targets.nearest));
	}
}

/* As many nodes as there can be, all in two tiers: still quick, and nothing is shared. */
static void test_largest(void **state)
{
	static int tiers[TIERS_MAX_NODES];
	static bool cpus[TIERS_MAX_NODES];
	static uint8_t distances[TIERS_MAX_NODES * TIERS_MAX_NODES];
	static int shares[TIERS_MAX_NODES];
	static struct tiers_targets targets;
	const struct tiers_nodes nodes = { TIERS_MAX_NODES, tiers, cpus, distances };

	(void)state;
	memset(distances, 20, sizeof(distances));
	for (int i = TIERS_MAX_NODES / 2; i < TIERS_MAX_NODES; i++)
		tiers[i] = 1;
	tiers_choose(&nodes, &targets);
	for (int i = 0; i < TIERS_MAX_NODES / 2; i++) {
		assert_in_range(targets.demotion[i], TIERS_MAX_NODES / 2, TIERS_MAX_NODES - 1);
		assert_int_equal(shares[targets.demotion[i]]++, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_machines),
		cmocka_unit_test(test_random_machines),
		cmocka_unit_test(test_largest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
