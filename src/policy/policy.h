/* SPDX-License-Identifier: MIT */
/*
 * Memory policies as values.  Pure: no clock, no I/O, no allocation.
 *
 * The rules on modes, flags and masks are the kernel's (mm/mempolicy.c,
 * sanitize_mpol_flags and mpol_new).
 */
#ifndef POLICY_POLICY_H
#define POLICY_POLICY_H

#include <stdbool.h>

#include <mpol/mpol.h>

#include "nodemask.h"

/* The machine as far as a policy's text needs it. */
struct policy_nodes {
	struct nodemask online; /* every node that exists */
	struct nodemask memory; /* those that have memory: "all" */
};

/* The mode word that system calls take: mode | kernel flags. */
int policy_kernel_mode(const struct mpol_policy *policy);

/* The set of nodes of a policy, and back. */
struct nodemask policy_nodemask(const struct mpol_policy *policy);
/* Whether it binds memory to only some of the nodes, so that a page may not go to any of them. */
bool policy_confines(const struct mpol_policy *policy, const struct nodemask *nodes);

void policy_set_nodemask(struct mpol_policy *policy, const struct nodemask *nodes);

/* Whether it is weighted interleave with weights of its own for some node: what the kernel shows
 * never is. */
bool policy_says_weights(const struct mpol_policy *policy);

/* Same mode, flags, nodes, home node and weights. */
bool policy_equal(const struct mpol_policy *a, const struct mpol_policy *b);

/*
 * What the kernel makes of a policy where a cpuset allows these nodes (those
 * with memory): the nodes that /proc/PID/numa_maps shows.  False if none is
 * left: the kernel would refuse it.
 */
bool policy_effective(const struct mpol_policy *intended, const struct nodemask *allowed,
		      struct mpol_policy *ret_effective);

/* Bit n of mask folded modulo the weight of allowed, then put on allowed's n-th node. */
struct nodemask policy_relative_nodes(const struct nodemask *mask, const struct nodemask *allowed);

/*
 * Whether an effective policy looks like shown, as read from numa_maps, which
 * tells no home node and no weights, and not on every kernel BALANCING; or as made up from
 * stripes, which have weights.
 */
bool policy_shows_as(const struct mpol_policy *policy, const struct mpol_policy *shown);

/*
 * mpol_policy_parse and mpol_policy_format (mpol.h) with the machine given as
 * node sets; nodes may be NULL.
 */
int policy_parse(const char *text, const struct policy_nodes *nodes, struct mpol_policy *ret_policy,
		 struct mpol_error *err);
size_t policy_format(const struct mpol_policy *policy, char *buffer, size_t size);

#endif
