/* SPDX-License-Identifier: MIT */
/* Weighted interleave made of ranges: see stripes.h. */
#include "stripes.h"

#include <errno.h>

#include "nodemask.h"
#include "policy.h"

#define MAX_SHIFT  40 /* no range has that many pages */
#define MAX_WEIGHT 255

unsigned int stripes_round(const struct mpol_policy *policy)
{
	const struct nodemask nodes = policy_nodemask(policy);
	unsigned int sum = 0;
	int node;

	if (policy->mode != MPOL_MODE_WEIGHTED_INTERLEAVE)
		return 0;
	nodemask_for_each (node, &nodes) {
		if (!policy->weights[node])
			return 0;
		sum += policy->weights[node];
	}
	return sum;
}

int stripes_base(const struct mpol_policy *policy)
{
	const struct nodemask nodes = policy_nodemask(policy);
	int node, base = -1;

	if (!stripes_round(policy))
		return -1;
	nodemask_for_each (node, &nodes)
		if (base < 0 || policy->weights[node] > policy->weights[base])
			base = node;
	return base;
}

/* How many of the numbers 0 to last leave that rest. */
static uint64_t nr_with_rest(uint64_t last, unsigned int round, unsigned int rest)
{
	return last < rest ? 0 : (last - rest) / round + 1;
}

uint64_t stripes_nr_runs(const struct stripes_range *range, const struct mpol_policy *policy,
			 unsigned int shift)
{
	const struct nodemask nodes = policy_nodemask(policy);
	const unsigned int round = stripes_round(policy);
	const uint64_t first = range->page >> shift;
	unsigned int rest = 0;
	uint64_t last, nr = 1;
	int node;

	if (!range->nr_pages || !round)
		return 0;
	last = (range->page + range->nr_pages - 1) >> shift;
	if (nodemask_weight(&nodes) == 1)
		return 1;
	/* A run begins where a node's weight does. */
	nodemask_for_each (node, &nodes) {
		nr += nr_with_rest(last, round, rest) - nr_with_rest(first, round, rest);
		rest += policy->weights[node];
	}
	return nr;
}

static bool has_rounds(uint64_t nr_pages, unsigned int round, unsigned int shift)
{
	return (nr_pages >> shift) / round >= STRIPES_LEAST_ROUNDS;
}

unsigned int stripes_huge_shift(uint64_t nr_pages, const struct mpol_policy *policy)
{
	const unsigned int round = stripes_round(policy);

	return round && has_rounds(nr_pages, round, STRIPES_HUGE_SHIFT) ? STRIPES_HUGE_SHIFT : 0;
}

int stripes_shift(const struct stripes_range *range, const struct mpol_policy *policy,
		  uint64_t max_runs, unsigned int *ret_shift)
{
	const unsigned int round = stripes_round(policy);

	if (!round || range->page + range->nr_pages < range->page)
		return -EINVAL;
	for (unsigned int shift = range->least_shift; shift <= MAX_SHIFT; shift++) {
		if (!has_rounds(range->nr_pages, round, shift))
			break;
		if (stripes_nr_runs(range, policy, shift) > max_runs)
			continue;
		*ret_shift = shift;
		return 0;
	}
	return -ERANGE;
}

/* ---- Several ranges with one budget ------------------------------------------------ */

struct allotment {
	const struct stripes_range *ranges;
	size_t nr;
	const struct mpol_policy *policy;
	uint64_t budget;
};

/* The runs of all ranges of at least so many pages; what cannot be cut takes none. */
static uint64_t sum_of_runs(const struct allotment *all, uint64_t max_runs, uint64_t least_pages)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < all->nr; i++) {
		unsigned int shift;

		if (all->ranges[i].nr_pages >= least_pages &&
		    !stripes_shift(&all->ranges[i], all->policy, max_runs, &shift))
			sum += stripes_nr_runs(&all->ranges[i], all->policy, shift);
	}
	return sum;
}

/* With floor runs each: the fewest pages with which the ranges are not too many. */
static uint64_t least_pages(const struct allotment *all, uint64_t floor)
{
	uint64_t low = 0, high = 1;

	if (sum_of_runs(all, floor, 0) <= all->budget)
		return 0;
	for (size_t i = 0; i < all->nr; i++)
		if (all->ranges[i].nr_pages >= high)
			high = all->ranges[i].nr_pages + 1;
	while (high - low > 1) {
		const uint64_t middle = low + (high - low) / 2;

		if (sum_of_runs(all, floor, middle) <= all->budget)
			high = middle;
		else
			low = middle;
	}
	return high;
}

int stripes_allot(const struct stripes_range *ranges, size_t nr, const struct mpol_policy *policy,
		  uint64_t budget, uint64_t *ret_max_runs, uint64_t *ret_least_pages)
{
	const struct allotment all = { ranges, nr, policy, budget };
	const struct nodemask nodes = policy_nodemask(policy);
	const uint64_t runs_of_round = (uint64_t)nodemask_weight(&nodes);
	/* The coarsest shift leaves less than twice the least rounds, and a cut one at either end.
	 */
	const uint64_t floor = (2 * STRIPES_LEAST_ROUNDS + 2) * runs_of_round;
	uint64_t low = floor, high = budget + 1, least;

	if (budget < floor)
		return -ERANGE;
	least = least_pages(&all, floor);
	while (high - low > 1) {
		const uint64_t middle = low + (high - low) / 2;

		if (sum_of_runs(&all, middle, least) <= budget)
			low = middle;
		else
			high = middle;
	}
	*ret_max_runs = low;
	*ret_least_pages = least;
	return 0;
}

