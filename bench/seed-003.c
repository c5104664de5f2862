/* SPDX-License-Identifier: MIT */
/*
 * NUMA rebalancing on tiered memory (LWN, 2 May 2022), on a simulated machine whose fast node is
 * full from the beginning.  The article tells directions and no numbers.  So the goal of a figure
 * is what its rival comes to in the same runs, and the sentence that says which is to be better
 * stands beside it; a figure that goes the other way is SHORT.
 *
 * Room: "if a node's threshold is too low, fast nodes may not reclaim aggressively enough, and
 * there will be no space available to promote hot pages".  numab-high has kswapd stop at the high
 * watermark, numab at the promotion watermark, numab-boost where recent demand says (Weiner).
 *
 * Ping-pong: tpp promotes what faults while active, tpp-ungated all that faults.
 *
 * Each is run with NR_SEEDS seeds of all that is random; figures are medians.  The machine is
 * "spr-cxl" with less memory, and threads think for 1 us between accesses, because what is
 * simulated costs by the page and by the access.  The workload's hot tenth would fit into the fast
 * node three times, all of it three times not.
 *
 * Boosting on demand is to leave less memory unused than a constant watermark; ours
 * leaves more: it keeps free what was asked for within 0.1 s at the peak, and a node of this
 * size has a promotion watermark only some MiB above the high one.  What was freed for promotions
 * that then did not come stays free until somebody allocates, and here nobody does.
 */
#include <stdio.h>
#include <stdlib.h>

#include "cleanup.h"
#include "error.h"
#include "machine-file.h"
#include "measures.h"
#include "peers.h"
#include "scenario.h"

#define NR_SEEDS    5
#define MAX_PEERS   5
#define QUANTUM_NS  1000000ULL
#define INTERVAL_NS 100000000ULL
#define MIB	    (1ULL << 20)

#define FAST_MIB 340
#define SLOW_MIB 2048
#define COMMON	 "size=1GiB,threads=2,think=1us"

DEFINE_CLEANUP(struct machine *, machine_free);
DEFINE_CLEANUP(struct workload *, workload_free);

/* What one run came to, or the median of several. */
enum figure {
	PROMOTED_MIB,
	MOVED_MIB,	 /* up and down */
	BOUNCED_MIB,	 /* moved back within PING_PONG_NS */
	REFUSED_PERCENT, /* of the promotions that were wanted, for want of room */
	SHARE_PERCENT,	 /* of accesses, to the fast node */
	SETTLED_S,	 /* until 95 % of the oracle's share; the whole run: never */
	THOUSAND_PER_S,	 /* accesses */
	UNUSED_MIB,	 /* of the fast node, at the end */
	NR_FIGURES,
};

struct figures {
	double of[NR_FIGURES];
};

/* Peers that are compared with one workload; the oracle is last. */
struct experiment {
	const char *name, *workload;
	unsigned seconds;
	const struct peer *peers[MAX_PEERS];
	unsigned nr_peers;
	struct figures medians[MAX_PEERS];
};

static struct figures figures_of(const struct outcome *outcome, const struct machine *machine,
				 const struct outcome *oracle)
{
	const struct measures measures = measures_of(outcome, machine, oracle);
	const uint64_t wanted = measures.promoted_pages + outcome->total.failed_pages;
	const uint64_t settled_ns =
		measures.settled_ns == UINT64_MAX ? outcome->ran_ns : measures.settled_ns;
	struct figures figures = { .of = {
					   [PROMOTED_MIB] = (double)measures.promoted_pages / 256,
					   [MOVED_MIB] = (double)(measures.promoted_pages +
								  measures.demoted_pages) /
							 256,
					   [BOUNCED_MIB] = (double)measures.bounced_pages / 256,
					   [SHARE_PERCENT] =
						   (double)measures.tier_share_ppm[0] / 1e4,
					   [SETTLED_S] = (double)settled_ns / 1e9,
					   [THOUSAND_PER_S] = (double)measures.accesses_per_s / 1e3,
					   [UNUSED_MIB] =
						   (double)machine->nodes[0].capacity_bytes / MIB -
						   (double)outcome->placed_pages[0] / 256,
				   } };

	if (wanted)
		figures.of[REFUSED_PERCENT] =
			100.0 * (double)outcome->total.failed_pages / (double)wanted;
	return figures;
}

