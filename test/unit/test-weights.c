/* SPDX-License-Identifier: MIT */
/* policy/weights.c: against every possible choice of weights, and by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>

#include "random.h"
#include "weights.h"

#define GB 1000000000ULL

static const struct weights_bounds exact = { .max_sum = 24 };

/* Reads only, so that a node's capacity is its read bandwidth. */
static struct bandwidth_profile reading(const struct bandwidth_node *nodes, size_t nr_nodes)
{
	return (struct bandwidth_profile) { .nodes = nodes, .nr_nodes = nr_nodes, .mix = { 1, 0 } };
}

/* The best flow of all weights from index on that leave the sum within what is left. */
static uint64_t search(const struct bandwidth_profile *profile, uint8_t *weights, size_t index,
		       unsigned int left)
{
	uint64_t best = 0;

	if (index == profile->nr_nodes)
		return bandwidth_interleave(profile, weights).bytes;
	for (unsigned int weight = 0; weight <= left; weight++) {
		uint64_t bytes;

		weights[index] = (uint8_t)weight;
		bytes = search(profile, weights, index + 1, left - weight);
		if (bytes > best)
			best = bytes;
	}
	return best;
}

static void make_up(struct random *random, struct bandwidth_node *nodes, size_t nr_nodes)
{
	for (size_t i = 0; i < nr_nodes; i++)
		nodes[i] = (struct bandwidth_node) {
			.read_bytes = (1 + random_below(random, 400)) * GB,
			.write_bytes = (1 + random_below(random, 400)) * GB,
			.bus = random_below(random, 2) ? BANDWIDTH_DUPLEX : BANDWIDTH_SHARED,
			.latency_ns = 70 + (uint32_t)random_below(random, 400),
		};
}

static void test_exhaustive(void **state)
{
	struct bandwidth_node nodes[4];
	struct random random;

	(void)state;
	random_seed(&random, 4, 0);
	for (int round = 0; round < 300; round++) {
		const size_t nr_nodes = 2 + random_below(&random, 3);
		struct bandwidth_profile profile = reading(nodes, nr_nodes);
		uint8_t tried[4] = { 0 }, weights[4];
		struct weights_plan plan;

		make_up(&random, nodes, nr_nodes);
		profile.mix.writes = random_below(&random, 3);
		assert_int_equal(weights_solve(&profile, &exact, weights, &plan), 0);
		assert_int_equal(plan.flow.bytes, search(&profile, tried, 0, exact.max_sum));
		assert_in_range(plan.sum, 1, exact.max_sum);
		assert_true(plan.flow.bytes <= plan.optimum_bytes);
	}
}

static const struct load_point points[] = { { 500, 1150 }, { 700, 1350 }, { 800, 1600 },
					    { 900, 2350 }, { 950, 3850 }, { 1000, 5400 } };

/* Threads that do not ask for everything. */
static void test_exhaustive_demand(void **state)
{
	const struct weights_bounds bounds = { .max_sum = 16 };
	struct bandwidth_node nodes[3];
	struct random random;
	unsigned int limited = 0;

	(void)state;
	random_seed(&random, 7, 0);
	for (int round = 0; round < 200; round++) {
		const size_t nr_nodes = 2 + random_below(&random, 2);
		struct bandwidth_profile profile = reading(nodes, nr_nodes);
		uint8_t tried[3] = { 0 }, weights[3];
		struct weights_plan plan;
		uint64_t best;

		make_up(&random, nodes, nr_nodes);
		for (size_t i = 0; i < nr_nodes && round % 2; i++) {
			nodes[i].curve = points;
			nodes[i].nr_points = sizeof(points) / sizeof(points[0]);
		}
		profile.in_flight_bytes = 1000 + random_below(&random, 100000);
		assert_int_equal(weights_solve(&profile, &bounds, weights, &plan), 0);
		best = search(&profile, tried, 0, bounds.max_sum);
		assert_in_range(plan.flow.bytes, best / 1000 * 999, best);
		assert_true(plan.flow.bytes <= plan.optimum_bytes);
		limited += plan.flow.limit == BANDWIDTH_DEMAND;
	}
	assert_in_range(limited, 50, 200);
}

