/* SPDX-License-Identifier: MIT */
/* What rules remember of a unit, a base page or a huge page (ports.h), and where they draw lines.
 */
#ifndef POLICY_RANKING_UNIT_H
#define POLICY_RANKING_UNIT_H

#include <stdbool.h>
#include <stdint.h>

#define RANKING_HEATS	  1024
#define RANKING_HEAT_STEP 128 /* heats per score: RANKING_HEATS / (PORT_MAX_SCANS + 1) */

/* Of a unit that is hinted to be hot: no access makes one so hot. */
#define RANKING_HINTED_HOT (RANKING_HEATS - 1)

/* What was moved rests so many steps (ranking_lesson); at most there are so many. */
#define RANKING_REST	  3
#define RANKING_MOST_REST 7
#define RANKING_MOST_AGE  7

struct ranking_unit {
	uint16_t heat : 10;
	uint16_t age : 3;  /* its mean reaches back over 2^age rounds */
	uint16_t rest : 3; /* it stays where it is: ranking_lesson */
};

/* Who changes places: all beyond the edge, and so many pages of those on it. */
struct ranking_edge {
	unsigned heat;
	uint64_t pages;
};

/* Of a round that ends. */
struct ranking_lesson {
	uint32_t round; /* its number */
	int heat_shift; /* what a change of the scans' times has made of all heats
			   (ranking_next_scans) */
	bool rested;	/* a third of the rest is over */
};

/* As every rule does when a unit learns: its rest comes nearer to its end. */
static inline void ranking_unit_rest(struct ranking_unit *unit, const struct ranking_lesson *lesson)
{
	if (unit->rest && lesson->rested)
		unit->rest--;
}

#endif
