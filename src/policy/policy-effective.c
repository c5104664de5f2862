/* SPDX-License-Identifier: MIT */
/*
 * What becomes of a policy under a cpuset (mm/mempolicy.c, mpol_set_nodemask
 * and mpol_relative_nodemask; Documentation/admin-guide/mm/numa_memory_policy.rst).
 */
#include "policy.h"

struct nodemask policy_relative_nodes(const struct nodemask *mask, const struct nodemask *allowed)
{
	struct nodemask nodes = { { 0 } };
	int places[NODES_MAX], nr_places = 0, node;

	nodemask_for_each (node, allowed)
		places[nr_places++] = node;
	if (nr_places)
		nodemask_for_each (node, mask)
			nodemask_set(&nodes, places[node % nr_places]);
	return nodes;
}

bool policy_effective(const struct mpol_policy *intended, const struct nodemask *allowed,
		      struct mpol_policy *ret_effective)
{
	struct mpol_policy effective = *intended;
	struct nodemask nodes = policy_nodemask(intended);

	if (intended->mode == MPOL_MODE_DEFAULT || intended->mode == MPOL_MODE_LOCAL) {
		*ret_effective = effective;
		return true;
	}
	if (intended->mode_flags & MPOL_FLAG_RELATIVE)
		nodes = policy_relative_nodes(&nodes, allowed);
	else
		nodes = nodemask_and(&nodes, allowed);
	if (nodemask_empty(&nodes))
		return false;
	if (intended->mode == MPOL_MODE_PREFERRED)
		nodes = nodemask_of(nodemask_next(&nodes, 0));
	policy_set_nodemask(&effective, &nodes);
	*ret_effective = effective;
	return true;
}

/* Weights tell policies apart only where both say them: 6:2 is as good as 3:1. */
static bool same_shares(const struct mpol_policy *policy, const struct mpol_policy *shown,
			const struct nodemask *nodes)
{
	int node, first = -1;

	nodemask_for_each (node, nodes) {
		if (!policy->weights[node] || !shown->weights[node])
			continue;
		if (first < 0)
			first = node;
		if (policy->weights[node] * shown->weights[first] !=
		    policy->weights[first] * shown->weights[node])
			return false;
	}
	return true;
}

bool policy_shows_as(const struct mpol_policy *policy, const struct mpol_policy *shown)
{
	/* Stripes have no flags: what prefers a node keeps it in any cpuset. */
	const unsigned int seen =
		policy_says_weights(shown) ? 0 : MPOL_FLAG_STATIC | MPOL_FLAG_RELATIVE;
	struct nodemask nodes = policy_nodemask(policy), shown_nodes = policy_nodemask(shown);

	if (policy->mode != shown->mode)
		return false;
	if (policy->mode == MPOL_MODE_DEFAULT || policy->mode == MPOL_MODE_LOCAL)
		return true;
	return ((policy->mode_flags ^ shown->mode_flags) & seen) == 0 &&
	       nodemask_equal(&nodes, &shown_nodes) && same_shares(policy, shown, &nodes);
}