/* The slower node helps only once the faster one is busy. */
static void test_demand_by_hand(void **state)
{
	const struct bandwidth_node nodes[] = {
		{ .read_bytes = 50 * GB, .latency_ns = 300 },
		{ .read_bytes = 200 * GB, .latency_ns = 100 },
	};
	struct bandwidth_profile profile = reading(nodes, 2);
	struct weights_plan plan;
	uint8_t weights[2];

	(void)state;
	profile.in_flight_bytes = 10000; /* 100 GB/s at 100 ns */
	assert_int_equal(weights_solve(&profile, NULL, weights, &plan), 0);
	assert_memory_equal(weights, ((uint8_t[]) { 0, 1 }), 2);
	assert_int_equal(plan.flow.bytes, 100 * GB);
	assert_int_equal(plan.optimum_bytes, 100 * GB);
	assert_int_equal(weights_fate(&profile, weights, &plan, 0), WEIGHTS_TOO_SLOW);
	assert_int_equal(weights_fate(&profile, weights, &plan, 1), WEIGHTS_HAS_ROOM);

	profile.in_flight_bytes = 100000;
	assert_int_equal(weights_solve(&profile, NULL, weights, &plan), 0);
	assert_memory_equal(weights, ((uint8_t[]) { 1, 4 }), 2);
	assert_int_equal(plan.flow.bytes, 250 * GB);
}

/* What is given up for small weights stays within what was allowed, also against one node alone. */
static void test_slack(void **state)
{
	const struct weights_bounds loose = { .max_sum = 24, .slack_permille = 20 };
	struct bandwidth_node nodes[4];
	struct random random;
	bool smaller = false;

	(void)state;
	random_seed(&random, 5, 0);
	for (int round = 0; round < 300; round++) {
		const struct bandwidth_profile profile = reading(nodes, 4);
		struct weights_plan best, plan;
		uint8_t weights[4];

		make_up(&random, nodes, 4);
		weights_solve(&profile, &exact, weights, &best);
		weights_solve(&profile, &loose, weights, &plan);
		assert_true(plan.flow.bytes >= best.flow.bytes / 1000 * 980);
		for (size_t i = 0; i < 4; i++)
			assert_true(plan.flow.bytes >= nodes[i].read_bytes / 1000 * 980);
		assert_true(plan.sum <= best.sum);
		smaller |= plan.sum < best.sum;
	}
	assert_true(smaller);
}

static void test_by_hand(void **state)
{
	const struct bandwidth_node nodes[] = {
		{ .read_bytes = 200 * GB },
		{ .read_bytes = 50 * GB },
	};
	const struct bandwidth_profile profile = reading(nodes, 2);
	struct weights_plan plan;
	uint8_t weights[2];

	(void)state;
	assert_int_equal(weights_solve(&profile, NULL, weights, &plan), 0);
	assert_int_equal(weights[0], 4);
	assert_int_equal(weights[1], 1);
	assert_int_equal(plan.sum, 5);
	assert_int_equal(plan.flow.bytes, 250 * GB);
	assert_int_equal(plan.optimum_bytes, 250 * GB);
	assert_int_equal(plan.loss_ppm, 0);
	assert_int_equal(weights_fate(&profile, weights, &plan, 0), WEIGHTS_LIMITS);
	assert_int_equal(weights_fate(&profile, weights, &plan, 1), WEIGHTS_HAS_ROOM);
}

