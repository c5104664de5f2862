/* SPDX-License-Identifier: MIT */
/*
 * In a guest: pages are where policy/placement.c says that the kernel puts them.
 *
 * Random policies of every mode, for the task or for a range, on random CPUs and under random
 * weights; base pages, huge pages that were asked for and huge pages that were not, in
 * ranges that begin anywhere; then the same with one node full; then page cache by the
 * task's own cursor.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/klog.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <mpol/mpol.h>

#include "check.h"
#include "cleanup.h"
#include "error.h"
#include "placement.h"
#include "policy.h"
#include "random.h"
#include "rootfs.h"
#include "topology.h"

#define PAGE_BYTES	4096UL
#define HUGE_PAGES	512UL
#define RANGE_ADDRESS	0x200000000000UL /* nothing else is near */
#define RANGE_MAX_PAGES (4 * HUGE_PAGES)
#define WEIGHT_FILE	"/sys/kernel/mm/mempolicy/weighted_interleave/node%d"
#define MOUNT_POINT	"/tmp/placement-ramfs"

#ifndef SYS_set_mempolicy_home_node
#define SYS_set_mempolicy_home_node 450
#endif

static int failures;
static struct machine *machine;
static struct placement_nodes nodes;
static int ids[MPOL_NODES_MAX];
static uint8_t weights[MPOL_NODES_MAX];
static struct random dice;

static void must(bool holds, const char *what)
{
	if (holds)
		return;
	printf("not ok - %s: %s\n", what, strerror(errno));
	exit(1);
}

static int below(int bound)
{
	return (int)random_below(&dice, (uint64_t)bound);
}

static bool write_number(const char *path, long number)
{
	_cleanup_fclose_ FILE *stream = fopen(path, "we");

	return stream && fprintf(stream, "%ld\n", number) > 0 && fflush(stream) == 0;
}

static bool has_weights(void)
{
	return machine->nodes[0].kernel_weight >= 0;
}

static void set_weight(int at, long weight)
{
	char path[128];

	snprintf(path, sizeof(path), WEIGHT_FILE, ids[at]);
	must(write_number(path, weight), path);
	weights[at] = (uint8_t)weight;
}

/* ---- The kernel's fallback lists ----------------------------------------- */

static bool same_list(int at, const char *list)
{
	for (int rank = 0; rank < nodes.nr_nodes; rank++) {
		const int to = nodes.fallback[at * nodes.nr_nodes + rank];
		char *end;
		long node;

		if (to < 0)
			break;
		node = strtol(list, &end, 10);
		if (end == list || node != ids[to]) {
			printf("# node %d: %d at rank %d, the kernel has %.40s\n", ids[at], ids[to],
			       rank, list);
			return false;
		}
		list = end;
	}
	return true;
}

static void check_fallback_lists(void)
{
	enum { SYSLOG_ACTION_READ_ALL = 3, LOG_BYTES = 1 << 20 };
	_cleanup_free_ char *log = calloc(1, LOG_BYTES);
	int compared = 0, same = 0;

	must(log && klogctl(SYSLOG_ACTION_READ_ALL, log, LOG_BYTES - 1) > 0, "read the kernel log");
	for (int at = 0; at < nodes.nr_nodes; at++) {
		char wanted[64];
		const char *line;

		snprintf(wanted, sizeof(wanted), "Fallback order for Node %d: ", ids[at]);
		line = strstr(log, wanted);
		if (!line)
			continue;
		compared++;
		same += same_list(at, line + strlen(wanted));
	}
	printf("# %d of %d fallback lists are the kernel's\n", same, nodes.nr_nodes);
	check(compared == nodes.nr_nodes && same == compared, "fallback lists are the kernel's");
}

/* ---- Random policies ----------------------------------------------------- */

enum advice { BASE_PAGES, HUGE_ASKED, HUGE_UNASKED };

