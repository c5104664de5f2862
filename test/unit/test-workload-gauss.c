/* SPDX-License-Identifier: MIT */
/* gauss: counts against the normal distribution; the edges of the memory. */
#include "workload-make.h"

enum { NR = 2000000, BUCKETS = 64 };

/* Below x sigmas from the mean. */
static double normal(double x)
{
	return erfc(-x / sqrt(2)) / 2;
}

static void check(const char *text, double sigma)
{
	_cleanup_workload_ struct workload *workload = make_workload(text, 1);
	_cleanup_free_ uint32_t *accesses = take(workload, 0, NR);
	uint32_t nr_pages = workload_info(workload)->nr_pages;
	size_t counts[BUCKETS] = { 0 };
	double whole = normal(0.5 / sigma) - normal(-0.5 / sigma);

	for (int i = 0; i < NR; i++)
		counts[(uint64_t)(accesses[i] & ~ACCESS_WRITE) * BUCKETS / nr_pages]++;
	for (int i = 0; i < BUCKETS; i++) {
		double start = ((double)i / BUCKETS - 0.5) / sigma;
		double end = ((i + 1.0) / BUCKETS - 0.5) / sigma;

		assert_share(counts[i], NR, (normal(end) - normal(start)) / whole);
	}
	assert_share(count_writes(accesses, NR), NR, 0.2);
}

static void test_against_normal(void **state)
{
	(void)state;
	check("gauss:size=1GiB", 0.083333);
	check("gauss:size=1GiB,sigma=3%", 0.03);
	check("gauss:size=1GiB,sigma=50%", 0.5); /* cut off at one sigma */
	check("gauss:size=1TiB,sigma=20%", 0.2);
}

/* Both ends of an odd number of pages, where all are about as likely. */
static void test_every_page(void **state)
{
	_cleanup_workload_ struct workload *workload =
		make_workload("gauss:size=1028KiB,sigma=100%", 1);
	_cleanup_free_ uint32_t *accesses = take(workload, 0, NR);
	size_t counts[257] = { 0 };

	(void)state;
	for (int i = 0; i < NR; i++)
		counts[accesses[i] & ~ACCESS_WRITE]++;
	for (int i = 0; i < 257; i++)
		assert_in_range(counts[i], NR / 257 * 9 / 10, NR / 257 * 11 / 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_against_normal),
		cmocka_unit_test(test_every_page),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
