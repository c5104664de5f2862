/* SPDX-License-Identifier: MIT */
/*
 * Stripes: page by page against the kernel's formula, against the budget, against the weights;
 * and recognised by their looks.
 */
#include "cmocka-all.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "placement.h"
#include "policy.h"
#include "stripes.h"

#define GIB (1UL << 18) /* in pages */

static struct mpol_policy weighted(const char *text)
{
	struct mpol_policy policy;

	assert_int_equal(policy_parse(text, NULL, &policy, NULL), 0);
	return policy;
}

static const char *const policies[] = {
	"weighted:0=3,1=1",	   "weighted:0=1,1=1",
	"weighted:0=255,1=1",	   "weighted:0=2,2=3",
	"weighted:0=1,1=2,2=3",	   "weighted:0=5,1=1,3=7,1000=2",
	"weighted:0-3=1,4-7=2",	   "weighted:1=2,5=3,6=1,7=4,8=4,9=1,10=2,11=200",
	"weighted:0=200,1023=100",
};
#define NR_POLICIES (sizeof(policies) / sizeof(policies[0]))

/* All nodes that the policies name, with memory. */
static void every_node(struct placement_nodes *ret, int *ids)
{
	*ret = (struct placement_nodes) { .ids = ids };
	for (int node = 0; node < 12; node++)
		ids[ret->nr_nodes++] = node;
	ids[ret->nr_nodes++] = 1000;
	ids[ret->nr_nodes++] = 1023;
	for (int i = 0; i < ret->nr_nodes; i++)
		nodemask_set(&ret->memory, ids[i]);
}

/* Every page of the range is in one run, of the formula's node; neighbours differ. */
static void check_pages(const struct stripes_range *range, const struct mpol_policy *policy,
			unsigned int shift)
{
	struct stripes_run run = { 0 };
	struct placement_nodes nodes;
	uint64_t page = range->page, nr = 0;
	int ids[16], last = -1;

	every_node(&nodes, ids);
	while (stripes_next(range, policy, shift, &run)) {
		assert_int_equal(run.page, page);
		assert_true(run.nr_pages > 0);
		assert_int_not_equal(run.node, last);
		last = run.node;
		nr++;
		for (uint64_t i = 0; i < run.nr_pages; i++, page++)
			assert_int_equal(run.node,
					 placement_of_index(&nodes, policy, page >> shift));
	}
	assert_int_equal(page, range->page + range->nr_pages);
	assert_int_equal(nr, stripes_nr_runs(range, policy, shift));
}

static void test_every_page_is_where_the_formula_says(void **state)
{
	static const struct stripes_range ranges[] = {
		{ 0, 1, 0 },	  { 0, 5000, 0 },
		{ 77, 1, 0 },	  { 0x7f1234567, 20011, 0 },
		{ 511, 4097, 0 }, { (1UL << 35) - 4099, 4099, 0 },
	};

	(void)state;
	for (size_t p = 0; p < NR_POLICIES; p++) {
		const struct mpol_policy policy = weighted(policies[p]);

		for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
			for (unsigned int shift = 0; shift < 13; shift++)
				check_pages(&ranges[i], &policy, shift);
	}
}

static void test_shift_is_the_smallest_within_the_budget(void **state)
{
	static const uint64_t budgets[] = { 64, 100, 1000, 4096 };

	(void)state;
	for (size_t p = 0; p < NR_POLICIES; p++) {
		const struct mpol_policy policy = weighted(policies[p]);

		for (uint64_t pages = 1; pages < 64 * GIB; pages = pages * 3 + 1) {
			for (size_t b = 0; b < 4; b++) {
				const struct stripes_range range = { 123457, pages, 0 };
				unsigned int shift = 99;
				int r = stripes_shift(&range, &policy, budgets[b], &shift);

				if (r == -ERANGE) {
					assert_int_equal(shift, 99);
					/* Either the range is too small or the budget is. */
					assert_true(pages < 4UL * stripes_round(&policy) ||
						    budgets[b] == 64);
					continue;
				}
				assert_int_equal(r, 0);
				assert_true(stripes_nr_runs(&range, &policy, shift) <= budgets[b]);
				if (shift)
					assert_true(stripes_nr_runs(&range, &policy, shift - 1) >
						    budgets[b]);
			}
		}
	}
}

/* The pages of each node are within 0.5 % of all of its share: fifty rounds are enough. */
static void check_split(const struct stripes_range *range, const struct mpol_policy *policy,
			unsigned int shift)
{
	const uint64_t round = stripes_round(policy);
	struct stripes_run run = { 0 };
	uint64_t pages[NODES_MAX] = { 0 };

	while (stripes_next(range, policy, shift, &run))
		pages[run.node] += run.nr_pages;
	for (int node = 0; node < NODES_MAX; node++) {
		const uint64_t wanted = range->nr_pages * policy->weights[node] / round;
		const uint64_t off =
			wanted > pages[node] ? wanted - pages[node] : pages[node] - wanted;

		assert_true(off * 200 <= range->nr_pages);
	}
}

