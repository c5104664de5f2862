/* SPDX-License-Identifier: MIT */
/*
 * What simulating costs.
 *
 * sim-accesses: accesses to a million pages, zipf 0.99, under mpol's own policy, by the CPU
 * time that they took.  All is included: making the machine and touching its pages, the
 * workload's generation, page look-up, tally, the tracker's scans, ranking and moves.
 *
 * sim-memory-1tib: peak memory of a process that simulates a machine of as many pages, all of
 * them touched, through a round of scans and its decision.
 *
 * sim-linear: the same for smaller machines.  The time is that of what goes over all
 * pages: making the machine, touching, scanning, ranking.  An access's own is apart, on
 * stderr, and reclaim's with it: constant but for the CPU's caches.  The value is the worst
 * ratio between any two sizes of what a page costs.
 *
 * The machine has fast memory for a quarter of the pages, slow memory for all.
 *
 * sim [GIB]: the largest machine, a multiple of 16; else 1024.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "error.h"
#include "machine-file.h"
#include "peers.h"
#include "world.h"

#define NR_RUNS	   5
#define GIB	   (UINT64_C(1) << 30)
#define QUANTUM_NS UINT64_C(1000000)

#define SPEED_GIB 4
#define SPEED_NS  UINT64_C(8000000000) /* rounds begin every three seconds */

/* The first round's last scan is after 256 ms, and then its decision. */
#define ROUND_NS UINT64_C(300000000)

#define NR_SIZES 3

DEFINE_CLEANUP(struct machine *, machine_free);
DEFINE_CLEANUP(struct workload *, workload_free);
DEFINE_CLEANUP(struct world *, world_free);

/* What a simulation took, and did. */
struct cost {
	double set_up_s;
	double policy_s;
	double all_s;
	uint64_t accesses;
	uint64_t moved_pages;
	double peak_bytes; /* of its process */
};

static void die(const struct mpol_error *err)
{
	fprintf(stderr, "sim: %s: %s\n", err->step, err->cause);
	exit(1);
}

static void die_of(const char *cause)
{
	fprintf(stderr, "sim: %s\n", cause);
	exit(1);
}

static double cpu_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* mpol's peer, whose time is taken. */
static double policy_s;

static void timed_tick(struct world *world, void *state)
{
	const double start_s = cpu_s();

	peer_mpol.tick(world, state);
	policy_s += cpu_s() - start_s;
}

static struct machine *make_machine(uint64_t gib)
{
	struct machine *machine;
	struct mpol_error err = { 0 };

	if (machine_from_file("stream-cxl", &machine, &err) < 0)
		die(&err);
	if (machine->nr_nodes != 2 || machine->nodes[0].tier != 0 || machine->nodes[1].tier != 1)
		die_of("stream-cxl has other tiers than fast and slow");
	machine->nodes[0].capacity_bytes = gib * GIB / 4;
	machine->nodes[1].capacity_bytes = gib * GIB;
	return machine;
}

static struct workload *make_workload(uint64_t gib)
{
	struct workload *workload;
	struct mpol_error err = { 0 };
	char text[80];

	snprintf(text, sizeof(text), "zipf:theta=0.99,size=%" PRIu64 "GiB,writes=20%%", gib);
	if (workload_new(text, 1, &workload, &err) < 0)
		die(&err);
	return workload;
}

static struct cost simulate(uint64_t gib, uint64_t duration_ns)
{
	const double start_s = cpu_s();
	_cleanup_(machine_freep) struct machine *machine = make_machine(gib);
	_cleanup_(workload_freep) struct workload *workload = make_workload(gib);
	_cleanup_(world_freep) struct world *world = NULL;
	struct peer peer = peer_mpol;
	const struct world_config config = {
		.peer = &peer,
		.quantum_ns = QUANTUM_NS,
		.costs = world_default_costs,
		.watermark_scale_factor = 10,
		.seed = 1,
	};
	const struct world_task task = {
		.workload = workload,
		.info = workload_info(workload),
		.cpu_node = -1,
	};
	struct cost cost = { 0 };
	struct mpol_error err = { 0 };

	policy_s = 0;
	peer.tick = timed_tick;
	if (world_new(machine, &config, &task, 1, &world, &err) < 0 ||
	    world_touch_all(world, -1, &err) < 0)
		die(&err);
	cost.set_up_s = cpu_s() - start_s;
	while (world_now_ns(world) < duration_ns)
		if (world_step(world, &err) < 0)
			die(&err);
	cost.all_s = cpu_s() - start_s;
	cost.policy_s = policy_s;
	for (int node = 0; node < machine->nr_nodes; node++)
		cost.accesses += tally_accesses(&world->tally, node);
	cost.moved_pages = world->tally.moved_pages[MOVE_PROMOTION];
	return cost;
}

