/* SPDX-License-Identifier: MIT */
/* Policies whose cpuset changes: see rebind.h. */
#include "rebind.h"

#include "policy.h"

#define MODE_FLAGS (MPOL_FLAG_STATIC | MPOL_FLAG_RELATIVE | MPOL_FLAG_BALANCING)

/* How many members are lower than node. */
static int rank(const struct nodemask *mask, int node)
{
	int member, lower = 0;

	nodemask_for_each (member, mask) {
		if (member >= node)
			break;
		lower++;
	}
	return lower;
}

struct nodemask rebind_remap(const struct nodemask *nodes, const struct nodemask *old,
			     const struct nodemask *new)
{
	struct nodemask mapped = { { 0 } };
	int places[NODES_MAX], nr_places = 0, node;

	nodemask_for_each (node, new)
		places[nr_places++] = node;
	nodemask_for_each (node, nodes) {
		if (nr_places && nodemask_test(old, node))
			nodemask_set(&mapped, places[rank(old, node) % nr_places]);
		else
			nodemask_set(&mapped, node);
	}
	return mapped;
}

bool rebind_start(const struct mpol_policy *intended, const struct nodemask *allowed,
		  struct rebind *ret_rebind)
{
	struct rebind rebind;

	if (!policy_effective(intended, allowed, &rebind.policy))
		return false;
	rebind.remembered =
		intended->mode_flags & MODE_FLAGS ? policy_nodemask(intended) : *allowed;
	*ret_rebind = rebind;
	return true;
}

static struct nodemask rebound_nodes(struct rebind *rebind, const struct nodemask *allowed)
{
	struct nodemask nodes = policy_nodemask(&rebind->policy);

	if (rebind->policy.mode_flags & MPOL_FLAG_STATIC)
		nodes = nodemask_and(&rebind->remembered, allowed);
	else if (rebind->policy.mode_flags & MPOL_FLAG_RELATIVE)
		nodes = policy_relative_nodes(&rebind->remembered, allowed);
	else {
		nodes = rebind_remap(&nodes, &rebind->remembered, allowed);
		rebind->remembered = *allowed;
	}
	return nodemask_empty(&nodes) ? *allowed : nodes;
}

void rebind_allowed(struct rebind *rebind, const struct nodemask *allowed)
{
	struct nodemask nodes;

	switch ((enum mpol_mode)rebind->policy.mode) {
	case MPOL_MODE_DEFAULT:
	case MPOL_MODE_LOCAL:
	case MPOL_MODE_PREFERRED:
	case MPOL_MODE_PREFERRED_MANY:
		break;
	case MPOL_MODE_BIND:
	case MPOL_MODE_INTERLEAVE:
	case MPOL_MODE_WEIGHTED_INTERLEAVE:
		nodes = rebound_nodes(rebind, allowed);
		policy_set_nodemask(&rebind->policy, &nodes);
		break;
	}
}
