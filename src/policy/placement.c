/* SPDX-License-Identifier: MIT */
/* Where pages go: see placement.h. */
#include "placement.h"

#include "policy.h"

static int position(const struct placement_nodes *nodes, int id)
{
	for (int i = 0; i < nodes->nr_nodes; i++)
		if (nodes->ids[i] == id)
			return i;
	return -1;
}

static struct nodemask members(const struct placement_nodes *nodes,
			       const struct mpol_policy *policy)
{
	const struct nodemask mask = policy_nodemask(policy);

	return nodemask_and(&mask, &nodes->memory);
}

static bool interleaves(const struct mpol_policy *policy)
{
	return policy->mode == MPOL_MODE_INTERLEAVE ||
	       policy->mode == MPOL_MODE_WEIGHTED_INTERLEAVE;
}

static unsigned int weight_at(const struct placement_nodes *nodes, const struct mpol_policy *policy,
			      int at)
{
	const unsigned int own = policy->weights[nodes->ids[at]];

	if (policy->mode != MPOL_MODE_WEIGHTED_INTERLEAVE)
		return 1;
	if (own)
		return own;
	return nodes->weights[at] ? nodes->weights[at] : 1;
}

int placement_of_index(const struct placement_nodes *nodes, const struct mpol_policy *policy,
		       uint64_t index)
{
	const struct nodemask mask = members(nodes, policy);
	uint64_t total = 0;

	if (!interleaves(policy))
		return -1;
	for (int i = 0; i < nodes->nr_nodes; i++)
		if (nodemask_test(&mask, nodes->ids[i]))
			total += weight_at(nodes, policy, i);
	if (total == 0)
		return -1;
	index %= total;
	for (int i = 0; i < nodes->nr_nodes; i++) {
		unsigned int own;

		if (!nodemask_test(&mask, nodes->ids[i]))
			continue;
		own = weight_at(nodes, policy, i);
		if (index < own)
			return nodes->ids[i];
		index -= own;
	}
	return -1;
}

/* The member behind a node, round about; -1: there is none at all. */
static int member_after(const struct nodemask *mask, int node)
{
	const int next = node + 1 < NODES_MAX ? nodemask_next(mask, node + 1) : -1;

	return next >= 0 ? next : nodemask_next(mask, 0);
}

static int by_cursor(const struct placement_nodes *nodes, const struct mpol_policy *policy,
		     struct placement_cursor *cursor)
{
	const struct nodemask mask = members(nodes, policy);
	int node = cursor->previous;

	if (policy->mode == MPOL_MODE_WEIGHTED_INTERLEAVE && cursor->weight > 0 && node >= 0 &&
	    nodemask_test(&mask, node)) {
		cursor->weight--;
		return node;
	}
	node = member_after(&mask, node);
	if (node < 0)
		return -1;
	cursor->previous = node;
	if (policy->mode == MPOL_MODE_WEIGHTED_INTERLEAVE)
		cursor->weight = (uint8_t)(weight_at(nodes, policy, position(nodes, node)) - 1);
	return node;
}

/* The node whose fallback list is gone through; -1: no node of the policy has memory. */
static int begin(const struct placement_nodes *nodes, const struct placement_request *request)
{
	const struct mpol_policy *policy = request->policy;
	struct nodemask mask;

	switch ((enum mpol_mode)policy->mode) {
	case MPOL_MODE_INTERLEAVE:
	case MPOL_MODE_WEIGHTED_INTERLEAVE:
		return request->cursor ? by_cursor(nodes, policy, request->cursor)
				       : placement_of_index(nodes, policy, request->index);
	case MPOL_MODE_PREFERRED:
		mask = policy_nodemask(policy);
		return nodemask_next(&mask, 0);
	case MPOL_MODE_BIND:
	case MPOL_MODE_PREFERRED_MANY:
		if (policy->mode_flags & MPOL_FLAG_HOME_NODE)
			return policy->home_node;
		break;
	case MPOL_MODE_DEFAULT:
	case MPOL_MODE_LOCAL:
		break;
	}
	return request->local;
}

/* The first in a node's fallback list that is in mask; or -1. */
static int nearest(const struct placement_nodes *nodes, int from, const struct nodemask *mask)
{
	const int at = position(nodes, from);

	for (int rank = 0; at >= 0 && rank < nodes->nr_nodes; rank++) {
		const int to = nodes->fallback[at * nodes->nr_nodes + rank];

		if (to < 0)
			break;
		if (nodemask_test(mask, nodes->ids[to]))
			return nodes->ids[to];
	}
	return -1;
}

int placement_node(const struct placement_nodes *nodes, const struct placement_request *request,
		   const struct nodemask *room)
{
	const struct mpol_policy *policy = request->policy;
	const bool masked =
		policy->mode == MPOL_MODE_BIND || policy->mode == MPOL_MODE_PREFERRED_MANY;
	const int first = begin(nodes, request);
	struct nodemask mask = nodes->memory, inside;
	int node;

	if (first < 0 || first >= NODES_MAX)
		return -1;
	if (masked)
		mask = members(nodes, policy);
	inside = nodemask_and(&mask, room);
	if (request->huge_unasked && !interleaves(policy) &&
	    policy->mode != MPOL_MODE_PREFERRED_MANY && (!masked || nodemask_test(&mask, first)))
		return nodemask_test(&inside, first) ? first : -1;
	node = nearest(nodes, first, &inside);
	if (node < 0 && policy->mode == MPOL_MODE_PREFERRED_MANY)
		node = nearest(nodes, first, room);
	return node;
}