struct trial {
	struct mpol_policy policy; /* with effective nodes */
	struct mpol_policy intended;
	bool of_task;
	enum advice advice;
	char *range;
	uint64_t nr_pages;
	int local;
	int touch_order[RANGE_MAX_PAGES];
	void *addresses[RANGE_MAX_PAGES];
	int status[RANGE_MAX_PAGES];
};

static struct nodemask random_members(const struct nodemask *of)
{
	struct nodemask some = { { 0 } };
	int node;

	while (nodemask_empty(&some))
		nodemask_for_each (node, of)
			if (below(2))
				nodemask_set(&some, node);
	return some;
}

/* room: nodes that have room; some of them is in every mask, or the kernel would kill. */
static void random_policy(struct trial *trial, const struct nodemask *room)
{
	static const unsigned int flags[] = { 0, 0, MPOL_FLAG_STATIC, MPOL_FLAG_RELATIVE };
	struct mpol_policy *intended = &trial->intended;
	struct nodemask mask, roomy;
	bool fits;

	do {
		*intended = (struct mpol_policy) { .mode = (uint16_t)below(has_weights() ? 7 : 6) };
		if (intended->mode == MPOL_MODE_DEFAULT || intended->mode == MPOL_MODE_LOCAL) {
			trial->policy = *intended;
			return;
		}
		mask = random_members(&nodes.memory);
		intended->mode_flags = (uint16_t)flags[below(4)];
		policy_set_nodemask(intended, &mask);
		fits = policy_effective(intended, &nodes.memory, &trial->policy);
		mask = policy_nodemask(&trial->policy);
		roomy = nodemask_and(&mask, room);
	} while (!fits || nodemask_empty(&roomy));
}

static void random_home(struct trial *trial)
{
	const int home = ids[below(nodes.nr_nodes)];

	if (trial->of_task || below(2) ||
	    (trial->policy.mode != MPOL_MODE_BIND &&
	     trial->policy.mode != MPOL_MODE_PREFERRED_MANY))
		return;
	must(syscall(SYS_set_mempolicy_home_node, trial->range, trial->nr_pages * PAGE_BYTES,
		     (unsigned long)home, 0UL) == 0,
	     "set_mempolicy_home_node");
	trial->policy.mode_flags |= MPOL_FLAG_HOME_NODE;
	trial->policy.home_node = home;
}

static void apply(struct trial *trial)
{
	const long mode = policy_kernel_mode(&trial->intended);
	const unsigned long *mask = trial->intended.nodes;

	if (trial->of_task)
		must(syscall(SYS_set_mempolicy, mode, mask, NODEMASK_KERNEL_MAXNODE) == 0,
		     "set_mempolicy");
	else
		must(syscall(SYS_mbind, trial->range, trial->nr_pages * PAGE_BYTES, mode, mask,
			     NODEMASK_KERNEL_MAXNODE, 0U) == 0,
		     "mbind");
}

/* On a random CPU; returns its node. */
static int go_to_random_cpu(void)
{
	struct nodemask cpus = { { 0 } };
	cpu_set_t set;
	int at, cpu;

	do {
		at = below(nodes.nr_nodes);
		must(nodemask_parse(machine->nodes[at].cpus, &cpus) == 0, "parse a list of CPUs");
	} while (nodemask_empty(&cpus));
	cpu = nodemask_next(&cpus, 0);
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	must(sched_setaffinity(0, sizeof(set), &set) == 0, "sched_setaffinity");
	return ids[at];
}

