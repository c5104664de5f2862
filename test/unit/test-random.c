/* SPDX-License-Identifier: MIT */
/* Random numbers: the published sequence, and streams that differ. */
#include "cmocka-all.h"

#include "random.h"

/* The reference implementation's first numbers from the state 1, 2, 3, 4. */
static void test_published_sequence(void **state)
{
	struct random random = { .state = { 1, 2, 3, 4 } };
	const uint64_t expected[] = { 11520, 0, 1509978240, 1215971899390074240 };

	(void)state;
	for (int i = 0; i < 4; i++)
		assert_int_equal(random_next(&random), expected[i]);
}

static void test_streams(void **state)
{
	struct random a, b, again;

	(void)state;
	random_seed(&a, 7, 0);
	random_seed(&b, 7, 1);
	random_seed(&again, 7, 0);
	assert_int_not_equal(random_next(&a), random_next(&b));
	random_next(&again);
	assert_int_equal(random_next(&a), random_next(&again));
}

static void test_below(void **state)
{
	struct random random;
	int counts[10] = { 0 };

	(void)state;
	random_seed(&random, 1, 0);
	for (int i = 0; i < 100000; i++)
		counts[random_below(&random, 10)]++;
	for (int i = 0; i < 10; i++)
		assert_in_range(counts[i], 9500, 10500);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_published_sequence),
		cmocka_unit_test(test_streams),
		cmocka_unit_test(test_below),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