static void test_split_is_close_to_the_weights(void **state)
{
	(void)state;
	for (size_t p = 0; p < NR_POLICIES; p++) {
		const struct mpol_policy policy = weighted(policies[p]);

		for (uint64_t pages = 1000; pages < 64 * GIB; pages = pages * 2 + 77) {
			for (unsigned int least = 0; least <= STRIPES_HUGE_SHIFT; least += 9) {
				const struct stripes_range range = { 0x7f1234567, pages, least };
				unsigned int shift;

				if (stripes_shift(&range, &policy, 4096, &shift) ||
				    (pages >> shift) / stripes_round(&policy) < 50)
					continue;
				check_split(&range, &policy, shift);
			}
		}
	}
}

static void test_large_ranges_have_enough_rounds(void **state)
{
	const struct mpol_policy two = weighted("weighted:0=3,1=1");
	const struct mpol_policy eight = weighted("weighted:0-3=1,4-7=2");
	const struct stripes_range range = { 0x7f1234400, 64 * GIB, STRIPES_HUGE_SHIFT };
	unsigned int shift;

	(void)state;
	assert_int_equal(stripes_shift(&range, &two, 4096, &shift), 0);
	assert_int_equal(shift, 12); /* 16 MiB; one run more than 4096 with 8 MiB */
	check_split(&range, &two, shift);
	assert_int_equal(stripes_shift(&range, &eight, 4096, &shift), 0);
	check_split(&range, &eight, shift);
}

static void test_huge_pages_stay_whole(void **state)
{
	const struct mpol_policy policy = weighted("weighted:0=3,1=1");
	const struct stripes_range range = { 512 * 1000 + 7, 512 * 64, STRIPES_HUGE_SHIFT };
	struct stripes_run run = { 0 };
	unsigned int shift;

	(void)state;
	assert_int_equal(stripes_shift(&range, &policy, 4096, &shift), 0);
	assert_int_equal(shift, STRIPES_HUGE_SHIFT);
	while (stripes_next(&range, &policy, shift, &run))
		assert_true(run.page == range.page || run.page % 512 == 0);
	assert_int_equal(stripes_huge_shift(512UL * 16, &policy), STRIPES_HUGE_SHIFT);
	assert_int_equal(stripes_huge_shift(512UL * 16 - 1, &policy), 0);
}

static void test_one_node_is_one_run(void **state)
{
	const struct mpol_policy policy = weighted("weighted:2=7");
	const struct stripes_range range = { 1000, 100, 0 };
	struct stripes_run run = { 0 };

	(void)state;
	assert_int_equal(stripes_nr_runs(&range, &policy, 0), 1);
	assert_true(stripes_next(&range, &policy, 0, &run));
	assert_int_equal(run.nr_pages, 100);
	assert_int_equal(run.node, 2);
	assert_false(stripes_next(&range, &policy, 0, &run));
}

static void test_the_base_is_the_node_with_the_most_weight(void **state)
{
	struct mpol_policy policy = weighted("weighted:0=1,2=3,5=3");

	(void)state;
	assert_int_equal(stripes_base(&policy), 2);
	assert_int_equal(stripes_round(&policy), 7);
	policy.weights[5] = 0;
	assert_int_equal(stripes_base(&policy), -1);
}

static void test_bad_input(void **state)
{
	const struct mpol_policy good = weighted("weighted:0=3,1=1");
	const struct mpol_policy global = weighted("weighted:0-1");
	const struct mpol_policy plain = weighted("interleave:0-1");
	const struct mpol_policy none = { .mode = MPOL_MODE_WEIGHTED_INTERLEAVE };
	const struct stripes_range range = { 0, 1000, 0 }, empty = { 5, 0, 0 };
	const struct stripes_range wraps = { UINT64_MAX - 5, 1000, 0 };
	struct stripes_run run = { 0 };
	uint64_t runs = 7, least = 7;
	unsigned int shift = 7;

	(void)state;
	assert_int_equal(stripes_shift(&range, &global, 4096, &shift), -EINVAL);
	assert_int_equal(stripes_shift(&range, &plain, 4096, &shift), -EINVAL);
	assert_int_equal(stripes_shift(&range, &none, 4096, &shift), -EINVAL);
	assert_int_equal(stripes_shift(&wraps, &good, 4096, &shift), -EINVAL);
	assert_int_equal(stripes_shift(&empty, &good, 4096, &shift), -ERANGE);
	assert_int_equal(stripes_shift(&range, &good, 0, &shift), -ERANGE);
	assert_int_equal(stripes_allot(&range, 1, &good, 3, &runs, &least), -ERANGE);
	assert_int_equal(shift, 7);
	assert_int_equal(runs, 7);
	assert_false(stripes_next(&range, &global, 0, &run));
	assert_false(stripes_next(&empty, &good, 0, &run));
	assert_int_equal(stripes_nr_runs(&empty, &good, 0), 0);
}

