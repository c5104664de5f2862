/* SPDX-License-Identifier: MIT */
/*
 * The choice of weights against every other choice, on machines made up at
 * random, and on a machine whose figures are published.  Nothing is measured here but
 * arithmetic: throughputs are those of the model in policy/bandwidth.h.
 *
 * The published machine: Micron's, one socket and several CXL expanders
 * (linux-mm, 20240119175730.15484-1-gregory.price@memverge.com), in GB/s by Intel MLC:
 *
 *                        DRAM only   1:1 interleave   weighted
 *   W2, 2 reads per write    298.8           113.04      412.5
 *   W5, 1 read per write     273.2           117.23      382.7
 *
 * Neither the number of expanders and nodes nor the weights are.  What the three say, by
 * the law that an interleave is as fast as the first node that is full (the same letter's
 * STREAM figures confirm it within 1 %: bench/seed-000.c):
 *
 *   - 1:1 over N nodes: the slowest expander delivers 113.04 / N.
 *   - weighted: the expanders deliver 113.7 together, at least.
 *   - N - 1 nodes of the slowest one's speed would deliver less than 113.04 together.  So
 *     they are not N - 1 equal nodes, for any N: some are faster, or the 1:1 line shows more
 *     than this law (a CXL device that is overrun delivers less than one that is not).
 *
 * The profile used is the least that agrees with all three lines: the slowest
 * expander at 113.04 / N, the others alike, 113.7 together.  Its sum is taken from the weighted
 * line, so it cannot predict that line: it shows only that small integers do not lose it.  What
 * the 1:1 line alone would predict is printed beside it, and falls short.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "random.h"
#include "weights.h"

#define GB	 1000000000ULL
#define MB	 1000000ULL
#define MOST	 4
#define PROFILES 1500 /* of each number of nodes */
#define DEMANDS	 400

struct figure {
	const char *name;
	double value, goal;
	double peer;
	const char *peer_name; /* NULL: there is none */
};

static void print_figure(const struct figure *figure)
{
	printf("{\"name\": \"%s\", \"value\": %.4f, \"unit\": \"x\", \"goal\": %g, "
	       "\"better\": \"more\"",
	       figure->name, figure->value, figure->goal);
	if (figure->peer_name)
		printf(", \"peer\": %.4f, \"peer_name\": \"%s\"", figure->peer, figure->peer_name);
	printf("}\n");
}

/* ---- Every choice ---------------------------------------------------------------- */

struct search {
	double seconds[MOST]; /* per byte; negative: not to be used */
	size_t nr_nodes;
	double best; /* bytes per second */
};

/* All weights of the nodes from index on; the others' sum is sum, their fullest takes longest. */
static void search(struct search *all, size_t index, unsigned int sum, unsigned int left,
		   double longest)
{
	if (index == all->nr_nodes) {
		if (sum && sum > all->best * longest)
			all->best = sum / longest;
		return;
	}
	for (unsigned int weight = 0; weight <= left; weight++) {
		double takes = weight * all->seconds[index];

		search(all, index + 1, sum + weight, left - weight,
		       takes > longest ? takes : longest);
		if (all->seconds[index] < 0)
			break;
	}
}

/* The best flow of all weights with that sum at most, of all nodes or of those with a shared bus.
 */
static double best_of_all(const struct bandwidth_profile *profile, unsigned int max_sum, bool dram)
{
	struct search all = { .nr_nodes = profile->nr_nodes };

	for (size_t i = 0; i < profile->nr_nodes; i++)
		all.seconds[i] = dram && profile->nodes[i].bus != BANDWIDTH_SHARED
					 ? -1
					 : 1.0 / (double)bandwidth_capacity(&profile->nodes[i],
									    &profile->mix);
	search(&all, 0, 0, max_sum, 0);
	return all.best;
}

/* ---- Made-up machines ------------------------------------------------------------ */

