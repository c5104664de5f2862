/* SPDX-License-Identifier: MIT */
/* Figures of an outcome: see measures.h. */
#include "measures.h"

#define MILLION 1000000

/* "Reached": this part of the oracle's share. */
#define SETTLED_PERCENT 95

static uint32_t ppm(uint64_t part, uint64_t whole)
{
	return whole ? (uint32_t)((unsigned __int128)part * MILLION / whole) : 0;
}

/* Accesses between two tallies to nodes of a tier; -1: to all. */
static uint64_t accesses_to(const struct machine *machine, const struct tally *before,
			    const struct tally *after, int tier)
{
	uint64_t sum = 0;

	for (int i = 0; i < machine->nr_nodes; i++)
		if (tier < 0 || machine->nodes[i].tier == tier)
			sum += tally_accesses(after, i) - (before ? tally_accesses(before, i) : 0);
	return sum;
}

uint32_t measures_fast_share(const struct machine *machine, const struct tally *before,
			     const struct tally *after)
{
	return ppm(accesses_to(machine, before, after, 0), accesses_to(machine, before, after, -1));
}

static uint32_t share_in(const struct outcome *outcome, const struct machine *machine,
			 size_t interval)
{
	const struct tally *line = outcome->line;

	return measures_fast_share(machine, interval ? &line[interval - 1] : NULL, &line[interval]);
}

static void compare(struct measures *measures, const struct outcome *outcome,
		    const struct machine *machine, const struct outcome *oracle)
{
	size_t nr = outcome->nr_intervals;

	if (oracle->nr_intervals < nr)
		nr = oracle->nr_intervals;
	measures->below_ns = 0;
	for (size_t i = 0; i < nr; i++) {
		const uint64_t own = share_in(outcome, machine, i);
		const uint64_t best = share_in(oracle, machine, i);

		if (own * 100 < best * SETTLED_PERCENT)
			measures->below_ns +=
				outcome_interval_end_ns(outcome, i) - i * outcome->interval_ns;
		else if (measures->settled_ns == UINT64_MAX)
			measures->settled_ns = i * outcome->interval_ns;
	}
	measures->oracle_ppm = ppm(measures_fast_share(machine, NULL, &outcome->total),
				   measures_fast_share(machine, NULL, &oracle->total));
}

struct measures measures_of(const struct outcome *outcome, const struct machine *machine,
			    const struct outcome *oracle)
{
	const struct tally *total = &outcome->total;
	const uint64_t accesses = accesses_to(machine, NULL, total, -1);
	struct measures measures = {
		.accesses = accesses,
		.local_share_ppm = ppm(total->local, accesses),
		.average_ps = accesses ? total->access_ps / accesses : 0,
		.promoted_pages = total->moved_pages[MOVE_PROMOTION],
		.demoted_pages = total->moved_pages[MOVE_DEMOTION],
		.balanced_pages = total->moved_pages[MOVE_BALANCE],
		.bounced_pages = total->bounced_pages,
		.manager_ppm = ppm(total->manager_ps / 1000, outcome->ran_ns),
		.kswapd_ppm = ppm(total->kswapd_ps / 1000, outcome->ran_ns),
		.stalled_ppm = ppm(total->stalled_ps, total->thread_ps),
		.settled_ns = UINT64_MAX,
		.below_ns = UINT64_MAX,
	};

	for (int tier = 0; tier < MEASURES_MAX_TIERS; tier++)
		measures.tier_share_ppm[tier] =
			ppm(accesses_to(machine, NULL, total, tier), accesses);
	if (outcome->ran_ns)
		measures.accesses_per_s =
			(uint64_t)((unsigned __int128)accesses * 1000000000 / outcome->ran_ns);
	if (oracle)
		compare(&measures, outcome, machine, oracle);
	return measures;
}
