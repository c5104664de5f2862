/* SPDX-License-Identifier: MIT */
/*
 * What an access costs in a workload's generator, before the simulated machine
 * has seen it: CPU time of blocks of accesses, the threads in turn, the fastest of
 * some rounds.  Sizes at which tables matter: 8 GiB, and 1 TiB for zipf.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "workload.h"

#define ROUNDS		  15
#define ACCESSES_OF_ROUND (1 << 20)
#define BLOCK		  4096

static const struct {
	const char *name, *text;
	double goal_ns;
} measured[] = {
	{ "zipf", "zipf:theta=0.99,size=8GiB,writes=20%", 4 },
	{ "zipf-1tib", "zipf:theta=0.99,size=1TiB,writes=20%", 4 },
	{ "uniform", "uniform:size=8GiB", 6 },
	{ "gauss", "gauss:size=8GiB", 6 },
	{ "scan", "scan:size=8GiB", 6 },
	{ "hotcold", "hotcold:size=8GiB,scan=5%", 6 },
	{ "shift", "shift:size=8GiB,shift=100k", 6 },
	{ "pingpong", "pingpong:size=8GiB", 6 },
	{ "stream", "stream:size=8GiB", 6 },
	{ "gups", "gups:size=8GiB", 6 },
	{ "graph", "graph:size=8GiB", 6 },
	{ "ycsb-a", "ycsb-a:size=8GiB", 6 },
	{ "ycsb-d", "ycsb-d:size=8GiB", 6 },
	{ "ycsb-e", "ycsb-e:size=8GiB", 6 },
	{ "ycsb-f", "ycsb-f:size=8GiB", 6 },
};

static uint32_t accesses[BLOCK];

static double now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return 1e9 * (double)now.tv_sec + (double)now.tv_nsec;
}

/* ns per access, of one round. */
static double run(struct workload *workload)
{
	unsigned nr_threads = workload_info(workload)->nr_threads;
	double start_ns = now_ns();

	for (unsigned i = 0; i < ACCESSES_OF_ROUND / BLOCK; i++)
		if (workload_fill(workload, i % nr_threads, accesses, BLOCK) != BLOCK)
			abort();
	return (now_ns() - start_ns) / ACCESSES_OF_ROUND;
}

int main(void)
{
	for (size_t i = 0; i < sizeof(measured) / sizeof(measured[0]); i++) {
		struct workload *workload;
		double best_ns = 1e9, start_ns = now_ns();

		if (workload_new(measured[i].text, 1, &workload, NULL) < 0) {
			fprintf(stderr, "sim-workloads: %s: not made\n", measured[i].text);
			return 1;
		}
		fprintf(stderr, "sim-workloads: %s: made in %.1f ms\n", measured[i].text,
			(now_ns() - start_ns) / 1e6);
		for (int round = 0; round < ROUNDS; round++) {
			double ns = run(workload);

			best_ns = ns < best_ns ? ns : best_ns;
		}
		printf("{\"name\": \"workload-%s\", \"value\": %.2f, \"unit\": \"ns/access\", "
		       "\"goal\": %g, \"better\": \"less\"}\n",
		       measured[i].name, best_ns, measured[i].goal_ns);
		workload_free(workload);
	}
	return 0;
}
