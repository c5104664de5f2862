/* SPDX-License-Identifier: MIT */
/* Accessed again is hot: see rule-two-touch.h. */
#include "rule-two-touch.h"

#include "rule.h"

/*
 * Heats are places on the lists, from the inactive end on: each round without an access is a
 * step down.  What falls off a list's end is on the next one's head.
 */
#define INACTIVE_END	0
#define INACTIVE_HEAD	63
#define REFERENCED_END	(INACTIVE_HEAD + 1)
#define REFERENCED_HEAD (REFERENCED_END + TWO_TOUCH_REFERENCED_ROUNDS - 1)
#define ACTIVE_END	(REFERENCED_HEAD + 1)
#define ACTIVE_HEAD	(ACTIVE_END + TWO_TOUCH_ACTIVE_ROUNDS - 1)

static void start(union rule_tier *state, int tier)
{
	exchange_start(&state->exchange, tier);
	state->two_touch.window_ns = TWO_TOUCH_MOST_WINDOW_NS;
}

static int next_scans(const union rule_tier *state, uint64_t period_ns,
		      struct port_round *ret_round)
{
	(void)period_ns;
	ret_round->nr_scans = 1;
	ret_round->after_ns[0] = state->two_touch.window_ns;
	return 0;
}

static unsigned touched(unsigned heat)
{
	return heat < REFERENCED_END ? REFERENCED_HEAD : ACTIVE_HEAD;
}

static unsigned untouched(unsigned heat)
{
	if (heat == ACTIVE_END || heat == REFERENCED_END)
		return INACTIVE_HEAD;
	if (heat > ACTIVE_HEAD) /* was hinted to be hot */
		return ACTIVE_HEAD;
	return heat > INACTIVE_END ? heat - 1 : INACTIVE_END;
}

static void learn(const struct port_span *span, const struct ranking_lesson *lesson,
		  struct ranking_unit *units)
{
	for (uint32_t i = 0; i < span->nr_units; i++) {
		struct ranking_unit *unit = &units[i];

		if (span->nodes[i] < 0)
			continue;
		if (unit->age == 0)
			unit->heat = INACTIVE_HEAD;
		unit->age = 1;
		unit->heat =
			(uint16_t)(span->seen[i] ? touched(unit->heat) : untouched(unit->heat));
		ranking_unit_rest(unit, lesson);
	}
}

static void adjust_window(struct two_touch *own)
{
	const struct exchange *exchange = &own->exchange;
	uint64_t capacity_pages = exchange->room_pages, active_pages = 0;

	for (unsigned heat = 0; heat < RANKING_HEATS; heat++) {
		capacity_pages += exchange->fast_pages[heat];
		if (heat >= ACTIVE_END)
			active_pages += exchange->fast_pages[heat] + exchange->slow_pages[heat];
	}
	if (active_pages > capacity_pages && own->window_ns / 2 >= TWO_TOUCH_LEAST_WINDOW_NS)
		own->window_ns /= 2;
	else if (active_pages < capacity_pages / 2 &&
		 own->window_ns * 2 <= TWO_TOUCH_MOST_WINDOW_NS)
		own->window_ns *= 2;
}

static void decide(union rule_tier *state, const struct port_nodes *nodes)
{
	adjust_window(&state->two_touch);
	exchange_decide(&state->exchange, nodes, ACTIVE_END);
}

const struct rule rule_two_touch = {
	.name = "two-touch",
	.summary = "what is accessed in two rounds: inactive, then referenced, then active",
	.start = start,
	.next_scans = next_scans,
	.learn = learn,
	.begin = rule_exchange_begin,
	.count = rule_exchange_count,
	.decide = decide,
	.choose = rule_exchange_choose,
};
