/* SPDX-License-Identifier: MIT */
/*
 * Which units go where: see redistribute.h.
 *
 * The plan is made of numbers alone.  Units are of kinds, by the node that they are on and the
 * one that the formula gives them to; the plan says how many pages of each kind go, and how many of
 * those where the formula says.  In the second pass each kind counts up, unit by unit, what
 * ought to have gone so far, and the unit goes with which half of its own size is reached.  What a
 * node may give and take in all bounds that.
 */
#include "redistribute.h"

#include <string.h>

#include "least.h"

#define MOST_TIMES 4

/* As many may be in use for a moment; where more stay and none goes, they are pinned. */
#define MOST_MOMENTARY_PAGES 4096

static struct redistribute_cell *cell_of(const struct redistribute *redistribute, int node,
					 int formula)
{
	const int column = formula < 0 ? redistribute->nr_nodes : formula;

	return &redistribute->cells[node * (redistribute->nr_nodes + 1) + column];
}

void redistribute_start(struct redistribute *redistribute)
{
	const size_t nr_nodes = (size_t)redistribute->nr_nodes;

	for (size_t i = 0; i < nr_nodes; i++) {
		struct redistribute_node *node = &redistribute->nodes[i];

		*node = (struct redistribute_node) {
			.weight = node->weight,
			.room_pages = node->room_pages,
			.carry = node->carry,
		};
	}
	memset(redistribute->cells, 0, nr_nodes * (nr_nodes + 1) * sizeof(*redistribute->cells));
	redistribute->all_pages = redistribute->grain_pages = redistribute->largest_pages = 0;
	redistribute->plan_pages = 0;
}

void redistribute_count(struct redistribute *redistribute, const struct redistribute_unit *unit)
{
	struct redistribute_node *node = &redistribute->nodes[unit->node];

	redistribute->grain_pages |= unit->pages;
	redistribute->grain_pages &= -redistribute->grain_pages;
	if (unit->pages > redistribute->largest_pages)
		redistribute->largest_pages = unit->pages;
	redistribute->all_pages += unit->pages;
	node->have_pages += unit->pages;
	if (unit->is_stuck)
		node->stuck_pages += unit->pages;
	else
		cell_of(redistribute, unit->node, unit->formula)->pages += unit->pages;
}

/* ---- The plan ---------------------------------------------------------------------- */

/* Where nodes have too many: as far as others may take them, those first that are to be empty. */
static uint64_t plan_gives(struct redistribute *redistribute)
{
	uint64_t takes = 0, all;

	for (int i = 0; i < redistribute->nr_nodes; i++) {
		struct redistribute_node *node = &redistribute->nodes[i];

		if (node->want_pages > node->have_pages)
			node->takes_pages = node->want_pages - node->have_pages;
		node->open_pages = node->takes_pages;
		takes += node->takes_pages;
	}
	all = takes;
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < redistribute->nr_nodes; i++) {
			struct redistribute_node *node = &redistribute->nodes[i];

			if ((node->weight != 0) != round || node->have_pages <= node->want_pages)
				continue;
			node->gives_pages = least(takes, node->have_pages - node->want_pages);
			takes -= node->gives_pages;
		}
	}
	return all - takes;
}

/* What leaves a node and can go where the formula says does.  Returns how many pages. */
static uint64_t plan_formula(struct redistribute *redistribute, int from)
{
	const uint64_t gives = redistribute->nodes[from].gives_pages;
	uint64_t planned = 0;

	for (int to = 0; to < redistribute->nr_nodes; to++) {
		struct redistribute_cell *cell = cell_of(redistribute, from, to);
		struct redistribute_node *target = &redistribute->nodes[to];

		cell->formula = least(least(cell->pages, target->open_pages), gives - planned);
		cell->going = cell->formula;
		target->open_pages -= cell->formula;
		planned += cell->formula;
	}
	return planned;
}

/* So many pages more, of any kind; those that are where the formula says last. */
static void plan_rest(struct redistribute *redistribute, int from, uint64_t rest)
{
	for (int round = 0; round < 2; round++) {
		for (int to = 0; to <= redistribute->nr_nodes; to++) {
			struct redistribute_cell *cell = cell_of(redistribute, from, to);
			const uint64_t more = least(cell->pages - cell->going, rest);

			if ((to == from) != round)
				continue;
			cell->going += more;
			rest -= more;
		}
	}
}

