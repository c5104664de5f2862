/* SPDX-License-Identifier: MIT */
/* What policies wish for pages that are there: see wish.h. */
#include "wish.h"

#include "policy.h"

/* Only these nodes are wanted, all alike. */
static struct wish keep(const struct nodemask *nodes)
{
	struct wish wish = { WISH_KEEPS, { .mode = MPOL_MODE_PREFERRED_MANY } };

	policy_set_nodemask(&wish.policy, nodes);
	return wish;
}

/* Nodes that leave are emptied to all that are left. */
static struct wish leave(const struct wish_nodes *nodes, const struct nodemask *left)
{
	const struct wish none = { .kind = WISH_NONE };

	if (nodemask_empty(&nodes->leaving) || nodemask_empty(left))
		return none;
	return keep(left);
}

static struct wish share(const struct mpol_policy *policy, const struct nodemask *members,
			 const uint8_t *weights)
{
	struct wish wish = { WISH_SHARES, { .mode = MPOL_MODE_WEIGHTED_INTERLEAVE } };
	int node;

	policy_set_nodemask(&wish.policy, members);
	nodemask_for_each (node, members) {
		uint8_t weight = policy->weights[node] ? policy->weights[node] : weights[node];

		wish.policy.weights[node] = weight ? weight : 1;
		if (policy->mode == MPOL_MODE_INTERLEAVE)
			wish.policy.weights[node] = 1;
	}
	return wish;
}

struct wish wish_of_policy(const struct mpol_policy *policy, const struct wish_nodes *nodes)
{
	const struct nodemask left = nodemask_andnot(&nodes->usable, &nodes->leaving);
	struct nodemask members = policy_nodemask(policy);

	if (nodemask_empty(&members))
		return leave(nodes, &left);
	if (policy->mode == MPOL_MODE_PREFERRED)
		members = nodemask_of(nodemask_next(&members, 0));
	members = nodemask_and(&members, &left);
	if (nodemask_empty(&members))
		return leave(nodes, &left);
	if (policy->mode == MPOL_MODE_INTERLEAVE || policy->mode == MPOL_MODE_WEIGHTED_INTERLEAVE)
		return share(policy, &members, nodes->weights);
	return keep(&members);
}
