/* SPDX-License-Identifier: MIT */
/*
 * Shifts: has a program begun to use other memory?  Pure: see ports.h.
 *
 * Each unit's accesses say little about that in one round, all units' together much: a shift is
 * where a smaller part of them than before goes to fast memory, by more than it varies, although
 * nothing else has changed.  What was learnt of units before it is then of no use any more.  A unit
 * weighs as much as it is accessed, but none more than the coldest of the hottest sixteenth: a
 * stack that is always in use must not hide what happens to all the rest.
 *
 * Of few units chance has its part: there it is what rounds have less, all together, that counts.
 *
 * Some programs shift for ever, such as one that reads its memory from end to end.  Each shift
 * that comes soon after another makes the next one count less; and what rounds have less than usual
 * without being one is from then on how much it varies.
 *
 * A round tells of a shift that was before it began.  One scan tells of a shift that has just been,
 * but little, by a smaller part of what it sees that is fast, or by more that it sees than that
 * scan of rounds before: a glance, for which the round may be given up, and no more.  A new round
 * then says whether it was a shift, as it does where a round makes one likely and others have to
 * agree. Where it was none there are no alarms for some rounds, the more the more often it was
 * none.
 *
 * Between rounds there is a cheaper sign: after a clear ever fewer units are accessed for the first
 * time, whatever a program does, as long as it does the same.  Where there are more than before in
 * as much time, it has begun to do something else.
 */
#ifndef POLICY_SHIFT_H
#define POLICY_SHIFT_H

#include <stdbool.h>

#include "nodemask.h"
#include "ports.h"

/* What something is as a rule, in its own unit: most often a part, in millionths. */
struct shift_usual {
	int64_t level;	/* 0: not known yet */
	int64_t spread; /* that it is less on average */
};

/* What a scan is used to be the first to see. */
struct shift_scan {
	struct shift_usual fast_ppm; /* which part of it is fast */
	struct shift_usual rarity;   /* how little it is */
};

struct shift {
	/* Units of this round, by how often they were accessed (port_span, seen). */
	uint64_t units[PORT_MAX_SCANS + 1], fast_units[PORT_MAX_SCANS + 1];
	/* Which part of what is accessed is fast, in millionths: by the weights for many units, and
	 * by those for few. */
	struct shift_usual usual_of_many, usual_of_few;
	struct shift_scan usual_of_scan[PORT_MAX_SCANS];
	/* Of many units: the last rounds, in which less was fast; how much less, at most. */
	unsigned suspect_rounds;
	int64_t doubt_ppm;
	int64_t missing_ppm; /* of few: what rounds had less, all together, but for chance */
	uint64_t peeked_units, peeked_ns; /* what the next peek is held against */
	bool is_suspect;		  /* the last round has made a shift likely */
	unsigned rounds;		  /* since the last shift */
	unsigned calm_rounds;		  /* in which there is no other after one */
	bool is_alarmed;      /* by a glance or a round: the next round, at once, is to tell */
	unsigned deaf_rounds; /* in which there are no alarms yet */
	unsigned next_deaf_rounds;
};

/* Nothing was seen yet. */
void shift_start(struct shift *shift);

/* Takes a span of this round into account.  slow: the nodes that are not of the fastest tier. */
void shift_witness(struct shift *shift, const struct nodemask *slow, const struct port_span *span);

/*
 * What a scan, of that number in its round, has seen first in the time since the one before: so
 * many units, and of these so many in fast memory.  Whether it looks like a shift, and the round
 * should be given up for another.
 */
bool shift_glance(struct shift *shift, unsigned scan, uint64_t ns, uint64_t fast_units,
		  uint64_t units);

/* What has been accessed for the first time since the clear in the time before the first peek. */
void shift_expect(struct shift *shift, uint64_t units, uint64_t ns);

/*
 * Between rounds: what has been accessed for the first time since the clear, and the last peek, in
 * the time between.  Whether it looks like a shift, and the next round should begin at once.
 */
bool shift_peek(struct shift *shift, uint64_t units, uint64_t ns);

/* Scans come at other times than before: what they are used to see is not known. */
void shift_forget_scans(struct shift *shift);

/* Ends the round.  Whether there was a shift. */
bool shift_detect(struct shift *shift);

#endif