/* Node 0 is DRAM of 20 to 600 GB/s, the others DRAM or CXL of 2 to 400. */
static void make_up(struct random *random, struct bandwidth_node *nodes, size_t nr_nodes)
{
	for (size_t i = 0; i < nr_nodes; i++) {
		uint64_t read_mb = i ? 2000 + random_below(random, 398000)
				     : 20000 + random_below(random, 580000);

		nodes[i] = (struct bandwidth_node) {
			.read_bytes = read_mb * MB,
			.write_bytes = read_mb * MB * (30 + random_below(random, 71)) / 100,
			.bus = i && random_below(random, 2) ? BANDWIDTH_DUPLEX : BANDWIDTH_SHARED,
		};
	}
}

struct worst {
	double of_best[WEIGHTS_NR_RULES], of_dram[WEIGHTS_NR_RULES];
	double loss[WEIGHTS_NR_RULES]; /* of the best weights of any size, added up */
};

static void lower(double *least, double value)
{
	if (value < *least)
		*least = value;
}

static void try_rules(const struct bandwidth_profile *profile, struct worst *worst)
{
	unsigned int max_sum = weights_bounds_for(profile->nr_nodes).max_sum;
	double best = best_of_all(profile, max_sum, false);
	double dram = best_of_all(profile, max_sum, true);

	for (int rule = 0; rule < WEIGHTS_NR_RULES; rule++) {
		struct weights_plan plan;
		uint8_t weights[MOST];

		if (weights_by_rule(profile, rule, weights, &plan) < 0)
			continue;
		lower(&worst->of_best[rule], (double)plan.flow.bytes / best);
		lower(&worst->of_dram[rule], (double)plan.flow.bytes / dram);
		worst->loss[rule] += plan.loss_ppm / 1e6;
	}
}

static void try_made_up(void)
{
	static const struct bandwidth_mix mixes[] = { { 1, 0 }, { 3, 1 }, { 2, 1 }, { 1, 1 } };
	struct worst worst;
	struct random random;

	for (int rule = 0; rule < WEIGHTS_NR_RULES; rule++) {
		worst.of_best[rule] = worst.of_dram[rule] = 1e9;
		worst.loss[rule] = 0;
	}
	random_seed(&random, 11, 0);
	for (size_t nr_nodes = 2; nr_nodes <= MOST; nr_nodes++)
		for (int i = 0; i < PROFILES; i++) {
			struct bandwidth_node nodes[MOST];

			make_up(&random, nodes, nr_nodes);
			try_rules(&(struct bandwidth_profile) { .nodes = nodes,
								.nr_nodes = nr_nodes,
								.mix = mixes[i % 4] },
				  &worst);
		}
	fprintf(stderr,
		"weights: %d machines of 2 to %d nodes; the worst of them, and the mean loss\n",
		PROFILES * (MOST - 1), MOST);
	for (int rule = 0; rule < WEIGHTS_NR_RULES; rule++)
		fprintf(stderr,
			"weights: %-12s / best of all %.4f   / DRAM only %.4f   loss %.2f %%\n",
			weights_rule_name(rule), worst.of_best[rule], worst.of_dram[rule],
			worst.loss[rule] / (PROFILES * (MOST - 1)) * 100);
	print_figure(&(struct figure) { "weights-of-best", worst.of_best[WEIGHTS_SOLVED], 0.99,
					worst.of_best[WEIGHTS_KERNEL], "Linux 6.16" });
	print_figure(&(struct figure) { "weights-of-dram", worst.of_dram[WEIGHTS_SOLVED], 0.99,
					worst.of_dram[WEIGHTS_KERNEL], "Linux 6.16" });
}

/* What the default bound of the sum costs: the mean loss against weights of any size. */
static void show_losses(void)
{
	static const size_t sizes[] = { 2, 4, 8, 64, MPOL_NODES_MAX };
	static struct bandwidth_node nodes[MPOL_NODES_MAX];
	static uint8_t weights[MPOL_NODES_MAX];
	struct random random;

	random_seed(&random, 13, 0);
	for (size_t size = 0; size < sizeof(sizes) / sizeof(sizes[0]); size++) {
		const struct bandwidth_profile profile = { .nodes = nodes,
							   .nr_nodes = sizes[size],
							   .mix = { 1, 0 } };
		const int rounds = sizes[size] < 64 ? 1000 : 10;
		struct weights_plan plan;
		double loss = 0, sum = 0;

		for (int i = 0; i < rounds; i++) {
			make_up(&random, nodes, sizes[size]);
			if (weights_solve(&profile, NULL, weights, &plan) < 0)
				continue;
			loss += plan.loss_ppm / 1e4 / rounds;
			sum += (double)plan.sum / rounds;
		}
		fprintf(stderr,
			"weights: %4zu nodes, sums up to %u: loses %.2f %%, sum %.0f on average\n",
			sizes[size], weights_bounds_for(sizes[size]).max_sum, loss, sum);
	}
}

