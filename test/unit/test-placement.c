/* SPDX-License-Identifier: MIT */
/*
 * Where pages go, on the lab's machines as arrays: fallback lists as the kernel
 * printed them at boot, and every mode of policy.
 */
#include "cmocka-all.h"

#include <stdio.h>
#include <string.h>

#include "placement.h"
#include "policy.h"

#define MAX 8

struct machine {
	int nr_nodes;
	int ids[MAX];
	uint8_t distances[MAX * MAX];
	const char *memory;
	const char *possible;
	const char *fallback[MAX]; /* by id, as Linux 6.12 printed them */
};

/* lab/machines/eight-nodes-sparse.yaml */
static const struct machine sparse = {
	.nr_nodes = 8,
	.ids = { 0, 1, 3, 4, 6, 9, 10, 11 },
	.distances = {
		10, 21, 21, 21, 21, 31, 31, 41, /**/
		21, 10, 21, 21, 21, 31, 31, 41, /**/
		21, 21, 10, 21, 21, 31, 31, 41, /**/
		21, 21, 21, 10, 21, 31, 31, 41, /**/
		21, 21, 21, 21, 10, 31, 31, 41, /**/
		31, 31, 31, 31, 31, 10, 31, 41, /**/
		31, 31, 31, 31, 31, 31, 10, 41, /**/
		41, 41, 41, 41, 41, 41, 41, 10, /**/
	},
	.memory = "0-1,4,6,9-11",
	.possible = "0-11",
	.fallback = {
		"0 1 4 6 9 10 11",
		"1 4 6 0 10 9 11",
		"4 6 0 1 9 10 11",
		"4 6 0 1 10 9 11",
		"6 0 1 4 9 10 11",
		"9 10 0 1 4 6 11",
		"10 0 1 4 6 9 11",
		"11 1 0 4 6 9 10",
	},
};

/* lab/machines/four-sockets-snc.yaml */
static const struct machine sockets = {
	.nr_nodes = 8,
	.ids = { 0, 1, 2, 3, 4, 5, 6, 7 },
	.distances = {
		10, 12, 21, 21, 21, 21, 21, 21, /**/
		12, 10, 21, 21, 21, 21, 21, 21, /**/
		21, 21, 10, 12, 21, 21, 21, 21, /**/
		21, 21, 12, 10, 21, 21, 21, 21, /**/
		21, 21, 21, 21, 10, 12, 21, 21, /**/
		21, 21, 21, 21, 12, 10, 21, 21, /**/
		21, 21, 21, 21, 21, 21, 10, 12, /**/
		21, 21, 21, 21, 21, 21, 12, 10, /**/
	},
	.memory = "0-7",
	.possible = "0-7",
	.fallback = {
		"0 1 2 3 4 5 6 7",
		"1 0 3 4 5 6 7 2",
		"2 3 4 5 6 7 0 1",
		"3 2 5 6 7 4 0 1",
		"4 5 6 7 0 1 2 3",
		"5 4 7 6 0 1 2 3",
		"6 7 0 1 2 3 4 5",
		"7 6 1 0 2 3 4 5",
	},
};

static const uint8_t weights[MAX] = { 3, 0, 1, 1, 2, 1, 1, 5 };
static int16_t fallback[MAX * MAX];

static struct nodemask mask(const char *list)
{
	struct nodemask parsed;

	assert_int_equal(nodemask_parse(list, &parsed), 0);
	return parsed;
}

static struct placement_nodes nodes_of(const struct machine *machine)
{
	struct placement_nodes nodes = {
		.memory = mask(machine->memory),
		.nr_nodes = machine->nr_nodes,
		.ids = machine->ids,
		.distances = machine->distances,
		.weights = weights,
		.fallback = fallback,
	};
	struct nodemask possible = mask(machine->possible);

	placement_fallback(&nodes, &possible, NULL, fallback);
	return nodes;
}

static void assert_lists(const struct machine *machine)
{
	const struct placement_nodes nodes = nodes_of(machine);
	const int nr_memory = nodemask_weight(&nodes.memory);

	for (int from = 0; from < nodes.nr_nodes; from++) {
		const int16_t *list = &fallback[from * nodes.nr_nodes];
		char text[64] = "";
		size_t length = 0;

		for (int rank = 0; rank < nr_memory; rank++)
			length += (size_t)snprintf(text + length, sizeof(text) - length, "%s%d",
						   rank ? " " : "", machine->ids[list[rank]]);
		assert_string_equal(text, machine->fallback[from]);
		for (int rank = nr_memory; rank < nodes.nr_nodes; rank++)
			assert_int_equal(list[rank], -1);
	}
}

