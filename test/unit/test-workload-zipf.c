/* SPDX-License-Identifier: MIT */
/* zipf: frequencies of the ranks where they lie in order, places where they do not, moves. */
#include "workload-make.h"

enum { NR = 2000000, NR_PAGES = 1 << 14 };

/* Expected counts of the pages of "size=64MiB,scatter=none". */
static void expect(double theta, double *expected)
{
	double sum = 0;

	for (int i = 0; i < NR_PAGES; i++)
		sum += expected[i] = pow(i + 1, -theta);
	for (int i = 0; i < NR_PAGES; i++)
		expected[i] *= NR / sum;
}

static void check_frequencies(double theta)
{
	char text[64];
	_cleanup_workload_ struct workload *workload = NULL;
	_cleanup_free_ uint32_t *accesses = NULL;
	static double expected[NR_PAGES];
	static uint32_t counts[NR_PAGES];
	double chi_square = 0, freedom = NR_PAGES - 1;

	snprintf(text, sizeof(text), "zipf:size=64MiB,scatter=none,writes=30%%,theta=%g", theta);
	workload = make_workload(text, 3);
	accesses = take(workload, 0, NR);
	assert_share(count_writes(accesses, NR), NR, 0.3);
	expect(theta, expected);
	memset(counts, 0, sizeof(counts));
	for (int i = 0; i < NR; i++)
		counts[accesses[i] & ~ACCESS_WRITE]++;
	for (int i = 0; i < NR_PAGES; i++)
		chi_square += (counts[i] - expected[i]) * (counts[i] - expected[i]) / expected[i];
	if (fabs(chi_square - freedom) > 6 * sqrt(2 * freedom))
		fail_msg("theta %g: chi-square %.0f of %.0f", theta, chi_square, freedom);
	for (int i = 0; i < 10; i++)
		assert_share(counts[i], NR, expected[i] / NR);
}

static void test_frequencies(void **state)
{
	static const double thetas[] = { 0, 0.5, 0.99, 1.2 };

	(void)state;
	for (size_t i = 0; i < sizeof(thetas) / sizeof(thetas[0]); i++)
		check_frequencies(thetas[i]);
}

/* Whether a page is written does not depend on which one it is. */
static void test_writes_are_even(void **state)
{
	_cleanup_workload_ struct workload *workload =
		make_workload("zipf:size=64MiB,scatter=none,writes=30%", 4);
	_cleanup_free_ uint32_t *accesses = take(workload, 0, NR);
	size_t nr[3] = { 0 }, writes[3] = { 0 };

	(void)state;
	for (int i = 0; i < NR; i++) {
		uint32_t page = accesses[i] & ~ACCESS_WRITE;
		int which = page == 0 ? 0 : page < 1000 ? 1 : 2;

		nr[which]++;
		writes[which] += accesses[i] >> 31;
	}
	for (int i = 0; i < 3; i++)
		assert_share(writes[i], nr[i], 0.3);
}

/* Scattered, the same frequencies belong to other pages: to blocks of 512 with "huge". */
static void test_scatter(void **state)
{
	_cleanup_workload_ struct workload *in_order =
		make_workload("zipf:size=64MiB,scatter=none", 5);
	_cleanup_workload_ struct workload *base = make_workload("zipf:size=64MiB", 5);
	_cleanup_workload_ struct workload *huge = make_workload("zipf:size=64MiB,scatter=huge", 5);
	_cleanup_free_ uint32_t *ranks = take(in_order, 0, NR);
	_cleanup_free_ uint32_t *pages = take(base, 0, NR);
	_cleanup_free_ uint32_t *blocks = take(huge, 0, NR);
	static uint32_t page_of[NR_PAGES], rank_of[NR_PAGES], block_of[NR_PAGES / 512];
	int stayed = 0;

	(void)state;
	memset(page_of, 0xff, sizeof(page_of));
	memset(rank_of, 0xff, sizeof(rank_of));
	memset(block_of, 0xff, sizeof(block_of));
	for (int i = 0; i < NR; i++) {
		if (page_of[ranks[i]] == UINT32_MAX)
			page_of[ranks[i]] = pages[i];
		if (rank_of[pages[i]] == UINT32_MAX)
			rank_of[pages[i]] = ranks[i];
		if (block_of[ranks[i] / 512] == UINT32_MAX)
			block_of[ranks[i] / 512] = blocks[i] / 512;
		assert_int_equal(page_of[ranks[i]], pages[i]);
		assert_int_equal(rank_of[pages[i]], ranks[i]);
		assert_int_equal(block_of[ranks[i] / 512], blocks[i] / 512);
		assert_int_equal(ranks[i] % 512, blocks[i] % 512);
	}
	for (int i = 0; i < NR_PAGES; i++)
		stayed += page_of[i] == (uint32_t)i;
	assert_true(stayed < 20);
}

/* With shift=N the N-th access and those after it find the ranks elsewhere, to the access. */
static void test_shift(void **state)
{
	_cleanup_workload_ struct workload *still = make_workload("zipf:size=64MiB", 6);
	_cleanup_workload_ struct workload *moving =
		make_workload("zipf:size=64MiB,shift=100001", 6);
	_cleanup_free_ uint32_t *before = take(still, 0, 300000);
	_cleanup_free_ uint32_t *after = take(moving, 0, 300000);
	size_t same = 0;

	(void)state;
	assert_memory_equal(before, after, 100001 * sizeof(*before));
	for (int i = 100001; i < 300000; i++)
		same += before[i] == after[i];
	assert_int_equal(same, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_frequencies),
		cmocka_unit_test(test_writes_are_even),
		cmocka_unit_test(test_scatter),
		cmocka_unit_test(test_shift),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
