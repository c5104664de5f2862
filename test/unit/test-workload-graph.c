/* SPDX-License-Identifier: MIT */
/* graph: what is accessed how often, in which order, and how the vertices' degrees fall. */
#include "workload-make.h"

enum { NR = 4000000 };

static const struct workload_region *region(const struct workload *workload, unsigned number,
					    const char *name)
{
	const struct workload_region *found = &workload_info(workload)->regions[number];

	assert_string_equal(found->name, name);
	return found;
}

static bool within(const struct workload_region *of, uint32_t access)
{
	return (access & ~ACCESS_WRITE) - of->first_page < of->nr_pages;
}

static void test_shares_and_order(void **state)
{
	_cleanup_workload_ struct workload *workload = make_workload("graph:size=64MiB", 1);
	_cleanup_free_ uint32_t *accesses = take(workload, 0, NR);
	const struct workload_region *offsets = region(workload, 0, "offsets");
	const struct workload_region *edges = region(workload, 1, "edges");
	const struct workload_region *values = region(workload, 2, "values");
	const struct workload_region *scores = region(workload, 3, "scores");
	size_t nr_offsets = 0, nr_edges = 0, nr_values = 0, nr_scores = 0;
	uint32_t last_edge = 0;

	(void)state;
	/* 64 MiB: 2^19 vertices of 128 bytes, so 28 edges each. */
	assert_int_equal(values->nr_pages, 512);
	assert_int_equal(offsets->nr_pages, 1024);
	assert_int_equal(edges->nr_pages, 28 * 512);
	for (int i = 0; i < NR; i++) {
		nr_offsets += within(offsets, accesses[i]);
		nr_edges += within(edges, accesses[i]);
		nr_values += within(values, accesses[i]);
		nr_scores += within(scores, accesses[i]);
		assert_int_equal(accesses[i] >> 31, within(scores, accesses[i]));
		if (within(edges, accesses[i])) {
			assert_true(!last_edge || accesses[i] == last_edge ||
				    accesses[i] == last_edge + 1 ||
				    accesses[i] == edges->first_page);
			last_edge = accesses[i];
		}
	}
	assert_int_equal(nr_offsets + nr_edges + nr_values + nr_scores, NR);
	assert_in_range(nr_values, 16 * nr_edges - 16, 16 * nr_edges + 16);
	/* A line of 8 offsets for 8 * 28 edges, of 16 scores for 16 * 28. */
	assert_in_range(nr_offsets, nr_values / 224 * 99 / 100, nr_values / 224 * 101 / 100);
	assert_in_range(nr_scores, nr_values / 448 * 99 / 100, nr_values / 448 * 101 / 100);
}

static int by_count(const void *a, const void *b)
{
	uint32_t one = *(const uint32_t *)a, other = *(const uint32_t *)b;

	return one < other ? 1 : one > other ? -1 : 0;
}

/*
 * The pages of values hold 1024 random vertices each.  The variance of their shares is
 * what 1024 draws from the R-MAT classes have: 2^scale vertices, the sum of
 * squares of whose shares is (0.76^2 + 0.24^2)^scale.
 */
static void test_degrees(void **state)
{
	_cleanup_workload_ struct workload *workload = make_workload("graph:size=1GiB", 1);
	_cleanup_free_ uint32_t *accesses = take(workload, 0, NR);
	const struct workload_region *values = region(workload, 2, "values");
	_cleanup_free_ uint32_t *counts = calloc(values->nr_pages, sizeof(*counts));
	double nr = 0, squares = 0, expected;

	(void)state;
	assert_int_equal(values->nr_pages, 8192); /* 2^23 vertices */
	for (int i = 0; i < NR; i++) {
		if (!within(values, accesses[i]))
			continue;
		counts[accesses[i] - values->first_page]++;
		nr++;
	}
	qsort(counts, values->nr_pages, sizeof(*counts), by_count);
	/* The vertex without a bit set has 0.76^23, and its page is the first. */
	assert_true(counts[0] > nr * pow(0.76, 23));
	for (uint32_t i = 0; i < values->nr_pages; i++)
		squares += (double)counts[i] * (counts[i] - 1) / nr / (nr - 1);
	expected = pow(0.76 * 0.76 + 0.24 * 0.24, 23) + 1.0 / values->nr_pages;
	if (fabs(squares / expected - 1) > 0.05)
		fail_msg("two accesses meet with %g, should be %g", squares, expected);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shares_and_order),
		cmocka_unit_test(test_degrees),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
