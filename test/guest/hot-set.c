/* SPDX-License-Identifier: MIT */
/* A known hot set, a child that plays it, and looking for it with a tracker: see hot-set.h. */
#include "hot-set.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "flush.h"
#include "pagemap.h"
#include "ranking.h"

/* Accesses between two flushes: of who has no rate, and by time. */
#define BURST	      16000
#define BURSTS_HZ     500
#define NS_PER_S      1000000000ULL
#define FIRST_SCAN_NS 500000UL

/* ---- The set ------------------------------------------------------------------------------ */

uint64_t hot_set_mix(uint64_t x)
{
	x = (x ^ x >> 31) * 0x9e3779b97f4a7c15;
	x = (x ^ x >> 29) * 0xbf58476d1ce4e5b9;
	return x ^ x >> 32;
}

size_t hot_set_nr(const struct hot_set *set)
{
	return set->nr_units / 10;
}

size_t hot_set_unit(const struct hot_set *set, size_t number)
{
	return set->is_scattered ? number * 10 + hot_set_mix(number) % 10
				 : set->nr_units * 6 / 10 + number;
}

size_t hot_set_next(const struct hot_set *set, uint64_t *random)
{
	*random = hot_set_mix(*random + 1);
	return *random % 10 ? hot_set_unit(set, (*random >> 8) % hot_set_nr(set))
			    : (*random >> 8) % set->nr_units;
}

static void *allocate(size_t nr, size_t size)
{
	void *memory = calloc(nr, size);

	if (!memory) {
		perror("calloc");
		exit(1);
	}
	return memory;
}

struct ranked {
	uint64_t heat;
	size_t unit;
};

static int by_heat(const void *a, const void *b)
{
	const struct ranked *one = a, *other = b;

	if (one->heat != other->heat)
		return one->heat > other->heat ? -1 : 1;
	return one->unit < other->unit ? -1 : one->unit > other->unit;
}

size_t hot_set_count_right(const struct hot_set *set, const uint64_t *heats)
{
	struct ranked *ranked = allocate(set->nr_units, sizeof(*ranked));
	bool *is_hot = allocate(set->nr_units, sizeof(*is_hot));
	size_t right = 0;

	for (size_t number = 0; number < hot_set_nr(set); number++)
		is_hot[hot_set_unit(set, number)] = true;
	for (size_t unit = 0; unit < set->nr_units; unit++)
		ranked[unit] = (struct ranked) { heats[unit], unit };
	qsort(ranked, set->nr_units, sizeof(*ranked), by_heat);
	for (size_t i = 0; i < hot_set_nr(set); i++)
		right += is_hot[ranked[i].unit];
	free(is_hot);
	free(ranked);
	return right;
}

/* ---- The child ---------------------------------------------------------------------------- */

static size_t memory_bytes(const struct hot_child *child)
{
	return child->set.nr_units * child->unit_pages * PAGE_BYTES;
}

