/* SPDX-License-Identifier: MIT */
/* What the files of the simulated machine ask of one another. */
#ifndef SIM_WORLD_INTERNAL_H
#define SIM_WORLD_INTERNAL_H

#include "world.h"

/* Reclaimed at once by a thread that finds no page (SWAP_CLUSTER_MAX). */
#define SWAP_CLUSTER_PAGES 32

/*
 * A thread has touched a page whose entry traps: absent, or unmapped for a hint.
 * Returns 0, or -ENOMEM: there is no place for it.
 */
int world_fault(struct world *world, const struct world_thread *thread, uint32_t page);

/*
 * Puts an absent page, or the huge page around it, where policy and room say; on a node
 * of one's choice (a position; -1: none) as long as that has room.  0 or -ENOMEM.
 */
int world_populate(struct world *world, uint32_t page, int cpu_node, int wanted);

#endif
