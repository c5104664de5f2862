/* SPDX-License-Identifier: MIT */
/*
 * Reclaim: the kernel's two lists per node (mm/vmscan.c without MGLRU, as the peers'
 * papers have it).  A page is taken from the tail of the inactive list if it was not
 * accessed since it was last looked at; accessed once it stays, accessed twice it becomes
 * active.  Taken means demoted where the peer demotes and there is room below,
 * else swapped out where there is swap, else kept.  Unmapped page cache goes first.
 */
#ifndef SIM_RECLAIM_H
#define SIM_RECLAIM_H

#include <stdint.h>

struct world;

/* kswapd on every node that was woken, for as long as a quantum. */
void reclaim_background(struct world *world, uint64_t quantum_ps);

/* Frees pages on the node at the cost of whoever acts.  Returns how many. */
uint64_t reclaim_direct(struct world *world, int node, uint64_t pages);

#endif
