/* SPDX-License-Identifier: MIT */
/*
 * trackers [ROUNDS [SECONDS]]: how well mpol's trackers and DAMON find a hot set that is known, and
 * for how much CPU time.  For bench/trackers.sh: as root, in a guest, whose kernel it changes.
 *
 * A child makes accesses at one rate and forgets its translations between them (flush.h), nine of
 * ten in a tenth of its memory: pages that lie scattered, or behind one another, or huge pages that
 * lie scattered.  Everybody gets SECONDS to look at it, one after the other in every round, and
 * then names as many units as are hot: F1 (hot-set.h).
 *
 * DAMON has its own kdamond, on the memory that matters and on nothing else.  First it is tuned: of
 * several settings each layout keeps the one with the best F1; of those within 0.01 of it the one
 * that costs least.  Its F1 is by the sum of its last counts or by the last alone, whichever is
 * better, and what asking for them cost is not held against it.
 *
 * mpol's trackers learn as mpold does, in rounds that are so far apart that all of them cost at
 * most what DAMON did in this round, or half of that; a first round there is in any case.  Of both
 * the start is left out: sysfs files, and loading BPF programs.  CPU time is that of the kdamond,
 * and that of this process with all its system calls.  What the accesses of the child take more
 * than when nobody looks is told beside it, and is that of faults alone: emulated CPUs set an
 * accessed bit for nothing, those of silicon take 27 to 535 ns (host/accessed-bit.h).
 *
 * hintfault is missing: the kernel unmaps memory by the CPU time that its process has had, and the
 * child sleeps between its accesses.  test/guest/test-trackers.c has one that does not.
 */
#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "clock.h"
#include "damon-sysfs.h"
#include "hot-set.h"
#include "nodes.h"
#include "pagemap.h"
#include "rootfs.h"
#include "tracker.h"

#define ROUNDS	    5
#define MAX_ROUNDS  99
#define SECONDS	    20
#define PAGES	    16384 /* 64 MiB */
#define HUGE_UNITS  320	  /* 640 MiB */
#define RATE	    50000
#define CGROUP	    "/sys/fs/cgroup/tracked"
#define PLAYING_CPU 0
#define LOOKING_CPU 1
#define SNAPSHOTS   3		 /* of DAMON's counts, in the last half of its time */
#define LOOK_NS	    550000000ULL /* hot_finder_look takes less, unless the machine is overloaded */
#define TIE	    0.01

/* Nothing outside of the guest knows this kdamond. */
#define SIGNATURE (DAMON_SYSFS_SIGNATURES + 1)

struct layout {
	const char *name;
	size_t nr_units;
	unsigned unit_pages;
	bool is_scattered;
	struct hot_child *child;
};

static struct layout layouts[] = {
	{ .name = "scattered", .nr_units = PAGES, .unit_pages = 1, .is_scattered = true },
	{ .name = "contiguous", .nr_units = PAGES, .unit_pages = 1 },
	{ .name = "huge", .nr_units = HUGE_UNITS, .unit_pages = HUGE_PAGES, .is_scattered = true },
};

#define NR_LAYOUTS (sizeof(layouts) / sizeof(*layouts))

/* Who looks, in this order: DAMON's CPU time is the others' budget. */
enum arm { NOBODY, DAMON, PTESCAN_HALF, PTESCAN, MGLRU, NR_ARMS };

static const struct {
	const char *name, *tracker;
	double share; /* of DAMON's CPU time that it may have */
} arms[NR_ARMS] = {
	[NOBODY] = { "nobody", NULL, 0 },
	[DAMON] = { "DAMON", NULL, 1 },
	[PTESCAN_HALF] = { "ptescan at half", "ptescan", 0.5 },
	[PTESCAN] = { "ptescan", "ptescan", 1 },
	[MGLRU] = { "mglru", "mglru", 1 },
};

/* Intervals and regions; the first are the kernel's own. */
struct tuning {
	uint32_t sample_us, aggregate_us;
	uint32_t least_regions, most_regions; /* 0: one for every unit, and room to get there */
};

