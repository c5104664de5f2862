/* SPDX-License-Identifier: MIT */
/*
 * Policies whose weights the command derives: weighted:auto and weighted:auto:NODES of
 * mpol-policy(7).  They become ones with explicit weights before anything else sees them, so
 * what is printed, recorded and set again later is what they came to.
 */
#ifndef CLI_DERIVED_POLICY_H
#define CLI_DERIVED_POLICY_H

#include <stdbool.h>

#include <mpol/mpol.h>

/* Whether the text is meant as one of these; mpol_policy_parse knows all others. */
bool derived_policy_meant(const char *text);

/*
 * The policy with the weights that mpol_weights_derive finds for its nodes (all with memory where
 * it names none), from what was measured, or where that is NULL from what the topology states.
 * Nodes that are too slow for a weight of 1 are left out.
 *
 * Returns 0, an error of mpol_policy_parse or mpol_weights_derive, -EINVAL (weights given as well,
 * +relative, another word behind "auto") or -ENODATA (of a node no bandwidth is known and
 * believed).
 */
int derived_policy(const char *text, const struct mpol_topology *topology,
		   const struct mpol_bandwidths *measured, struct mpol_policy *ret_policy,
		   struct mpol_error *error);

#endif
