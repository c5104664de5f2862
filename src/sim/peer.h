/* SPDX-License-Identifier: MIT */
/*
 * A peer: one way of deciding which pages are on which node, behind one small
 * interface, so that all can be compared in one run.  Each is a file peer-NAME.c,
 * made from its published description, never from its code; the table is
 * peers.c.
 *
 * A peer sees what its model could see on a real machine: entries of page
 * tables, hint faults, samples, its own notes.  Only the oracle looks into the
 * workloads.  What it looks at it pays for (world_spend), what it moves too (world_move).
 */
#ifndef SIM_PEER_H
#define SIM_PEER_H

#include <stdbool.h>
#include <stdint.h>

#include "world.h"

struct peer {
	const char *name;
	const char *summary; /* one line: what it does, and by whom */

	/* Its state in *ret_state; 0 or negative errno with err.  NULL: it has none. */
	int (*start)(struct world *world, void **ret_state, struct mpol_error *err);
	void (*stop)(void *state);

	/* At the start of every quantum. */
	void (*tick)(struct world *world, void *state);

	/* A thread has touched a unit that was unmapped for a hint; it is mapped again. */
	void (*hint_fault)(struct world *world, void *state, const struct world_thread *thread,
			   uint32_t unit);

	/* Every config.sample_period-th access of a thread: its unit. */
	void (*sample)(struct world *world, void *state, const struct world_thread *thread,
		       uint32_t unit, bool write);

	/* How many pages kswapd tries to leave free; NULL: the high watermark. */
	uint64_t (*reclaim_goal)(const struct world *world, const void *state, int node);

	bool demotes;		/* reclaim moves pages to the next tier (demotion_enabled) */
	uint32_t sample_period; /* what it wants of config.sample_period; 0: no samples */
};

/* The peer of that name, or NULL. */
const struct peer *peer_by_name(const char *name);

/* All, in the order of the table; ends with NULL. */
extern const struct peer *const peers[];

#endif
