/* SPDX-License-Identifier: MIT */
/*
 * How coarse the stripes of a fresh range are, where ranges come and go.  Pure.
 *
 * One range alone is split as exactly as its last, partial round lets it be.  A program has many,
 * most of them small, so what is kept right is the sum of those that are there: of the shifts
 * that cost no more than they may, the one is taken with which that sum is nearest to the
 * weights.  A range of less than a round, or even of one stripe, then goes where most is missing.
 *
 * Pages are counted as if all were touched.
 */
#ifndef PRELOAD_CHOICE_H
#define PRELOAD_CHOICE_H

#include <stdbool.h>
#include <stdint.h>

#include <mpol/mpol.h>

/* Runs of pages have so many pages on average, at least: each costs about what touching five pages
 * does (mbind, a range more to look up, munmap). */
#define CHOICE_PAGES_PER_RUN 8
/* No range takes more runs: with two nodes its last round is off by 1 / 1024 of it, at most. */
#define CHOICE_RUNS_MAX 512

/* A policy's weights without the nodes that it does not name. */
struct shares {
	struct mpol_policy policy;
	unsigned int round; /* their sum */
	int base;	    /* stripes_base */
	int nr_nodes;
	int16_t nodes[MPOL_NODES_MAX];	 /* [nr_nodes] ascending */
	uint32_t begins[MPOL_NODES_MAX]; /* [nr_nodes] the node's first place in the round */
};

/* -EINVAL: not weighted interleave with all weights given, or flags beside it. */
int shares_of(const struct mpol_policy *policy, struct shares *ret);

/* Pages by place in shares.nodes. */
struct tally {
	int64_t all;
	int64_t by_node[MPOL_NODES_MAX];
};

/* Stripes of a range: page numbers. */
struct striped {
	uint64_t page, end;
	unsigned int shift;
};

/* How many runs it has; how many of its pages are the node's of that place. */
uint64_t striped_runs(const struct striped *range, const struct shares *shares);
uint64_t striped_pages(const struct striped *range, const struct shares *shares, int place);

/* Adds a range to a tally (sign 1), or takes it out (-1). */
void tally_add(struct tally *tally, const struct shares *shares, const struct striped *range,
	       int sign);

/*
 * The shift for a range beside those of the tally: least_shift or more, no more than max_runs runs.
 * range->shift is set; false: max_runs is 0, or the range is empty.
 */
bool choose_shift(const struct shares *shares, const struct tally *others, unsigned int least_shift,
		  uint64_t max_runs, struct striped *range);

/* Whether the shift that range has would do, too: the sum is hardly off with it. */
bool shift_will_do(const struct shares *shares, const struct tally *others,
		   const struct striped *range);

/* The place in shares.nodes of the node that a page of the range is for. */
int striped_place(const struct striped *range, const struct shares *shares, uint64_t page);

/*
 * The shift for what a heap grows by, which has so many pages with it: they are to be so many
 * rounds, up to twice as many.  It follows from the size alone, so that neighbours go on with each
 * other's rounds.
 */
unsigned int heap_shift(const struct shares *shares, uint64_t nr_pages, unsigned int rounds);

#endif
