/* SPDX-License-Identifier: MIT */
/* Policies and node lists as the public header has them, over the policy room. */
#include "policy.h"

#include <string.h>

void mpol_policy_to_args(struct mpol_policy *policy, struct mpol_args *ret_args)
{
	*ret_args = (struct mpol_args) {
		.mode = policy->mode,
		.mode_flags = policy->mode_flags,
		.home_node = policy->home_node,
		.policy_nodemask = policy->nodes,
		.policy_maxnode = MPOL_NODES_MAX,
	};
	if (policy->mode == MPOL_MODE_WEIGHTED_INTERLEAVE)
		ret_args->interleave_weights = policy->weights;
}

size_t mpol_policy_format(const struct mpol_policy *policy, char *buffer, size_t size)
{
	return policy_format(policy, buffer, size);
}

static struct policy_nodes topology_nodes(const struct mpol_topology *topology)
{
	struct policy_nodes nodes = { 0 };

	for (size_t i = 0; i < mpol_topology_nr_nodes(topology); i++) {
		const struct mpol_node *node = mpol_topology_node(topology, i);

		nodemask_set(&nodes.online, node->id);
		if (node->has_memory)
			nodemask_set(&nodes.memory, node->id);
	}
	return nodes;
}

int mpol_policy_parse(const char *text, const struct mpol_topology *topology,
		      struct mpol_policy *ret_policy, struct mpol_error *error)
{
	struct policy_nodes nodes;

	if (!topology)
		return policy_parse(text, NULL, ret_policy, error);
	nodes = topology_nodes(topology);
	return policy_parse(text, &nodes, ret_policy, error);
}

int mpol_nodes_parse(const char *text, unsigned long *ret_nodes)
{
	struct nodemask nodes;
	int r = nodemask_parse(text, &nodes);

	if (r < 0)
		return r;
	memcpy(ret_nodes, nodes.bits, sizeof(nodes.bits));
	return 0;
}

size_t mpol_nodes_format(const unsigned long *nodes, char *buffer, size_t size)
{
	struct nodemask mask;

	memcpy(mask.bits, nodes, sizeof(mask.bits));
	return nodemask_format(&mask, buffer, size);
}
