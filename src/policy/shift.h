/* SPDX-License-Identifier: MIT */
/*
 * Shifts: has a program begun to use other memory?  Pure: see ports.h.
 *
 * Each unit's accesses say little about that in one round, all units' together much: a shift is
 * where a smaller part of them than before goes to fast memory, by more than it varies, although
 * nothing else has changed.  What was learnt of units before it is then of no use any more.  A unit
 * weighs twice as much for four times the accesses: a stack that is always in use must not hide
 * what happens to all the rest.
 *
 * Some programs shift for ever, such as one that reads its memory from end to end.  Each shift
 * that comes soon after another makes the next one count less.
 */
#ifndef POLICY_SHIFT_H
#define POLICY_SHIFT_H

#include <stdbool.h>

#include "nodemask.h"
#include "ports.h"

struct shift {
	uint64_t fast, all;	 /* weights, of this round */
	uint64_t units;		 /* that were accessed */
	int64_t usual_ppm;	 /* of them that is fast; 0: not known yet */
	int64_t spread_ppm;	 /* that a round is below it on average */
	unsigned suspect_rounds; /* the last ones, in which less was fast */
	unsigned rounds;	 /* since the last shift */
	unsigned calm_rounds;	 /* in which there is no other after one */
};

/* Nothing was seen yet. */
void shift_start(struct shift *shift);

/* Takes a span of this round into account.  slow: the nodes that are not of the fastest tier. */
void shift_witness(struct shift *shift, const struct nodemask *slow, const struct port_span *span);

/* Ends the round.  Whether there was a shift. */
bool shift_detect(struct shift *shift);

#endif
