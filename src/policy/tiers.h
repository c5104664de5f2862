/* SPDX-License-Identifier: MIT */
/*
 * Which way pages go between tiers: for each node the one that its cold pages
 * are demoted to, and the one that its hot pages are promoted to.  Pure.
 *
 * A demotion goes to a strictly slower tier and a promotion to a strictly faster one, so
 * there are no cycles.  The kernel (mm/memory-tiers.c, establish_demotion_targets) picks
 * at random among equally near nodes for each page; here every node has a
 * single target, and equally near ones are shared out as evenly as can be.  Nodes are
 * positions.
 */
#ifndef POLICY_TIERS_H
#define POLICY_TIERS_H

#include <stdbool.h>
#include <stdint.h>

#define TIERS_MAX_NODES 1024
#define TIERS_MAX_TIERS 16 /* slower ones are not told apart */

/* What is asked about; arrays are the caller's. */
struct tiers_nodes {
	int nr_nodes;
	const int *tiers;	  /* [nr_nodes] 0 is the fastest, -1: no memory */
	const bool *have_cpus;	  /* [nr_nodes] */
	const uint8_t *distances; /* [from * nr_nodes + to]; 0: unknown, the farthest */
};

struct tiers_targets {
	int16_t demotion[TIERS_MAX_NODES];  /* -1: none */
	int16_t promotion[TIERS_MAX_NODES]; /* -1: none */
	/* What else may be gone to: of every other tier the node chosen as for the next one; -1:
	 * none. */
	int16_t nearest[TIERS_MAX_NODES][TIERS_MAX_TIERS];
	/*
	 * The slowest tier that has CPUs: the kernel promotes nothing out of it and faster ones
	 * (node_is_toptier).  mpol does: its top are the nodes without a promotion target, the
	 * fastest tier, so memory beside slow CPUs is not a dead end.
	 */
	int top_tier;
};

/*
 * Demotion: the nearest node of the next slower tier that there is.  Promotion: the
 * nearest node of the next faster one; of equally near ones those with CPUs.
 *
 * Of several the one that the fewest nodes of the same tier have, then the lowest.
 */
void tiers_choose(const struct tiers_nodes *nodes, struct tiers_targets *ret_targets);

#endif
