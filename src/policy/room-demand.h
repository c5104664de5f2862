/* SPDX-License-Identifier: MIT */
/*
 * How much of a fast node is to be left free for what comes: a promotion watermark that follows
 * demand, where Linux has a constant (WMARK_PROMO; seed 003 has the discussion).  Pure.
 *
 * Demand is what others took of the node's free memory from the end of one round's moves to the
 * next decision, per second.  Promotions of our own are none: room for them is made in the same
 * round, before them, so memory that waits for them would only lie idle.  The time to react is
 * a round's length: until then nothing more is demoted.  So the node is to have free: its high
 * watermark, and the demand times the reaction time, at most a share of the node.
 *
 * A rise counts at once.  It fades by half within about three seconds or five rounds, whichever
 * is longer, so that the next burst finds room.  What did not find room is not seen, but
 * then demand was all that there was: it grows to twice as much with each round.
 */
#ifndef POLICY_ROOM_DEMAND_H
#define POLICY_ROOM_DEMAND_H

#include <stdbool.h>
#include <stdint.h>

/* Of a node at most, beyond the high watermark; the rest of the time it is used. */
#define ROOM_DEMAND_PERMILLE 125

struct room_demand {
	bool is_known; /* how much was left free, and when */
	uint64_t left_pages, left_ns;
	uint64_t pages_per_s;
};

/* The moves of a round have been made: so much is free. */
void room_demand_leave(struct room_demand *demand, uint64_t now_ns, uint64_t free_pages);

/* A round is being decided: so much is still free. */
void room_demand_return(struct room_demand *demand, uint64_t now_ns, uint64_t free_pages);

/* How much to leave free beyond the high watermark, for a round of such a length. */
uint64_t room_demand_pages(const struct room_demand *demand, uint64_t round_ns,
			   uint64_t capacity_pages);

#endif
