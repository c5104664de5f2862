/* SPDX-License-Identifier: MIT */
/* How coarse stripes are: see choice.h. */
#include "choice.h"

#include <errno.h>

#include "nodemask.h"
#include "policy.h"
#include "stripes.h"

#define MAX_SHIFT 40
/* So many shifts from the finest on are looked at: each goes through the round at another place. */
#define NR_TRIED 8
/* What a range is off by itself counts too, by this part: it stays when others go. */
#define OWN_PARTS 4
/* Hardly off: by this part of all pages. */
#define GOOD_PARTS 512

int shares_of(const struct mpol_policy *policy, struct shares *ret)
{
	const struct nodemask nodes = policy_nodemask(policy);
	const unsigned int round = stripes_round(policy);
	uint32_t begin = 0;
	int node;

	if (!round || policy->mode_flags)
		return -EINVAL;
	*ret = (struct shares) {
		.policy = *policy,
		.round = round,
		.base = stripes_base(policy),
	};
	nodemask_for_each (node, &nodes) {
		ret->nodes[ret->nr_nodes] = (int16_t)node;
		ret->begins[ret->nr_nodes++] = begin;
		begin += policy->weights[node];
	}
	return 0;
}

static unsigned int weight_at(const struct shares *shares, int place)
{
	return shares->policy.weights[shares->nodes[place]];
}

uint64_t striped_runs(const struct striped *range, const struct shares *shares)
{
	const struct stripes_range pages = {
		.page = range->page,
		.nr_pages = range->end - range->page,
	};

	return stripes_nr_runs(&pages, &shares->policy, range->shift);
}

/* Of the pages below end. */
static uint64_t pages_below(uint64_t end, unsigned int shift, const struct shares *shares,
			    int place)
{
	const uint64_t number = end >> shift, round = number / shares->round;
	const uint64_t rest = number % shares->round, begin = shares->begins[place];
	const unsigned int weight = weight_at(shares, place);
	uint64_t stripes = round * weight, partial = 0;

	if (rest >= begin + weight) {
		stripes += weight;
	} else if (rest >= begin) {
		stripes += rest - begin;
		partial = end - (number << shift);
	}
	return (stripes << shift) + partial;
}

uint64_t striped_pages(const struct striped *range, const struct shares *shares, int place)
{
	return pages_below(range->end, range->shift, shares, place) -
	       pages_below(range->page, range->shift, shares, place);
}

int striped_place(const struct striped *range, const struct shares *shares, uint64_t page)
{
	const uint64_t rest = (page >> range->shift) % shares->round;
	int place = 0;

	while (place + 1 < shares->nr_nodes && rest >= shares->begins[place + 1])
		place++;
	return place;
}

void tally_add(struct tally *tally, const struct shares *shares, const struct striped *range,
	       int sign)
{
	tally->all += sign * (int64_t)(range->end - range->page);
	for (int i = 0; i < shares->nr_nodes; i++)
		tally->by_node[i] += sign * (int64_t)striped_pages(range, shares, i);
}

static uint64_t size_of(int64_t number)
{
	return (uint64_t)(number < 0 ? -number : number);
}

/* By how many pages, times the round, the worst node would be off: all together, and a part of
 * what it is off within the range. */
static uint64_t worst_off(const struct shares *shares, const struct tally *others,
			  const struct striped *range)
{
	const int64_t nr_pages = (int64_t)(range->end - range->page), round = shares->round;
	uint64_t worst = 0;

	for (int i = 0; i < shares->nr_nodes; i++) {
		const int64_t weight = weight_at(shares, i);
		const int64_t own =
			(int64_t)striped_pages(range, shares, i) * round - nr_pages * weight;
		const int64_t before = others->by_node[i] * round - others->all * weight;
		const uint64_t off = size_of(before + own) + size_of(own) / OWN_PARTS;

		if (off > worst)
			worst = off;
	}
	return worst;
}

/* The finest for which runs are long enough to be worth their cost. */
static unsigned int finest_shift(const struct shares *shares, unsigned int least_shift)
{
	unsigned int shift = least_shift;

	while (shift < MAX_SHIFT && ((uint64_t)shares->round << shift) <
					    CHOICE_PAGES_PER_RUN * (uint64_t)shares->nr_nodes)
		shift++;
	return shift;
}

bool choose_shift(const struct shares *shares, const struct tally *others, unsigned int least_shift,
		  uint64_t max_runs, struct striped *range)
{
	struct striped tried = *range;
	uint64_t least = UINT64_MAX;

	if (!max_runs || range->page >= range->end)
		return false;
	tried.shift = finest_shift(shares, least_shift);
	while (tried.shift < MAX_SHIFT && striped_runs(&tried, shares) > max_runs)
		tried.shift++;
	for (int i = 0; i < NR_TRIED && tried.shift < MAX_SHIFT; i++, tried.shift++) {
		const uint64_t off = worst_off(shares, others, &tried);

		if (off >= least || striped_runs(&tried, shares) > max_runs)
			continue;
		least = off;
		range->shift = tried.shift;
	}
	return least != UINT64_MAX;
}

bool shift_will_do(const struct shares *shares, const struct tally *others,
		   const struct striped *range)
{
	const uint64_t all = (uint64_t)others->all + (range->end - range->page);

	return worst_off(shares, others, range) < all * shares->round / GOOD_PARTS;
}

unsigned int heap_shift(const struct shares *shares, uint64_t nr_pages, unsigned int rounds)
{
	unsigned int shift = finest_shift(shares, 0);

	while (shift < MAX_SHIFT && ((uint64_t)shares->round << (shift + 1)) * rounds <= nr_pages)
		shift++;
	return shift;
}
