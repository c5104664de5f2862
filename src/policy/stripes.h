/* SPDX-License-Identifier: MIT */
/*
 * Stripes: weighted interleave with weights of one's own, made of ranges that prefer one node each.
 * Pure: no clock, no I/O, no allocation.
 *
 * A range of private anonymous memory is cut into stripes of 2^shift pages.  A stripe's number is
 * that of its first page without the last shift bits, and its node the one that the kernel's
 * weighted interleave gives the index of that number (placement_of_index; mm/mempolicy.c,
 * weighted_interleave_nid): nodes ascending, number modulo the sum of the weights.  With shift 0
 * pages are therefore where the kernel puts base pages, with shift 9 where it puts huge pages.
 * Stripes of one node that touch are one run: one range of the kernel's, one mbind(2).
 *
 * In all of this a policy is weighted interleave with one node at least, and all weights of its
 * nodes from 1 on: whoever calls has put the kernel's weights in for zeros.
 */
#ifndef POLICY_STRIPES_H
#define POLICY_STRIPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <mpol/mpol.h>

#define STRIPES_HUGE_SHIFT 9 /* 2 MiB: stripes that leave huge pages whole */

/* Whole rounds of the weights that must fit into a range for it to be cut. */
#define STRIPES_LEAST_ROUNDS 4

/* Private anonymous memory, in page numbers: address >> 12. */
struct stripes_range {
	uint64_t page, nr_pages;
	unsigned int
		least_shift; /* STRIPES_HUGE_SHIFT where huge pages are to stay whole, else 0 */
};

/* Neighbouring stripes of one node; the first and the last of a range may be cut. */
struct stripes_run {
	uint64_t page, nr_pages;
	int node;
};

/* The sum of the weights; 0: not a policy as above, or one with a weight of 0. */
unsigned int stripes_round(const struct mpol_policy *policy);

/* The node with the most weight (the lowest of equals): whoever prefers it for the whole range
 * first has only the runs of others left to do.  -1: as stripes_round's 0. */
int stripes_base(const struct mpol_policy *policy);

/* How many runs the range takes with that shift, 0 for an empty range. */
uint64_t stripes_nr_runs(const struct stripes_range *range, const struct mpol_policy *policy,
			 unsigned int shift);

/*
 * The least_shift of a range where huge pages may come: STRIPES_HUGE_SHIFT, or 0 where
 * too few rounds of huge pages would fit.
 */
unsigned int stripes_huge_shift(uint64_t nr_pages, const struct mpol_policy *policy);

/*
 * The smallest shift from least_shift on with which the range takes no more than max_runs runs.
 * Errors: -ERANGE (fewer than STRIPES_LEAST_ROUNDS would fit: too small to be cut), -EINVAL
 * (not such a policy, or a range that wraps around).
 */
int stripes_shift(const struct stripes_range *range, const struct mpol_policy *policy,
		  uint64_t max_runs, unsigned int *ret_shift);

/*
 * How many runs each of several ranges may take (max_runs of stripes_shift), so that all take
 * no more than budget together: the same number for all, so that what is larger gets coarser
 * stripes.  Where so many ranges would get too few rounds each, those with fewer pages than
 * *ret_least_pages are to be left out.  -ERANGE: the budget is not enough for any range.
 */
int stripes_allot(const struct stripes_range *ranges, size_t nr, const struct mpol_policy *policy,
		  uint64_t budget, uint64_t *ret_max_runs, uint64_t *ret_least_pages);

/*
 * The runs of a range, one after the other; run is zeroed before the first.  False: no more.
 */
bool stripes_next(const struct stripes_range *range, const struct mpol_policy *policy,
		  unsigned int shift, struct stripes_run *run);

/*
 * Whether memory is striped, by its looks: pieces follow each other without a gap, ascending, each
 * preferring its node.  Returns how many of them, from the first on, are stripes of one policy,
 * 0 for none; two whole rounds are asked for, so that what merely prefers nodes is not
 * taken for it.  Of policies that cut alike (6:2 in stripes of 4 KiB, 3:1 in stripes of 8 KiB)
 * the one with the smallest weights is told.
 */
size_t stripes_recognise(const struct stripes_run *pieces, size_t nr,
			 struct mpol_policy *ret_policy, unsigned int *ret_shift);

#endif