static void test_fallback_lists(void **state)
{
	(void)state;
	assert_lists(&sparse);
	assert_lists(&sockets);
}

/* Plugged in later, nodes without CPUs come before those with, where they are equally far. */
static void test_fallback_since_boot(void **state)
{
	struct placement_nodes nodes = nodes_of(&sparse);
	const struct nodemask cpus = mask("0-1,3-4,6");

	(void)state;
	placement_fallback(&nodes, NULL, &cpus, fallback);
	/* From node 9, node 10 costs 31, and node 0, lower and with CPUs, 33. */
	assert_int_equal(nodes.ids[fallback[5 * MAX + 1]], 10);
	/* From node 11: 9 and 10 cost 42, the others 43. */
	assert_int_equal(nodes.ids[fallback[7 * MAX + 1]] / 9, 1);
	assert_int_equal(nodes.ids[fallback[7 * MAX + 2]] / 9, 1);
}

/* Without a table nodes are alike, and each is nearest to itself. */
static void test_fallback_unknown_distances(void **state)
{
	static const uint8_t unknown[MAX * MAX];
	struct placement_nodes nodes = nodes_of(&sockets);

	(void)state;
	nodes.distances = unknown;
	placement_fallback(&nodes, NULL, NULL, fallback);
	for (int i = 0; i < MAX; i++)
		assert_int_equal(fallback[i * MAX], i);
	assert_int_equal(fallback[3 * MAX + 1], 4);
}

/* policy, CPU's node, room, where a base page goes, where a huge one that nobody asked for goes */
static const struct {
	const char *policy;
	int home, local;
	const char *room;
	int node, huge;
} choices[] = {
	{ "default", -1, 1, "0-11", 1, 1 },
	{ "default", -1, 1, "0,4,9", 4, -1 },
	{ "local", -1, 3, "0-11", 4, -1 }, /* no memory at home: a huge page needs its own node */
	{ "local", -1, 3, "9-11", 9, -1 },
	{ "local", -1, 0, "3", -1, -1 },
	{ "prefer:6", -1, 0, "0-11", 6, 6 },
	{ "prefer:6", -1, 4, "0-1,4", 0, -1 }, /* by the list of 6, not of the CPU */
	{ "bind:4,9", -1, 1, "0-11", 4, 4 },
	{ "bind:1,9", -1, 1, "9", 9, -1 },
	{ "bind:1,9", -1, 1, "0,4", -1, -1 },
	{ "bind:9-10", -1, 1, "0-11", 10, 10 }, /* 10 is before 9 in the list of 1 */
	{ "bind:9-10", -1, 0, "0-11", 9, 9 },
	{ "bind:1,9-10", 9, 1, "0-11", 9, 9 },
	{ "bind:1,9-10", 9, 1, "1,10", 10, -1 },
	{ "bind:1,10", 9, 1, "0-11", 10, 10 }, /* the home node is not in it */
	{ "prefer-many:9-10", -1, 1, "0-11", 10, 10 },
	{ "prefer-many:9-10", -1, 1, "9,11", 9, 9 },
	{ "prefer-many:9-10", -1, 1, "0,6,11", 6, 6 },
	{ "prefer-many:0,9", 9, 1, "4,11", 4, 4 },
	{ "interleave:4,9", -1, 1, "0-11", 9, 9 }, /* index 1 */
	{ "interleave:4,9", -1, 1, "0,4,11", 0, 0 },
	{ "weighted:0,11", -1, 1, "0-11", 0, 0 },
};

static void test_modes(void **state)
{
	const struct placement_nodes nodes = nodes_of(&sparse);

	(void)state;
	for (size_t i = 0; i < sizeof(choices) / sizeof(choices[0]); i++) {
		const struct nodemask room = mask(choices[i].room);
		struct mpol_policy policy;
		struct placement_request request = {
			.policy = &policy,
			.local = choices[i].local,
			.index = 1,
		};

		assert_int_equal(policy_parse(choices[i].policy, NULL, &policy, NULL), 0);
		if (choices[i].home >= 0) {
			policy.mode_flags |= MPOL_FLAG_HOME_NODE;
			policy.home_node = choices[i].home;
		}
		assert_int_equal(placement_node(&nodes, &request, &room), choices[i].node);
		request.huge_unasked = true;
		assert_int_equal(placement_node(&nodes, &request, &room), choices[i].huge);
	}
}