static const struct tuning tunings[] = {
	{ 5000, 100000, 10, 1000 },    /* the kernel's own */
	{ 20000, 400000, 10, 1000 },   /* patient */
	{ 100000, 2000000, 10, 1000 }, /* cheap */
	{ 50000, 500000, 0, 0 },       /* as fine as can be */
};

#define NR_TUNINGS (sizeof(tunings) / sizeof(*tunings))

struct outcome {
	double f1;
	double cpu;	  /* share of one CPU, of who looks */
	double access_ns; /* what an access took of the child's */
	unsigned looks;
};

static int root;
static double seconds = SECONDS;
static struct outcome outcomes[NR_LAYOUTS][NR_ARMS][MAX_ROUNDS];

static uint64_t spent_ns(void)
{
	return clock_ns(CLOCK_PROCESS_CPUTIME_ID);
}

static void fail(const char *what, int r)
{
	errno = -r;
	die(what);
}

static double f1_of(const struct layout *layout, size_t right)
{
	return (double)right / (double)hot_set_nr(&layout->child->set);
}

/* ---- DAMON ---------------------------------------------------------------------------------- */

static pid_t kdamond_pid(void)
{
	uint64_t pid;
	int r = rootfs_read_u64(root, &pid, "sys/kernel/mm/damon/admin/kdamonds/0/pid");

	if (r < 0)
		fail("the kdamond's pid", r);
	return (pid_t)pid;
}

static uint64_t kdamond_ns(pid_t pid)
{
	_cleanup_free_ char *text = NULL;
	ssize_t n = rootfs_read(root, &text, "proc/%d/schedstat", pid);

	if (n <= 0)
		fail("the kdamond's CPU time", n < 0 ? (int)n : -ESRCH);
	return strtoull(text, NULL, 10);
}

static void bind_to_cpu(pid_t pid, int cpu)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(cpu, &cpus);
	if (sched_setaffinity(pid, sizeof(cpus), &cpus) < 0)
		die("sched_setaffinity");
}

/* What regions say of each unit: their counts, by the bytes that they share with it. */
static void add_counts(const struct layout *layout, const struct damon_region *regions, size_t nr,
		       uint64_t *heats)
{
	const uint64_t start = (uintptr_t)layout->child->memory;
	const uint64_t unit_bytes = layout->unit_pages * PAGE_BYTES;
	const uint64_t end = start + layout->nr_units * unit_bytes;

	for (size_t i = 0; i < nr; i++) {
		const uint64_t last = regions[i].end < end ? regions[i].end : end;
		uint64_t at = regions[i].start > start ? regions[i].start : start;

		while (at < last) {
			const uint64_t unit = (at - start) / unit_bytes;
			const uint64_t unit_end = start + (unit + 1) * unit_bytes;
			const uint64_t to = unit_end < last ? unit_end : last;

			heats[unit] += (to - at) * regions[i].accesses;
			at = to;
		}
	}
}

/* Adds what it knows now to sum, and puts it alone into last. */
static void take_snapshot(const struct layout *layout, uint64_t *sum, uint64_t *last)
{
	_cleanup_free_ struct damon_region *regions = NULL;
	size_t nr = 0;
	int r = damon_sysfs_update(root);

	if (r == 0)
		r = damon_sysfs_read(root, 0, &regions, &nr);
	if (r < 0)
		fail("DAMON's regions", r);
	memset(last, 0, layout->nr_units * sizeof(*last));
	add_counts(layout, regions, nr, sum);
	add_counts(layout, regions, nr, last);
}

static void start_damon(const struct layout *layout, pid_t pid, const struct tuning *tuning)
{
	const uint64_t start = (uintptr_t)layout->child->memory;
	const struct damon_range range = { start, start + layout->nr_units * layout->unit_pages *
								  PAGE_BYTES };
	const struct damon_target target = { pid, &range, 1 };
	const uint32_t nr = (uint32_t)layout->nr_units;
	const struct damon_setup setup = {
		.signature = SIGNATURE,
		.sample_us = tuning->sample_us,
		.aggregate_us = tuning->aggregate_us,
		.least_regions = tuning->least_regions ? tuning->least_regions : nr,
		.most_regions = tuning->most_regions ? tuning->most_regions : 4 * nr,
		.targets = &target,
		.nr_targets = 1,
	};
	struct mpol_error error = { 0 };
	int r = damon_sysfs_start(root, &setup, &error);

	if (r < 0) {
		fprintf(stderr, "trackers: %s: %s\n", error.object, error.cause);
		fail("DAMON", r);
	}
}

