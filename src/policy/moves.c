/* SPDX-License-Identifier: MIT */
/* Moves of units: see moves.h. */
#include "moves.h"

#include <stddef.h>

#include "least.h"

static struct port_node *find(const struct port_moves *moves, int id)
{
	for (unsigned i = 0; i < moves->nr_nodes; i++)
		if (moves->nodes[i].id == id)
			return &moves->nodes[i];
	return NULL;
}

static uint64_t spare_pages(const struct port_node *node)
{
	return node->free_pages > node->reserve_pages ? node->free_pages - node->reserve_pages : 0;
}

int moves_destination(const struct port_moves *moves, int from, int tier, uint32_t pages)
{
	const struct port_node *source = tier >= 0 ? find(moves, from) : NULL, *best;
	const bool up = source && source->tier > tier;

	best = source ? find(moves, source->nearest[tier]) : NULL;
	if (!best)
		return -1;
	for (unsigned i = 0; up && spare_pages(best) < pages && i < moves->nr_nodes; i++)
		if (moves->nodes[i].tier == tier && spare_pages(&moves->nodes[i]) >= pages)
			best = &moves->nodes[i];
	return best->id;
}

static void take_for_made(struct port_moves *moves, const struct port_move *move)
{
	struct port_node *from = find(moves, move->from), *to = find(moves, move->to);

	if (from)
		from->free_pages += move->nr_pages;
	if (to)
		to->free_pages -= least(move->nr_pages, to->free_pages);
}

bool moves_add(struct port_moves *moves, const struct port_move *move)
{
	struct port_move *last = moves->nr ? &moves->moves[moves->nr - 1] : NULL;

	if (last && last->from == move->from && last->to == move->to &&
	    last->first_page + last->nr_pages == move->first_page) {
		last->nr_pages += move->nr_pages;
	} else {
		if (moves->nr == moves->max)
			return false;
		moves->moves[moves->nr++] = *move;
	}
	take_for_made(moves, move);
	return true;
}