/* ---- Made-up threads that do not ask for everything --------------------------------- */

static const struct load_point load[] = { { 500, 1150 }, { 700, 1350 }, { 800, 1600 },
					  { 900, 2350 }, { 950, 3850 }, { 1000, 5000 } };

/* The same search, with every choice judged by the model itself. */
static void search_demand(const struct bandwidth_profile *profile, uint8_t *weights, size_t index,
			  unsigned int left, double *best)
{
	if (index == profile->nr_nodes) {
		double bytes = (double)bandwidth_interleave(profile, weights).bytes;

		*best = bytes > *best ? bytes : *best;
		return;
	}
	for (unsigned int weight = 0; weight <= left; weight++) {
		weights[index] = (uint8_t)weight;
		search_demand(profile, weights, index + 1, left - weight, best);
	}
}

/* Node 0 is the nearest; from 1 KB to 100 KB are in flight: 100 KB are 1 TB/s at 100 ns. */
static void try_demand(void)
{
	struct weights_bounds bounds = weights_bounds_for(MOST);
	double of_best = 1e9, of_dram = 1e9;
	struct random random;

	bounds.max_sum = 12;
	random_seed(&random, 12, 0);
	for (int i = 0; i < DEMANDS; i++) {
		struct bandwidth_node nodes[MOST];
		struct bandwidth_profile profile = { .nodes = nodes,
						     .nr_nodes = 2 + (size_t)i % 2,
						     .mix = { 2, 1 } };
		uint8_t tried[MOST], weights[MOST], alone[MOST] = { 1 };
		struct weights_plan plan;
		double best = 0;

		make_up(&random, nodes, profile.nr_nodes);
		for (size_t node = 0; node < profile.nr_nodes; node++) {
			nodes[node].latency_ns =
				node ? 100 + (uint32_t)random_below(&random, 300) : 80;
			nodes[node].curve = load;
			nodes[node].nr_points = sizeof(load) / sizeof(load[0]);
		}
		profile.in_flight_bytes = 1000 + random_below(&random, 99000);
		if (weights_solve(&profile, &bounds, weights, &plan) < 0)
			continue;
		search_demand(&profile, tried, 0, bounds.max_sum, &best);
		lower(&of_best, (double)plan.flow.bytes / best);
		lower(&of_dram, (double)plan.flow.bytes /
					(double)bandwidth_interleave(&profile, alone).bytes);
	}
	fprintf(stderr, "weights: %d machines whose threads limit the demand, sums up to %u\n",
		DEMANDS, bounds.max_sum);
	print_figure(&(struct figure) { "weights-of-best-in-flight", of_best, 0.99 });
	print_figure(&(struct figure) { "weights-of-dram-in-flight", of_dram, 0.99 });
}

/* ---- Micron's machine ------------------------------------------------------------ */

struct published {
	const char *name;
	struct bandwidth_mix mix;
	double dram, equal, weighted; /* GB/s */
};

static const struct published w2 = { "W2", { 2, 1 }, 298.8, 113.04, 412.5 };
static const struct published w5 = { "W5", { 1, 1 }, 273.2, 117.23, 382.7 };

/* A node that delivers so many GB/s of the mixes at hand. */
static struct bandwidth_node delivering(double gb)
{
	uint64_t bytes = (uint64_t)(gb * 1e9);

	return (struct bandwidth_node) { .read_bytes = bytes, .write_bytes = bytes };
}

/* What rule makes of the machine, in GB/s. */
static double by_rule(const struct published *published, const struct bandwidth_node *nodes,
		      size_t nr_nodes, enum weights_rule rule)
{
	const struct bandwidth_profile profile = { .nodes = nodes,
						   .nr_nodes = nr_nodes,
						   .mix = published->mix };
	uint8_t weights[16];
	struct weights_plan plan;

	if (weights_by_rule(&profile, rule, weights, &plan) < 0)
		return 0;
	return (double)plan.flow.bytes / 1e9;
}

