/* SPDX-License-Identifier: MIT */
/*
 * A rule: one way to decide which units are hot enough for fast memory, behind one small
 * interface, so that it can be chosen by name, and changed while tiering goes on
 * (tiering_set_rule).  Pure: see ports.h.
 *
 * What a rule remembers of a unit are the 16 bits of struct ranking_unit, zero for a new one.  Of
 * these, rest means the same for all: rounds in which the unit stays where it is.  And
 * heat is ordered for all: the unit of the lowest heat goes first when a tier has to
 * give way.  What else they mean is the rule's affair, so they are zeroed when the rule changes.
 *
 * Calls come in the order that ranking.h gives.
 */
#ifndef POLICY_RULE_H
#define POLICY_RULE_H

#include "exchange.h"
#include "ranking.h"
#include "rule-hint-latency.h"
#include "rule-two-touch.h"

/* A rule's state for one tier. */
union rule_tier {
	struct exchange exchange; /* what all begin with */
	struct ranking ranking;
	struct hint_latency hint_latency;
	struct two_touch two_touch;
};

struct rule {
	const char *name;
	const char *summary; /* one line: what is hot */
	/* Scores, over rounds.  All of them are forgotten when a program has shifted (shift.h), and
	 * a scan that sees next to nothing first is of no use. */
	bool averages;

	void (*start)(union rule_tier *state, int tier);

	/* When to scan in the next round, by the fastest tier's state.  Returns what all heats must
	 * be shifted by (ranking_next_scans). */
	int (*next_scans)(const union rule_tier *state, uint64_t period_ns,
			  struct port_round *ret_round);

	/* As ranking_learn, _begin, _count, _decide and _select. */
	void (*learn)(const struct port_span *span, const struct ranking_lesson *lesson,
		      struct ranking_unit *units);
	void (*begin)(union rule_tier *state, const struct port_round *round,
		      const struct port_nodes *nodes, const union rule_tier *faster);
	void (*count)(union rule_tier *state, const struct port_span *span,
		      const struct ranking_unit *units);
	void (*decide)(union rule_tier *state, const struct port_nodes *nodes);
	uint32_t (*choose)(union rule_tier *state, const struct port_span *span,
			   struct ranking_unit *units, enum port_reason reason,
			   struct port_moves *moves);
};

extern const struct rule rule_ranking;
extern const struct rule rule_hint_latency;
extern const struct rule rule_two_touch;

/* All names, the default first, separated by commas. */
#define RULE_NAMES "ranking, hint-latency, two-touch"

/* The rule of that name; NULL: there is none. */
const struct rule *rule_find(const char *name);

/* Where a tier's last decision drew its edges, for who wants to see: hotter units go up, colder
 * ones down.  caution: what ping-pong has added, in heats; 0 of rules that know none. */
struct rule_edges {
	unsigned promote_heat, demote_heat, caution;
};

struct rule_edges rule_edges(const struct rule *rule, const union rule_tier *state);

/* Whether the tier's last decision moves anything for this reason. */
bool rule_moves(const union rule_tier *state, enum port_reason reason);

/*
 * After learn: what the span's hint makes of its units, whatever the rule.  Hot ones get the
 * heat RANKING_HINTED_HOT, cold ones 0.  Who calls leaves pinned ones out of count and choose.
 */
void rule_hint(const struct port_span *span, struct ranking_unit *units);

/* Hooks of rules that decide by a struct exchange alone. */
void rule_exchange_begin(union rule_tier *state, const struct port_round *round,
			 const struct port_nodes *nodes, const union rule_tier *faster);
void rule_exchange_count(union rule_tier *state, const struct port_span *span,
			 const struct ranking_unit *units);
uint32_t rule_exchange_choose(union rule_tier *state, const struct port_span *span,
			      struct ranking_unit *units, enum port_reason reason,
			      struct port_moves *moves);

#endif