struct hot_child *hot_child_new(size_t nr_units, unsigned unit_pages)
{
	struct hot_child *child = mmap(NULL, sizeof(*child), PROT_READ | PROT_WRITE,
				       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	char *memory =
		mmap(NULL, (nr_units * unit_pages + HUGE_PAGES) * PAGE_BYTES,
		     PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (child == MAP_FAILED || memory == MAP_FAILED) {
		perror("mmap");
		exit(1);
	}
	child->set.nr_units = nr_units;
	child->unit_pages = unit_pages;
	child->cpu = -1;
	child->memory = memory + -(uintptr_t)memory % (HUGE_PAGES * PAGE_BYTES);
	return child;
}

static void *do_nothing(void *unused)
{
	for (;;)
		pause();
	return unused;
}

/* In the child: what it needs before it can play. */
static void prepare(struct hot_child *child, const char *procs)
{
	pthread_t second;
	cpu_set_t cpus;
	int fd;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	CPU_ZERO(&cpus);
	CPU_SET(child->cpu < 0 ? 0 : child->cpu, &cpus);
	if (child->cpu >= 0 && sched_setaffinity(0, sizeof(cpus), &cpus) < 0)
		perror("sched_setaffinity");
	if (procs) { /* before it has memory, which stays where it was charged */
		fd = open(procs, O_WRONLY | O_CLOEXEC);
		if (fd < 0 || write(fd, "0", 1) < 0)
			perror(procs);
		close(fd);
	}
	/* The kernel's NUMA balancing looks away from what one thread has on its own node. */
	if (pthread_create(&second, NULL, do_nothing, NULL) != 0)
		_exit(1);
	madvise(child->memory, memory_bytes(child),
		child->unit_pages > 1 ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
	for (size_t at = 0; at < memory_bytes(child); at += PAGE_BYTES)
		child->memory[at] = 1;
}

static uint64_t cpu_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

static void access_unit(const struct hot_child *child, size_t unit, uint64_t random)
{
	const size_t page = unit * child->unit_pages + (random >> 40) % child->unit_pages;
	volatile char *at = child->memory + page * PAGE_BYTES;

	if (page % 2)
		(void)*at;
	else
		*at = 1;
}

static void play(struct hot_child *child)
{
	const uint64_t burst = child->rate ? child->rate / BURSTS_HZ : BURST;
	uint64_t random = 1, next_ns = clock_now_ns();

	for (;;) {
		const uint64_t began_ns = cpu_ns();

		for (uint64_t i = 0; i < burst; i++) {
			const size_t unit = hot_set_next(&child->set, &random);

			access_unit(child, unit, random);
		}
		atomic_fetch_add(&child->busy_ns, cpu_ns() - began_ns);
		atomic_fetch_add(&child->accesses, burst);
		flush_own_tlb();
		/* Who is late stays so: what a slow machine has missed must not come all at once.
		 */
		next_ns += NS_PER_S / BURSTS_HZ;
		if (!child->rate || clock_now_ns() > next_ns)
			next_ns = clock_now_ns();
		while (clock_now_ns() < next_ns)
			;
	}
}

pid_t hot_child_start(struct hot_child *child, const char *procs)
{
	pid_t pid;

	atomic_store(&child->has_begun, false);
	pid = fork();
	if (pid == 0) {
		prepare(child, procs);
		atomic_store(&child->has_begun, true);
		play(child);
	}
	while (!atomic_load(&child->has_begun)) {
		nanosleep(&(struct timespec) { .tv_nsec = 10000000 }, NULL);
		if (pid < 0 || waitpid(pid, NULL, WNOHANG) == pid) {
			fprintf(stderr, "the child has ended\n");
			exit(1);
		}
	}
	return pid;
}

void hot_child_end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* ---- Looking for it ----------------------------------------------------------------------- */

struct hot_finder *hot_finder_new(const struct hot_child *child)
{
	struct hot_finder *finder = allocate(1, sizeof(*finder));
	const size_t nr = child->set.nr_units;

	*finder = (struct hot_finder) {
		.child = child,
		.units = allocate(nr, sizeof(*finder->units)),
		.seen = allocate(nr, sizeof(*finder->seen)),
		.nodes = allocate(nr, sizeof(*finder->nodes)),
		.bits = allocate(nr * child->unit_pages / 64 + 1, sizeof(*finder->bits)),
		.heats = allocate(nr, sizeof(*finder->heats)),
	};
	return finder;
}

void hot_finder_free(struct hot_finder *finder)
{
	free(finder->units);
	free(finder->seen);
	free(finder->nodes);
	free(finder->bits);
	free(finder->heats);
	free(finder);
}

static int scan(struct hot_finder *finder, struct tracker *tracker, uint8_t score)
{
	const struct hot_child *child = finder->child;
	const uint64_t start = (uintptr_t)child->memory;
	int r = tracker->kind->begin_scan ? tracker->kind->begin_scan(tracker) : 0;

	memset(finder->bits, 0, memory_bytes(child) / PAGE_BYTES / 8);
	if (r == 0)
		r = tracker->kind->scan(tracker, start, start + memory_bytes(child), finder->bits);
	for (size_t unit = 0; unit < child->set.nr_units; unit++) {
		const size_t page = unit * child->unit_pages;

		if (finder->bits[page / 64] >> page % 64 & 1 && !finder->seen[unit])
			finder->seen[unit] = score;
	}
	return r;
}

int hot_finder_look(struct hot_finder *finder, struct tracker *tracker)
{
	const struct port_span span = {
		.unit_pages = finder->child->unit_pages,
		.nr_units = (uint32_t)finder->child->set.nr_units,
		.seen = finder->seen,
		.nodes = finder->nodes,
	};
	int r = tracker->kind->clear(tracker);
	const uint64_t began_ns = clock_now_ns();

	memset(finder->seen, 0, finder->child->set.nr_units);
	for (unsigned i = 0; i < HOT_FINDER_SCANS && r == 0; i++) {
		clock_sleep_until(began_ns + (FIRST_SCAN_NS << 2 * i));
		r = scan(finder, tracker, (uint8_t)(HOT_FINDER_SCANS - i));
	}
	ranking_learn(&span, &(struct ranking_lesson) { .round = ++finder->round }, finder->units);
	return r;
}

size_t hot_finder_count_right(const struct hot_finder *finder)
{
	for (size_t unit = 0; unit < finder->child->set.nr_units; unit++)
		finder->heats[unit] = finder->units[unit].heat;
	return hot_set_count_right(&finder->child->set, finder->heats);
}
