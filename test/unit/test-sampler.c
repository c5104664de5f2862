/* SPDX-License-Identifier: MIT */
/*
 * Draws against the density that they are drawn from, by the chi-square statistic over
 * ranks and over octaves of ranks, and against the probabilities that the
 * tables themselves stand for.
 */
#include "cmocka-all.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "random.h"
#include "sampler.h"

#define DRAWS 1000000

static struct sampler sampler;

/* Of the distribution with that many degrees of freedom, six standard deviations off. */
static double chi_square_limit(double freedom)
{
	return freedom + 6 * sqrt(2 * freedom);
}

/* Shares of ranks in groups: each of the first 64, then quarters of octaves. */
static unsigned group_of(uint32_t rank)
{
	unsigned octave = 31 - (unsigned)__builtin_clz(rank + 1);

	return rank < 64 ? rank : 64 + 4 * (octave - 6) + (((rank + 1) >> (octave - 2)) & 3);
}

static void check_zipf(double theta, uint32_t nr_ranks)
{
	double expected[200] = { 0 }, sum = 0, chi_square = 0;
	uint64_t counts[200] = { 0 };
	unsigned freedom = 0;
	struct random random;

	for (uint32_t rank = 0; rank < nr_ranks; rank++) {
		double weight = pow(rank + 1.0, -theta);

		expected[group_of(rank)] += weight;
		sum += weight;
	}
	assert_int_equal(sampler_init(&sampler, nr_ranks, nr_ranks, sampler_zipf, &theta), 0);
	random_seed(&random, 1, 0);
	for (int i = 0; i < DRAWS; i++) {
		uint32_t rank = sampler_draw(&sampler, random_next(&random));

		assert_true(rank < nr_ranks);
		counts[group_of(rank)]++;
	}
	for (unsigned i = 0; i < 200; i++) {
		double wanted = expected[i] / sum * DRAWS;

		if (wanted < 5)
			continue;
		chi_square += (counts[i] - wanted) * (counts[i] - wanted) / wanted;
		freedom++;
	}
	if (chi_square > chi_square_limit(freedom))
		fail_msg("theta %g, %u ranks: chi-square %.0f of %u groups", theta, nr_ranks,
			 chi_square, freedom);
}

static void test_zipf(void **state)
{
	static const double thetas[] = { 0, 0.5, 0.99, 1, 1.2, 2, 4 };
	static const uint32_t sizes[] = { 1, 2, 63, 64, 65, 1000, 262144, 300001 };

	(void)state;
	for (unsigned i = 0; i < sizeof(thetas) / sizeof(thetas[0]); i++)
		for (unsigned j = 0; j < sizeof(sizes) / sizeof(sizes[0]); j++)
			check_zipf(thetas[i], sizes[j]);
}

/* Within one cell: 16 ranks around 700 fall by 2 %, and draws show it. */
static void test_slope_within_cells(void **state)
{
	double theta = 1, expected = 0, sum = 0, error;
	uint64_t first_half = 0, whole = 0;
	struct random random;

	(void)state;
	for (uint32_t k = 512; k < 1024; k++) {
		expected += k % 16 < 8 ? pow(k, -theta) : 0;
		sum += pow(k, -theta);
	}
	assert_int_equal(sampler_init(&sampler, 1023, 1023, sampler_zipf, &theta), 0);
	random_seed(&random, 2, 0);
	for (uint64_t i = 0; whole < 1000000; i++) {
		uint32_t k = sampler_draw(&sampler, random_next(&random)) + 1;

		whole += k >= 512;
		first_half += k >= 512 && k % 16 < 8;
	}
	error = (double)first_half / (double)whole - expected / sum;
	assert_true(expected / sum > 0.502);
	assert_true(fabs(error) < 4 * 0.5 / sqrt(1000000));
}

/* The shares that the tables stand for, by cell. */
static void shares_of_cells(double *shares)
{
	memset(shares, 0, SAMPLER_CELLS * sizeof(*shares));
	for (uint32_t i = 0; i < SAMPLER_CELLS; i++) {
		double own = sampler.slots[i].threshold / 4194304.0;

		shares[i] += own / SAMPLER_CELLS;
		shares[sampler.slots[i].other] += (1 - own) / SAMPLER_CELLS;
	}
}

/* Each cell as exact as the header says, and each rank within it. */
static void test_shares(void **state)
{
	static const uint32_t nr_ranks = 1 << 21;
	static double shares[SAMPLER_CELLS];
	double theta = 0.99, total = 0, worst_cell = 0, worst_rank = 0;

	(void)state;
	assert_int_equal(sampler_init(&sampler, nr_ranks, nr_ranks, sampler_zipf, &theta), 0);
	shares_of_cells(shares);
	for (uint32_t rank = 0; rank < nr_ranks; rank++)
		total += pow(rank + 1.0, -theta);
	for (uint32_t i = 0; i < SAMPLER_CELLS; i++) {
		const struct sampler_cell *cell = &sampler.cells[i];
		const uint32_t width = cell->shift ? 1U << (32 - cell->shift) : 0;
		double wanted = 0;

		for (uint32_t at = 0; at < width; at++)
			wanted += pow(cell->first + at + 1, -theta) / total;
		worst_cell = fmax(worst_cell, fabs(wanted - shares[i]));
		for (uint32_t at = 0; at < width; at++) {
			double line = 1 + cell->slope / 4294967296.0 * (1 - (2 * at + 1.0) / width);
			double share = pow(cell->first + at + 1, -theta) / total;

			worst_rank = fmax(worst_rank, fabs(wanted / width * line / share - 1));
		}
	}
	/* 2^-30: a slot is rounded to 2^-32, and a cell may be in several. */
	if (worst_cell > 1e-9 || worst_rank > 3e-4)
		fail_msg("off by %g of all for a cell, %g for a rank", worst_cell, worst_rank);
	assert_true(worst_rank > 1e-5);
}

static double halved(double place, const void *user)
{
	const double *middle = user;

	return place < *middle ? 3 : 1;
}

static void test_max_width(void **state)
{
	uint32_t nr_ranks = 100000, below = 0;
	double middle = 50176; /* where a cell of 256 begins */
	struct random random;

	(void)state;
	assert_int_equal(sampler_init(&sampler, nr_ranks, 256, halved, &middle), 0);
	for (uint32_t i = 0; i < SAMPLER_CELLS; i++)
		assert_true(!sampler.cells[i].shift || sampler.cells[i].shift >= 24);
	random_seed(&random, 3, 0);
	for (int i = 0; i < 1000000; i++)
		below += sampler_draw(&sampler, random_next(&random)) < 50176;
	assert_in_range(below, 751300 - 2000, 751300 + 2000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_zipf),
		cmocka_unit_test(test_slope_within_cells),
		cmocka_unit_test(test_shares),
		cmocka_unit_test(test_max_width),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