/* One seed's runs, of all peers: the workload is the same for each. */
static int run_seed(const struct experiment *experiment, const struct machine *machine,
		    uint64_t seed, struct figures *ret_figures, struct mpol_error *err)
{
	_cleanup_(workload_freep) struct workload *workload = NULL;
	struct scenario scenario = {
		.machine = machine,
		.copies = 1,
		.start = START_TOUCHED,
		.duration_ns = experiment->seconds * 1000000000ULL,
		.interval_ns = INTERVAL_NS,
		.config = {
			.quantum_ns = QUANTUM_NS,
			.costs = world_default_costs,
			.watermark_scale_factor = 10,
			.khugepaged = true,
			.seed = seed,
		},
	};
	struct outcome *outcomes[MAX_PEERS] = { 0 };
	const unsigned nr = experiment->nr_peers;
	int r = workload_new(experiment->workload, seed, &workload, err);

	scenario.workload = workload;
	for (unsigned i = 0; r == 0 && i < nr; i++)
		r = scenario_run(&scenario, experiment->peers[i], NULL, NULL, &outcomes[i], err);
	for (unsigned i = 0; r == 0 && i < nr; i++)
		ret_figures[i] = figures_of(outcomes[i], machine, outcomes[nr - 1]);
	for (unsigned i = 0; i < nr; i++)
		outcome_free(outcomes[i]);
	return r;
}

static int ascending(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double values[NR_SEEDS])
{
	qsort(values, NR_SEEDS, sizeof(*values), ascending);
	return values[NR_SEEDS / 2];
}

static void tell(const struct experiment *experiment)
{
	for (unsigned i = 0; i < experiment->nr_peers; i++) {
		const double *of = experiment->medians[i].of;

		fprintf(stderr,
			"seed-003: %-9s %-12s promoted %6.0f MiB  moved %6.0f  ping-pong %6.0f  "
			"refused %5.1f %%  fast %5.1f %%  95 %% after %4.1f s  %5.0f k/s  "
			"unused %3.0f MiB\n",
			experiment->name, experiment->peers[i]->name, of[PROMOTED_MIB],
			of[MOVED_MIB], of[BOUNCED_MIB], of[REFUSED_PERCENT], of[SHARE_PERCENT],
			of[SETTLED_S], of[THOUSAND_PER_S], of[UNUSED_MIB]);
	}
}

static int run(struct experiment *experiment, struct mpol_error *err)
{
	_cleanup_(machine_freep) struct machine *machine = NULL;
	struct figures seeds[NR_SEEDS][MAX_PEERS];
	int r = machine_from_file("spr-cxl", &machine, err);

	if (r < 0)
		return r;
	machine->nodes[0].capacity_bytes = FAST_MIB * MIB;
	machine->nodes[1].capacity_bytes = SLOW_MIB * MIB;
	for (uint64_t i = 0; i < NR_SEEDS; i++) {
		r = run_seed(experiment, machine, i + 1, seeds[i], err);
		if (r < 0)
			return r;
	}
	for (unsigned peer = 0; peer < experiment->nr_peers; peer++)
		for (unsigned figure = 0; figure < NR_FIGURES; figure++) {
			double values[NR_SEEDS];

			for (unsigned i = 0; i < NR_SEEDS; i++)
				values[i] = seeds[i][peer].of[figure];
			experiment->medians[peer].of[figure] = median(values);
		}
	tell(experiment);
	return 0;
}

/* A line of a figure whose goal is what another peer comes to. */
static void print_against(const char *name, const struct experiment *experiment, unsigned own,
			  unsigned rival, enum figure figure)
{
	static const char *const units[] = {
		[PROMOTED_MIB] = "MiB",	  [MOVED_MIB] = "MiB",	 [BOUNCED_MIB] = "MiB",
		[REFUSED_PERCENT] = "%",  [SHARE_PERCENT] = "%", [SETTLED_S] = "s",
		[THOUSAND_PER_S] = "k/s", [UNUSED_MIB] = "MiB",
	};
	const bool more =
		figure == PROMOTED_MIB || figure == SHARE_PERCENT || figure == THOUSAND_PER_S;
	const double goal = experiment->medians[rival].of[figure];

	printf("{\"name\": \"seed-003-%s\", \"value\": %.2f, \"unit\": \"%s\", \"goal\": %.2f, "
	       "\"better\": \"%s\", \"peer\": %.2f, \"peer_name\": \"%s\"}\n",
	       name, experiment->medians[own].of[figure], units[figure], goal,
	       more ? "more" : "less", goal, experiment->peers[rival]->name);
}