/* ---- Several ranges --------------------------------------------------------------- */

static uint64_t sum_of(const struct stripes_range *ranges, size_t nr,
		       const struct mpol_policy *policy, uint64_t max_runs, uint64_t least)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < nr; i++) {
		unsigned int shift;

		if (ranges[i].nr_pages >= least &&
		    stripes_shift(&ranges[i], policy, max_runs, &shift) == 0)
			sum += stripes_nr_runs(&ranges[i], policy, shift);
	}
	return sum;
}

static void test_larger_ranges_get_coarser_stripes(void **state)
{
	const struct mpol_policy policy = weighted("weighted:0=3,1=1");
	const struct stripes_range ranges[] = {
		{ 0, 100, 0 }, { 1000, 64 * GIB, 9 }, { 100 * GIB, GIB, 9 }, { 200 * GIB, 2, 0 }
	};
	uint64_t runs, least;
	unsigned int small, large, medium;

	(void)state;
	assert_int_equal(stripes_allot(ranges, 4, &policy, 4096, &runs, &least), 0);
	assert_int_equal(least, 0);
	assert_true(sum_of(ranges, 4, &policy, runs, least) <= 4096);
	assert_int_equal(stripes_shift(&ranges[0], &policy, runs, &small), 0);
	assert_int_equal(stripes_shift(&ranges[1], &policy, runs, &large), 0);
	assert_int_equal(stripes_shift(&ranges[2], &policy, runs, &medium), 0);
	assert_int_equal(small, 0);
	assert_int_equal(medium, 9);
	assert_true(large > medium);
}

static void test_the_smallest_of_too_many_are_left_out(void **state)
{
	const struct mpol_policy policy = weighted("weighted:0=3,1=1");
	struct stripes_range ranges[1000];
	uint64_t runs, least, sum;

	(void)state;
	for (size_t i = 0; i < 1000; i++)
		ranges[i] = (struct stripes_range) { i * 10000, 1000 + i, 0 };
	assert_int_equal(stripes_allot(ranges, 1000, &policy, 4096, &runs, &least), 0);
	assert_true(least > 1000 && least < 2000);
	sum = sum_of(ranges, 1000, &policy, runs, least);
	assert_true(sum > 2048 && sum <= 4096);
}

/* ---- Looks ------------------------------------------------------------------------- */

/* The runs of a range, each in so many pieces; their number. */
static size_t cut(const struct stripes_range *range, const struct mpol_policy *policy,
		  unsigned int shift, unsigned int nr_pieces, struct stripes_run *ret)
{
	struct stripes_run run = { 0 };
	size_t nr = 0;

	while (stripes_next(range, policy, shift, &run)) {
		uint64_t done = 0;

		for (unsigned int i = 1; i <= nr_pieces; i++) {
			const uint64_t upto = run.nr_pages * i / nr_pieces;

			if (upto == done)
				continue;
			ret[nr++] = (struct stripes_run) { run.page + done, upto - done, run.node };
			done = upto;
		}
	}
	return nr;
}

static void check_recognised(const struct mpol_policy *policy, unsigned int shift,
			     unsigned int nr_pieces)
{
	const uint64_t nr_pages = (uint64_t)stripes_round(policy) * 5 << shift;
	const struct stripes_range range = { 0x7f1234567, nr_pages, 0 };
	_cleanup_free_ struct stripes_run *pieces = calloc(10000, sizeof(*pieces));
	const size_t nr = cut(&range, policy, shift, nr_pieces, pieces);
	struct mpol_policy found;
	unsigned int found_shift;

	assert_int_equal(stripes_recognise(pieces, nr, &found, &found_shift), nr);
	/* Perhaps with smaller weights: what they cut must be the same. */
	assert_true(found_shift >= shift);
	for (int node = 0; node < NODES_MAX; node++)
		assert_int_equal(found.weights[node] << (found_shift - shift),
				 policy->weights[node]);
}

static void test_stripes_are_recognised(void **state)
{
	(void)state;
	for (size_t p = 0; p < NR_POLICIES; p++) {
		const struct mpol_policy policy = weighted(policies[p]);

		for (unsigned int shift = 0; shift < 13; shift += 3)
			for (unsigned int nr_pieces = 1; nr_pieces < 4; nr_pieces++)
				check_recognised(&policy, shift, nr_pieces);
	}
}

