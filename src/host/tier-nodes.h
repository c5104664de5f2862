/* SPDX-License-Identifier: MIT */
/* The running machine's nodes as decisions take them (policy/ports.h). */
#ifndef HOST_TIER_NODES_H
#define HOST_TIER_NODES_H

#include <stdbool.h>
#include <stdint.h>

#include <mpol/mpol.h>

#include "cleanup.h"
#include "nodemask.h"
#include "ports.h"

/* What memory there was when nodes were read. */
struct tier_nodes_memory {
	struct nodemask nodes; /* that had some */
	uint64_t present_pages;
};

struct tier_nodes {
	struct nodemask memory; /* the nodes that there are here */
	struct tier_nodes_memory as_read;
	int nr_tiers;
	unsigned nr;
	struct port_node nodes[]; /* [nr] */
};

/*
 * The nodes with memory of the machine whose /sys is below root.  Tiers are mpol's own
 * (machine.h).  Free it with tier_nodes_free.  Errors: those of topology_read.
 */
int tier_nodes_read(int root, struct tier_nodes **ret, struct mpol_error *err);
void tier_nodes_free(struct tier_nodes *nodes);
DEFINE_CLEANUP(struct tier_nodes *, tier_nodes_free);

/* How much is free now: nothing of a node that has gone. */
void tier_nodes_count_free(struct tier_nodes *nodes, int root);

/*
 * The same, and how much is to stay so: the low and the high watermark.  Returns whether memory has
 * come or gone since the nodes were read: then they should be read anew.
 */
bool tier_nodes_refresh(struct tier_nodes *nodes, int root);

/* Whether pages go between the same nodes in the same way: their numbers, tiers and nearest nodes
 * are the same. */
bool tier_nodes_are_same(const struct tier_nodes *a, const struct tier_nodes *b);

#endif