static void tell(uint64_t gib, const struct cost *cost)
{
	const double own_s = cost->all_s - cost->set_up_s - cost->policy_s;

	fprintf(stderr,
		"sim: %4" PRIu64 " GiB: set up %.2f s, policy %.2f s, %" PRIu64
		" pages promoted, %.0f M accesses of %.2f ns\n",
		gib, cost->set_up_s, cost->policy_s, cost->moved_pages,
		(double)cost->accesses / 1e6, own_s * 1e9 / (double)cost->accesses);
}

/* In a process of its own, whose memory is nothing else's. */
static struct cost simulate_apart(uint64_t gib, uint64_t duration_ns)
{
	struct rusage usage;
	struct cost cost;
	int ends[2], status;
	pid_t pid;

	if (pipe(ends) < 0)
		die_of("no pipe");
	pid = fork();
	if (pid < 0)
		die_of("cannot fork");
	if (pid == 0) {
		cost = simulate(gib, duration_ns);
		_exit(write(ends[1], &cost, sizeof(cost)) != sizeof(cost));
	}
	close(ends[1]);
	if (read(ends[0], &cost, sizeof(cost)) != sizeof(cost) ||
	    wait4(pid, &status, 0, &usage) != pid || status != 0)
		die_of("a simulation has failed");
	close(ends[0]);
	cost.peak_bytes = (double)usage.ru_maxrss * 1024;
	if (!cost.moved_pages)
		die_of("the policy has decided nothing");
	return cost;
}

static int by_value(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void measure_speed(void)
{
	double per_s[NR_RUNS];

	for (int i = 0; i < NR_RUNS; i++) {
		const struct cost cost = simulate_apart(SPEED_GIB, SPEED_NS);

		tell(SPEED_GIB, &cost);
		per_s[i] = (double)cost.accesses / cost.all_s;
	}
	qsort(per_s, NR_RUNS, sizeof(*per_s), by_value);
	printf("{\"name\": \"sim-accesses\", \"value\": %.1f, \"unit\": \"M/s\", \"goal\": 80, "
	       "\"better\": \"more\"}\n",
	       per_s[NR_RUNS / 2] / 1e6);
}

static double worst_ratio(const double values[NR_SIZES])
{
	double least = values[0], most = values[0];

	for (int i = 1; i < NR_SIZES; i++) {
		least = values[i] < least ? values[i] : least;
		most = values[i] > most ? values[i] : most;
	}
	return most / least;
}

static void measure_sizes(uint64_t most_gib)
{
	const uint64_t sizes_gib[NR_SIZES] = { most_gib / 16, most_gib / 4, most_gib };
	double page_bytes[NR_SIZES], page_ns[NR_SIZES];
	struct cost cost;

	for (int i = 0; i < NR_SIZES; i++) {
		const double nr_pages = (double)(sizes_gib[i] * GIB / WORKLOAD_PAGE_BYTES);

		cost = simulate_apart(sizes_gib[i], ROUND_NS);
		tell(sizes_gib[i], &cost);
		page_bytes[i] = cost.peak_bytes / nr_pages;
		page_ns[i] = (cost.set_up_s + cost.policy_s) * 1e9 / nr_pages;
		fprintf(stderr, "sim: %4" PRIu64 " GiB: %.2f bytes and %.1f ns a page\n",
			sizes_gib[i], page_bytes[i], page_ns[i]);
	}
	if (most_gib == 1024)
		printf("{\"name\": \"sim-memory-1tib\", \"value\": %.2f, \"unit\": \"GiB\", "
		       "\"goal\": 4, \"better\": \"less\"}\n",
		       cost.peak_bytes / (double)GIB);
	printf("{\"name\": \"sim-linear-memory\", \"value\": %.3f, \"unit\": \"x\", "
	       "\"goal\": 1.2, \"better\": \"less\"}\n",
	       worst_ratio(page_bytes));
	printf("{\"name\": \"sim-linear-time\", \"value\": %.3f, \"unit\": \"x\", "
	       "\"goal\": 1.5, \"better\": \"less\"}\n",
	       worst_ratio(page_ns));
}

int main(int argc, char **argv)
{
	const uint64_t most_gib = argc == 2 ? strtoull(argv[1], NULL, 10) : 1024;

	if (argc > 2 || most_gib < 16 || most_gib % 16 || most_gib > 1024)
		die_of("takes nothing, or GIB: 16 to 1024, a multiple of 16");
	measure_speed();
	measure_sizes(most_gib);
	return 0;
}
