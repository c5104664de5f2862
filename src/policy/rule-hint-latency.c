/* SPDX-License-Identifier: MIT */
/* Soon after the clear is hot: see rule-hint-latency.h. */
#include "rule-hint-latency.h"

#include <string.h>

#include "rule.h"

#define NS_PER_MS 1000000ULL

/* Scans at quarters of the threshold of each other, the last one at it. */
#define NR_SCANS 4

/*
 * Heats: seen in this round, by how soon; else how few rounds ago, the longest ago 0.  What is
 * new counts as just seen: it is in use.
 */
#define HEAT_UNSEEN 247
#define HEAT_SEEN   (HEAT_UNSEEN + 1) /* and its score, at most NR_SCANS */

static void start(union rule_tier *state, int tier)
{
	struct hint_latency *own = &state->hint_latency;

	memset(own, 0, sizeof(*own));
	exchange_start(&own->exchange, tier);
	own->threshold_ms = HINT_LATENCY_BASE_MS;
}

static int next_scans(const union rule_tier *state, uint64_t period_ns,
		      struct port_round *ret_round)
{
	uint64_t after_ns = state->hint_latency.threshold_ms * NS_PER_MS;

	(void)period_ns;
	ret_round->nr_scans = NR_SCANS;
	for (unsigned i = NR_SCANS; i-- > 0; after_ns /= 4)
		ret_round->after_ns[i] = after_ns;
	return 0;
}

static void learn(const struct port_span *span, const struct ranking_lesson *lesson,
		  struct ranking_unit *units)
{
	for (uint32_t i = 0; i < span->nr_units; i++) {
		struct ranking_unit *unit = &units[i];

		if (span->nodes[i] < 0)
			continue;
		if (span->seen[i])
			unit->heat = (uint16_t)(HEAT_SEEN + span->seen[i]);
		else if (unit->age == 0 || unit->heat > HEAT_UNSEEN)
			unit->heat = HEAT_UNSEEN;
		else if (unit->heat)
			unit->heat--;
		unit->age = 1;
		ranking_unit_rest(unit, lesson);
	}
}

static void adjust(struct hint_latency *own)
{
	const uint32_t step = HINT_LATENCY_STEP_MS;

	if (own->exchange.round.now_ns - own->adjusted_ns < HINT_LATENCY_ADJUST_NS)
		return;
	if (own->wanted_pages > own->limit_pages / 10 * 11)
		own->threshold_ms = own->threshold_ms > 2 * step ? own->threshold_ms - step : step;
	else if (own->wanted_pages < own->limit_pages / 10 * 9 &&
		 own->threshold_ms + step <= 2 * HINT_LATENCY_BASE_MS)
		own->threshold_ms += step;
	own->adjusted_ns = own->exchange.round.now_ns;
	own->wanted_pages = own->limit_pages = 0;
}

static void decide(union rule_tier *state, const struct port_nodes *nodes)
{
	struct hint_latency *own = &state->hint_latency;

	if (!own->adjusted_ns)
		own->adjusted_ns = own->exchange.round.now_ns;
	own->wanted_pages += exchange_wanted(&own->exchange, HEAT_SEEN + 1);
	own->limit_pages += own->exchange.round.max_moved_pages;
	adjust(own);
	exchange_decide(&own->exchange, nodes, HEAT_SEEN + 1);
}

const struct rule rule_hint_latency = {
	.name = "hint-latency",
	.summary = "what is accessed within a threshold after the clear; it follows the rate limit",
	.start = start,
	.next_scans = next_scans,
	.learn = learn,
	.begin = rule_exchange_begin,
	.count = rule_exchange_count,
	.decide = decide,
	.choose = rule_exchange_choose,
};