/* A node that would slow the others down, one that is not worth it, one that cannot. */
static void test_left_out(void **state)
{
	const struct bandwidth_node slow[] = {
		{ .read_bytes = 200 * GB },
		{ .read_bytes = 1 * GB },
		{ .write_bytes = 1 * GB },
	};
	const struct bandwidth_node little[] = {
		{ .read_bytes = 400 * GB },
		{ .read_bytes = 400 * GB },
		{ .read_bytes = 13 * GB },
	};
	const struct bandwidth_node twins[] = {
		{ .read_bytes = 400 * GB },
		{ .read_bytes = 205 * GB },
	};
	const struct weights_bounds looser = { .max_sum = 64, .slack_permille = 400 };
	struct bandwidth_profile profile = reading(slow, 3);
	const struct weights_bounds loose = { .max_sum = 64, .slack_permille = 50 };
	struct weights_plan plan;
	uint8_t weights[3];

	(void)state;
	assert_int_equal(weights_solve(&profile, NULL, weights, &plan), 0);
	assert_memory_equal(weights, ((uint8_t[]) { 1, 0, 0 }), 3);
	assert_int_equal(plan.flow.bytes, 200 * GB);
	assert_int_equal(plan.loss_ppm, 4975); /* of 201 GB/s */
	assert_int_equal(weights_fate(&profile, weights, &plan, 1), WEIGHTS_TOO_SLOW);
	assert_int_equal(weights_fate(&profile, weights, &plan, 2), WEIGHTS_UNABLE);

	profile = reading(little, 3);
	assert_int_equal(weights_solve(&profile, &loose, weights, &plan), 0);
	assert_memory_equal(weights, ((uint8_t[]) { 1, 1, 0 }), 3);
	assert_int_equal(weights_fate(&profile, weights, &plan, 2), WEIGHTS_TOO_SLOW);

	profile = reading(twins, 2);
	assert_int_equal(weights_solve(&profile, &looser, weights, &plan), 0);
	assert_memory_equal(weights, ((uint8_t[]) { 1, 0 }), 2);
	assert_int_equal(weights_fate(&profile, weights, &plan, 1), WEIGHTS_NOT_NEEDED);
}

/* Weights stay within a byte where the bound would let them grow beyond. */
static void test_large_bound(void **state)
{
	const struct weights_bounds bounds = { .max_sum = 4096 };
	const struct bandwidth_node nodes[] = {
		{ .read_bytes = 1000 * GB },
		{ .read_bytes = 1 * GB },
	};
	const struct bandwidth_profile profile = reading(nodes, 2);
	struct weights_plan plan;
	uint8_t weights[2];

	(void)state;
	assert_int_equal(weights_solve(&profile, &bounds, weights, &plan), 0);
	assert_memory_equal(weights, ((uint8_t[]) { 1, 0 }), 2);
	assert_int_equal(plan.flow.bytes, 1000 * GB);
}

static void test_many_nodes(void **state)
{
	static struct bandwidth_node nodes[MPOL_NODES_MAX + 1];
	struct bandwidth_profile profile = reading(nodes, MPOL_NODES_MAX);
	uint8_t weights[MPOL_NODES_MAX + 1];
	struct weights_plan plan;
	struct random random;

	(void)state;
	for (size_t i = 0; i <= MPOL_NODES_MAX; i++)
		nodes[i].read_bytes = 100 * GB;
	assert_int_equal(weights_solve(&profile, NULL, weights, &plan), 0);
	for (size_t i = 0; i < MPOL_NODES_MAX; i++)
		assert_int_equal(weights[i], 1);
	random_seed(&random, 6, 0);
	make_up(&random, nodes, MPOL_NODES_MAX);
	assert_int_equal(weights_solve(&profile, NULL, weights, &plan), 0);
	assert_in_range(plan.loss_ppm, 0, 40000);
	profile.in_flight_bytes = 10000; /* a few of the nearest are enough */
	assert_int_equal(weights_solve(&profile, NULL, weights, &plan), 0);
	assert_true(plan.flow.limit == BANDWIDTH_DEMAND);
	assert_in_range(plan.flow.latency_ps, 70000, 72000);

	profile.nr_nodes++;
	assert_int_equal(weights_solve(&profile, NULL, weights, &plan), -EINVAL);
	assert_int_equal(weights_by_rule(&profile, WEIGHTS_EQUAL, weights, &plan), -EINVAL);
}

