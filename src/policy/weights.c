/* SPDX-License-Identifier: MIT */
/*
 * Weights for weighted interleave: see weights.h.
 *
 * With a given sum the flow is that of the node with the largest weight / capacity.
 * To make the largest of such quotients as small as possible, it is enough to give one
 * unit after the other to the node whose quotient is smallest afterwards (this is
 * D'Hondt's rule for seats in a parliament).  So one pass meets the best weights for each sum on
 * its way.
 */
#include "weights-internal.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#define KERNEL_WEIGHTINESS 32 /* mm/mempolicy.c, "weightiness" */

static void take_capacities(const struct bandwidth_profile *profile, struct capacities *ret)
{
	ret->sum = 0;
	for (size_t i = 0; i < profile->nr_nodes; i++) {
		ret->bytes[i] = bandwidth_capacity(&profile->nodes[i], &profile->mix);
		ret->sum += ret->bytes[i];
	}
}

/* Gives one more unit; returns the node that got it, or -1 if none can take one. */
static int add_unit(const struct capacities *capacities, size_t nr_nodes, uint8_t *weights)
{
	int best = -1;

	for (size_t i = 0; i < nr_nodes; i++) {
		if (!capacities->bytes[i] || weights[i] == WEIGHTS_MAX)
			continue;
		if (best < 0 || (wide)(weights[i] + 1) * capacities->bytes[best] <
					(wide)(weights[best] + 1) * capacities->bytes[i])
			best = (int)i;
	}
	if (best >= 0)
		weights[best]++;
	return best;
}

/*
 * Adds units up to a sum of max_sum, or until the flow is enough_bytes and none
 * is left that has as good a claim as the last; returns the largest flow on the way.
 * The unit given last has the largest quotient.
 */
static uint64_t fill(const struct bandwidth_profile *profile, const struct capacities *capacities,
		     unsigned int max_sum, uint64_t enough_bytes, uint8_t *weights)
{
	uint64_t best_bytes = 0;
	wide last_weight = 0, last_capacity = 1;

	memset(weights, 0, profile->nr_nodes);
	for (unsigned int sum = 1; sum <= max_sum; sum++) {
		int next = add_unit(capacities, profile->nr_nodes, weights);
		uint64_t bytes;

		if (next < 0)
			break;
		if (best_bytes >= enough_bytes &&
		    weights[next] * last_capacity > last_weight * capacities->bytes[next]) {
			weights[next]--;
			break;
		}
		last_weight = weights[next];
		last_capacity = capacities->bytes[next];
		bytes = (uint64_t)(last_capacity * sum / last_weight);
		if (bytes > best_bytes)
			best_bytes = bytes;
	}
	return best_bytes;
}

uint64_t weights_optimum(const struct bandwidth_profile *profile,
			 const struct capacities *capacities)
{
	uint64_t shortest_ps = UINT64_MAX;
	wide bytes = capacities->sum;

	for (size_t i = 0; profile->in_flight_bytes && i < profile->nr_nodes; i++) {
		uint64_t latency_ps = bandwidth_latency_ps(&profile->nodes[i], 0);

		if (capacities->bytes[i] && latency_ps < shortest_ps)
			shortest_ps = latency_ps;
	}
	if (profile->in_flight_bytes && shortest_ps) {
		wide demand = (wide)profile->in_flight_bytes * 1000000 * 1000000 / shortest_ps;

		bytes = demand < bytes ? demand : bytes;
	}
	return (uint64_t)bytes;
}

static void make_plan(const struct bandwidth_profile *profile, const struct capacities *capacities,
		      const uint8_t *weights, struct weights_plan *ret_plan)
{
	struct weights_plan plan = {
		.flow = bandwidth_interleave(profile, weights),
		.optimum_bytes = weights_optimum(profile, capacities),
	};

	for (size_t i = 0; i < profile->nr_nodes; i++)
		plan.sum += weights[i];
	if (plan.flow.bytes < plan.optimum_bytes)
		plan.loss_ppm = (uint32_t)((wide)(plan.optimum_bytes - plan.flow.bytes) * 1000000 /
					   plan.optimum_bytes);
	*ret_plan = plan;
}