static struct mpol_policy policy_of(const char *text)
{
	struct mpol_policy policy;

	assert_int_equal(policy_parse(text, NULL, &policy, NULL), 0);
	return policy;
}

static void assert_indices(const char *text, const int *expected, int nr_expected)
{
	const struct placement_nodes nodes = nodes_of(&sparse);
	const struct mpol_policy policy = policy_of(text);

	for (int i = 0; i < 3 * nr_expected; i++)
		assert_int_equal(placement_of_index(&nodes, &policy, (uint64_t)i),
				 expected[i % nr_expected]);
	/* However large an index is. */
	assert_int_equal(placement_of_index(&nodes, &policy, UINT64_MAX),
			 expected[UINT64_MAX % (uint64_t)nr_expected]);
}

static void test_of_index(void **state)
{
	const struct placement_nodes nodes = nodes_of(&sparse);
	struct mpol_policy policy = policy_of("bind:0-1");

	(void)state;
	assert_indices("interleave:1,6,10", (const int[]) { 1, 6, 10 }, 3);
	/* The machine's weights: 3 for node 0, none (1) for node 1, 5 for node 11. */
	assert_indices("weighted:0-1,11", (const int[]) { 0, 0, 0, 1, 11, 11, 11, 11, 11 }, 9);
	/* Its own come first. */
	assert_indices("weighted:0=1,11=2", (const int[]) { 0, 11, 11 }, 3);
	assert_int_equal(placement_of_index(&nodes, &policy, 0), -1);
	policy = policy_of("interleave:3"); /* it has no memory */
	assert_int_equal(placement_of_index(&nodes, &policy, 0), -1);
}

static void test_index(void **state)
{
	(void)state;
	assert_int_equal(placement_index(1000, 1007, 0), 1007);
	assert_int_equal(placement_index(1024, 1536, 9), 3);
	/* A range that begins between two huge pages. */
	assert_int_equal(placement_index(1030, 1536, 9), 2);
}

static void test_cursor(void **state)
{
	const struct placement_nodes nodes = nodes_of(&sparse);
	struct mpol_policy policy = policy_of("weighted:0=3,1=1,11=2");
	struct placement_cursor cursor = { .previous = -1 };
	const struct placement_request request = { .policy = &policy, .cursor = &cursor };
	static const int expected[] = { 0, 0, 0, 1, 11, 11, 0, 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
		assert_int_equal(placement_node(&nodes, &request, &nodes.memory), expected[i]);
	/* What is left of a weight is used up under other weights and nodes, as long as the node
	 * stays. */
	policy = policy_of("weighted:0=9,4=1");
	assert_int_equal(placement_node(&nodes, &request, &nodes.memory), 0);
	assert_int_equal(placement_node(&nodes, &request, &nodes.memory), 4);
	assert_int_equal(placement_node(&nodes, &request, &nodes.memory), 0);
	assert_int_equal(cursor.weight, 8);
	/* And lost when it goes. */
	policy = policy_of("weighted:4=2,6=2");
	assert_int_equal(placement_node(&nodes, &request, &nodes.memory), 4);
	policy = policy_of("interleave:0,6");
	assert_int_equal(placement_node(&nodes, &request, &nodes.memory), 6);
	assert_int_equal(placement_node(&nodes, &request, &nodes.memory), 0);
	/* It moves on although there is no room where it points to. */
	policy = policy_of("interleave:0,6");
	assert_int_equal(placement_node(&nodes, &request, &(struct nodemask) { { 0 } }), -1);
	assert_int_equal(placement_node(&nodes, &request, &nodes.memory), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fallback_lists),
		cmocka_unit_test(test_fallback_since_boot),
		cmocka_unit_test(test_fallback_unknown_distances),
		cmocka_unit_test(test_modes),
		cmocka_unit_test(test_of_index),
		cmocka_unit_test(test_index),
		cmocka_unit_test(test_cursor),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
