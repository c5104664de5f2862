/* SPDX-License-Identifier: MIT */
/* Units that change places: see exchange.h. */
#include "exchange.h"

#include <string.h>

#include "least.h"
#include "moves.h"

static uint64_t above(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

void exchange_start(struct exchange *exchange, int tier)
{
	memset(exchange, 0, sizeof(*exchange));
	exchange->tier = tier;
}

void exchange_begin(struct exchange *exchange, const struct port_round *round,
		    const struct port_nodes *nodes, const struct exchange *faster)
{
	exchange_start(exchange, exchange->tier);
	exchange->round = *round;
	exchange->largest_pages = 1;
	exchange->slower_tier = -1;
	exchange->ceiling = faster ? faster->promote.heat : RANKING_HEATS;
	for (unsigned i = 0; i < nodes->nr; i++) {
		const struct port_node *node = &nodes->nodes[i];

		if (node->tier < exchange->tier)
			continue;
		if (node->tier > exchange->tier) {
			nodemask_set(&exchange->slow, node->id);
			if (exchange->slower_tier < 0 || node->tier < exchange->slower_tier)
				exchange->slower_tier = node->tier;
			continue;
		}
		nodemask_set(&exchange->fast, node->id);
		exchange->room_pages += above(node->free_pages, node->reserve_pages);
	}
}

void exchange_count(struct exchange *exchange, const struct port_span *span,
		    const struct ranking_unit *units)
{
	for (uint32_t i = 0; i < span->nr_units; i++) {
		uint64_t *pages = exchange->fast_pages;

		if (span->nodes[i] < 0)
			continue;
		if (!nodemask_test(&exchange->fast, span->nodes[i])) {
			if (units[i].heat > exchange->ceiling ||
			    !nodemask_test(&exchange->slow, span->nodes[i]))
				continue;
			pages = exchange->slow_pages;
		}
		exchange_note_unit(exchange, span->unit_pages);
		if (!units[i].rest)
			pages[units[i].heat] += span->unit_pages;
	}
}

uint64_t exchange_room(const struct exchange *exchange, const struct port_nodes *nodes)
{
	const uint32_t unit = exchange->largest_pages;
	uint64_t room = 0;

	for (unsigned i = 0; i < nodes->nr; i++)
		if (nodes->nodes[i].tier == exchange->tier)
			room += above(nodes->nodes[i].free_pages, nodes->nodes[i].reserve_pages) /
				unit * unit;
	return room;
}

uint64_t exchange_owed(const struct exchange *exchange, const struct port_nodes *nodes)
{
	const uint32_t unit = exchange->largest_pages;
	uint64_t owed = 0;

	for (unsigned i = 0; i < nodes->nr; i++)
		if (nodes->nodes[i].tier == exchange->tier)
			owed += (above(nodes->nodes[i].least_pages, nodes->nodes[i].free_pages) +
				 unit - 1) /
				unit * unit;
	return owed;
}

uint64_t exchange_sum(const uint64_t *pages, unsigned from, unsigned end)
{
	uint64_t all = 0;

	for (unsigned heat = from; heat < end; heat++)
		all += pages[heat];
	return all;
}

uint64_t exchange_wanted(const struct exchange *exchange, unsigned least_heat)
{
	return exchange_sum(exchange->slow_pages, least_heat, RANKING_HEATS);
}

/* The edge that has so many pages beyond it and on it, from the hottest on. */
static struct ranking_edge hottest(const uint64_t *heats, uint64_t pages)
{
	unsigned heat = RANKING_HEATS - 1;

	for (; heat > 0 && heats[heat] < pages; heat--)
		pages -= heats[heat];
	return (struct ranking_edge) { heat, pages };
}

static struct ranking_edge coldest(const uint64_t *heats, uint64_t pages)
{
	unsigned heat = 0;

	for (; heat < RANKING_HEATS - 1 && heats[heat] < pages; heat++)
		pages -= heats[heat];
	return (struct ranking_edge) { heat, pages };
}

void exchange_decide(struct exchange *exchange, const struct port_nodes *nodes, unsigned least_heat)
{
	uint64_t most_pages = exchange->round.max_moved_pages;
	const uint64_t *fast = exchange->fast_pages;
	const uint64_t owed = exchange_owed(exchange, nodes);
	const uint64_t hinted = exchange->slow_pages[RANKING_HINTED_HOT];
	uint64_t wanted = exchange_wanted(exchange, least_heat), up, down, swapped, yielding;

	down = least(least(owed, exchange_sum(fast, 0, RANKING_HEATS)), most_pages);
	most_pages -= down;
	up = least(least(exchange_room(exchange, nodes), wanted), most_pages);
	most_pages -= up;
	yielding = above(exchange_sum(fast, 0, least_heat), down);
	if (yielding < above(hinted, up))
		yielding = least(above(hinted, up),
				 above(exchange_sum(fast, 0, RANKING_HINTED_HOT), down));
	/* For what is owed itself nobody comes. */
	swapped = down < owed ? 0 : least(least(wanted - up, yielding), most_pages / 2);
	exchange->promote = hottest(exchange->slow_pages, up + swapped);
	exchange->demote = coldest(fast, down + swapped);
}

uint32_t exchange_select(struct exchange *exchange, const struct port_span *span,
			 struct ranking_unit *units, enum port_reason reason,
			 struct port_moves *moves)
{
	const bool up = reason == PORT_PROMOTE;
	const struct nodemask *from = up ? &exchange->slow : &exchange->fast;
	struct ranking_edge *edge = up ? &exchange->promote : &exchange->demote;

	for (uint32_t i = 0; i < span->nr_units; i++) {
		struct ranking_unit *unit = &units[i];
		struct port_move move = {
			.target = span->target,
			.first_page = span->first_page + (uint64_t)i * span->unit_pages,
			.nr_pages = span->unit_pages,
			.from = span->nodes[i],
			.reason = reason,
		};

		if (move.from < 0 || unit->rest || !nodemask_test(from, move.from) ||
		    (up && unit->heat > exchange->ceiling) ||
		    !exchange_takes(edge, reason, unit->heat, span->unit_pages))
			continue;
		move.to = moves_destination(moves, move.from,
					    up ? exchange->tier : exchange->slower_tier,
					    span->unit_pages);
		if (move.to < 0)
			continue;
		if (!moves_add(moves, &move))
			return i;
		if (unit->heat == edge->heat)
			edge->pages -= span->unit_pages;
		if (!up)
			unit->heat = 0;
	}
	return span->nr_units;
}
