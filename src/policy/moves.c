/* SPDX-License-Identifier: MIT */
/* Moves of units: see moves.h. */
#include "moves.h"

int moves_destination(const struct port_nodes *nodes, int from, int tier)
{
	for (unsigned i = 0; i < nodes->nr && tier >= 0; i++)
		if (nodes->nodes[i].id == from)
			return nodes->nodes[i].nearest[tier];
	return -1;
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
