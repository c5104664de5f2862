/* SPDX-License-Identifier: MIT */
/* Targets of demotion and promotion: see tiers.h. */
#include "tiers.h"

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

struct candidate {
	int distance, without_cpus, shared, position;
};

static bool better(const struct candidate *a, const struct candidate *b)
{
	if (a->distance != b->distance)
		return a->distance < b->distance;
	if (a->without_cpus != b->without_cpus)
		return a->without_cpus < b->without_cpus;
	if (a->shared != b->shared)
		return a->shared < b->shared;
	return a->position < b->position;
}

/* The best node of a tier for what leaves from; -1: there is no such tier. */
static int target(const struct tiers_nodes *nodes, int from, int tier,
		  const struct tiers_targets *targets)
{
	const bool want_cpus = tier < nodes->tiers[from];
	struct candidate best = { .position = -1 };

	for (int to = 0; to < nodes->nr_nodes; to++) {
		struct candidate candidate = {
			.distance = nodes->distances[from * nodes->nr_nodes + to],
			.without_cpus = want_cpus && !nodes->have_cpus[to],
			.position = to,
		};

		if (nodes->tiers[to] != tier)
			continue;
		for (int other = 0; other < from; other++)
			candidate.shared += targets->nearest[other][tier] == to &&
					    nodes->tiers[other] == nodes->tiers[from];
		if (best.position < 0 || better(&candidate, &best))
			best = candidate;
	}
	return best.position;
}

void tiers_choose(const struct tiers_nodes *nodes, struct tiers_targets *ret_targets)
{
	ret_targets->top_tier = 0;
	for (int from = 0; from < nodes->nr_nodes; from++) {
		const int tier = nodes->tiers[from];
		int16_t *nearest = ret_targets->nearest[from];
		int slower, faster;

		for (int to = 0; to < TIERS_MAX_TIERS; to++)
			nearest[to] = tier < 0 || to == tier
					      ? -1
					      : (int16_t)target(nodes, from, to, ret_targets);
		slower = tier < 0 ? -1 : next_tier(nodes, tier, 1);
		faster = tier < 0 ? -1 : next_tier(nodes, tier, -1);
		ret_targets->demotion[from] =
			slower < 0 || slower >= TIERS_MAX_TIERS ? -1 : nearest[slower];
		ret_targets->promotion[from] =
			faster < 0 || faster >= TIERS_MAX_TIERS ? -1 : nearest[faster];
		if (tier >= 0 && nodes->have_cpus[from] && tier > ret_targets->top_tier)
			ret_targets->top_tier = tier;
	}
}
