/* SPDX-License-Identifier: MIT */
/*
 * What becomes of a policy when the nodes that its task's cpuset allows change.
 * Pure.
 *
 * The rules are the kernel's (mm/mempolicy.c: mpol_set_nodemask, mpol_rebind_policy,
 * mpol_rebind_nodemask, mpol_rebind_preferred; lib/bitmap.c: bitmap_remap), with what they
 * lose: without STATIC or RELATIVE a policy that was squeezed into fewer nodes does not get
 * back those that it was set with.
 */
#ifndef POLICY_REBIND_H
#define POLICY_REBIND_H

#include <stdbool.h>

#include <mpol/mpol.h>

#include "nodemask.h"

struct rebind {
	struct mpol_policy policy; /* with the nodes that it has now */
	/*
	 * What the kernel keeps to go by, in one place for both: with a mode flag, the nodes
	 * that were asked for; without, those allowed when the present ones were settled.
	 */
	struct nodemask remembered;
};

/*
 * A policy as it is set where allowed (nodes with memory) are allowed.  False, and *ret untouched,
 * if none of its nodes is: the kernel would refuse it.
 */
bool rebind_start(const struct mpol_policy *intended, const struct nodemask *allowed,
		  struct rebind *ret_rebind);

/*
 * The cpuset now allows these nodes: at least one, all with memory.
 *
 * With STATIC the nodes asked for that are allowed; with RELATIVE those asked for, counted anew
 * within allowed; without, each node by its position: the n-th of those allowed before becomes the
 * n-th of those allowed now, round about.  All that are allowed, if nothing is left.
 * default and local have no nodes; preferred and preferred-many keep theirs, allowed or not.
 * BALANCING alone counts positions within the nodes asked for the first time, as the kernel does.
 */
void rebind_allowed(struct rebind *rebind, const struct nodemask *allowed);

/*
 * nodes_remap: the n-th member of old becomes the n-th of new, modulo how many new has; nodes that
 * are not in old stay, and so do all if new is empty.
 */
struct nodemask rebind_remap(const struct nodemask *nodes, const struct nodemask *old,
			     const struct nodemask *new);

#endif