static struct outcome run_damon(const struct layout *layout, pid_t pid, const struct tuning *tuning)
{
	_cleanup_free_ uint64_t *sum = calloc(layout->nr_units, sizeof(*sum));
	_cleanup_free_ uint64_t *last = calloc(layout->nr_units, sizeof(*last));
	uint64_t began_ns, cpu_ns = 0, counted_ns = 0;
	size_t by_sum, by_last;
	pid_t kdamond;

	if (!sum || !last)
		die("calloc");
	start_damon(layout, pid, tuning);
	kdamond = kdamond_pid();
	bind_to_cpu(kdamond, LOOKING_CPU);
	began_ns = clock_now_ns();
	for (int i = 1; i <= SNAPSHOTS; i++) {
		const uint64_t since_ns = clock_now_ns(), before_ns = kdamond_ns(kdamond);
		const double part = 0.5 + 0.5 * i / SNAPSHOTS;

		clock_sleep_until(began_ns + (uint64_t)(seconds * part * 1e9));
		cpu_ns += kdamond_ns(kdamond) - before_ns;
		counted_ns += clock_now_ns() - since_ns;
		take_snapshot(layout, sum, last);
	}
	damon_sysfs_remove(root, SIGNATURE);
	by_sum = hot_set_count_right(&layout->child->set, sum);
	by_last = hot_set_count_right(&layout->child->set, last);
	return (struct outcome) {
		.f1 = f1_of(layout, by_sum > by_last ? by_sum : by_last),
		.cpu = (double)cpu_ns / (double)counted_ns,
		.looks = SNAPSHOTS,
	};
}

/* ---- mpol's trackers ------------------------------------------------------------------------ */

static struct tracker *follow(const char *name, pid_t pid)
{
	const struct tracker_kind *kind = tracker_find(name);
	struct mpol_error error = { 0 };
	struct tracker *tracker;
	int r = kind ? kind->open(root, pid, &tracker, &error) : -EOPNOTSUPP;

	if (r == 0)
		return tracker;
	fprintf(stderr, "trackers: %s: %s: %s\n", name, error.step, error.cause);
	fail(name, r);
	return NULL;
}

/*
 * Looks that together cost no more than that share of a CPU, if the next never costs more than the
 * dearest so far; at least one.
 */
static struct outcome run_tracker(const struct layout *layout, pid_t pid, const char *name,
				  double cpu)
{
	struct tracker *tracker = follow(name, pid);
	struct hot_finder *finder = hot_finder_new(layout->child);
	const uint64_t began_ns = clock_now_ns(), before_ns = spent_ns();
	const uint64_t until_ns = began_ns + (uint64_t)(seconds * 1e9);
	struct outcome outcome = { 0 };
	uint64_t cost_ns = 0, dearest_ns = 0, then_ns;

	do {
		const uint64_t already_ns = cost_ns;
		int r = hot_finder_look(finder, tracker);

		if (r < 0)
			fail(tracker->failure ? tracker->failure : name, r);
		outcome.looks++;
		cost_ns = spent_ns() - before_ns;
		if (cost_ns - already_ns > dearest_ns)
			dearest_ns = cost_ns - already_ns;
		if ((double)(cost_ns + dearest_ns) > cpu * seconds * 1e9)
			break;
		then_ns = began_ns + (uint64_t)((double)cost_ns / cpu);
		if (then_ns < clock_now_ns())
			then_ns = clock_now_ns();
		if (then_ns + LOOK_NS > until_ns)
			break;
		clock_sleep_until(then_ns);
	} while (true);
	outcome.cpu = (double)cost_ns / 1e9 / seconds;
	clock_sleep_until(until_ns);
	outcome.f1 = f1_of(layout, hot_finder_count_right(finder));
	hot_finder_free(finder);
	tracker->kind->close(tracker);
	return outcome;
}

