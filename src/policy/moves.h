/* SPDX-License-Identifier: MIT */
/* Making moves of chosen units (ports.h), as every rule does (rule.h).  Pure. */
#ifndef POLICY_MOVES_H
#define POLICY_MOVES_H

#include <stdbool.h>

#include "ports.h"

/*
 * Where a unit of so many pages goes from a node to a tier: to the nearest node of it; promotions
 * to another, where that one has not so many to spare after these moves and another has.  -1:
 * nowhere.
 */
int moves_destination(const struct port_moves *moves, int from, int tier, uint32_t pages);

/* Joins the move to the last one if it goes on behind it, and takes it for made.  False: there is
 * no room for it. */
bool moves_add(struct port_moves *moves, const struct port_move *move);

#endif
