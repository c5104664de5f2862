/* SPDX-License-Identifier: MIT */
/* Moves of units: see moves.h. */
#include "moves.h"

#include <stddef.h>

static const struct port_node *find(const struct port_nodes *nodes, int id)
{
	for (unsigned i = 0; i < nodes->nr; i++)
		if (nodes->nodes[i].id == id)
			return &nodes->nodes[i];
	return NULL;
}

static uint64_t spare_pages(const struct port_node *node)
{
	return node->free_pages > node->reserve_pages ? node->free_pages - node->reserve_pages : 0;
}

int moves_destination(const struct port_nodes *nodes, int from, int tier, uint32_t pages)
{
	const struct port_node *source = tier >= 0 ? find(nodes, from) : NULL, *best;
	const bool up = source && source->tier > tier;

	best = source ? find(nodes, source->nearest[tier]) : NULL;
	if (!best)
		return -1;
	for (unsigned i = 0; up && spare_pages(best) < pages && i < nodes->nr; i++)
		if (nodes->nodes[i].tier == tier && spare_pages(&nodes->nodes[i]) >= pages)
			best = &nodes->nodes[i];
	return best->id;
}

bool moves_add(struct port_moves *moves, const struct port_move *move)
{
	struct port_move *last = moves->nr ? &moves->moves[moves->nr - 1] : NULL;

	if (last && last->from == move->from && last->to == move->to &&
	    last->first_page + last->nr_pages == move->first_page) {
		last->nr_pages += move->nr_pages;
		return true;
	}
	if (moves->nr == moves->max)
		return false;
	moves->moves[moves->nr++] = *move;
	return true;
}
