/* SPDX-License-Identifier: MIT */
/* Permutations: every number once, units whole, and the first ones anywhere. */
#include "cmocka-all.h"

#include <math.h>
#include <stdlib.h>

#include "cleanup.h"
#include "scatter.h"

static uint32_t *places_of(uint32_t nr, unsigned unit_shift, uint64_t seed)
{
	uint32_t *places = calloc(nr, sizeof(*places));
	struct scatter scatter;

	assert_non_null(places);
	assert_int_equal(scatter_init(&scatter, nr, unit_shift, seed), 0);
	for (uint32_t i = 0; i < nr; i++)
		places[i] = i;
	scatter_place(&scatter, places, nr);
	scatter_free(&scatter);
	return places;
}

static void check_permutation(uint32_t nr, unsigned unit_shift)
{
	_cleanup_free_ uint32_t *places = places_of(nr, unit_shift, nr);
	_cleanup_free_ char *seen = calloc(nr, 1);
	uint32_t mask = (1U << unit_shift) - 1;

	for (uint32_t i = 0; i < nr; i++) {
		assert_true(places[i] < nr);
		assert_false(seen[places[i]]);
		seen[places[i]] = 1;
		assert_int_equal(places[i] & mask, i & mask);
		assert_int_equal(places[i] - (places[i] & mask), places[i - (i & mask)]);
	}
	for (uint32_t i = nr & ~mask; i < nr; i++)
		assert_int_equal(places[i], i);
}

static void test_every_number_once(void **state)
{
	static const uint32_t sizes[] = { 1,	2,     3,      7,	16,	 17,	 1000,
					  1024, 65535, 100003, 1 << 20, 1048583, 3 << 20 };

	(void)state;
	for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		check_permutation(sizes[i], 0);
		check_permutation(sizes[i], 9);
	}
}

/* As many of the first numbers fall into each stretch as if they were thrown there. */
static void test_first_ones_anywhere(void **state)
{
	enum { NR = 1 << 20, STRETCH = 512, NR_STRETCHES = NR / STRETCH };
	_cleanup_free_ uint32_t *places = places_of(NR, 0, 5);

	(void)state;
	for (uint32_t nr_first = 4 * NR_STRETCHES; nr_first <= NR / 8; nr_first *= 4) {
		uint32_t counts[NR_STRETCHES] = { 0 };
		double mean = (double)nr_first / NR_STRETCHES, chi_square = 0;

		for (uint32_t i = 0; i < nr_first; i++)
			counts[places[i] / STRETCH]++;
		for (uint32_t i = 0; i < NR_STRETCHES; i++)
			chi_square += (counts[i] - mean) * (counts[i] - mean) / mean;
		/* Rows are filled less evenly than single numbers would be: up to half more. */
		if (chi_square < 0.7 * NR_STRETCHES || chi_square > 1.6 * NR_STRETCHES)
			fail_msg("first %u: chi-square %.0f of %d", nr_first, chi_square,
				 NR_STRETCHES);
	}
}

/* By chance one pair in 1024 would be near; and those that stay in a row are. */
static void test_neighbours_part(void **state)
{
	enum { SEEDS = 8, NR = 1 << 20 };
	uint32_t near = 0;

	(void)state;
	for (int seed = 0; seed < SEEDS; seed++) {
		_cleanup_free_ uint32_t *places = places_of(NR, 0, seed);

		for (uint32_t i = 1; i < NR; i++)
			near += labs((long)places[i] - (long)places[i - 1]) < 512;
	}
	assert_in_range(near, SEEDS * NR / 2048, SEEDS * NR / 512);
}

static void test_seeds_differ(void **state)
{
	_cleanup_free_ uint32_t *a = places_of(100000, 0, 1), *b = places_of(100000, 0, 2);
	uint32_t same = 0;

	(void)state;
	for (uint32_t i = 0; i < 100000; i++)
		same += a[i] == b[i];
	assert_true(same < 20);
}

static void test_bit_31_stays(void **state)
{
	uint32_t numbers[] = { 5, 5 | 1U << 31 };
	struct scatter scatter;

	(void)state;
	assert_int_equal(scatter_init(&scatter, 1000, 0, 1), 0);
	scatter_place(&scatter, numbers, 2);
	scatter_free(&scatter);
	assert_int_equal(numbers[0] | 1U << 31, numbers[1]);
}

static void test_nothing_to_do(void **state)
{
	struct scatter scatter = { 0 };
	uint32_t number = 7;

	(void)state;
	scatter_place(&scatter, &number, 1);
	assert_int_equal(number, 7);
	scatter_free(&scatter);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_number_once),
		cmocka_unit_test(test_first_ones_anywhere),
		cmocka_unit_test(test_neighbours_part),
		cmocka_unit_test(test_seeds_differ),
		cmocka_unit_test(test_bit_31_stays),
		cmocka_unit_test(test_nothing_to_do),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
