/* SPDX-License-Identifier: MIT */
/*
 * Weights where threads do not ask for all that memory could deliver: what
 * counts then is how long memory answers, not only how much it carries.
 *
 * Whether a flow is possible with weights of a given sum is found out by building
 * them: one unit after the other goes to the node where it adds fewest bytes in flight, as
 * long as no node has more than it can carry.  Where latency grows ever faster with load, as
 * queues do, no other weights need fewer bytes in flight.  The largest possible flow is
 * then found by halving.
 */
#include "weights-internal.h"

#include <stdbool.h>
#include <string.h>

#define PPM	  1000000U
#define FULL	  UINT64_MAX
#define PRECISION 4096 /* flows are told apart by one part in so many */

/* Of larger sums only some are tried: each costs time in proportion to nodes times sum. */
#define ALL_SUMS  256
#define SOME_SUMS 16

/* Which weights are to be found. */
struct wanted {
	const struct bandwidth_profile *profile;
	const struct capacities *capacities;
	unsigned int sum;
	uint64_t bytes; /* per second */
};

static unsigned int next_sum(unsigned int sum, unsigned int max_sum)
{
	unsigned int step = sum < ALL_SUMS ? 1 : (max_sum - ALL_SUMS) / SOME_SUMS;

	return sum + (step ? step : 1);
}

/* The bytes in flight to the node, but for a factor that all nodes share. */
static uint64_t in_flight(const struct wanted *wanted, size_t node, unsigned int weight)
{
	wide carried = (wide)wanted->capacities->bytes[node] * wanted->sum;

	return weight *
	       bandwidth_latency_ps(&wanted->profile->nodes[node],
				    (uint32_t)((wide)wanted->bytes * weight * PPM / carried));
}

/* What one more unit adds to them, or FULL. */
static uint64_t added(const struct wanted *wanted, size_t node, unsigned int weight)
{
	if (weight == WEIGHTS_MAX || (wide)(weight + 1) * wanted->bytes >
					     (wide)wanted->capacities->bytes[node] * wanted->sum)
		return FULL;
	return in_flight(wanted, node, weight + 1) - (weight ? in_flight(wanted, node, weight) : 0);
}

/* Builds the weights; false where they would need more than is in flight. */
static bool is_possible(const struct wanted *wanted, uint8_t *weights)
{
	const size_t nr_nodes = wanted->profile->nr_nodes;
	const wide budget = (wide)wanted->profile->in_flight_bytes * PPM * PPM;
	uint64_t next[MPOL_NODES_MAX];
	wide used = 0;

	memset(weights, 0, nr_nodes);
	for (size_t i = 0; i < nr_nodes; i++)
		next[i] = added(wanted, i, 0);
	for (unsigned int given = 0; given < wanted->sum; given++) {
		size_t best = 0;

		for (size_t i = 1; i < nr_nodes; i++)
			if (next[i] < next[best])
				best = i;
		if (next[best] == FULL)
			return false;
		used += next[best];
		next[best] = added(wanted, best, ++weights[best]);
	}
	return used * wanted->bytes <= budget * wanted->sum;
}

/* The largest possible flow from wanted->bytes, which is possible, to most; its weights. */
static uint64_t raise(struct wanted *wanted, uint64_t most, uint8_t *weights)
{
	uint64_t possible = wanted->bytes;

	while (possible < most && most - possible > possible / PRECISION) {
		wanted->bytes = possible + (most - possible + 1) / 2;
		if (is_possible(wanted, weights))
			possible = wanted->bytes;
		else
			most = wanted->bytes - 1;
	}
	wanted->bytes = possible;
	is_possible(wanted, weights);
	return possible;
}

void weights_for_demand(const struct bandwidth_profile *profile,
			const struct capacities *capacities, const struct weights_bounds *bounds,
			uint8_t *ret_weights)
{
	const uint64_t optimum = weights_optimum(profile, capacities);
	struct wanted wanted = { .profile = profile, .capacities = capacities };
	uint64_t best_bytes = 0;

	for (unsigned int sum = 1; sum <= bounds->max_sum; sum = next_sum(sum, bounds->max_sum)) {
		wanted.sum = sum;
		wanted.bytes = best_bytes + best_bytes / PRECISION + 1;
		if (is_possible(&wanted, ret_weights))
			best_bytes = raise(&wanted, optimum, ret_weights);
	}
	best_bytes = (uint64_t)((wide)best_bytes * (1000 - bounds->slack_permille) / 1000);
	for (unsigned int sum = 1; sum <= bounds->max_sum; sum = next_sum(sum, bounds->max_sum)) {
		wanted.sum = sum;
		wanted.bytes = best_bytes;
		if (!is_possible(&wanted, ret_weights))
			continue;
		raise(&wanted, optimum, ret_weights);
		return;
	}
}
