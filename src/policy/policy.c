/* SPDX-License-Identifier: MIT */
/* Policies as values: see policy.h. */
#include "policy.h"

#include <string.h>

int policy_kernel_mode(const struct mpol_policy *policy)
{
	const unsigned int kernel_flags =
		MPOL_FLAG_STATIC | MPOL_FLAG_RELATIVE | MPOL_FLAG_BALANCING;

	return policy->mode | (policy->mode_flags & kernel_flags);
}

struct nodemask policy_nodemask(const struct mpol_policy *policy)
{
	struct nodemask nodes;

	_Static_assert(sizeof(nodes) == sizeof(policy->nodes), "one size of node masks");
	memcpy(&nodes, policy->nodes, sizeof(nodes));
	return nodes;
}

bool policy_confines(const struct mpol_policy *policy, const struct nodemask *nodes)
{
	struct nodemask bound;

	if (policy->mode != MPOL_MODE_BIND)
		return false;
	bound = policy_nodemask(policy);
	return !nodemask_subset(nodes, &bound);
}

void policy_set_nodemask(struct mpol_policy *policy, const struct nodemask *nodes)
{
	memcpy(policy->nodes, nodes, sizeof(policy->nodes));
}

bool policy_says_weights(const struct mpol_policy *policy)
{
	for (int node = 0; node < NODES_MAX; node++)
		if (policy->weights[node])
			return policy->mode == MPOL_MODE_WEIGHTED_INTERLEAVE;
	return false;
}

bool policy_equal(const struct mpol_policy *a, const struct mpol_policy *b)
{
	if (a->mode != b->mode || a->mode_flags != b->mode_flags)
		return false;
	if ((a->mode_flags & MPOL_FLAG_HOME_NODE) && a->home_node != b->home_node)
		return false;
	if (a->mode == MPOL_MODE_WEIGHTED_INTERLEAVE &&
	    memcmp(a->weights, b->weights, sizeof(a->weights)))
		return false;
	return !memcmp(a->nodes, b->nodes, sizeof(a->nodes));
}
