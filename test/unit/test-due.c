/* SPDX-License-Identifier: MIT */
/* When a redistribution is due: at first, and after each change that has settled. */
#include "cmocka-all.h"

#include "due.h"

static uint8_t weights[MPOL_NODES_MAX];
static struct mpol_policy policy;

static void test_settled_changes(void **state)
{
	struct due due = { 0 };

	(void)state;
	assert_int_equal(due_look(&due, 7), DUE_NOW);
	assert_int_equal(due_look(&due, 7), DUE_NOT);
	assert_int_equal(due_look(&due, 8), DUE_SOON);
	assert_int_equal(due_look(&due, 9), DUE_SOON);
	assert_int_equal(due_look(&due, 9), DUE_NOW);
	assert_int_equal(due_look(&due, 9), DUE_NOT);
	/* There and back again. */
	assert_int_equal(due_look(&due, 8), DUE_SOON);
	assert_int_equal(due_look(&due, 9), DUE_NOT);
	assert_int_equal(due_look(&due, 8), DUE_SOON);
	assert_int_equal(due_look(&due, 8), DUE_NOW);
}

/* A fingerprint of 0 is one as any other. */
static void test_zero(void **state)
{
	struct due due = { 0 };

	(void)state;
	assert_int_equal(due_look(&due, 0), DUE_NOW);
	assert_int_equal(due_look(&due, 0), DUE_NOT);
}

static void test_fingerprint(void **state)
{
	struct due_scene scene = { .weights = weights, .policy = &policy };
	uint64_t prints[7];

	(void)state;
	scene.memory = nodemask_of(0);
	prints[0] = due_fingerprint(&scene);
	assert_true(due_fingerprint(&scene) == prints[0]);
	nodemask_set(&scene.memory, 1);
	prints[1] = due_fingerprint(&scene);
	nodemask_set(&scene.allowed, 1);
	prints[2] = due_fingerprint(&scene);
	weights[1] = 3;
	prints[3] = due_fingerprint(&scene);
	policy.mode = MPOL_MODE_INTERLEAVE;
	prints[4] = due_fingerprint(&scene);
	scene.change_id = 5;
	prints[5] = due_fingerprint(&scene);
	policy.nodes[0] = 3;
	prints[6] = due_fingerprint(&scene);
	for (int i = 0; i < 7; i++)
		for (int j = 0; j < i; j++)
			assert_true(prints[i] != prints[j]);
	scene.policy = NULL;
	assert_true(due_fingerprint(&scene) != prints[6]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_settled_changes),
		cmocka_unit_test(test_zero),
		cmocka_unit_test(test_fingerprint),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