static uint64_t gcd(uint64_t a, uint64_t b)
{
	while (b) {
		uint64_t rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

static void reduce(uint8_t *weights, size_t nr_nodes)
{
	uint64_t divisor = 0;

	for (size_t i = 0; i < nr_nodes; i++)
		divisor = gcd(divisor, weights[i]);
	for (size_t i = 0; i < nr_nodes; i++)
		weights[i] = (uint8_t)(weights[i] / divisor);
}

struct weights_bounds weights_bounds_for(size_t nr_nodes)
{
	size_t sum = nr_nodes * WEIGHTS_DEFAULT_SUM_PER_NODE;

	return (struct weights_bounds) {
		.max_sum = sum > WEIGHTS_DEFAULT_SUM ? (unsigned int)sum : WEIGHTS_DEFAULT_SUM,
		.slack_permille = WEIGHTS_DEFAULT_SLACK_PERMILLE,
	};
}

static bool is_valid(const struct bandwidth_profile *profile)
{
	return profile->nr_nodes && profile->nr_nodes <= MPOL_NODES_MAX &&
	       (profile->mix.reads || profile->mix.writes);
}

int weights_solve(const struct bandwidth_profile *profile, const struct weights_bounds *bounds,
		  uint8_t *ret_weights, struct weights_plan *ret_plan)
{
	const struct weights_bounds defaults = weights_bounds_for(profile->nr_nodes);
	struct capacities capacities;
	uint64_t best_bytes;

	if (!bounds)
		bounds = &defaults;
	if (!is_valid(profile) || !bounds->max_sum || bounds->slack_permille >= 1000)
		return -EINVAL;
	take_capacities(profile, &capacities);
	if (!capacities.sum)
		return -ENODATA;
	best_bytes = fill(profile, &capacities, bounds->max_sum, UINT64_MAX, ret_weights);
	fill(profile, &capacities, bounds->max_sum,
	     (uint64_t)((wide)best_bytes * (1000 - bounds->slack_permille) / 1000), ret_weights);
	if (bandwidth_interleave(profile, ret_weights).limit == BANDWIDTH_DEMAND)
		weights_for_demand(profile, &capacities, bounds, ret_weights);
	reduce(ret_weights, profile->nr_nodes);
	make_plan(profile, &capacities, ret_weights, ret_plan);
	return 0;
}

/* The kernel keeps MiB/s, and of both directions the slower one. */
static void weigh_as_kernel(const struct bandwidth_profile *profile, uint8_t *weights)
{
	uint64_t sum = 0;

	for (int pass = 0; pass < 2; pass++)
		for (size_t i = 0; i < profile->nr_nodes; i++) {
			const struct bandwidth_node *node = &profile->nodes[i];
			uint64_t mib = (node->read_bytes < node->write_bytes ? node->read_bytes
									     : node->write_bytes) >>
				       20;

			if (!pass)
				sum += mib;
			else if (mib * KERNEL_WEIGHTINESS > sum)
				weights[i] = (uint8_t)(mib * KERNEL_WEIGHTINESS / sum);
			else
				weights[i] = 1;
		}
	reduce(weights, profile->nr_nodes);
}

static void weigh_in_proportion(const struct bandwidth_profile *profile, uint8_t *weights)
{
	const unsigned int max_sum = weights_bounds_for(profile->nr_nodes).max_sum;
	wide sum = 0;

	for (size_t i = 0; i < profile->nr_nodes; i++)
		sum += profile->nodes[i].read_bytes;
	for (size_t i = 0; i < profile->nr_nodes; i++) {
		wide doubled = 2 * (wide)profile->nodes[i].read_bytes * max_sum;
		wide rounded = sum ? (doubled + sum) / (2 * sum) : 1;

		weights[i] = (uint8_t)(!rounded		       ? 1
				       : rounded < WEIGHTS_MAX ? rounded
							       : WEIGHTS_MAX);
	}
	reduce(weights, profile->nr_nodes);
}

int weights_by_rule(const struct bandwidth_profile *profile, enum weights_rule rule,
		    uint8_t *ret_weights, struct weights_plan *ret_plan)
{
	struct capacities capacities;

	if (rule == WEIGHTS_SOLVED)
		return weights_solve(profile, NULL, ret_weights, ret_plan);
	if (!is_valid(profile) || rule >= WEIGHTS_NR_RULES)
		return -EINVAL;
	take_capacities(profile, &capacities);
	if (!capacities.sum)
		return -ENODATA;
	if (rule == WEIGHTS_KERNEL)
		weigh_as_kernel(profile, ret_weights);
	else if (rule == WEIGHTS_PROPORTIONAL)
		weigh_in_proportion(profile, ret_weights);
	else
		memset(ret_weights, 1, profile->nr_nodes);
	make_plan(profile, &capacities, ret_weights, ret_plan);
	return 0;
}

const char *weights_rule_name(enum weights_rule rule)
{
	static const char *const names[WEIGHTS_NR_RULES] = {
		[WEIGHTS_SOLVED] = "solved",
		[WEIGHTS_KERNEL] = "kernel",
		[WEIGHTS_PROPORTIONAL] = "proportional",
		[WEIGHTS_EQUAL] = "equal",
	};

	return names[rule];
}

enum weights_fate weights_fate(const struct bandwidth_profile *profile, const uint8_t *weights,
			       const struct weights_plan *plan, size_t index)
{
	uint8_t with[MPOL_NODES_MAX];

	if (weights[index])
		return index == plan->flow.limit ? WEIGHTS_LIMITS : WEIGHTS_HAS_ROOM;
	if (!bandwidth_capacity(&profile->nodes[index], &profile->mix))
		return WEIGHTS_UNABLE;
	memcpy(with, weights, profile->nr_nodes);
	with[index] = 1;
	return bandwidth_interleave(profile, with).bytes < plan->flow.bytes ? WEIGHTS_TOO_SLOW
									    : WEIGHTS_NOT_NEEDED;
}

const char *weights_fate_text(enum weights_fate fate)
{
	switch (fate) {
	case WEIGHTS_LIMITS:
		return "limits the throughput";
	case WEIGHTS_HAS_ROOM:
		return "could deliver more than its share";
	case WEIGHTS_TOO_SLOW:
		return "left out: too slow for a weight of 1";
	case WEIGHTS_NOT_NEEDED:
		return "left out: hardly anything is gained with it";
	case WEIGHTS_UNABLE:
		return "left out: no bandwidth is known for this mix of reads and writes";
	}
	return "";
}
