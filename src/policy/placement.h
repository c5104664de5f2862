/* SPDX-License-Identifier: MIT */
/*
 * On which node a page is allocated.  Pure.
 *
 * The rules are the kernel's (mm/mempolicy.c: policy_nodemask, interleave_nid,
 * weighted_interleave_nid, interleave_nodes, weighted_interleave_nodes,
 * alloc_pages_preferred_many; mm/page_alloc.c: build_zonelists, find_next_best_node):
 * a policy gives a node to begin with and the nodes that are allowed at all; of those
 * the first in the fallback list of the node to begin with gets the page, if it has room.
 * test/guest/test-kernel-placement.c compares all of it with a kernel.
 */
#ifndef POLICY_PLACEMENT_H
#define POLICY_PLACEMENT_H

#include <stdbool.h>
#include <stdint.h>

#include <mpol/mpol.h>

#include "nodemask.h"

/* The machine as far as placement goes.  Arrays are the caller's. */
struct placement_nodes {
	struct nodemask memory;	  /* nodes that have memory */
	int nr_nodes;		  /* positions */
	const int *ids;		  /* [nr_nodes] ascending */
	const uint8_t *distances; /* [from * nr_nodes + to], by position; 0: unknown */
	const uint8_t *weights;	  /* [nr_nodes] the kernel's global ones; 0 counts as 1 */
	const int16_t *fallback;  /* [from * nr_nodes + rank] positions: placement_fallback */
};

/*
 * The kernel's fallback lists: for each node those with memory, nearest first, and -1 behind the
 * last.  Equally near ones begin behind the node itself, and take turns at being the first
 * of their distance.  All of nodes but fallback must be there; ret_fallback has room for
 * nr_nodes * nr_nodes.
 *
 * possible: nodes that may come online have lists too, and take turns (NULL: there are no others).
 * cpus: where nodes were plugged in since boot, those that have CPUs, which then come behind
 * others; NULL otherwise: when lists are made at boot, no CPU but the first is known.
 */
void placement_fallback(const struct placement_nodes *nodes, const struct nodemask *possible,
			const struct nodemask *cpus, int16_t *ret_fallback);

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
	uint64_t index;			  /* of an anonymous page: placement_index */
	struct placement_cursor *cursor;  /* not NULL: by it instead of the index */
	/*
	 * A huge page that the program did not ask for with madvise(2): default, local,
	 * preferred and bind take it where they begin or not at all, so that base pages are
	 * placed instead (alloc_pages_mpol; with "madvise" in transparent_hugepage/defrag).
	 */
	bool huge_unasked;
};

/*
 * The index of a page of private anonymous memory, by page numbers (address >> 12) of
 * the range's first page and its own; of 1 << order pages at once (get_vma_policy).  If the
 * range is aligned that is address >> (12 + order), else one less for huge pages.
 */
static inline uint64_t placement_index(uint64_t range_page, uint64_t page, unsigned int order)
{
	return (range_page >> order) + ((page - range_page) >> order);
}

/*
 * The node that an interleaving policy (plain or weighted) gives the page of that index:
 * what to compare placed pages with.  Of other policies, -1.
 */
int placement_of_index(const struct placement_nodes *nodes, const struct mpol_policy *policy,
		       uint64_t index);

/*
 * The node that gets the page, if only those in room have any: the caller leaves out what
 * the cpuset does not allow, too.  Moves a cursor on.
 * -1: none that the policy allows (or local, or the home node, is not in nodes).
 */
int placement_node(const struct placement_nodes *nodes, const struct placement_request *request,
		   const struct nodemask *room);

#endif
