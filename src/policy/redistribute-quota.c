/* SPDX-License-Identifier: MIT */
/*
 * How many pages each node wants: its share by weight, within what it can give and take.
 *
 * What cannot move stays, and a full node takes in nothing: nodes whose share lies outside such
 * bounds get what the bound says, and the others share the rest by their weights, until all are
 * within theirs (those on the side that is further out first, as otherwise a node
 * could be bound that the others would yet bring within).
 *
 * Shares become whole units so that their sum stays right.  What is left over after rounding down
 * goes first to nodes that have it already, which saves a move, then by the largest remainder;
 * never to a node whose share is whole: so each gets its share rounded down or up.
 */
#include "redistribute.h"

#include <stddef.h>

#include "least.h"

#define BITS REDISTRIBUTE_FRACTION_BITS

static int64_t fraction(uint64_t pages)
{
	return (int64_t)(pages << BITS);
}

/* What the nodes that are not bound share. */
struct open {
	uint64_t pages, weight;
};

static uint64_t lower_bound(const struct redistribute *redistribute,
			    const struct redistribute_node *node)
{
	return redistribute->keeps && node->weight ? node->have_pages : node->stuck_pages;
}

/* In whole grains. */
static uint64_t upper_bound(const struct redistribute *redistribute,
			    const struct redistribute_node *node)
{
	const uint64_t room = least(node->room_pages, redistribute->all_pages);

	return node->have_pages + room / redistribute->grain_pages * redistribute->grain_pages;
}

static void settle(struct redistribute_node *node, uint64_t pages)
{
	node->is_bound = true;
	node->want_pages = pages;
	node->share = fraction(pages);
}

static struct open what_is_open(const struct redistribute *redistribute)
{
	struct open open = { .pages = redistribute->all_pages };

	for (int i = 0; i < redistribute->nr_nodes; i++) {
		const struct redistribute_node *node = &redistribute->nodes[i];

		if (node->is_bound)
			open.pages -= least(open.pages, node->want_pages);
		else
			open.weight += node->weight;
	}
	return open;
}

static uint64_t part(const struct open *open, const struct redistribute_node *node)
{
	return open->pages * node->weight / open->weight;
}

/* Settles open nodes whose part is out of bounds.  Returns whether there were any. */
static bool settle_bound(struct redistribute *redistribute, const struct open *open)
{
	uint64_t below = 0, above = 0;

	for (int i = 0; i < redistribute->nr_nodes; i++) {
		const struct redistribute_node *node = &redistribute->nodes[i];
		const uint64_t lower = lower_bound(redistribute, node);
		const uint64_t upper = upper_bound(redistribute, node);

		if (node->is_bound)
			continue;
		below += part(open, node) < lower ? lower - part(open, node) : 0;
		above += part(open, node) > upper ? part(open, node) - upper : 0;
	}
	for (int i = 0; i < redistribute->nr_nodes; i++) {
		struct redistribute_node *node = &redistribute->nodes[i];
		const uint64_t lower = lower_bound(redistribute, node);
		const uint64_t upper = upper_bound(redistribute, node);

		if (node->is_bound)
			continue;
		if (part(open, node) < lower && below >= above)
			settle(node, lower);
		else if (part(open, node) > upper && above >= below)
			settle(node, upper);
	}
	return below || above;
}

static int64_t remainder_of(const struct redistribute_node *node)
{
	return node->share - fraction(node->want_pages);
}

static int64_t between(int64_t low, int64_t value, int64_t high)
{
	return value < low ? low : value > high ? high : value;
}

/* The exact share with what was passed on, rounded down. */
static void round_down(const struct redistribute *redistribute, const struct open *open,
		       struct redistribute_node *node)
{
	const uint64_t whole = part(open, node), unit = redistribute->grain_pages;
	const uint64_t rest = open->pages * node->weight % open->weight;
	const int64_t share = fraction(whole) + (int64_t)((rest << BITS) / open->weight);
	/* No more than a unit of this range: pages are not to make up for huge pages elsewhere. */
	const int64_t most = fraction(redistribute->largest_pages);
	const int64_t passed_on = between(-most, node->carry, most);

	node->share = between(fraction(lower_bound(redistribute, node)), share + passed_on,
			      fraction(upper_bound(redistribute, node)));
	node->carry -= node->share - share;
	node->want_pages = ((uint64_t)node->share >> BITS) / unit * unit;
}

/* Whether the node has one more already, and so much of it is due that this may count. */
static bool has_more(const struct redistribute *redistribute, const struct redistribute_node *node)
{
	return node->have_pages > node->want_pages &&
	       remainder_of(node) >= fraction(redistribute->grain_pages) / 4;
}

/* Whether a is the better one to get one more. */
static bool goes_before(const struct redistribute *redistribute, const struct redistribute_node *a,
			const struct redistribute_node *b)
{
	const bool has_a = has_more(redistribute, a), has_b = has_more(redistribute, b);

	return has_a != has_b ? has_a : remainder_of(a) > remainder_of(b);
}

/* One unit more for one of the open nodes.  Returns whether one can take it. */
static bool give_one(struct redistribute *redistribute)
{
	const uint64_t unit = redistribute->grain_pages;
	struct redistribute_node *best = NULL;

	for (int i = 0; i < redistribute->nr_nodes; i++) {
		struct redistribute_node *node = &redistribute->nodes[i];

		if (!node->is_bound && node->want_pages + unit <= upper_bound(redistribute, node) &&
		    (!best || goes_before(redistribute, node, best)))
			best = node;
	}
	if (best)
		best->want_pages += unit;
	return best;
}

/* One unit less for one of them: what was passed on may come to more than there is. */
static bool take_one(struct redistribute *redistribute)
{
	const uint64_t unit = redistribute->grain_pages;
	struct redistribute_node *best = NULL;

	for (int i = 0; i < redistribute->nr_nodes; i++) {
		struct redistribute_node *node = &redistribute->nodes[i];

		if (!node->is_bound && node->want_pages >= unit + lower_bound(redistribute, node) &&
		    (!best || remainder_of(node) < remainder_of(best)))
			best = node;
	}
	if (best)
		best->want_pages -= unit;
	return best;
}

static void round_open(struct redistribute *redistribute, const struct open *open)
{
	uint64_t sum = 0;
	bool can = true;

	for (int i = 0; i < redistribute->nr_nodes; i++) {
		struct redistribute_node *node = &redistribute->nodes[i];

		if (node->is_bound)
			continue;
		round_down(redistribute, open, node);
		sum += node->want_pages;
	}
	for (; sum < open->pages && can; sum += redistribute->grain_pages)
		can = give_one(redistribute);
	for (; sum > open->pages && can; sum -= redistribute->grain_pages)
		can = take_one(redistribute);
}

void redistribute_quotas(struct redistribute *redistribute)
{
	bool any = false;
	struct open open;

	for (int i = 0; i < redistribute->nr_nodes; i++)
		any = any || redistribute->nodes[i].weight;
	for (int i = 0; i < redistribute->nr_nodes; i++) {
		struct redistribute_node *node = &redistribute->nodes[i];

		node->is_bound = false;
		if (!node->weight)
			settle(node, any ? node->stuck_pages : node->have_pages);
	}
	do
		open = what_is_open(redistribute);
	while (open.weight && settle_bound(redistribute, &open));
	if (open.weight)
		round_open(redistribute, &open);
}