static void test_recognised_up_to_what_does_not_fit(void **state)
{
	const struct mpol_policy policy = weighted("weighted:0=3,1=1");
	const struct stripes_range range = { 1024, 64, 0 };
	struct stripes_run pieces[64];
	size_t nr = cut(&range, &policy, 1, 1, pieces);
	struct mpol_policy found;
	unsigned int shift;

	(void)state;
	assert_int_equal(nr, 16);
	pieces[11].node = 2;
	assert_int_equal(stripes_recognise(pieces, nr, &found, &shift), 11);
	assert_int_equal(shift, 1);
	pieces[11].node = 1;
	pieces[11].nr_pages--;
	assert_int_equal(stripes_recognise(pieces, nr, &found, &shift), 12);
}

/* Of neighbouring ranges, cut differently, the last of one and the first of the other prefer the
 * same node. */
static void test_neighbours_are_told_apart(void **state)
{
	const struct mpol_policy policy = weighted("weighted:0=3,1=1");
	const struct stripes_range coarse = { 0, 19UL << 9, 9 }, fine = { 19UL << 9, 40, 0 };
	struct stripes_run pieces[64];
	const size_t nr_coarse = cut(&coarse, &policy, 9, 2, pieces);
	const size_t nr = nr_coarse + cut(&fine, &policy, 0, 1, pieces + nr_coarse);
	struct mpol_policy found;
	unsigned int shift;

	(void)state;
	assert_int_equal(pieces[nr_coarse - 1].node, pieces[nr_coarse].node);
	assert_int_equal(stripes_recognise(pieces, nr, &found, &shift), nr_coarse);
	assert_int_equal(shift, 9);
	assert_int_equal(stripes_recognise(pieces + nr_coarse, nr - nr_coarse, &found, &shift),
			 nr - nr_coarse);
	assert_int_equal(shift, 0);
}

static void test_what_merely_prefers_is_not_recognised(void **state)
{
	static const struct stripes_run two[] = { { 0, 3, 0 }, { 3, 1, 1 } };
	static const struct stripes_run three[] = { { 1, 3, 0 }, { 4, 1, 1 }, { 5, 3, 0 } };
	static const struct stripes_run uneven[] = {
		{ 0, 3, 0 }, { 3, 1, 1 },  { 4, 2, 0 },	 { 6, 1, 1 },
		{ 7, 3, 0 }, { 10, 4, 1 }, { 14, 3, 0 },
	};
	/* As 3:1 would be one page further up. */
	static const struct stripes_run displaced[] = {
		{ 1, 3, 0 }, { 4, 1, 1 }, { 5, 3, 0 }, { 8, 1, 1 }, { 9, 3, 0 }, { 12, 1, 1 },
	};
	static const struct stripes_run heavy[] = {
		{ 0, 999, 0 },	{ 999, 1, 1 },	  { 1000, 999, 0 },
		{ 1999, 1, 1 }, { 2000, 999, 0 }, { 2999, 1, 1 },
	};
	struct mpol_policy found;
	unsigned int shift;

	(void)state;
	assert_int_equal(stripes_recognise(NULL, 0, &found, &shift), 0);
	assert_int_equal(stripes_recognise(two, 1, &found, &shift), 0);
	assert_int_equal(stripes_recognise(two, 2, &found, &shift), 0);
	assert_int_equal(stripes_recognise(three, 3, &found, &shift), 0);
	assert_int_equal(stripes_recognise(uneven, 7, &found, &shift), 0);
	assert_int_equal(stripes_recognise(displaced, 6, &found, &shift), 0);
	assert_int_equal(stripes_recognise(heavy, 6, &found, &shift), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_page_is_where_the_formula_says),
		cmocka_unit_test(test_shift_is_the_smallest_within_the_budget),
		cmocka_unit_test(test_split_is_close_to_the_weights),
		cmocka_unit_test(test_large_ranges_have_enough_rounds),
		cmocka_unit_test(test_huge_pages_stay_whole),
		cmocka_unit_test(test_one_node_is_one_run),
		cmocka_unit_test(test_the_base_is_the_node_with_the_most_weight),
		cmocka_unit_test(test_bad_input),
		cmocka_unit_test(test_larger_ranges_get_coarser_stripes),
		cmocka_unit_test(test_the_smallest_of_too_many_are_left_out),
		cmocka_unit_test(test_stripes_are_recognised),
		cmocka_unit_test(test_recognised_up_to_what_does_not_fit),
		cmocka_unit_test(test_neighbours_are_told_apart),
		cmocka_unit_test(test_what_merely_prefers_is_not_recognised),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