static void map_range(struct trial *trial)
{
	const uint64_t offset = (uint64_t)below(2 * (int)HUGE_PAGES) * (uint64_t)below(2);
	const uint64_t address =
		RANGE_ADDRESS + ((uint64_t)below(1 << 12) * HUGE_PAGES + offset) * PAGE_BYTES;

	trial->nr_pages = trial->advice == BASE_PAGES
				  ? 1 + (uint64_t)below(200)
				  : HUGE_PAGES * (1 + (uint64_t)below(2)) +
					    (uint64_t)below(2 * (int)HUGE_PAGES);
	trial->range = mmap((void *)address, trial->nr_pages * PAGE_BYTES, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	must(trial->range != MAP_FAILED, "mmap");
	if (trial->advice != HUGE_UNASKED)
		must(madvise(trial->range, trial->nr_pages * PAGE_BYTES,
			     trial->advice == BASE_PAGES ? MADV_NOHUGEPAGE : MADV_HUGEPAGE) == 0,
		     "madvise");
}

/* In random order, since only the address counts. */
static void touch(struct trial *trial)
{
	for (uint64_t i = 0; i < trial->nr_pages; i++) {
		const int other = below((int)i + 1);

		trial->touch_order[i] = trial->touch_order[other];
		trial->touch_order[other] = (int)i;
	}
	for (uint64_t i = 0; i < trial->nr_pages; i++)
		*(volatile char *)(trial->range + (uint64_t)trial->touch_order[i] * PAGE_BYTES) = 1;
}

static void ask_where(struct trial *trial)
{
	for (uint64_t i = 0; i < trial->nr_pages; i++)
		trial->addresses[i] = trial->range + i * PAGE_BYTES;
	must(syscall(SYS_move_pages, 0, trial->nr_pages, trial->addresses, NULL, trial->status,
		     0) == 0,
	     "move_pages");
}

/* Where placement says that a page is. */
static int predict(const struct trial *trial, uint64_t page, const struct nodemask *room)
{
	const uint64_t first = (uintptr_t)trial->range / PAGE_BYTES;
	const uint64_t huge = page & ~(HUGE_PAGES - 1);
	struct placement_request request = { .policy = &trial->policy, .local = trial->local };

	if (trial->advice != BASE_PAGES && huge >= first &&
	    huge + HUGE_PAGES <= first + trial->nr_pages) {
		int node;

		request.index = placement_index(first, huge, 9);
		request.huge_unasked = trial->advice == HUGE_UNASKED;
		node = placement_node(&nodes, &request, room);
		if (node >= 0)
			return node;
	}
	request.huge_unasked = false;
	request.index = placement_index(first, page, 0);
	return placement_node(&nodes, &request, room);
}

/* Returns how many pages are elsewhere. */
static uint64_t compare(const struct trial *trial, const struct nodemask *room)
{
	const uint64_t first = (uintptr_t)trial->range / PAGE_BYTES;
	uint64_t elsewhere = 0;

	for (uint64_t i = 0; i < trial->nr_pages; i++) {
		const int node = predict(trial, first + i, room);
		char text[256];

		if (trial->status[i] == node)
			continue;
		policy_format(&trial->policy, text, sizeof(text));
		if (elsewhere++ == 0)
			printf("# %s of the %s, CPU of node %d, advice %d: page %lu of %lu at %p "
			       "is on %d, not on %d\n",
			       text, trial->of_task ? "task" : "range", trial->local,
			       (int)trial->advice, (unsigned long)i, (unsigned long)trial->nr_pages,
			       (void *)trial->range, trial->status[i], node);
	}
	return elsewhere;
}

/* ---- A node without room ------------------------------------------------- */

/* Who has a node's memory. */
struct hog {
	int node;
	int root;
	char *memory;
	size_t bytes;
	uint64_t taken; /* pages, from the memory's start on */
};

static uint64_t free_pages(int root, int node)
{
	_cleanup_free_ char *text = NULL;
	const char *free;

	must(rootfs_read(root, &text, "sys/devices/system/node/node%d/meminfo", node) >= 0,
	     "read meminfo");
	free = strstr(text, "MemFree:");
	must(free, "find MemFree");
	return strtoull(free + strlen("MemFree:"), NULL, 10) / 4;
}

/* Sum of a watermark of the node's zones. */
static uint64_t zone_pages(int root, int wanted_node, const char *mark)
{
	_cleanup_free_ char *text = NULL;
	uint64_t sum = 0;
	int node = -1;

	must(rootfs_read(root, &text, "proc/zoneinfo") >= 0, "read zoneinfo");
	for (char *rest = text, *line; (line = strsep(&rest, "\n"));) {
		char name[32];
		unsigned long pages;

		if (sscanf(line, "Node %d", &node) == 1)
			continue;
		if (node == wanted_node && sscanf(line, " %31s %lu", name, &pages) == 2 &&
		    strcmp(name, mark) == 0)
			sum += pages;
	}
	return sum;
}

/* Of the nodes without CPUs, where the kernel has nothing to reclaim, that with the least memory.
 */
static int smallest(int root)
{
	int best = -1;

	for (int at = 0; at < nodes.nr_nodes; at++)
		if (nodemask_test(&nodes.memory, ids[at]) && !machine->nodes[at].cpus[0] &&
		    (best < 0 || free_pages(root, ids[at]) < free_pages(root, best)))
			best = ids[at];
	return best;
}

/* Free at most: between the min and the low watermark, so that who has other nodes, too, goes
 * there. */
static uint64_t least_pages(const struct hog *hog)
{
	return (zone_pages(hog->root, hog->node, "min") + zone_pages(hog->root, hog->node, "low")) /
	       2;
}

/*
 * Has CPUs give back what they keep of other nodes' free pages, which is neither free nor
 * taken: they do that when their statistics were gathered a few times without a use of it
 * (mm/vmstat.c, refresh_cpu_vm_stats).
 */
static void gather_kept_pages(void)
{
	for (int i = 0; i < 4; i++)
		must(write_number("/proc/sys/vm/stat_refresh", 1), "gather statistics");
}

/* Takes the node's memory until so many pages are left. */
static void take(struct hog *hog, uint64_t least)
{
	gather_kept_pages();
	for (uint64_t left; (left = free_pages(hog->root, hog->node)) > least;)
		for (uint64_t chunk = (left - least) / 2 + 1; chunk > 0; chunk--)
			hog->memory[hog->taken++ * PAGE_BYTES] = 1;
}

static void fill(struct hog *hog)
{
	const struct nodemask mask = nodemask_of(hog->node);
	const size_t bytes = free_pages(hog->root, hog->node) * 2 * PAGE_BYTES;

	hog->bytes = bytes;
	hog->memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	must(hog->memory != MAP_FAILED, "mmap");
	must(syscall(SYS_mbind, hog->memory, bytes, MPOL_MODE_BIND, mask.bits,
		     NODEMASK_KERNEL_MAXNODE, 0U) == 0,
	     "mbind");
	/* Huge pages for most of it: that is quicker. */
	must(madvise(hog->memory, bytes, MADV_HUGEPAGE) == 0, "madvise");
	take(hog, least_pages(hog) + 16 * HUGE_PAGES);
	hog->taken = (hog->taken + HUGE_PAGES) & ~(HUGE_PAGES - 1);
	must(madvise(hog->memory, bytes, MADV_NOHUGEPAGE) == 0, "madvise");
	take(hog, least_pages(hog));
}

/*
 * Whether no page of the trial found room there: what came back to the node in the meantime
 * is free now, or the trial's.
 */
static bool stayed_full(const struct hog *hog, const struct trial *trial)
{
	uint64_t free = free_pages(hog->root, hog->node);

	for (uint64_t i = 0; i < trial->nr_pages; i++)
		free += trial->status[i] == hog->node;
	return free < zone_pages(hog->root, hog->node, "low");
}

/* ---- Trials -------------------------------------------------------------- */

struct trials {
	int nr;
	const struct nodemask *room; /* the nodes that have any */
	struct hog *hog;	     /* keeps another one full; NULL: none */
};

/* A random policy's range, touched, and asked where it is; to be unmapped. */
static void run_trial(struct trial *trial, const struct trials *trials)
{
	trial->of_task = below(2);
	trial->local = go_to_random_cpu();
	random_policy(trial, trials->room);
	trial->advice = trials->hog ? BASE_PAGES : (enum advice)below(3);
	map_range(trial);
	apply(trial);
	random_home(trial);
	touch(trial);
	ask_where(trial);
	must(syscall(SYS_set_mempolicy, MPOL_MODE_DEFAULT, NULL, 0UL) == 0, "set_mempolicy");
}

static void check_policies(const char *sentence, struct trials trials)
{
	static struct trial trial;
	uint64_t pages = 0, elsewhere = 0;
	int counted = 0, others = 0;

	while (counted < trials.nr && others < trials.nr) {
		if (has_weights() && (counted + others) % 4 == 0)
			set_weight(below(nodes.nr_nodes), 1 + below(below(2) ? 4 : 255));
		if (trials.hog)
			take(trials.hog, least_pages(trials.hog));
		run_trial(&trial, &trials);
		if (trials.hog && !stayed_full(trials.hog, &trial)) {
			others++;
		} else {
			counted++;
			pages += trial.nr_pages;
			elsewhere += compare(&trial, trials.room);
		}
		must(munmap(trial.range, trial.nr_pages * PAGE_BYTES) == 0, "munmap");
	}
	printf("# %lu of %lu pages of %d ranges are elsewhere; %d ranges found room again\n",
	       (unsigned long)elsewhere, (unsigned long)pages, counted, others);
	check(counted == trials.nr && elsewhere == 0, sentence);
}

static void check_full_node(int root)
{
	struct hog hog = { .root = root, .node = smallest(root) };
	struct nodemask full, room;

	if (hog.node < 0)
		return;
	/* Pages that CPUs keep for themselves are neither free nor taken: as few as possible. */
	must(write_number("/proc/sys/vm/percpu_pagelist_high_fraction", 1000000),
	     "bound the lists of CPUs");
	fill(&hog);
	printf("# node %d has %lu pages left, its low watermark is %lu\n", hog.node,
	       (unsigned long)free_pages(root, hog.node),
	       (unsigned long)zone_pages(root, hog.node, "low"));
	full = nodemask_of(hog.node);
	room = nodemask_andnot(&nodes.memory, &full);
	/* Huge pages may have what is below the low watermark, if it is in one piece. */
	check_policies("pages that do not fit are where placement says",
		       (struct trials) { .nr = 80, .room = &room, .hog = &hog });
	munmap(hog.memory, hog.bytes);
	write_number("/proc/sys/vm/percpu_pagelist_high_fraction", 0);
}

/* ---- Page cache ---------------------------------------------------------- */

/*
 * Pages of a file are allocated one after the other by the task's cursor.  So is what else
 * the kernel allocates for the task meanwhile (the file's tree, say), which is skipped.
 */
static uint64_t skipped_pages(const struct mpol_policy *policy, const int *status, int nr_pages,
			      int local)
{
	struct placement_cursor cursor = { .previous = -1 };
	const struct placement_request request = {
		.policy = policy,
		.local = local,
		.cursor = &cursor,
	};
	uint64_t skipped = 0;

	for (int i = 0; i < nr_pages; i++)
		while (placement_node(&nodes, &request, &nodes.memory) != status[i] &&
		       skipped < (uint64_t)nr_pages)
			skipped++;
	return skipped;
}

static uint64_t write_file_under(const struct mpol_policy *policy, const char *path, int nr_pages)
{
	static char page[PAGE_BYTES];
	static void *addresses[RANGE_MAX_PAGES];
	static int status[RANGE_MAX_PAGES];
	_cleanup_close_ int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	const int local = go_to_random_cpu();
	char *memory;

	must(fd >= 0, path);
	must(syscall(SYS_set_mempolicy, (long)policy->mode, policy->nodes,
		     NODEMASK_KERNEL_MAXNODE) == 0,
	     "set_mempolicy");
	for (int i = 0; i < nr_pages; i++)
		must(write(fd, page, sizeof(page)) == sizeof(page), "write a page");
	must(syscall(SYS_set_mempolicy, MPOL_MODE_DEFAULT, NULL, 0UL) == 0, "set_mempolicy");
	memory = mmap(NULL, (size_t)nr_pages * PAGE_BYTES, PROT_READ, MAP_SHARED, fd, 0);
	must(memory != MAP_FAILED, "mmap a file");
	for (int i = 0; i < nr_pages; i++) {
		addresses[i] = memory + (size_t)i * PAGE_BYTES;
		(void)*(volatile char *)addresses[i];
	}
	must(syscall(SYS_move_pages, 0, nr_pages, addresses, NULL, status, 0) == 0, "move_pages");
	munmap(memory, (size_t)nr_pages * PAGE_BYTES);
	return skipped_pages(policy, status, nr_pages, local);
}

static void check_page_cache(void)
{
	const int nr_pages = 600, nr_files = 12;
	uint64_t skipped = 0;

	must(mkdir(MOUNT_POINT, 0700) == 0 || errno == EEXIST, "make a folder");
	must(mount("placement", MOUNT_POINT, "ramfs", 0, NULL) == 0, "mount ramfs");
	for (int i = 0; i < nr_files; i++) {
		struct mpol_policy policy = { .mode = MPOL_MODE_INTERLEAVE };
		struct nodemask mask;

		do
			mask = random_members(&nodes.memory);
		while (nodemask_weight(&mask) < 2);
		if (has_weights() && i % 3) {
			policy.mode = MPOL_MODE_WEIGHTED_INTERLEAVE;
			for (int at = 0; at < nodes.nr_nodes; at++)
				set_weight(at, 1 + below(12));
		}
		policy_set_nodemask(&policy, &mask);
		skipped += write_file_under(&policy, MOUNT_POINT "/file", nr_pages);
	}
	umount(MOUNT_POINT);
	rmdir(MOUNT_POINT);
	printf("# %lu other allocations among %d pages\n", (unsigned long)skipped,
	       nr_files * nr_pages);
	check(skipped < (uint64_t)(nr_files * nr_pages) / 20,
	      "page cache is where the cursor says");
}

/* ---- */

static void read_machine(int root)
{
	static int16_t fallback[64 * 64];
	struct mpol_error err = { 0 };

	if (topology_read(root, &machine, &err) < 0) {
		printf("not ok - %s: %s\n", err.step, err.cause);
		exit(1);
	}
	must(machine->nr_nodes <= 64, "as many nodes as expected");
	for (int i = 0; i < machine->nr_nodes; i++) {
		ids[i] = machine->nodes[i].id;
		weights[i] = (uint8_t)(has_weights() ? machine->nodes[i].kernel_weight : 1);
	}
	nodes = (struct placement_nodes) {
		.memory = machine_memory_nodes(machine),
		.nr_nodes = machine->nr_nodes,
		.ids = ids,
		.distances = machine->distances,
		.weights = weights,
		.fallback = fallback,
	};
	placement_fallback(&nodes, &machine->possible, NULL, fallback);
}

int main(void)
{
	_cleanup_close_ int root = rootfs_open("/");
	uint64_t balancing = 1;

	must(root >= 0, "open /");
	read_machine(root);
	random_seed(&dice, 1, 0);
	must(rootfs_read_u64(root, &balancing, "proc/sys/kernel/numa_balancing") >= 0,
	     "read numa_balancing");
	must(write_number("/proc/sys/kernel/numa_balancing", 0), "switch NUMA balancing off");
	check_fallback_lists();
	check_policies("pages are where placement says",
		       (struct trials) { .nr = 150, .room = &nodes.memory });
	check_full_node(root);
	check_page_cache();
	for (int at = 0; at < nodes.nr_nodes && has_weights(); at++)
		set_weight(at, machine->nodes[at].kernel_weight);
	write_number("/proc/sys/kernel/numa_balancing", (long)balancing);
	machine_free(machine);
	return failures != 0;
}
