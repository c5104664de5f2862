/* SPDX-License-Identifier: MIT */
/* Policies with derived weights: see derived-policy.h. */
#include "derived-policy.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "error.h"
#include "nodemask.h"

#define MARK "weighted:auto"

DEFINE_CLEANUP(struct mpol_weights *, mpol_weights_free);

bool derived_policy_meant(const char *text)
{
	const char *end = text + strlen(MARK);

	return !strncmp(text, MARK, strlen(MARK)) && (!*end || strchr(":+,=-", *end));
}

static int refuse(struct mpol_error *error, const char *text, const char *cause)
{
	error_set(error, -EINVAL, "read policy", "%s", cause);
	error_on(error, "%s", text);
	error_advise(error, "weighted:auto, or weighted:auto:NODES such as weighted:auto:0-1,3; "
			    "+static may follow");
	return -EINVAL;
}

/* The text without "auto": the same nodes and flags, and no weights yet. */
static int parse_rest(const char *text, const struct mpol_topology *topology,
		      struct mpol_policy *ret_policy, struct mpol_error *error)
{
	const char *rest = text + strlen(MARK);
	_cleanup_free_ char *plain = NULL;
	int r;

	if (*rest && *rest != ':' && *rest != '+')
		return refuse(error, text, "only nodes or flags may follow \"auto\"");
	if (strchr(rest, '='))
		return refuse(error, text, "\"auto\" derives the weights: none can be given");
	if (asprintf(&plain, "weighted:%s%s", *rest == ':' ? "" : "all",
		     *rest == ':' ? rest + 1 : rest) < 0)
		return error_errno(error, -ENOMEM, "read policy");
	r = mpol_policy_parse(plain, topology, ret_policy, error);
	if (r < 0)
		error_on(error, "%s", text);
	else if (ret_policy->mode_flags & MPOL_FLAG_RELATIVE)
		return refuse(error, text,
			      "+relative nodes are positions, which have no bandwidth");
	return r;
}

static int refuse_unknown(const struct mpol_weights *weights, const struct mpol_weights_node *node,
			  const char *text, struct mpol_error *error)
{
	const bool all = mpol_weights_total(weights)->nr_unknown == mpol_weights_nr_nodes(weights);

	error_set(error, -ENODATA, "derive weights", "node %d: %s", node->node, node->reason);
	error_on(error, "%s", text);
	error_advise(error,
		     "mpol weights measure finds it out; weights can be given, as in "
		     "weighted:0=3,2=1%s",
		     all ? "" : ", and weighted:auto:NODES leaves nodes out");
	return -ENODATA;
}

/*
 * Gives the policy's nodes their weights, and drops those that get none.  One node alone gets all
 * pages, whatever is known of it.
 */
static int take_weights(const struct mpol_weights *weights, const char *text,
			struct mpol_policy *policy, struct mpol_error *error)
{
	const size_t nr_nodes = mpol_weights_nr_nodes(weights);
	struct nodemask nodes = { { 0 } };

	if (nr_nodes == 1) {
		policy->weights[mpol_weights_node(weights, 0)->node] = 1;
		return 0;
	}
	for (size_t i = 0; i < nr_nodes; i++) {
		const struct mpol_weights_node *node = mpol_weights_node(weights, i);

		if (node->initiator < 0)
			return refuse_unknown(weights, node, text, error);
		policy->weights[node->node] = (uint8_t)node->weight;
		if (node->weight)
			nodemask_set(&nodes, node->node);
	}
	memcpy(policy->nodes, nodes.bits, sizeof(policy->nodes));
	return 0;
}

int derived_policy(const char *text, const struct mpol_topology *topology,
		   const struct mpol_bandwidths *measured, struct mpol_policy *ret_policy,
		   struct mpol_error *error)
{
	_cleanup_(mpol_weights_freep) struct mpol_weights *weights = NULL;
	struct mpol_policy policy;
	struct mpol_weights_wish wish = {
		.initiator = -1,
		.nodes = policy.nodes,
		.measured = measured,
	};
	int r = parse_rest(text, topology, &policy, error);

	if (r >= 0)
		r = mpol_weights_derive(topology, &wish, &weights, error);
	if (r >= 0)
		r = take_weights(weights, text, &policy, error);
	if (r < 0)
		return r;
	*ret_policy = policy;
	return 0;
}
