/* SPDX-License-Identifier: MIT */
/*
 * Redistribution: which pages of a range go to which node, so that as many are on each node as its
 * weight says.  Pure; the caller gives all memory; integers alone.
 *
 * Everything is said of units, each kept and moved as a whole: a base page, a huge page, a folio.
 * They are told twice, in the same order: to redistribute_count, then, after redistribute_plan,
 * to redistribute_choose, which answers for each at once.  So nothing is kept of a unit, and a
 * range may be of any size.
 *
 *   - A node wants its share of the pages, rounded to whole units (redistribute-quota.c).
 *   - Never more pages leave a node than it has too many, so never more move than must:
 *     the sum over nodes of max(0, have - want).  Where huge pages would be more
 *     than that, less moves; the difference is less than one of them.
 *   - Of what could leave, first what the policy's formula (placement.h) gives to a node in want:
 *     it goes there, and placement drifts towards the formula.  Then what the formula gives
 *     to others, last what it gives to the node that it is on.
 *   - Those that go are spread evenly over those of their kind in the range, and so are the
 *     nodes that they go to (error diffusion).
 *
 * What the second pass tells may differ from the first, since programs run on: then too the bounds
 * hold.
 */
#ifndef POLICY_REDISTRIBUTE_H
#define POLICY_REDISTRIBUTE_H

#include <stdbool.h>
#include <stdint.h>

#define REDISTRIBUTE_STAYS	   (-1)
#define REDISTRIBUTE_NO_FORMULA	   (-1)
#define REDISTRIBUTE_FRACTION_BITS 16 /* of a page, in shares */

/* A node, by its position; carry and what is above it are the caller's. */
struct redistribute_node {
	uint32_t weight;     /* at most 65535; 0: it is to be empty */
	uint64_t room_pages; /* it can take in no more than so many; UINT64_MAX: any */
	/*
	 * What whole units have kept from it in the ranges before, in fractions of a page.  Zeroed
	 * before the first range, then passed on: so many small ranges come out right together.
	 */
	int64_t carry;

	uint64_t have_pages;  /* on it; of those: */
	uint64_t stuck_pages; /* that cannot move */
	bool is_bound;	      /* by what it can give or take, not by its weight: */
	int64_t share;	      /* what it is to have, in fractions of a page */
	uint64_t want_pages;  /* the same in whole units */
	uint64_t gives_pages; /* that are still to leave it */
	uint64_t takes_pages; /* that are still to come to it */
	uint64_t open_pages;  /* of those, by the plan: that no formula sends there */
	uint64_t left_pages, came_pages;
	int64_t turn; /* the greater, the sooner it is the next to take such a page */
};

/* The units on one node that the formula gives to another, those that can move. */
struct redistribute_cell {
	uint64_t pages;
	uint64_t going;	  /* of them, by the plan: to leave the node */
	uint64_t formula; /* of those: to go where the formula says */
	int64_t credit, formula_credit;
};

struct redistribute {
	/* The caller's. */
	int nr_nodes;
	bool keeps; /* nodes with a weight keep what they have: pages of others are shared out */
	struct redistribute_node *nodes; /* [nr_nodes] */
	struct redistribute_cell *cells; /* [nr_nodes * (nr_nodes + 1)] */

	uint64_t all_pages;
	uint64_t grain_pages;	/* the greatest power of two that all units are made of */
	uint64_t largest_pages; /* of a unit */
	uint64_t plan_pages;	/* that are to move */
};

struct redistribute_unit {
	int node;	/* position of the node that it is on */
	int formula;	/* of the one that the formula gives it to; or REDISTRIBUTE_NO_FORMULA */
	uint64_t pages; /* base pages */
	bool is_stuck;	/* cannot move: counts as staying */
};

/* Begins a range: nothing is counted.  The caller's fields stay. */
void redistribute_start(struct redistribute *redistribute);

/* First pass. */
void redistribute_count(struct redistribute *redistribute, const struct redistribute_unit *unit);

/*
 * Between the passes: how many pages each node wants, and which kinds of units leave which node.
 * Returns how many pages are to move: the least that make have into want, as far as nodes have
 * room.  Where no node has a weight nothing moves.
 */
uint64_t redistribute_plan(struct redistribute *redistribute);

/* Second pass: the position that the unit is to go to, or REDISTRIBUTE_STAYS. */
int redistribute_choose(struct redistribute *redistribute, const struct redistribute_unit *unit);

/*
 * A unit that was chosen has stayed after all.  another: one of those that come later may go in its
 * place, as there was something about this one, not about where it was to go.
 */
void redistribute_failed(struct redistribute *redistribute, const struct redistribute_unit *unit,
			 int to, bool another);

/* After the second pass: how many pages that were to move have not. */
uint64_t redistribute_missing(const struct redistribute *redistribute);

/*
 * Whether both passes, done so many times, are worth another time.  passing_pages: of those that
 * stayed the ones that may go next time.
 */
bool redistribute_again(const struct redistribute *redistribute, unsigned times,
			uint64_t passing_pages);

/* Ends a range after its second pass: what rounding has cost is passed on. */
void redistribute_finish(struct redistribute *redistribute);

/* Sets share and want_pages of all nodes by what was counted: the first half of redistribute_plan.
 */
void redistribute_quotas(struct redistribute *redistribute);

#endif
