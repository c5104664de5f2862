/* SPDX-License-Identifier: MIT */
/*
 * Units that change places between a tier and all below it: what every rule knows of a tier, and
 * the whole decision of rules that know of each unit only whether it is to be promoted, and how
 * cold it is.  Pure: see ports.h.
 *
 * Both are in the unit's heat: from one on, which the rule names, units are to be promoted, the
 * hottest first; room is made by demoting what is colder than that, the coldest first.
 * What has to leave for the reserve does, however hot.  Calls come in the order
 * that ranking.h gives its own.
 */
#ifndef POLICY_EXCHANGE_H
#define POLICY_EXCHANGE_H

#include "nodemask.h"
#include "ports.h"
#include "ranking-unit.h"

struct exchange {
	int tier;
	int slower_tier;  /* where what it demotes goes; -1: nowhere */
	unsigned ceiling; /* hotter units are a faster tier's affair */
	struct nodemask fast, slow;
	struct port_round round;
	uint64_t fast_pages[RANKING_HEATS]; /* of units that may move, by heat */
	uint64_t slow_pages[RANKING_HEATS];
	uint32_t largest_pages; /* of a unit that may move, so far in this round */
	uint64_t room_pages;	/* that fast nodes have to spare */
	/* The decision: slow units hotter than the edge go up, fast ones colder than theirs go
	 * down. */
	struct ranking_edge promote, demote;
};

/* Notes that a unit of so many pages may move. */
static inline void exchange_note_unit(struct exchange *exchange, uint32_t pages)
{
	if (pages > exchange->largest_pages)
		exchange->largest_pages = pages;
}

/* So many pages may come, and are to leave: of each node whole units, since a part of one has no
 * room, and cannot leave. */
uint64_t exchange_room(const struct exchange *exchange, const struct port_nodes *nodes);
uint64_t exchange_owed(const struct exchange *exchange, const struct port_nodes *nodes);

/* Whether a unit of this heat is to go. */
static inline bool exchange_takes(const struct ranking_edge *edge, enum port_reason reason,
				  unsigned heat, uint32_t unit_pages)
{
	if (heat == edge->heat)
		return edge->pages >= unit_pages;
	return reason == PORT_PROMOTE ? heat > edge->heat : heat < edge->heat;
}

/* Pages ([RANKING_HEATS]) of heats from one on, up to the end, which is not among them. */
uint64_t exchange_sum(const uint64_t *pages, unsigned from, unsigned end);

void exchange_start(struct exchange *exchange, int tier);

/* Opens a round.  faster: of the next faster tier, which has decided; NULL: there is none. */
void exchange_begin(struct exchange *exchange, const struct port_round *round,
		    const struct port_nodes *nodes, const struct exchange *faster);

void exchange_count(struct exchange *exchange, const struct port_span *span,
		    const struct ranking_unit *units);

/* Pages below this tier that are to be promoted to it: of this heat and hotter. */
uint64_t exchange_wanted(const struct exchange *exchange, unsigned least_heat);

/*
 * Who is to change places.  What is hinted to be hot (RANKING_HINTED_HOT) may push out all that
 * is not.
 */
void exchange_decide(struct exchange *exchange, const struct port_nodes *nodes,
		     unsigned least_heat);

/* As ranking_select.  What is demoted becomes as cold as can be. */
uint32_t exchange_select(struct exchange *exchange, const struct port_span *span,
			 struct ranking_unit *units, enum port_reason reason,
			 struct port_moves *moves);

#endif