/* ---- Rounds --------------------------------------------------------------------------------- */

/* Everybody's own accesses; tells what one of the child's took meanwhile. */
static struct outcome run(const struct layout *layout, pid_t pid, enum arm arm, double cpu,
			  const struct tuning *tuning)
{
	struct hot_child *child = layout->child;
	const uint64_t accesses = child->accesses, busy_ns = child->busy_ns;
	struct outcome outcome = { 0 };

	if (arm == NOBODY)
		clock_sleep_until(clock_now_ns() + (uint64_t)(seconds / 3 * 1e9));
	else if (arm == DAMON)
		outcome = run_damon(layout, pid, tuning);
	else
		outcome = run_tracker(layout, pid, arms[arm].tracker, cpu * arms[arm].share);
	outcome.access_ns =
		(double)(child->busy_ns - busy_ns) / (double)(child->accesses - accesses);
	return outcome;
}

static pid_t start(const struct layout *layout)
{
	return hot_child_start(layout->child, CGROUP "/cgroup.procs");
}

static const struct tuning *tune(const struct layout *layout)
{
	const pid_t pid = start(layout);
	struct outcome tried[NR_TUNINGS];
	size_t first = 0, best;

	for (size_t i = 0; i < NR_TUNINGS; i++) {
		const struct tuning *tuning = &tunings[i];

		tried[i] = run(layout, pid, DAMON, 0, tuning);
		if (tried[i].f1 > tried[first].f1)
			first = i;
		fprintf(stderr,
			"trackers: %-10s DAMON, %3u/%4u ms, %u to %u regions: F1 %.3f for %.2f "
			"%%\n",
			layout->name, tuning->sample_us / 1000, tuning->aggregate_us / 1000,
			tuning->least_regions, tuning->most_regions, tried[i].f1,
			tried[i].cpu * 100);
	}
	hot_child_end(pid);
	best = first;
	for (size_t i = 0; i < NR_TUNINGS; i++)
		if (tried[i].f1 >= tried[first].f1 - TIE && tried[i].cpu < tried[best].cpu)
			best = i;
	return &tunings[best];
}

static void play_round(const struct layout *layout, const struct tuning *tuning,
		       struct outcome (*results)[MAX_ROUNDS], int round)
{
	const pid_t pid = start(layout);

	for (int arm = 0; arm < NR_ARMS; arm++) {
		struct outcome *outcome = &results[arm][round];

		*outcome = run(layout, pid, arm, results[DAMON][round].cpu, tuning);
		fprintf(stderr,
			"trackers: %-10s round %d, %-15s F1 %.3f for %6.2f %%, %3u looks; an "
			"access %3.0f ns\n",
			layout->name, round + 1, arms[arm].name, outcome->f1, outcome->cpu * 100,
			outcome->looks, outcome->access_ns);
	}
	hot_child_end(pid);
}

/* ---- Figures -------------------------------------------------------------------------------- */

/* Of rounds, how often F1 and CPU time are the peer's. */
struct against {
	double f1, cpu;
};

static struct against median_against(struct outcome (*results)[MAX_ROUNDS], enum arm arm,
				     enum arm peer, int rounds)
{
	double f1s[MAX_ROUNDS], cpus[MAX_ROUNDS];

	for (int round = 0; round < rounds; round++) {
		const struct outcome *one = &results[arm][round], *other = &results[peer][round];

		f1s[round] = other->f1 > 0 ? one->f1 / other->f1 : 1 / TIE;
		cpus[round] = one->cpu / other->cpu;
	}
	return (struct against) { median(f1s, rounds), median(cpus, rounds) };
}

/* Medians of what was measured itself; of accesses, what they took more than when nobody looks. */
static struct outcome median_of(struct outcome (*results)[MAX_ROUNDS], enum arm arm, int rounds)
{
	double f1s[MAX_ROUNDS], cpus[MAX_ROUNDS], accesses[MAX_ROUNDS];

