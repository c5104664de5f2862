/* SPDX-License-Identifier: MIT */
/* What weights.c and weights-demand.c share. */
#ifndef POLICY_WEIGHTS_INTERNAL_H
#define POLICY_WEIGHTS_INTERNAL_H

#include "weights.h"

__extension__ typedef unsigned __int128 wide;

/* What each node of a profile delivers of its mix, in bytes per second. */
struct capacities {
	uint64_t bytes[MPOL_NODES_MAX];
	uint64_t sum;
};

/* No weights of any size deliver more: all nodes full, or all in flight at the shortest latency. */
uint64_t weights_optimum(const struct bandwidth_profile *profile,
			 const struct capacities *capacities);

/*
 * The weights where the demand is limited, within bounds that are valid; they
 * may have a common divisor.  Some node has a capacity.
 */
void weights_for_demand(const struct bandwidth_profile *profile,
			const struct capacities *capacities, const struct weights_bounds *bounds,
			uint8_t *ret_weights);

#endif
