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

static unsigned weight(const struct placement_nodes *nodes, const struct mpol_policy *policy,
		       int node)
{
	const int at = position(nodes, node);

	if (policy->mode != MPOL_MODE_WEIGHTED_INTERLEAVE)
		return 1;
	if (policy->weights[node])
		return policy->weights[node];
	return at >= 0 && nodes->weights[at] ? nodes->weights[at] : 1;
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

int placement_of_index(const struct placement_nodes *nodes, const struct mpol_policy *policy,
		       uint64_t index)
{
	const struct nodemask mask = members(nodes, policy);
	uint64_t total = 0;
	int node;

	if (!interleaves(policy))
		return -1;
	nodemask_for_each (node, &mask)
		total += weight(nodes, policy, node);
	if (total == 0)
		return -1;
	index %= total;
	nodemask_for_each (node, &mask) {
		const unsigned own = weight(nodes, policy, node);

		if (index < own)
			return node;
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

	if (policy->mode == MPOL_MODE_INTERLEAVE) {
		node = member_after(&mask, node);
		cursor->previous = node;
		return node;
	}
	if (cursor->weight == 0 || node < 0 || !nodemask_test(&mask, node)) {
		node = member_after(&mask, node);
		if (node < 0)
			return -1;
		cursor->previous = node;
		cursor->weight = (uint8_t)weight(nodes, policy, node);
	}
	cursor->weight--;
	return node;
}

/* The nearest to a node among those in mask, itself first, of equally near ones the lowest; or -1.
 */
static int nearest(const struct placement_nodes *nodes, int to, const struct nodemask *mask)
{
	const int from = position(nodes, to);
	int best = -1, best_distance = 0;

	for (int i = 0; i < nodes->nr_nodes; i++) {
		int distance;

		if (!nodemask_test(mask, nodes->ids[i]))
			continue;
		if (i == from)
			return to;
		distance = from < 0 ? 0 : nodes->distances[from * nodes->nr_nodes + i];
		if (best < 0 || distance < best_distance) {
			best = nodes->ids[i];
			best_distance = distance;
		}
	}
	return best;
}

/* Where bind and preferred-many begin: at their home node, else at the CPU's, or near it. */
static int begin(const struct placement_request *request)
{
	if (request->policy->mode_flags & MPOL_FLAG_HOME_NODE)
		return request->policy->home_node;
	return request->local;
}

int placement_first(const struct placement_nodes *nodes, const struct placement_request *request)
{
	const struct mpol_policy *policy = request->policy;
	const struct nodemask mask = members(nodes, policy);

	switch ((enum mpol_mode)policy->mode) {
	case MPOL_MODE_INTERLEAVE:
	case MPOL_MODE_WEIGHTED_INTERLEAVE:
		return request->cursor ? by_cursor(nodes, policy, request->cursor)
				       : placement_of_index(nodes, policy, request->index);
	case MPOL_MODE_PREFERRED:
		return nodemask_next(&mask, 0);
	case MPOL_MODE_BIND:
	case MPOL_MODE_PREFERRED_MANY:
		return nearest(nodes, begin(request), &mask);
	case MPOL_MODE_DEFAULT:
	case MPOL_MODE_LOCAL:
		break;
	}
	return nearest(nodes, request->local, &nodes->memory);
}

int placement_node(const struct placement_nodes *nodes, const struct placement_request *request,
		   const struct nodemask *room)
{
	const struct mpol_policy *policy = request->policy;
	const struct nodemask mask = members(nodes, policy);
	const struct nodemask roomy = nodemask_and(room, &nodes->memory);
	const struct nodemask inside = nodemask_and(&roomy, &mask);
	const int first = placement_first(nodes, request);
	int node;

	if (first < 0)
		return -1;
	switch ((enum mpol_mode)policy->mode) {
	case MPOL_MODE_BIND:
		return nearest(nodes, begin(request), &inside);
	case MPOL_MODE_PREFERRED_MANY:
		node = nearest(nodes, begin(request), &inside);
		return node >= 0 ? node : nearest(nodes, begin(request), &roomy);
	case MPOL_MODE_DEFAULT:
	case MPOL_MODE_LOCAL:
	case MPOL_MODE_PREFERRED:
	case MPOL_MODE_INTERLEAVE:
	case MPOL_MODE_WEIGHTED_INTERLEAVE:
		break;
	}
	return nearest(nodes, first, &roomy);
}