uint64_t redistribute_plan(struct redistribute *redistribute)
{
	if (!redistribute->all_pages)
		return 0;
	redistribute_quotas(redistribute);
	redistribute->plan_pages = plan_gives(redistribute);
	for (int from = 0; redistribute->plan_pages && from < redistribute->nr_nodes; from++) {
		const uint64_t planned = plan_formula(redistribute, from);

		plan_rest(redistribute, from, redistribute->nodes[from].gives_pages - planned);
	}
	return redistribute->plan_pages;
}

/* ---- The choice -------------------------------------------------------------------- */

/*
 * Counts up what of the whole the part is.  Returns whether that has come to half of the unit at
 * least, which then is taken off.
 */
static bool comes_up(int64_t *credit, uint64_t pages, uint64_t part, uint64_t whole)
{
	*credit += (int64_t)(pages * part);
	if (*credit * 2 < (int64_t)(pages * whole))
		return false;
	*credit -= (int64_t)(pages * whole);
	return true;
}

/* The node that is the next to take such a unit from another; REDISTRIBUTE_STAYS: none can. */
static int next_taker(struct redistribute *redistribute, uint64_t pages)
{
	int64_t all = 0;
	int best = REDISTRIBUTE_STAYS;

	for (int i = 0; i < redistribute->nr_nodes; i++) {
		struct redistribute_node *node = &redistribute->nodes[i];

		if (node->takes_pages < pages)
			continue;
		node->turn += (int64_t)node->open_pages;
		all += (int64_t)node->open_pages;
		if (best < 0 || node->turn > redistribute->nodes[best].turn)
			best = i;
	}
	if (best >= 0)
		redistribute->nodes[best].turn -= all;
	return best;
}

int redistribute_choose(struct redistribute *redistribute, const struct redistribute_unit *unit)
{
	struct redistribute_cell *cell = cell_of(redistribute, unit->node, unit->formula);
	struct redistribute_node *node = &redistribute->nodes[unit->node];
	int to = unit->formula;

	if (unit->is_stuck || !cell->going || node->gives_pages < unit->pages)
		return REDISTRIBUTE_STAYS;
	if (!comes_up(&cell->credit, unit->pages, cell->going, cell->pages))
		return REDISTRIBUTE_STAYS;
	if (!comes_up(&cell->formula_credit, unit->pages, cell->formula, cell->going) ||
	    redistribute->nodes[to].takes_pages < unit->pages)
		to = next_taker(redistribute, unit->pages);
	if (to < 0)
		return REDISTRIBUTE_STAYS;
	node->gives_pages -= unit->pages;
	node->left_pages += unit->pages;
	redistribute->nodes[to].takes_pages -= unit->pages;
	redistribute->nodes[to].came_pages += unit->pages;
	return to;
}

void redistribute_failed(struct redistribute *redistribute, const struct redistribute_unit *unit,
			 int to, bool another)
{
	struct redistribute_cell *cell = cell_of(redistribute, unit->node, unit->formula);
	struct redistribute_node *node = &redistribute->nodes[unit->node];

	node->left_pages -= unit->pages;
	redistribute->nodes[to].came_pages -= unit->pages;
	if (!another)
		return;
	cell->credit += (int64_t)(unit->pages * cell->pages);
	if (to == unit->formula)
		cell->formula_credit += (int64_t)(unit->pages * cell->going);
	node->gives_pages += unit->pages;
	redistribute->nodes[to].takes_pages += unit->pages;
}

static uint64_t came_pages(const struct redistribute *redistribute)
{
	uint64_t pages = 0;

	for (int i = 0; i < redistribute->nr_nodes; i++)
		pages += redistribute->nodes[i].came_pages;
	return pages;
}

uint64_t redistribute_missing(const struct redistribute *redistribute)
{
	return redistribute->plan_pages - least(redistribute->plan_pages, came_pages(redistribute));
}

bool redistribute_again(const struct redistribute *redistribute, unsigned times,
			uint64_t passing_pages)
{
	return times < MOST_TIMES && passing_pages && redistribute_missing(redistribute) &&
	       (came_pages(redistribute) || passing_pages <= MOST_MOMENTARY_PAGES);
}

void redistribute_finish(struct redistribute *redistribute)
{
	const int64_t most = (int64_t)(redistribute->largest_pages << REDISTRIBUTE_FRACTION_BITS);

	for (int i = 0; i < redistribute->nr_nodes; i++) {
		struct redistribute_node *node = &redistribute->nodes[i];
		const uint64_t has = node->have_pages - node->left_pages + node->came_pages;
		const int64_t owed = node->share - (int64_t)(has << REDISTRIBUTE_FRACTION_BITS);

		if (redistribute->keeps || node->is_bound || !redistribute->all_pages)
			continue;
		node->carry += owed > most ? most : owed < -most ? -most : owed;
	}
}
