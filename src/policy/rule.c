/* SPDX-License-Identifier: MIT */
/* The rules by name, and what they share: see rule.h. */
#include "rule.h"

#include <stddef.h>
#include <string.h>

static const struct rule *const rules[] = { &rule_ranking, &rule_hint_latency, &rule_two_touch };

const struct rule *rule_find(const char *name)
{
	for (size_t i = 0; i < sizeof(rules) / sizeof(*rules); i++)
		if (strcmp(rules[i]->name, name) == 0)
			return rules[i];
	return NULL;
}

struct rule_edges rule_edges(const struct rule *rule, const union rule_tier *state)
{
	return (struct rule_edges) {
		.promote_heat = state->exchange.promote.heat,
		.demote_heat = state->exchange.demote.heat,
		.caution = rule == &rule_ranking ? state->ranking.caution : 0,
	};
}

bool rule_moves(const union rule_tier *state, enum port_reason reason)
{
	const struct exchange *exchange = &state->exchange;

	if (reason == PORT_PROMOTE)
		return exchange->promote.pages || exchange->promote.heat != RANKING_HEATS - 1;
	return exchange->demote.pages || exchange->demote.heat != 0;
}

void rule_hint(const struct port_span *span, struct ranking_unit *units)
{
	if (span->hint != PORT_HINT_HOT && span->hint != PORT_HINT_COLD)
		return;
	for (uint32_t i = 0; i < span->nr_units; i++)
		units[i].heat = span->hint == PORT_HINT_HOT ? RANKING_HINTED_HOT : 0;
}

/* ---- Rules that exchange units ------------------------------------------------------- */

void rule_exchange_begin(union rule_tier *state, const struct port_round *round,
			 const struct port_nodes *nodes, const union rule_tier *faster)
{
	exchange_begin(&state->exchange, round, nodes, faster ? &faster->exchange : NULL);
}

void rule_exchange_count(union rule_tier *state, const struct port_span *span,
			 const struct ranking_unit *units)
{
	exchange_count(&state->exchange, span, units);
}

uint32_t rule_exchange_choose(union rule_tier *state, const struct port_span *span,
			      struct ranking_unit *units, enum port_reason reason,
			      struct port_moves *moves)
{
	return exchange_select(&state->exchange, span, units, reason, moves);
}

/* ---- mpol's own: ranking.h -------------------------------------------------------------- */

static void start(union rule_tier *state, int tier)
{
	ranking_start(&state->ranking, tier);
}

static int next_scans(const union rule_tier *state, uint64_t period_ns,
		      struct port_round *ret_round)
{
	return ranking_next_scans(&state->ranking, period_ns, ret_round);
}

static void begin(union rule_tier *state, const struct port_round *round,
		  const struct port_nodes *nodes, const union rule_tier *faster)
{
	ranking_begin(&state->ranking, round, nodes, faster ? &faster->ranking : NULL);
}

static void count(union rule_tier *state, const struct port_span *span,
		  const struct ranking_unit *units)
{
	ranking_count(&state->ranking, span, units);
}

static void decide(union rule_tier *state, const struct port_nodes *nodes)
{
	ranking_decide(&state->ranking, nodes);
}

static uint32_t choose(union rule_tier *state, const struct port_span *span,
		       struct ranking_unit *units, enum port_reason reason,
		       struct port_moves *moves)
{
	return ranking_select(&state->ranking, span, units, reason, moves);
}

const struct rule rule_ranking = {
	.name = "ranking",
	.summary = "who is accessed most, ranked against what fast memory holds; moves must pay",
	.averages = true,
	.start = start,
	.next_scans = next_scans,
	.learn = ranking_learn,
	.begin = begin,
	.count = count,
	.decide = decide,
	.choose = choose,
};