static void test_rules(void **state)
{
	const struct bandwidth_node nodes[] = {
		{ .read_bytes = 100ULL << 30, .write_bytes = 200ULL << 30 },
		{ .read_bytes = 100ULL << 30, .write_bytes = 50ULL << 30 },
		{ .read_bytes = 1, .write_bytes = 1 },
	};
	struct bandwidth_profile profile = reading(nodes, 2);
	struct weights_plan plan;
	uint8_t weights[3];

	(void)state;
	/* 32 * 100 / 150 and 32 * 50 / 150, rounded down */
	assert_int_equal(weights_by_rule(&profile, WEIGHTS_KERNEL, weights, &plan), 0);
	assert_memory_equal(weights, ((uint8_t[]) { 21, 10 }), 2);
	assert_int_equal(weights_by_rule(&profile, WEIGHTS_PROPORTIONAL, weights, &plan), 0);
	assert_memory_equal(weights, ((uint8_t[]) { 1, 1 }), 2);
	assert_int_equal(plan.flow.bytes, 200ULL << 30);
	assert_int_equal(weights_by_rule(&profile, WEIGHTS_EQUAL, weights, &plan), 0);
	assert_memory_equal(weights, ((uint8_t[]) { 1, 1 }), 2);

	/* None of them leaves out what is too slow. */
	profile.nr_nodes = 3;
	for (int rule = WEIGHTS_KERNEL; rule < WEIGHTS_NR_RULES; rule++) {
		assert_int_equal(weights_by_rule(&profile, rule, weights, &plan), 0);
		assert_int_equal(weights[2], 1);
		assert_in_range(plan.flow.bytes, 1, 255);
		assert_int_equal(plan.flow.limit, 2);
	}
	assert_int_equal(weights_by_rule(&profile, WEIGHTS_SOLVED, weights, &plan), 0);
	assert_memory_equal(weights, ((uint8_t[]) { 1, 1, 0 }), 3);
	for (int rule = 0; rule < WEIGHTS_NR_RULES; rule++)
		assert_true(strlen(weights_rule_name(rule)) > 0);
	for (int fate = WEIGHTS_LIMITS; fate <= WEIGHTS_UNABLE; fate++)
		assert_true(strlen(weights_fate_text(fate)) > 0);
}

static void test_refused(void **state)
{
	const struct bandwidth_node node = { .read_bytes = 1 }, none = { 0 };
	struct bandwidth_profile profile = reading(&node, 1);
	const struct weights_bounds no_sum = { 0 },
				    slack = { .max_sum = 1, .slack_permille = 1000 };
	struct weights_plan plan;
	uint8_t weight;

	(void)state;
	assert_int_equal(weights_solve(&profile, &no_sum, &weight, &plan), -EINVAL);
	assert_int_equal(weights_solve(&profile, &slack, &weight, &plan), -EINVAL);
	assert_int_equal(weights_by_rule(&profile, WEIGHTS_NR_RULES, &weight, &plan), -EINVAL);
	profile.mix = (struct bandwidth_mix) { 0, 0 };
	assert_int_equal(weights_solve(&profile, NULL, &weight, &plan), -EINVAL);
	profile.mix = (struct bandwidth_mix) { 0, 1 };
	assert_int_equal(weights_solve(&profile, NULL, &weight, &plan), -ENODATA);
	profile = reading(&none, 1);
	assert_int_equal(weights_solve(&profile, NULL, &weight, &plan), -ENODATA);
	assert_int_equal(weights_by_rule(&profile, WEIGHTS_EQUAL, &weight, &plan), -ENODATA);
	profile.nr_nodes = 0;
	assert_int_equal(weights_solve(&profile, NULL, &weight, &plan), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exhaustive),     cmocka_unit_test(test_exhaustive_demand),
		cmocka_unit_test(test_demand_by_hand), cmocka_unit_test(test_slack),
		cmocka_unit_test(test_by_hand),	       cmocka_unit_test(test_left_out),
		cmocka_unit_test(test_large_bound),    cmocka_unit_test(test_many_nodes),
		cmocka_unit_test(test_rules),	       cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests_name("weights", tests, NULL, NULL);
}
