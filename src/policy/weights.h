/* SPDX-License-Identifier: MIT */
/*
 * Weights for weighted interleave: the best small ones for what a machine's
 * memory can deliver (bandwidth.h), and those that others would choose, to compare
 * with.  Pure; where the bandwidths come from (HMAT, a measurement, a description) is
 * the caller's affair, and so is which nodes may be used at all.
 *
 * Small, because pages go round by round: as many pages as the weights' sum
 * are one round, and memory of less than a few rounds is not split as the
 * weights say.  So their sum is bounded, and of weights that are about as fast those with the
 * smallest sum are taken.  A node too slow even for a weight of 1 in such a sum is left out.
 */
#ifndef POLICY_WEIGHTS_H
#define POLICY_WEIGHTS_H

#include <stddef.h>
#include <stdint.h>

#include "bandwidth.h"

/* The kernel's bounds for a weight (mm/mempolicy.c, node_store); 0 is ours: not interleaved to. */
#define WEIGHTS_MAX 255

/*
 * The bound of the sum where none is given: 16 for each node, at least 64, a
 * round of 256 KiB of 4 KiB pages.  What no weights of that sum reach, for
 * nodes of any speeds, is 0.3 % of the bandwidth on average with 2 nodes, 1 % with 4,
 * 2 % with 8, 3 % with 1024 (bench/weights.c).
 */
#define WEIGHTS_DEFAULT_SUM	     64
#define WEIGHTS_DEFAULT_SUM_PER_NODE 16

/*
 * How much throughput may be given up for a smaller sum, where nothing else is
 * said: measured bandwidths are hardly known better.
 */
#define WEIGHTS_DEFAULT_SLACK_PERMILLE 5

struct weights_bounds {
	unsigned int max_sum;	     /* 1 or more */
	unsigned int slack_permille; /* of the best throughput, below 1000 */
};

enum weights_rule {
	WEIGHTS_SOLVED, /* weights_solve with the bounds that weights_bounds_for gives */
	WEIGHTS_KERNEL, /* Linux 6.16's own from HMAT (mm/mempolicy.c, reduce_interleave_weights) */
	WEIGHTS_PROPORTIONAL, /* the read bandwidths rounded to the same sum, none below 1 */
	WEIGHTS_EQUAL,	      /* 1:1, plain interleave */
	WEIGHTS_NR_RULES,
};

/* What became of a node. */
enum weights_fate {
	WEIGHTS_LIMITS,	    /* the interleave is as fast as this node lets it be */
	WEIGHTS_HAS_ROOM,   /* it could deliver more than its share */
	WEIGHTS_TOO_SLOW,   /* left out: with a weight of 1 it would slow down the whole */
	WEIGHTS_NOT_NEEDED, /* left out: with it the whole is hardly faster, if at all */
	WEIGHTS_UNABLE,	    /* it cannot deliver such a mix at all, or nobody knows what it can */
};

struct weights_plan {
	unsigned int sum;
	struct bandwidth_flow flow; /* what the weights deliver */
	/* Per second: no weights of any size deliver more.  Where the demand is limited this is a
	 * bound that may be far off: it counts idle latency. */
	uint64_t optimum_bytes;
	uint32_t loss_ppm; /* what flow falls short of that */
};

/* The bounds for so many nodes where the user gives none. */
struct weights_bounds weights_bounds_for(size_t nr_nodes);

/*
 * The weights that deliver most within bounds (NULL: those of weights_bounds_for),
 * with no common divisor; one for each node of the profile.  No other weights
 * within the bounds deliver more, slack apart; so no node or set of nodes alone does.
 * That is exact where the demand is not limited; where it is, it holds within
 * 0.1 % for up to 256 of max_sum, and for larger sums they are good, not the best.
 *
 * Returns 0; -EINVAL: no nodes, more than MPOL_NODES_MAX, an empty mix or a bound out
 * of range; -ENODATA: no node can deliver such a mix.
 */
int weights_solve(const struct bandwidth_profile *profile, const struct weights_bounds *bounds,
		  uint8_t *ret_weights, struct weights_plan *ret_plan);

/*
 * The same, by any rule.  Those other than WEIGHTS_SOLVED leave no node out,
 * whatever that costs: that is what they are compared for.
 */
int weights_by_rule(const struct bandwidth_profile *profile, enum weights_rule rule,
		    uint8_t *ret_weights, struct weights_plan *ret_plan);

/* "solved", "kernel", "proportional", "equal". */
const char *weights_rule_name(enum weights_rule rule);

/* What became of nodes[index] in a plan for this profile. */
enum weights_fate weights_fate(const struct bandwidth_profile *profile, const uint8_t *weights,
			       const struct weights_plan *plan, size_t index);

/* The same for people: "limits the throughput", "left out: too slow for a weight of 1". */
const char *weights_fate_text(enum weights_fate fate);

#endif
