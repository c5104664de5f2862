/* SPDX-License-Identifier: MIT */
/* Policies as values: equality, the kernel's mode word, the way into mpol_args. */
#include "cmocka-all.h"

#include <errno.h>
#include <string.h>

#include "policy.h"

static void test_equal(void **state)
{
	struct mpol_policy a = { .mode = MPOL_MODE_WEIGHTED_INTERLEAVE, .nodes = { 3 } }, b = a;

	(void)state;
	assert_true(policy_equal(&a, &b));
	b.weights[1] = 2;
	assert_false(policy_equal(&a, &b));
	b = a;
	b.home_node = 1; /* not meant without its flag */
	assert_true(policy_equal(&a, &b));
	a.mode_flags = b.mode_flags = MPOL_FLAG_HOME_NODE;
	assert_false(policy_equal(&a, &b));
	b = a;
	b.nodes[MPOL_NODE_WORDS - 1] = 1;
	assert_false(policy_equal(&a, &b));
}

static void test_kernel_mode_leaves_our_flag_out(void **state)
{
	struct mpol_policy policy = {
		.mode = MPOL_MODE_BIND,
		.mode_flags = MPOL_FLAG_STATIC | MPOL_FLAG_HOME_NODE,
	};

	(void)state;
	assert_int_equal(policy_kernel_mode(&policy), 2 | 1 << 15);
}

static void test_to_args(void **state)
{
	struct mpol_policy policy = { .mode = MPOL_MODE_BIND, .nodes = { 1 } };
	struct mpol_args args;

	(void)state;
	mpol_policy_to_args(&policy, &args);
	assert_int_equal(args.mode, MPOL_MODE_BIND);
	assert_ptr_equal(args.policy_nodemask, policy.nodes);
	assert_int_equal(args.policy_maxnode, MPOL_NODES_MAX);
	assert_null(args.interleave_weights);
	policy.mode = MPOL_MODE_WEIGHTED_INTERLEAVE;
	mpol_policy_to_args(&policy, &args);
	assert_ptr_equal(args.interleave_weights, policy.weights);
}

static void test_nodes(void **state)
{
	unsigned long nodes[MPOL_NODE_WORDS] = { 42 };
	char text[16];

	(void)state;
	assert_int_equal(mpol_nodes_parse("x", nodes), -EINVAL);
	assert_int_equal(mpol_nodes_parse("1024", nodes), -ERANGE);
	assert_int_equal(nodes[0], 42);
	assert_int_equal(mpol_nodes_parse("0-1,3", nodes), 0);
	assert_int_equal(nodes[0], 11);
	assert_int_equal(mpol_nodes_format(nodes, text, sizeof(text)), 5);
	assert_string_equal(text, "0-1,3");
}

/* "all" and what exists come from the topology: here, of the running machine. */
static void test_parse_with_topology(void **state)
{
	struct mpol_topology *topology = NULL;
	struct mpol_policy policy;

	(void)state;
	assert_int_equal(mpol_topology_new(NULL, &topology, NULL), 0);
	assert_int_equal(mpol_policy_parse("interleave:all", topology, &policy, NULL), 0);
	for (size_t i = 0; i < mpol_topology_nr_nodes(topology); i++) {
		const struct mpol_node *node = mpol_topology_node(topology, i);
		struct nodemask nodes = policy_nodemask(&policy);

		assert_int_equal(nodemask_test(&nodes, node->id), !!node->has_memory);
	}
	assert_int_equal(mpol_policy_parse("bind:1023", topology, &policy, NULL), -ENODEV);
	assert_int_equal(mpol_policy_parse("bind:1023", NULL, &policy, NULL), 0);
	mpol_topology_free(topology);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_equal),
		cmocka_unit_test(test_kernel_mode_leaves_our_flag_out),
		cmocka_unit_test(test_to_args),
		cmocka_unit_test(test_nodes),
		cmocka_unit_test(test_parse_with_topology),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
