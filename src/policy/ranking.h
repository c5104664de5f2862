/* SPDX-License-Identifier: MIT */
/*
 * mpol's own decision about hot and cold pages: all units are ranked against
 * what fast memory can hold.  Pure: see ports.h.
 *
 * A unit (a base page or a huge page) has a heat, the mean of its scores over the rounds since it
 * is known, at last over 32 of them; a sudden change moves it faster.  A score is a logarithm of
 * how often a unit is accessed (ports.h, seen), so heats span a factor of 4 ^ nr_scans.  Histograms
 * of heat, one of fast memory and one of slow, say who would have to change places. Two change only
 * if the accesses saved within RANKING_PAYBACK_NS outweigh both moves, and if their heats differ by
 * more than noise, the more the fewer rounds have told of them: each has the benefit of the doubt
 * for staying where it is.  Those that differ by little are the fewer the longer programs have used
 * the same memory: of noise there is more every round, of what is in the wrong place less.  Soon
 * after a shift the same holds for room: it is filled with what is sure to belong there, so that
 * it need not be cleared again of what one round has seen by chance.  What was moved rests, then
 * for less long; where much of it should have gone back meanwhile (ping-pong), a greater difference
 * is asked for.
 *
 * A round: ranking_learn for every span; for every tier but the last, the fastest first,
 * ranking_begin, ranking_count for every span, ranking_decide; then the moves, ranking_select for
 * every span: demotions, the slowest tier first, which makes room; promotions, the fastest tier
 * first.  A unit's state is the caller's, zeroed when the unit is new.
 *
 * A ranking is about one tier, which is fast; slow is all below it.
 */
#ifndef POLICY_RANKING_H
#define POLICY_RANKING_H

#include "exchange.h"

#define RANKING_PAYBACK_NS 60000000000ULL

struct ranking {
	struct exchange exchange;	  /* first: rule.h, union rule_tier */
	uint64_t accesses[RANKING_HEATS]; /* that a unit of this heat sees in RANKING_PAYBACK_NS */
	uint64_t gain_ns;		  /* what an access saves in fast memory */
	uint64_t pages[RANKING_HEATS];	  /* of this heat, those that rest too */
	uint64_t held_pages;		  /* of these, in the tier */
	uint64_t counted_pages;		  /* all of these */
	uint64_t huge_pages;		  /* of these, in huge pages */
	unsigned boundary; /* the heat that the tier would begin at, all in its place */
	/* Of what moved and has almost rested, how much is on the wrong side of the boundary. */
	uint64_t rested_pages, regretted_pages;
	uint64_t judged_ns;
	unsigned caution; /* heats */
	/* Exchanges of what may be equal: how many may yet be made, in millionths of a page. */
	uint64_t doubtful_ppm, decided_ns;
};

/* Units ([span->nr_units]) learn what a round saw of them. */
void ranking_learn(const struct port_span *span, const struct ranking_lesson *lesson,
		   struct ranking_unit *units);

/* A ranking for a tier, that has seen nothing. */
void ranking_start(struct ranking *ranking, int tier);

/*
 * Opens a round, in which the tracker has looked as round says.  faster: the
 * ranking of the next faster tier, which has decided; NULL: there is none.  Nodes of
 * tier -1 take no part.
 */
void ranking_begin(struct ranking *ranking, const struct port_round *round,
		   const struct port_nodes *nodes, const struct ranking *faster);

/* Takes the units into account. */
void ranking_count(struct ranking *ranking, const struct port_span *span,
		   const struct ranking_unit *units);

/* Who is to change places. */
void ranking_decide(struct ranking *ranking, const struct port_nodes *nodes);

/*
 * The demotions or the promotions among these units, in order of address;
 * neighbours that go the same way are one move.  Promotions go straight to the
 * tier, demotions to the next slower one.  Returns how many units were looked at: fewer than
 * all only where moves was full; go on behind them.
 */
uint32_t ranking_select(struct ranking *ranking, const struct port_span *span,
			struct ranking_unit *units, enum port_reason reason,
			struct port_moves *moves);

/*
 * When to scan in the next round, after its clear: each time four times as long as before,
 * so that who is just hot enough for this tier is found by one of the middle scans, and as
 * late as a round of period_ns allows.  Before the first round: from 1 ms on, and an eighth of that
 * after a round that has seen all in use at once.  Returns what
 * all heats must be shifted by.
 */
int ranking_next_scans(const struct ranking *ranking, uint64_t period_ns,
		       struct port_round *ret_round);

#endif
