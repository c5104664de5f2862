/* SPDX-License-Identifier: MIT */
/*
 * Which way pages go between tiers: for each node the one that its cold pages
 * are demoted to, and the one that its hot pages are promoted to.  Pure.
 *
 * A demotion goes to a strictly slower tier and a promotion to a strictly faster one, so
 * there are no cycles.  Unlike the kernel (mm/memory-tiers.c), which picks at
 * random among equally near nodes, every node has a single target, and equally
 * near targets are shared out.  Nodes are positions.
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
	const uint8_t *distances; /* [from * nr_nodes + to] */
};

struct tiers_targets {
	int16_t demotion[TIERS_MAX_NODES];  /* -1: none */
	int16_t promotion[TIERS_MAX_NODES]; /* -1: none */
	/* What else may be gone to: of every other tier the node chosen as for the next one; -1:
	 * none. */
	int16_t nearest[TIERS_MAX_NODES][TIERS_MAX_TIERS];
	int top_tier; /* the slowest tier that has CPUs: the kernel promotes nothing out of it */
};

/*
 * Demotion: the nearest node of the next tier that has any; of equally near ones the one
 * with the fewest nodes demoting to it so far, then the lowest.
 *
 * Promotion: the nearest node of the next faster tier; among equals one with CPUs, then the one
 * with the fewest, then the lowest.
 */
void tiers_choose(const struct tiers_nodes *nodes, struct tiers_targets *ret_targets);

#endif
