/* SPDX-License-Identifier: MIT */
/*
 * Targets of demotion and promotion: see tiers.h.
 *
 * The nodes of a tier are given their targets in another one after the other.  Each gets, of
 * its best ones, one that is had by as few as possible, where nodes that have it already may
 * move on to another of theirs: the semi-matching of Harvey et al. (WADS 2003), whose loads are
 * as even as they can be.
 */
#include "tiers.h"

#include <string.h>

#define NEVER UINT32_MAX

/* The nodes of one tier, on their way into another. */
struct sharing {
	const struct tiers_nodes *nodes;
	int from_tier, to_tier;
	uint32_t least[TIERS_MAX_NODES]; /* the cost of a node's best targets; NEVER: none */
	int16_t targets[TIERS_MAX_NODES];
	int shares[TIERS_MAX_NODES]; /* how many have it as their target */
	bool tried[TIERS_MAX_NODES]; /* targets, in this attempt */
};

/* The next tier that any node has, slower (step 1) or faster (-1); -1: none. */
static int next_tier(const struct tiers_nodes *nodes, int tier, int step)
{
	int next = -1;

	for (int i = 0; i < nodes->nr_nodes; i++) {
		const int other = nodes->tiers[i];

		if (other < 0 || (other - tier) * step <= 0)
			continue;
		if (next < 0 || (next - other) * step > 0)
			next = other;
	}
	return next;
}

/* What speaks against a target; NEVER: it is none. */
static uint32_t cost(const struct sharing *sharing, int from, int to)
{
	const struct tiers_nodes *nodes = sharing->nodes;
	const uint8_t stated = nodes->distances[from * nodes->nr_nodes + to];
	const uint32_t distance = stated ? stated : UINT8_MAX + 1;

	if (nodes->tiers[from] != sharing->from_tier || nodes->tiers[to] != sharing->to_tier)
		return NEVER;
	return distance * 2 + (sharing->to_tier < sharing->from_tier && !nodes->have_cpus[to]);
}

static bool is_best(const struct sharing *sharing, int from, int to)
{
	return cost(sharing, from, to) == sharing->least[from];
}

static bool give(struct sharing *sharing, int from, int most);

/* Makes one of those that have to move on to another of theirs. */
static bool move_one(struct sharing *sharing, int to, int most)
{
	for (int from = 0; from < sharing->nodes->nr_nodes; from++) {
		if (sharing->targets[from] == to && give(sharing, from, most)) {
			sharing->shares[to]--;
			return true;
		}
	}
	return false;
}

/* Gives from one of its best targets, such that none is had by more than most because of it. */
static bool give(struct sharing *sharing, int from, int most)
{
	int given = -1;

	for (int to = 0; to < sharing->nodes->nr_nodes && given < 0; to++)
		if (sharing->shares[to] < most && !sharing->tried[to] && is_best(sharing, from, to))
			given = to;
	for (int to = 0; to < sharing->nodes->nr_nodes && given < 0; to++) {
		if (sharing->tried[to] || !is_best(sharing, from, to))
			continue;
		sharing->tried[to] = true;
		if (move_one(sharing, to, most))
			given = to;
	}
	if (given < 0)
		return false;
	sharing->targets[from] = (int16_t)given;
	sharing->shares[given]++;
	return true;
}

static void share_out(struct sharing *sharing)
{
	const int nr_nodes = sharing->nodes->nr_nodes;

	memset(sharing->shares, 0, sizeof(sharing->shares));
	for (int i = 0; i < nr_nodes; i++)
		sharing->targets[i] = -1;
	for (int from = 0; from < nr_nodes; from++) {
		sharing->least[from] = NEVER;
		for (int to = 0; to < nr_nodes; to++)
			if (cost(sharing, from, to) < sharing->least[from])
				sharing->least[from] = cost(sharing, from, to);
		for (int most = 1; sharing->least[from] != NEVER; most++) {
			memset(sharing->tried, 0, sizeof(sharing->tried));
			if (give(sharing, from, most))
				break;
		}
	}
}

static int16_t target(const struct tiers_targets *targets, int from, int tier)
{
	return tier < 0 || tier >= TIERS_MAX_TIERS ? -1 : targets->nearest[from][tier];
}

void tiers_choose(const struct tiers_nodes *nodes, struct tiers_targets *ret_targets)
{
	struct sharing sharing = { .nodes = nodes };

	memset(ret_targets->nearest, -1, sizeof(ret_targets->nearest));
	for (int pair = 0; pair < TIERS_MAX_TIERS * TIERS_MAX_TIERS; pair++) {
		sharing.from_tier = pair / TIERS_MAX_TIERS;
		sharing.to_tier = pair % TIERS_MAX_TIERS;
		if (sharing.from_tier == sharing.to_tier)
			continue;
		share_out(&sharing);
		for (int i = 0; i < nodes->nr_nodes; i++)
			if (sharing.targets[i] >= 0)
				ret_targets->nearest[i][sharing.to_tier] = sharing.targets[i];
	}
	ret_targets->top_tier = 0;
	for (int i = 0; i < nodes->nr_nodes; i++) {
		const int tier = nodes->tiers[i];

		ret_targets->demotion[i] = ret_targets->promotion[i] = -1;
		if (tier < 0)
			continue;
		ret_targets->demotion[i] = target(ret_targets, i, next_tier(nodes, tier, 1));
		ret_targets->promotion[i] = target(ret_targets, i, next_tier(nodes, tier, -1));
		if (nodes->have_cpus[i] && tier > ret_targets->top_tier)
			ret_targets->top_tier = tier;
	}
}
