/* SPDX-License-Identifier: MIT */
/*
 * Whether weights that were derived once still fit the machine: nodes come and go.  Pure.
 */
#ifndef POLICY_WEIGHTS_AGE_H
#define POLICY_WEIGHTS_AGE_H

#include <stdbool.h>

#include <mpol/mpol.h>

#include "nodemask.h"

/* What weights depend on, and may change while the machine runs. */
struct weights_scene {
	struct nodemask memory; /* nodes that have some online */
	struct nodemask cpus;	/* nodes that have some online */
};

/* Weights that were derived. */
struct weights_made {
	struct weights_scene scene;	 /* for these nodes */
	uint8_t weights[MPOL_NODES_MAX]; /* in the kernel's table then; 0: not by us */
};

enum weights_age {
	WEIGHTS_FRESH,	  /* made for what there is */
	WEIGHTS_SETTLING, /* nodes change just now: what the kernel says of them may be half done */
	WEIGHTS_STALE,	  /* to be derived anew, unless somebody else has set others since */
};

/* before: the scene of the last look. */
enum weights_age weights_age(const struct weights_made *made, const struct weights_scene *before,
			     const struct weights_scene *now);

/*
 * Whether the table's weights are not those that were made, of nodes that had one and have one
 * still; or the kernel derives them itself since.  *ret_node: the lowest such node, -1: the kernel.
 */
bool weights_foreign(const struct weights_made *made, const struct mpol_kernel_weights *table,
		     int *ret_node);

#endif