enum { FIRST_TOUCH, HIGH, PROMO, BOOST };

static int room(struct mpol_error *err)
{
	struct experiment experiment = {
		.name = "room",
		.workload = "hotcold:" COMMON,
		.seconds = 10,
		.peers = { &peer_first_touch, &peer_numab_high, &peer_numab, &peer_numab_boost,
			   &peer_oracle },
		.nr_peers = 5,
	};
	int r = run(&experiment, err);

	if (r < 0)
		return r;
	/*
	 * "the kernel won't be able to promote globally hot pages into those nodes": all that were
	 * wanted are refused, to whole per cents.
	 */
	printf("{\"name\": \"seed-003-stalled\", \"value\": %.2f, \"unit\": \"%%\", "
	       "\"goal\": 99.5, \"better\": \"more\"}\n",
	       experiment.medians[HIGH].of[REFUSED_PERCENT]);
	/* "better ensures that there is sufficient space for hot pages to be promoted" */
	print_against("promo-refused", &experiment, PROMO, HIGH, REFUSED_PERCENT);
	print_against("promo-promoted", &experiment, PROMO, HIGH, PROMOTED_MIB);
	/* "higher-than-necessary access latencies due to hot pages residing on slow-tier nodes" */
	print_against("promo-share", &experiment, PROMO, HIGH, SHARE_PERCENT);
	print_against("promo-settled", &experiment, PROMO, HIGH, SETTLED_S);
	/* Boosted on demand: "would avoid the problem of DRAM being under-utilized" */
	print_against("boost-unused", &experiment, BOOST, PROMO, UNUSED_MIB);
	print_against("boost-share", &experiment, BOOST, HIGH, SHARE_PERCENT);
	return 0;
}

/* Only hot pages are accessed, so that promotions end as soon as all are in the fast node. */
static int demand_that_ends(struct mpol_error *err)
{
	struct experiment experiment = {
		.name = "ends",
		.workload = "hotcold:hits=100%," COMMON,
		.seconds = 10,
		.peers = { &peer_numab, &peer_numab_boost, &peer_oracle },
		.nr_peers = 3,
	};
	int r = run(&experiment, err);

	if (r == 0)
		print_against("boost-unused-after", &experiment, 1, 0, UNUSED_MIB);
	return r;
}

enum { NO_MOVES, GATED, UNGATED };

static int ping_pong(const char *name, const char *workload, struct mpol_error *err)
{
	struct experiment experiment = {
		.name = name,
		.workload = workload,
		.seconds = 15,
		.peers = { &peer_first_touch, &peer_tpp, &peer_tpp_ungated, &peer_oracle },
		.nr_peers = 4,
	};
	char figure[64];
	int r = run(&experiment, err);

	if (r < 0)
		return r;
	/* "causing page promotion to be throttled" */
	snprintf(figure, sizeof(figure), "%s-moved", name);
	print_against(figure, &experiment, GATED, UNGATED, MOVED_MIB);
	/* "pages are instead continuously ping-ponged back and forth": what the gate is against */
	snprintf(figure, sizeof(figure), "%s-bounced", name);
	print_against(figure, &experiment, GATED, UNGATED, BOUNCED_MIB);
	/* "if the overhead of performing the migration exceeds the performance gained" */
	snprintf(figure, sizeof(figure), "%s-speed", name);
	print_against(figure, &experiment, GATED, UNGATED, THOUSAND_PER_S);
	return 0;
}

int main(void)
{
	struct mpol_error err = { 0 };
	int r = room(&err);

	if (r == 0)
		r = demand_that_ends(&err);
	/* Hot sets change after some 4 s, within the 10 s that make a move back a ping-pong. */
	if (r == 0)
		r = ping_pong("pingpong", "pingpong:period=3M," COMMON, &err);
	if (r == 0)
		r = ping_pong("shift", "shift:shift=3M," COMMON, &err);
	if (r < 0)
		fprintf(stderr, "seed-003: %s: %s\n", err.step, err.cause);
	return r < 0;
}