	for (int round = 0; round < rounds; round++) {
		f1s[round] = results[arm][round].f1;
		cpus[round] = results[arm][round].cpu;
		accesses[round] =
			results[arm][round].access_ns / results[NOBODY][round].access_ns - 1;
	}
	return (struct outcome) {
		.f1 = median(f1s, rounds),
		.cpu = median(cpus, rounds),
		.access_ns = median(accesses, rounds),
	};
}

static void tell(const struct layout *layout, struct outcome (*results)[MAX_ROUNDS], int rounds)
{
	const struct outcome damon = median_of(results, DAMON, rounds);
	const struct outcome ours = median_of(results, PTESCAN, rounds);
	const struct against half = median_against(results, PTESCAN_HALF, DAMON, rounds);

	for (int arm = DAMON; arm < NR_ARMS; arm++) {
		const struct outcome outcome = median_of(results, arm, rounds);

		fprintf(stderr,
			"trackers: %-10s %-15s F1 %.3f for %6.2f %% of a CPU; accesses take %+.0f "
			"%%\n",
			layout->name, arms[arm].name, outcome.f1, outcome.cpu * 100,
			outcome.access_ns * 100);
	}
	printf("{\"name\": \"trackers-f1-%s\", \"value\": %.3f, \"unit\": \"\", \"goal\": 0.95, "
	       "\"better\": \"more\", \"peer\": %.3f, \"peer_name\": \"DAMON\"}\n",
	       layout->name, ours.f1, damon.f1);
	printf("{\"name\": \"trackers-half-%s\", \"value\": %.3f, \"unit\": \"x DAMON's F1\", "
	       "\"goal\": 1, \"better\": \"more\"}\n",
	       layout->name, half.f1);
	printf("{\"name\": \"trackers-half-%s-cpu\", \"value\": %.3f, \"unit\": \"of DAMON\", "
	       "\"goal\": 0.5, \"better\": \"less\"}\n",
	       layout->name, half.cpu);
}

static void prepare(void)
{
	int r;

	root = rootfs_open(NULL);
	if (root < 0)
		fail("/", root);
	/* It would unmap the very same pages; hintfault switches it on for itself. */
	r = rootfs_write(root, "0", "proc/sys/kernel/numa_balancing");
	if (r == 0)
		r = rootfs_write(root, "+memory", "sys/fs/cgroup/cgroup.subtree_control");
	if (r < 0)
		fail("prepare the kernel, as root", r);
	/* One that is aged has to be the child's alone. */
	if (mkdir(CGROUP, 0755) < 0 && errno != EEXIST)
		die(CGROUP);
	bind_to_cpu(0, LOOKING_CPU);
	for (size_t i = 0; i < NR_LAYOUTS; i++) {
		struct layout *layout = &layouts[i];

		layout->child = hot_child_new(layout->nr_units, layout->unit_pages);
		layout->child->set.is_scattered = layout->is_scattered;
		layout->child->rate = RATE;
		layout->child->cpu = PLAYING_CPU;
	}
}

int main(int argc, char **argv)
{
	const int rounds = argc > 1 ? atoi(argv[1]) : ROUNDS;
	const struct tuning *tuned[NR_LAYOUTS];

	if (argc > 2)
		seconds = atof(argv[2]);
	if (rounds < 1 || rounds > MAX_ROUNDS || seconds < 3) {
		fprintf(stderr, "trackers [ROUNDS [SECONDS]]: 1 to %d rounds, 3 s or more\n",
			MAX_ROUNDS);
		return 2;
	}
	prepare();
	for (int round = 0; round < rounds; round++)
		for (size_t i = 0; i < NR_LAYOUTS; i++) {
			if (round == 0)
				tuned[i] = tune(&layouts[i]);
			play_round(&layouts[i], tuned[i], outcomes[i], round);
		}
	for (size_t i = 0; i < NR_LAYOUTS; i++)
		tell(&layouts[i], outcomes[i], rounds);
	return 0;
}
