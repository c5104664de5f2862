/* SPDX-License-Identifier: MIT */
/* When derived weights are derived anew, and when they are somebody else's. */
#include "cmocka-all.h"

#include "weights-age.h"

static struct weights_scene scene(unsigned long memory, unsigned long cpus)
{
	return (struct weights_scene) { .memory.bits = { memory }, .cpus.bits = { cpus } };
}

static void test_age(void **state)
{
	const struct weights_scene two = scene(3, 3), three = scene(7, 3), fewer = scene(3, 1);
	const struct weights_made made = { .scene = two };

	(void)state;
	assert_int_equal(weights_age(&made, &two, &two), WEIGHTS_FRESH);
	assert_int_equal(weights_age(&made, &two, &three), WEIGHTS_SETTLING);
	assert_int_equal(weights_age(&made, &three, &three), WEIGHTS_STALE);
	/* Initiators count as well. */
	assert_int_equal(weights_age(&made, &fewer, &fewer), WEIGHTS_STALE);
	/* What comes and goes between two derivations was never there. */
	assert_int_equal(weights_age(&made, &three, &two), WEIGHTS_FRESH);
	assert_int_equal(weights_age(&made, &three, &fewer), WEIGHTS_SETTLING);
}

static void test_foreign(void **state)
{
	const struct weights_made made = { .weights = { 9, 9, 4 } };
	struct mpol_kernel_weights table = { .weights = { 9, 9, 4 }, .automatic = -1 };
	int node = 77;

	(void)state;
	assert_false(weights_foreign(&made, &table, &node));
	/* One that was not made, and one that is not in the table any more. */
	table.weights[3] = 200;
	table.weights[2] = 0;
	assert_false(weights_foreign(&made, &table, &node));
	table.weights[1] = 8;
	assert_true(weights_foreign(&made, &table, &node));
	assert_int_equal(node, 1);
	table.weights[1] = 9;
	table.automatic = 0;
	assert_false(weights_foreign(&made, &table, &node));
	table.automatic = 1;
	assert_true(weights_foreign(&made, &table, &node));
	assert_int_equal(node, -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_age),
		cmocka_unit_test(test_foreign),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
