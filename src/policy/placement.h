/* SPDX-License-Identifier: MIT */
/*
 * On which node a page is allocated.  Pure.
 *
 * The rules are the kernel's (mm/mempolicy.c: policy_nodemask, interleave_nid,
 * weighted_interleave_nid, interleave_nodes, weighted_interleave_nodes; mm/page_alloc.c:
 * the zonelist, nearest nodes first): a policy gives a node to begin with and
 * the nodes that are allowed at all; of those the nearest to it that has room gets
 * the page.
 */
#ifndef POLICY_PLACEMENT_H
#define POLICY_PLACEMENT_H

#include <stdint.h>

#include <mpol/mpol.h>

#include "nodemask.h"

/* The machine as far as placement goes.  Arrays are the caller's. */
struct placement_nodes {
	struct nodemask memory;	  /* nodes that have memory */
	int nr_nodes;		  /* positions */
	const int *ids;		  /* [nr_nodes] ascending */
	const uint8_t *distances; /* [from * nr_nodes + to], by position */
	const uint8_t *weights;	  /* [nr_nodes] the kernel's global ones; 0 counts as 1 */
};

/*
 * A task's own place in an interleave: what page cache and kernel memory go by
 * (current->il_prev, il_weight).  Zeroed and with previous -1 it is as after set_mempolicy.
 */
struct placement_cursor {
	int previous;	/* node that was last begun with; -1: none */
	uint8_t weight; /* pages that it still gets */
};

/* What is to be placed. */
struct placement_request {
	const struct mpol_policy *policy; /* with effective nodes */
	int local;			  /* the node of the CPU */
	uint64_t index; /* of an anonymous page: address / page size, huge pages by theirs */
	struct placement_cursor *cursor; /* not NULL: by it instead of the index */
};

/*
 * The node that an interleaving policy (plain or weighted) gives the page of that index:
 * what to compare placed pages with.  Of other policies, -1.
 */
int placement_of_index(const struct placement_nodes *nodes, const struct mpol_policy *policy,
		       uint64_t index);

/*
 * The node that the policy begins with, wherever there is room.  Moves a cursor on.
 * -1: no node with memory is in it.
 */
int placement_first(const struct placement_nodes *nodes, const struct placement_request *request);

/*
 * The node that gets the page, if only those in room have any.  Moves a cursor on.
 * -1: none that the policy allows.
 */
int placement_node(const struct placement_nodes *nodes, const struct placement_request *request,
		   const struct nodemask *room);

#endif