/* One line of the table; returns what solved weights gain over DRAM only. */
static double show(const struct published *published, const char *reading,
		   const struct bandwidth_node *nodes, size_t nr_nodes)
{
	double solved = by_rule(published, nodes, nr_nodes, WEIGHTS_SOLVED);
	double equal = by_rule(published, nodes, nr_nodes, WEIGHTS_EQUAL);

	fprintf(stderr,
		"weights: %s, %-44s 1:1 %6.1f (%+5.1f %%)  solved %6.1f (%+5.1f %%)  %.3f x DRAM\n",
		published->name, reading, equal, (equal / published->equal - 1) * 100, solved,
		(solved / published->weighted - 1) * 100, solved / published->dram);
	return solved / published->dram;
}

/* DRAM and expanders that are all alike. */
static double show_alike(const struct published *published, const char *reading, size_t expanders,
			 double each)
{
	struct bandwidth_node nodes[16] = { delivering(published->dram) };

	for (size_t i = 1; i <= expanders; i++)
		nodes[i] = delivering(each);
	return show(published, reading, nodes, expanders + 1);
}

/* The slowest expander as the 1:1 line says, the others alike, together as the weighted line says.
 */
static size_t make_consistent(const struct published *published, const struct published *from,
			      size_t expanders, struct bandwidth_node *nodes)
{
	double slowest = from->equal / (double)(expanders + 1);
	double other = (from->weighted - from->dram - slowest) / (double)(expanders - 1);

	nodes[0] = delivering(published->dram);
	nodes[1] = delivering(slowest);
	for (size_t i = 2; i <= expanders; i++)
		nodes[i] = delivering(other);
	return expanders + 1;
}

static void try_micron(void)
{
	struct bandwidth_node nodes[16];
	double one, consistent;
	size_t nr_nodes;

	fprintf(stderr, "weights: Micron's machine, in GB/s, and in per cent what differs from the "
			"published\n");
	nr_nodes = make_consistent(&w2, &w2, 2, nodes);
	consistent = show(&w2, "all three lines, 2 expanders:", nodes, nr_nodes);
	fprintf(stderr,
		"weights: there the kernel's formula gives %.1f, read bandwidths rounded %.1f\n",
		by_rule(&w2, nodes, nr_nodes, WEIGHTS_KERNEL),
		by_rule(&w2, nodes, nr_nodes, WEIGHTS_PROPORTIONAL));
	nr_nodes = make_consistent(&w2, &w2, 4, nodes);
	show(&w2, "all three lines, 4 expanders:", nodes, nr_nodes);
	one = show_alike(&w2, "the 1:1 line, all expanders one node:", 1, w2.equal / 2);
	show_alike(&w2, "the 1:1 line, 4 equal nodes:", 4, w2.equal / 5);
	show_alike(&w2, "the 1:1 line, 8 equal nodes:", 8, w2.equal / 9);
	show_alike(&w2, "3 modules of 36 (data sheet of 2023):", 3, 36);
	show_alike(&w2, "4 modules of 36:", 4, 36);
	nr_nodes = make_consistent(&w5, &w2, 2, nodes);
	show(&w5, "expanders as W2 says, any mix alike:", nodes, nr_nodes);
	for (size_t i = 1; i < nr_nodes; i++) {
		nodes[i].bus = BANDWIDTH_DUPLEX;
		nodes[i].read_bytes = nodes[i].write_bytes = nodes[i].read_bytes * 2 / 3;
	}
	show(&w5, "as W2 says, the links the limit (duplex):", nodes, nr_nodes);
	show_alike(&w5, "the 1:1 line of W5, one node:", 1, w5.equal / 2);
	print_figure(&(struct figure) { "weights-w2-by-all-lines", consistent, 1.35,
					w2.weighted / w2.dram, "as published" });
	print_figure(&(struct figure) { "weights-w2-by-1:1-line", one, 1.35, w2.weighted / w2.dram,
					"as published" });
}

int main(void)
{
	try_made_up();
	show_losses();
	try_demand();
	try_micron();
	return 0;
}
