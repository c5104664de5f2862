/* SPDX-License-Identifier: MIT */
/* What a policy wishes for the pages that are already there: how they should lie on nodes.  Pure.
 */
#ifndef POLICY_WISH_H
#define POLICY_WISH_H

#include <stdint.h>

#include <mpol/mpol.h>

#include "nodemask.h"

/* The machine and the process, as far as wishes go. */
struct wish_nodes {
	struct nodemask usable;	 /* have memory, and the process's cpuset allows them */
	struct nodemask leaving; /* are to be empty, whatever a policy says */
	const uint8_t *weights;	 /* [NODES_MAX] the kernel's global ones; 0 counts as 1 */
};

enum wish_kind {
	WISH_NONE,   /* pages are left where they are */
	WISH_SHARES, /* each node is to have its share of all pages */
	WISH_KEEPS,  /* what is on these nodes stays there; what is elsewhere comes to them */
};

struct wish {
	enum wish_kind kind;
	/* The policy that says the same of new pages, as far as it can be said: of SHARES it is
	 * weighted, with every weight, for the formula of placement.h. */
	struct mpol_policy policy;
};

/*
 * What an effective policy wishes.  Policies that interleave wish for shares; bind and the
 * preferring ones for their nodes; default and local for nothing, but that nodes
 * that leave be empty.  Of nodes that are not usable, or leave, none wants pages; a policy that
 * has no others wants those that are left.
 */
struct wish wish_of_policy(const struct mpol_policy *policy, const struct wish_nodes *nodes);

#endif