/* ---- Run after run ------------------------------------------------------------------- */

/* The node of a place in the round, and how many stripes of its own follow, that one included. */
static int node_at(const struct mpol_policy *policy, unsigned int place, unsigned int *ret_left)
{
	const struct nodemask nodes = policy_nodemask(policy);
	int node;

	nodemask_for_each (node, &nodes) {
		if (place < policy->weights[node])
			break;
		place -= policy->weights[node];
	}
	*ret_left = policy->weights[node] - place;
	return node;
}

bool stripes_next(const struct stripes_range *range, const struct mpol_policy *policy,
		  unsigned int shift, struct stripes_run *run)
{
	const uint64_t end = range->page + range->nr_pages;
	const uint64_t page = run->nr_pages ? run->page + run->nr_pages : range->page;
	const unsigned int round = stripes_round(policy);
	const uint64_t number = page >> shift;
	unsigned int left;
	uint64_t next;

	if (!round || page >= end)
		return false;
	run->page = page;
	run->node = node_at(policy, (unsigned int)(number % round), &left);
	next = (number + left) << shift;
	/* Of one node alone no run ends before the range does. */
	if (policy->weights[run->node] == round || next > end)
		next = end;
	run->nr_pages = next - page;
	return true;
}

/* ---- Looks --------------------------------------------------------------------------- */

/* The run that begins with the first piece; *ret_nr: how many pieces it is made of. */
static struct stripes_run joined(const struct stripes_run *pieces, size_t nr, size_t *ret_nr)
{
	struct stripes_run run = pieces[0];
	size_t i = 1;

	while (i < nr && pieces[i].node == run.node)
		run.nr_pages += pieces[i++].nr_pages;
	*ret_nr = i;
	return run;
}

/*
 * What one whole round would make of the lengths of its runs: those behind the first run, which
 * may be cut, until a node comes again.
 */
static bool guess_policy(const struct stripes_run *pieces, size_t nr, struct mpol_policy *ret,
			 unsigned int *ret_shift)
{
	struct nodemask nodes = { { 0 } };
	struct stripes_run run;
	uint64_t all_bits = 0;
	unsigned int shift;
	size_t first, at, nr_pieces;
	int node;

	run = joined(pieces, nr, &first);
	for (at = first; at < nr; at += nr_pieces) {
		run = joined(pieces + at, nr - at, &nr_pieces);
		if (nodemask_test(&nodes, run.node))
			break;
		nodemask_set(&nodes, run.node);
		all_bits |= run.nr_pages;
	}
	/* The last run may be cut, too. */
	if (at >= nr || nodemask_weight(&nodes) < 2 || !all_bits)
		return false;
	shift = (unsigned int)__builtin_ctzll(all_bits);
	*ret = (struct mpol_policy) { .mode = MPOL_MODE_WEIGHTED_INTERLEAVE };
	policy_set_nodemask(ret, &nodes);
	for (at = first; nodemask_test(&nodes, pieces[at].node); at += nr_pieces) {
		run = joined(pieces + at, nr - at, &nr_pieces);
		node = run.node;
		if (run.nr_pages >> shift > MAX_WEIGHT)
			return false;
		nodemask_clear(&nodes, node);
		ret->weights[node] = (uint8_t)(run.nr_pages >> shift);
	}
	*ret_shift = shift;
	return true;
}

/*
 * Steps over the pieces that make up the wanted run, or its beginning where others follow.  Those
 * of the same node behind it are another range's.  Returns how many pages they have.
 */
static uint64_t take_run(const struct stripes_run *pieces, size_t nr,
			 const struct stripes_run *wanted, size_t *at)
{
	uint64_t nr_pages = 0;

	while (*at < nr && pieces[*at].node == wanted->node &&
	       nr_pages + pieces[*at].nr_pages <= wanted->nr_pages)
		nr_pages += pieces[(*at)++].nr_pages;
	return nr_pages;
}

size_t stripes_recognise(const struct stripes_run *pieces, size_t nr,
			 struct mpol_policy *ret_policy, unsigned int *ret_shift)
{
	struct stripes_range range = { .nr_pages = 0 };
	struct stripes_run wanted = { 0 };
	struct mpol_policy policy;
	struct nodemask nodes;
	unsigned int shift;
	size_t at = 0, nr_runs = 0;

	if (!nr || !guess_policy(pieces, nr, &policy, &shift))
		return 0;
	range.page = pieces[0].page;
	range.nr_pages = pieces[nr - 1].page + pieces[nr - 1].nr_pages - range.page;
	while (at < nr && stripes_next(&range, &policy, shift, &wanted)) {
		const uint64_t nr_pages = take_run(pieces, nr, &wanted, &at);

		nr_runs += nr_pages > 0;
		if (nr_pages < wanted.nr_pages)
			break;
	}
	nodes = policy_nodemask(&policy);
	if (nr_runs < 2 * (size_t)nodemask_weight(&nodes) + 1)
		return 0;
	*ret_policy = policy;
	*ret_shift = shift;
	return at;
}
